--
-- The second stage: candidates, what speaks for them, kinds and times of events
--
\set SHOW_CONTEXT never
SET recseq.progress = off;
SET recseq.max_training_workers = 0;

-- who looks at an item buys it next; who has bought goes on to the next of its category's ten items
CREATE TABLE shop AS
SELECT s AS visitor,
	   ARRAY(SELECT s % 3 * 10 + (s / 3 + n / 2) % 10 + 1 FROM generate_series(0, 2 + s % 6) n) AS items,
	   array_fill(s % 3 + 1, ARRAY[3 + s % 6]) AS categories,
	   ARRAY(SELECT CASE n % 2 WHEN 0 THEN 'view' ELSE 'buy' END FROM generate_series(0, 2 + s % 6) n) AS events,
	   ARRAY(SELECT timestamptz '2026-01-01 00:00Z' + s * interval '1 hour' + n * interval '1 minute' FROM generate_series(0, 2 + s % 6) n) AS times
FROM generate_series(0, 999) s;
SELECT items, events FROM shop WHERE visitor = 7;
SELECT sequences, items FROM recseq_train('shop', epochs => 3, units => 8, item_dim => 16, feature_dim => 4, batch_size => 64);

-- what was looked at comes next, what was bought does not
SELECT item, category, reason FROM recseq_recommend(ARRAY[5, 5, 6], 1, events => ARRAY['view', 'buy', 'view'], times => ARRAY(SELECT timestamptz '2026-02-11' + n * interval '1 minute' FROM generate_series(1, 3) n));
SELECT item, category, reason FROM recseq_recommend(ARRAY[5, 5, 6, 6], 1, events => ARRAY['view', 'buy', 'view', 'buy'], times => ARRAY(SELECT timestamptz '2026-02-11' + n * interval '1 minute' FROM generate_series(1, 4) n));
-- other names for purchases
SELECT item FROM recseq_recommend(ARRAY[5, 5, 6, 6], 1, events => ARRAY['view', 'buy', 'view', 'paid'], times => array_fill(timestamptz '2026-02-11', ARRAY[4]));
SELECT version FROM recseq_train('shop', 'names', purchases => '{paid}', epochs => 1);
SELECT options -> 'purchases' AS purchases, options -> 'ranker' AS ranker FROM recseq_models WHERE model = 'names';
-- unknown kinds, and either array alone, are read as well as can be
SELECT count(*) FROM recseq_recommend(ARRAY[5, 6], events => ARRAY[NULL, 'something else'], times => ARRAY['infinity', '-infinity']::timestamptz[]);
SELECT count(*) FROM recseq_recommend(ARRAY[5, 6], events => ARRAY['view', 'buy']);
SELECT count(*) FROM recseq_recommend(ARRAY[5, 6], times => ARRAY[now(), now()]);
SELECT * FROM recseq_recommend(ARRAY[5, 6], times => ARRAY[now(), NULL]);
SELECT * FROM recseq_recommend(ARRAY[5, 6], events => ARRAY['view']);

-- scores are probabilities of all items, also of those that only the history has
SELECT count(*), round(sum(score)::numeric, 4) AS sum, count(*) FILTER (WHERE reason = 'seen before') AS seen
FROM recseq_recommend(ARRAY[5, 777, 6, 777, 888], 100, categories => ARRAY[1, 2, 1, 2, NULL], unknown_items => true);
SELECT item, category, reason FROM recseq_recommend(ARRAY[5, 777, 6, 777, 888], 100, categories => ARRAY[1, 2, 1, 2, NULL], unknown_items => true) WHERE item > 30 ORDER BY item;
SELECT count(*), count(*) FILTER (WHERE item > 30) AS unknown FROM recseq_recommend(ARRAY[5, 777, 6, 777, 888], 100, exclude_seen => true, unknown_items => true);
SELECT item FROM recseq_recommend(ARRAY[5, 777, 6, 777, 888], 100, exclude => ARRAY[777, NULL], unknown_items => true) WHERE item > 30;
SELECT item FROM recseq_recommend(ARRAY[5, 777, 6, 777, 888], 100, categories => ARRAY[1, 2, 1, 2, NULL], only_categories => ARRAY[2], unknown_items => true) WHERE item > 30;

-- rows that are read together are answered as each alone
SELECT count(*) AS rows, count(*) FILTER (WHERE abs(b.score - r.score) > 1e-6 OR b.reason <> r.reason) AS other
FROM shop s JOIN recseq_recommend_batch('shop', 4) b ON b.id = s.visitor::text
	 JOIN LATERAL recseq_recommend(s.items, 4, categories => s.categories, events => s.events, times => s.times) r USING (rank, item)
WHERE s.visitor < 200;
SELECT count(*) AS of_other FROM shop s JOIN recseq_recommend_batch('shop', 30, exclude_seen => true) b ON b.id = s.visitor::text WHERE b.item = ANY (s.items);

-- what was bought together: by hand from the sequences, at most ten events apart
CREATE TABLE together AS
SELECT 1 AS id, ARRAY[1, 2, 3] AS items, ARRAY['buy', 'buy', 'view'] AS events UNION ALL
SELECT 2, ARRAY[2, 1, 4], ARRAY['buy', 'buy', 'buy'] UNION ALL
SELECT 3, ARRAY[1, 3, 5], ARRAY['view', 'buy', 'buy'] UNION ALL
SELECT g, ARRAY[6, 7], ARRAY['view', 'view'] FROM generate_series(4, 30) g;
SELECT items FROM recseq_train('together', 'together', epochs => 1);
SELECT rank, item, weight FROM recseq_bought_together(1, model => 'together');
SELECT rank, item, weight FROM recseq_bought_together(1::smallint, 1, 'together');
SELECT item, pg_typeof(item) FROM recseq_bought_together(5::bigint, 1, 'together');
SELECT item, pg_typeof(item) FROM recseq_bought_together('5', 1, 'together');
SELECT count(*) AS never_bought FROM recseq_bought_together(6, model => 'together');
SELECT count(*) AS unknown FROM recseq_bought_together(99, model => 'together');
SELECT count(*) AS none FROM recseq_bought_together(NULL::int, model => 'together');
CREATE VIEW near AS SELECT id, items FROM together;
SELECT items FROM recseq_train('near', 'together', epochs => 1);
SELECT rank, item, weight FROM recseq_bought_together(1, model => 'together');
SELECT recseq_drop_model('together');
DROP TABLE together CASCADE;

-- what is trending: by hand from the sequences; nobody counts twice, an event half after each half-life
CREATE TABLE trend AS
SELECT visitor AS id, array_agg(item ORDER BY at, item) AS items, array_agg(100 + item % 2 ORDER BY at, item) AS categories,
	array_agg(kind ORDER BY at, item) AS events, array_agg(at ORDER BY at, item) AS times
FROM (SELECT visitor, item, timestamptz '2026-01-31' - age * interval '1 day' AS at, kind
	FROM (VALUES (1, 1, 0, 'view'), (1, 1, 0, 'view'), (1, 1, 1, 'buy'), (1, 2, 2, 'buy'), (2, 2, 1, 'view'), (2, 3, 3, 'view'), (3, 3, 3, 'buy'), (3, 4, 9, 'buy')) AS v(visitor, item, age, kind)
	UNION ALL SELECT 4 + n % 40, 5, timestamptz '2026-01-01' + n * interval '1 hour', 'view' FROM generate_series(0, 119) n) e
GROUP BY visitor;
SELECT items FROM recseq_train('trend', 'trend', epochs => 1);
SELECT rank, item, category, round(score::numeric, 4) AS score, round(by_hand, 4) AS by_hand
FROM recseq_trending('1 day', 10, 'trend') t
JOIN (SELECT item, sum(0.5 ^ age)::numeric AS by_hand
	FROM (SELECT item, id, extract(epoch FROM timestamptz '2026-01-31' - max(at)) / 86400 AS age
		FROM trend, unnest(items, times) AS e(item, at) GROUP BY item, id) e GROUP BY item) h USING (item) ORDER BY rank;
SELECT item, score FROM recseq_trending('1 day', 2, 'trend', only_categories => '{100,7}');
SELECT item, score FROM recseq_trending('1 day', model => 'trend', purchases => true);
SELECT item, category FROM recseq_trending_text('30 days', 1, 'trend', only_categories => '{101}');
SELECT count(*) FROM recseq_trending(k => 0, model => 'trend');
SELECT * FROM recseq_trending(NULL, model => 'trend');
SELECT * FROM recseq_trending('-1 day', model => 'trend');
SELECT * FROM recseq_trending('1 month', NULL, 'trend');
SELECT * FROM recseq_trending_text(model => 'trend', only_categories => '{x}');
-- what the catalog does not sell, what fewer have than should; without kinds, without times
CREATE TABLE trend_catalog AS SELECT item, 100 + item % 2 AS category, item <> 1 AS available FROM generate_series(1, 5) item;
CREATE VIEW trend_times AS SELECT id, items, times FROM trend;
CREATE VIEW trend_items AS SELECT id, items FROM trend;
CREATE VIEW trend_texts AS SELECT id, items::text[], times FROM trend;
SELECT items FROM recseq_train('trend', 'trend', epochs => 1, catalog => 'trend_catalog', min_support => 2);
SELECT item FROM recseq_trending('1 day', model => 'trend');
SELECT items FROM recseq_train('trend_times', 'trend_times', epochs => 1);
SELECT item FROM recseq_trending('1 day', 1, 'trend_times');
SELECT item FROM recseq_trending('1 day', 1, 'trend_times', purchases => true);
SELECT item FROM recseq_trending('1 day', 1, 'trend_times', only_categories => '{1}');
SELECT items FROM recseq_train('trend_items', 'trend_items', epochs => 1);
SELECT item FROM recseq_trending('1 day', 1, 'trend_items');
SELECT items FROM recseq_train('trend_texts', 'trend_texts', epochs => 1);
SELECT item FROM recseq_trending('1 day', 1, 'trend_texts');
SELECT item FROM recseq_trending_text('1 day', 1, 'trend_texts');
SELECT recseq_drop_model(m) FROM unnest('{trend,trend_times,trend_items,trend_texts}'::text[]) m;
DROP TABLE trend, trend_catalog CASCADE;

-- the network alone
SELECT version FROM recseq_train('shop', 'network', ranker => false, epochs => 1);
SELECT DISTINCT reason FROM recseq_recommend(ARRAY[5, 6], 30, 'network') ORDER BY reason;
SELECT * FROM recseq_bought_together(5, model => 'network');
SELECT count(*) FROM recseq_recommend(ARRAY[5, 777], 100, 'network', unknown_items => true);
SELECT recseq_train('shop', ranker => NULL);

-- the same data, options and seed: the same answers; and the order of the rows does not matter
CREATE TABLE shop_backwards AS SELECT * FROM shop ORDER BY visitor DESC;
SELECT version FROM recseq_train('shop_backwards', 'again', epochs => 3, units => 8, item_dim => 16, feature_dim => 4, batch_size => 64);
SELECT count(*) AS rows, count(*) FILTER (WHERE a.score <> b.score) AS other
FROM recseq_recommend_batch('shop', 4) a JOIN recseq_recommend_batch('shop', 4, 'again') b USING (id, rank, item);

-- data of the smallest kind: one pair; items that are alone
CREATE TABLE tiny (id int, items int[]);
INSERT INTO tiny VALUES (1, '{1,2}'), (2, '{3}');
SELECT sequences, windows, items FROM recseq_train('tiny', 'tiny', epochs => 1);
SELECT count(*), round(sum(score)::numeric, 4) AS sum FROM recseq_recommend(ARRAY[1], 10, 'tiny');
SELECT count(*), round(sum(score)::numeric, 4) AS sum FROM recseq_recommend(ARRAY[3], 10, 'tiny');
SELECT count(*) FROM recseq_recommend(ARRAY[9], 10, 'tiny');
SELECT count(*) FROM recseq_recommend('{}'::int[], 10, 'tiny');
SELECT count(*) FROM recseq_recommend(ARRAY[1], 0, 'tiny');

-- what one visitor alone did is neither used nor shown where two are wanted
CREATE TABLE few AS
SELECT s AS visitor, CASE WHEN s = 40 THEN ARRAY[1, 99, 98] WHEN s < 20 THEN ARRAY[1, 2, 3] ELSE ARRAY[4, 2, 1] END AS items FROM generate_series(1, 60) s;
SELECT version FROM recseq_train('few', 'one', epochs => 1, units => 4, item_dim => 4);
SELECT version FROM recseq_train('few', 'two', epochs => 1, units => 4, item_dim => 4, min_support => 2);
SELECT m AS model, item, reason FROM (VALUES ('one'), ('two')) v(m), recseq_recommend(ARRAY[1], 10, m) WHERE item IN (2, 98, 99) ORDER BY model, item;
SELECT count(*) FROM recseq_recommend(ARRAY[98, 99], 10, 'two') WHERE reason LIKE 'follows%' OR reason = 'in similar histories';
-- an update keeps it; a second visitor makes it evidence
CREATE TABLE more AS SELECT 61 AS visitor, ARRAY[1, 99] AS items;
SELECT version FROM recseq_update('two', 'more', epochs => 1);
SELECT options -> 'min_support' AS min_support FROM recseq_models WHERE model = 'two' AND active;
SELECT item, reason FROM recseq_recommend(ARRAY[1], 10, 'two') WHERE item IN (98, 99) ORDER BY item;
SELECT recseq_train('few', min_support => 0);
SELECT recseq_train('few', min_support => 151);

SET client_min_messages = warning;
SELECT count(recseq_drop_model(model)) FROM recseq_model;
DROP TABLE shop, shop_backwards, tiny, few, more;
