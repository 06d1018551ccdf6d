--
-- Cases one by one, whether two methods differ on them, and a warning where they were learned
--
\set SHOW_CONTEXT never
SET recseq.progress = off;
SET recseq.max_training_workers = 0;

CREATE TABLE learned (items int[]);
INSERT INTO learned VALUES ('{1,2}'), ('{1,2}'), ('{1,3}'), ('{1,2,3,4,5}');
SELECT version FROM recseq_train('learned', 'm', epochs => 1);
SELECT version FROM recseq_train('learned', 'other', epochs => 1, ranker => false, seed => 7);
CREATE TABLE judged (id text, items int[]);
INSERT INTO judged VALUES
	('A', '{2,3,1}'), ('B', '{1,2,2}'), ('C', '{1,3,2,1}'), ('D', '{1,99}'), ('E', '{4,98,3}'), ('F', '{98,98}'), ('G', '{1,1}'), ('H', '{1,4}'),
	('I', '{1}'), (NULL, '{}');

-- ranks by hand (see the test "evaluate"): learned are 1 six times, 2 three times, 3 and 98 twice, 4 once
CREATE TABLE cases AS SELECT * FROM recseq_evaluate_cases('judged', 'm');
SELECT id, event, target, unseen, k, rank, unseen_rank FROM cases WHERE method = 'popularity' ORDER BY id;
SELECT count(*), count(DISTINCT (sequence, event)) AS cases, count(DISTINCT method) AS methods, min(sequence) >= 1 AND max(sequence) <= 10 AS numbered FROM cases;
SELECT array_agg(DISTINCT method ORDER BY method) FROM cases;
-- what they come to is what recseq_evaluate says, by every method and metric
CREATE FUNCTION different(metrics regclass, cases regclass) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE result bigint;
BEGIN
	EXECUTE format('
		WITH a AS (
			SELECT method, count(*) AS cases, avg((rank IS NOT NULL)::int) AS hit, coalesce(sum(1.0 / rank), 0) / count(*) AS mrr, coalesce(sum(1 / log(2, rank + 1)), 0) / count(*) AS ndcg,
				   count(*) FILTER (WHERE unseen) AS un, avg((unseen_rank IS NOT NULL)::int) FILTER (WHERE unseen) AS un_hit,
				   coalesce(sum(1.0 / unseen_rank), 0) / nullif(count(*) FILTER (WHERE unseen), 0) AS un_mrr,
				   coalesce(sum(1 / log(2, unseen_rank + 1)), 0) / nullif(count(*) FILTER (WHERE unseen), 0) AS un_ndcg
			FROM %s GROUP BY method)
		SELECT count(*) FROM %s m FULL JOIN a USING (method)
		WHERE (m.cases, m.unseen_cases) IS DISTINCT FROM (a.cases, a.un)
		   OR abs(m.hit_rate - hit) > 1e-9 OR abs(m.mrr - a.mrr) > 1e-9 OR abs(m.ndcg - a.ndcg) > 1e-9
		   OR abs(unseen_hit_rate - un_hit) > 1e-9 OR abs(unseen_mrr - un_mrr) > 1e-9 OR abs(unseen_ndcg - un_ndcg) > 1e-9
		   OR m.hit_rate IS NULL OR a.hit IS NULL', cases, metrics) INTO result;
	RETURN result;
END $$;
CREATE TABLE metrics AS SELECT * FROM recseq_evaluate('judged', 'm');
SELECT count(*) AS methods, different('metrics', 'cases') FROM metrics;

-- in the order of time, with more than one case a row; without a column that names the rows, with texts
CREATE TABLE log (items text[], times timestamptz[]);
INSERT INTO log VALUES
	('{1,2,1,2,3}', '{2020-01-01,2020-01-01,2020-01-02,2020-01-03,2020-01-04}'),
	('{1,3,3}', '{2020-01-01,2020-01-01,2020-01-01}'),
	('{2,1}', '{2020-01-03,2020-01-04}'),
	('{1}', '{2020-01-01}'),
	('{2,7}', '{2020-01-02,2020-01-03}');
CREATE VIEW learned_texts AS SELECT items::text[] FROM learned;
SELECT version FROM recseq_train('learned_texts', 'texts', epochs => 1);
CREATE TABLE log_cases AS SELECT * FROM recseq_evaluate_cases('log', 'texts', 3, protocol => 'temporal', cut => '2020-01-03');
CREATE TABLE log_metrics AS SELECT * FROM recseq_evaluate('log', 'texts', 3, protocol => 'temporal', cut => '2020-01-03');
SELECT sequence, id, event, target, unseen, k, rank, unseen_rank FROM log_cases WHERE method = 'recency' ORDER BY sequence, event;
SELECT count(*) AS methods, different('log_metrics', 'log_cases') FROM log_metrics;

-- two methods: recency hits B F G first, A and C third, E and H fifth; popularity A C G first, B second, E and F fourth, H fifth
SELECT metric, cases, sequences, round(value_a::numeric, 6) AS a, round(value_b::numeric, 6) AS b, round(difference::numeric, 6) AS difference,
	   round(low::numeric, 6) AS low, round(high::numeric, 6) AS high, differs
FROM recseq_compare('cases', method_a => 'recency', method_b => 'popularity', k => 2);
-- by hand: hits at 2 are B F G, and A B C G
SELECT round((3 - 4) / 8.0, 6) AS hit_rate, round((3 - 3.5) / 8, 6) AS mrr;
-- the interval in SQL: differences within the cases, by sequence
CREATE FUNCTION expected(a regclass, b regclass, method_a text, method_b text, place text, of_k int)
RETURNS TABLE (cases bigint, sequences bigint, difference float8, low float8, high float8) LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE format('
		WITH d AS (
			SELECT a.sequence, coalesce(CASE WHEN a.%1$s <= $3 THEN 1.0 / a.%1$s END, 0)::float8 - coalesce(CASE WHEN b.%1$s <= $3 THEN 1.0 / b.%1$s END, 0)::float8 AS d
			FROM %2$s a JOIN %3$s b USING (sequence, event) WHERE a.method = $1 AND b.method = $2 AND (a.unseen OR %1$L = ''rank'')),
		m AS (SELECT count(*) AS n, avg(d) AS mean FROM d),
		v AS (SELECT count(*) AS groups, sum(s ^ 2) / max(n) ^ 2 AS variance FROM (SELECT sum(d - mean) AS s, max(n) AS n FROM d, m GROUP BY sequence) g)
		SELECT n, groups, mean, mean - 1.959963984540054 * sqrt(variance), mean + 1.959963984540054 * sqrt(variance) FROM m, v', place, a, b) USING method_a, method_b, of_k;
END $$;
CREATE TABLE other_cases AS SELECT * FROM recseq_evaluate_cases('judged', 'other', 10);
SELECT x.a, x.b, x.method_a, x.method_b, x.place, x.k, abs(c.difference - e.difference) < 1e-9 AND abs(c.low - e.low) < 1e-9 AND abs(c.high - e.high) < 1e-9
	AND (c.cases, c.sequences, c.differs) = (e.cases, e.sequences, e.low > 0 OR e.high < 0) AND abs(value_a - value_b - c.difference) < 1e-9 AS as_expected
FROM (VALUES ('cases'::regclass, 'cases'::regclass, 'recency', 'popularity', 'rank', 5), ('cases', 'cases', 'recency', 'stan', 'unseen_rank', 5), ('cases', 'other_cases', 'model', 'model', 'rank', 2),
	  ('cases', 'other_cases', 'model', 'markov', 'unseen_rank', 4), ('log_cases', 'log_cases', 'markov', 'recency', 'rank', 3), ('log_cases', 'log_cases', 'model', 'popularity', 'rank', 2)) x(a, b, method_a, method_b, place, k),
	 expected(x.a, x.b, x.method_a, x.method_b, x.place, x.k) e, recseq_compare(x.a, x.b, x.method_a, x.method_b, x.k) c
WHERE c.metric = CASE x.place WHEN 'rank' THEN 'mrr' ELSE 'unseen_mrr' END ORDER BY 1, 2, 3, 4;
-- one that is better in nearly every case, and the same one
CREATE TABLE clear AS SELECT g AS sequence, g::text AS id, 2 AS event, 'x'::text AS target, g % 2 = 0 AS unseen, m AS method, 5 AS k,
	CASE WHEN m = 'good' AND g > 3 THEN 1 END AS rank, CASE WHEN m = 'good' AND g > 3 THEN 1 END AS unseen_rank FROM generate_series(1, 100) g, unnest('{good,bad}'::text[]) m;
SELECT metric, cases, value_a, value_b, difference, round(low::numeric, 4) AS low, round(high::numeric, 4) AS high, differs FROM recseq_compare('clear', method_a => 'good', method_b => 'bad');
SELECT metric, difference, low, high, differs FROM recseq_compare('clear', method_a => 'bad', method_b => 'good') WHERE metric = 'hit_rate' AND high < 0;
SELECT metric, difference, low, high, differs FROM recseq_compare('clear', method_a => 'good', method_b => 'good') WHERE metric = 'mrr';
-- one sequence does not say how sequences vary; none is unseen
CREATE VIEW single AS SELECT * FROM cases WHERE id = 'B';
SELECT * FROM recseq_compare('single', method_a => 'recency', method_b => 'popularity') WHERE metric IN ('mrr', 'unseen_mrr');
-- rows that are alike but for their names and features are the same ones in all cases, whatever a model reads
CREATE TABLE alike AS SELECT 'v' || (g * 7 % 40) AS id, ARRAY[1, 2, 3 + g % 2] AS items, ARRAY['b' || g % 3, 'b' || g % 5, NULL] AS brands,
	ARRAY[CASE WHEN g % 4 = 0 THEN 'transaction' END, 'view', 'view'] AS events FROM generate_series(1, 40) g;
SELECT version FROM recseq_train('alike', 'reads', features => '{brands}', epochs => 1);
CREATE TABLE alike_reads AS SELECT * FROM recseq_backtest_cases('alike', options => '{"epochs": 1, "features": ["brands"]}');
CREATE TABLE alike_not AS SELECT * FROM recseq_backtest_cases('alike', options => '{"epochs": 1, "ranker": false}');
SELECT metric, cases, sequences FROM recseq_compare('alike_reads', 'alike_not') WHERE metric = 'hit_rate';

-- a backtest, case by case; no warning
CREATE TABLE walks AS SELECT g AS id, ARRAY(SELECT (g + i) % 20 + 1 FROM generate_series(0, 7) i) AS items, ARRAY(SELECT timestamptz '2020-01-01 UTC' + i * interval '1 day' FROM generate_series(0, 7) i) AS times
FROM generate_series(1, 60) g;
TRUNCATE metrics, cases;
INSERT INTO metrics SELECT * FROM recseq_backtest('walks', options => '{"epochs": 2}', protocol => 'temporal', test_days => 2);
INSERT INTO cases SELECT * FROM recseq_backtest_cases('walks', 'kept', options => '{"epochs": 2}', protocol => 'temporal', test_days => 2);
SELECT count(*) AS methods, different('metrics', 'cases') FROM metrics;
SELECT event, count(*), min(id), max(id) FROM cases WHERE method = 'model' GROUP BY event ORDER BY event;
-- the version that it left knows what was held out, and its options can be used again
SELECT options ->> 'held_out' AS held_out FROM recseq_models WHERE model = 'kept';
SELECT count(*) FROM recseq_models m, recseq_backtest('walks', options => m.options) WHERE m.model = 'kept';
SELECT count(*) FROM recseq_evaluate('walks', 'kept', protocol => 'temporal', cut => '2020-01-06 UTC');
SELECT count(*) FROM recseq_evaluate('walks', 'kept', protocol => 'temporal', cut => '2020-01-07 UTC');
SELECT count(*) FROM recseq_evaluate('walks', 'kept', protocol => 'temporal', cut => '2020-01-03 UTC');
SELECT count(*) FROM recseq_evaluate('walks', 'kept');
-- a model that has learned everything, by every protocol
SELECT version FROM recseq_train('walks', 'all', epochs => 1);
SELECT count(*) FROM recseq_evaluate('walks', 'all');
SELECT count(*) FROM recseq_evaluate_cases('walks', 'all', version => 1);
SELECT count(*) FROM recseq_evaluate('walks', 'all', protocol => 'random_windows');
SELECT count(*) FROM recseq_evaluate('walks', 'all', protocol => 'temporal', cut => '2020-01-07 UTC');
-- but not of what came later, nor of other relations
INSERT INTO walks SELECT 100 + g, ARRAY[1, 2, 3], ARRAY[timestamptz '2020-02-01 UTC', '2020-02-02 UTC', '2020-02-03 UTC'] FROM generate_series(1, 5) g;
SELECT cases FROM recseq_evaluate('walks', 'all', protocol => 'temporal', cut => '2020-02-01 UTC') WHERE method = 'model';
CREATE VIEW new_walks AS SELECT * FROM walks WHERE id > 100;
SELECT cases FROM recseq_evaluate('new_walks', 'all') WHERE method = 'model';
-- an update has learned what the version before it had
SELECT version FROM recseq_update('all', 'new_walks');
SELECT cases FROM recseq_evaluate('walks', 'all') WHERE method = 'model';
SELECT cases FROM recseq_evaluate('new_walks', 'all') WHERE method = 'model';
SELECT cases FROM recseq_evaluate('new_walks', 'all', version => 1) WHERE method = 'model';
-- without a second stage, what is newer than the version is new
SELECT version FROM recseq_train('walks', 'network', epochs => 1, ranker => false);
SELECT cases FROM recseq_evaluate('walks', 'network', protocol => 'temporal', cut => '2020-02-01 UTC') WHERE method = 'model';
SELECT cases FROM recseq_evaluate('walks', 'network', protocol => 'temporal', cut => '2999-01-01 UTC') WHERE method = 'model';
-- what an exported version says of it comes along
SELECT recseq_export_model('kept') AS exported \gset
SELECT version FROM recseq_import_model(:'exported', model => 'imported');
SELECT options ->> 'held_out' AS held_out FROM recseq_models WHERE model = 'imported';

-- what is wrong
SELECT * FROM recseq_compare(NULL);
SELECT * FROM recseq_compare('cases', method_a => NULL);
SELECT * FROM recseq_compare('cases', method_b => NULL);
SELECT * FROM recseq_compare('cases', k => 0);
SELECT * FROM recseq_compare('cases', k => 6);
SELECT * FROM recseq_compare('cases', method_b => 'stann');
SELECT * FROM recseq_compare('cases', method_a => 'a', method_b => 'b');
SELECT * FROM recseq_compare('walks');
CREATE VIEW long_ranks AS SELECT sequence, id, event, target, unseen, method, k, rank::bigint, unseen_rank FROM cases;
SELECT * FROM recseq_compare('cases', 'long_ranks');
SELECT * FROM recseq_compare(0);
SELECT * FROM recseq_compare('log_cases', 'other_cases');
CREATE TABLE twice AS SELECT * FROM cases UNION ALL SELECT * FROM cases;
SELECT * FROM recseq_compare('twice');
UPDATE clear SET k = NULL;
SELECT * FROM recseq_compare('clear', method_a => 'good', method_b => 'bad');
UPDATE clear SET sequence = NULL, k = 5;
SELECT * FROM recseq_compare('clear', method_a => 'good', method_b => 'bad');
SELECT * FROM recseq_evaluate_cases('judged', 'm', 0);
SELECT * FROM recseq_evaluate_cases('judged', NULL);
SELECT * FROM recseq_backtest_cases('walks', options => NULL);
-- with the caller's rights
CREATE ROLE regress_recseq_compares;
GRANT USAGE ON SCHEMA public TO regress_recseq_compares;
SET ROLE regress_recseq_compares;
SELECT * FROM recseq_compare('cases');
SELECT * FROM recseq_backtest_cases('walks');
RESET ROLE;
DROP OWNED BY regress_recseq_compares;
DROP ROLE regress_recseq_compares;

SELECT count(recseq_drop_model(model)) FROM recseq_model;
DROP VIEW learned_texts, single, new_walks, long_ranks;
DROP TABLE learned, judged, cases, metrics, log, log_cases, log_metrics, other_cases, clear, alike, alike_reads, alike_not, walks, twice;
DROP FUNCTION different, expected;
