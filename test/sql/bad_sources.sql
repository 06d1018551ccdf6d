--
-- Sources that nothing can be learned from: an error that says what, where and what to do,
-- and nothing stored
--
\set SHOW_CONTEXT errors
SET recseq.progress = off;
SET recseq.max_training_workers = 0;

-- relations that are none
CREATE TYPE pair AS (items int[], b int);
CREATE SEQUENCE numbers;
CREATE TABLE plain (id int PRIMARY KEY, items int[]);
CREATE FUNCTION items_of() RETURNS int[] LANGUAGE sql AS 'SELECT ARRAY[1, 2]';
SELECT recseq_train('pair');
SELECT recseq_train('numbers');
SELECT recseq_train('plain_pkey');
SELECT recseq_train('items_of');
SELECT recseq_train(0::regclass);

-- no items
CREATE TABLE without_items (id int, item int);
SELECT recseq_train('without_items');
CREATE TABLE "No ""items""" (id int, "Items" int[]);
SELECT recseq_train('"No ""items"""');
CREATE TABLE dropped_items (id int, items int[]);
ALTER TABLE dropped_items DROP COLUMN items;
SELECT recseq_train('dropped_items');
CREATE TABLE no_columns ();
SELECT recseq_train('no_columns');

-- items of another type
CREATE DOMAIN item_id AS int;
CREATE TABLE typed (a int, b text, c numeric[], d float8[], e uuid[], f jsonb, g bool[], h timestamptz[], i name[], j bpchar[], k item_id[], l int4range);
DO $$
DECLARE
	name	text;
	hint	text;
BEGIN
	FOR name IN SELECT attname FROM pg_attribute WHERE attrelid = 'typed'::regclass AND attnum > 0 ORDER BY attnum LOOP
		EXECUTE format('CREATE OR REPLACE TEMP VIEW typed_%s AS SELECT %I AS items FROM typed', name, name);
		BEGIN
			PERFORM recseq_train(('typed_' || name)::regclass);
		EXCEPTION WHEN datatype_mismatch THEN
			GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
			RAISE NOTICE '%: %', SQLERRM, hint;
		END;
	END LOOP;
END $$;

-- no rows, and none that is long enough
SELECT recseq_train('plain');
INSERT INTO plain VALUES (1, '{}'), (2, '{7}');
SELECT recseq_train('plain');
INSERT INTO plain VALUES (3, '{7,8}'), (4, NULL);

-- null sequences and elements; the message names the row by its first other column, or by its number
SELECT recseq_train('plain');
UPDATE plain SET items = '{7,NULL,9}' WHERE id = 4;
SELECT recseq_train('plain');
CREATE VIEW only_items AS SELECT items FROM plain;
SELECT recseq_train('only_items');
UPDATE plain SET items = '{NULL}' WHERE id = 4;
SELECT recseq_train('plain');

-- several dimensions
UPDATE plain SET items = '{{7,8},{9,10}}' WHERE id = 4;
SELECT recseq_train('plain');
UPDATE plain SET items = '{{7,8}}' WHERE id = 4;
SELECT recseq_train('plain');

-- parallel arrays that are not parallel
CREATE TABLE parallel (visitor text, items text[], categories text[], brands int[], times timestamptz[], price numeric[], one int);
INSERT INTO parallel VALUES ('v1', '{a,b}', '{c,d}', '{1,2}', '{2020-01-01,2020-01-02}', '{1,2}', 1);
SELECT sequences FROM recseq_train('parallel', epochs => 1);
INSERT INTO parallel VALUES ('v "2"', '{a,b}', '{c}', '{1,2}', '{2020-01-01,2020-01-02}', '{1,2}', 1);
SELECT recseq_train('parallel');
SELECT sequences FROM recseq_train('parallel', epochs => 1, features => '{}');
UPDATE parallel SET categories = '{c,d,e}' WHERE visitor = 'v "2"';
SELECT recseq_train('parallel');
UPDATE parallel SET categories = '{}' WHERE visitor = 'v "2"';
SELECT recseq_train('parallel');
UPDATE parallel SET categories = '{{c,d}}' WHERE visitor = 'v "2"';
SELECT recseq_train('parallel');
UPDATE parallel SET categories = NULL, brands = '{1}' WHERE visitor = 'v "2"';
SELECT sequences FROM recseq_train('parallel', epochs => 1);
SELECT recseq_train('parallel', features => '{categories,brands}');
UPDATE parallel SET times = '{2020-01-01}' WHERE visitor = 'v "2"';
SELECT recseq_train('parallel');
UPDATE parallel SET times = '{2020-01-01,NULL}' WHERE visitor = 'v "2"';
SELECT recseq_train('parallel');
UPDATE parallel SET times = NULL WHERE visitor = 'v "2"';
SELECT recseq_train('parallel');
UPDATE parallel SET times = '{2020-01-01,infinity}' WHERE visitor = 'v "2"';
SELECT sequences FROM recseq_train('parallel', epochs => 1);

-- kinds of events: texts, one an item; unknown ones are none of the purchases
CREATE TABLE wrong_events AS SELECT items, '{1,2}'::int[] AS events FROM parallel;
SELECT recseq_train('wrong_events');
ALTER TABLE wrong_events ALTER COLUMN events TYPE text[] USING '{buy}';
SELECT recseq_train('wrong_events');
UPDATE wrong_events SET events = '{view,NULL}';
SELECT sequences FROM recseq_train('wrong_events', epochs => 1);
SELECT recseq_train('wrong_events', purchases => '{buy,NULL}');
SELECT recseq_train('wrong_events', purchases => NULL);
SELECT recseq_train('wrong_events', purchases => ARRAY(SELECT 'kind ' || g FROM generate_series(1, 101) g));
SELECT recseq_train('wrong_events', purchases => ARRAY[repeat('x', 513)]);
DROP TABLE wrong_events;
-- features that are none
SELECT recseq_train('parallel', features => '{nothing}');
SELECT recseq_train('parallel', features => '{one}');
SELECT recseq_train('parallel', features => '{price}');
SELECT recseq_train('parallel', features => '{categories,brands,categories}');
SELECT recseq_train('parallel', features => '{items}');
SELECT recseq_train('parallel', features => '{times}');
SELECT recseq_train('parallel', features => '{ctid}');
CREATE TABLE wrong_categories (items int[], categories int);
SELECT recseq_train('wrong_categories');
CREATE TABLE wrong_times (items int[], times timestamp[]);
SELECT recseq_train('wrong_times');

-- a view that fails half way
CREATE VIEW half_way AS SELECT g AS id, ARRAY[g, 100 / (g - 5)] AS items FROM generate_series(1, 10) g;
SELECT recseq_train('half_way');
CREATE VIEW late AS SELECT g AS id, ARRAY[g, 1 / (g - 5000)] AS items FROM generate_series(1, 10000) g;
SELECT recseq_train('late');
CREATE FUNCTION raises(n int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'row % is bad', n USING HINT = 'Mend it.'; END $$;
CREATE VIEW raising AS SELECT ARRAY[g, raises(g)] AS items FROM generate_series(1, 3) g;
SELECT recseq_train('raising');
-- a view that reads itself through the function
CREATE FUNCTION trains() RETURNS int LANGUAGE sql AS $$ SELECT version FROM recseq_train('only_items', 'inner') $$;
CREATE VIEW training AS SELECT ARRAY[1, trains()] AS items;
SELECT recseq_train('training');
UPDATE plain SET items = '{7,8,9}' WHERE id = 4;
SELECT sequences, items FROM recseq_train('training', 'outer', epochs => 1);

-- evaluating reads the same way
SELECT sequences FROM recseq_train('parallel', 'kept', epochs => 1);
SELECT sequences FROM recseq_train('only_items', 'numbers', epochs => 1);
UPDATE plain SET items = NULL WHERE id = 4;
SELECT * FROM recseq_evaluate('pair', 'kept');
SELECT * FROM recseq_evaluate('without_items', 'kept');
SELECT * FROM recseq_evaluate('only_items', 'kept');
SELECT * FROM recseq_evaluate('only_items', 'numbers');
SELECT * FROM recseq_evaluate('half_way', 'numbers');
SELECT * FROM recseq_evaluate('parallel', 'numbers');
UPDATE parallel SET items = '{a,NULL}' WHERE visitor = 'v1';
SELECT * FROM recseq_evaluate('parallel', 'kept');

-- what was trained by the calls that succeeded is there, and nothing else
SELECT model, count(*) FROM recseq_models GROUP BY model ORDER BY model;
SELECT count(*) FROM recseq_chunk c WHERE NOT EXISTS (SELECT FROM recseq_version v WHERE v.id = c.id);

SET client_min_messages = warning;
SELECT count(recseq_drop_model(model)) FROM recseq_model;
DROP TABLE plain, without_items, "No ""items""", dropped_items, no_columns, typed, parallel, wrong_categories, wrong_times CASCADE;
DROP VIEW half_way, late, raising, training;
DROP FUNCTION items_of, raises, trains;
DROP TYPE pair;
DROP SEQUENCE numbers;
DROP DOMAIN item_id;
