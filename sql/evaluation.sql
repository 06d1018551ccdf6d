
/* recseq: how good a model is, and which options make a good one */

CREATE TYPE @extschema@.recseq_metrics AS (
	method text,
	cases bigint,
	hit_rate double precision,
	"precision" double precision,
	recall double precision,
	mrr double precision,
	ndcg double precision,
	unseen_cases bigint,
	unseen_hit_rate double precision,
	unseen_precision double precision,
	unseen_recall double precision,
	unseen_mrr double precision,
	unseen_ndcg double precision,
	coverage double precision,
	mean_popularity double precision,
	unseen_coverage double precision,
	unseen_mean_popularity double precision,
	unknown_targets double precision,
	unknown_hit_rate double precision,
	unseen_unknown_targets double precision,
	unseen_unknown_hit_rate double precision,
	hit_rate_low double precision,
	hit_rate_high double precision,
	mrr_low double precision,
	mrr_high double precision,
	ndcg_low double precision,
	ndcg_high double precision,
	unseen_hit_rate_low double precision,
	unseen_hit_rate_high double precision,
	unseen_mrr_low double precision,
	unseen_mrr_high double precision,
	unseen_ndcg_low double precision,
	unseen_ndcg_high double precision);
COMMENT ON TYPE @extschema@.recseq_metrics IS 'recseq: what a method of recommending comes to, in recseq_evaluate and recseq_backtest';
COMMENT ON COLUMN @extschema@.recseq_metrics.method IS 'model, recency, popularity, popularity in category, markov, vsknn or stan';
COMMENT ON COLUMN @extschema@.recseq_metrics.cases IS 'events that were predicted';
COMMENT ON COLUMN @extschema@.recseq_metrics.hit_rate IS 'share of the cases whose target is among the best k';
COMMENT ON COLUMN @extschema@.recseq_metrics."precision" IS 'hit_rate / k';
COMMENT ON COLUMN @extschema@.recseq_metrics.recall IS 'as hit_rate, with one target a case';
COMMENT ON COLUMN @extschema@.recseq_metrics.mrr IS 'mean of 1 / rank of the target, 0 beyond k';
COMMENT ON COLUMN @extschema@.recseq_metrics.ndcg IS 'mean of 1 / log2(rank + 1), 0 beyond k';
COMMENT ON COLUMN @extschema@.recseq_metrics.unseen_cases IS 'cases whose target is not in the history; the columns below rank only items that are not';
COMMENT ON COLUMN @extschema@.recseq_metrics.unseen_hit_rate IS 'of these';
COMMENT ON COLUMN @extschema@.recseq_metrics.unseen_precision IS 'of these';
COMMENT ON COLUMN @extschema@.recseq_metrics.unseen_recall IS 'of these';
COMMENT ON COLUMN @extschema@.recseq_metrics.unseen_mrr IS 'of these';
COMMENT ON COLUMN @extschema@.recseq_metrics.unseen_ndcg IS 'of these';
COMMENT ON COLUMN @extschema@.recseq_metrics.coverage IS 'share of all items that are among the best k of some case';
COMMENT ON COLUMN @extschema@.recseq_metrics.mean_popularity IS 'mean over all items shown of their events, relative to the most frequent item';
COMMENT ON COLUMN @extschema@.recseq_metrics.unseen_coverage IS 'of the unseen cases';
COMMENT ON COLUMN @extschema@.recseq_metrics.unseen_mean_popularity IS 'of the unseen cases';
COMMENT ON COLUMN @extschema@.recseq_metrics.unknown_targets IS 'share of the cases whose target does not occur in what was learned from';
COMMENT ON COLUMN @extschema@.recseq_metrics.unknown_hit_rate IS 'hit rate of these cases';
COMMENT ON COLUMN @extschema@.recseq_metrics.unseen_unknown_targets IS 'share of the unseen cases whose target does not occur in what was learned from';
COMMENT ON COLUMN @extschema@.recseq_metrics.unseen_unknown_hit_rate IS 'hit rate of these cases: above 0 where the model knows a catalog that has the items';
COMMENT ON COLUMN @extschema@.recseq_metrics.hit_rate_low IS '95 % confidence interval, from';
COMMENT ON COLUMN @extschema@.recseq_metrics.hit_rate_high IS 'and to';
COMMENT ON COLUMN @extschema@.recseq_metrics.mrr_low IS '95 % confidence interval, from';
COMMENT ON COLUMN @extschema@.recseq_metrics.mrr_high IS 'and to';
COMMENT ON COLUMN @extschema@.recseq_metrics.ndcg_low IS '95 % confidence interval, from';
COMMENT ON COLUMN @extschema@.recseq_metrics.ndcg_high IS 'and to';
COMMENT ON COLUMN @extschema@.recseq_metrics.unseen_hit_rate_low IS '95 % confidence interval, from';
COMMENT ON COLUMN @extschema@.recseq_metrics.unseen_hit_rate_high IS 'and to';
COMMENT ON COLUMN @extschema@.recseq_metrics.unseen_mrr_low IS '95 % confidence interval, from';
COMMENT ON COLUMN @extschema@.recseq_metrics.unseen_mrr_high IS 'and to';
COMMENT ON COLUMN @extschema@.recseq_metrics.unseen_ndcg_low IS '95 % confidence interval, from';
COMMENT ON COLUMN @extschema@.recseq_metrics.unseen_ndcg_high IS 'and to';

CREATE FUNCTION @extschema@.recseq_evaluate(
	source regclass,
	model text DEFAULT 'default',
	k integer DEFAULT 5,
	version integer DEFAULT NULL,
	protocol text DEFAULT 'leave_one_out',
	cut timestamptz DEFAULT NULL,
	test_share double precision DEFAULT 0.2,
	seed bigint DEFAULT 1,
	min_history integer DEFAULT 1,
	max_history integer DEFAULT NULL,
	unknown_items boolean DEFAULT false)
RETURNS SETOF @extschema@.recseq_metrics
AS 'MODULE_PATHNAME', 'recseq_evaluate'
LANGUAGE C STABLE PARALLEL UNSAFE ROWS 7 COST 1000000;
COMMENT ON FUNCTION @extschema@.recseq_evaluate(regclass, text, integer, integer, text, timestamptz, double precision, bigint, integer, integer, boolean) IS
'Ranking metrics of a model, and of baselines on the same cases. A case is an event of the source (as for recseq_train) that is to be predicted from the events before it. All items are ranked, never a sample of them; ties never help: another item with an equal score stands above the target.

protocol: leave_one_out: the last event of each row that has min_history events before it is the target. temporal: every event from "cut" on that has a history is one, and histories grow (the source needs "times"). random_windows: a random share (test_share, by seed) of all events that have a history; neighbouring windows are then learned from, which flatters: it is for comparison with figures that were made so. The model must not have been trained on the targets, or its figures say nothing: recseq_backtest sees to that. min_history, max_history: only cases with so many events before the target, 1 or more. unknown_items: the model may answer with items of the history that it does not know, as in recseq_recommend; the baselines know the whole history.

Methods: model; recency: the items of the history, newest first; popularity; popularity in category: of the last item (the column "categories"); markov: what most often followed the last item; vsknn, stan: nearest neighbours among the other sequences (Ludewig and Jannach 2018; Garg et al. 2019). The baselines learn from what is before the targets: under leave_one_out all other events, under temporal those before the cut, under random_windows those that are no targets. What a baseline does not score comes after what it does, by popularity.

hit_rate: share of the cases whose target is among the best k; recall is the same with one target a case, and precision is hit_rate / k. mrr: mean of 1 / rank, ndcg: mean of 1 / log2(rank + 1), both 0 beyond k. coverage: share of all items (of the source and of the model) that are among the best k of some case. mean_popularity: mean over all items shown of their events, relative to the most frequent item. unknown_targets: share of the cases whose target does not occur in what was learned from; unknown_hit_rate: hit rate of these cases. unseen_...: over the cases whose target is not in the history, ranking only items that are not.

..._low, ..._high: 95 % confidence intervals; Wilson''s for hit rates (divide by k for precision), the normal one for mrr and ndcg. Cases of one row of the source are not taken for independent.

Warns if the version, or one that it goes on from by recseq_update, was trained on this very relation: it may have learned the targets. Not if recseq_backtest stored it and kept the same targets from it, nor under temporal if all that it knows is older than "cut" (for a version without a second stage: if it is older itself). Another view of the same events is not noticed.

Raises an error if the model does not exist, or if the source is not like the one that it was trained on.';

CREATE TYPE @extschema@.recseq_case AS (
	sequence integer,
	id text,
	event integer,
	target text,
	unseen boolean,
	method text,
	k integer,
	rank integer,
	unseen_rank integer);
COMMENT ON TYPE @extschema@.recseq_case IS 'recseq: how a method of recommending did in a case, in recseq_evaluate_cases and recseq_backtest_cases';
COMMENT ON COLUMN @extschema@.recseq_case.sequence IS 'number of the row of the source, from 1, in an order that depends on what the source contains alone';
COMMENT ON COLUMN @extschema@.recseq_case.id IS 'first column of that row that is none of those that recseq_train reads, as text: names the visitor; null: there is none';
COMMENT ON COLUMN @extschema@.recseq_case.event IS 'place of the target among the events of the row, from 1';
COMMENT ON COLUMN @extschema@.recseq_case.target IS 'the item that was to be predicted, as text';
COMMENT ON COLUMN @extschema@.recseq_case.unseen IS 'whether it is not in the history';
COMMENT ON COLUMN @extschema@.recseq_case.method IS 'model, recency, popularity, popularity in category, markov, vsknn or stan';
COMMENT ON COLUMN @extschema@.recseq_case.k IS 'items that counted as recommended';
COMMENT ON COLUMN @extschema@.recseq_case.rank IS 'place of the target among the first k of all items, from 1; null: a miss';
COMMENT ON COLUMN @extschema@.recseq_case.unseen_rank IS 'where unseen, its place among the first k of the items that are not in the history; null: a miss';

CREATE FUNCTION @extschema@.recseq_evaluate_cases(
	source regclass,
	model text DEFAULT 'default',
	k integer DEFAULT 5,
	version integer DEFAULT NULL,
	protocol text DEFAULT 'leave_one_out',
	cut timestamptz DEFAULT NULL,
	test_share double precision DEFAULT 0.2,
	seed bigint DEFAULT 1,
	min_history integer DEFAULT 1,
	max_history integer DEFAULT NULL,
	unknown_items boolean DEFAULT false)
RETURNS SETOF @extschema@.recseq_case
AS 'MODULE_PATHNAME', 'recseq_evaluate_cases'
LANGUAGE C STABLE PARALLEL UNSAFE ROWS 10000 COST 1000000;
COMMENT ON FUNCTION @extschema@.recseq_evaluate_cases(regclass, text, integer, integer, text, timestamptz, double precision, bigint, integer, integer, boolean) IS
'What recseq_evaluate is made of: a row a case and method, with the place of the target. Arguments, methods and errors are those of recseq_evaluate. CREATE TABLE ... AS stores the rows for recseq_compare.';

CREATE FUNCTION @extschema@.recseq_backtest(
	source regclass,
	model text DEFAULT NULL,
	k integer DEFAULT 5,
	options jsonb DEFAULT '{}',
	protocol text DEFAULT 'leave_one_out',
	cut timestamptz DEFAULT NULL,
	test_share double precision DEFAULT 0.2,
	seed bigint DEFAULT 1,
	min_history integer DEFAULT 1,
	max_history integer DEFAULT NULL,
	unknown_items boolean DEFAULT false,
	test_days double precision DEFAULT 14)
RETURNS SETOF @extschema@.recseq_metrics
AS 'MODULE_PATHNAME', 'recseq_backtest'
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 7 COST 1000000;
COMMENT ON FUNCTION @extschema@.recseq_backtest(regclass, text, integer, jsonb, text, timestamptz, double precision, bigint, integer, integer, boolean, double precision) IS
'Trains a model on a part of the source and returns what recseq_evaluate says of it on the rest. Nothing is copied, and no model is left behind unless a name is given.

model: store what was trained, on that part only, under this name, and make it the active version; null: not. options: a JSON object of options of recseq_train, as recseq_models shows them. protocol, k, seed, test_share, min_history, max_history, unknown_items: as for recseq_evaluate; training sees none of the events that are targets, nor, under temporal, any other from the cut on. cut: for the protocol temporal; null: test_days (more than 0, up to 36500) before the newest event.

Under random_windows the network is trained without the windows that are tested, and answers alone: a second stage that counts cannot leave out single windows.

Raises the errors of recseq_train and of recseq_evaluate; stores nothing then.';
REVOKE ALL ON FUNCTION @extschema@.recseq_backtest(regclass, text, integer, jsonb, text, timestamptz, double precision, bigint, integer, integer, boolean, double precision) FROM PUBLIC;

CREATE FUNCTION @extschema@.recseq_backtest_cases(
	source regclass,
	model text DEFAULT NULL,
	k integer DEFAULT 5,
	options jsonb DEFAULT '{}',
	protocol text DEFAULT 'leave_one_out',
	cut timestamptz DEFAULT NULL,
	test_share double precision DEFAULT 0.2,
	seed bigint DEFAULT 1,
	min_history integer DEFAULT 1,
	max_history integer DEFAULT NULL,
	unknown_items boolean DEFAULT false,
	test_days double precision DEFAULT 14)
RETURNS SETOF @extschema@.recseq_case
AS 'MODULE_PATHNAME', 'recseq_backtest_cases'
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 10000 COST 1000000;
COMMENT ON FUNCTION @extschema@.recseq_backtest_cases(regclass, text, integer, jsonb, text, timestamptz, double precision, bigint, integer, integer, boolean, double precision) IS
'What recseq_backtest is made of: a row a case and method, as for recseq_evaluate_cases. Arguments and errors are those of recseq_backtest.';
REVOKE ALL ON FUNCTION @extschema@.recseq_backtest_cases(regclass, text, integer, jsonb, text, timestamptz, double precision, bigint, integer, integer, boolean, double precision) FROM PUBLIC;

CREATE FUNCTION @extschema@.recseq_compare(
	a regclass,
	b regclass DEFAULT NULL,
	method_a text DEFAULT 'model',
	method_b text DEFAULT 'model',
	k integer DEFAULT NULL)
RETURNS TABLE (
	metric text,
	cases bigint,
	sequences bigint,
	value_a double precision,
	value_b double precision,
	difference double precision,
	low double precision,
	high double precision,
	differs boolean)
AS 'MODULE_PATHNAME', 'recseq_compare'
LANGUAGE C STABLE PARALLEL UNSAFE ROWS 6 COST 10000;
COMMENT ON FUNCTION @extschema@.recseq_compare(regclass, regclass, text, text, integer) IS
'Whether two methods, or a method of two models, differ on the same cases. a, b: tables or views with the rows of one call of recseq_evaluate_cases or recseq_backtest_cases each, on the same events; b null: a. method_a, method_b: whose cases are taken from a and from b. k: items that count as recommended, 1 up to that of the cases; null: that of the cases.

One row a metric: hit_rate, mrr, ndcg, and the same of the cases whose target is not in the history (unseen_...). cases: pairs. sequences: rows of the source that have one. difference: value_a - value_b, the mean difference within the pairs. low, high: its 95 % confidence interval, the normal one; cases of one row of the source (a visitor) are not taken for independent; null with fewer than two of them. With less than some 30 sequences in which the two differ it is too narrow. differs: whether it leaves 0 out.

Raises an error if the cases are not the same, or are there twice.';

CREATE FUNCTION @extschema@.recseq_tune(
	source regclass,
	budget double precision DEFAULT 600,
	trials integer DEFAULT 27,
	options jsonb DEFAULT '{}',
	space jsonb DEFAULT '{"units": [16, 32, 64, 128],
						  "item_dim": [32, 64, 128],
						  "feature_dim": [16, 32, 64],
						  "dropout": {"min": 0.1, "max": 0.7},
						  "item_dropout": {"min": 0.0, "max": 0.3},
						  "learning_rate": {"min": 0.001, "max": 0.02, "log": true},
						  "batch_size": [128, 256, 512]}',
	objective text DEFAULT 'hit_rate',
	seed bigint DEFAULT 1)
RETURNS TABLE (
	trial integer,
	rung integer,
	epochs integer,
	options jsonb,
	val_loss double precision,
	hit_rate double precision,
	seconds double precision,
	best boolean,
	call text)
AS 'MODULE_PATHNAME', 'recseq_tune'
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 40 COST 1000000;
COMMENT ON FUNCTION @extschema@.recseq_tune(regclass, double precision, integer, jsonb, jsonb, text, bigint) IS
'Searches options of recseq_train that suit a source: random search with successive halving. All trials are trained for a few epochs, the best third goes on for three times as many, and so on; the last one is trained for all epochs. Stores nothing.

budget: seconds, more than 0; each rung gets an equal share, and the trial that runs is finished; null: none, and the same arguments and data then give the same trials. trials: in the first rung, 1..10000; the first has the options that are given and nothing else. options: a JSON object of options that all trials have; its "epochs" is where the last rung ends. space: a JSON object; for each option that is searched a list of values or a range {"min": a, "max": b, "log": true or false}, of integers where both ends are. A list of lists of features, or null for those by default, is searched like others. purchases, validation_fraction, epochs and seed cannot be searched. objective: hit_rate or val_loss. seed: of the draws.

Trials are judged by the validation windows that recseq_train holds out of the source (validation_fraction), never by other data; what follows the network (ranker) is not fitted.

One row a trial and rung: epochs that the trial has run, its options, val_loss and hit_rate of its best epoch (null: it diverged), and its seconds so far. best: the winner''s row. call: the SQL statement that trains with these options; recseq_backtest takes them as they are. Raises the errors of recseq_train.';
REVOKE ALL ON FUNCTION @extschema@.recseq_tune(regclass, double precision, integer, jsonb, jsonb, text, bigint) FROM PUBLIC;

CREATE FUNCTION @extschema@.recseq_sequential_test(
	visitors_a bigint,
	successes_a bigint,
	visitors_b bigint,
	successes_b bigint,
	alpha double precision DEFAULT 0.05,
	lift double precision DEFAULT 0.1)
RETURNS TABLE (rate_a double precision, rate_b double precision, difference double precision,
	low double precision, high double precision, p_value double precision, significant boolean)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
	a	float8;		-- rates with half a success and half a failure more, so that no variance is 0
	b	float8;
	v	float8;		-- variance of the difference
	t	float8;		-- variance of the differences that are expected
BEGIN
	IF visitors_a IS NULL OR successes_a IS NULL OR visitors_b IS NULL OR successes_b IS NULL OR alpha IS NULL OR lift IS NULL THEN
		RAISE EXCEPTION 'no argument may be null'
			USING ERRCODE = 'null_value_not_allowed';
	END IF;
	IF successes_a NOT BETWEEN 0 AND visitors_a OR successes_b NOT BETWEEN 0 AND visitors_b THEN
		RAISE EXCEPTION 'successes must be between 0 and the number of visitors'
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF NOT (alpha > 0 AND alpha < 1) OR NOT (lift > 0 AND lift <= 100) THEN
		RAISE EXCEPTION 'alpha must be above 0 and below 1, and lift above 0 and not above 100'
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	rate_a := successes_a / nullif(visitors_a, 0)::float8;
	rate_b := successes_b / nullif(visitors_b, 0)::float8;
	difference := rate_b - rate_a;
	low := -1;
	high := 1;
	p_value := 1;
	significant := false;
	IF difference IS NOT NULL THEN
		a := (successes_a + 0.5::float8) / (visitors_a + 1::float8);
		b := (successes_b + 0.5::float8) / (visitors_b + 1::float8);
		v := a * (1 - a) / visitors_a + b * (1 - b) / visitors_b;
		t := (lift * (successes_a::float8 + successes_b + 1) / (visitors_a::float8 + visitors_b + 2)) ^ 2;
		-- 1 / the likelihood ratio of the mixture, and where it is alpha
		p_value := least(1, exp(greatest(ln((v + t) / v) / 2 - t * difference * difference / (2 * v * (v + t)), -700)));
		high := sqrt(2 * v * (v + t) / t * (ln((v + t) / v) / 2 - ln(alpha)));
		low := greatest(difference - high, -1);
		high := least(difference + high, 1);
		significant := p_value <= alpha;
	END IF;
	RETURN NEXT;
END
$function$;
COMMENT ON FUNCTION @extschema@.recseq_sequential_test(bigint, bigint, bigint, bigint, double precision, double precision) IS
'Whether two shares of visitors differ, such as those who bought with a model and with another one, by a test that may be looked at as often as one likes: who stops at the first look that is significant is wrong in at most a share alpha of the experiments without a difference.

visitors_a, successes_a, visitors_b, successes_b: so far. A visitor counts once, and is a success once and for all. alpha: above 0, below 1. lift: the relative difference that the test is quickest to find, such as 0.1 where b is expected 10 % above or below a; above 0, at most 100; to be chosen before the first look.

low, high: of the difference b - a, hold for all looks together with probability 1 - alpha. p_value: valid at any look. The mixture sequential probability ratio test (Robbins 1970; Johari and others 2022), with the variances that are estimated. Null rates and nothing known where a has no visitors, or b.';
