-- What the page needs in its database: a schema with the list of visitors that it searches, and a role that may read the
-- kit's views and ask the models, and nothing else. Run by the owner of the kit; running it again brings the list up to date.
--
-- psql -d shop -v kit=shop -f setup.sql      for the kit in the schema shop; without -v for the one in retailrocket
\if :{?kit}
\else
	\set kit retailrocket
\endif
BEGIN;

-- Names that somebody else made are not to be found first.
SET LOCAL search_path = pg_catalog, pg_temp;

SELECT 'CREATE ROLE recseq_page LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'recseq_page') \gexec
ALTER ROLE recseq_page CONNECTION LIMIT 20;
SELECT format('ALTER ROLE recseq_page IN DATABASE %I SET %s', current_database(), setting)
FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace,
	unnest(ARRAY[format('search_path = recseq_page, %I, %I', :'kit', n.nspname), 'statement_timeout = ''5min''', 'timezone = ''UTC''']) AS setting
WHERE e.extname = 'recseq' \gexec

-- Whoever made a schema of this name may have put anything into it, and could change the list under the page.
DO $$
DECLARE
	me	oid := current_user::regrole;
BEGIN
	IF EXISTS (SELECT FROM pg_namespace WHERE nspname = 'recseq_page' AND nspowner <> me)
		OR EXISTS (SELECT FROM pg_namespace, aclexplode(nspacl) a
				   WHERE nspname = 'recseq_page' AND a.privilege_type = 'CREATE' AND a.grantee NOT IN (me, 0))
		OR EXISTS (SELECT FROM pg_class WHERE relnamespace = to_regnamespace('recseq_page') AND relowner <> me)
		OR EXISTS (SELECT FROM pg_proc WHERE pronamespace = to_regnamespace('recseq_page') AND proowner <> me) THEN
		RAISE EXCEPTION 'the schema "recseq_page" is somebody else''s, or somebody else may create in it or has done so'
			USING ERRCODE = 'insufficient_privilege',
				HINT = 'See what it is, and drop it or move it away: ALTER SCHEMA recseq_page RENAME TO ...';
	END IF;
END
$$;
CREATE SCHEMA IF NOT EXISTS recseq_page;
REVOKE ALL ON SCHEMA recseq_page FROM PUBLIC;
COMMENT ON SCHEMA recseq_page IS 'what the web page keeps for itself';

DROP MATERIALIZED VIEW IF EXISTS recseq_page.visitors;
CREATE MATERIALIZED VIEW recseq_page.visitors AS
	SELECT visitorid, visitorid::text COLLATE "C" AS visitor, length, last_time
	FROM :"kit".sequences;
COMMENT ON MATERIALIZED VIEW recseq_page.visitors IS 'every visitor with an interaction; REFRESH it when there are new ones';
COMMENT ON COLUMN recseq_page.visitors.visitor IS 'the id as text, to be searched by its beginning';
CREATE INDEX visitors_visitor ON recseq_page.visitors (visitor);
ANALYZE recseq_page.visitors;

GRANT USAGE ON SCHEMA recseq_page, :"kit" TO recseq_page;
GRANT SELECT ON recseq_page.visitors, :"kit".settings, :"kit".interactions, :"kit".item_categories, :"kit".products, :"kit".sequences,
	:"kit".sequence_length_bounds, :"kit".training_sequences TO recseq_page;

-- Of functions of these names, those of the extension. With them a role changes its own models alone.
SELECT format('GRANT EXECUTE ON FUNCTION %s TO recseq_page', p.oid::regprocedure)
FROM pg_extension e
JOIN pg_depend d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e'
JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
WHERE e.extname = 'recseq' AND p.proname IN ('recseq_train_async', 'recseq_cancel', 'recseq_activate', 'recseq_rollback') \gexec

-- recseq's own names, where its schema is not open to everybody.
SELECT format('GRANT USAGE ON SCHEMA %I TO recseq_page', n.nspname)
FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
WHERE e.extname = 'recseq' AND NOT has_schema_privilege('recseq_page', n.oid, 'USAGE') \gexec

-- The demo's views, where they are.
SELECT format('GRANT SELECT ON %s TO recseq_page', relation)
FROM unnest(ARRAY[to_regclass('public.demo_training'), to_regclass('public.demo_evaluation')]) AS relation
WHERE relation IS NOT NULL \gexec

COMMIT;
