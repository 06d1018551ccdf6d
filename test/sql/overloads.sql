--
-- Functions that somebody else put beside recseq's, under their names: what recseq itself brings does not call them
--
\set SHOW_CONTEXT never
\set VERBOSITY terse
SELECT current_database() AS here \gset
SET client_min_messages = error;
DROP DATABASE IF EXISTS regress_recseq_overloads;
RESET client_min_messages;
CREATE DATABASE regress_recseq_overloads;
ALTER DATABASE regress_recseq_overloads SET lc_messages = 'C';
\c regress_recseq_overloads
CREATE SCHEMA shared;
CREATE EXTENSION recseq SCHEMA shared;
SET recseq.progress = off;
SET recseq.max_training_workers = 0;
-- the kit, in a schema whose name ends literals that are not quoted as they must
\set kit 'a $body$ $sql$ $function$ %1$s ''" \\ b'
SELECT shared.recseq_retailrocket(:'kit');
SELECT shared.recseq_sample_data(:'kit', 200, 50) > 0 AS filled;
SELECT sequences > 0 AS trained FROM shared.recseq_train(format('%I.training_sequences', :'kit')::regclass, 'default', epochs => 1, units => 4);
CREATE TABLE histories AS SELECT items FROM :"kit".training_sequences;

-- the same names with texts, which untyped literals prefer
CREATE FUNCTION trap(arguments text, name name) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE FUNCTION shared.%I(%s) RETURNS TABLE (id text, rank int, item int, category int, score real, confidence real, reason text)'
				   ' LANGUAGE plpgsql AS %L', name, arguments, 'BEGIN RAISE EXCEPTION ''trapped''; END');
EXCEPTION WHEN duplicate_function OR invalid_function_definition THEN NULL;
END $$;
CREATE TABLE recseqs AS
SELECT p.oid, p.proname, p.pronargs, string_to_array(oidvectortypes(p.proargtypes), ', ') AS types, p.proargnames AS names
FROM pg_proc p WHERE p.pronamespace = 'shared'::regnamespace;
SELECT count(trap((SELECT string_agg('text', ', ') FROM generate_series(1, n)), proname)) > 50 AS many
FROM recseqs, generate_series(1, pronargs) n;
-- calls with untyped literals fall for it: nothing can be done about these but to keep others out of the schema
SELECT shared.recseq_train_async('histories', 'shop');
-- what docs/operations.md has does not
CREATE FUNCTION retrain() RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$ SELECT shared.recseq_train_async('public.histories'::regclass, 'shop'::text) $$;
BEGIN;
SELECT retrain() IS NOT NULL AS queued;
ROLLBACK;

-- and with the first of the arguments alone, which are a better match than defaults
SELECT count(trap((SELECT string_agg(format('%I %s', names[i], types[i]), ', ' ORDER BY i) FROM generate_series(1, n) i), proname)) > 50 AS many
FROM recseqs, generate_series(1, pronargs - 1) n;
SELECT count(*) FROM :"kit".recommend_visitor(1);
SELECT count(*) > 5 AS many FROM :"kit".recommendations;
SELECT :"kit".refresh_visitor_recommendations() > 0 AS refreshed;
INSERT INTO :"kit".events VALUES (1430622000000, 1, 'addtocart', 1, NULL);
SELECT :"kit".refresh_visitor_recommendations();
-- that is an error, or (from 18 on) a call of recseq's, and not one of the other
DO $$
BEGIN
	PERFORM retrain();
EXCEPTION WHEN ambiguous_function THEN
	NULL;
END
$$;
SELECT count(*) FROM shared.recseq_models;
SELECT count(*) FROM shared.recseq_model_metrics;
SELECT count(*) < 2 AS none_besides FROM shared.recseq_jobs;

\c :"here"
DROP DATABASE regress_recseq_overloads;
