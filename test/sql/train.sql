--
-- Training: what is learned, from which types and columns, and what comes back
--
\set SHOW_CONTEXT never
SET recseq.progress = off;
SET recseq.max_training_workers = 0;

-- 20 items in a ring: each is followed by the next
CREATE TABLE ring AS
SELECT g AS id, ARRAY(SELECT (g + i) % 20 + 1 FROM generate_series(0, 7) i) AS items
FROM generate_series(0, 199) g;

-- one row says what was learned
SELECT model, version, sequences, windows, items, epochs, best_epoch BETWEEN 1 AND 20 AS best_epoch,
	   val_loss < 0.5 AS learned, hit_rate, seconds BETWEEN 0 AND 600 AS seconds
FROM recseq_train('ring', epochs => 20, patience => 0, units => 16, item_dim => 16, batch_size => 64, learning_rate => 0.02);
SELECT item FROM recseq_recommend(ARRAY[5, 6, 7], 1);
SELECT item FROM recseq_recommend(ARRAY[18, 19, 20], 1);

-- again: another version, and it is the active one
SELECT model, version FROM recseq_train('ring', epochs => 1, units => 16, item_dim => 16);
SELECT model, version, active, source FROM recseq_models ORDER BY model, version;
SELECT recseq_drop_model('default');

--
-- Every type of id
--
CREATE FUNCTION train_on(source regclass, variadic options text[] DEFAULT '{}') RETURNS TABLE (items int, sequences bigint, learned boolean)
LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE format('SELECT items, sequences, hit_rate > 0.9 FROM recseq_train(%L, ''typed'', epochs => 20, '
		'patience => 0, units => 16, item_dim => 16, feature_dim => 8, batch_size => 64, learning_rate => 0.02%s)',
		source, (SELECT string_agg(', ' || o, '') FROM unnest(options) o));
END $$;

CREATE VIEW ring_smallint AS SELECT id, items::smallint[] AS items FROM ring;
SELECT * FROM train_on('ring_smallint');
SELECT item, pg_typeof(item) FROM recseq_recommend(ARRAY[5, 6, 7]::smallint[], 1, 'typed');
SELECT item, pg_typeof(item) FROM recseq_recommend(ARRAY[5, 6, 7], 1, 'typed');

CREATE VIEW ring_bigint AS
SELECT id, ARRAY(SELECT 9000000000000000000 + i FROM unnest(items) WITH ORDINALITY AS u(i, n) ORDER BY n) AS items FROM ring;
SELECT * FROM train_on('ring_bigint');
SELECT item, pg_typeof(item) FROM recseq_recommend(ARRAY[9000000000000000005, 9000000000000000006], 1, 'typed');

CREATE VIEW ring_text AS
SELECT id, ARRAY(SELECT CASE i WHEN 7 THEN '' WHEN 8 THEN 'it''s "8", \ and all' ELSE 'item ' || i END
				 FROM unnest(items) WITH ORDINALITY AS u(i, n) ORDER BY n) AS items FROM ring;
SELECT * FROM train_on('ring_text');
SELECT item, pg_typeof(item) FROM recseq_recommend(ARRAY['item 5', 'item 6'], 1, 'typed');
SELECT item FROM recseq_recommend(ARRAY['item 6', ''], 1, 'typed');
SELECT item FROM recseq_recommend(ARRAY['', 'it''s "8", \ and all'], 1, 'typed');

CREATE VIEW ring_varchar AS SELECT id, items::varchar(20)[] AS items FROM ring_text;
SELECT * FROM train_on('ring_varchar');
SELECT item, pg_typeof(item) FROM recseq_recommend(ARRAY['item 5', 'item 6']::varchar[], 1, 'typed');

CREATE DOMAIN history AS int[] CHECK (cardinality(VALUE) > 0);
CREATE TABLE ring_domain AS SELECT id, items::history AS items FROM ring;
SELECT * FROM train_on('ring_domain');
SELECT item FROM recseq_recommend((SELECT items[3:5] FROM ring WHERE id = 0), 1, 'typed');

--
-- Features
--
CREATE TABLE shop AS
SELECT id, items,
	   ARRAY(SELECT (i - 1) / 5 + 100 FROM unnest(items) WITH ORDINALITY AS u(i, n) ORDER BY n) AS categories,
	   ARRAY(SELECT 'brand ' || i % 3 FROM unnest(items) WITH ORDINALITY AS u(i, n) ORDER BY n) AS brands,
	   ARRAY(SELECT CASE WHEN i % 4 > 0 THEN i % 4 END FROM unnest(items) WITH ORDINALITY AS u(i, n) ORDER BY n) AS "Price band"
FROM ring;

-- by default, categories; else what is named, or none
SELECT * FROM train_on('shop');
SELECT options -> 'features' AS features, vocabulary FROM recseq_models WHERE active AND model = 'typed';
SELECT rank, item, category FROM recseq_recommend(ARRAY[3, 4], 1, 'typed');
SELECT * FROM train_on('shop', 'features => ''{}''');
SELECT options -> 'features' AS features, vocabulary FROM recseq_models WHERE active AND model = 'typed';
SELECT rank, item, category FROM recseq_recommend(ARRAY[3, 4], 1, 'typed');
SELECT * FROM train_on('shop', 'features => ''{categories,brands,Price band}''');
SELECT options -> 'features' AS features, vocabulary FROM recseq_models WHERE active AND model = 'typed';
SELECT rank, item, category FROM recseq_recommend(ARRAY[3, 4], 1, 'typed');
SELECT * FROM train_on('shop', 'features => ''{brands}''');
SELECT rank, item, category FROM recseq_recommend(ARRAY['3', '4'], 1, 'typed');
-- the category of the answer is a text here, which an integer column cannot show
SELECT rank, item, category FROM recseq_recommend(ARRAY[3, 4], 1, 'typed');
-- integers and texts as values; a category array may be null as a whole, 0 stands for none
CREATE VIEW shop_some AS
SELECT id, items, CASE WHEN id % 10 <> 0 THEN array_replace(categories, 103, 0) END AS categories FROM shop;
SELECT * FROM train_on('shop_some');
SELECT vocabulary FROM recseq_models WHERE active AND model = 'typed';
SELECT rank, item, category FROM recseq_recommend(ARRAY[17, 18], 1, 'typed');
-- the category of an item is the newest that is seen of it
CREATE VIEW shop_moved AS
SELECT id, items, categories, array_fill('2020-01-01'::timestamptz + id * interval '1 day', ARRAY[8]) AS times FROM shop
UNION ALL
SELECT 1000, ARRAY[1, 2, 3], ARRAY[777, 777, 777], array_fill('2030-01-01'::timestamptz, ARRAY[3]);
SELECT * FROM train_on('shop_moved');
SELECT rank, item, category FROM recseq_recommend(ARRAY[1, 2], 1, 'typed');
SELECT rank, item, category FROM recseq_recommend(ARRAY[3, 4], 1, 'typed');

--
-- The four seed variants train and serve
--
CREATE TABLE variant (name text PRIMARY KEY, options text NOT NULL);
INSERT INTO variant VALUES
	('a', 'features => ''{}'', units => 16, layers => 2, bidirectional => true, attention => true, tied => false'),
	('b', 'features => ''{}'', units => 64, bidirectional => false, tied => false'),
	('c', 'features => ''{categories}'', units => 32, bidirectional => false, tied => false, item_dim => 50, feature_dim => 50'),
	('d', 'features => ''{categories}'', units => 32, bidirectional => true, tied => false, item_dim => 50, feature_dim => 50, dropout => 0.5');
CREATE FUNCTION train_variant(name text, options text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	learned	boolean;
BEGIN
	EXECUTE format('SELECT hit_rate > 0.9 FROM recseq_train(''shop'', %L, epochs => 15, patience => 0, batch_size => 64, '
		'learning_rate => 0.01, %s)', name, options) INTO learned;
	RETURN learned;
END $$;
SELECT name, train_variant(name, options) FROM variant ORDER BY name;
SELECT name, array_agg(item ORDER BY history[1]) AS nexts
FROM variant
CROSS JOIN (VALUES (ARRAY[1, 2, 3]), (ARRAY[11, 12]), (ARRAY[14, 15, 16, 17, 18])) AS h(history)
CROSS JOIN LATERAL recseq_recommend(history, 1, name)
GROUP BY name ORDER BY name;
-- with other losses
SELECT l AS loss, train_variant(l, format('loss => %L, negatives => 16', l)) FROM unnest(ARRAY['sampled_softmax', 'bpr_max']) l;
SELECT l AS loss, item FROM unnest(ARRAY['sampled_softmax', 'bpr_max']) l, recseq_recommend(ARRAY[1, 2, 3], 1, l);
-- unless told otherwise the number of items decides
CREATE TEMP VIEW many_items AS SELECT s AS id, ARRAY(SELECT generate_series(s * 100, s * 100 + 100)) AS items FROM generate_series(0, 199) s;
SELECT items FROM recseq_train('many_items', 'many', epochs => 1, units => 2, item_dim => 2, negatives => 16, max_length => 1, ranker => false, validation_fraction => 0);
SELECT model, options->>'loss' AS loss FROM recseq_models WHERE model IN ('a', 'many') ORDER BY model;
SELECT recseq_drop_model('many');
-- also with several layers both ways, and tied with attention
SELECT train_variant('e', 'units => 8, layers => 3, tied => true'),
	   train_variant('f', 'units => 16, layers => 1, attention => true, tied => true');

--
-- The same data, options and seed give the same weights, however the rows lie, and however
-- many workers join
--
SET recseq.max_training_workers = 2;
CREATE FUNCTION image_of(model text) RETURNS text LANGUAGE sql AS $$
	SELECT md5(string_agg(c.data, ''::bytea ORDER BY c.chunk))
	FROM recseq_model m JOIN recseq_chunk c ON c.id = m.active_id WHERE m.model = $1
$$;
CREATE TABLE shop_shuffled AS SELECT * FROM shop ORDER BY id * 7919 % 200 DESC;
CREATE VIEW shop_timed AS SELECT *, array_fill('2020-01-01'::timestamptz + id / 2 * interval '1 day', ARRAY[8]) AS times FROM shop;
CREATE VIEW shop_timed_shuffled AS SELECT *, array_fill('2020-01-01'::timestamptz + id / 2 * interval '1 day', ARRAY[8]) AS times FROM shop_shuffled;
SELECT count(*) FROM recseq_train('shop', 'same 1', epochs => 2, units => 8);
SELECT count(*) FROM recseq_train('shop', 'same 2', epochs => 2, units => 8);
SELECT count(*) FROM recseq_train('shop_shuffled', 'same 3', epochs => 2, units => 8);
SELECT count(*) FROM recseq_train('shop', 'other seed', epochs => 2, units => 8, seed => -2);
SELECT count(*) FROM recseq_train('shop_timed', 'timed 1', epochs => 2, units => 8);
SELECT count(*) FROM recseq_train('shop_timed_shuffled', 'timed 2', epochs => 2, units => 8);
SELECT count(*) FROM recseq_train('shop', 'alone', epochs => 2, units => 8, workers => 0);
SELECT count(*) FROM recseq_train('shop', 'two', epochs => 2, units => 8, workers => 2);
SET max_parallel_workers = 0;
SELECT count(*) FROM recseq_train('shop', 'none to be had', epochs => 2, units => 8, workers => 2);
RESET max_parallel_workers;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT count(*) FROM recseq_train('shop', 'serializable', epochs => 2, units => 8, workers => 2);
COMMIT;
SELECT bool_and(image_of(model) = image_of('same 1')) AS any_workers FROM unnest(ARRAY['alone', 'two', 'none to be had', 'serializable']) AS model;
SELECT image_of('same 1') = image_of('same 2') AS again, image_of('same 1') = image_of('same 3') AS shuffled,
	   image_of('timed 1') = image_of('timed 2') AS timed_shuffled, image_of('same 1') = image_of('other seed') AS other_seed;
SELECT options -> 'seed' AS seed FROM recseq_models WHERE model IN ('same 1', 'other seed') ORDER BY model;

SET recseq.max_training_workers = 0;

--
-- The validation part
--

-- none
SELECT windows, epochs, best_epoch, val_loss, hit_rate FROM recseq_train('ring', 'part', epochs => 3, validation_fraction => 0);
SELECT val_loss, hit_rate FROM recseq_models WHERE model = 'part' AND active;
SELECT curve -> 2 ->> 'epoch' AS last, jsonb_typeof(curve -> 2 -> 'loss') AS loss, jsonb_typeof(curve -> 2 -> 'val_loss') AS val_loss
FROM recseq_models WHERE model = 'part' AND active;
-- the share that is asked for
SELECT sequences, windows, val_loss > 0 AS has_loss FROM recseq_train('ring', 'part', epochs => 1, validation_fraction => 0.25);
SELECT sequences, windows FROM recseq_train('ring', 'part', epochs => 1, validation_fraction => 0.7);
SELECT sequences, windows FROM recseq_train('ring', 'part', epochs => 1, validation_fraction => 0.9);
-- the newest, where there are times: what it holds is unlike the rest
CREATE VIEW ring_timed AS
SELECT id, CASE WHEN id < 180 THEN items ELSE ARRAY[1, 2] END AS items,
	   array_fill('2020-01-01'::timestamptz + id * interval '1 day', ARRAY[CASE WHEN id < 180 THEN 8 ELSE 2 END]) AS times
FROM ring;
SELECT windows FROM recseq_train('ring_timed', 'part', epochs => 1);
-- one sequence is enough
CREATE VIEW one_sequence AS SELECT ARRAY[7, 8] AS items;
SELECT sequences, windows, items, val_loss FROM recseq_train('one_sequence', 'part', epochs => 2);
SELECT count(*) FROM recseq_recommend(ARRAY[7], model => 'part');
-- and it may be of one item alone, again and again
CREATE VIEW one_item AS SELECT ARRAY[7, 7, 7] AS items;
SELECT sequences, windows, items, val_loss FROM recseq_train('one_item', 'part', epochs => 2);
SELECT rank, item, score, confidence, reason FROM recseq_recommend(ARRAY[7], model => 'part');
-- patience ends training before its time
SELECT epochs < 100 AS stopped, epochs - best_epoch AS waited
FROM recseq_train('ring', 'part', epochs => 100, patience => 2, learning_rate => 0.1, units => 8, item_dim => 8, validation_metric => 'loss');
-- the curve has an object an epoch, of which the best is the one that was kept
SELECT jsonb_array_length(curve) = epochs AS complete, (curve -> (best_epoch - 1) ->> 'epoch')::int = best_epoch AS in_order,
	   abs((curve -> (best_epoch - 1) ->> 'val_loss')::float8 - val_loss) < 1e-4 AS same_loss,
	   abs(val_loss - (SELECT min((e ->> 'val_loss')::float8) FROM jsonb_array_elements(curve) e)) < 1e-4 AS lowest,
	   (SELECT bool_and((e ->> 'loss')::float8 > 0 AND (e ->> 'hit_rate')::float8 BETWEEN 0 AND 1 AND (e ->> 'learning_rate')::float8 BETWEEN 1e-8 AND 0.1)
		FROM jsonb_array_elements(curve) e) AS in_range
FROM recseq_models WHERE model = 'part' AND active;
-- scores by cosine, the newest item past the LSTM, dropout of embeddings and a learning rate by steps; what judges an epoch
SELECT windows > 0 AS trained, epochs FROM recseq_train('ring', 'cosine', epochs => 6, scale => 14, residual => true, embedding_dropout => 0.2, dropout => 0,
	decay => 0.5, decay_epochs => 2, patience => 0, units => 8, item_dim => 8, validation_metric => 'hit_rate');
SELECT (e ->> 'epoch')::int AS epoch, (e ->> 'learning_rate')::float8 AS learning_rate, (e ->> 'mrr')::float8 BETWEEN 0 AND 1 AS has_mrr
FROM recseq_models, jsonb_array_elements(curve) e WHERE model = 'cosine' ORDER BY 1;
SELECT (curve -> (best_epoch - 1) ->> 'hit_rate')::float8 = (SELECT max((e ->> 'hit_rate')::float8) FROM jsonb_array_elements(curve) e) AS best
FROM recseq_models WHERE model = 'cosine';
SELECT count(*) FROM recseq_recommend(ARRAY[7], model => 'cosine');
-- copying: visitors who come back to the item before the newest one, whichever that is; so also to one that nobody has seen before
CREATE TABLE comes_back AS SELECT ARRAY[a, b, a, b, a] AS items FROM (SELECT i % 40 AS a, (i + i / 40 * 3 + 1) % 40 AS b FROM generate_series(1, 400) i) g;
SELECT windows > 0 AS trained FROM recseq_train('comes_back', 'copying', ranker => false, epochs => 8, units => 8, item_dim => 8, learning_rate => 0.01, patience => 0);
SELECT h.items, r.item AS answered, r.score > 0.5 AS probable
FROM (VALUES (ARRAY[3, 5]), (ARRAY[1003, 1005]), (ARRAY[3, 1005, 3])) h(items), recseq_recommend(h.items, 1, 'copying', unknown_items => true) r ORDER BY 1;
SELECT sum(score) BETWEEN 0.999 AND 1.001 AS all_of_it, count(*) FROM recseq_recommend(ARRAY[1003, 5], 100, 'copying', unknown_items => true);
SELECT count(*) FROM recseq_recommend(ARRAY[1003, 5], 100, 'copying', exclude_seen => true, unknown_items => true) WHERE item IN (1003, 5);
CREATE TABLE asks AS SELECT 1 AS visitor, ARRAY[1003, 1005] AS items UNION SELECT 2, ARRAY[3, 1005, 3] UNION SELECT 3, '{}';
SELECT count(*) FROM (SELECT id::int, rank, item FROM recseq_recommend_batch('asks', 5, 'copying', unknown_items => true)
	EXCEPT SELECT visitor, rank, item FROM asks, recseq_recommend(items, 5, 'copying', unknown_items => true)) d;
-- weights of their own have neither scale nor residual, nor do they copy
SELECT windows > 0 AS trained FROM recseq_train('ring', 'own', epochs => 1, scale => 14, residual => true, copy => true, tied => false, units => 8);
SELECT options -> 'scale' AS scale, options -> 'residual' AS residual, options -> 'copy' AS copy FROM recseq_models WHERE model = 'own';

--
-- Long sequences: all their windows, of which max_length items are read
--
CREATE VIEW long_sequence AS SELECT 1 AS id, ARRAY(SELECT g % 50 FROM generate_series(1, 5000) g) AS items
UNION ALL SELECT 2, ARRAY[1, 2];
SELECT sequences, windows, items FROM recseq_train('long_sequence', 'long', epochs => 1, validation_fraction => 0, max_length => 10, ranker => false);
SELECT count(*) AS same FROM recseq_recommend(ARRAY(SELECT g % 50 FROM generate_series(1, 200) g), 50, 'long') a
JOIN recseq_recommend(ARRAY(SELECT g % 50 FROM generate_series(191, 200) g), 50, 'long') b USING (rank, item, score);
SELECT windows FROM recseq_train('ring', 'long', epochs => 1, max_length => 1, ranker => false);
SELECT count(*) AS same FROM recseq_recommend(ARRAY[3, 2, 9], 50, 'long') a JOIN recseq_recommend(ARRAY[9], 50, 'long') b USING (rank, item, score);
SELECT windows FROM recseq_train('ring', 'long', epochs => 1, max_length => 1000, batch_size => 16);
SELECT count(*) FROM recseq_recommend(ARRAY(SELECT g % 20 FROM generate_series(1, 1000) g), 50, 'long');

--
-- Sources of every kind, with odd names
--
CREATE SCHEMA "Odd ""schema""";
CREATE TABLE "Odd ""schema"""."Ring, of; items" (dropped int, "Id ""1""" text, gone text, items int[]);
INSERT INTO "Odd ""schema"""."Ring, of; items" SELECT 1, id, 'x', items FROM ring;
ALTER TABLE "Odd ""schema"""."Ring, of; items" DROP COLUMN dropped, DROP COLUMN gone;
SELECT sequences FROM recseq_train('"Odd ""schema"""."Ring, of; items"', 'Odd ''name"', epochs => 1);
SELECT model, source FROM recseq_models WHERE model LIKE 'Odd%';
SELECT count(*) FROM recseq_recommend(ARRAY[1], model => 'Odd ''name"');
CREATE TABLE ring_parted (id int, items int[]) PARTITION BY RANGE (id);
CREATE TABLE ring_parted_1 PARTITION OF ring_parted FOR VALUES FROM (0) TO (100);
CREATE TABLE ring_parted_2 (items int[], id int);
ALTER TABLE ring_parted ATTACH PARTITION ring_parted_2 FOR VALUES FROM (100) TO (200);
INSERT INTO ring_parted SELECT id, items FROM ring;
CREATE MATERIALIZED VIEW ring_stored AS SELECT * FROM ring;
CREATE TEMP TABLE ring_temporary AS SELECT * FROM ring;
SELECT sequences FROM recseq_train('ring_parted', 'kinds', epochs => 1);
SELECT sequences FROM recseq_train('ring_stored', 'kinds', epochs => 1);
SELECT sequences FROM recseq_train('ring_temporary', 'kinds', epochs => 1);
SELECT image_of('kinds') = image_of('odd') AS same FROM recseq_train('ring', 'odd', epochs => 1);
-- shorter ones are left out; they do not count
CREATE VIEW ring_short AS SELECT id, items FROM ring WHERE id < 100 UNION ALL SELECT id, CASE WHEN id % 2 = 0 THEN ARRAY[999] ELSE '{}' END FROM ring WHERE id >= 100;
SELECT sequences, windows, items FROM recseq_train('ring_short', 'kinds', epochs => 1);
-- the source is seen as it is in this transaction
BEGIN;
DELETE FROM ring WHERE id >= 50;
SELECT sequences FROM recseq_train('ring', 'kinds', epochs => 1);
ROLLBACK;
-- called from PL/pgSQL, with what the function has just written
DO $$
DECLARE
	learned	record;
BEGIN
	CREATE TEMP TABLE fresh AS SELECT * FROM ring WHERE id < 30;
	INSERT INTO fresh SELECT * FROM ring WHERE id BETWEEN 30 AND 39;
	SELECT * INTO learned FROM recseq_train('fresh', 'kinds', epochs => 1);
	RAISE NOTICE '% sequences, next %', learned.sequences, (SELECT count(*) FROM recseq_recommend(ARRAY[1], model => 'kinds'));
END $$;

-- options are kept as they were used
SELECT string_agg(option, ' ' ORDER BY option COLLATE "C") FROM recseq_models, jsonb_object_keys(options) AS option WHERE model = 'a';
SELECT options ->> 'units' AS units, options ->> 'layers' AS layers, options ->> 'attention' AS attention, options ->> 'tied' AS tied
FROM recseq_models WHERE model = 'a';

SET client_min_messages = warning;
SELECT count(recseq_drop_model(model)) FROM recseq_model;
DROP SCHEMA "Odd ""schema""" CASCADE;
DROP TABLE ring, shop, shop_shuffled, ring_domain, ring_parted, variant CASCADE;
DROP VIEW one_sequence, one_item, long_sequence;
DROP DOMAIN history;
DROP FUNCTION train_on, train_variant, image_of;
