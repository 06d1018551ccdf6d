--
-- What a reporting tool reads: figures of models, and the views of the kit
--
\set SHOW_CONTEXT never
SET recseq.progress = off;
SET recseq.max_training_workers = 0;
SET timezone = 'UTC';
SET datestyle = 'ISO';

--
-- Figures of every version, one a row
--
SELECT * FROM recseq_model_metrics;
CREATE TABLE ring AS
SELECT g AS id, ARRAY(SELECT (g + i) % 20 + 1 FROM generate_series(0, 7) i) AS items
FROM generate_series(0, 199) g;
SELECT version FROM recseq_train('ring', 'ring', epochs => 2, patience => 0, units => 4, item_dim => 4, validation_fraction => 0);
SELECT version FROM recseq_train('ring', 'ring', epochs => 3, patience => 0, units => 4, item_dim => 4, validation_fraction => 0.1);
SELECT recseq_activate('ring', 1);
SELECT version, label, active, now() - created < '1 hour' AS lately, metric, higher_is_better,
	   CASE WHEN metric IN ('seconds', 'bytes') THEN sign(value) ELSE value END AS value
FROM recseq_model_metrics WHERE version = 1 ORDER BY metric;
SELECT label, metric, value BETWEEN 0 AND 30 AS plausible FROM recseq_model_metrics WHERE metric IN ('hit_rate', 'val_loss') ORDER BY label, metric;
SELECT count(*) AS metrics,
	   count(*) FILTER (WHERE value IS NOT DISTINCT FROM CASE metric WHEN 'items' THEN (vocabulary->>'items')::float8 ELSE (to_jsonb(m)->>metric)::float8 END) AS same
FROM recseq_model_metrics JOIN recseq_models m USING (model, version);
-- who may not see a model does not see its figures
CREATE ROLE regress_recseq_analyst;
SET ROLE regress_recseq_analyst;
SELECT count(*) > 0 AS visible FROM recseq_model_metrics;
RESET ROLE;
ALTER TABLE recseq_model ENABLE ROW LEVEL SECURITY;
SET ROLE regress_recseq_analyst;
SELECT count(*) = 0 OR current_setting('server_version_num')::int < 150000 AS hidden FROM recseq_model_metrics;
RESET ROLE;
ALTER TABLE recseq_model DISABLE ROW LEVEL SECURITY;
DROP ROLE regress_recseq_analyst;
SELECT recseq_drop_model('ring');
DROP TABLE ring;

--
-- The views of the kit
--
SELECT recseq_retailrocket('report');
-- of nothing: no rows
SELECT * FROM report.sequence_statistics;
SELECT * FROM report.sequence_lengths;
SELECT * FROM report.item_popularity;
SELECT * FROM report.events_by_day;

-- visitors of 4, 2 and 2 events, and one who only looks; a day ends at 1430697600000
INSERT INTO report.events VALUES
	(1430697599999, 1, 'view', 10, NULL),
	(1430697600000, 1, 'addtocart', 10, NULL),
	(1430697600000, 1, 'addtocart', 10, NULL),
	(1430740800000, 1, 'transaction', 10, 7),
	(1430784000000, 1, 'addtocart', 11, NULL),
	(1430827200000, 1, 'addtocart', 12, NULL),
	(1430697600001, 2, 'addtocart', 11, NULL),
	(1430697600002, 2, 'transaction', 11, 8),
	(1430697600003, 3, 'addtocart', 12, NULL),
	(1430697600003, 3, 'addtocart', 12, NULL),
	(1430697600004, 3, 'addtocart', 13, NULL),
	(1430697600005, 4, 'view', 12, NULL),
	(1430697600006, 4, 'view', 14, NULL);
INSERT INTO report.item_properties VALUES (1430622000000, 10, 'categoryid', '100'), (1430622000000, 12, 'categoryid', '120');

-- exact duplicates count once among the events of a sequence, and twice among those of the log
SELECT * FROM report.sequence_statistics ORDER BY visitorid;
SELECT * FROM report.sequence_lengths ORDER BY length;
SELECT * FROM report.item_popularity ORDER BY rank, itemid;
SELECT * FROM report.events_by_day ORDER BY day, event;
-- the day is that of UTC, whoever asks
SET timezone = 'America/New_York';
SELECT min(day), max(day) FROM report.events_by_day;
SET timezone = 'UTC';
-- they follow the rules, as the views that train do
UPDATE report.settings SET min_length = 2, max_length = 3, long_sequences = 'drop';
SELECT visitorid, in_training FROM report.sequence_statistics ORDER BY visitorid;
UPDATE report.settings SET event_kinds = '{view,addtocart,transaction}';
SELECT visitorid, length, items, addtocarts, transactions, in_training FROM report.sequence_statistics ORDER BY visitorid;
UPDATE report.settings SET event_kinds = DEFAULT, min_length = DEFAULT, max_length = DEFAULT, long_sequences = DEFAULT;

-- on sample data they agree with the views that they are about, whatever the rules
TRUNCATE report.events, report.item_properties;
SELECT recseq_sample_data('report', 500, 200) > 1000 AS filled;
CREATE FUNCTION pg_temp.agree() RETURNS TABLE (sequences bigint, training bigint, agree boolean) LANGUAGE sql AS $$
	SELECT count(*), count(t.visitorid), bool_and(
		s.length = q.length AND s.first_time = q.first_time AND s.last_time = q.last_time AND s.in_training = (t.visitorid IS NOT NULL)
		AND s.items = (SELECT count(DISTINCT item) FROM unnest(q.items) AS item)
		AND s.transactions = cardinality(array_positions(q.events, 'transaction')) AND s.addtocarts = cardinality(array_positions(q.events, 'addtocart')))
	FROM report.sequence_statistics s FULL JOIN report.sequences q USING (visitorid) LEFT JOIN report.training_sequences t USING (visitorid)
$$;
SELECT * FROM pg_temp.agree();
UPDATE report.settings SET fence = true;
SELECT * FROM pg_temp.agree();
UPDATE report.settings SET fence = false, long_sequences = 'drop', max_length = 10;
SELECT * FROM pg_temp.agree();
SELECT sum(visitors) = (SELECT count(*) FROM report.sequences) AS all_visitors, round(sum(share)::numeric, 6) AS shares,
	   sum(visitors) FILTER (WHERE in_training) = (SELECT count(*) FROM report.training_sequences) AS training
FROM report.sequence_lengths;
SELECT sum(views + addtocarts + transactions) = (SELECT count(*) FROM report.events) AS all_events, count(category) > 150 AS categories, min(rank) FROM report.item_popularity;
SELECT sum(events) = (SELECT count(*) FROM report.events) AS all_events, bool_and(visitors <= events) AS fewer_visitors FROM report.events_by_day;

-- what each visitor should be shown: the same as asking one by one
SELECT * FROM report.recommendations;
SELECT version FROM recseq_train('report.training_sequences', epochs => 1);
SELECT version FROM recseq_train('report.training_sequences', 'other', epochs => 1, seed => 2);
SELECT count(*) = 5 * count(DISTINCT visitorid) AS five, count(DISTINCT visitorid) = (SELECT count(*) FROM report.sequences) AS everybody FROM report.recommendations;
UPDATE report.settings SET model = 'other', k = 3;
SELECT count(*) = count(e.rank) AND count(*) = 3 * count(DISTINCT v.visitorid) AS same
FROM report.recommendations v LEFT JOIN (SELECT s.visitorid, r.* FROM report.sequences s,
	recseq_recommend(s.items, 3, 'other', categories => s.categories, events => s.events, times => s.times) r) e
ON e.visitorid = v.visitorid AND e.rank = v.rank AND e.item = v.itemid AND e.category IS NOT DISTINCT FROM v.category
AND e.score = v.score AND e.confidence = v.confidence AND e.reason = v.reason;
SELECT bool_and(reason_kind = reason OR reason ~ '^(follows|same category as) \d+$' AND reason LIKE reason_kind || ' %') AS kinds,
	   count(DISTINCT reason_kind) < 10 AS few FROM report.recommendations;
UPDATE report.settings SET k = -1;

-- a tool that asks for some rows of a view gets them soon, by estimates that are near the truth
CREATE FUNCTION pg_temp.plan(query text, options text DEFAULT 'FORMAT json') RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	plan	jsonb;
BEGIN
	EXECUTE format('EXPLAIN (%s) %s', options, query) INTO plan;
	RETURN plan->0->'Plan';
END
$$;
SELECT (pg_temp.plan('SELECT * FROM report.item_popularity')->>'Plan Rows')::float8 / count(*) BETWEEN 0.5 AND 2 AS items FROM report.item_popularity;
SELECT (pg_temp.plan('SELECT * FROM report.events_by_day')->>'Plan Rows')::float8 / count(*) BETWEEN 0.5 AND 2
	OR current_setting('server_version_num')::int < 140000 AS days FROM report.events_by_day;
-- three rows a visitor: the model is asked four times
SELECT jsonb_path_query(pg_temp.plan('SELECT * FROM report.recommendations LIMIT 10', 'ANALYZE, FORMAT json'),
	'strict $.** ? (@."Node Type" == "Function Scan")."Actual Loops"') AS calls;

-- types that every tool knows: no arrays, no jsonb
SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod) AS type
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
WHERE c.oid IN ('recseq_model_metrics'::regclass, 'report.sequence_statistics'::regclass, 'report.sequence_lengths'::regclass,
				'report.item_popularity'::regclass, 'report.events_by_day'::regclass, 'report.recommendations'::regclass)
ORDER BY c.relname COLLATE "C", a.attnum;

SET client_min_messages = warning;
SELECT count(recseq_drop_model(model)) FROM recseq_model;
DROP SCHEMA report CASCADE;
