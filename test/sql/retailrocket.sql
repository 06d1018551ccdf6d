--
-- The Retailrocket kit: tables, preprocessing views, settings, sample data
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO';

-- works whatever the search path, and for a schema name that needs quotes
SET search_path = '';
SELECT public.recseq_retailrocket('Kit "1"');
RESET search_path;

-- one schema for the tests below, empty but there
CREATE SCHEMA kit;
SELECT recseq_retailrocket('kit');

-- every relation and every column says what it is
SELECT c.relname, c.relkind, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod) AS type,
	   obj_description(c.oid, 'pg_class') IS NOT NULL
	   AND col_description(c.oid, a.attnum) IS NOT NULL AS commented
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
WHERE c.relnamespace = 'kit'::regnamespace AND c.relkind IN ('r', 'v')
ORDER BY c.relkind, c.relname, a.attnum;

-- empty tables give empty views, one row of bounds, and one of settings
SELECT * FROM kit.training_sequences;
SELECT * FROM kit.sequence_length_bounds;
SELECT * FROM kit.settings;

-- the files go in as they are: an empty field is NULL
\copy kit.events FROM PROGRAM 'echo timestamp,visitorid,event,itemid,transactionid; echo 1430622005000,1,transaction,11,7; echo 1430622005000,1,addtocart,12,' WITH (FORMAT csv, HEADER)
\copy kit.item_properties FROM PROGRAM 'echo timestamp,itemid,property,value; echo 1431226800000,10,categoryid,100; echo 1431226800000,10,888,1135780 n25.260' WITH (FORMAT csv, HEADER)
\copy kit.category_tree FROM PROGRAM 'echo categoryid,parentid; echo 100,7; echo 7,' WITH (FORMAT csv, HEADER)
SELECT * FROM kit.events;
SELECT * FROM kit.item_properties;
SELECT * FROM kit.category_tree;
TRUNCATE kit.category_tree;

INSERT INTO kit.events VALUES
	(1430622005000, 1, 'addtocart', 11, NULL),
	(1430622004000, 1, 'view', 11, NULL),
	(1430622004384, 1, 'addtocart', 10, NULL),
	(1430622004384, 1, 'addtocart', 10, NULL),
	(1430622005000, 1, 'transaction', 11, 7),
	(1430622005000, 1, 'transaction', 10, 7),
	(1430622009000, 2, 'addtocart', 10, NULL),
	(1430622008000, 2, 'addtocart', 13, NULL),
	(1430622008001, 2, 'addtocart', 14, NULL),
	(1430622010000, 3, 'view', 10, NULL);
INSERT INTO kit.item_properties VALUES
	(1431831600000, 10, 'categoryid', '101'),
	(1431226800000, 10, 'categoryid', '102'),
	(1431226800000, 11, 'categoryid', '201'),
	(1431226800000, 11, 'categoryid', '200'),
	(1431226800000, 11, 'categoryid', '200'),
	(1431226800000, 12, 'categoryid', '300'),
	(1431831600000, 12, 'categoryid', 'n301.000 302'),
	(1431831700000, 12, 'categoryid', NULL),
	(1431831600000, 13, 'categoryid', 'none'),
	(1431831600000, 13, '790', 'n91200.000'),
	(1431831600000, 14, 'categoryid', '4000000000');

-- exact duplicates dropped, views left out, addtocart before transaction
SELECT visitorid, itemid, event, time, transactionid FROM kit.interactions;

-- newest number; the lowest of equally new ones
SELECT * FROM kit.item_categories ORDER BY itemid;

-- newest price; what is none is passed over
INSERT INTO kit.item_properties VALUES
	(1431831600000, 10, '790', 'n3.000'), (1431226800000, 10, '790', 'n9000'), (1431831600000, 11, '790', 'n0.120'),
	(1431831600000, 12, '790', '12'), (1431831600000, 14, '790', 'n1234567890123');
SELECT * FROM kit.item_price_bands ORDER BY itemid;
SELECT visitorid, items, price_bands FROM kit.sequences ORDER BY visitorid;

-- items 13 and 14 have no category
SELECT visitorid, items, categories, events, length FROM kit.sequences ORDER BY visitorid;
SELECT visitorid, times, first_time, last_time FROM kit.sequences WHERE visitorid = 2;

-- other kinds of event, in an order of our own
UPDATE kit.settings SET event_kinds = '{transaction,addtocart,view}';
SELECT visitorid, items, events FROM kit.sequences ORDER BY visitorid;
UPDATE kit.settings SET event_kinds = DEFAULT;

-- only the past
UPDATE kit.settings SET cut = '2015-05-03 03:00:08.001+00';
SELECT visitorid, items, last_time FROM kit.sequences ORDER BY visitorid;
UPDATE kit.settings SET cut = NULL;

-- the rules of length: visitors of 1, 2, ... 7 and of 28, 29 and 40 events
TRUNCATE kit.events;
INSERT INTO kit.events
SELECT 1430622000000 + n * 1000, visitor, 'addtocart', n, NULL
FROM unnest(ARRAY[1, 2, 3, 4, 5, 6, 7, 28, 29, 40]) AS visitor,
	 generate_series(1, visitor) AS n;
SELECT * FROM kit.sequence_length_bounds;
SELECT visitorid, length, items[1] AS first_item, items[length] AS last_item,
	   array_length(items, 1) = length AND array_lower(items, 1) = 1
	   AND array_length(categories, 1) = length AND array_length(events, 1) = length
	   AND array_length(times, 1) = length
	   AND first_time = times[1] AND last_time = times[length] AS parallel
FROM kit.training_sequences ORDER BY visitorid;

UPDATE kit.settings SET long_sequences = 'drop';
SELECT visitorid, length FROM kit.training_sequences ORDER BY visitorid;
UPDATE kit.settings SET long_sequences = 'newest', min_length = 5, max_length = 6;
SELECT visitorid, items FROM kit.training_sequences ORDER BY visitorid;
UPDATE kit.settings SET min_length = DEFAULT, max_length = DEFAULT;

-- the fence looks at the whole length, before the newest 28 are taken
INSERT INTO kit.events
SELECT 1430622000000 + n * 1000, 100 + visitor, 'addtocart', n, NULL
FROM generate_series(1, 20) AS visitor, generate_series(1, 3 + visitor % 2) AS n;
UPDATE kit.settings SET fence = true;
SELECT * FROM kit.sequence_length_bounds;
SELECT visitorid, length FROM kit.training_sequences WHERE visitorid < 100 ORDER BY visitorid;
UPDATE kit.settings SET fence = DEFAULT;

-- settings that make no sense are refused, and there is one row of them
UPDATE kit.settings SET min_length = 1;
UPDATE kit.settings SET max_length = 2;
UPDATE kit.settings SET long_sequences = 'oldest';
INSERT INTO kit.settings DEFAULT VALUES;
INSERT INTO kit.settings (one_row) VALUES (false);

-- one visitor is looked up through the index, not by aggregating all
CREATE FUNCTION pg_temp.uses_index(query text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	line	text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN ' || query LOOP
		IF line ~ 'Index Cond: \((visitorid|itemid) = 5\)' THEN
			RETURN true;
		END IF;
	END LOOP;
	RETURN false;
END
$$;
SET enable_seqscan = off;
SELECT pg_temp.uses_index('SELECT * FROM kit.sequences WHERE visitorid = 5') AS sequences,
	   pg_temp.uses_index('SELECT * FROM kit.training_sequences WHERE visitorid = 5') AS training_sequences,
	   pg_temp.uses_index('SELECT * FROM kit.interactions WHERE itemid = 5') AS interactions,
	   pg_temp.uses_index('SELECT * FROM kit.item_categories WHERE itemid = 5') AS item_categories,
	   pg_temp.uses_index('SELECT * FROM kit.item_price_bands WHERE itemid = 5') AS item_price_bands;
RESET enable_seqscan;

-- again: an error, and nothing is lost
SELECT recseq_retailrocket('kit');
SELECT count(*) FROM kit.events;
SELECT recseq_retailrocket(NULL);
SELECT recseq_retailrocket('pg_kit');
CREATE SCHEMA kit_taken;
CREATE VIEW kit_taken.sequences AS SELECT 1 AS a;
CREATE TABLE kit_taken.settings (a int);
SELECT recseq_retailrocket('kit_taken');

-- anyone can have a kit, and owns it; no one can where they may not create
CREATE ROLE regress_recseq_kit;
CREATE SCHEMA kit_role AUTHORIZATION regress_recseq_kit;
CREATE SCHEMA kit_closed;
SET ROLE regress_recseq_kit;
SELECT recseq_retailrocket('kit_role');
SELECT recseq_sample_data('kit_role', 10, 10) > 10 AS filled;
SELECT recseq_retailrocket('kit_closed');
RESET ROLE;
SELECT DISTINCT relowner::regrole FROM pg_class WHERE relnamespace = 'kit_role'::regnamespace;

--
-- Sample data
--

-- never mixed with other rows, nor made without tables
SELECT recseq_sample_data('kit');
SELECT recseq_sample_data('kit_closed');
SELECT recseq_sample_data('no "such" schema');
TRUNCATE kit.events;
SELECT recseq_sample_data('kit');
TRUNCATE kit.item_properties;

-- parameters out of their range
SELECT recseq_sample_data('kit', visitors => 0);
SELECT recseq_sample_data('kit', visitors => 1000001);
SELECT recseq_sample_data('kit', items => -1);
SELECT recseq_sample_data('kit', items => 1000001);
SELECT recseq_sample_data('kit', seed => NULL);
SELECT recseq_sample_data(NULL);

-- the same rows everywhere
SELECT recseq_sample_data('kit', visitors => 1000, items => 300, seed => 42);
SELECT md5(string_agg(e::text, ';' ORDER BY "timestamp", visitorid, itemid, event COLLATE "C"))
FROM kit.events e;
SELECT md5(string_agg(p::text, ';' ORDER BY "timestamp", itemid, property COLLATE "C"))
FROM kit.item_properties p;
SELECT md5(string_agg(c::text, ';' ORDER BY categoryid))
FROM kit.category_tree c;

-- the defaults, in another schema; another seed gives other rows
SELECT recseq_sample_data('Kit "1"');
SELECT md5(string_agg(e::text, ';' ORDER BY "timestamp", visitorid, itemid, event COLLATE "C"))
FROM "Kit ""1""".events e;
TRUNCATE "Kit ""1""".events, "Kit ""1""".item_properties, "Kit ""1""".category_tree;
SELECT recseq_sample_data('Kit "1"', seed => 2);

-- its traits: size, span, skew, lengths, categories
SELECT count(DISTINCT visitorid) AS visitors, count(DISTINCT itemid) BETWEEN 250 AND 300 AS most_items,
	   min(itemid) >= 1 AND max(itemid) <= 300 AS in_range,
	   max(time) - min(time) BETWEEN '100 days' AND '130 days' AS four_months
FROM kit.interactions;
SELECT sum(n) FILTER (WHERE rank <= 30)::float8 / sum(n) > 0.3 AS tenth_of_items_has_a_third
FROM (SELECT count(*) AS n, row_number() OVER (ORDER BY count(*) DESC) AS rank
	  FROM kit.interactions GROUP BY itemid) i;
SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY length) AS median, max(length) BETWEEN 31 AND 60 AS some_long
FROM kit.sequences;
SELECT count(*) FILTER (WHERE c.category IS NULL) AS without_category,
	   count(DISTINCT c.category) AS leaves,
	   count(*) FILTER (WHERE c.category IS NOT NULL AND t.parentid IS NULL) AS not_in_tree
FROM generate_series(1, 300) AS item
LEFT JOIN kit.item_categories c ON c.itemid = item
LEFT JOIN kit.category_tree t ON t.categoryid = c.category;
-- what was put into the cart is often bought next; what was bought calls for its accessory
SELECT round(avg((item = next_item)::int) FILTER (WHERE event = 'addtocart'), 1) AS bought_or_again,
	   round(avg((item = next_item)::int) FILTER (WHERE event = 'transaction'), 1) AS again_after_buying,
	   round(avg(((item + 9) % 300 + 1 = next_item)::int) FILTER (WHERE event = 'transaction'), 1) AS accessory
FROM (SELECT s.visitorid, e.item, e.event, lead(e.item) OVER (PARTITION BY s.visitorid ORDER BY e.n) AS next_item
	  FROM kit.sequences s, unnest(s.items, s.events) WITH ORDINALITY AS e(item, event, n)) p
WHERE next_item IS NOT NULL;

-- the smallest
TRUNCATE kit.events, kit.item_properties, kit.category_tree;
SELECT recseq_sample_data('kit', 1, 1, -2147483648) > 0 AS filled;
SELECT DISTINCT visitorid, itemid FROM kit.events;
SELECT * FROM kit.item_categories;

DROP SCHEMA "Kit ""1""", kit, kit_taken, kit_closed, kit_role CASCADE;
DROP ROLE regress_recseq_kit;
