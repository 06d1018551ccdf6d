--
-- A kit over a shop's own tables: recseq_kit
--
\set SHOW_CONTEXT never
SET recseq.progress = off;
SET timezone = 'UTC';
SET datestyle = 'ISO';

-- a shop with ids of each type: orders and their lines, which are of one instant
CREATE SCHEMA shop;
CREATE TYPE shop.kind AS ENUM ('basket', 'buy', 'look');
CREATE DOMAIN shop.sku AS text;
CREATE TABLE shop.numbers AS
	SELECT n, n / 3 AS number, md5(n::text)::uuid AS uid,
		1 + (n * 7 + n / 3) % 40 AS item, 1 + n / 12 AS customer, timestamptz '2026-01-01' + n / 3 * interval '1 hour' AS at,
		CASE n % 4 WHEN 0 THEN 'basket' WHEN 3 THEN 'look' ELSE 'buy' END AS kind
	FROM generate_series(0, 1199) n;
CREATE TABLE shop.orders_integer (customer_id smallint NOT NULL, product_id int, "at" timestamptz, line_no int, kind shop.kind);
INSERT INTO shop.orders_integer SELECT customer, item, at, n % 3, kind::shop.kind FROM shop.numbers;
CREATE TABLE shop.orders_bigint (client bigint, article bigint, seconds timestamp, n int);
INSERT INTO shop.orders_bigint SELECT 5000000000 + customer, 6000000000 + item, at, n FROM shop.numbers;
CREATE TABLE shop.orders_text (customer_id varchar(20), sku shop.sku, "at" date, what text, position int);
INSERT INTO shop.orders_text SELECT 'c-' || customer, 'SKU/' || item, at, kind, n FROM shop.numbers;
CREATE TABLE shop.orders_uuid (user_id uuid, product_id uuid, created_at bigint);
INSERT INTO shop.orders_uuid SELECT md5('c' || customer)::uuid, md5('i' || item)::uuid, extract(epoch FROM at) * 1000 + n % 3 FROM shop.numbers;

CREATE TABLE shop.products_integer (id smallint PRIMARY KEY, name text, category int, price numeric(10, 2));
INSERT INTO shop.products_integer SELECT n, 'Mug ' || n, 100 + n % 4, n * 1.5 FROM generate_series(1, 38) n;
CREATE TABLE shop.products_text (sku text PRIMARY KEY, title varchar, category text, image_url text, link text, price float8, in_stock int);
INSERT INTO shop.products_text SELECT 'SKU/' || n, 'Mug ' || n, 'cat ' || n % 4, 'https://shop.example/' || n || '.png', 'https://shop.example/' || n, n * 1.5, n % 3
FROM generate_series(1, 38) n;
CREATE TABLE shop.products_uuid (id uuid PRIMARY KEY, name text, category_id uuid, available boolean);
INSERT INTO shop.products_uuid SELECT md5('i' || n)::uuid, 'Mug ' || n, md5('c' || n % 4)::uuid, n % 3 > 0 FROM generate_series(1, 38) n;

-- columns of usual names need not be named
SELECT recseq_kit('kit_integer', 'shop.orders_integer', event_kinds => '{basket,buy}', items => 'shop.products_integer');
SELECT recseq_kit('kit_bigint', 'shop.orders_bigint', 'client', 'article', 'seconds', order_column => 'n');
SELECT recseq_kit('kit_text', 'shop.orders_text', kind_column => 'what', time_column => 'at', items => 'shop.products_text');
SELECT recseq_kit('kit_uuid', events => 'shop.orders_uuid', items => 'shop.products_uuid', category_column => 'category_id', order_column => '');

SELECT a.attname, string_agg(format('%s %s', c.relnamespace::regnamespace, format_type(a.atttypid, NULL)), ', ' ORDER BY c.relnamespace::regnamespace::text) AS types
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE c.relname = 'training_sequences' AND c.relnamespace::regnamespace::text LIKE 'kit_%' AND a.attnum > 0
GROUP BY a.attname ORDER BY a.attname;

-- the steps: lines of one order in their order, kinds that do not count left out
SELECT * FROM kit_integer.interactions WHERE visitorid = 2;
SELECT * FROM kit_integer.sequences WHERE visitorid = 2;
SELECT visitorid, items, events, times[1:2] FROM kit_bigint.training_sequences WHERE visitorid = 5000000002;
SELECT visitorid, items, categories[:3], price_bands[:3], length FROM kit_text.sequences WHERE visitorid = 'c-2';
SELECT items[:2], categories[:2] FROM kit_uuid.sequences WHERE visitorid = md5('c2')::uuid;
SELECT * FROM kit_text.products WHERE itemid = 'SKU/7';
SELECT item, category, name, price, available, known FROM kit_text.describe_items('{SKU/9,nothing,SKU/39,SKU/7}');
SELECT name, available, known FROM kit_uuid.describe_items(ARRAY[md5('i3')::uuid::text, 'x', '', md5('x')::uuid::text]);
SELECT * FROM kit_integer.describe_items('{3,-1}');
SELECT * FROM kit_bigint.describe_items('{6000000003}');
-- ids as numbers, categories as texts: models see texts
CREATE TABLE shop.products_mixed AS SELECT id::bigint AS product_id, 'cat ' || id % 4 AS category FROM shop.products_integer;
SELECT recseq_kit('kit_mixed', 'shop.orders_integer', items => 'shop.products_mixed');
SELECT items[:3], categories[:3] FROM kit_mixed.sequences WHERE visitorid = 2;
SELECT item, category, known FROM kit_mixed.describe_items('{3,x,99999999999999999}');
SET client_min_messages = warning;
DROP SCHEMA kit_mixed CASCADE;
RESET client_min_messages;

-- reports
SELECT itemid, category, views, addtocarts, transactions, rank FROM kit_integer.item_popularity ORDER BY rank, itemid LIMIT 3;
SELECT visitorid, length, items, addtocarts, transactions, in_training FROM kit_text.sequence_statistics WHERE visitorid = 'c-2';
SELECT * FROM kit_uuid.events_by_day ORDER BY day LIMIT 2;
SELECT * FROM kit_bigint.sequence_lengths;

-- everything has a comment
SELECT c.oid::regclass, a.attname
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
WHERE c.relnamespace::regnamespace::text LIKE 'kit_%' AND c.relkind IN ('r', 'v')
	AND (obj_description(c.oid, 'pg_class') IS NULL OR col_description(c.oid, a.attnum) IS NULL);

--
-- A model of each; what recommend_visitor says is what recseq_recommend says, of what there is and can be had
--
CREATE FUNCTION try(kit name) RETURNS TABLE (visitors int, different int, kept int, stale int) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SELECT version FROM recseq_train(%L, %L, epochs => 1, units => 4, item_dim => 4, feature_dim => 4)', kit || '.training_sequences', kit);
	EXECUTE format('UPDATE %I.settings SET model = %L, k = 3', kit, kit);
	EXECUTE format('SELECT count(DISTINCT s.visitorid), count(*) FILTER (WHERE v IS DISTINCT FROM r)
		FROM (SELECT array_agg(item) FILTER (WHERE available) AS available, count(*) > 0 AS listed FROM %1$I.catalog) c, %1$I.sequences s,
		LATERAL %1$I.recommend_visitor(s.visitorid) v
		JOIN LATERAL recseq_recommend(s.items, 3, %1$L, categories => s.categories, events => s.events, times => s.times,
			only_items => c.available, unknown_items => c.listed) r USING (rank)', kit) INTO visitors, different;
	EXECUTE format('SELECT %I.refresh_visitor_recommendations()', kit) INTO kept;
	EXECUTE format('SELECT count(*) FROM %1$I.visitor_recommendations k FULL JOIN %1$I.recommendations r USING (visitorid, rank)
		WHERE k.item IS DISTINCT FROM r.itemid AND abs(k.score - r.score) > 0.001 OR k.score IS NULL OR r.score IS NULL', kit) INTO stale;
	RETURN NEXT;
END $$;
SELECT kit, t.* FROM unnest(ARRAY['kit_integer', 'kit_bigint', 'kit_text', 'kit_uuid']) AS kit, try(kit) t;
SELECT count(*), bool_and(reason = 'popular') AS popular FROM kit_text.recommend_visitor('nobody', model => 'kit_text');
SELECT count(*), bool_and(item LIKE '________-%') AS uuids FROM kit_uuid.recommend_visitor(md5('c2')::uuid, model => 'kit_uuid');

-- what is no longer there, or cannot be had, is not answered, however much of it that is; what is new is
CREATE FUNCTION answered(visitor text) RETURNS text LANGUAGE sql AS
	$$SELECT format('%s rows, %s of them to be had', count(*), count(*) FILTER (WHERE c.available)) FROM kit_text.recommend_visitor($1) r LEFT JOIN kit_text.catalog c USING (item)$$;
SELECT item, category, price_bands, available FROM kit_text.catalog ORDER BY item LIMIT 3;
SELECT answered('c-2'), answered('nobody');
BEGIN;
DELETE FROM shop.products_text WHERE sku IN (SELECT item FROM kit_text.recommend_visitor('c-2'));
SELECT answered('c-2');
DELETE FROM shop.products_text WHERE sku NOT IN ('SKU/1', 'SKU/7', 'SKU/8');
SELECT answered('c-2'), answered('nobody');
SELECT item FROM kit_text.recommend_visitor('c-2', only_items => '{SKU/2,SKU/7}');
UPDATE shop.products_text SET in_stock = 0;
SELECT answered('c-2');
SELECT kit_text.refresh_visitor_recommendations();
SELECT count(*) FROM kit_text.visitor_recommendations;
ROLLBACK;
INSERT INTO shop.products_text VALUES ('SKU/new', 'New', 'cat 1', NULL, NULL, 5, 3), ('SKU/none', 'None', 'cat 1', NULL, NULL, 5, 0);
INSERT INTO shop.orders_text VALUES ('c-2', 'SKU/new', '2026-03-01', 'buy', 1), ('c-2', 'SKU/none', '2026-03-01', 'buy', 1), ('c-2', 'SKU/not there', '2026-03-01', 'buy', 1);
SELECT item, reason FROM kit_text.recommend_visitor('c-2', 100) WHERE item IN ('SKU/new', 'SKU/none', 'SKU/not there');
SELECT count(*) FROM kit_text.recommend_visitor('c-2', 100, unknown_items => false) WHERE item = 'SKU/new';
-- rules and the rest, as arguments and of settings
SELECT count(*) > 1 AS several, count(*) FILTER (WHERE reason = 'seen before') AS seen, max(n) AS of_a_category
FROM (SELECT *, count(*) OVER (PARTITION BY category) AS n FROM kit_text.recommend_visitor('c-2', 4, exclude_seen => true, rules => '{"max_per_category": 1}')) r;
SELECT item FROM kit_text.recommend_visitor('c-2', 2, only_items => '{SKU/4,SKU/7,SKU/8}', exclude => '{SKU/8}') ORDER BY item;
SELECT DISTINCT category FROM kit_text.recommend_visitor('c-2', only_categories => '{cat 2}');
UPDATE kit_text.settings SET rules = '[]';
UPDATE kit_text.settings SET rules = '{"promoted": ["SKU/10"], "promoted_share": 0.3}', exclude_seen = true;
SELECT count(*) FILTER (WHERE item = 'SKU/10') AS promoted FROM kit_text.recommend_visitor('c-2', 4);
SELECT kit_text.refresh_visitor_recommendations(all_visitors => true);
SELECT count(*) FILTER (WHERE item = 'SKU/10') AS promoted, count(*) FILTER (WHERE reason = 'seen before') AS seen, count(reason_item) > 0 AS because,
	count(*) FILTER (WHERE reason_item IS NOT NULL AND reason NOT LIKE '% ' || reason_item) AS wrong FROM kit_text.visitor_recommendations;
-- kept ones that can no longer be had are computed again
UPDATE shop.products_text SET in_stock = 0 WHERE sku = 'SKU/10';
SELECT kit_text.refresh_visitor_recommendations(rules => '{}');
SELECT count(*) FROM kit_text.visitor_recommendations WHERE item = 'SKU/10';
UPDATE kit_text.settings SET rules = NULL, exclude_seen = false;
DELETE FROM shop.orders_text WHERE at = '2026-03-01';
-- what the model is told of the products
SELECT version FROM recseq_train('kit_text.training_sequences', 'kit_catalog', catalog => 'kit_text.catalog', epochs => 1, units => 4, item_dim => 4, feature_dim => 4);
SELECT count(*) FROM recseq_recommend(ARRAY['SKU/new'], 100, 'kit_catalog') WHERE item IN ('SKU/new', 'SKU/none', 'SKU/39');
DROP FUNCTION answered;

-- kept ones follow the shop's table
SELECT kit_text.refresh_visitor_recommendations(all_visitors => true);
SELECT kit_text.refresh_visitor_recommendations('kit_text', 3);
INSERT INTO shop.orders_text VALUES ('c-5', 'SKU/3', '2026-03-01', 'buy', 1), ('new', 'SKU/4', '2026-03-01', 'buy', 1), (NULL, 'SKU/4', '2026-03-01', 'buy', 1);
SELECT visitorid FROM kit_text.changed_visitors ORDER BY 1;
SELECT kit_text.refresh_visitor_recommendations('kit_text', 3);
SELECT count(*) FROM kit_text.visitor_recommendations WHERE visitorid = 'new';
-- kinds that do not count do not
INSERT INTO shop.orders_integer VALUES (7, 3, '2026-03-01', 1, 'look'), (8, 3, '2026-03-01', 1, 'buy');
SELECT kit_integer.refresh_visitor_recommendations('kit_integer', 3);
-- renamed columns are the same columns
ALTER TABLE shop.orders_text RENAME customer_id TO "it's ""who""";
ALTER TABLE shop.orders_text RENAME what TO "e; DROP";
DELETE FROM shop.orders_text WHERE "it's ""who""" = 'new';
SELECT visitorid FROM kit_text.changed_visitors;
SELECT kit_text.refresh_visitor_recommendations('kit_text', 3);
SELECT count(*) FROM kit_text.visitor_recommendations WHERE visitorid = 'new';
-- the kit gone, the shop's table is as it was
SET client_min_messages = warning;
DROP SCHEMA kit_text CASCADE;
RESET client_min_messages;
SELECT count(*) FROM pg_trigger WHERE tgrelid = 'shop.orders_text'::regclass;
INSERT INTO shop.orders_text VALUES ('c-5', 'SKU/3', '2026-03-01', 'buy', 1);

--
-- A view for the log: no triggers, sequences are compared
--
CREATE VIEW shop.orders_view AS SELECT customer AS customer_id, 'SKU-' || item AS sku, at, n AS line FROM shop.numbers;
SELECT recseq_kit('kit_view', 'shop.orders_view');
SELECT * FROM try('kit_view');
SELECT kit_view.refresh_visitor_recommendations('kit_view', 3);
INSERT INTO shop.numbers SELECT 2000, number, uid, 5, 999, at, kind FROM shop.numbers WHERE n = 1;
UPDATE shop.numbers SET item = 39 WHERE n = 14;
SELECT kit_view.refresh_visitor_recommendations('kit_view', 3);
SELECT count(*) FROM kit_view.visitor_recommendations WHERE visitorid = 999;
DELETE FROM shop.numbers WHERE customer = 999;
INSERT INTO kit_view.changed_visitors VALUES (3);
SELECT kit_view.refresh_visitor_recommendations('kit_view', 3);
SELECT count(*) FROM kit_view.visitor_recommendations WHERE visitorid = 999;
SELECT kit_view.refresh_visitor_recommendations('kit_view', 3);

--
-- Errors
--
SELECT recseq_kit(NULL, 'shop.orders_view');
SELECT recseq_kit('kit_new', NULL);
SELECT recseq_kit('kit_view', 'shop.orders_view');
SELECT recseq_kit('kit_new', 'shop.nothing');
SELECT recseq_kit('kit_new', 'shop.orders_bigint');
SELECT recseq_kit('kit_new', 'shop.orders_bigint', 'client', 'article', 'secs');
SELECT recseq_kit('kit_new', 'shop.orders_bigint', 'client', 'article', 'client', 'n', items => 'shop.products_text', item_id_column => 'sku');
SELECT recseq_kit('kit_new', 'shop.orders_bigint', 'client', 'article', 'n');
SELECT recseq_kit('kit_new', 'shop.orders_bigint', 'client', '', 'seconds');
SELECT recseq_kit('kit_new', 'shop.orders_text', 'it''s "who"', 'sku', 'at', 'e; DROP', items => 'shop.products_text', price_column => 'title');
ALTER TABLE shop.orders_uuid ADD visitorid int;
SELECT recseq_kit('kit_new', 'shop.orders_uuid');
SELECT recseq_kit('kit_new', 'pg_temp.none');
CREATE TEMP TABLE log (visitorid int, itemid int, at timestamptz);
SELECT recseq_kit('kit_new', 'log');
SELECT to_regnamespace('kit_new');

-- the caller's rights, and names that want to be more than names
CREATE ROLE regress_recseq_shop;
CREATE SCHEMA kit_role AUTHORIZATION regress_recseq_shop;
CREATE SCHEMA "it's";
CREATE TABLE "it's"."o""1; DROP TABLE shop.numbers; --" ("v'); DROP TABLE shop.numbers; --" int, "%1$I" text, "$sql$" timestamptz, "$body$" text, "{x}" int);
INSERT INTO "it's"."o""1; DROP TABLE shop.numbers; --" SELECT customer, 'i' || item, at, kind, n FROM shop.numbers;
SET ROLE regress_recseq_shop;
SELECT recseq_kit('kit_role', 'shop.orders_view');
SELECT recseq_kit('kit_new', 'pg_catalog.pg_class', 'relname', 'relname', 'relname');
RESET ROLE;
GRANT USAGE ON SCHEMA "it's", shop TO regress_recseq_shop;
GRANT SELECT ON ALL TABLES IN SCHEMA "it's", shop TO regress_recseq_shop;
-- where somebody else has been before
CREATE VIEW kit_role.item_categories AS SELECT 1 AS itemid, 1 AS category;
SET ROLE regress_recseq_shop;
SELECT recseq_kit('kit_role', 'shop.orders_view');
RESET ROLE;
DROP VIEW kit_role.item_categories;
SET ROLE regress_recseq_shop;
-- categories from elsewhere
CREATE VIEW kit_role.item_categories AS SELECT DISTINCT '' || sku AS itemid, 'all' AS category FROM shop.orders_view;
SELECT recseq_kit('kit_role', '"it''s"."o""1; DROP TABLE shop.numbers; --"', 'v''); DROP TABLE shop.numbers; --', '%1$I', '$sql$', '$body$', '{x}',
	event_kinds => ARRAY['basket', 'buy', '''; DROP TABLE shop.numbers; --', '%1$s', '$sql$']);
SELECT visitorid, items[:2], categories[:2], length FROM kit_role.training_sequences WHERE visitorid = 2;
SELECT * FROM kit_role.describe_items(ARRAY['i1', '''', '$body$']);
RESET ROLE;
SELECT DISTINCT relowner::regrole FROM pg_class WHERE relnamespace = 'kit_role'::regnamespace;
-- not the owner of the table: no trigger of theirs on it
SELECT count(*) FROM pg_trigger WHERE tgrelid = '"it''s"."o""1; DROP TABLE shop.numbers; --"'::regclass;
-- a kit whose own name wants to be more
SELECT recseq_kit('k''"; DROP TABLE shop.numbers; -- %1$I $sql$ $body$', 'shop.orders_integer', items => 'shop.products_integer', price_column => '');
SELECT count(*) FROM "k'""; DROP TABLE shop.numbers; -- %1$I $sql$ $body$".describe_items('{1}');
INSERT INTO shop.orders_integer VALUES (9, 3, '2026-03-01', 1, 'buy');
SELECT "k'""; DROP TABLE shop.numbers; -- %1$I $sql$ $body$".refresh_visitor_recommendations('kit_integer', 3) > 0 AS refreshed;
INSERT INTO shop.orders_integer VALUES (9, 4, '2026-03-02', 1, 'buy');
SELECT "k'""; DROP TABLE shop.numbers; -- %1$I $sql$ $body$".refresh_visitor_recommendations('kit_integer', 3);
SELECT count(*) FROM shop.numbers;

-- to remove it all
SET client_min_messages = warning;
SELECT count(recseq_drop_model(m.model)) FROM (SELECT DISTINCT model FROM recseq_models WHERE model LIKE 'kit_%') AS m;
DROP FUNCTION try;
DROP SCHEMA kit_integer, kit_bigint, kit_uuid, kit_view, kit_role, "k'""; DROP TABLE shop.numbers; -- %1$I $sql$ $body$", "it's", shop CASCADE;
DROP OWNED BY regress_recseq_shop;
DROP ROLE regress_recseq_shop;
