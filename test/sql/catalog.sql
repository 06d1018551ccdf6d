--
-- A catalog: items that nobody has touched, and items that cannot be sold
--
\set SHOW_CONTEXT errors
SET recseq.progress = off;
SET recseq.max_training_workers = 0;

-- six categories of fifty items: the first eight are sold all the time, and of the others always one is new
CREATE TABLE visits AS
	SELECT v AS visitor, array_agg(c * 100 + i ORDER BY g) AS items, array_agg(c ORDER BY g) AS categories,
		array_agg('2024-01-01'::timestamptz + v * interval '1 hour' + g * interval '1 minute' ORDER BY g) AS times
	FROM generate_series(1, 600) v, LATERAL (SELECT 1 + v % 6 AS c) x, generate_series(1, 4) g,
		LATERAL (SELECT CASE WHEN g = 4 THEN 8 + v / 20 ELSE (v * 7 + g * 3 + v / 6) % 8 END AS i) y
	GROUP BY v;
CREATE TABLE products (item int, category int, available boolean);
INSERT INTO products SELECT c * 100 + i, c, i % 10 <> 3 FROM generate_series(1, 6) c, generate_series(0, 49) i;
SELECT items FROM recseq_train('visits', 'plain', epochs => 2);
SELECT items FROM recseq_train('visits', 'shop', epochs => 2, catalog => 'products');

-- all that can be sold is answered, nothing else; scores are probabilities
SELECT count(*), count(*) FILTER (WHERE available) AS available, count(*) FILTER (WHERE item % 100 >= 39) AS untouched,
	sum(score) BETWEEN 0.8 AND 1.0001 AS probable
FROM recseq_recommend(ARRAY[101, 102, 103], 500, 'shop') JOIN products USING (item);
SELECT item, category, reason FROM recseq_recommend(ARRAY[101, 102, 103], 500, 'shop') WHERE item IN (148, 149) ORDER BY item;
SELECT count(*) FROM recseq_recommend(ARRAY[101, 102, 999], 500, 'shop') WHERE item = 999;
SELECT count(*) FROM recseq_recommend('{}'::int[], 500, 'shop') JOIN products USING (item) WHERE NOT available;
CREATE TABLE histories AS SELECT * FROM (VALUES (1, ARRAY[101, 102, 103]), (2, ARRAY[148]), (3, '{}')) h(id, items);
SELECT count(*), count(*) FILTER (WHERE NOT available) AS not_available
FROM recseq_recommend_batch('histories', 500, 'shop') JOIN products USING (item);
SELECT count(*) FROM recseq_recommend(ARRAY[101, 102, 103], 500, 'shop', exclude => ARRAY[148, 104]) WHERE item IN (104, 148);
-- what nobody has touched has its category when it is read
SELECT DISTINCT category FROM recseq_recommend(ARRAY[248], 500, 'shop') WHERE reason = 'same category as 248';
-- similar items are those of which something is known
SELECT count(*) FILTER (WHERE item % 100 >= 39) AS untouched, count(*) FILTER (WHERE item % 10 = 3) AS not_available, count(*)
FROM recseq_similar_items(148, 500, 'shop');

-- the network learns the same with and without
SELECT a.curve = b.curve AS same FROM recseq_models a, recseq_models b WHERE a.model = 'plain' AND b.model = 'shop';
-- and alone it answers from the catalog, too
SELECT items FROM recseq_train('visits', 'network', epochs => 2, ranker => false, catalog => 'products');
SELECT count(*), count(*) FILTER (WHERE available) AS available FROM recseq_recommend(ARRAY[101, 102, 103], 500, 'network') JOIN products USING (item);
SELECT items FROM recseq_train('visits', 'weights', epochs => 2, ranker => false, tied => false, features => '{}', catalog => 'products');
SELECT count(*) FROM recseq_recommend(ARRAY[101, 102, 103], 500, 'weights');

-- a model that moves takes its catalog along
SELECT version FROM recseq_import_model(recseq_export_model('shop'), 'moved');
SELECT count(*) FROM (SELECT item, score FROM recseq_recommend(ARRAY[101, 102, 103], 500, 'moved')
	EXCEPT SELECT item, score FROM recseq_recommend(ARRAY[101, 102, 103], 500, 'shop')) d;

-- an update keeps the catalog, what it adds can be sold; another one takes its place
CREATE TABLE newer AS SELECT 1000 + v AS visitor, ARRAY[148, 101, 700] AS items, ARRAY[1, 1, 7] AS categories,
	array_fill('2024-02-01'::timestamptz + v * interval '1 hour', ARRAY[3]) AS times FROM generate_series(1, 20) v;
SELECT items FROM recseq_update('shop', 'newer');
SELECT count(*), count(*) FILTER (WHERE item = 700) AS added, count(*) FILTER (WHERE item % 10 = 3) AS not_available
FROM recseq_recommend(ARRAY[101, 102, 103], 500, 'shop');
SELECT reason FROM recseq_recommend(ARRAY[148, 101], 500, 'shop') WHERE item = 700;
CREATE VIEW other AS SELECT item, category FROM products WHERE item <> 149 UNION ALL SELECT 799, 7;
SELECT items FROM recseq_update('shop', 'newer', catalog => 'other');
SELECT count(*), array_agg(item ORDER BY item) FILTER (WHERE item IN (113, 149, 700, 799)) AS of_these FROM recseq_recommend(ARRAY[101, 102, 103], 500, 'shop');

-- null does not say that an item cannot be sold
CREATE VIEW not_known AS SELECT item, category, CASE WHEN item % 2 = 0 THEN false END AS available FROM products;
SELECT items FROM recseq_update('network', 'visits', catalog => 'not_known');
SELECT count(*), sum(item % 2) AS odd FROM recseq_recommend(ARRAY[101, 102, 103], 500, 'network');

-- targets that training has never seen
CREATE TABLE both_days AS SELECT visitor, items, categories, times FROM visits UNION ALL
	SELECT 2000 + v, ARRAY[c * 100 + v % 8, c * 100 + (v + 3) % 8, c * 100 + (v + 6) % 8, c * 100 + 40 + v % 3], ARRAY[c, c, c, c],
		ARRAY['2024-02-29 23:57'::timestamptz, '2024-02-29 23:58', '2024-02-29 23:59', '2024-03-01']
	FROM generate_series(1, 60) v, LATERAL (SELECT 1 + v % 6 AS c) x;
SELECT unseen_cases, unseen_unknown_targets, unseen_unknown_hit_rate > 0.5 AS hits
FROM recseq_backtest('both_days', NULL, 20, '{"epochs": 2, "catalog": "products"}', 'temporal', '2024-03-01') WHERE method = 'model';
SELECT unknown_targets, unknown_hit_rate, unseen_unknown_targets, unseen_unknown_hit_rate
FROM recseq_backtest('both_days', NULL, 20, '{"epochs": 2}', 'temporal', '2024-03-01') WHERE method = 'model';

-- the first column stands for "item", and texts are ids as well
CREATE TABLE words AS SELECT visitor, items::text[] AS items, categories::text[] AS categories FROM visits;
CREATE TABLE word_products AS SELECT item::text AS sku, category::text AS category FROM products;
SELECT items FROM recseq_train('words', 'words', epochs => 1, catalog => 'word_products');
SELECT count(*) FROM recseq_recommend('{101,102}'::text[], 500, 'words');
CREATE DOMAIN product_number AS int CHECK (VALUE > 0);
CREATE TABLE of_domain AS SELECT item::product_number AS item, NULL::int AS categories FROM products;
SELECT items FROM recseq_train('visits', 'words', epochs => 1, catalog => 'of_domain');

-- what is no catalog
CREATE TABLE bad (item int, category int, available boolean);
CREATE FUNCTION outcome(catalog text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SELECT recseq_train(%L, %L, epochs => 1, catalog => %L::regclass)', 'visits', current_user, catalog);
	RETURN 'trained';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
SELECT outcome('bad') AS empty;
INSERT INTO bad VALUES (100, 1, true), (101, NULL, NULL), (100, 1, true);
SELECT outcome('bad') AS twice;
TRUNCATE bad;
INSERT INTO bad VALUES (900, 1, true), (900, 1, true);
SELECT outcome('bad') AS untouched_twice;
TRUNCATE bad;
INSERT INTO bad VALUES (NULL, 1, true);
SELECT outcome('bad') AS no_item;
CREATE VIEW bad_item AS SELECT item::text FROM products;
CREATE VIEW bad_category AS SELECT item, category::text FROM products;
CREATE VIEW bad_available AS SELECT item, 'yes'::text AS available FROM products;
CREATE VIEW bad_type AS SELECT item::numeric FROM products;
CREATE TABLE no_column ();
CREATE SEQUENCE no_table;
SELECT name, outcome(name) FROM unnest('{bad_item,bad_category,bad_available,bad_type,no_column,no_table,visits}'::text[]) name;
-- its memory is that of the training
SET recseq.max_training_memory = '16MB';
CREATE VIEW large AS SELECT i AS item FROM generate_series(1, 3000000) i;
SELECT regexp_replace(outcome('large'), '\d+', 'N', 'g') AS large;
RESET recseq.max_training_memory;

-- it is read with the rights of the caller, and row by row as they see it
CREATE ROLE regress_catalog;
GRANT SELECT ON visits TO regress_catalog;
GRANT EXECUTE ON FUNCTION outcome TO regress_catalog;
DO $$ BEGIN
	EXECUTE (SELECT string_agg(format('GRANT EXECUTE ON FUNCTION %s TO regress_catalog', oid::regprocedure), ';')
		FROM pg_proc WHERE proname = 'recseq_train');
END $$;
SET ROLE regress_catalog;
SELECT outcome('products') AS forbidden;
RESET ROLE;
GRANT SELECT (item) ON products TO regress_catalog;
SET ROLE regress_catalog;
SELECT outcome('products') AS only_ids;
RESET ROLE;
GRANT SELECT ON products TO regress_catalog;
ALTER TABLE products ENABLE ROW LEVEL SECURITY;
CREATE POLICY small ON products FOR SELECT TO regress_catalog USING (item < 250);
SET ROLE regress_catalog;
SELECT outcome('products') AS some;
SELECT count(*), max(item) FROM recseq_recommend(ARRAY[101, 102], 500, 'regress_catalog');
RESET ROLE;

SET client_min_messages = warning;
SELECT count(recseq_drop_model(model)) FROM recseq_model;
DROP OWNED BY regress_catalog;
DROP ROLE regress_catalog;
DROP VIEW other, not_known, bad_item, bad_category, bad_available, bad_type, large;
DROP TABLE visits, products, histories, newer, both_days, words, word_products, of_domain, bad, no_column;
DROP SEQUENCE no_table;
DROP DOMAIN product_number;
DROP FUNCTION outcome;
