--
-- recseq_forget: a visitor is taken out of all versions of a model
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET recseq.progress = off;
SET timezone = 'UTC';
SELECT recseq_retailrocket('kit');
SELECT recseq_sample_data('kit', visitors => 400, items => 60) > 0 AS filled;
UPDATE kit.settings SET model = 'forget';
-- what only visitor 7 had
INSERT INTO kit.events SELECT max("timestamp") - 100000000 + n, 7, 'addtocart', 1000 + n % 2, NULL FROM kit.events, generate_series(1, 3) n GROUP BY n;
SELECT version FROM recseq_train('kit.training_sequences', 'forget', epochs => 1, units => 4, item_dim => 4, feature_dim => 4);
SELECT version FROM recseq_update('forget', 'kit.training_sequences');
SELECT version FROM recseq_train('kit.training_sequences', 'forget', epochs => 1, units => 4, item_dim => 4, feature_dim => 4, ranker => false);
SELECT recseq_activate('forget', 2);
CREATE VIEW all_but_one AS SELECT * FROM kit.training_sequences WHERE visitorid <> 7;
SELECT version FROM recseq_train('all_but_one', 'never_known', epochs => 1, units => 4, item_dim => 4, feature_dim => 4);
-- what counts say, all of it that can be seen
CREATE VIEW said AS
SELECT m.model, 'trending' AS what, r.item, r.score FROM (VALUES ('forget', 1), ('forget', 2), ('never_known', 1)) AS m(model, version), LATERAL recseq_trending('3 days', 1000, m.model, m.version) r
WHERE m.version = 1 OR m.model = 'never_known'
UNION ALL
SELECT m.model, 'with ' || i.item, r.item, r.weight FROM (VALUES ('forget'), ('never_known')) AS m(model), generate_series(1, 60) AS i(item), LATERAL recseq_bought_together(i.item, 1000, m.model, 1) r
UNION ALL
SELECT 'forget', 'popular', r.item, r.score FROM recseq_recommend('{}'::int[], 1000, 'forget', 1) r WHERE r.item < 1000
UNION ALL
SELECT 'never_known', 'popular', r.item, r.score FROM recseq_recommend('{}'::int[], 1000, 'never_known', 1) r;
CREATE VIEW differences AS
SELECT count(*) FILTER (WHERE f.score IS DISTINCT FROM n.score) AS different, count(*) > 100 AS many
FROM (SELECT * FROM said WHERE model = 'forget') f FULL JOIN (SELECT * FROM said WHERE model = 'never_known') n USING (what, item);
SELECT different > 0 AS different, many FROM differences;
SELECT count(*) FROM recseq_recommend(ARRAY[1000, 1001], 5, 'forget') WHERE reason = 'in similar histories' OR reason_item >= 1000;

RESET client_min_messages;
SELECT * FROM kit.forget_visitor(7);
SET client_min_messages = warning;
SELECT * FROM differences;
SELECT item, reason_item FROM recseq_recommend(ARRAY[1000], 5, 'forget') WHERE item = 1001 AND reason LIKE 'follows%';
-- versions are what they were called, and the active one answers, as before and in the cache of this session
SELECT version, active, bytes > 0 AS image FROM recseq_models WHERE model = 'forget' ORDER BY version;
SELECT count(*) FROM recseq_recommend(ARRAY[1, 2], 5, 'forget');
SELECT recseq_rollback('forget');
SELECT count(*) FROM recseq_chunk WHERE id NOT IN (SELECT id FROM recseq_version);
SELECT count(*) FROM recseq_version v WHERE update_of IS NOT NULL AND update_of NOT IN (SELECT id FROM recseq_version);
-- image and description are sound: another session reads all of it
SELECT version FROM recseq_import_model(recseq_export_model('forget', 1), 'copy');
SELECT recseq_drop_model('copy');
-- again: nothing is there
SELECT * FROM kit.forget_visitor(7);
SELECT * FROM kit.forget_visitor(-1);

-- and gone from the tables of the kit, the log aside
SELECT kit.record_impression(8, '{1,2}', request => 'seen'), kit.record_impression(9, '{1,2}', request => 'other');
SELECT kit.record_outcome('seen', 1), kit.record_outcome('other', 1);
SELECT kit.refresh_visitor_recommendations() > 0 AS refreshed;
SELECT version, sequences FROM kit.forget_visitor(8);
SELECT (SELECT count(*) FROM kit.visitor_recommendations WHERE visitorid = 8) AS kept, (SELECT count(*) FROM kit.visitor_recommendations WHERE visitorid = 9) > 0 AS others,
	(SELECT string_agg(request, ',') FROM kit.impressions) AS impressions, (SELECT string_agg(request, ',') FROM kit.outcomes) AS outcomes;

-- undone with the transaction
BEGIN;
SELECT version, sequences FROM kit.forget_visitor(10);
ROLLBACK;
SELECT version, sequences FROM kit.forget_visitor(10);

-- of a model without times the longest sequence that stands in the items; texts for integers and integers for texts
CREATE TABLE plain AS SELECT g AS id, CASE WHEN g = 1 THEN '{1,2,3,4}' WHEN g = 2 THEN '{1,2,3,4,5}' ELSE ARRAY[g % 7, g % 5 + 10, g % 3 + 20] END AS items FROM generate_series(1, 60) g;
CREATE VIEW plain_texts AS SELECT id, items::text[] FROM plain;
SELECT items FROM recseq_train('plain', 'plain', epochs => 1, units => 4, item_dim => 4);
SELECT items FROM recseq_train('plain_texts', 'texts', epochs => 1, units => 4, item_dim => 4);
SELECT * FROM recseq_forget('plain', '{9,1,2,3,4,x}'::text[]);
SELECT * FROM recseq_forget('texts', '{1,2,3,4,5,6}'::bigint[]);
SELECT * FROM recseq_forget('texts', '{1,2,3}'::bigint[]);
-- who may, and errors
SELECT * FROM recseq_forget('forget', '{1,2}'::bigint[]);
SELECT * FROM recseq_forget('forget', '{1,2}'::bigint[], '{2015-05-03}');
SELECT * FROM recseq_forget('forget', '{1,null}'::bigint[], '{2015-05-03,2015-05-03}');
SELECT * FROM recseq_forget(NULL, '{1}'::bigint[]);
SELECT * FROM recseq_forget('nothing', '{1}'::bigint[]);
CREATE TABLE alone AS SELECT 1 AS id, '{1,2,3}'::int[] AS items;
SELECT items FROM recseq_train('alone', 'alone', epochs => 1, units => 4, item_dim => 4, validation_fraction => 0);
SELECT * FROM recseq_forget('alone', '{1,2,3}'::bigint[]);
CREATE ROLE regress_recseq_forgetter;
GRANT EXECUTE ON FUNCTION recseq_forget(text, bigint[], timestamptz[]) TO regress_recseq_forgetter;
SET ROLE regress_recseq_forgetter;
SELECT * FROM recseq_forget('plain', '{1,2}'::bigint[]);
SELECT * FROM recseq_forget('plain', '{1,2}'::text[]);
RESET ROLE;
BEGIN READ ONLY;
SELECT * FROM recseq_forget('plain', '{1,2}'::bigint[]);
ROLLBACK;
SELECT count(recseq_drop_model(m)) FROM unnest('{forget,never_known,plain,texts,alone}'::text[]) m;
DROP OWNED BY regress_recseq_forgetter;
DROP ROLE regress_recseq_forgetter;
DROP VIEW differences, said, all_but_one;
DROP TABLE plain, alone CASCADE;
DROP SCHEMA kit CASCADE;
