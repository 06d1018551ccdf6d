--
-- What the extension brings: every object says what it is, and who may use it
--

-- the objects that belong to it
CREATE TEMP VIEW belongs AS
SELECT d.classid, d.objid
FROM pg_depend d
JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
WHERE e.extname = 'recseq' AND d.deptype = 'e';

SELECT p.proname, count(*) AS forms
FROM belongs b JOIN pg_proc p ON b.classid = 'pg_proc'::regclass AND b.objid = p.oid
GROUP BY p.proname ORDER BY p.proname COLLATE "C";

SELECT c.relname, c.relkind
FROM belongs b JOIN pg_class c ON b.classid = 'pg_class'::regclass AND b.objid = c.oid
ORDER BY c.relname COLLATE "C";

-- without a comment: none
SELECT p.oid::regprocedure AS function
FROM belongs b JOIN pg_proc p ON b.classid = 'pg_proc'::regclass AND b.objid = p.oid
WHERE coalesce(obj_description(p.oid, 'pg_proc'), '') = '';

SELECT c.oid::regclass AS relation
FROM belongs b JOIN pg_class c ON b.classid = 'pg_class'::regclass AND b.objid = c.oid
WHERE c.relkind IN ('r', 'v') AND coalesce(obj_description(c.oid, 'pg_class'), '') = '';

SELECT c.oid::regclass AS relation, a.attname
FROM belongs b
JOIN pg_class c ON b.classid = 'pg_class'::regclass AND b.objid = c.oid
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'v') AND coalesce(col_description(c.oid, a.attnum), '') = ''
ORDER BY c.relname COLLATE "C", a.attnum;

-- types, likewise: none
SELECT t.typname, a.attname
FROM belongs b
JOIN pg_type t ON b.classid = 'pg_type'::regclass AND b.objid = t.oid
JOIN pg_class c ON c.oid = t.typrelid AND c.relkind = 'c'
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE coalesce(obj_description(t.oid, 'pg_type'), '') = '' OR coalesce(col_description(c.oid, a.attnum), '') = ''
ORDER BY t.typname COLLATE "C", a.attnum;

SELECT obj_description(oid, 'pg_extension') <> '' AS commented FROM pg_extension WHERE extname = 'recseq';

-- pg_dump takes the models along
SELECT config::regclass AS dumped, condition
FROM pg_extension, unnest(extconfig, extcondition) AS u(config, condition)
WHERE extname = 'recseq'
ORDER BY config::regclass::text COLLATE "C";

-- what anybody may do
CREATE ROLE regress_recseq_anybody;
SELECT p.proname, bool_and(has_function_privilege('regress_recseq_anybody', p.oid, 'EXECUTE')) AS may_execute,
	   bool_or(p.prosecdef) AS security_definer
FROM belongs b JOIN pg_proc p ON b.classid = 'pg_proc'::regclass AND b.objid = p.oid
GROUP BY p.proname ORDER BY p.proname COLLATE "C";

SELECT c.relname,
	   string_agg(privilege, ', ' ORDER BY privilege) FILTER (WHERE CASE
			WHEN c.relkind = 'S' THEN has_sequence_privilege('regress_recseq_anybody', c.oid, privilege)
			ELSE has_table_privilege('regress_recseq_anybody', c.oid, privilege) END) AS may
FROM belongs b
JOIN pg_class c ON b.classid = 'pg_class'::regclass AND b.objid = c.oid
CROSS JOIN LATERAL unnest(CASE c.relkind WHEN 'S' THEN ARRAY['SELECT', 'UPDATE', 'USAGE']
	ELSE ARRAY['DELETE', 'INSERT', 'REFERENCES', 'SELECT', 'TRIGGER', 'TRUNCATE', 'UPDATE'] END) AS privilege
GROUP BY c.relname ORDER BY c.relname COLLATE "C";
DROP ROLE regress_recseq_anybody;

-- functions written in SQL languages do not depend on the caller's search path
SELECT p.oid::regprocedure AS function
FROM belongs b JOIN pg_proc p ON b.classid = 'pg_proc'::regclass AND b.objid = p.oid
JOIN pg_language l ON l.oid = p.prolang
WHERE l.lanname NOT IN ('c', 'internal') AND NOT coalesce(p.proconfig::text LIKE '%search_path=%', false);

-- the settings, their defaults and who may set them
LOAD 'recseq';
SELECT name, setting, unit, context, min_val, vartype FROM pg_settings WHERE name LIKE 'recseq.%' ORDER BY name COLLATE "C";
