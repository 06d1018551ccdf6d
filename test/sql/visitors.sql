--
-- The Retailrocket kit: recommendations for visitors, as of now and kept
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET recseq.progress = off;
SET timezone = 'UTC';
SELECT recseq_retailrocket('kit');
SELECT recseq_sample_data('kit', visitors => 400, items => 100) > 0 AS filled;
SELECT version FROM recseq_train('kit.training_sequences', 'shop', epochs => 1, units => 8, item_dim => 8, feature_dim => 8);

--
-- recommend_visitor: what recseq_recommend says of the visitor's sequence
--
SELECT count(*) AS rows, count(*) FILTER (WHERE v IS DISTINCT FROM r) AS different
FROM kit.sequences s,
	 LATERAL kit.recommend_visitor(s.visitorid, 3, 'shop') v
	 JOIN LATERAL recseq_recommend(s.items, 3, 'shop', categories => s.categories, events => s.events, times => s.times) r USING (rank);
SELECT count(*), bool_and(reason = 'popular') AS popular FROM kit.recommend_visitor(-1, model => 'shop');
SELECT count(*) FROM kit.recommend_visitor(NULL, model => 'shop');
SELECT * FROM kit.recommend_visitor(1);
-- an event counts in the next statement
CREATE FUNCTION add_event(visitor int, item int, event text DEFAULT 'addtocart') RETURNS void LANGUAGE sql AS $$
	INSERT INTO kit.events SELECT max("timestamp") + 1000, $1, $3, $2, NULL FROM kit.events
$$;
SELECT add_event(100001, 7);
SELECT item, reason FROM kit.recommend_visitor(100001, 100, 'shop') WHERE reason = 'seen before';
SELECT add_event(100001, 8);
SELECT item, reason FROM kit.recommend_visitor(100001, 100, 'shop') WHERE reason = 'seen before' ORDER BY item;
-- it goes through the index, and does not look at other visitors
CREATE FUNCTION plan_of(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line	text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		IF line ~ 'events' THEN
			RETURN NEXT regexp_replace(trim(line), '^-> *', '');
		END IF;
	END LOOP;
END $$;
SET enable_bitmapscan = off;
SET enable_seqscan = off;
SELECT plan_of('SELECT * FROM kit.sequences WHERE visitorid = 7');
SELECT plan_of($$SELECT * FROM kit.recommend_visitor(7, model => 'shop')$$);
RESET enable_bitmapscan;
RESET enable_seqscan;
-- whoever may read the kit's tables may ask; a search path cannot lead it astray
CREATE ROLE regress_recseq_reader;
GRANT USAGE ON SCHEMA kit TO regress_recseq_reader;
SET ROLE regress_recseq_reader;
SELECT count(*) FROM kit.recommend_visitor(7, model => 'shop');
RESET ROLE;
GRANT SELECT ON ALL TABLES IN SCHEMA kit TO regress_recseq_reader;
SET ROLE regress_recseq_reader;
SELECT count(*) FROM kit.recommend_visitor(7, model => 'shop');
SET search_path = '';
SELECT count(*) FROM kit.recommend_visitor(7, model => 'shop');
RESET search_path;
RESET ROLE;

--
-- visitor_recommendations
--
SELECT count(*) FROM kit.visitor_recommendations;
SELECT count(*) AS noted FROM kit.changed_visitors;
-- what is kept is what recommend_visitor says, but for the last bits of scores that come from a batch
CREATE VIEW stale AS
SELECT DISTINCT visitorid
FROM (SELECT s.visitorid, r.rank, r.item, r.category, round(r.score::numeric, 4) AS score, r.reason FROM kit.sequences s, LATERAL kit.recommend_visitor(s.visitorid, 3, 'shop') r) now
FULL JOIN (SELECT visitorid, rank, item, category, round(score::numeric, 4) AS score, reason FROM kit.visitor_recommendations) kept USING (visitorid, rank, item)
WHERE now.category IS DISTINCT FROM kept.category OR now.reason IS DISTINCT FROM kept.reason OR abs(now.score - kept.score) > 0.01 OR now.score IS NULL OR kept.score IS NULL;
-- the first call: all
SELECT count(*) AS visitors FROM kit.sequences \gset
SELECT kit.refresh_visitor_recommendations('shop', 3) = :visitors AS everybody;
SELECT count(*) FROM stale;
SELECT count(*) = 3 * count(DISTINCT visitorid) AS three_each, count(DISTINCT refreshed) AS refreshes, max(refreshed) > now() - interval '1 hour' AS lately FROM kit.visitor_recommendations;
-- from now on, those with new events
SELECT kit.refresh_visitor_recommendations('shop', 3);
SELECT add_event(7, 3), add_event(9, 3), add_event(9, 4), add_event(100002, 5);
SELECT visitorid FROM stale ORDER BY visitorid;
SELECT kit.refresh_visitor_recommendations('shop', 3);
SELECT count(*) FROM stale;
SELECT visitorid, count(*) FROM kit.visitor_recommendations WHERE refreshed = (SELECT max(refreshed) FROM kit.visitor_recommendations) GROUP BY visitorid ORDER BY visitorid;
-- kinds that do not count do not count
SELECT add_event(7, 3, 'view');
SELECT kit.refresh_visitor_recommendations('shop', 3);
-- changed and deleted events, moved to another visitor
UPDATE kit.events SET itemid = 11 WHERE visitorid = 100002;
UPDATE kit.events SET visitorid = 10 WHERE visitorid = 9 AND itemid = 4;
DELETE FROM kit.events WHERE visitorid = 100001;
SELECT kit.refresh_visitor_recommendations('shop', 3);
SELECT count(*) FROM stale;
SELECT count(*) FROM kit.visitor_recommendations WHERE visitorid = 100001;
-- COPY notes each visitor once a statement
\copy kit.events FROM PROGRAM 'echo timestamp,visitorid,event,itemid,transactionid; echo 1530622005000,1,addtocart,11,; echo 1530622006000,1,addtocart,12,; echo 1530622006000,2,addtocart,12,' WITH (FORMAT csv, HEADER)
SELECT visitorid FROM kit.changed_visitors ORDER BY 1;
SELECT kit.refresh_visitor_recommendations('shop', 3);
-- what is rolled back is not noted, and a refresh that is rolled back forgets nothing
BEGIN;
SELECT add_event(12, 3);
ROLLBACK;
SELECT add_event(13, 3);
BEGIN;
SELECT kit.refresh_visitor_recommendations('shop', 3);
ROLLBACK;
SELECT kit.refresh_visitor_recommendations('shop', 3);
SELECT count(*) FROM stale;
-- a new version, other rules: all of them
UPDATE kit.settings SET event_kinds = '{transaction}';
SELECT kit.refresh_visitor_recommendations('shop', 3, all_visitors => true) < :visitors AS fewer;
SELECT count(*) FROM stale;
UPDATE kit.settings SET event_kinds = DEFAULT;
TRUNCATE kit.events;
SELECT kit.refresh_visitor_recommendations('shop', 3, true);
SELECT count(*) FROM kit.visitor_recommendations;

-- who writes events needs no right on what is noted, and cannot note by himself
CREATE ROLE regress_recseq_writer;
GRANT USAGE ON SCHEMA kit TO regress_recseq_writer;
GRANT INSERT ON kit.events TO regress_recseq_writer;
SET ROLE regress_recseq_writer;
INSERT INTO kit.events VALUES (1530622005000, 1, 'addtocart', 11, NULL);
INSERT INTO kit.changed_visitors VALUES (1);
SELECT kit.note_changed_visitors();
SELECT kit.refresh_visitor_recommendations('shop', 3);
RESET ROLE;
SELECT kit.refresh_visitor_recommendations('shop', 3);
-- the first call decides what is noted, so it must see everything that is committed by then
SELECT recseq_retailrocket('it''s "odd"');
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT "it's ""odd""".refresh_visitor_recommendations('shop');
ROLLBACK;
SELECT "it's ""odd""".refresh_visitor_recommendations('shop');
INSERT INTO "it's ""odd""".events VALUES (1530622005000, 1, 'addtocart', 11, NULL);
SELECT "it's ""odd""".refresh_visitor_recommendations('shop', 2);
SELECT visitorid, rank FROM "it's ""odd""".visitor_recommendations;
-- what a renamed kit notes stays its own
ALTER SCHEMA "it's ""odd""" RENAME TO renamed;
INSERT INTO renamed.events VALUES (1530622005000, 2, 'addtocart', 11, NULL);
SELECT visitorid FROM renamed.changed_visitors;

DROP VIEW stale;
DROP FUNCTION add_event, plan_of;
DROP SCHEMA kit, renamed CASCADE;
SELECT recseq_drop_model('shop');
DROP ROLE regress_recseq_reader, regress_recseq_writer;
