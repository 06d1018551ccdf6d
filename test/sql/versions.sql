--
-- Which version answers, which are kept, and which variant a visitor gets
--
\set SHOW_CONTEXT never
SET recseq.progress = off;
SET recseq.max_training_workers = 0;
CREATE TABLE ring AS
SELECT g AS id, ARRAY(SELECT (g + i) % 20 + 1 FROM generate_series(0, 7) i) AS items
FROM generate_series(0, 199) g;
-- no more than it takes to tell versions apart
CREATE FUNCTION train(model text) RETURNS int LANGUAGE sql AS $$
	SELECT version FROM recseq_train('ring', model, epochs => 1, units => 4, item_dim => 4, validation_fraction => 0, ranker => false)
$$;
CREATE VIEW versions AS
SELECT model, string_agg(CASE WHEN active THEN '[' || version || ']' ELSE version::text END, ' ' ORDER BY version) AS versions,
	   (SELECT ARRAY(SELECT (SELECT v.version FROM recseq_version v WHERE v.id = b) FROM unnest(m.active_before) WITH ORDINALITY u(b, n) ORDER BY n)
		FROM recseq_model m WHERE m.model = s.model) AS active_before
FROM recseq_models s GROUP BY model;

--
-- recseq_rollback: back to what was active before, and further
--
SELECT train('m');
SELECT recseq_rollback('m');
SELECT train('m'), train('m');
TABLE versions;
SELECT recseq_rollback('m');
TABLE versions;
SELECT recseq_rollback('m');
TABLE versions;
SELECT recseq_rollback('m');
-- the order in which they were active counts, not their numbers; activating what is active changes nothing
SELECT recseq_activate('m', 3), recseq_activate('m', 2), recseq_activate('m', 2);
TABLE versions;
SELECT recseq_rollback('m');
TABLE versions;
SELECT recseq_activate('m', 2), recseq_activate('m', 1), recseq_activate('m', 3);
TABLE versions;
-- what is dropped is passed over
SELECT recseq_drop_model('m', 1);
TABLE versions;
SELECT recseq_rollback('m');
SELECT train('m');
SELECT recseq_drop_model('m', 4);
TABLE versions;
SELECT recseq_rollback('m');
TABLE versions;
-- with the transaction
BEGIN;
SELECT recseq_activate('m', 3);
SELECT recseq_rollback('m');
ROLLBACK;
TABLE versions;
SELECT recseq_rollback('n');
SELECT recseq_rollback(NULL) IS NULL AS nothing;
BEGIN READ ONLY;
SELECT recseq_rollback('m');
ROLLBACK;
SELECT recseq_drop_model('m');

--
-- recseq_retain: the newest, the active one, and the one to roll back to
--
SELECT train('m'), train('m'), train('m'), train('m'), train('m');
SELECT recseq_retain('m', 3);
TABLE versions;
SELECT train('m');
TABLE versions;
SELECT recseq_activate('m', 4);
SELECT train('m'), train('m');
TABLE versions;
SELECT recseq_retain('m', 1);
TABLE versions;
SELECT recseq_rollback('m');
SELECT recseq_retain('m', 1);
TABLE versions;
SELECT train('m');
SELECT recseq_retain('m', NULL);
SELECT train('m'), train('m');
TABLE versions;
-- nothing is left of what was dropped
SELECT count(*) FROM recseq_chunk WHERE id NOT IN (SELECT id FROM recseq_version);
SELECT recseq_retain('m', 0);
SELECT recseq_retain('m', -1);
SELECT recseq_retain('n', 3);
SELECT recseq_retain(NULL, 3);
BEGIN READ ONLY;
SELECT recseq_retain('m', 3);
ROLLBACK;
SELECT recseq_drop_model('m');

--
-- recseq_assign
--
SELECT recseq_assign('visitor', ARRAY['a', 'b']), recseq_assign('visitor', ARRAY['a', 'b']) = recseq_assign('visitor', ARRAY['a', 'b'], '{1,1}', '') AS same;
-- the formula, in SQL
CREATE FUNCTION fraction(visitor text, experiment text) RETURNS numeric LANGUAGE sql AS $$
	SELECT (('x' || left(encode(sha256(convert_to(experiment, 'UTF8') || '\x00' || convert_to(visitor, 'UTF8')), 'hex'), 13))::bit(52)::bigint / 2::numeric ^ 52)
$$;
SELECT count(*) FILTER (WHERE recseq_assign(v::text, ARRAY['a', 'b', 'c'], '{1,2,1}', 'x')
					   <> CASE WHEN f < 0.25 THEN 'a' WHEN f < 0.75 THEN 'b' ELSE 'c' END) AS others
FROM generate_series(1, 2000) v, LATERAL fraction(v::text, 'x') f;
-- the same for ever
SELECT string_agg(recseq_assign(v::text, ARRAY['a', 'b', 'c', 'd'], experiment => 'for ever'), '' ORDER BY v) FROM generate_series(1, 60) v;
SELECT string_agg(recseq_assign(v, ARRAY['a', 'b'], '{0.9,0.1}'), '' ORDER BY n) FROM unnest(ARRAY['', 'é', 'ω', '日本', 'a/b', ' ']) WITH ORDINALITY u(v, n);
-- shares follow the weights: within four standard deviations
SELECT variant, count(*) > 0 AND abs(count(*) - 100000 * share) < 4 * sqrt(100000 * share * (1 - share)) AS fair
FROM generate_series(1, 100000) v,
	 LATERAL (SELECT recseq_assign(v::text, ARRAY['a', 'b', 'c', 'never'], '{5,3,2,0}', 'split')) a(variant)
	 LEFT JOIN (VALUES ('a', 0.5), ('b', 0.3), ('c', 0.2), ('never', 0)) w(variant, share) USING (variant)
GROUP BY variant, share ORDER BY variant;
-- experiments do not depend on each other: a quarter in each cell
SELECT one, two, abs(count(*) - 25000) < 4 * sqrt(100000 * 0.25 * 0.75) AS independent
FROM generate_series(1, 100000) v,
	 LATERAL (SELECT recseq_assign(v::text, ARRAY['a', 'b'], experiment => 'one'), recseq_assign(v::text, ARRAY['a', 'b'], experiment => 'two')) a(one, two)
GROUP BY one, two ORDER BY one, two;
-- another weight moves only as many visitors as it must
SELECT bool_or(before = 'a' AND after = 'b') AS moved, bool_or(before = 'b' AND after = 'a') AS moved_back
FROM generate_series(1, 10000) v,
	 LATERAL (SELECT recseq_assign(v::text, ARRAY['a', 'b'], '{5,5}'), recseq_assign(v::text, ARRAY['a', 'b'], '{4,6}')) a(before, after);
SELECT recseq_assign(NULL, ARRAY['a']) IS NULL AS nobody;
SELECT recseq_assign('v', NULL);
SELECT recseq_assign('v', '{}');
SELECT recseq_assign('v', ARRAY['a', NULL]);
SELECT recseq_assign('v', ARRAY[['a', 'b']]);
SELECT recseq_assign('v', ARRAY['a', 'b'], '{{1,1}}');
SELECT recseq_assign('v', ARRAY['a', 'b'], '{{1},{1}}');
SELECT recseq_assign('v', ARRAY['a', 'b'], '{}');
SELECT recseq_assign('v', ARRAY['a', 'b'], '{1}');
SELECT recseq_assign('v', ARRAY['a', 'b'], '{1,NULL}');
SELECT recseq_assign('v', ARRAY['a', 'b'], '{1,-1}');
SELECT recseq_assign('v', ARRAY['a', 'b'], '{1,NaN}');
SELECT recseq_assign('v', ARRAY['a', 'b'], '{0,0}');
SELECT recseq_assign('v', ARRAY['a', 'b'], '{1,Infinity}');
SELECT recseq_assign('v', ARRAY['a', 'b'], '{1e308,1e308}');
-- two models answer side by side
SELECT train('a') AS a, train('b') AS b;
SELECT variant, count(*) > 80 AS many, bool_and(answers = 5) AS answered
FROM (SELECT variant, (SELECT count(*) FROM recseq_recommend(ARRAY[1, 2], model => variant)) AS answers
	  FROM generate_series(1, 200) v, LATERAL (SELECT recseq_assign(v::text, ARRAY['a', 'b'], experiment => 'homepage')) a(variant)) s
GROUP BY variant ORDER BY variant;
SELECT count(recseq_drop_model(model)) FROM recseq_model;

DROP VIEW versions;
DROP FUNCTION train, fraction;
DROP TABLE ring;
