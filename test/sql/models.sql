--
-- Models and versions: the view, activating, dropping, and what a transaction leaves
--
\set SHOW_CONTEXT never
SET recseq.progress = off;
SET recseq.max_training_workers = 0;
CREATE TABLE ring AS
SELECT g AS id, ARRAY(SELECT (g + i) % 20 + 1 FROM generate_series(0, 7) i) AS items
FROM generate_series(0, 199) g;
CREATE VIEW back AS SELECT id, ARRAY(SELECT (400 - id - i) % 20 + 1 FROM generate_series(0, 7) i) AS items FROM ring;
-- only what does not depend on the machine
CREATE FUNCTION train(source regclass, model text) RETURNS int LANGUAGE sql AS $$
	SELECT version FROM recseq_train(source, model, epochs => 15, units => 16, item_dim => 16, batch_size => 64, learning_rate => 0.02, validation_fraction => 0)
$$;

--
-- Versions count up; the newest one answers
--
SELECT train('ring', 'm') AS forward, train('back', 'm') AS backward;
SELECT model, version, active, owner = current_user AS mine, trained_by = current_user AS by_me, now() - created < '1 hour' AS lately,
	   source, vocabulary, sequences, windows, epochs, best_epoch, val_loss, hit_rate, seconds > 0 AS seconds, bytes > 1000 AS bytes
FROM recseq_models ORDER BY model, version;
SELECT item FROM recseq_recommend(ARRAY[7, 6], 1, 'm');
SELECT item FROM recseq_recommend(ARRAY[6, 7], 1, 'm', version => 1);
SELECT item FROM recseq_recommend(ARRAY[7, 6], 1, 'm', version => 2);

-- stored size is the size of the image
SELECT v.version, v.bytes = sum(length(c.data)) AS complete
FROM recseq_models v JOIN recseq_version USING (model, version) JOIN recseq_chunk c USING (id) GROUP BY v.version, v.bytes ORDER BY 1;

-- back to the first, and on to the second again
SELECT recseq_activate('m', 1);
SELECT version, active FROM recseq_models ORDER BY version;
SELECT item FROM recseq_recommend(ARRAY[6, 7], 1, 'm');
SELECT recseq_activate('m', 1);
SELECT recseq_activate('m', 2);
SELECT item FROM recseq_recommend(ARRAY[7, 6], 1, 'm');
SELECT recseq_activate('m', 3);
SELECT recseq_activate('m', 0);
SELECT recseq_activate('n', 1);
SELECT recseq_activate(NULL, 1) IS NULL AS nothing, recseq_activate('m', NULL) IS NULL AS nothing;
SELECT version, active FROM recseq_models ORDER BY version;
BEGIN;
SELECT recseq_activate('m', 1);
SELECT item FROM recseq_recommend(ARRAY[6, 7], 1, 'm');
ROLLBACK;
SELECT version, active FROM recseq_models ORDER BY version;

--
-- Dropping
--
SELECT train('ring', 'm');
SELECT recseq_drop_model('m', 1);
SELECT version, active FROM recseq_models ORDER BY version;
SELECT recseq_drop_model('m', 1);
SELECT recseq_drop_model('m', 99);
SELECT recseq_drop_model('m', -1);
SELECT recseq_drop_model('n');
SELECT recseq_drop_model('n', 1);
SELECT recseq_drop_model(NULL);
SELECT recseq_drop_model(NULL, 1);
-- the active one: another takes its place, and it is said which
SELECT recseq_drop_model('m', 3);
SELECT version, active FROM recseq_models ORDER BY version;
SELECT item FROM recseq_recommend(ARRAY[7, 6], 1, 'm');
-- numbers are never given twice
SELECT train('ring', 'm');
SELECT recseq_activate('m', 2);
SELECT recseq_drop_model('m', 2);
SELECT version, active FROM recseq_models ORDER BY version;
-- the last one: the model is gone, and its number starts anew with a new model of that name
SELECT recseq_drop_model('m', 4);
SELECT * FROM recseq_recommend(ARRAY[7, 6], 1, 'm');
SELECT (SELECT count(*) FROM recseq_model) AS models, (SELECT count(*) FROM recseq_version) AS versions, (SELECT count(*) FROM recseq_chunk) AS chunks;
SELECT train('ring', 'm');
SELECT item FROM recseq_recommend(ARRAY[6, 7], 1, 'm');
-- all of them
SELECT train('ring', 'm'), train('ring', 'other');
SELECT recseq_drop_model('m');
SELECT model, version, active FROM recseq_models ORDER BY version;
SELECT (SELECT count(*) FROM recseq_model) AS models, (SELECT count(*) FROM recseq_version) AS versions, (SELECT count(*) FROM recseq_chunk) AS chunks;
SELECT recseq_drop_model('other', NULL);

--
-- Transactions: a training that is rolled back leaves nothing
--
BEGIN;
SELECT train('ring', 'gone');
SELECT item FROM recseq_recommend(ARRAY[6, 7], 1, 'gone');
ROLLBACK;
SELECT * FROM recseq_recommend(ARRAY[6, 7], 1, 'gone');
SELECT (SELECT count(*) FROM recseq_model) AS models, (SELECT count(*) FROM recseq_version) AS versions, (SELECT count(*) FROM recseq_chunk) AS chunks;
BEGIN;
SELECT train('ring', 'kept');
SAVEPOINT before;
SELECT train('back', 'kept'), train('back', 'gone');
SELECT item FROM recseq_recommend(ARRAY[7, 6], 1, 'kept');
ROLLBACK TO before;
SELECT item FROM recseq_recommend(ARRAY[6, 7], 1, 'kept');
SELECT recseq_train('ring', 'kept', epochs => 0);
ROLLBACK TO before;
SELECT train('back', 'kept');
COMMIT;
SELECT model, version, active FROM recseq_models ORDER BY version;
SELECT item FROM recseq_recommend(ARRAY[7, 6], 1, 'kept');
SELECT item FROM recseq_recommend(ARRAY[6, 7], 1, 'kept', version => 1);
BEGIN;
SELECT recseq_drop_model('kept');
ROLLBACK;
SELECT item FROM recseq_recommend(ARRAY[7, 6], 1, 'kept');
-- an error that is caught
DO $$
BEGIN
	PERFORM train('ring', 'caught');
	RAISE EXCEPTION 'stop';
EXCEPTION WHEN raise_exception THEN
	RAISE NOTICE '%', (SELECT count(*) FROM recseq_models WHERE model = 'caught');
END $$;
-- training within a query, more than once
SELECT array_agg(train('ring', name) ORDER BY name) FROM unnest(ARRAY['x', 'y', 'x']) AS name;

-- a time limit ends training, and leaves nothing
SET statement_timeout = '300ms';
SELECT recseq_train('ring', 'endless', epochs => 10000, patience => 0, units => 128);
-- with a worker too
SET recseq.max_training_workers = 1;
SELECT recseq_train('ring', 'endless', epochs => 10000, patience => 0, units => 128);
RESET statement_timeout;
SET recseq.max_training_workers = 0;
SELECT count(*) FROM recseq_models WHERE model = 'endless';

-- what may not write does not
BEGIN READ ONLY;
SELECT train('ring', 'kept');
ROLLBACK;
BEGIN READ ONLY;
SELECT recseq_activate('kept', 1);
ROLLBACK;
BEGIN READ ONLY;
SELECT recseq_drop_model('kept');
ROLLBACK;
BEGIN READ ONLY;
SELECT count(*) FROM recseq_recommend(ARRAY[6, 7], model => 'kept');
SELECT cases FROM recseq_evaluate('ring', 'kept') LIMIT 1;
COMMIT;

-- old snapshots see old versions
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT item FROM recseq_recommend(ARRAY[7, 6], 1, 'kept');
SELECT train('ring', 'kept');
SELECT item FROM recseq_recommend(ARRAY[6, 7], 1, 'kept');
ROLLBACK;

-- nothing is left over
SELECT count(recseq_drop_model(model)) FROM recseq_model;
SELECT (SELECT count(*) FROM recseq_model) AS models, (SELECT count(*) FROM recseq_version) AS versions, (SELECT count(*) FROM recseq_chunk) AS chunks;
DROP VIEW back;
DROP TABLE ring;
DROP FUNCTION train;
