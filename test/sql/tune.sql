--
-- Searching options: what is drawn, who goes on, and what comes back
--
\set SHOW_CONTEXT never
SET recseq.progress = off;
SET recseq.max_training_workers = 0;

-- a ring of 20 items, so that a network that learns fast enough finds what comes next
CREATE TABLE ring AS
SELECT g AS id, ARRAY(SELECT (g + i) % 20 + 1 FROM generate_series(0, 7) i) AS items, ARRAY(SELECT (g + i) % 20 / 4 FROM generate_series(0, 7) i) AS categories
FROM generate_series(0, 199) g;
\set options '''{"epochs": 9, "units": 8, "item_dim": 8, "feature_dim": 4, "batch_size": 64, "learning_rate": 0.00001}'''
\set space '''{"learning_rate": {"min": 0.00001, "max": 0.03, "log": true}, "units": [4, 8, 16], "layers": {"min": 1, "max": 2}, "dropout": {"min": 0, "max": 0.5}, "tied": [true, false]}'''
CREATE TABLE tuning AS SELECT * FROM recseq_tune('ring', NULL, 9, :options, :space);

-- nine trials for one epoch, three for three, one for nine; the first is the options given
SELECT rung, count(*), count(DISTINCT trial) AS trials, min(epochs) AS epochs, max(epochs) FROM tuning GROUP BY rung ORDER BY rung;
SELECT options FROM tuning WHERE trial = 1 AND rung = 1;
-- the best of each rung go on
SELECT t.rung, bool_and(t.hit_rate >= o.hit_rate) AS the_best_go_on
FROM tuning t JOIN tuning o USING (rung) WHERE EXISTS (SELECT FROM tuning n WHERE n.trial = t.trial AND n.rung = t.rung + 1)
	AND NOT EXISTS (SELECT FROM tuning n WHERE n.trial = o.trial AND n.rung = o.rung + 1) GROUP BY t.rung ORDER BY 1;
SELECT trial > 1 AS not_the_first, rung, hit_rate > (SELECT hit_rate FROM tuning WHERE trial = 1 AND rung = 1) AS better FROM tuning WHERE best;
SELECT bool_and(seconds > 0) AS seconds FROM tuning;
-- what is drawn is in the space; what is not searched is as given
SELECT bool_and((options ->> 'learning_rate')::float8 BETWEEN 0.00001 AND 0.03) AS learning_rate, bool_and(options -> 'units' <@ '[4, 8, 16]') AS units,
	   bool_and(options ->> 'layers' IN ('1', '2')) AS layers, count(DISTINCT options -> 'layers') AS both_layers,
	   bool_and((options ->> 'dropout')::float8 BETWEEN 0 AND 0.5) AS dropout, count(DISTINCT options -> 'tied') AS both,
	   bool_and(options -> 'item_dim' = '8' AND options -> 'epochs' = '9') AS as_given, count(DISTINCT options) AS different
FROM tuning WHERE trial > 1 AND rung = 1;

-- going on from a checkpoint is the same as training in one go: the winner's figures are those of recseq_train with its options
SELECT call FROM tuning WHERE trial = 1 AND rung = 1;
SELECT call ~ '^SELECT \* FROM public.recseq_train\(''public.ring''::pg_catalog.regclass, .*units => \d+.*\)$' AS call FROM tuning WHERE best;
CREATE FUNCTION train_with(call text) RETURNS TABLE (val_loss float8, hit_rate float8, epochs int) LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE replace(call, '*', 'val_loss, hit_rate, epochs');
END $$;
SELECT t.val_loss = w.val_loss AS val_loss, t.hit_rate = w.hit_rate AS hit_rate, t.epochs = w.epochs AS epochs FROM tuning t, train_with(call) w WHERE best;
-- also where somebody has made another function of that name, whose arguments literals would rather be
CREATE FUNCTION recseq_train(source text, loss text DEFAULT '', units int DEFAULT 0, epochs int DEFAULT 0, learning_rate numeric DEFAULT 0, item_dim int DEFAULT 0,
	feature_dim int DEFAULT 0, batch_size int DEFAULT 0, tied boolean DEFAULT false, layers int DEFAULT 0, dropout numeric DEFAULT 0)
RETURNS TABLE (val_loss float8, hit_rate float8, epochs int) LANGUAGE sql AS 'SELECT -1::float8, -1::float8, -1';
SELECT t.val_loss = w.val_loss AS val_loss, t.hit_rate = w.hit_rate AS hit_rate, t.epochs = w.epochs AS epochs FROM tuning t, train_with(call) w WHERE best;
SELECT method, cases FROM tuning t, recseq_backtest('ring', options => t.options) WHERE best AND method = 'model';
DROP FUNCTION recseq_train(text, text, int, int, numeric, int, int, int, boolean, int, numeric);
-- and recseq_backtest takes them
SELECT method, cases FROM tuning t, recseq_backtest('ring', options => t.options) WHERE best AND method = 'model';

-- the same again for the same seed, others for another
SELECT count(*) AS different FROM (SELECT trial, rung, epochs, options, val_loss, hit_rate, best, call FROM tuning
	EXCEPT SELECT trial, rung, epochs, options, val_loss, hit_rate, best, call FROM recseq_tune('ring', NULL, 9, :options, :space)) d;
SELECT count(*) AS different FROM (SELECT options FROM recseq_tune('ring', NULL, 9, :options, :space, seed => 2) WHERE trial > 1 EXCEPT SELECT options FROM tuning) d;

-- by the loss; one trial; two; features and other lists as they are given
SELECT count(*) AS best, bool_and(val_loss = (SELECT min(val_loss) FROM recseq_tune('ring', NULL, 4, :options, :space, 'val_loss') WHERE rung = 2)) AS lowest_loss
FROM recseq_tune('ring', NULL, 4, :options, :space, 'val_loss') WHERE best;
SELECT trial, rung, epochs, best FROM recseq_tune('ring', NULL, 1, '{"epochs": 2, "units": 4}');
SELECT rung, count(*) FROM recseq_tune('ring', NULL, 2, '{"epochs": 2, "units": 4}') GROUP BY 1 ORDER BY 1;
SELECT call FROM recseq_tune('ring', NULL, 1, '{"epochs": 1, "units": 4, "features": ["categories"], "loss": "bpr_max", "tied": true, "workers": null}');
-- lists of features and architectures are searched like others
CREATE VIEW shop AS SELECT *, ARRAY(SELECT 'b' || i % 3 FROM unnest(items) WITH ORDINALITY u(i, n) ORDER BY n) AS brands FROM ring;
CREATE TABLE searched AS SELECT * FROM recseq_tune('shop', NULL, 18, '{"epochs": 3, "units": 4, "item_dim": 4, "feature_dim": 4, "batch_size": 64}',
	'{"features": [null, [], ["categories"], ["brands", "categories"]], "layers": [1, 2], "bidirectional": [true, false], "attention": [true, false],
	  "tied": [true, false], "copy": [true, false], "residual": [true, false], "scale": [0, 14]}');
SELECT count(DISTINCT options -> 'features') AS features, count(DISTINCT options -> 'layers') AS layers, count(DISTINCT options -> 'bidirectional') AS bidirectional,
	count(DISTINCT options -> 'attention') AS attention, count(DISTINCT options -> 'copy') AS copy, count(DISTINCT hit_rate) > 3 AS they_differ
FROM searched WHERE rung = 1 AND trial > 1;
-- each is judged by the same as recseq_train with its features
SELECT t.val_loss = w.val_loss AS val_loss FROM searched t, train_with(call) w WHERE best;
SELECT DISTINCT options -> 'features' AS features, t.val_loss = w.val_loss AS val_loss
FROM recseq_tune('shop', NULL, 9, '{"epochs": 1, "units": 4, "item_dim": 4, "feature_dim": 4}', '{"features": [[], ["categories"], ["brands", "categories"]]}') t, train_with(call) w
WHERE rung = 1 AND trial > 1 ORDER BY features;
DROP TABLE searched;
DROP VIEW shop;
-- a budget that is used up at once: one trial a rung
SELECT trial, rung, best FROM recseq_tune('ring', 1e-9, 9, :options, :space);
-- cancelled: nothing is left, and the setting is as it was
SET recseq.progress = on;
SET client_min_messages = warning;
SET statement_timeout = '100ms';
SELECT count(*) FROM recseq_tune('ring', NULL, 10000, :options, :space);
SELECT count(*) FROM recseq_backtest('ring', 'cancelled', options => '{"epochs": 10000, "patience": 0}');
RESET statement_timeout;
RESET client_min_messages;
SHOW recseq.progress;
SET recseq.progress = off;
SELECT count(*) FROM recseq_models WHERE model = 'cancelled';

-- what is wrong; the setting is as it was
SELECT * FROM recseq_tune(NULL);
SELECT * FROM recseq_tune('ring', trials => NULL);
SELECT * FROM recseq_tune('ring', 0);
SELECT * FROM recseq_tune('ring', 'NaN');
SELECT * FROM recseq_tune('ring', trials => 0);
SELECT * FROM recseq_tune('ring', trials => 10001);
SELECT * FROM recseq_tune('ring', options => '[]');
SELECT * FROM recseq_tune('ring', options => '{"unit": 3}');
SELECT * FROM recseq_tune('ring', space => '[]');
SELECT * FROM recseq_tune('ring', space => '{"unit": [3]}', trials => 2);
SELECT * FROM recseq_tune('ring', space => '{"units": [3, 0]}', trials => 20);
SELECT * FROM recseq_tune('ring', space => '{"units": []}');
SELECT * FROM recseq_tune('ring', space => '{"units": 3}');
SELECT * FROM recseq_tune('ring', space => '{"units": {"min": 3}}');
SELECT * FROM recseq_tune('ring', space => '{"units": {"min": 3, "max": "4"}}');
SELECT * FROM recseq_tune('ring', space => '{"units": {"min": 4, "max": 3}}');
SELECT * FROM recseq_tune('ring', space => '{"dropout": {"min": 0, "max": 0.3, "log": true}}');
SELECT * FROM recseq_tune('ring', space => '{"epochs": [3]}');
SELECT * FROM recseq_tune('ring', space => '{"purchases": ["{}"]}');
SELECT * FROM recseq_tune('ring', space => '{"features": [["colour"]]}', trials => 2);
SELECT * FROM recseq_tune('ring', objective => 'mrr');
SELECT * FROM recseq_tune('ring', options => '{"validation_fraction": 0, "epochs": 1}', trials => 2);
SET recseq.progress = on;
SET client_min_messages = warning;
SELECT * FROM recseq_tune('ring', options => '{"validation_fraction": 0, "epochs": 1}', trials => 2);
SHOW recseq.progress;
SET recseq.progress = off;
RESET client_min_messages;
CREATE ROLE regress_recseq_anybody;
SET ROLE regress_recseq_anybody;
SELECT * FROM recseq_tune('ring');
RESET ROLE;
DROP ROLE regress_recseq_anybody;

SELECT count(recseq_drop_model(model)) FROM recseq_model;
DROP FUNCTION train_with;
DROP TABLE tuning, ring;
