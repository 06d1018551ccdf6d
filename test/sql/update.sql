--
-- recseq_update: training that goes on from the active version
--
\set SHOW_CONTEXT never
SET recseq.progress = off;
SET recseq.max_training_workers = 0;
-- items follow each other in a ring: 1 to 20 in the old data; the new data has little of that, and another ring, 21 to 24
CREATE FUNCTION ring(first int, count int) RETURNS TABLE (id int, items int[], categories int[]) LANGUAGE sql AS $$
	SELECT g, ARRAY(SELECT first + (g + i) % count FROM generate_series(0, 7) i), ARRAY(SELECT 1 + (first + (g + i) % count - 1) / 5 FROM generate_series(0, 7) i)
	FROM generate_series(0, 199) g
$$;
CREATE TABLE old AS SELECT * FROM ring(1, 20);
CREATE TABLE new AS SELECT * FROM ring(21, 4) WHERE id % 4 = 0 UNION ALL SELECT * FROM ring(1, 20) WHERE id < 40;
CREATE FUNCTION train(model text, options text DEFAULT '') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	items	int;
BEGIN
	EXECUTE format('SELECT items FROM recseq_train(''old'', %L, epochs => 25, units => 16, item_dim => 16, feature_dim => 8, batch_size => 64, learning_rate => 0.02, validation_fraction => 0, ranker => false%s)', model, options) INTO items;
	RETURN items;
END $$;
-- whether nearly all old items are followed by the right one, and nearly all new ones
CREATE FUNCTION right_answers(model text, version int DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
	SELECT CASE WHEN count(*) FILTER (WHERE i <= 20) >= 18 THEN 'old' ELSE 'forgotten' END || ', '
		|| CASE WHEN count(*) FILTER (WHERE i > 20) >= 3 THEN 'new' ELSE 'not yet' END
	FROM generate_series(1, 24) i,
		 LATERAL (SELECT CASE WHEN i <= 20 THEN i % 20 + 1 ELSE 21 + (i - 20) % 4 END AS next, CASE WHEN i <= 20 THEN (i + 18) % 20 + 1 ELSE 21 + (i + 2) % 4 END AS before) n,
		 LATERAL recseq_recommend(ARRAY[n.before, i], 1, model, version) r
	WHERE r.item = n.next
$$;

-- no epoch to speak of: all is as it was, and the new items are there
SELECT train('m');
SELECT right_answers('m');
SELECT model, version, sequences, windows, items, epochs, best_epoch, val_loss, hit_rate, seconds > 0 AS seconds
FROM recseq_update('m', 'new', learning_rate => 1e-8, validation_fraction => 0);
SELECT right_answers('m'), right_answers('m', 1);
SELECT count(*) AS items FROM recseq_recommend(ARRAY[1], 100, 'm');
SELECT max(abs(a.score - b.score)) < 0.1 AS alike
FROM recseq_recommend(ARRAY[1, 2], 20, 'm', version => 1) a JOIN recseq_recommend(ARRAY[1, 2], 24, 'm', version => 2) b USING (item);
-- what it says of itself: the options of the version it goes on from, but for those that were given
SELECT version, active, source, options -> 'units' AS units, options -> 'epochs' AS epochs, options -> 'learning_rate' AS rate, options -> 'update_of' AS update_of, vocabulary
FROM recseq_models WHERE model = 'm' ORDER BY version;
-- new items are learned, old ones are not forgotten
SELECT recseq_activate('m', 1);
SELECT version, items FROM recseq_update('m', 'new', epochs => 40, learning_rate => 0.006, validation_fraction => 0);
SELECT right_answers('m');
-- the same once more is the same
SELECT recseq_activate('m', 1);
SELECT version FROM recseq_update('m', 'new', epochs => 40, learning_rate => 0.006, validation_fraction => 0);
SELECT count(DISTINCT data) AS images FROM recseq_chunk JOIN recseq_version USING (id) WHERE model = 'm' AND version IN (3, 4);
-- again, with what it knows already; nothing new comes in
SELECT version, items FROM recseq_update('m', 'new', validation_fraction => 0);
SELECT vocabulary, options -> 'update_of' AS update_of FROM recseq_models WHERE model = 'm' AND version = 5;
-- popularity counts both
SELECT item FROM recseq_recommend('{}'::int[], 4, 'm') ORDER BY item;
SELECT recseq_rollback('m');
-- validation, and what follows from it
SELECT version, val_loss > 0 AS val_loss, hit_rate BETWEEN 0 AND 1 AS hit_rate FROM recseq_update('m', 'new', activate => 'never');
SELECT version, active FROM recseq_models WHERE model = 'm' ORDER BY version;

-- every kind of network
CREATE TABLE kind AS SELECT o AS options FROM unnest(ARRAY['tied => false', 'features => ''{}''', 'layers => 2, attention => true', 'bidirectional => false',
	'loss => ''sampled_softmax'', negatives => 64', 'tied => false, loss => ''bpr_max'', negatives => 64', 'scale => 14, residual => true, copy => true']) o;
SELECT options, train(options, ', ' || options) AS items FROM kind;
SELECT options, u.version, u.items FROM kind, recseq_update(options, 'new', epochs => 40, learning_rate => 0.006, validation_fraction => 0) u;
SELECT options, right_answers(options, 1) AS before, right_answers(options, 2) AS after FROM kind;

-- a new item begins with what is known of its category: category 5 has no old item, 2 has
CREATE TABLE cold AS SELECT ARRAY[1, 2, 3, 100, 4] AS items, ARRAY[1, 1, 1, 2, 1] AS categories;
SELECT recseq_activate('m', 1);
SELECT items FROM recseq_update('m', 'cold', learning_rate => 1e-8, validation_fraction => 0);
SELECT item, category FROM recseq_recommend(ARRAY[5, 6], 100, 'm', only_categories => ARRAY[2]) ORDER BY item;
SELECT rank <= 10 AS among_its_category FROM recseq_recommend(ARRAY[7, 8], 100, 'm') WHERE item = 100;
-- an item that moves to another category
CREATE TABLE moved AS SELECT ARRAY[1, 2, 3] AS items, ARRAY[1, 1, 9] AS categories;
SELECT items FROM recseq_update('m', 'moved', learning_rate => 1e-8, validation_fraction => 0);
SELECT item, category FROM recseq_recommend(ARRAY[1, 2], 100, 'm') WHERE item IN (2, 3, 100) ORDER BY item;
SELECT vocabulary FROM recseq_models WHERE model = 'm' AND active;

-- ids that are texts
CREATE TABLE texts AS SELECT ARRAY(SELECT 'item ' || i FROM unnest(items) i) AS items FROM old;
CREATE TABLE more_texts AS SELECT ARRAY(SELECT 'item ' || i FROM unnest(items) i) AS items, ARRAY(SELECT 'c' || i % 2 FROM unnest(items) i) AS categories FROM new;
SELECT items FROM recseq_train('texts', 'texts', epochs => 1, units => 8, ranker => false);
SELECT items FROM recseq_update('texts', 'more_texts');
SELECT count(*), min(item COLLATE "C"), max(item COLLATE "C") FROM recseq_recommend(ARRAY['item 22'], 100, 'texts');

--
-- The second stage keeps its rankers and counts both
--
CREATE FUNCTION shop(first int, count int, day timestamptz) RETURNS TABLE (id int, items int[], categories int[], events text[], times timestamptz[]) LANGUAGE sql AS $$
	SELECT id, items, categories, ARRAY(SELECT CASE i % 3 WHEN 2 THEN 'transaction' ELSE 'addtocart' END FROM generate_series(0, 7) i),
		   ARRAY(SELECT day + id * interval '1 hour' + i * interval '1 minute' FROM generate_series(0, 7) i)
	FROM ring(first, count)
$$;
CREATE TABLE shop_old AS SELECT * FROM shop(1, 20, '2020-01-01');
CREATE TABLE shop_new AS SELECT * FROM shop(21, 4, '2020-02-01') WHERE id % 10 = 0;
SELECT items FROM recseq_train('shop_old', 'shop', epochs => 10, units => 16, item_dim => 16, feature_dim => 8, batch_size => 64, learning_rate => 0.02);
SELECT items FROM recseq_update('shop', 'shop_new', epochs => 40, learning_rate => 0.006);
SELECT right_answers('shop', 1) AS before, right_answers('shop') AS after;
-- the kinds and times of a history are read as before
SELECT item FROM recseq_recommend(ARRAY[21, 22], 1, 'shop', events => ARRAY['addtocart', 'addtocart'], times => ARRAY['2020-02-20', '2020-02-20']::timestamptz[]);
-- a sequence that has become longer takes the place of the old one: the counts of items 1 and 2 do not grow twice
CREATE FUNCTION occurrences(model text) RETURNS TABLE (item bigint, share real) LANGUAGE sql AS $$
	SELECT item, score FROM recseq_recommend('{}'::bigint[], 1000, model) ORDER BY item
$$;
CREATE TABLE visits AS SELECT ARRAY[1, 2] AS items, ARRAY['2020-01-01', '2020-01-02']::timestamptz[] AS times UNION ALL SELECT ARRAY[1, 3], ARRAY['2020-01-03', '2020-01-04']::timestamptz[];
CREATE TABLE more_visits AS SELECT ARRAY[1, 2, 5] AS items, ARRAY['2020-01-01', '2020-01-02', '2020-01-09']::timestamptz[] AS times;
CREATE TABLE only_new_visits AS SELECT ARRAY[1, 2, 5] AS items, ARRAY['2020-01-08', '2020-01-09', '2020-01-10']::timestamptz[] AS times;
CREATE TABLE no_times AS SELECT items FROM more_visits;
CREATE TABLE cut_visits AS SELECT ARRAY[2, 5, 6] AS items, ARRAY['2020-01-02', '2020-01-09', '2020-01-10']::timestamptz[] AS times;
SELECT items FROM recseq_train('visits', 'visits', epochs => 1, units => 4, validation_fraction => 0);
SELECT items FROM recseq_update('visits', 'visits', validation_fraction => 0);
SELECT item, round((share * 4)::numeric) AS times FROM occurrences('visits');
SELECT recseq_activate('visits', 1);
SELECT items FROM recseq_update('visits', 'more_visits', validation_fraction => 0);
SELECT item, round((share * 5)::numeric) AS times FROM occurrences('visits');
SELECT recseq_activate('visits', 1);
SELECT items FROM recseq_update('visits', 'cut_visits', validation_fraction => 0);
SELECT item, round((share * 5)::numeric) AS times FROM occurrences('visits');
SELECT recseq_activate('visits', 1);
SELECT items FROM recseq_update('visits', 'only_new_visits', validation_fraction => 0);
SELECT item, round((share * 7)::numeric) AS times FROM occurrences('visits');
-- without times nobody can tell: all count
SELECT recseq_activate('visits', 1);
SELECT items FROM recseq_update('visits', 'no_times', validation_fraction => 0);
SELECT item, round((share * 7)::numeric) AS times FROM occurrences('visits');

-- with workers: the same
SET recseq.max_training_workers = 2;
SELECT recseq_activate('m', 1);
CREATE TABLE many AS SELECT n.* FROM new n, generate_series(1, 40);
SELECT version FROM recseq_update('m', 'many', workers => 0);
SELECT recseq_activate('m', 1);
SELECT version FROM recseq_update('m', 'many', workers => 2);
SET recseq.max_training_workers = 0;
SELECT count(DISTINCT data) AS images FROM recseq_chunk JOIN recseq_version USING (id)
WHERE model = 'm' AND version > (SELECT max(version) - 2 FROM recseq_models WHERE model = 'm');

-- an imported model goes on, too
SELECT model, version FROM recseq_import_model(recseq_export_model('m', 1), 'imported');
SELECT version, items FROM recseq_update('imported', 'new');

--
-- What it refuses
--
SELECT recseq_update('n', 'new');
SELECT recseq_update(NULL, 'new');
SELECT recseq_update('m', NULL);
SELECT recseq_update('m', 'new', epochs => 0);
SELECT recseq_update('m', 'new', epochs => NULL);
SELECT recseq_update('m', 'new', learning_rate => 0);
SELECT recseq_update('m', 'new', learning_rate => 'NaN');
SELECT recseq_update('m', 'new', validation_fraction => 1);
SELECT recseq_update('m', 'new', activate => 'maybe');
SELECT recseq_update('m', 'new', activate => NULL);
SELECT recseq_update('m', 'new', workers => -1);
SELECT recseq_update('m', 'texts');
SELECT recseq_update('texts', 'new');
CREATE TABLE no_categories AS SELECT items FROM new;
SELECT recseq_update('m', 'no_categories');
CREATE TABLE text_categories AS SELECT items, categories::text[] FROM new;
SELECT recseq_update('m', 'text_categories');
CREATE TABLE nothing AS SELECT * FROM new LIMIT 0;
-- nothing new is no failure, for the night that brings nothing: nothing is stored
SELECT count(*) AS versions FROM recseq_models WHERE model = 'm' \gset
SELECT version = (SELECT max(version) FROM recseq_models WHERE model = 'm' AND active) AS active, sequences, windows, items, epochs, best_epoch, val_loss, hit_rate, seconds
FROM recseq_update('m', 'nothing');
INSERT INTO nothing SELECT id, items[:1], categories[:1] FROM new LIMIT 3;
SELECT sequences FROM recseq_update('m', 'nothing');
SELECT count(*) = :versions AS none_stored FROM recseq_models WHERE model = 'm';
BEGIN READ ONLY;
SELECT recseq_update('m', 'new');
ROLLBACK;
SET statement_timeout = '200ms';
SELECT recseq_update('m', 'new', epochs => 10000, validation_fraction => 0);
RESET statement_timeout;
-- options that no training could have had: they are checked like arguments
CREATE TEMP TABLE sound AS SELECT id, options FROM recseq_version;
CREATE FUNCTION outcome(change jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	message	text;
BEGIN
	UPDATE recseq_version SET options = options || change WHERE model = 'imported';
	PERFORM recseq_update('imported', 'new');
	RAISE EXCEPTION USING ERRCODE = 'RS000';
EXCEPTION
	WHEN SQLSTATE 'RS000' THEN
		RETURN 'updates';
	WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS message = MESSAGE_TEXT;
		RETURN SQLSTATE || ' ' || message;
END $$;
SELECT change, outcome(change::jsonb)
FROM unnest(ARRAY['{}', '{"batch_size": 0}', '{"batch_size": 2147483647}', '{"batch_size": 1e10}', '{"batch_size": "x"}', '{"loss": "none"}', '{"seed": null}',
	'{"units": 17}', '{"item_dim": 1000}', '{"features": ["none"]}', '{"max_length": 1}', '{"tied": false}']) WITH ORDINALITY u(change, n) ORDER BY n;

--
-- Who may
--
CREATE ROLE regress_recseq_a;
GRANT SELECT ON new TO regress_recseq_a;
SET ROLE regress_recseq_a;
\set VERBOSITY terse
SELECT recseq_update('m', 'new');
\set VERBOSITY default
RESET ROLE;
GRANT EXECUTE ON FUNCTION recseq_update, recseq_export_model, recseq_import_model TO regress_recseq_a;
SET ROLE regress_recseq_a;
\set VERBOSITY terse
SELECT recseq_update('m', 'new');
\set VERBOSITY default
SELECT i.* FROM recseq_import_model(recseq_export_model('m'), 'mine') i;
SELECT version FROM recseq_update('mine', 'new');
SELECT recseq_update('mine', 'old');
RESET ROLE;

SELECT count(recseq_drop_model(model)) FROM recseq_model;
REVOKE EXECUTE ON FUNCTION recseq_update, recseq_export_model, recseq_import_model FROM regress_recseq_a;
DROP TABLE old, new, kind, cold, moved, shop_old, shop_new, visits, more_visits, only_new_visits, cut_visits, no_times, texts, more_texts, many, no_categories, text_categories, nothing;
DROP FUNCTION shop, ring, train, right_answers, occurrences, outcome;
DROP ROLE regress_recseq_a;

--
-- activate: whether a new version answers
--
CREATE TABLE learnable AS SELECT ARRAY(SELECT (g + i) % 20 + 1 FROM generate_series(0, 7) i) AS items FROM generate_series(0, 199) g;
CREATE FUNCTION train(rate float8, activate text, fraction float8 DEFAULT 0.2) RETURNS int LANGUAGE sql AS $$
	SELECT version FROM recseq_train('learnable', 'a', epochs => 8, units => 16, item_dim => 16, batch_size => 64, learning_rate => rate, validation_fraction => fraction, activate => activate, ranker => false)
$$;
-- the first one in any case
SELECT train(1e-6, 'never');
SELECT train(0.02, 'if_better');
SELECT version, active FROM recseq_models ORDER BY version;
\set VERBOSITY terse
SELECT train(1e-6, 'if_better');
\set VERBOSITY default
SELECT train(0.02, 'never');
SELECT version, active FROM recseq_models ORDER BY version;
-- as good: yes
SELECT train(0.02, 'if_better');
-- not validated: not known to be better, until neither is
SELECT train(0.02, 'if_better', 0);
SELECT train(1e-6, 'always', 0);
SELECT train(1e-6, 'if_better', 0);
SELECT version, active, hit_rate IS NOT NULL AS validated FROM recseq_models ORDER BY version;
-- an update is compared with what the version it goes on from says of the same windows
SELECT train(0.02, 'always');
CREATE TABLE more AS SELECT ARRAY(SELECT (g + i) % 20 + 1 FROM generate_series(0, 5) i) AS items FROM generate_series(0, 99) g;
SELECT version FROM recseq_update('a', 'more', activate => 'if_better');
\set VERBOSITY terse
-- only its newest sequences are as before, and these are held out
CREATE TABLE worse AS
SELECT ARRAY(SELECT CASE WHEN g >= 95 THEN (g + i) % 20 + 1 WHEN i % 2 = 0 THEN (g + i) % 20 + 1 ELSE 101 + (g + i) % 10 END FROM generate_series(0, 5) i) AS items,
	   ARRAY(SELECT timestamptz '2030-01-01' + g * interval '1 day' + i * interval '1 hour' FROM generate_series(0, 5) i) AS times
FROM generate_series(0, 99) g;
SELECT version FROM recseq_update('a', 'worse', epochs => 40, learning_rate => 0.2, validation_fraction => 0.05, activate => 'if_better');
\set VERBOSITY default
SELECT version, active FROM recseq_models WHERE version >= 9 ORDER BY version;
-- and a training, where an update is active, with the training that this goes back to
UPDATE recseq_version SET hit_rate = 0 WHERE version = 10;
\set VERBOSITY terse
SELECT train(1e-6, 'if_better') IS NOT NULL AS stored;
\set VERBOSITY default
SELECT recseq_drop_model('a', 9);
SELECT train(1e-6, 'if_better');
SELECT version, active FROM recseq_models WHERE version >= 9 ORDER BY version;
SELECT train(0.02, 'sometimes');
SELECT train(0.02, NULL);
-- an imported update goes back to nothing here, and not to the version that has the number by chance
UPDATE recseq_version SET options = jsonb_set(options, '{update_of}', '1') WHERE version = 10;
CREATE TABLE exported AS SELECT recseq_export_model('a', 10) AS image;
SELECT recseq_drop_model('a');
SELECT train(0.02, 'always');
SELECT i.* FROM exported, recseq_import_model(image) i;
SELECT train(1e-6, 'if_better');
SELECT version, active, options ? 'update_of' AS update_of FROM recseq_models ORDER BY version;
SELECT recseq_drop_model('a');
DROP TABLE exported;
DROP TABLE learnable, more;
DROP FUNCTION train;

-- what a model knows counts as memory of an update, whose source is small
CREATE TABLE wide AS SELECT array_agg('item ' || i ORDER BY i) AS items, array_agg(i ORDER BY i) AS categories FROM generate_series(1, 40000) i GROUP BY i / 100;
SELECT items FROM recseq_train('wide', 'w', epochs => 1, units => 2, item_dim => 2, feature_dim => 2, bidirectional => false, loss => 'sampled_softmax', negatives => 4,
	max_length => 2, ranker => false);
CREATE TABLE narrow AS SELECT ARRAY['item 1', 'item 2', 'a new one'] AS items, ARRAY[1, 2, 40001] AS categories;
SET recseq.max_training_memory = '1MB';
SELECT version FROM recseq_update('w', 'narrow');
RESET recseq.max_training_memory;
SELECT version, items FROM recseq_update('w', 'narrow');
SELECT category FROM recseq_recommend(ARRAY['item 1'], 40001, 'w') WHERE item IN ('item 1', 'a new one') ORDER BY 1;
SELECT recseq_drop_model('w');
DROP TABLE wide, narrow;
