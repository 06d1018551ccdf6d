--
-- Recommending for every row of a relation: the same answers as one at a time
--
\set SHOW_CONTEXT never
SET recseq.progress = off;
SET recseq.max_training_workers = 0;
CREATE TABLE ring AS
SELECT g AS visitor, ARRAY(SELECT (g + i) % 20 + 1 FROM generate_series(0, 7) i) AS items,
	   ARRAY(SELECT (g + i) % 20 / 5 + 1 FROM generate_series(0, 7) i) AS categories
FROM generate_series(0, 199) g;
SELECT items FROM recseq_train('ring', epochs => 20, units => 16, item_dim => 16, feature_dim => 8, batch_size => 64, learning_rate => 0.02, validation_fraction => 0);

-- histories of all lengths, repeated, unknown, empty and none, more than are taken at a time
CREATE TABLE visit AS
SELECT g AS visitor,
	   CASE WHEN g % 100 = 0 THEN '{}'
			WHEN g % 100 = 1 THEN ARRAY[999]
			WHEN g % 100 = 2 THEN ARRAY(SELECT i % 25 FROM generate_series(1, 500) i)
			ELSE ARRAY(SELECT (g + i) % 20 + 1 FROM generate_series(1, g % 9 + 1) i) END AS items
FROM generate_series(1, 1000) g;
SELECT count(*), count(DISTINCT id), min(rank), max(rank) FROM recseq_recommend_batch('visit');
SELECT b.id, b.rank, b.item, b.category, b.reason FROM recseq_recommend_batch('visit', 1) b WHERE id IN ('3', '4', '5') ORDER BY id::int;

-- one at a time: the same items; scores but for what rounding makes of another order
CREATE FUNCTION differences(source regclass, k int, more text DEFAULT 'exclude_seen => false') RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	different	bigint;
BEGIN
	EXECUTE format($query$
		SELECT count(*)
		FROM (SELECT s.visitor::text AS id, r.* FROM %s s, recseq_recommend(s.items::bigint[], $1, %s) r) one
		FULL JOIN recseq_recommend_batch(%L, $1, %s) many USING (id, item)
		WHERE one.reason IS DISTINCT FROM many.reason OR one.category IS DISTINCT FROM many.category
			OR one.reason_item IS DISTINCT FROM many.reason_item
			OR NOT abs(one.score - many.score) < 1e-4 OR NOT abs(one.confidence - many.confidence) < 1e-4
			OR one.rank <> many.rank AND abs(one.score - many.score) > 1e-6
	$query$, source, more, source, more) USING k INTO different;
	RETURN different;
END $$;
SELECT more, differences('visit', k, more)
FROM (VALUES (20, 'exclude_seen => false'), (20, 'exclude_seen => true'), (30, 'unknown_items => true'), (30, 'unknown_items => true, exclude => ARRAY[999, 3]'),
			 (5, 'exclude => ARRAY[1, 2, 3, 777]'), (5, 'exclude_seen => true, exclude => ARRAY[1, 2, 3]'), (7, 'only_items => ARRAY[1, 2, 3, 11, 12, 13, 21]'),
			 (20, 'only_categories => ARRAY[2]'), (3, 'exclude_seen => true, only_items => ARRAY[1, 2, 3, 11, 12, 13], only_categories => ARRAY[1, 3]'),
			 (9, 'only_items => ARRAY[21, 24, 3], unknown_items => true'), (4, 'rules => ''{"max_per_category": 1}'''),
			 (6, 'rules => ''{"diversity": 0.5, "boost_categories": {"2": 3}}'', exclude_seen => true'),
			 (5, 'rules => ''{"boost_items": {"7": 50, "9": 0.1}, "promoted": [1, 2, 3], "promoted_share": 0.4}''')) o(k, more);
SELECT count(*) FROM recseq_recommend_batch('visit', 30, unknown_items => true) WHERE item > 20 OR item = 0;
SELECT DISTINCT item FROM recseq_recommend_batch('visit', 30, only_items => ARRAY[3, 21], unknown_items => true) ORDER BY item;
SELECT item, pg_typeof(reason_item) FROM recseq_recommend_batch_text('visit', 1, only_items => ARRAY['17'], exclude => ARRAY['3']) LIMIT 1;
SELECT count(*), round(avg(score)::numeric * 20, 3) AS score, round(avg(confidence)::numeric * 20, 3) AS confidence FROM recseq_recommend_batch('visit', 1000000000, unknown_items => true);
SELECT count(*) FROM recseq_recommend_batch('visit', 0);
SELECT count(*) FROM visit v JOIN recseq_recommend_batch('visit', 20, exclude_seen => true) r ON r.id = v.visitor::text WHERE r.item = ANY (v.items);
SELECT reason, count(*) FROM recseq_recommend_batch('visit', 1) WHERE id IN ('100', '101', '200') GROUP BY reason ORDER BY reason;

-- categories: of the source where it has them
CREATE VIEW visit_elsewhere AS SELECT visitor, items, array_fill(4, ARRAY[cardinality(items)]) AS categories FROM visit;
SELECT count(*) > 0 AS differs
FROM recseq_recommend_batch('visit', 20) a JOIN recseq_recommend_batch('visit_elsewhere', 20) b USING (id, item) WHERE a.score <> b.score;
SELECT count(*) AS different
FROM (SELECT v.visitor::text AS id, r.* FROM visit_elsewhere v, recseq_recommend(v.items, 5, categories => v.categories) r) one
FULL JOIN recseq_recommend_batch('visit_elsewhere', 20) many USING (id, item) WHERE one.score IS NOT NULL AND NOT abs(one.score - many.score) < 1e-4;

-- the id: the first column that has no meaning of its own, as text; null where there is none
CREATE VIEW visit_named AS SELECT items, 'v "' || visitor || '"' AS name, visitor FROM visit WHERE visitor BETWEEN 3 AND 5;
SELECT id, rank, item FROM recseq_recommend_batch('visit_named', 1) ORDER BY item;
CREATE VIEW visit_nameless AS SELECT items FROM visit WHERE visitor IN (3, 4);
SELECT id, rank, item FROM recseq_recommend_batch('visit_nameless', 1) ORDER BY item;
CREATE VIEW visit_null AS SELECT NULL::date AS day, items FROM visit WHERE visitor = 3;
SELECT id, rank, item FROM recseq_recommend_batch('visit_null', 1);
-- nothing to do
CREATE VIEW visit_none AS SELECT * FROM visit WHERE false;
SELECT * FROM recseq_recommend_batch('visit_none');

-- ids as texts
CREATE VIEW ring_text AS SELECT visitor, ARRAY(SELECT 'i' || i FROM unnest(items) WITH ORDINALITY AS u(i, n) ORDER BY n) AS items FROM ring;
SELECT items FROM recseq_train('ring_text', 'texts', epochs => 20, units => 16, item_dim => 16, batch_size => 64, learning_rate => 0.02, validation_fraction => 0);
CREATE VIEW visit_text AS SELECT visitor, ARRAY['i' || visitor, 'i' || visitor + 1] AS items FROM generate_series(1, 3) visitor;
SELECT id, rank, item, category, reason FROM recseq_recommend_batch_text('visit_text', 1, 'texts') ORDER BY id;
SELECT * FROM recseq_recommend_batch('visit_text', 1, 'texts');
SELECT * FROM recseq_recommend_batch('visit', 1, 'texts');
SELECT id, item FROM recseq_recommend_batch_text('visit', 1) WHERE id = '3';
SELECT * FROM recseq_recommend_batch('visit_text', 1);
CREATE VIEW visit_digits AS SELECT visitor, items::text[] AS items FROM visit WHERE visitor = 3;
SELECT id, item FROM recseq_recommend_batch('visit_digits', 1);
CREATE VIEW visit_small AS SELECT visitor, items::smallint[] AS items FROM visit;
SELECT count(*) AS same FROM recseq_recommend_batch('visit') a JOIN recseq_recommend_batch('visit_small') b USING (id, rank, item, score);

-- versions
SELECT version FROM recseq_train('ring', epochs => 1, units => 4, item_dim => 4);
SELECT id, item FROM recseq_recommend_batch('visit', 1, version => 1) WHERE id = '3';
SELECT count(*) FROM recseq_recommend_batch('visit', 1, version => 2);

-- as a report
CREATE MATERIALIZED VIEW report AS SELECT * FROM recseq_recommend_batch('visit', 3, version => 1);
SELECT count(*) FROM report;
SELECT count(*) FROM recseq_recommend_batch('visit', 1) a, recseq_recommend_batch_text('visit_text', 1, 'texts') b;

-- bad sources and arguments
\set SHOW_CONTEXT errors
INSERT INTO visit VALUES (2000, ARRAY[1, NULL]);
SELECT * FROM recseq_recommend_batch('visit');
UPDATE visit SET items = NULL WHERE visitor = 2000;
SELECT count(*) FROM recseq_recommend_batch('visit', 1) WHERE id = '2000';
UPDATE visit SET items = ARRAY[[1, 2], [3, 4]] WHERE visitor = 2000;
SELECT * FROM recseq_recommend_batch('visit');
DELETE FROM visit WHERE visitor = 2000;
CREATE VIEW visit_uneven AS SELECT visitor, items, ARRAY[1, 2, 3] AS categories FROM visit WHERE visitor = 3;
SELECT * FROM recseq_recommend_batch('visit_uneven');
CREATE VIEW visit_failing AS SELECT visitor, ARRAY[1 / (500 - visitor)] AS items FROM visit;
SELECT * FROM recseq_recommend_batch('visit_failing');
SELECT count(*) FROM recseq_recommend_batch('visit', 1);
SELECT * FROM recseq_recommend_batch('pg_class');
SELECT * FROM recseq_recommend_batch(NULL);
SELECT * FROM recseq_recommend_batch('visit', -1);
SELECT * FROM recseq_recommend_batch('visit', NULL);
SELECT * FROM recseq_recommend_batch('visit', 1, NULL);
SELECT * FROM recseq_recommend_batch('visit', 1, 'none');
SELECT * FROM recseq_recommend_batch('visit', 1, version => 0);
SELECT * FROM recseq_recommend_batch('visit', 1, version => 9);
SELECT count(*) FROM recseq_recommend_batch('visit', 1, exclude_seen => NULL);
\set SHOW_CONTEXT never
CREATE ROLE regress_recseq_batch;
SET ROLE regress_recseq_batch;
SELECT * FROM recseq_recommend_batch('visit');
RESET ROLE;
DROP ROLE regress_recseq_batch;

SELECT count(recseq_drop_model(model)) FROM recseq_model;
DROP MATERIALIZED VIEW report;
SET client_min_messages = warning;
DROP VIEW visit_text;
DROP TABLE ring, visit CASCADE;
DROP FUNCTION differences;
