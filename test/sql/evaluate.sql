--
-- Evaluating: figures of the baselines worked out by hand, and of a model that is sure
--
\set SHOW_CONTEXT never
SET recseq.progress = off;
SET recseq.max_training_workers = 0;

CREATE TABLE learned (items int[]);
INSERT INTO learned VALUES ('{1,2}'), ('{1,2}'), ('{1,3}'), ('{1,2,3,4,5}');
SELECT items FROM recseq_train('learned', 'm', epochs => 1);

CREATE TABLE judged (id text, items int[]);
INSERT INTO judged VALUES
	('A', '{2,3,1}'), ('B', '{1,2,2}'), ('C', '{1,3,2,1}'), ('D', '{1,99}'), ('E', '{4,98,3}'), ('F', '{98,98}'), ('G', '{1,1}'), ('H', '{1,4}'),
	('I', '{1}'), ('J', '{}');

-- By hand. What the baselines learn from, without the targets: 1 occurs 6 times, 2 three times, 3 and 98 twice, 4 once; 2 is followed by 3,
-- 1 by 2 and 3, 3 by 2, 4 by 98. 99 is known to none. Another item with the same score stands above the target; 0: a miss.
CREATE TABLE by_hand (method text, id text, rank int, unseen_rank int, comment text);
INSERT INTO by_hand VALUES
	('recency', 'A', 3, 1, '3, 2, then by popularity 1'),
	('recency', 'B', 1, NULL, '2, 1'),
	('recency', 'C', 3, NULL, '2, 3, 1'),
	('recency', 'D', 0, 0, 'an unknown target'),
	('recency', 'E', 5, 3, '98, 4, 1, 2, 3; unseen: 1, 2, 3'),
	('recency', 'F', 1, NULL, '98, which the model does not know'),
	('recency', 'G', 1, NULL, '1'),
	('recency', 'H', 5, 4, '1, 2, 3 and 98, 4'),
	('popularity', 'A', 1, 1, '1'),
	('popularity', 'B', 2, NULL, '1, 2'),
	('popularity', 'C', 1, NULL, '1'),
	('popularity', 'D', 0, 0, 'an unknown target'),
	('popularity', 'E', 4, 3, '1, 2, 3 and 98; unseen: 1, 2, 3'),
	('popularity', 'F', 4, NULL, '1, 2, 3 and 98'),
	('popularity', 'G', 1, NULL, '1'),
	('popularity', 'H', 5, 4, '1, 2, 3 and 98, 4; unseen: 2, 3 and 98, 4'),
	('markov', 'A', 2, 1, '2, 1; unseen: 1'),
	('markov', 'B', 3, NULL, '3, 1, 2'),
	('markov', 'C', 2, NULL, '3, 1'),
	('markov', 'D', 0, 0, 'an unknown target'),
	('markov', 'E', 4, 3, 'nothing follows 98: by popularity'),
	('markov', 'F', 4, NULL, 'nothing follows 98: by popularity'),
	('markov', 'G', 3, NULL, '2 and 3, 1'),
	('markov', 'H', 5, 4, '2 and 3, 1, 98, 4; unseen: 2 and 3, 98, 4'),
	('vsknn', 'A', 2, 1, 'B 1/2, C 3/2: items 1 and 2 have 2, item 3 has 3/2'),
	('vsknn', 'B', 3, NULL, 'A 1, C 3/2, D G H I 1/2: item 1 has 7/2, 2 and 3 have 5/2'),
	('vsknn', 'C', 2, NULL, 'A 5/3, B 4/3, D G H I 1/3: item 2 has 3, 1 has 8/3, 3 has 5/3'),
	('vsknn', 'D', 0, 0, 'an unknown target'),
	('vsknn', 'E', 4, 3, 'F: item 98; then 1, 2, 3'),
	('vsknn', 'F', 2, NULL, 'E: items 4 and 98'),
	('vsknn', 'G', 1, NULL, 'B C D H I: item 1 has 5'),
	('vsknn', 'H', 5, 4, 'B C D G I: items 1, 2, 3; then 98, 4');
INSERT INTO by_hand SELECT 'popularity in category', id, rank, unseen_rank, 'there are no categories' FROM by_hand WHERE method = 'popularity';

-- one case at a time: a row whose last event is after the cut, all other rows without theirs
CREATE VIEW judged_one AS
SELECT id, items, ARRAY(SELECT timestamptz '2020-01-01' + CASE WHEN one AND n = cardinality(items) THEN interval '1 day' ELSE '0' END
						FROM generate_subscripts(items, 1) n ORDER BY n) AS times
FROM (SELECT id, one, CASE WHEN one OR cardinality(items) < 2 THEN items ELSE items[:cardinality(items) - 1] END AS items
	  FROM (SELECT id, items, id = current_setting('judge.id') AS one FROM judged) j) k;
CREATE FUNCTION judge(one text) RETURNS TABLE (method text, cases bigint, mrr numeric, un_cases bigint, un_mrr numeric) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('judge.id', one, false);
	RETURN QUERY SELECT e.method, e.cases, round(e.mrr::numeric, 6), e.unseen_cases, round(e.unseen_mrr::numeric, 6)
				 FROM recseq_evaluate('judged_one', 'm', 10, protocol => 'temporal', cut => '2020-01-02') e;
END $$;
SELECT h.method, h.id, h.rank, CASE WHEN j.mrr > 0 THEN round(1 / j.mrr) ELSE 0 END AS found, h.unseen_rank, CASE WHEN j.un_mrr > 0 THEN round(1 / j.un_mrr) ELSE j.un_mrr END AS unseen_found,
	   j.cases, j.un_cases, h.comment
FROM (SELECT DISTINCT id FROM by_hand) i, LATERAL judge(id) j, by_hand h WHERE h.id = i.id AND h.method = j.method ORDER BY h.method, h.id;

-- the metrics from the ranks: groups are sequences, whose cases are not independent
CREATE FUNCTION metrics(ranks int[], groups text[], k int) RETURNS TABLE (cases bigint, hit numeric, mrr numeric, ndcg numeric, hit_low numeric, hit_high numeric, mrr_low numeric,
	mrr_high numeric, ndcg_low numeric, ndcg_high numeric) LANGUAGE sql AS $$
	WITH c AS (SELECT g, (r BETWEEN 1 AND k)::int::float8 AS hit, CASE WHEN r BETWEEN 1 AND k THEN 1.0 / r ELSE 0 END::float8 AS rr,
					  CASE WHEN r BETWEEN 1 AND k THEN ln(2.0) / ln(r + 1.0) ELSE 0 END::float8 AS ndcg
			   FROM unnest(ranks, groups) AS u(r, g) WHERE r IS NOT NULL),
	m AS (SELECT count(*)::float8 AS n, count(DISTINCT g)::float8 AS groups, avg(hit) AS hit, avg(rr) AS rr, avg(ndcg) AS ndcg FROM c),
	v AS (SELECT sum(s.hit ^ 2) / n ^ 2 AS hit, sum(s.rr ^ 2) / n ^ 2 AS rr, sum(s.ndcg ^ 2) / n ^ 2 AS ndcg
		  FROM m, (SELECT sum(c.hit - m.hit) AS hit, sum(c.rr - m.rr) AS rr, sum(c.ndcg - m.ndcg) AS ndcg FROM c, m GROUP BY g) s GROUP BY n),
	w AS (SELECT m.hit AS p, 1.959963984540054::float8 AS z, CASE WHEN v.hit > 1e-12 THEN least(m.hit * (1 - m.hit) / v.hit, m.n) ELSE m.groups END AS n FROM m, v)
	SELECT m.n::bigint, round(m.hit::numeric, 6), round(m.rr::numeric, 6), round(m.ndcg::numeric, 6),
		   round(greatest(0, (p + z ^ 2 / (2 * w.n) - z * sqrt(p * (1 - p) / w.n + z ^ 2 / (4 * w.n ^ 2))) / (1 + z ^ 2 / w.n))::numeric, 6),
		   round(least(1, (p + z ^ 2 / (2 * w.n) + z * sqrt(p * (1 - p) / w.n + z ^ 2 / (4 * w.n ^ 2))) / (1 + z ^ 2 / w.n))::numeric, 6),
		   round(greatest(0, m.rr - z * sqrt(v.rr))::numeric, 6), round(least(1, m.rr + z * sqrt(v.rr))::numeric, 6),
		   round(greatest(0, m.ndcg - z * sqrt(v.ndcg))::numeric, 6), round(least(1, m.ndcg + z * sqrt(v.ndcg))::numeric, 6)
	FROM m, v, w
$$;
CREATE FUNCTION figures(k int) RETURNS TABLE (method text, cases bigint, hit numeric, mrr numeric, ndcg numeric, hit_low numeric, hit_high numeric, mrr_low numeric, mrr_high numeric,
	ndcg_low numeric, ndcg_high numeric) LANGUAGE sql AS $$
	SELECT method, cases, round(hit_rate::numeric, 6), round(mrr::numeric, 6), round(ndcg::numeric, 6), round(hit_rate_low::numeric, 6), round(hit_rate_high::numeric, 6),
		   round(mrr_low::numeric, 6), round(mrr_high::numeric, 6), round(ndcg_low::numeric, 6), round(ndcg_high::numeric, 6)
	FROM recseq_evaluate('judged', 'm', k)
	UNION ALL
	SELECT method || ', unseen', unseen_cases, round(unseen_hit_rate::numeric, 6), round(unseen_mrr::numeric, 6), round(unseen_ndcg::numeric, 6), round(unseen_hit_rate_low::numeric, 6),
		   round(unseen_hit_rate_high::numeric, 6), round(unseen_mrr_low::numeric, 6), round(unseen_mrr_high::numeric, 6), round(unseen_ndcg_low::numeric, 6), round(unseen_ndcg_high::numeric, 6)
	FROM recseq_evaluate('judged', 'm', k)
$$;
CREATE FUNCTION expected(k int) RETURNS TABLE (method text, cases bigint, hit numeric, mrr numeric, ndcg numeric, hit_low numeric, hit_high numeric, mrr_low numeric, mrr_high numeric,
	ndcg_low numeric, ndcg_high numeric) LANGUAGE sql AS $$
	SELECT method, m.* FROM (SELECT method, array_agg(rank) AS ranks, array_agg(id) AS ids FROM by_hand GROUP BY 1) h, metrics(ranks, ids, k) m
	UNION ALL
	SELECT method || ', unseen', m.* FROM (SELECT method, array_agg(unseen_rank) AS ranks, array_agg(id) AS ids FROM by_hand GROUP BY 1) h, metrics(ranks, ids, k) m
$$;
SELECT * FROM figures(2) WHERE method ~ 'recency|popularity' ORDER BY method;
SELECT k, count(*) AS same, bool_and(f IS NOT DISTINCT FROM e) AS as_expected
FROM unnest('{1,2,3,4,5,6,100,1000000000}'::int[]) k, figures(k) f, expected(k) e WHERE f.method = e.method GROUP BY k ORDER BY k;
-- by hand: hits of recency at 2 are B, F, G of 8, all first; of popularity A, B, C, G, all first but B
SELECT round(3 / 8.0, 6) AS recency_hit, round(4 / 8.0, 6) AS popularity_hit, round(3.5 / 8, 6) AS popularity_mrr, round((3 + 1 / log(2, 3)) / 8, 6) AS popularity_ndcg;

-- the methods, in order, and every column of them
SELECT method, cases, unseen_cases, unknown_targets FROM recseq_evaluate('judged', 'm');
SELECT count(*) FROM recseq_evaluate('judged', 'm') WHERE NOT (
	hit_rate BETWEEN 0 AND 1 AND recall = hit_rate AND abs("precision" - hit_rate / 5) < 1e-9 AND mrr <= ndcg AND ndcg <= hit_rate
	AND unseen_hit_rate BETWEEN 0 AND 1 AND unseen_recall = unseen_hit_rate AND abs(unseen_precision - unseen_hit_rate / 5) < 1e-9 AND unseen_mrr <= unseen_ndcg AND unseen_ndcg <= unseen_hit_rate
	AND hit_rate_low < hit_rate AND hit_rate < hit_rate_high AND mrr_low <= mrr AND mrr <= mrr_high AND ndcg_low <= ndcg AND ndcg <= ndcg_high
	AND coverage > 0 AND coverage <= 1 AND mean_popularity > 0 AND mean_popularity <= 1);
-- what popularity shows of the 7 items that the source and the model have: 1 and 2; unseen: 1 and 98, 2 and 3, 1 and 2, 2 and 3
SELECT round(coverage::numeric * 7, 6) AS shown, round(mean_popularity::numeric, 6) AS popularity, round((6 / 6.0 + 3 / 6.0) / 2, 6) AS by_hand,
	   round(unseen_coverage::numeric * 7, 6) AS unseen_shown, round(unseen_mean_popularity::numeric, 6) AS unseen_popularity, round((6 + 2 + 3 + 2 + 6 + 3 + 3 + 2) / 6.0 / 8, 6) AS by_hand
FROM recseq_evaluate('judged', 'm', 2) WHERE method = 'popularity';

-- histories of some lengths; rows that are too short to have a target are learned from to their ends
SELECT h.min_history, h.max_history, cases, round(hit_rate::numeric, 6) AS hit_rate FROM (VALUES (1, NULL::int), (1, 1), (2, NULL), (2, 2), (3, 3), (4, NULL)) h(min_history, max_history),
	recseq_evaluate('judged', 'm', 1, min_history => h.min_history, max_history => h.max_history) WHERE method = 'popularity';

-- in the order of time: events of four days
CREATE TABLE log (id int, items int[], times timestamptz[]);
INSERT INTO log VALUES
	(1, '{1,2,1,2,3}', '{2020-01-01,2020-01-01,2020-01-02,2020-01-03,2020-01-04}'),
	(2, '{1,3,3}', '{2020-01-01,2020-01-01,2020-01-01}'),
	(3, '{2,1}', '{2020-01-03,2020-01-04}'),
	(4, '{1}', '{2020-01-01}'),
	(5, '{2,7}', '{2020-01-02,2020-01-03}');
-- cut at the third day: 1: 2 after 1, 2, 1; 3 after 1, 2, 1, 2; 3: 1 after 2; 5: 7 after 2
SELECT method, cases, round(hit_rate::numeric, 6) AS hit_rate, round(mrr::numeric, 6) AS mrr, unseen_cases, round(unseen_mrr::numeric, 6) AS unseen_mrr, unknown_targets
FROM recseq_evaluate('log', 'm', 3, protocol => 'temporal', cut => '2020-01-03') WHERE method IN ('recency', 'popularity', 'markov');
-- by hand: learned are 1 four times, 2 twice, 3 twice; 2 after 1, 1 after 2, 3 after 1, 3 after 3. Recency: 1 2, so second; 2 1 3, third; 2 1 3, second; a miss
-- popularity: 2 and 3 are equal: third, third, first, a miss; Markov: 2 and 3 are equal: second; 1, then 2 and 3: third; 1: first; a miss
SELECT * FROM metrics('{2,3,2,0}', '{1,1,3,5}', 3);
SELECT * FROM metrics('{3,3,1,0}', '{1,1,3,5}', 3);
SELECT * FROM metrics('{2,3,1,0}', '{1,1,3,5}', 3);
SELECT method, round(hit_rate_low::numeric, 6) AS hit_low, round(hit_rate_high::numeric, 6) AS hit_high, round(mrr_low::numeric, 6) AS mrr_low, round(mrr_high::numeric, 6) AS mrr_high
FROM recseq_evaluate('log', 'm', 3, protocol => 'temporal', cut => '2020-01-03') WHERE method IN ('recency', 'popularity', 'markov');
-- everything, and nothing, is after the cut
SELECT cut, method, cases, hit_rate, unknown_targets, mean_popularity FROM (VALUES ('1999-01-01'::timestamptz), ('2020-01-05')) c(cut), recseq_evaluate('log', 'm', 3, protocol => 'temporal', cut => cut)
WHERE method IN ('recency', 'vsknn');

-- no case at all, and none that is unseen
CREATE VIEW judged_none AS SELECT items FROM judged WHERE id >= 'I';
SELECT * FROM recseq_evaluate('judged_none', 'm') WHERE method IN ('model', 'stan');
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

-- random windows: of all events with a history, about the share; the same ones again for the same seed
CREATE TABLE windows AS
SELECT ARRAY(SELECT (g * 31 + i * (g % 17 + 1)) % 97 FROM generate_series(1, 9) i) AS items FROM generate_series(1, 400) g;
SELECT cases BETWEEN 0.18 * 3200 AND 0.22 * 3200 AS a_fifth, unknown_targets FROM recseq_evaluate('windows', 'sure', protocol => 'random_windows') WHERE method = 'recency';
SELECT cases BETWEEN 0.68 * 3200 AND 0.72 * 3200 AS more FROM recseq_evaluate('windows', 'sure', protocol => 'random_windows', test_share => 0.7) WHERE method = 'recency';
SELECT count(DISTINCT e::text) AS different FROM generate_series(1, 2), recseq_evaluate('windows', 'sure', protocol => 'random_windows', seed => 7) e WHERE method = 'model';
SELECT count(DISTINCT e::text) AS different FROM generate_series(1, 5) seed, recseq_evaluate('windows', 'sure', protocol => 'random_windows', seed => seed) e WHERE method = 'recency';
DROP TABLE windows;

-- categories for the baselines, also where the model knows none: after 3 and 8 the most frequent of their categories, but not what only they have
CREATE TABLE departments (items int[], categories int[]);
INSERT INTO departments SELECT ARRAY[1, 1, 2, 3, 8, 4], ARRAY[1, 1, 1, 2, 1, 1] FROM generate_series(1, 3);
INSERT INTO departments VALUES ('{1,3,3}', '{1,2,2}'), ('{1,8,2}', '{1,1,1}');
SELECT method, cases, round(mrr::numeric, 6) AS mrr, unseen_cases, round(unseen_mrr::numeric, 6) AS unseen_mrr FROM recseq_evaluate('departments', 'm', 5) WHERE method LIKE 'popularity%';
-- by hand: 1 occurs 8 times, 8 and 3 four times, 2 three times. Category 1: 1, 8, 2; category 2: 3. Popularity: 4 is a miss, 3 is third, 2 is fourth
-- in the category: 3 is first, 2 is third; of the unseen, 2 is first in its category, and by popularity second, after 3
SELECT round((1 / 3.0 + 1 / 4.0) / 5, 6) AS mrr, round((1 / 2.0) / 4, 6) AS unseen_mrr, round((1 + 1 / 3.0) / 5, 6) AS in_category, round(1 / 4.0, 6) AS unseen_in_category;
DROP TABLE departments;

-- a history as long as can be: every item of it counts once
CREATE VIEW long_history AS SELECT 1 AS id, ARRAY(SELECT g FROM generate_series(1, 200000) g) || 1 AS items;
SELECT method, cases, hit_rate FROM recseq_evaluate('long_history', 'sure', unknown_items => true) WHERE method IN ('model', 'recency');
-- a target that only the history has: a baseline may find it, the model where it is told so; as far down as it may stand
CREATE VIEW new_items AS SELECT 1 AS id, ARRAY[99999, 99998, 99999] AS items;
SELECT u AS unknown_items, method, cases, unseen_cases, hit_rate
FROM unnest(ARRAY[false, true]) u, recseq_evaluate('new_items', 'sure', 30, unknown_items => u) WHERE method IN ('model', 'recency') ORDER BY u, method;
SELECT u AS unknown_items, method, rank IS NOT NULL AS hit
FROM unnest(ARRAY[false, true]) u, recseq_evaluate_cases('new_items', 'sure', 30, unknown_items => u) WHERE method = 'model' ORDER BY u;
SELECT * FROM recseq_evaluate('new_items', 'sure', unknown_items => NULL);
DROP VIEW new_items;

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

SELECT * FROM recseq_evaluate('judged', 'm', protocol => 'bootstrap');
SELECT * FROM recseq_evaluate('judged', 'm', protocol => NULL);
SELECT * FROM recseq_evaluate('judged', 'm', protocol => 'temporal');
SELECT * FROM recseq_evaluate('judged', 'm', protocol => 'temporal', cut => '2020-01-01');
SELECT * FROM recseq_evaluate('log', 'm', protocol => 'temporal', cut => 'infinity');
SELECT * FROM recseq_evaluate('log', 'm', cut => '2020-01-01 UTC');
SELECT * FROM recseq_evaluate('judged', 'm', test_share => 0);
SELECT * FROM recseq_evaluate('judged', 'm', test_share => 1);
SELECT * FROM recseq_evaluate('judged', 'm', test_share => 'NaN');
SELECT * FROM recseq_evaluate('judged', 'm', min_history => 0);
SELECT * FROM recseq_evaluate('judged', 'm', min_history => 5, max_history => 4);

SELECT count(recseq_drop_model(model)) FROM recseq_model;
DROP VIEW long_history, shop_other, shop_new, shop, ring_and_more, judged_seen, judged_none, judged_one;
DROP TABLE ring, judged, learned, by_hand, log;
DROP FUNCTION judge, figures, expected, metrics;
