--
-- Loaded models, in the memory of a backend and shared: the limits, making room, and versions
-- that come and go
--
\set SHOW_CONTEXT never
SET recseq.progress = off;
SET recseq.max_training_workers = 0;

-- a model of somewhat more than a megabyte, and eight of about 300 kB
CREATE VIEW wide AS SELECT g AS id, ARRAY[g, g % 1500 + 1] AS items FROM generate_series(1, 1500) g;
CREATE FUNCTION train(model text, item_dim int, seed int) RETURNS int LANGUAGE sql AS $$
	SELECT version FROM recseq_train('wide', model, epochs => 1, units => 4, item_dim => item_dim, seed => seed, validation_fraction => 0, ranker => false)
$$;
SELECT train('large', 200, 1);
SELECT array_agg(train('small ' || n, 40, n)) FROM generate_series(1, 8) n;
SELECT model, bytes > 1024 * 1024 AS large, bytes BETWEEN 200 * 1024 AND 500 * 1024 AS small FROM recseq_models ORDER BY model;

\c
\set SHOW_CONTEXT never
LOAD 'recseq';
--
-- In the memory of this backend
--
SET recseq.shared_cache_size = 0;
SET recseq.cache_size = '1MB';
DO $$
DECLARE
	detail	text;
	hint	text;
BEGIN
	PERFORM * FROM recseq_recommend(ARRAY[1], model => 'large');
EXCEPTION WHEN configuration_limit_exceeded THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RAISE NOTICE '% / % / %', regexp_replace(SQLERRM, '\d+', 'N'), detail, hint;
END $$;
SET recseq.cache_size = '2MB';
SELECT count(*) FROM recseq_recommend(ARRAY[1], model => 'large');
SET recseq.cache_size = '1MB';
-- what is loaded stays until there is need of room
SELECT count(*) FROM recseq_recommend(ARRAY[1], model => 'large');
-- (the message has units from PostgreSQL 18 on)
\set VERBOSITY sqlstate
SET recseq.cache_size = '512kB';
SET recseq.cache_size = -1;
SET recseq.shared_cache_size = -1;
SET recseq.max_training_memory = 0;
SET recseq.max_training_workers = -1;
\set VERBOSITY default

-- the answers while all fit
SET recseq.cache_size = '64MB';
CREATE TABLE answer AS
SELECT n, string_agg(r::text, ';' ORDER BY rank) AS answer
FROM generate_series(1, 8) n, recseq_recommend(ARRAY[n, n * 2], 50, 'small ' || n) r GROUP BY n;
SELECT count(DISTINCT answer) AS different FROM answer;
-- the same while they drive each other out, in any order: in a session that has none of them yet
\c
\set SHOW_CONTEXT never
LOAD 'recseq';
SET recseq.shared_cache_size = 0;
SET recseq.cache_size = '1MB';
SELECT count(*) AS same
FROM (SELECT a.n, a.answer, string_agg(r::text, ';' ORDER BY rank) AS again
	  FROM generate_series(1, 40) round, answer a, recseq_recommend(ARRAY[n, n * 2], 50, 'small ' || n) r
	  WHERE (round * 7 + n) % 3 > 0 GROUP BY round, a.n, a.answer) x
WHERE answer = again;
SELECT count(*) AS calls FROM generate_series(1, 40) round, answer a WHERE (round * 7 + n) % 3 > 0;
-- also when two are at work in one query
SELECT count(*) AS rows
FROM answer a, recseq_recommend(ARRAY[n], 3, 'small ' || n) r, recseq_recommend(ARRAY[r.item], 3, 'small ' || (n % 8 + 1)) s;
-- an evaluation keeps its model, whatever is loaded meanwhile
CREATE FUNCTION loads_others(n int) RETURNS int LANGUAGE sql AS $$
	SELECT count(*)::int FROM generate_series(1, 8) m, recseq_recommend(ARRAY[n], 1, 'small ' || m)
$$;
CREATE VIEW wide_loading AS SELECT id, items FROM wide WHERE id <= 20 AND loads_others(id) = 8;
SELECT method, cases FROM recseq_evaluate('wide_loading', 'small 1');
-- and an error in between leaves nothing pinned
CREATE VIEW wide_failing AS SELECT id, ARRAY[id, 1 / (10 - id)] AS items FROM wide WHERE id <= 20;
SELECT recseq_evaluate('wide_failing', 'small 2');
SELECT recseq_evaluate('wide_failing', 'small 3');
SELECT recseq_evaluate('wide_failing', 'small 4');
-- nor one that is caught, in the same transaction
DO $$
DECLARE
	codes	text := '';
BEGIN
	FOR n IN 1 .. 8 LOOP
		BEGIN
			PERFORM recseq_recommend_batch('wide_failing', 1, 'small ' || n);
		EXCEPTION WHEN OTHERS THEN codes := codes || ' ' || SQLSTATE;
		END;
	END LOOP;
	RAISE NOTICE '%; % rows', codes, (SELECT count(*) FROM generate_series(1, 8) n, recseq_recommend(ARRAY[n], 1, 'small ' || n));
END $$;
-- calls within one another keep to the limit
CREATE FUNCTION deeper() RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	depth	int := current_setting('recseq_test.depth')::int + 1;
BEGIN
	PERFORM set_config('recseq_test.depth', depth::text, false);
	PERFORM recseq_recommend_batch('wide_deeper', 1, 'small ' || depth) WHERE depth <= 8;
	RETURN true;
END $$;
CREATE VIEW wide_deeper AS SELECT id, items FROM wide WHERE id = 1 AND deeper();
DO $$
DECLARE
	detail	text;
	hint	text;
BEGIN
	PERFORM set_config('recseq_test.depth', '1', false);
	PERFORM recseq_recommend_batch('wide_deeper', 1, 'small 1');
EXCEPTION WHEN configuration_limit_exceeded THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RAISE NOTICE '% / % / %', regexp_replace(SQLERRM, '\d+', 'N'), regexp_replace(detail, 'use \d+', 'use N'), hint;
END $$;
SELECT count(*) AS same
FROM (SELECT a.n, a.answer, string_agg(r::text, ';' ORDER BY rank) AS again
	  FROM answer a, recseq_recommend(ARRAY[n, n * 2], 50, 'small ' || n) r GROUP BY a.n, a.answer) x
WHERE answer = again;

--
-- Shared by all backends
--
\c
\set SHOW_CONTEXT never
CREATE FUNCTION as_before() RETURNS bigint LANGUAGE sql AS $$
	SELECT count(*)
	FROM (SELECT a.n, a.answer, string_agg(r::text, ';' ORDER BY rank) AS again
		  FROM answer a, recseq_recommend(ARRAY[n, n * 2], 50, 'small ' || n) r GROUP BY a.n, a.answer) x
	WHERE answer = again
$$;
SELECT as_before();
SELECT as_before();
-- in another backend
\c
\set SHOW_CONTEXT never
SELECT as_before();
-- with room for few of them there, and then here too
SET recseq.shared_cache_size = '1MB';
SELECT as_before();
SET recseq.cache_size = '1MB';
SELECT as_before();
SELECT count(*) AS same
FROM (SELECT a.n, a.answer, string_agg(r::text, ';' ORDER BY rank) AS again
	  FROM generate_series(1, 40) round, answer a, recseq_recommend(ARRAY[n, n * 2], 50, 'small ' || n) r
	  WHERE (round * 7 + n) % 3 > 0 GROUP BY round, a.n, a.answer) x
WHERE answer = again;
SELECT method, cases FROM recseq_evaluate('wide_loading', 'small 1');
RESET recseq.shared_cache_size;
RESET recseq.cache_size;
SELECT as_before();
-- the working memory of a shared model is the backend's own; what was too much once is tried again
SET recseq.progress = off;
SELECT version FROM recseq_train('wide', 'thoughtful', epochs => 1, units => 128, max_length => 1000, batch_size => 4, validation_fraction => 0.9);
\c
\set SHOW_CONTEXT never
LOAD 'recseq';
CREATE FUNCTION try_thoughtful() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN (SELECT count(*) FROM recseq_recommend(ARRAY[1, 2], 5, 'thoughtful'));
EXCEPTION WHEN configuration_limit_exceeded THEN
	RETURN regexp_replace(SQLERRM, '\d+', 'N');
END $$;
SET recseq.cache_size = '1MB';
SELECT try_thoughtful();
SELECT try_thoughtful();
RESET recseq.cache_size;
SELECT try_thoughtful();
-- a version that is rolled back, or dropped, is not there any more, for nobody
BEGIN;
SELECT recseq_drop_model('small 8');
ROLLBACK;
SELECT as_before();
SET recseq.progress = off;
BEGIN;
SELECT train('small 8', 40, 1000);
SELECT as_before();
ROLLBACK;
SELECT as_before();

-- a model that is dropped and trained again under its name is another one
SELECT recseq_drop_model('small 1');
SELECT * FROM recseq_recommend(ARRAY[1], model => 'small 1');
SELECT train('small 1', 40, 99);
SELECT as_before();
SELECT answer = (SELECT string_agg(r::text, ';' ORDER BY rank) FROM recseq_recommend(ARRAY[1, 2], 50, 'small 1') r) AS same FROM answer WHERE n = 1;

-- the limit on training
SET recseq.max_training_memory = '1MB';
DO $$
DECLARE
	detail	text;
	hint	text;
BEGIN
	PERFORM train('large', 200, 1);
EXCEPTION WHEN configuration_limit_exceeded THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RAISE NOTICE '% / % / %', regexp_replace(SQLERRM, '\d+', 'N'), detail, hint;
END $$;
RESET recseq.max_training_memory;
SELECT count(*) FROM recseq_models WHERE model = 'large';

SELECT count(recseq_drop_model(model)) FROM recseq_model;
DROP VIEW wide_loading, wide_failing, wide_deeper, wide;
DROP TABLE answer;
DROP FUNCTION train, loads_others, deeper, as_before, try_thoughtful;
