--
-- Who may do what
--
\set SHOW_CONTEXT never
SET recseq.progress = off;
CREATE ROLE regress_recseq_a;
CREATE ROLE regress_recseq_b;
CREATE ROLE regress_recseq_team;
CREATE ROLE regress_recseq_admin SUPERUSER;
SET SESSION AUTHORIZATION regress_recseq_admin;
SET recseq.progress = off;
SELECT current_schema AS here \gset
GRANT CREATE ON SCHEMA :"here" TO regress_recseq_a, regress_recseq_b;
CREATE TABLE ring AS
SELECT g AS id, ARRAY(SELECT (g + i) % 20 + 1 FROM generate_series(0, 7) i) AS items
FROM generate_series(0, 199) g;
GRANT SELECT ON ring TO regress_recseq_a, regress_recseq_b;
CREATE TABLE secret AS TABLE ring;
SELECT version FROM recseq_train('ring', 'admin', epochs => 1, units => 8);

-- PUBLIC may use models, and may not make, choose or remove any
SET ROLE regress_recseq_a;
SELECT count(*) FROM recseq_recommend(ARRAY[1, 2], model => 'admin');
SELECT cases FROM recseq_evaluate('ring', 'admin') LIMIT 1;
SELECT model, version, active FROM recseq_models;
SELECT recseq_train('ring', 'mine');
SELECT recseq_activate('admin', 1);
SELECT recseq_drop_model('admin');
SELECT recseq_rollback('admin');
SELECT recseq_retain('admin', 1);
SELECT recseq_update('admin', 'ring');
SELECT recseq_import_model('');
SELECT recseq_export_model('admin');
SELECT count(*) FROM recseq_chunk;
INSERT INTO recseq_model (model, owner, active_id, last_version) VALUES ('forged', current_user, 1, 1);
UPDATE recseq_model SET owner = current_user;
DELETE FROM recseq_version;
TRUNCATE recseq_model CASCADE;
-- reading follows the caller's privileges
SELECT * FROM recseq_evaluate('secret', 'admin');
RESET ROLE;

-- with EXECUTE granted: models of one's own
GRANT EXECUTE ON FUNCTION recseq_train, recseq_activate, recseq_drop_model, recseq_rollback, recseq_retain TO regress_recseq_a, regress_recseq_b;
SET ROLE regress_recseq_a;
SELECT version FROM recseq_train('ring', 'mine', epochs => 1, units => 8);
SELECT version FROM recseq_train('ring', 'mine', epochs => 1, units => 8);
SELECT recseq_activate('mine', 1);
SELECT recseq_drop_model('mine', 2);
SELECT model, version, active, owner, trained_by FROM recseq_models WHERE model = 'mine';
-- not those of others, and it is refused before anything is trained
SELECT recseq_train('ring', 'admin', epochs => 10000);
SELECT recseq_activate('admin', 1);
SELECT recseq_drop_model('admin');
SELECT recseq_drop_model('admin', 1);
SELECT recseq_rollback('admin');
SELECT recseq_retain('admin', 1);
SELECT recseq_train('secret', 'mine');
CREATE VIEW over_secret AS SELECT * FROM secret;
SELECT recseq_train('over_secret', 'mine');
DROP VIEW over_secret;
SET ROLE regress_recseq_b;
SELECT recseq_train('ring', 'mine');
SELECT recseq_activate('mine', 1);
SELECT recseq_drop_model('mine');
RESET ROLE;

-- privileges on columns count too
CREATE TABLE half_open AS SELECT id, items, items AS categories FROM ring;
GRANT SELECT (items, id) ON half_open TO regress_recseq_a;
SET ROLE regress_recseq_a;
SELECT recseq_train('half_open', 'mine');
SELECT sequences FROM recseq_train('half_open', 'mine', features => '{}', epochs => 1, units => 8);
RESET ROLE;

-- a superuser, and members of the owner, may change a model; its owner stays
GRANT regress_recseq_a TO regress_recseq_b;
SELECT version FROM recseq_train('ring', 'mine', epochs => 1, units => 8);
SET ROLE regress_recseq_b;
SELECT version FROM recseq_train('ring', 'mine', epochs => 1, units => 8);
RESET ROLE;
REVOKE regress_recseq_a FROM regress_recseq_b;
SELECT version, owner, trained_by FROM recseq_models WHERE model = 'mine' ORDER BY version;

-- nothing that the caller writes runs as the owner of recseq's tables
CREATE SCHEMA trap AUTHORIZATION regress_recseq_b;
GRANT EXECUTE ON FUNCTION recseq_update, recseq_export_model, recseq_import_model TO regress_recseq_b;
SET ROLE regress_recseq_b;
CREATE FUNCTION trap.equal(text, text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	RAISE NOTICE 'trapped as %', current_user;
	RETURN pg_catalog.texteq($1, $2);
END $$;
CREATE OPERATOR trap.= (LEFTARG = text, RIGHTARG = text, FUNCTION = trap.equal);
CREATE FUNCTION trap.nextval(regclass) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'trapped as %', current_user; RETURN 1; END $$;
CREATE TABLE trap.recseq_model (model text, owner name, active_id bigint, last_version int);
CREATE FUNCTION trap.array_remove(bigint[], bigint) RETURNS bigint[] LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'trapped as %', current_user; RETURN $1; END $$;
CREATE FUNCTION trap.jsonb_to_record(jsonb) RETURNS record LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'trapped as %', current_user; END $$;
CREATE FUNCTION trap.equal(bigint, bigint) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'trapped as %', current_user; RETURN $1 OPERATOR(pg_catalog.=) $2; END $$;
CREATE OPERATOR trap.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = trap.equal);
SET search_path = trap, pg_catalog, :"here";
SELECT version FROM recseq_train('ring', 'trapped', epochs => 1, units => 8);
SELECT version FROM recseq_train('ring', 'trapped', epochs => 1, units => 8);
SELECT recseq_activate('trapped', 1);
SELECT recseq_rollback('trapped');
SELECT recseq_retain('trapped', 1);
SELECT i.version FROM recseq_import_model(recseq_export_model('trapped')) i;
SELECT version FROM recseq_update('trapped', 'ring');
SELECT count(*) FROM recseq_recommend(ARRAY[1, 2], model => 'trapped');
SELECT recseq_drop_model('trapped');
RESET search_path;
-- what the source runs, runs as the caller
CREATE FUNCTION trap.who(int[]) RETURNS int[] LANGUAGE plpgsql AS $$
BEGIN
	IF current_user <> 'regress_recseq_b' THEN
		RAISE EXCEPTION 'called as %', current_user;
	END IF;
	RETURN $1;
END $$;
CREATE VIEW trap.asking AS SELECT id, trap.who(items) AS items FROM ring;
SELECT sequences FROM recseq_train('trap.asking', 'asking', epochs => 1, units => 8);
SELECT recseq_drop_model('asking');
RESET ROLE;

-- row security on a source: only the rows that the caller may see
CREATE POLICY few ON ring USING (id < 50);
ALTER TABLE ring ENABLE ROW LEVEL SECURITY;
SET ROLE regress_recseq_a;
SELECT sequences FROM recseq_train('ring', 'mine', epochs => 1, units => 8);
SELECT cases FROM recseq_evaluate('ring', 'mine') LIMIT 1;
RESET ROLE;
SELECT cases FROM recseq_evaluate('ring', 'mine') LIMIT 1;
ALTER POLICY few ON ring USING (false);
SET ROLE regress_recseq_a;
SELECT recseq_train('ring', 'mine');
SET row_security = off;
SELECT recseq_train('ring', 'mine');
RESET row_security;
RESET ROLE;
ALTER TABLE ring DISABLE ROW LEVEL SECURITY;
DROP POLICY few ON ring;

-- SELECT on recseq_model is the right to use models
REVOKE SELECT ON recseq_model FROM PUBLIC;
GRANT SELECT ON recseq_model TO regress_recseq_team;
GRANT regress_recseq_team TO regress_recseq_a;
SET ROLE regress_recseq_a;
SELECT count(*) FROM recseq_recommend(ARRAY[1, 2], model => 'admin');
SET ROLE regress_recseq_b;
SELECT count(*) FROM recseq_recommend(ARRAY[1, 2], model => 'admin');
SELECT count(*) FROM recseq_recommend(ARRAY[1, 2], model => 'admin', version => 1);
SELECT * FROM recseq_evaluate('ring', 'admin');
SELECT count(*) FROM recseq_models;
RESET ROLE;
GRANT SELECT ON recseq_model TO PUBLIC;

-- row security there decides which
ALTER TABLE recseq_model ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine_and_admins ON recseq_model FOR SELECT USING (owner = current_user OR (model = 'admin' AND current_user = 'regress_recseq_b'));
SET ROLE regress_recseq_a;
SELECT count(*) FROM recseq_recommend(ARRAY[1, 2], model => 'mine');
SELECT count(*) FROM recseq_recommend(ARRAY[1, 2], model => 'mine', version => 3);
SELECT count(*) FROM recseq_recommend(ARRAY[1, 2], model => 'mine', version => 99);
SELECT count(*) FROM recseq_recommend(ARRAY[1, 2], model => 'admin');
SELECT count(*) FROM recseq_recommend(ARRAY[1, 2], model => 'admin', version => 1);
SELECT * FROM recseq_evaluate('ring', 'admin');
-- the views show as much, and their tables nothing, whatever operators the caller finds first
SELECT DISTINCT model FROM recseq_models;
SELECT DISTINCT model FROM recseq_model_metrics;
SELECT count(*) FROM recseq_version;
SELECT count(*) FROM recseq_get_models() WHERE model <> 'mine';
RESET ROLE;
GRANT EXECUTE ON FUNCTION recseq_export_model TO regress_recseq_a;
SET ROLE regress_recseq_a;
CREATE FUNCTION :"here".everything(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE OPERATOR :"here".= (LEFTARG = text, RIGHTARG = text, FUNCTION = :"here".everything);
SET search_path = :"here", pg_catalog;
SELECT count(*) FROM recseq_recommend(ARRAY[1, 2], model => 'admin', version => 1);
SELECT count(*) FROM recseq_recommend(ARRAY[1, 2], model => 'admin');
SELECT * FROM recseq_evaluate('ring', 'admin', version => 1);
SELECT recseq_export_model('admin', 1);
SELECT count(*) FROM recseq_models WHERE model OPERATOR(pg_catalog.=) 'admin';
RESET search_path;
DROP OPERATOR :"here".= (text, text);
DROP FUNCTION :"here".everything;
-- and training goes on as ever
SELECT version FROM recseq_train('ring', 'mine', epochs => 1, units => 8);
SET ROLE regress_recseq_b;
SELECT count(*) FROM recseq_recommend(ARRAY[1, 2], model => 'admin');
SELECT count(*) FROM recseq_recommend(ARRAY[1, 2], model => 'mine');
RESET ROLE;
SELECT count(*) FROM recseq_recommend(ARRAY[1, 2], model => 'mine');
SELECT DISTINCT model FROM recseq_models ORDER BY model;
DROP POLICY mine_and_admins ON recseq_model;
ALTER TABLE recseq_model DISABLE ROW LEVEL SECURITY;

-- limits are the superuser's to set, progress is anybody's
SET ROLE regress_recseq_a;
SET recseq.cache_size = '2GB';
SET recseq.max_training_memory = '2GB';
SET recseq.progress = on;
RESET ROLE;
SET recseq.progress = off;

-- an owner who is gone leaves models that a superuser can drop
REVOKE EXECUTE ON FUNCTION recseq_train, recseq_activate, recseq_drop_model, recseq_rollback, recseq_retain, recseq_update, recseq_export_model,
recseq_import_model FROM regress_recseq_a, regress_recseq_b;
REVOKE CREATE ON SCHEMA :"here" FROM regress_recseq_a, regress_recseq_b;
SET client_min_messages = warning;
DROP SCHEMA trap CASCADE;
DROP TABLE ring, secret, half_open;
RESET client_min_messages;
REVOKE ALL ON recseq_model FROM regress_recseq_team;
RESET SESSION AUTHORIZATION;
DROP ROLE regress_recseq_a, regress_recseq_b, regress_recseq_team, regress_recseq_admin;
SELECT model, owner FROM recseq_model ORDER BY model;
SELECT count(*) FROM recseq_recommend(ARRAY[1, 2], model => 'mine');
SELECT count(recseq_drop_model(model)) FROM recseq_model;
