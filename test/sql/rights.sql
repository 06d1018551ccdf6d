--
-- The rights on every object, by role: nobody has what PUBLIC has; a user may read recseq_model besides; a trainer has what README
-- grants. Whoever adds an object sees here who may use it.
--
\set SHOW_CONTEXT never
SET recseq.progress = off;
CREATE ROLE regress_rights_nobody;
CREATE ROLE regress_rights_user;
CREATE ROLE regress_rights_trainer;
REVOKE SELECT ON recseq_model FROM PUBLIC;
GRANT SELECT ON recseq_model TO regress_rights_user, regress_rights_trainer;
GRANT EXECUTE ON FUNCTION recseq_train, recseq_train_async, recseq_wait, recseq_cancel, recseq_update,
    recseq_activate, recseq_rollback, recseq_retain, recseq_drop_model TO regress_rights_trainer;
CREATE VIEW roles AS SELECT role, ('regress_rights_' || role)::regrole AS id FROM unnest(ARRAY['nobody', 'user', 'trainer']) role;
CREATE VIEW members AS
SELECT classid, objid FROM pg_depend JOIN pg_extension e ON refobjid = e.oid
WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e' AND extname = 'recseq';

-- functions: how many overloads, and who may call them
SELECT proname AS function, count(*) AS overloads, may_call
FROM pg_proc p JOIN members ON classid = 'pg_proc'::regclass AND objid = p.oid,
	LATERAL (SELECT string_agg(role, ' ' ORDER BY id) AS may_call FROM roles WHERE has_function_privilege(id, p.oid, 'EXECUTE')) r
GROUP BY proname, may_call ORDER BY proname COLLATE "C", may_call;

-- none runs with the rights of who made it
SELECT proname AS function, prosecdef AS definer, proconfig AS settings FROM pg_proc p JOIN members ON classid = 'pg_proc'::regclass AND objid = p.oid
WHERE prosecdef OR proconfig IS NOT NULL ORDER BY 1;

-- tables, views and sequences: r read, a append, w write, d delete, D truncate, x reference, t trigger, U use
SELECT relname AS relation, relkind AS kind, relrowsecurity AS rls, string_agg(role || '=' || rights, ' ' ORDER BY id) FILTER (WHERE rights <> '') AS rights
FROM pg_class c JOIN members ON classid = 'pg_class'::regclass AND objid = c.oid, roles,
	LATERAL (SELECT CASE WHEN relkind = 'S' THEN
		(SELECT string_agg(letter, '') FROM (VALUES ('SELECT', 'r'), ('UPDATE', 'w'), ('USAGE', 'U')) p(privilege, letter)
		 WHERE has_sequence_privilege(id, c.oid, privilege))
	ELSE
		(SELECT string_agg(letter, '') FROM (VALUES ('SELECT', 'r'), ('INSERT', 'a'), ('UPDATE', 'w'), ('DELETE', 'd'), ('TRUNCATE', 'D'), ('REFERENCES', 'x'), ('TRIGGER', 't')) p(privilege, letter)
		 WHERE has_table_privilege(id, c.oid, privilege)
			OR CASE WHEN letter IN ('r', 'a', 'w', 'x') THEN has_any_column_privilege(id, c.oid, privilege) ELSE false END) END AS rights) l
WHERE relkind IN ('r', 'v', 'm', 'S')
GROUP BY relname, relkind, relrowsecurity ORDER BY relname COLLATE "C";

-- what is called is what the catalog says: every function with nothing but nulls, by every role and by a superuser. The models that
-- there are, nobody may see who may not read recseq_model. (A constant null would be all that is evaluated of a strict function.)
CREATE FUNCTION outcome(role text, function oid) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	call text;
	rows bigint;
BEGIN
	SELECT format('SELECT count(*) FROM %s.%I(%s) f', pronamespace::regnamespace, proname,
		(SELECT string_agg(format('(SELECT NULL::%s)', type::regtype), ', ' ORDER BY i) FROM unnest(proargtypes) WITH ORDINALITY a(type, i)))
	INTO call FROM pg_proc WHERE oid = function;
	EXECUTE format('SET LOCAL ROLE %I', role);
	EXECUTE call INTO rows;
	RAISE EXCEPTION USING ERRCODE = 'RRRRR';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END $$;
CREATE TABLE outcomes AS
SELECT role, proname::text AS function, has_function_privilege(role, p.oid, 'EXECUTE') AS may, outcome(role, p.oid) AS state
FROM pg_proc p JOIN members ON classid = 'pg_proc'::regclass AND objid = p.oid,
	(SELECT id::text AS role FROM roles UNION ALL SELECT current_user) r
WHERE prorettype <> 'trigger'::regtype;
SELECT role, function, may, state FROM outcomes WHERE may = (state = '42501') OR state LIKE 'XX%' ORDER BY 1, 2, 3, 4;
SELECT count(*) > 100 AS enough, bool_or(may) AS some_may, bool_or(NOT may) AS some_may_not FROM outcomes;
DROP TABLE outcomes;
DROP FUNCTION outcome;

-- a row's rights: models that a policy hides are not there, whatever is called
CREATE TABLE ring AS SELECT ARRAY(SELECT (g + i) % 20 + 1 FROM generate_series(0, 7) i) AS items FROM generate_series(0, 49) g;
GRANT SELECT ON ring TO PUBLIC;
SELECT version FROM recseq_train('ring', 'hidden', epochs => 1, units => 2, ranker => false);
ALTER TABLE recseq_model ENABLE ROW LEVEL SECURITY;
SET ROLE regress_rights_trainer;
CREATE FUNCTION pg_temp.state(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	rows bigint;
BEGIN
	EXECUTE 'SELECT count(*) FROM ' || statement INTO rows;
	RETURN rows || ' rows';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
SELECT statement, pg_temp.state(statement) FROM unnest(ARRAY[
	$$recseq_recommend(ARRAY[1], model => 'hidden')$$, $$recseq_recommend_batch('ring', model => 'hidden')$$, $$recseq_evaluate('ring', 'hidden')$$,
	$$recseq_evaluate_cases('ring', 'hidden')$$, $$recseq_similar_items(1, model => 'hidden')$$, $$recseq_bought_together(1, model => 'hidden')$$, $$recseq_trending(model => 'hidden')$$, $$recseq_update('hidden', 'ring')$$,
	$$recseq_embeddings('hidden')$$, $$recseq_embed('{1}'::int[], 'hidden')$$, $$recseq_vocabulary('hidden')$$, $$recseq_weights('hidden')$$, $$recseq_onnx('hidden')$$,
	$$recseq_activate('hidden', 1)$$, $$recseq_rollback('hidden')$$, $$recseq_retain('hidden', 1)$$, $$recseq_drop_model('hidden')$$,
	$$recseq_train('ring', 'hidden')$$, $$recseq_train_async('ring', 'hidden')$$, 'recseq_models', 'recseq_model_metrics']) statement;
RESET ROLE;
ALTER TABLE recseq_model DISABLE ROW LEVEL SECURITY;
SELECT recseq_drop_model('hidden');
DROP TABLE ring;
DROP VIEW roles, members;
GRANT SELECT ON recseq_model TO PUBLIC;
DROP OWNED BY regress_rights_user, regress_rights_trainer, regress_rights_nobody;
DROP ROLE regress_rights_user, regress_rights_trainer, regress_rights_nobody;
