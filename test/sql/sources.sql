--
-- What a source may be, and what decides: its contents alone, and what was looked at when it was opened
--
\set SHOW_CONTEXT errors
SET recseq.progress = off;
SET recseq.max_training_workers = 0;
CREATE FUNCTION image_of(model text) RETURNS text LANGUAGE sql AS $$
	SELECT md5(string_agg(c.data, '' ORDER BY c)) FROM recseq_version v JOIN recseq_chunk c USING (id) WHERE v.model = $1
$$;

-- equal sequences with other times: the same data gives the same model, whatever the order of the rows
CREATE TABLE visits AS
	SELECT g AS id, ARRAY[g % 7, g % 5, 3, g % 2] AS items,
		ARRAY['2020-01-01', '2020-01-02', '2020-01-03', '2020-01-04']::timestamptz[] AS times
	FROM generate_series(1, 40) g;
INSERT INTO visits
	SELECT 100 + g, '{1,2,3,4}',
		ARRAY['2020-01-01'::timestamptz + g * interval '1 hour', '2020-01-02'::timestamptz + (g * 7 % 5) * interval '1 hour', '2020-01-05', '2020-01-06']
	FROM generate_series(1, 9) g;
CREATE VIEW forwards AS SELECT * FROM visits ORDER BY id;
CREATE VIEW backwards AS SELECT * FROM visits ORDER BY id DESC;
SELECT sequences FROM recseq_train('forwards', 'forwards', epochs => 2);
SELECT sequences FROM recseq_train('backwards', 'backwards', epochs => 2);
SELECT image_of('forwards') = image_of('backwards') AS same;

-- arrays of other types that are ids, and domains over them
CREATE DOMAIN basket AS int[] CHECK (cardinality(VALUE) < 100);
CREATE DOMAIN small_basket AS basket;
CREATE TABLE small AS SELECT id, items::smallint[] AS items, times FROM visits;
CREATE TABLE big AS SELECT id, items::bigint[] AS items, times FROM visits;
CREATE TABLE of_domain AS SELECT id, items::small_basket AS items, times FROM visits;
SELECT image_of('forwards') = image_of(model) AS same FROM (
	SELECT (recseq_train('small', 'small', epochs => 2)).model UNION ALL
	SELECT (recseq_train('big', 'big', epochs => 2)).model UNION ALL
	SELECT (recseq_train('of_domain', 'of_domain', epochs => 2)).model) t;
CREATE TABLE texts AS SELECT id, items::text[] AS items, times FROM visits;
CREATE TABLE varchars AS SELECT id, items::varchar(9)[] AS items, times FROM visits;
SELECT sequences FROM recseq_train('texts', 'texts', epochs => 2);
SELECT sequences FROM recseq_train('varchars', 'varchars', epochs => 2);
SELECT image_of('texts') = image_of('varchars') AS same;
-- a domain is checked by whoever stores it, not by what reads it
SELECT count(*) FROM recseq_recommend_batch('of_domain', 1, 'small');

-- texts that show integers are ids of a model whose ids are integers
SELECT a.items, (SELECT array_agg(item) FROM recseq_recommend(a.items, 1, 'small')) IS NOT NULL AS answers
	FROM (VALUES ('{1,2}'::text[]), ('{" 1",+2}'), ('{-2147483648}'), ('{-9223372036854775808,9223372036854775807}')) a (items);
SELECT recseq_recommend('{9223372036854775808}'::text[], 1, 'small');
SELECT recseq_recommend('{-9223372036854775809}'::text[], 1, 'small');
SELECT rank FROM recseq_recommend('{"1 "}'::text[], 1, 'small');
SELECT recseq_recommend('{""}'::text[], 1, 'small');
SELECT recseq_recommend('{-}'::text[], 1, 'small');
SELECT recseq_recommend('{1.0}'::text[], 1, 'small');

-- the row of an error: its id where that can be shown without calling anything, else its number
CREATE TYPE color AS ENUM ('red');
CREATE TABLE wrong (id_int int, id_text text, id_uuid uuid, id_enum color, id_row visits, items int[]);
INSERT INTO wrong VALUES (7, repeat('long ', 40), '00000000-0000-0000-0000-000000000007', 'red', NULL, '{1,NULL}');
CREATE VIEW wrong_int AS SELECT id_int, items FROM wrong;
CREATE VIEW wrong_text AS SELECT id_text, items FROM wrong;
CREATE VIEW wrong_uuid AS SELECT id_uuid, items FROM wrong;
CREATE VIEW wrong_enum AS SELECT id_enum, items FROM wrong;
CREATE VIEW wrong_row AS SELECT id_row, items FROM wrong;
SELECT * FROM recseq_recommend_batch('wrong_int', 1, 'small');
SELECT * FROM recseq_recommend_batch('wrong_text', 1, 'small');
SELECT * FROM recseq_recommend_batch('wrong_uuid', 1, 'small');
SELECT * FROM recseq_recommend_batch('wrong_enum', 1, 'small');
SELECT * FROM recseq_recommend_batch('wrong_row', 1, 'small');
UPDATE wrong SET items = '{1,2}';
SELECT id, rank FROM recseq_recommend_batch('wrong_enum', 1, 'small');

-- the source stays locked until the transaction ends, as one that a query reads
BEGIN;
SELECT count(*) FROM recseq_recommend_batch('big', 1, 'small');
SELECT mode FROM pg_locks WHERE pid = pg_backend_pid() AND relation = 'big'::regclass;
COMMIT;
SELECT mode FROM pg_locks WHERE pid = pg_backend_pid() AND relation = 'big'::regclass;
-- a view that changes what it reads while it is read
CREATE FUNCTION changes() RETURNS int LANGUAGE plpgsql AS $$ BEGIN ALTER TABLE big ALTER COLUMN items TYPE text[]; RETURN 1; END $$;
CREATE VIEW changing AS SELECT id + changes() * 0 AS id, items FROM big;
SELECT * FROM recseq_recommend_batch('changing', 1, 'small');
-- and one that is replaced in the same transaction
BEGIN;
DROP VIEW changing;
CREATE VIEW changing AS SELECT id, items::text[] AS items FROM big;
SELECT count(*) FROM recseq_recommend_batch('changing', 1, 'small');
ROLLBACK;

-- without any right on it nobody learns what a relation is like, whatever is called
CREATE ROLE regress_stranger;
GRANT EXECUTE ON FUNCTION recseq_train_async TO regress_stranger;
CREATE TABLE secret (secret_name int);
SET ROLE regress_stranger;
SELECT recseq_train_async('secret', 'x');
SELECT recseq_recommend_batch('secret', 1, 'small');
SELECT recseq_recommend_batch('big', 1, 'small');
RESET ROLE;
-- with a right on the columns that are read it can be read
GRANT SELECT (id, items, times) ON big TO regress_stranger;
SET ROLE regress_stranger;
SELECT count(*) FROM recseq_recommend_batch('big', 1, 'small');
RESET ROLE;
REVOKE EXECUTE ON FUNCTION recseq_train_async FROM regress_stranger;

-- a limit is a limit
SET recseq.max_call_memory = '1MB';
SELECT item FROM recseq_recommend((SELECT array_agg(i) FROM generate_series(1, 100000) i), 1, 'small', unknown_items => true);
SELECT count(*) FROM recseq_recommend(array_fill(1, ARRAY[1000000]), 1, 'small');
CREATE TABLE long AS SELECT 1 AS id, array_fill(1, ARRAY[1000000]) AS items;
SELECT count(*) FROM recseq_recommend_batch('long', 1, 'small');
SELECT count(*) FROM recseq_recommend((SELECT items FROM long), 1, 'small');
SELECT count(*) FROM recseq_recommend('{1}'::int[], 1, 'small', exclude => (SELECT items FROM long));
RESET recseq.max_call_memory;
SELECT count(*) FROM recseq_recommend_batch('long', 1, 'small');

SET client_min_messages = warning;
SELECT count(recseq_drop_model(model)) FROM recseq_model WHERE model IN ('forwards', 'backwards', 'small', 'big', 'of_domain', 'texts', 'varchars');
DROP TABLE visits, small, big, of_domain, texts, varchars, wrong, secret, long CASCADE;
DROP TYPE color;
DROP DOMAIN small_basket, basket;
DROP FUNCTION image_of, changes;
DROP ROLE regress_stranger;
