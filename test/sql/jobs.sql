--
-- Training as a job: the queue, its views, and whose rights a job has
--
\set SHOW_CONTEXT never
\set QUIET on
SET recseq.progress = off;
SET client_min_messages = warning;
SELECT current_schema AS here, current_user AS installer \gset
CREATE ROLE regress_recseq_admin SUPERUSER LOGIN;
CREATE ROLE regress_recseq_a LOGIN;
CREATE ROLE regress_recseq_b LOGIN;
CREATE ROLE regress_recseq_member LOGIN IN ROLE regress_recseq_a;
CREATE ROLE regress_recseq_watcher LOGIN IN ROLE pg_read_all_stats;
CREATE ROLE regress_recseq_group NOLOGIN;
GRANT regress_recseq_group TO regress_recseq_b;
GRANT CREATE ON SCHEMA :"here" TO regress_recseq_a, regress_recseq_b, regress_recseq_group;
SET SESSION AUTHORIZATION regress_recseq_admin;
SET client_min_messages = warning;
CREATE TABLE ring AS
SELECT g AS id, ARRAY(SELECT (g + i) % 20 + 1 FROM generate_series(0, 7) i) AS items
FROM generate_series(0, 199) g;
GRANT SELECT ON ring TO PUBLIC;

-- What goes wrong, without the numbers of jobs.
CREATE FUNCTION attempt(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	hint text;
BEGIN
	EXECUTE statement;
	RETURN 'no error';
EXCEPTION WHEN others THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(' | ', SQLSTATE, regexp_replace(SQLERRM, 'job \d+', 'job N'), nullif(hint, ''));
END $$;
-- Waits until a job has become what it must, which is said.
CREATE FUNCTION become(which bigint, expected text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	now_it_is text;
BEGIN
	FOR i IN 1 .. 3000 LOOP
		SELECT concat_ws(' ', state, phase) INTO now_it_is FROM recseq_jobs WHERE job = which;
		EXIT WHEN now_it_is = expected;
		PERFORM pg_sleep(0.01);
	END LOOP;
	RETURN now_it_is;
END $$;
-- A source whose readers wait while somebody holds the lock.
CREATE FUNCTION hold(items int[]) RETURNS int[] LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_advisory_xact_lock_shared(4711);
	RETURN items;
END $$;
CREATE VIEW held AS SELECT id, hold(items) AS items FROM ring;
GRANT SELECT ON held TO PUBLIC;
GRANT EXECUTE ON FUNCTION recseq_train_async, recseq_wait, recseq_cancel, recseq_resume_jobs, recseq_drop_model
	TO regress_recseq_a, regress_recseq_b, regress_recseq_group, regress_recseq_watcher;

--
-- A job does what recseq_train does
--
SELECT recseq_train_async('ring', 'job', epochs => 3, units => 8, dropout => 0.1, patience => 0, features => '{}') AS job \gset
SELECT recseq_wait(:job);
SELECT version, epochs FROM recseq_train('ring', 'statement', epochs => 3, units => 8, dropout => 0.1, patience => 0, features => '{}');
SELECT count(DISTINCT md5(data)) = 1 AS same_image FROM recseq_chunk JOIN recseq_version USING (id) WHERE model IN ('job', 'statement');
SELECT model, owner, state, phase, epoch, epochs, loss > 0 AS loss, val_loss > 0 AS val_loss, rate, seconds_left, error, notice, version, source,
	queued <= started AND started <= ended AS times, resumed
FROM recseq_jobs WHERE job = :job;
-- what the last epoch came to is what the curve says of it
SELECT abs(j.val_loss - (v.curve->-1->>'val_loss')::float8) < 1e-4 AS val_loss, abs(j.hit_rate - (v.curve->-1->>'hit_rate')::float8) < 1e-4 AS hit_rate,
	abs(j.mrr - (v.curve->-1->>'mrr')::float8) < 1e-4 AS mrr, j.mrr > 0 AS ranks
FROM recseq_jobs j JOIN recseq_models v USING (model, version) WHERE job = :job;
SELECT jsonb_pretty(options) FROM recseq_jobs WHERE job = :job;
-- all of them, by the names of the arguments
SELECT (SELECT array_agg(name ORDER BY name) FROM jsonb_object_keys(options) AS name) = (SELECT array_agg(name ORDER BY name)
	FROM pg_proc, unnest(proargnames[3:pronargs]) AS name WHERE proname = 'recseq_train') AS all_options
FROM recseq_jobs WHERE job = :job;
-- both take the same arguments
SELECT count(DISTINCT (proargtypes, proargnames[1:pronargs], pg_get_expr(proargdefaults, 0), pronargs)) AS forms
FROM pg_proc WHERE proname IN ('recseq_train', 'recseq_train_async');
SELECT recseq_cancel(:job) AS too_late;
SELECT recseq_drop_model('job'), recseq_drop_model('statement');

--
-- Errors of the call
--
SELECT attempt($$SELECT recseq_train_async('ring', units => 0)$$);
SELECT attempt($$SELECT recseq_train_async('ring', epochs => NULL)$$);
SELECT attempt($$SELECT recseq_train_async(NULL)$$);
SELECT attempt($$SELECT recseq_train_async('ring', '')$$);
SELECT attempt($$SELECT recseq_train_async('pg_class')$$);
SELECT attempt($$SELECT recseq_train_async('ring', features => '{brand}')$$);
CREATE TEMP TABLE passing AS TABLE ring;
SELECT attempt($$SELECT recseq_train_async('passing')$$);
SELECT attempt($$SELECT recseq_train_async('ring', catalog => 'passing')$$);
DROP TABLE passing;
SELECT attempt($$SET LOCAL transaction_read_only = on; SELECT recseq_train_async('ring')$$);
SELECT attempt($$SELECT recseq_wait(0)$$);
SELECT attempt($$SELECT recseq_cancel(0)$$);
SELECT attempt($$SELECT recseq_wait(recseq_train_async('ring'))$$);
SELECT recseq_wait(NULL), recseq_cancel(NULL);
BEGIN;
SELECT recseq_train_async('ring', 'rolled back') IS NOT NULL AS queued;
ROLLBACK;
SELECT count(*) FROM recseq_jobs WHERE model = 'rolled back';
-- queued and cancelled before anybody could see it
BEGIN;
SELECT recseq_train_async('ring', 'never') AS job \gset
SELECT recseq_cancel(:job);
COMMIT;
SELECT state, error, started, ended IS NOT NULL AS ended FROM recseq_jobs WHERE job = :job;

--
-- Errors of the data are the job's
--
CREATE TABLE faulty AS SELECT 1 AS id, ARRAY[1, 2, NULL] AS items;
SELECT recseq_train_async('faulty', 'faulty') AS job \gset
SELECT recseq_wait(:job);
SELECT state, sqlstate, error, version FROM recseq_jobs WHERE job = :job;
-- of a very long one no more is kept than can be shown
CREATE FUNCTION shout(items int[]) RETURNS int[] LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION '%', repeat('x', 100000) USING DETAIL = repeat('y', 100000), HINT = 'whisper';
END $$;
CREATE VIEW shouting AS SELECT shout(items) AS items FROM ring;
SELECT recseq_train_async('shouting', 'shouting') AS shouting \gset
SELECT recseq_wait(:shouting);
SELECT length(error) < 10000 AS short, left(error, 5), error LIKE E'%x...\nDETAIL:  yy%y...\nHINT:  whisper\nCONTEXT:  %' AS parts FROM recseq_jobs WHERE job = :shouting;
DROP VIEW shouting;
DROP FUNCTION shout;
-- what the error says is not for who may only see that there is a job
SET SESSION AUTHORIZATION regress_recseq_watcher;
SET client_min_messages = warning;
SELECT state, sqlstate, error FROM recseq_jobs WHERE job = :job;
SET SESSION AUTHORIZATION regress_recseq_admin;
SET client_min_messages = warning;
-- a limit that the session has set is in force
SET recseq.max_training_memory = '1MB';
SELECT recseq_train_async('ring', 'limited', batch_size => 4096) AS job \gset
RESET recseq.max_training_memory;
SELECT recseq_wait(:job);
SELECT regexp_replace(error, '\d\d+', 'N') FROM recseq_jobs WHERE job = :job;

--
-- The queue: one runs, the others wait; each may be cancelled
--
SHOW recseq.max_jobs;
SELECT pg_advisory_lock(4711);
SET SESSION AUTHORIZATION regress_recseq_a;
SET client_min_messages = warning;
SELECT recseq_train_async('held', 'first', epochs => 2, units => 8, ranker => false) AS first \gset
SELECT recseq_train_async('ring', 'second', epochs => 2, units => 8, ranker => false) AS second \gset
SELECT recseq_train_async('ring', 'third', epochs => 2, units => 8, ranker => false) AS third \gset
SELECT become(:first, 'running reading');
SELECT recseq_wait(:second, '0') AS at_once, recseq_wait(:second, '10 ms') AS second, recseq_wait(:second, '-1 day') AS past;
SELECT model, state, phase, epoch FROM recseq_jobs WHERE job >= :first ORDER BY job;
SELECT model, phase, job = :first AS first, epoch, epochs, windows_done, windows_total FROM recseq_progress WHERE datname = current_database();
-- who sees and may do what
SET SESSION AUTHORIZATION regress_recseq_b;
SET client_min_messages = warning;
SELECT count(*) FROM recseq_jobs WHERE job >= :first;
SELECT datname = current_database() AS here, usename, job, model, phase, epoch FROM recseq_progress WHERE datname IS NOT DISTINCT FROM current_database();
SELECT attempt('SELECT recseq_cancel(' || :first || ')');
SELECT attempt('SELECT recseq_cancel(' || :second || ')');
SELECT attempt('SELECT recseq_wait(' || :second || ')');
SELECT attempt('SELECT count(*) FROM recseq_job');
SELECT attempt('DELETE FROM recseq_job');
SELECT attempt('SELECT count(*) FROM recseq_checkpoint');
SET SESSION AUTHORIZATION regress_recseq_watcher;
SET client_min_messages = warning;
SELECT model, owner, state FROM recseq_jobs WHERE job >= :first ORDER BY job;
SELECT model, phase FROM recseq_progress WHERE datname IS NOT DISTINCT FROM current_database();
SELECT recseq_wait(:second, '0');
SELECT attempt('SELECT recseq_cancel(' || :first || ')');
SET SESSION AUTHORIZATION regress_recseq_member;
SET client_min_messages = warning;
SELECT model, state FROM recseq_jobs WHERE job >= :first ORDER BY job;
SELECT recseq_cancel(:second);
SELECT state, error FROM recseq_jobs WHERE job = :second;
SELECT recseq_cancel(:first);
SELECT recseq_wait(:first, '10 s');
SELECT state, error FROM recseq_jobs WHERE job = :first;
-- the next one has its turn
SELECT recseq_wait(:third);
SELECT recseq_cancel(:third) AS cancelled;
SET SESSION AUTHORIZATION regress_recseq_admin;
SET client_min_messages = warning;
SELECT pg_advisory_unlock(4711);
SELECT model, version, trained_by FROM recseq_models;
SELECT recseq_drop_model('third');
-- nobody may train who may not
REVOKE EXECUTE ON FUNCTION recseq_train_async FROM regress_recseq_a;
SET SESSION AUTHORIZATION regress_recseq_a;
SET client_min_messages = warning;
SELECT attempt($$SELECT recseq_train_async('ring')$$);
-- a role that cannot log in has no process; one that acts as such has
SET SESSION AUTHORIZATION regress_recseq_group;
SET client_min_messages = warning;
SELECT attempt($$SELECT recseq_train_async('ring')$$);
SET SESSION AUTHORIZATION regress_recseq_b;
SET client_min_messages = warning;
SET ROLE regress_recseq_group;
SELECT recseq_train_async('ring', 'of the group', epochs => 2, units => 8, ranker => false) AS job \gset
SELECT recseq_wait(:job);
SELECT model, owner, trained_by FROM recseq_models;
SELECT recseq_drop_model('of the group');
RESET ROLE;
SET SESSION AUTHORIZATION regress_recseq_admin;
SET client_min_messages = warning;
GRANT EXECUTE ON FUNCTION recseq_train_async TO regress_recseq_a;

--
-- What changes between the call and its turn
--
CREATE TABLE renamed AS TABLE ring;
CREATE TABLE swapped AS TABLE ring;
CREATE TABLE dropped AS TABLE ring;
CREATE TABLE made_again AS TABLE ring;
CREATE TABLE there_and_back AS TABLE ring;
CREATE TABLE forbidden AS TABLE ring;
GRANT SELECT ON renamed, swapped, dropped, made_again, there_and_back, forbidden TO regress_recseq_a;
CREATE ROLE regress_recseq_gone LOGIN;
GRANT EXECUTE ON FUNCTION recseq_train_async TO regress_recseq_gone;
CREATE ROLE regress_recseq_locked LOGIN;
GRANT EXECUTE ON FUNCTION recseq_train_async TO regress_recseq_locked;
SELECT recseq_train_async('ring', 'taken', epochs => 1, units => 8, ranker => false) AS job \gset
SELECT recseq_wait(:job);
SELECT recseq_drop_model('taken');
SELECT pg_advisory_lock(4711);
SELECT recseq_train_async('held', 'blocking', epochs => 1) AS blocking \gset
SELECT become(:blocking, 'running reading');
SET SESSION AUTHORIZATION regress_recseq_a;
SET client_min_messages = warning;
SELECT recseq_train_async(source, 'm ' || source::text, epochs => 2, units => 8, ranker => false) IS NOT NULL AS queued
FROM unnest(ARRAY['renamed', 'swapped', 'dropped', 'made_again', 'there_and_back', 'forbidden']::regclass[]) AS source;
SELECT recseq_train_async('ring', 'taken', epochs => 2, units => 8, ranker => false) IS NOT NULL AS queued;
SET SESSION AUTHORIZATION regress_recseq_gone;
SET client_min_messages = warning;
SELECT recseq_train_async('ring', 'm gone', epochs => 2, units => 8, ranker => false) IS NOT NULL AS queued;
SET SESSION AUTHORIZATION regress_recseq_locked;
SET client_min_messages = warning;
SELECT recseq_train_async('ring', 'm locked', epochs => 2, units => 8, ranker => false) IS NOT NULL AS queued;
SET SESSION AUTHORIZATION regress_recseq_watcher;
SET client_min_messages = warning;
SELECT recseq_train_async('ring', 'm not any more', epochs => 2, units => 8, ranker => false) IS NOT NULL AS queued;
SET SESSION AUTHORIZATION regress_recseq_admin;
SET client_min_messages = warning;
ALTER TABLE renamed RENAME TO renamed_now;
ALTER TABLE swapped RENAME TO swapped_now;
CREATE TABLE swapped AS TABLE ring;
GRANT SELECT ON swapped TO regress_recseq_a;
DROP TABLE dropped;
DROP TABLE made_again;
CREATE TABLE made_again AS TABLE ring;
GRANT SELECT ON made_again TO regress_recseq_a;
ALTER TABLE there_and_back RENAME TO there;
ALTER TABLE there RENAME TO there_and_back;
REVOKE SELECT ON forbidden FROM regress_recseq_a;
SET recseq.progress = off;
SELECT version FROM recseq_train('ring', 'taken', epochs => 1, units => 8, ranker => false);
REVOKE EXECUTE ON FUNCTION recseq_train_async FROM regress_recseq_gone, regress_recseq_watcher;
DROP ROLE regress_recseq_gone;
ALTER ROLE regress_recseq_locked NOLOGIN;
SELECT recseq_cancel(:blocking);
SELECT count(recseq_wait(job)) AS ended FROM recseq_jobs WHERE job > :blocking;
SELECT model, state, regexp_replace(error, 'OID \d+', 'OID N') AS error FROM recseq_jobs WHERE job > :blocking ORDER BY job;
SELECT model, trained_by FROM recseq_models ORDER BY model;
SELECT count(recseq_drop_model(model)) FROM recseq_model;
SELECT pg_advisory_unlock(4711);
DROP TABLE renamed_now, swapped, swapped_now, made_again, there_and_back, forbidden;
REVOKE ALL ON FUNCTION recseq_train_async FROM regress_recseq_locked;
DROP ROLE regress_recseq_locked;

--
-- Who queued a job must still be able to act as its owner, unless a function with the owner's rights did it
--
CREATE FUNCTION train_for_group(model text) RETURNS bigint LANGUAGE sql SECURITY DEFINER
	AS $$ SELECT recseq_train_async('ring', model, epochs => 1, units => 8, ranker => false) $$;
ALTER FUNCTION train_for_group OWNER TO regress_recseq_group;
SELECT pg_advisory_lock(4711);
SELECT recseq_train_async('held', 'blocking', epochs => 1) AS blocking \gset
SELECT become(:blocking, 'running reading');
SET SESSION AUTHORIZATION regress_recseq_b;
SET client_min_messages = warning;
SET ROLE regress_recseq_group;
SELECT recseq_train_async('ring', 'of a member', epochs => 1, units => 8, ranker => false) IS NOT NULL AS queued;
RESET ROLE;
SELECT train_for_group('of a caller') IS NOT NULL AS queued;
SET SESSION AUTHORIZATION regress_recseq_admin;
SET client_min_messages = warning;
REVOKE regress_recseq_group FROM regress_recseq_b;
SELECT recseq_cancel(:blocking);
SELECT count(recseq_wait(job)) AS ended FROM recseq_jobs WHERE job > :blocking;
SELECT model, owner, state, sqlstate, error FROM recseq_jobs WHERE job > :blocking ORDER BY job;
GRANT regress_recseq_group TO regress_recseq_b;
SELECT pg_advisory_unlock(4711);
-- also while it runs
SELECT pg_advisory_lock(4711);
SET SESSION AUTHORIZATION regress_recseq_b;
SET client_min_messages = warning;
SET ROLE regress_recseq_group;
SELECT recseq_train_async('held', 'lost', epochs => 3, units => 8, ranker => false) AS job \gset
SELECT become(:job, 'running reading');
SET SESSION AUTHORIZATION regress_recseq_admin;
SET client_min_messages = warning;
REVOKE regress_recseq_group FROM regress_recseq_b;
SELECT pg_advisory_unlock(4711);
SELECT recseq_wait(:job);
SELECT state, sqlstate, error FROM recseq_jobs WHERE job = :job;
GRANT regress_recseq_group TO regress_recseq_b;
-- and may connect
REVOKE CONNECT ON DATABASE :"DBNAME" FROM PUBLIC;
SET SESSION AUTHORIZATION regress_recseq_a;
SET client_min_messages = warning;
SELECT recseq_train_async('ring', 'not here', epochs => 1) AS job \gset
SELECT recseq_wait(:job);
SELECT state, sqlstate, error FROM recseq_jobs WHERE job = :job;
SET SESSION AUTHORIZATION regress_recseq_admin;
SET client_min_messages = warning;
GRANT CONNECT, TEMPORARY ON DATABASE :"DBNAME" TO PUBLIC;

--
-- Settings of the role, or that a function of the source makes, do not keep a job from its end
--
CREATE FUNCTION meddle(items int[]) RETURNS int[] LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config(name, value, false) FROM (VALUES ('default_transaction_read_only', 'on'), ('exit_on_error', 'on'),
		('default_transaction_isolation', 'serializable'), ('lock_timeout', '1'), ('role', 'regress_recseq_a')) s (name, value);
	RETURN items;
END $$;
CREATE VIEW meddled AS SELECT id, CASE WHEN id = 0 THEN meddle(items) ELSE items END AS items FROM ring;
GRANT SELECT ON meddled, faulty TO PUBLIC;
ALTER ROLE regress_recseq_member SET default_transaction_read_only = on;
ALTER ROLE regress_recseq_member SET default_transaction_isolation = 'serializable';
ALTER ROLE regress_recseq_member SET default_transaction_deferrable = on;
ALTER ROLE regress_recseq_member SET exit_on_error = on;
ALTER ROLE regress_recseq_member SET lock_timeout = 1;
ALTER ROLE regress_recseq_member SET statement_timeout = 1;
ALTER ROLE regress_recseq_member SET role = 'regress_recseq_a';
SET SESSION AUTHORIZATION regress_recseq_member;
SET client_min_messages = warning;
SELECT recseq_train_async('ring', 'of the member', epochs => 2, units => 8, ranker => false) AS job \gset
SELECT recseq_wait(:job);
SELECT model, owner, state, error FROM recseq_jobs WHERE job = :job;
SELECT trained_by FROM recseq_models WHERE model = 'of the member';
SELECT recseq_train_async('meddled', 'meddled', epochs => 2, units => 8, ranker => false) AS job \gset
SELECT recseq_wait(:job);
SELECT trained_by FROM recseq_models WHERE model = 'meddled';
-- an error is told
SELECT recseq_train_async('faulty', 'faulty') AS job \gset
SELECT recseq_wait(:job);
SELECT state, sqlstate, error FROM recseq_jobs WHERE job = :job;
SET SESSION AUTHORIZATION regress_recseq_admin;
SET client_min_messages = warning;
SELECT count(recseq_drop_model(model)) FROM recseq_model;

-- but a superuser's job does not go on as somebody else
CREATE FUNCTION disguise(items int[]) RETURNS int[] LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('session_authorization', 'regress_recseq_a', false);
	RETURN items;
END $$;
CREATE VIEW disguised AS SELECT id, CASE WHEN id = 0 THEN disguise(items) ELSE items END AS items FROM ring;
SELECT recseq_train_async('disguised', 'disguised', epochs => 2, units => 8, ranker => false) AS job \gset
SELECT recseq_wait(:job);
SELECT state, sqlstate, error FROM recseq_jobs WHERE job = :job;
SELECT count(recseq_drop_model(model)) FROM recseq_model;

--
-- No role fills the queue
--
SET recseq.max_jobs_per_role = 2;
SET SESSION AUTHORIZATION regress_recseq_a;
SET client_min_messages = warning;
SELECT attempt('SET recseq.max_jobs_per_role = 1000');
SELECT pg_advisory_lock(4711);
SELECT recseq_train_async('held', 'first', epochs => 1) AS first \gset
SELECT recseq_train_async('held', 'second', epochs => 1) AS second \gset
SELECT attempt($$SELECT recseq_train_async('held', 'third', epochs => 1)$$);
SELECT recseq_cancel(:second);
SELECT recseq_train_async('held', 'third', epochs => 1) AS third \gset
SET SESSION AUTHORIZATION regress_recseq_b;
SET client_min_messages = warning;
SELECT recseq_train_async('held', 'of another', epochs => 1) AS other \gset
SET SESSION AUTHORIZATION regress_recseq_admin;
SET client_min_messages = warning;
SELECT recseq_cancel(:third), recseq_cancel(:other), recseq_cancel(:first);
SELECT recseq_wait(:first);
SELECT pg_advisory_unlock(4711);
RESET recseq.max_jobs_per_role;

--
-- What others' commands run for the owner of a table does nothing to jobs
--
CREATE FUNCTION touch_jobs(a int) RETURNS int IMMUTABLE LANGUAGE plpgsql SET search_path = public AS $$
DECLARE
	call text;
BEGIN
	FOREACH call IN ARRAY ARRAY[$c$recseq_train_async('ring', 'smuggled')$c$, 'recseq_cancel(1)', 'recseq_wait(1)', 'recseq_resume_jobs()'] LOOP
		BEGIN
			EXECUTE 'SELECT ' || call;
			RAISE WARNING '% was called', call;
		EXCEPTION WHEN OTHERS THEN
			RAISE WARNING '%: %', SQLSTATE, SQLERRM;
		END;
	END LOOP;
	RETURN a;
END $$;
CREATE TABLE smuggler (a int);
ALTER TABLE smuggler OWNER TO regress_recseq_a;
INSERT INTO smuggler VALUES (1);
\set VERBOSITY terse
CREATE INDEX ON smuggler (touch_jobs(a));
ANALYZE smuggler;
\set VERBOSITY default
SELECT count(*) FROM recseq_jobs WHERE model = 'smuggled';
DROP TABLE smuggler;
DROP FUNCTION touch_jobs;

--
-- A row that its owner has spoilt is an error, and the queue goes on
--
SELECT pg_advisory_lock(4711);
SELECT recseq_train_async('held', 'blocking', epochs => 1) AS blocking \gset
SELECT become(:blocking, 'running reading');
SELECT recseq_train_async('ring', 'without ' || what, epochs => 1, units => 8, ranker => false) IS NOT NULL AS queued
FROM unnest(ARRAY['options', 'settings', 'owner', 'login', 'source', 'source_name', 'seconds', 'attempts', 'nothing']) what;
ALTER TABLE recseq_job ALTER options DROP NOT NULL, ALTER settings DROP NOT NULL, ALTER owner DROP NOT NULL, ALTER login DROP NOT NULL,
	ALTER source DROP NOT NULL, ALTER source_name DROP NOT NULL, ALTER seconds DROP NOT NULL, ALTER attempts DROP NOT NULL;
DO $$
DECLARE
	what text;
BEGIN
	FOREACH what IN ARRAY ARRAY['options', 'settings', 'owner', 'login', 'source', 'source_name', 'seconds', 'attempts'] LOOP
		EXECUTE format('UPDATE recseq_job SET %I = NULL WHERE model = %L', what, 'without ' || what);
	END LOOP;
END $$;
SELECT recseq_cancel(:blocking);
SELECT recseq_wait(max(job)) FROM recseq_job WHERE model = 'without nothing';
SELECT become(job, 'queued'), recseq_cancel(job) FROM recseq_job WHERE owner IS NULL;
SELECT count(recseq_wait(job)) FROM recseq_job WHERE job > :blocking AND owner IS NOT NULL;
SELECT model, state, error FROM recseq_job WHERE job > :blocking ORDER BY job;
SELECT pg_advisory_unlock(4711);
DELETE FROM recseq_job WHERE job > :blocking;
ALTER TABLE recseq_job ALTER options SET NOT NULL, ALTER settings SET NOT NULL, ALTER owner SET NOT NULL, ALTER login SET NOT NULL,
	ALTER source SET NOT NULL, ALTER source_name SET NOT NULL, ALTER seconds SET NOT NULL, ALTER attempts SET NOT NULL;
SELECT count(recseq_drop_model(model)) FROM recseq_model;

--
-- Nothing that a job runs runs as somebody else
--
-- What code of b's finds: who it is, and what it can become. Rows arrive by the function, and at the commit by a deferred trigger.
CREATE TABLE found (at text, who name, session name, path text, could text);
GRANT SELECT, INSERT ON found TO PUBLIC;
CREATE SCHEMA trap AUTHORIZATION regress_recseq_b;
SET SESSION AUTHORIZATION regress_recseq_b;
SET client_min_messages = warning;
GRANT USAGE ON SCHEMA trap TO PUBLIC;
CREATE FUNCTION trap.note(at text) RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
	could text;
BEGIN
	BEGIN
		PERFORM pg_catalog.set_config('role', 'regress_recseq_admin', false);
		could := 'become the admin';
	EXCEPTION WHEN others THEN
		could := SQLSTATE;
	END;
	BEGIN
		PERFORM pg_catalog.set_config('session_authorization', 'regress_recseq_admin', false);
		could := could || ', be authorized as such';
	EXCEPTION WHEN others THEN
		could := could || '; ' || SQLSTATE;
	END;
	BEGIN
		PERFORM pg_catalog.set_config('role', 'none', false);
	EXCEPTION WHEN others THEN
		could := could || '; ' || SQLSTATE;
	END;
	INSERT INTO public.found VALUES (at, current_user, session_user, pg_catalog.current_setting('search_path'), could);
END $$;
CREATE FUNCTION trap.look(items int[]) RETURNS int[] LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO public.found VALUES ('view', current_user, session_user, pg_catalog.current_setting('search_path'));
	PERFORM trap.note('function');
	INSERT INTO trap.later VALUES (1);
	RETURN items;
END $$;
CREATE TABLE trap.later (a int);
GRANT INSERT ON trap.later TO PUBLIC;
CREATE FUNCTION trap.fire() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM trap.note('deferred trigger'); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER fire AFTER INSERT ON trap.later DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION trap.fire();
CREATE VIEW trap.source AS SELECT id, CASE WHEN id = 0 THEN trap.look(items) ELSE items END AS items FROM public.ring;
GRANT SELECT ON trap.source TO PUBLIC;
-- operators and functions that would come before PostgreSQL's
CREATE FUNCTION trap.equal(text, text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO public.found VALUES ('operator', current_user, session_user);
	RETURN pg_catalog.texteq($1, $2);
END $$;
CREATE OPERATOR trap.= (LEFTARG = text, RIGHTARG = text, FUNCTION = trap.equal);
CREATE FUNCTION trap.equal(bigint, bigint) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO public.found VALUES ('operator', current_user, session_user);
	RETURN pg_catalog.int8eq($1, $2);
END $$;
CREATE OPERATOR trap.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = trap.equal);
CREATE FUNCTION trap.jsonb_each_text(jsonb, OUT key text, OUT value text) RETURNS SETOF record LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO public.found VALUES ('function', current_user, session_user);
END $$;
CREATE TABLE trap.recseq_job (job bigint, state text);
CREATE TABLE trap.recseq_checkpoint (id bigint, chunk int, data bytea);
SET search_path = trap, pg_catalog, :"here";
SELECT recseq_train_async('trap.source', 'trapped', epochs => 2, units => 8, ranker => false) AS job \gset
RESET search_path;
SELECT recseq_wait(:job);
SELECT DISTINCT * FROM found ORDER BY at;
-- a superuser who acts as another role, or trains on what somebody else has made, is nobody more
SET SESSION AUTHORIZATION regress_recseq_admin;
SET client_min_messages = warning;
TRUNCATE found;
SET ROLE regress_recseq_b;
SELECT recseq_train_async('trap.source', 'trapped', epochs => 2, units => 8, ranker => false) AS job \gset
SELECT recseq_wait(:job);
RESET ROLE;
SELECT DISTINCT at, who, session, could FROM found ORDER BY at;
TRUNCATE found;
-- a function that has the rights of its owner: the job has them, too, and no others
SET ROLE regress_recseq_group;
CREATE FUNCTION train_for_me(source regclass) RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$ SELECT public.recseq_train_async(source, 'by definer', epochs => 2, units => 8, ranker => false) $$;
RESET ROLE;
SET SESSION AUTHORIZATION regress_recseq_a;
SET client_min_messages = warning;
SELECT train_for_me('trap.source') AS job \gset
SELECT attempt('SELECT recseq_cancel(' || :job || ')');
SET SESSION AUTHORIZATION regress_recseq_admin;
SET client_min_messages = warning;
SELECT recseq_wait(:job);
SELECT owner, error FROM recseq_jobs WHERE job = :job;
SELECT DISTINCT * FROM found ORDER BY at;
SELECT model, owner, trained_by FROM recseq_models ORDER BY model;
SELECT count(recseq_drop_model(model)) FROM recseq_model;

--
-- Row security: only the rows that the owner may see
--
CREATE POLICY few ON ring USING (id < 50 AND current_user = 'regress_recseq_a');
ALTER TABLE ring ENABLE ROW LEVEL SECURITY;
SET SESSION AUTHORIZATION regress_recseq_a;
SET client_min_messages = warning;
SELECT recseq_train_async('ring', 'few', epochs => 2, units => 8, ranker => false) AS job \gset
SELECT recseq_wait(:job);
SELECT sequences FROM recseq_models WHERE model = 'few';
SET row_security = off;
SELECT recseq_train_async('ring', 'few', epochs => 2, units => 8, ranker => false) AS job \gset
SELECT recseq_wait(:job);
SELECT error FROM recseq_jobs WHERE job = :job;
SET SESSION AUTHORIZATION regress_recseq_b;
SET client_min_messages = warning;
RESET row_security;
SELECT recseq_train_async('ring', 'none', epochs => 2, units => 8, ranker => false) AS job \gset
SELECT recseq_wait(:job);
SELECT error FROM recseq_jobs WHERE job = :job;
SET SESSION AUTHORIZATION regress_recseq_admin;
SET client_min_messages = warning;
ALTER TABLE ring DISABLE ROW LEVEL SECURITY;
DROP POLICY few ON ring;
SELECT recseq_drop_model('few');

--
-- Nothing is left, and jobs of long ago are forgotten
--
SELECT count(*) FROM recseq_checkpoint;
SELECT recseq_resume_jobs();
SELECT count(*) > 10 AS kept FROM recseq_jobs;
UPDATE recseq_job SET ended = now() - interval '31 days' WHERE state = 'done';
SELECT recseq_train_async('ring', 'last', epochs => 1, units => 8, ranker => false) AS job \gset
SELECT recseq_wait(:job);
SELECT model FROM recseq_jobs WHERE state = 'done' AND model <> 'last';
SELECT recseq_drop_model('last');

REVOKE ALL ON FUNCTION recseq_train_async, recseq_wait, recseq_cancel, recseq_resume_jobs, recseq_drop_model
	FROM regress_recseq_a, regress_recseq_b, regress_recseq_group, regress_recseq_watcher;
DROP SCHEMA trap CASCADE;
DROP TABLE ring, faulty, found CASCADE;
DROP FUNCTION train_for_me, train_for_group, attempt, become, hold, meddle, disguise;
RESET SESSION AUTHORIZATION;
REVOKE CREATE ON SCHEMA :"here" FROM regress_recseq_a, regress_recseq_b, regress_recseq_group;
DELETE FROM recseq_job;
DROP ROLE regress_recseq_admin, regress_recseq_a, regress_recseq_b, regress_recseq_member, regress_recseq_watcher, regress_recseq_group;
