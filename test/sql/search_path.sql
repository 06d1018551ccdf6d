--
-- Names that somebody else made, found before PostgreSQL's own: everything here works as without them
--
\set SHOW_CONTEXT never
\set VERBOSITY terse
SET recseq.progress = off;
SET recseq.max_training_workers = 0;
SELECT current_schema AS here \gset
CREATE ROLE regress_recseq_victim;
CREATE SCHEMA trap;
GRANT USAGE ON SCHEMA trap TO PUBLIC;
GRANT CREATE ON SCHEMA :"here" TO regress_recseq_victim;
CREATE TABLE ring AS
SELECT g AS id, ARRAY(SELECT (g + i) % 20 + 1 FROM generate_series(0, 7) i) AS items
FROM generate_series(0, 199) g;
GRANT SELECT ON ring TO PUBLIC;

--
-- A look-alike of every operator, of every function with a common name, of every catalog and of every table of
-- recseq's; each that is called says so by an error
--
SET check_function_bodies = off;
SET client_min_messages = error;
DO $$
DECLARE
	o record;
	made int := 0;
	raises CONSTANT text := $body$ BEGIN RAISE EXCEPTION 'trapped as %', current_user; END $body$;
	-- a type that is not pseudo but for arrays of any element, which are what the operators of arrays take
	plain CONSTANT text := 'SELECT oid FROM pg_catalog.pg_type WHERE typtype <> ''p'' OR typname IN (''anyarray'', ''anyelement'', ''anycompatiblearray'', ''anycompatible'')';
BEGIN
	FOR o IN EXECUTE format($q$
		SELECT oprname, oprleft::regtype AS l, oprright::regtype AS r, oprresult::regtype AS result
		FROM pg_catalog.pg_operator
		WHERE oprnamespace = 'pg_catalog'::regnamespace AND oprcode <> 0
			AND (oprleft = 0 OR oprleft IN (%1$s)) AND oprright <> 0 AND oprright IN (%1$s) AND oprresult IN (%1$s)$q$, plain)
	LOOP
		BEGIN
			made := made + 1;
			EXECUTE format('CREATE FUNCTION trap.operator_%s(%s) RETURNS %s LANGUAGE plpgsql AS %L', made,
						   CASE WHEN o.l::oid = 0 THEN '' ELSE o.l || ', ' END || o.r, o.result, raises);
			EXECUTE format('CREATE OPERATOR trap.%s (%s RIGHTARG = %s, FUNCTION = trap.operator_%s)', o.oprname,
						   CASE WHEN o.l::oid = 0 THEN '' ELSE 'LEFTARG = ' || o.l || ', ' END, o.r, made);
		EXCEPTION WHEN OTHERS THEN NULL;
		END;
	END LOOP;
	FOR o IN EXECUTE format($q$
		SELECT DISTINCT ON (proname, proargtypes) quote_ident(proname) AS name, pg_get_function_identity_arguments(p.oid) AS arguments,
			pg_get_function_result(p.oid) AS result
		FROM pg_catalog.pg_proc p
		WHERE pronamespace = 'pg_catalog'::regnamespace AND prokind = 'f' AND proargmodes IS NULL
			AND NOT EXISTS (SELECT FROM unnest(proargtypes) a WHERE a NOT IN (%1$s)) AND prorettype IN (%1$s)
			AND proname !~ '(in|out|recv|send)$'$q$, plain)
	LOOP
		BEGIN
			EXECUTE format('CREATE FUNCTION trap.%s(%s) RETURNS %s LANGUAGE plpgsql AS %L', o.name, o.arguments, o.result, raises);
		EXCEPTION WHEN OTHERS THEN NULL;
		END;
	END LOOP;
	FOR o IN SELECT relname FROM pg_catalog.pg_class WHERE relkind IN ('r', 'v') AND relnamespace = 'pg_catalog'::regnamespace
			 UNION ALL SELECT unnest(ARRAY['recseq_model', 'recseq_version', 'recseq_chunk', 'recseq_job', 'recseq_checkpoint'])
	LOOP
		EXECUTE format('CREATE TABLE trap.%I ()', o.relname);
		EXECUTE format('GRANT ALL ON trap.%I TO PUBLIC', o.relname);
	END LOOP;
	-- types that statements name
	FOR o IN SELECT unnest(ARRAY['text', 'name', 'bool', 'int2', 'int4', 'int8', 'float4', 'float8', 'numeric', 'jsonb', 'json', 'bytea', 'oid', 'regclass', 'timestamptz']) AS name
	LOOP
		EXECUTE format('CREATE DOMAIN trap.%I AS pg_catalog.int4 CHECK (false)', o.name);
	END LOOP;
END $$;
RESET client_min_messages;
RESET check_function_bodies;
SELECT count(*) > 500 AS many FROM pg_operator WHERE oprnamespace = 'trap'::regnamespace;
SELECT count(*) > 1000 AS many FROM pg_proc WHERE pronamespace = 'trap'::regnamespace;

--
-- Every function of recseq's, as a role that may call it, with these first in its path
--
GRANT EXECUTE ON FUNCTION recseq_train, recseq_update, recseq_activate, recseq_rollback, recseq_retain, recseq_drop_model, recseq_backtest, recseq_backtest_cases,
	recseq_tune, recseq_export_model, recseq_import_model, recseq_train_async, recseq_wait, recseq_cancel, recseq_resume_jobs TO regress_recseq_victim;
SET ROLE regress_recseq_victim;
SET search_path = trap, pg_catalog, :"here";
-- the trap works
SELECT 1::pg_catalog.int4 + 1::pg_catalog.int4;
SELECT pg_catalog.length(length('x'::pg_catalog.text)::pg_catalog.text);
-- and what comes now does not fall into it
SELECT version FROM recseq_train('ring', 'm', epochs => 1, units => 4);
SELECT version FROM recseq_train('ring', 'm', epochs => 1, units => 4, activate => 'if_better') OFFSET 1;
SELECT version FROM recseq_update('m', 'ring') OFFSET 1;
SELECT recseq_activate('m', 1);
SELECT recseq_activate('m', 2);
SELECT recseq_rollback('m');
SELECT recseq_retain('m', 2);
SELECT pg_catalog.count(*) FROM recseq_recommend(ARRAY[1, 2], model => 'm');
SELECT pg_catalog.count(*) FROM recseq_recommend(ARRAY[1, 2]::pg_catalog.int8[], model => 'm', version => 1);
SELECT pg_catalog.count(*) FROM recseq_recommend(ARRAY['1', '2'], model => 'm');
SELECT pg_catalog.count(*) FROM recseq_recommend_batch('ring', model => 'm');
SELECT pg_catalog.count(*) FROM recseq_recommend_batch_text('ring', model => 'm');
SELECT pg_catalog.count(*) FROM recseq_similar_items(1, model => 'm');
SELECT pg_catalog.count(*) FROM recseq_bought_together(1, model => 'm');
SELECT pg_catalog.count(*) FROM recseq_trending(model => 'm');
SELECT pg_catalog.count(*) FROM recseq_evaluate('ring', 'm');
SELECT pg_catalog.count(*) FROM recseq_backtest('ring', options => '{"epochs": 1, "units": 4}');
SELECT pg_catalog.count(*) FROM recseq_backtest_cases('ring', options => '{"epochs": 1, "units": 4}');
CREATE TABLE pg_temp.cases AS SELECT * FROM recseq_evaluate_cases('ring', 'm');
SELECT pg_catalog.count(*) FROM recseq_compare('pg_temp.cases', method_b => 'stan');
SELECT pg_catalog.count(*) FROM recseq_tune('ring', trials => 1, options => '{"epochs": 1, "units": 4}', space => '{}');
SELECT recseq_assign('visitor', ARRAY['a']);
SELECT i.model FROM recseq_import_model(recseq_export_model('m'), 'copy') i;
SELECT pg_catalog.count(*) FROM recseq_models;
SELECT pg_catalog.count(*) FROM recseq_model_metrics;
SELECT pg_catalog.count(*) FROM recseq_progress WHERE datname OPERATOR(pg_catalog.=) pg_catalog.current_database();
SELECT pg_catalog.count(*) FROM recseq_jobs;
SELECT recseq_resume_jobs();
-- with row security, which looks models up in another way
RESET ROLE;
ALTER TABLE :"here".recseq_model ENABLE ROW LEVEL SECURITY;
SET search_path = pg_catalog, :"here";
CREATE POLICY only_m ON recseq_model USING (model = 'm');
SET ROLE regress_recseq_victim;
SET search_path = trap, pg_catalog, :"here";
SELECT pg_catalog.count(*) FROM recseq_recommend(ARRAY[1, 2], model => 'm');
SELECT pg_catalog.count(*) FROM recseq_recommend(ARRAY[1, 2], model => 'm', version => 1) OFFSET 1;
SELECT pg_catalog.count(*) FROM recseq_recommend(ARRAY[1, 2], model => 'copy', version => 1);
SELECT DISTINCT model FROM recseq_models;
RESET ROLE;
SET search_path = pg_catalog, :"here";
DROP POLICY only_m ON recseq_model;
ALTER TABLE recseq_model DISABLE ROW LEVEL SECURITY;
-- the kit
SET search_path = trap, pg_catalog, :"here";
SELECT recseq_retailrocket('regress_recseq_kit');
SELECT recseq_sample_data('regress_recseq_kit', 200, 50) OPERATOR(pg_catalog.>) 0 AS filled;
SELECT version FROM recseq_train('regress_recseq_kit.training_sequences', 'kit', epochs => 1, units => 4);
SELECT pg_catalog.count(*) FROM regress_recseq_kit.recommend_visitor(1, model => 'kit');
UPDATE regress_recseq_kit.settings SET model = 'kit';
SELECT pg_catalog.count(*) OPERATOR(pg_catalog.>) 5 AS many FROM regress_recseq_kit.recommendations;
SELECT regress_recseq_kit.refresh_visitor_recommendations('kit') OPERATOR(pg_catalog.>) 0 AS refreshed;
INSERT INTO regress_recseq_kit.events VALUES (1430622000000, 1, 'addtocart', 1, NULL);
SELECT regress_recseq_kit.refresh_visitor_recommendations('kit');
SELECT recseq_drop_model('kit');
SELECT recseq_drop_model('copy');
SELECT recseq_drop_model('m');
RESET search_path;

SET client_min_messages = error;
DROP SCHEMA trap CASCADE;
DROP SCHEMA regress_recseq_kit CASCADE;
DROP TABLE ring;
REVOKE CREATE ON SCHEMA :"here" FROM regress_recseq_victim;
DROP OWNED BY regress_recseq_victim;
DROP ROLE regress_recseq_victim;
