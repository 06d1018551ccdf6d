--
-- Evaluating: figures of the baselines worked out by hand, and of a model that is sure
--
\set SHOW_CONTEXT never
SET recseq.progress = off;
SET recseq.max_training_workers = 0;

-- item 1 occurs 4 times in what is learned from, 2 three times, 3 twice, 4 and 5 once
CREATE TABLE learned (items int[]);
INSERT INTO learned VALUES ('{1,2}'), ('{1,2}'), ('{1,3}'), ('{1,2,3,4,5}');
SELECT items FROM recseq_train('learned', 'm', epochs => 1);

CREATE TABLE judged (id text, items int[], comment text);
INSERT INTO judged VALUES
	('A', '{2,3,1}', 'unseen target; recency: 3, 2, then 1 is third; popularity: first'),
	('B', '{1,2,2}', 'seen target; recency: first; popularity: second'),
	('C', '{1,3,2,1}', 'seen target; recency: 2, 3, 1, third; popularity: first'),
	('D', '{1,99}', 'unknown target: a miss'),
	('E', '{4,98,3}', 'unseen target; recency: 98, 4, 1, 2, 3, fifth, third of the unseen; popularity: third'),
	('F', '{98,98}', 'unknown target that is seen; recency: first; popularity: a miss'),
	('G', '{1,1}', 'seen target; first for both'),
	('H', '{1,4}', 'unseen target; popularity: 4 and 5 are equal, and ties do not help: fifth; fourth of the unseen'),
	('I', '{1}', 'no case'),
	('J', '{}', 'no case');
CREATE FUNCTION figures(source regclass, k int) RETURNS TABLE (method text, cases bigint, hit numeric, prec numeric, recall numeric, mrr numeric, ndcg numeric,
	un_cases bigint, un_hit numeric, un_prec numeric, un_recall numeric, un_mrr numeric, un_ndcg numeric) LANGUAGE sql AS $$
	SELECT method, cases, round(hit_rate::numeric, 6), round("precision"::numeric, 6), round(recall::numeric, 6), round(mrr::numeric, 6), round(ndcg::numeric, 6),
		   unseen_cases, round(unseen_hit_rate::numeric, 6), round(unseen_precision::numeric, 6), round(unseen_recall::numeric, 6),
		   round(unseen_mrr::numeric, 6), round(unseen_ndcg::numeric, 6)
	FROM recseq_evaluate(source, 'm', k) WHERE method <> 'model'
$$;
-- one at a time, then all
CREATE VIEW judged_one AS SELECT id, items FROM judged WHERE id = current_setting('judge.id');
CREATE FUNCTION judge(id text, k int) RETURNS TABLE (method text, hit numeric, mrr numeric, un_cases bigint, un_hit numeric, un_mrr numeric) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('judge.id', id, false);
	RETURN QUERY SELECT f.method, f.hit, f.mrr, f.un_cases, f.un_hit, f.un_mrr FROM figures('judged_one', k) f;
END $$;
SELECT id, j.*, comment FROM judged, judge(id, 5) j WHERE id < 'I' ORDER BY id, method DESC;
SELECT * FROM figures('judged', 2);
SELECT * FROM figures('judged', 1);
SELECT * FROM figures('judged', 5);
SELECT * FROM figures('judged', 1000000000);
-- by hand: hits of recency at 2 are B, F, G of 8, all first; of popularity A, B, C, G, all first but B
SELECT round(3 / 8.0, 6) AS recency_hit, round(4 / 8.0, 6) AS popularity_hit, round(3.5 / 8, 6) AS popularity_mrr, round((3 + 1 / log(2, 3)) / 8, 6) AS popularity_ndcg;

-- the methods, in order, and every column of them
SELECT method, cases, unseen_cases FROM recseq_evaluate('judged', 'm');
SELECT count(*) FROM recseq_evaluate('judged', 'm') WHERE NOT (
	hit_rate BETWEEN 0 AND 1 AND recall = hit_rate AND abs("precision" - hit_rate / 5) < 1e-9 AND mrr <= ndcg AND ndcg <= hit_rate
	AND unseen_hit_rate BETWEEN 0 AND 1 AND unseen_recall = unseen_hit_rate AND unseen_mrr <= unseen_ndcg AND unseen_ndcg <= unseen_hit_rate);

-- no case at all, and none that is unseen
CREATE VIEW judged_none AS SELECT items FROM judged WHERE id >= 'I';
SELECT * FROM recseq_evaluate('judged_none', 'm');
CREATE VIEW judged_seen AS SELECT items FROM judged WHERE id IN ('B', 'G');
SELECT cases, unseen_cases, unseen_hit_rate, unseen_precision, unseen_recall, unseen_mrr, unseen_ndcg FROM recseq_evaluate('judged_seen', 'm');

-- a model that is sure: what it recommends first is what it is judged by
CREATE TABLE ring AS
SELECT g AS id, ARRAY(SELECT (g + i) % 20 + 1 FROM generate_series(0, 7) i) AS items
FROM generate_series(0, 199) g;
SELECT items FROM recseq_train('ring', 'sure', epochs => 25, units => 16, item_dim => 16, batch_size => 64, learning_rate => 0.02, validation_fraction => 0);
SELECT method, cases, hit_rate, mrr > 0.9 AS first, unseen_cases, unseen_hit_rate, unseen_mrr > 0.9 AS unseen_first FROM recseq_evaluate('ring', 'sure') WHERE method = 'model';
SELECT method, hit_rate, mrr FROM recseq_evaluate('ring', 'sure') WHERE method = 'recency';
-- rank by rank, it is what recseq_recommend answers
CREATE VIEW ring_and_more AS
SELECT id, items[1:5] || items[1 + id % 8] || id * 7 % 20 + 1 AS items FROM ring;
SELECT round(e.mrr::numeric, 6) = round(avg(CASE WHEN r.rank <= 7 THEN 1.0 / r.rank ELSE 0 END), 6) AS same_mrr,
	   round(e.hit_rate::numeric, 6) = round(avg((r.rank <= 7)::int), 6) AS same_hit_rate
FROM recseq_evaluate('ring_and_more', 'sure', 7) e, ring_and_more s, recseq_recommend(s.items[:6], 20, 'sure') r
WHERE e.method = 'model' AND r.item = s.items[7] GROUP BY e.mrr, e.hit_rate;
SELECT round(e.unseen_mrr::numeric, 6) = round(avg(CASE WHEN r.rank <= 7 THEN 1.0 / r.rank ELSE 0 END), 6) AS same_unseen_mrr, e.unseen_cases = count(*) AS same_cases
FROM recseq_evaluate('ring_and_more', 'sure', 7) e, ring_and_more s, recseq_recommend(s.items[:6], 20, 'sure', exclude_seen => true) r
WHERE e.method = 'model' AND r.item = s.items[7] GROUP BY e.unseen_mrr, e.unseen_cases;
-- versions
SELECT version FROM recseq_train('ring', 'sure', epochs => 1, units => 4, item_dim => 4);
SELECT hit_rate FROM recseq_evaluate('ring', 'sure', version => 1) WHERE method = 'model';
SELECT count(*) FROM recseq_evaluate('ring', 'sure', 5, NULL);

-- features and texts
CREATE VIEW shop AS
SELECT id, ARRAY(SELECT 'i' || i FROM unnest(items) WITH ORDINALITY AS u(i, n) ORDER BY n) AS items,
	   ARRAY(SELECT i / 5 FROM unnest(items) WITH ORDINALITY AS u(i, n) ORDER BY n) AS categories,
	   ARRAY(SELECT 'b' || i % 3 FROM unnest(items) WITH ORDINALITY AS u(i, n) ORDER BY n) AS brands FROM ring;
SELECT items FROM recseq_train('shop', 'shop', features => '{categories,brands}', epochs => 25, units => 16, item_dim => 16, feature_dim => 8, batch_size => 64, learning_rate => 0.02, validation_fraction => 0);
SELECT cases, hit_rate, mrr > 0.9 AS first FROM recseq_evaluate('shop', 'shop') WHERE method = 'model';
-- values that the model has not seen
CREATE VIEW shop_new AS SELECT id, items || 'new'::text AS items, categories || 77 AS categories, brands || NULL::text AS brands FROM shop;
SELECT method, cases, hit_rate FROM recseq_evaluate('shop_new', 'shop') WHERE method = 'model';

-- a history as long as can be: every item of it counts once
CREATE VIEW long_history AS SELECT 1 AS id, ARRAY(SELECT g FROM generate_series(1, 200000) g) || 1 AS items;
SELECT method, cases, hit_rate FROM recseq_evaluate('long_history', 'sure') WHERE method = 'recency';

-- what is wrong
SELECT * FROM recseq_evaluate(NULL, 'm');
SELECT * FROM recseq_evaluate('judged', NULL);
SELECT * FROM recseq_evaluate('judged', 'm', NULL);
SELECT * FROM recseq_evaluate('judged', 'm', 0);
SELECT * FROM recseq_evaluate('judged', 'm', -5);
SELECT * FROM recseq_evaluate('judged', 'no such model');
SELECT * FROM recseq_evaluate('judged', 'm', version => 2);
SELECT * FROM recseq_evaluate('judged', 'm', version => 0);
SELECT * FROM recseq_evaluate('ring', 'shop');
SELECT * FROM recseq_evaluate('shop', 'sure');
CREATE VIEW shop_other AS SELECT id, items, brands AS categories, categories AS brands FROM shop;
SELECT * FROM recseq_evaluate('shop_other', 'shop');

SELECT count(recseq_drop_model(model)) FROM recseq_model;
DROP VIEW long_history, shop_other, shop_new, shop, ring_and_more, judged_seen, judged_none, judged_one;
DROP TABLE ring, judged, learned;
DROP FUNCTION judge, figures;
