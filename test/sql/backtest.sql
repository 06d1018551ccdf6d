--
-- Backtests: the same as training on what is left and evaluating on the rest, without a model or a table left behind
--
\set SHOW_CONTEXT never
SET recseq.progress = off;
SET recseq.max_training_workers = 0;

-- a ring of 20 items, walked at one event a day from different days on; every third walk makes jumps
CREATE TABLE walks AS
SELECT g AS id, ARRAY(SELECT (g + i * (1 + g % 3)) % 20 + 1 FROM generate_series(0, 7) i) AS items,
	   ARRAY(SELECT (g + i * (1 + g % 3)) % 20 / 4 FROM generate_series(0, 7) i) AS categories,
	   ARRAY(SELECT CASE WHEN i % 2 = 0 THEN 'addtocart' ELSE 'transaction' END FROM generate_series(0, 7) i) AS events,
	   ARRAY(SELECT timestamptz '2020-01-01 UTC' + interval '1 day' * (g % 50 + i) FROM generate_series(0, 7) i) AS times
FROM generate_series(0, 199) g;
\set options '''{"epochs": 4, "units": 8, "item_dim": 8, "feature_dim": 4, "batch_size": 64, "learning_rate": 0.02}'''
\set arguments 'epochs => 4, units => 8, item_dim => 8, feature_dim => 4, batch_size => 64, learning_rate => 0.02'

-- leave-one-out, by hand and by recseq_backtest
CREATE VIEW walks_without_last AS SELECT id, items[:7] AS items, categories[:7] AS categories, events[:7] AS events, times[:7] AS times FROM walks;
SELECT version FROM recseq_train('walks_without_last', 'by hand', :arguments);
CREATE TABLE by_hand AS SELECT * FROM recseq_evaluate('walks', 'by hand');
CREATE TABLE backtest AS SELECT * FROM recseq_backtest('walks', options => :options);
SELECT method, cases FROM backtest;
SELECT count(*) AS different FROM (TABLE by_hand EXCEPT TABLE backtest) d;

-- nothing is left, also where nothing may be written
SELECT model, version FROM recseq_models;
BEGIN READ ONLY;
SELECT count(*) FROM recseq_backtest('walks', options => :options) b JOIN backtest USING (method) WHERE b.hit_rate = backtest.hit_rate AND b.mrr = backtest.mrr;
COMMIT;
-- unless a name is given; the version is the one that was judged
SELECT count(*) FROM recseq_backtest('walks', 'kept', options => :options);
SELECT model, version, active, sequences, options ->> 'units' AS units FROM recseq_models WHERE model = 'kept';
SELECT count(*) AS different FROM (SELECT * FROM recseq_evaluate('walks', 'kept') EXCEPT TABLE backtest) d;

-- rows that are too short to have a target are learned from to their ends
CREATE TABLE mixed AS SELECT id, items[:CASE WHEN id % 2 = 0 THEN 3 ELSE 8 END] AS items FROM walks;
CREATE VIEW mixed_without_last AS SELECT id, CASE WHEN id % 2 = 0 THEN items ELSE items[:7] END AS items FROM mixed;
SELECT windows FROM recseq_train('mixed_without_last', 'by hand', :arguments, validation_fraction => 0);
SELECT method, cases FROM recseq_backtest('mixed', 'kept', options => :options::jsonb || '{"validation_fraction": 0}', min_history => 5) WHERE method = 'model';
SELECT windows FROM recseq_models WHERE model = 'kept' AND active;

-- by time
CREATE VIEW walks_before AS
SELECT id, items[:n] AS items, categories[:n] AS categories, events[:n] AS events, times[:n] AS times
FROM walks, LATERAL (SELECT count(*)::int AS n FROM unnest(times) t WHERE t < '2020-02-10 UTC') b WHERE n > 0;
SELECT version FROM recseq_train('walks_before', 'by hand', :arguments);
TRUNCATE by_hand, backtest;
INSERT INTO by_hand SELECT * FROM recseq_evaluate('walks', 'by hand', protocol => 'temporal', cut => '2020-02-10 UTC');
INSERT INTO backtest SELECT * FROM recseq_backtest('walks', options => :options, protocol => 'temporal', cut => '2020-02-10 UTC');
SELECT method, cases FROM backtest WHERE method = 'model';
SELECT count(*) AS different FROM (TABLE by_hand EXCEPT TABLE backtest) d;
-- the newest event is of 2020-02-26
SELECT count(*) AS different FROM (SELECT * FROM recseq_backtest('walks', options => :options, protocol => 'temporal', test_days => 16) EXCEPT TABLE backtest) d;
SELECT method, cases FROM recseq_backtest('walks', options => :options, protocol => 'temporal') WHERE method = 'model';

-- random windows: nothing can be learned here but by heart, and what is tested is not learned
CREATE TABLE noise AS
SELECT g AS id, ARRAY(SELECT abs(hashint4(g * 100 + i)) % 200 + 1 FROM generate_series(0, 7) i) AS items FROM generate_series(0, 99) g;
SELECT windows FROM recseq_train('noise', 'by heart', epochs => 60, patience => 0, units => 32, item_dim => 32, batch_size => 32, learning_rate => 0.01, dropout => 0, item_dropout => 0,
	validation_fraction => 0, ranker => false);
SELECT hit_rate > 0.9 AS by_heart FROM recseq_evaluate('noise', 'by heart', protocol => 'random_windows', test_share => 0.3) WHERE method = 'model';
SELECT cases, hit_rate < 0.2 AS not_by_heart
FROM recseq_backtest('noise', 'kept', protocol => 'random_windows', test_share => 0.3, options => '{"epochs": 60, "patience": 0, "units": 32, "item_dim": 32, "batch_size": 32,
	"learning_rate": 0.01, "dropout": 0, "item_dropout": 0, "validation_fraction": 0}') WHERE method = 'model';
SELECT v.windows + e.cases AS windows, v.options ->> 'ranker' AS ranker FROM recseq_models v, recseq_evaluate('noise', 'kept', protocol => 'random_windows', test_share => 0.3) e
WHERE v.model = 'kept' AND v.active AND e.method = 'model';

-- options are those of recseq_train, of any type; those of a version can be used again
SELECT count(*) FROM recseq_backtest('walks', 'kept', options => '{"features": ["categories"], "loss": "bpr_max", "negatives": 16, "tied": false, "epochs": 1, "units": 4, "item_dim": 4,
	"purchases": ["transaction", "gift"], "workers": null, "seed": 5}');
SELECT options -> 'features' AS features, options ->> 'loss' AS loss, options ->> 'tied' AS tied, options -> 'purchases' AS purchases, options ->> 'seed' AS seed
FROM recseq_models WHERE model = 'kept' AND active;
SELECT count(*) FROM recseq_models m, recseq_backtest('walks', options => m.options) WHERE m.model = 'kept' AND active;

-- what is wrong
SELECT * FROM recseq_backtest(NULL);
SELECT * FROM recseq_backtest('walks', options => NULL);
SELECT * FROM recseq_backtest('walks', options => '[1]');
SELECT * FROM recseq_backtest('walks', options => '"units"');
SELECT * FROM recseq_backtest('walks', options => '{"unit": 4}');
SELECT * FROM recseq_backtest('walks', options => '{"source": "walks"}');
SELECT * FROM recseq_backtest('walks', options => '{"model": "m"}');
\set SHOW_CONTEXT always
SELECT * FROM recseq_backtest('walks', options => '{"units": 4.5}');
SELECT * FROM recseq_backtest('walks', options => '{"units": [4]}');
\set SHOW_CONTEXT never
SELECT * FROM recseq_backtest('walks', options => '{"units": {"a": 4}}');
SELECT * FROM recseq_backtest('walks', options => '{"units": null}');
SELECT * FROM recseq_backtest('walks', options => '{"units": 0}');
SELECT * FROM recseq_backtest('walks', options => '{"features": ["brands"]}');
SELECT * FROM recseq_backtest('walks', '');
SELECT * FROM recseq_backtest('walks', k => 0);
SELECT * FROM recseq_backtest('walks', protocol => 'none');
SELECT * FROM recseq_backtest('noise', protocol => 'temporal');
SELECT * FROM recseq_backtest('noise', protocol => 'temporal', cut => '2020-01-01');
SELECT * FROM recseq_backtest('walks', protocol => 'temporal', test_days => 0);
SELECT * FROM recseq_backtest('walks', protocol => 'temporal', test_days => 'Infinity');
SELECT * FROM recseq_backtest('walks', protocol => 'temporal', test_days => NULL);
SELECT * FROM recseq_backtest('walks', protocol => 'temporal', cut => '2019-01-01');
BEGIN READ ONLY;
\set VERBOSITY terse
SELECT * FROM recseq_backtest('walks', 'kept');
\set VERBOSITY default
COMMIT;
CREATE ROLE regress_recseq_anybody;
GRANT SELECT ON walks TO regress_recseq_anybody;
SET ROLE regress_recseq_anybody;
SELECT * FROM recseq_backtest('walks');
RESET ROLE;
GRANT EXECUTE ON FUNCTION recseq_backtest TO regress_recseq_anybody;
SET ROLE regress_recseq_anybody;
SELECT count(*) FROM recseq_backtest('walks', options => '{"epochs": 1, "units": 4}');
SELECT * FROM recseq_backtest('walks', 'kept');
SELECT * FROM recseq_backtest('noise');
RESET ROLE;
DROP OWNED BY regress_recseq_anybody;
DROP ROLE regress_recseq_anybody;

SELECT count(recseq_drop_model(model)) FROM recseq_model;
DROP VIEW walks_before, walks_without_last, mixed_without_last;
DROP TABLE walks, mixed, noise, by_hand, backtest;
