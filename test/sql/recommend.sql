--
-- Recommending: every argument, every type, every odd value
--
\set SHOW_CONTEXT never
SET recseq.progress = off;
SET recseq.max_training_workers = 0;

-- four categories of five items; in each the items follow each other in a ring
CREATE TABLE walk AS
SELECT c * 5 + s AS id,
	   ARRAY(SELECT c * 10 + (s + i) % 5 FROM generate_series(0, 7) i) AS items,
	   array_fill(c, ARRAY[8]) AS categories
FROM generate_series(1, 4) c, generate_series(0, 49) s;
SELECT items, windows
FROM recseq_train('walk', epochs => 30, units => 16, item_dim => 16, feature_dim => 16, batch_size => 64,
				  learning_rate => 0.02, dropout => 0.1, item_dropout => 0.2, validation_fraction => 0);
SELECT items FROM recseq_train('walk', 'without', epochs => 30, dropout => 0.1, validation_fraction => 0, batch_size => 64, units => 16, item_dim => 16, learning_rate => 0.02, features => '{}', ranker => false);

-- the form of the answer
SELECT rank, item, category, score BETWEEN 0 AND 1 AS score, confidence BETWEEN 0 AND 1 AS confidence, reason
FROM recseq_recommend(ARRAY[10, 11, 12], 1);
SELECT * FROM recseq_recommend(ARRAY[10, 11, 12], 0);
SELECT count(*), max(rank) FROM recseq_recommend(ARRAY[10, 11, 12]);
SELECT count(*), max(rank), count(DISTINCT item) FROM recseq_recommend(ARRAY[10, 11, 12], 20);
SELECT count(*), max(rank), count(DISTINCT item) FROM recseq_recommend(ARRAY[10, 11, 12], 21);
SELECT count(*), max(rank), count(DISTINCT item) FROM recseq_recommend(ARRAY[10, 11, 12], 1000000000);
SELECT count(*) FROM recseq_recommend(ARRAY[10, 11, 12], 2147483647);
SELECT * FROM recseq_recommend(ARRAY[10, 11, 12], -1);
SELECT * FROM recseq_recommend(ARRAY[10, 11, 12], NULL);

-- scores are probabilities: they fall, and add up to 1 over all items; confidence adds up to 1 over the rows
SELECT round(sum(score)::numeric, 4) AS score, round(sum(confidence)::numeric, 4) AS confidence, bool_and(falls) AS falls
FROM (SELECT *, score <= lag(score, 1, 1::real) OVER (ORDER BY rank) AS falls FROM recseq_recommend(ARRAY[10, 11, 12], 100)) r;
SELECT round(sum(confidence)::numeric, 4) AS confidence, round(max(confidence / score / (SELECT 1 / sum(score) FROM recseq_recommend(ARRAY[10, 11, 12], 3)))::numeric, 3) AS ratio
FROM recseq_recommend(ARRAY[10, 11, 12], 3);
SELECT sum(score) < 1 AS less FROM recseq_recommend(ARRAY[10, 11, 12], 100, exclude_seen => true);
SELECT count(*) AS same FROM recseq_recommend(ARRAY[10, 11, 12], 100, exclude_seen => true) a JOIN recseq_recommend(ARRAY[10, 11, 12], 100) b USING (item, score);

-- a call answers the same as the one before it, and a prefix of a longer answer is the shorter one
SELECT count(*) AS same FROM recseq_recommend(ARRAY[10, 11, 12], 20) a JOIN recseq_recommend(ARRAY[10, 11, 12], 20) b USING (rank, item, score, confidence);
SELECT count(*) AS same FROM recseq_recommend(ARRAY[10, 11, 12], 20) a JOIN recseq_recommend(ARRAY[10, 11, 12], 7) b USING (rank, item, score);

-- nothing known of the visitor: the most popular, and the answer says so; by number where they are equally popular
SELECT rank, item, category, round(score::numeric, 4) AS score, confidence, reason FROM recseq_recommend('{}'::int[], 3);
SELECT item, reason FROM recseq_recommend(NULL::int[], 2);
SELECT item, reason FROM recseq_recommend(NULL::text[], 2);
SELECT count(*), round(sum(score)::numeric, 4) AS score FROM recseq_recommend('{}'::bigint[], 100);
SELECT item FROM recseq_recommend('{}'::int[], 3, exclude => ARRAY[10, 12], only_categories => ARRAY[1, 3]);

-- unknown items alone: no failure, and a category given for them tells
SELECT count(*), bool_and(reason = 'sequence') AS network FROM recseq_recommend(ARRAY[999, -5]);
-- they may be answered themselves where the caller says so
SELECT item, reason, reason_item FROM recseq_recommend(ARRAY[999, -5], 100, unknown_items => true) WHERE item IN (999, -5) ORDER BY item;
SELECT count(*) FROM recseq_recommend(ARRAY[999, -5], 100, unknown_items => NULL);
SELECT item FROM recseq_recommend(ARRAY[999, -5], 100, unknown_items => true, exclude => ARRAY[-5, 10]) WHERE item IN (999, -5);
SELECT count(*) FROM recseq_recommend(ARRAY[999, -5], 100, unknown_items => true, exclude_seen => true) WHERE item IN (999, -5);
SELECT c AS category, count(*) FILTER (WHERE r.category = c) >= 4 AS most_of_five
FROM generate_series(1, 4) c, recseq_recommend(ARRAY[999, 998], categories => ARRAY[c, c]) r
GROUP BY c ORDER BY c;
-- among known ones
SELECT item FROM recseq_recommend(ARRAY[999, 10, 11, 12], 1);
-- seen before or not
SELECT item, reason FROM recseq_recommend(ARRAY[13, 14, 10, 11, 12], 1);
SELECT item, reason FROM recseq_recommend(ARRAY[11, 12], 1);

--
-- Leaving out, keeping to
--
SELECT min(item), max(item), count(*) FROM recseq_recommend(ARRAY[10, 11, 12], 100, exclude_seen => true);
SELECT count(*) FILTER (WHERE item IN (10, 11, 12)) AS seen, count(*) FROM recseq_recommend(ARRAY[10, 11, 12, 999], 100, exclude_seen => true);
SELECT count(*) FROM recseq_recommend(ARRAY[10, 11, 12], 100, exclude_seen => NULL);
SELECT count(*) FILTER (WHERE item IN (13, 20)) AS excluded, count(*) FROM recseq_recommend(ARRAY[10, 11, 12], 100, exclude => ARRAY[13, 20, 777, NULL, 13]);
SELECT count(*) FROM recseq_recommend(ARRAY[10, 11, 12], 100, exclude => '{}');
SELECT array_agg(DISTINCT category) FROM recseq_recommend(ARRAY[10, 11, 12], 100, only_categories => ARRAY[2, 4, 99, NULL]);
SELECT count(*) FROM recseq_recommend(ARRAY[10, 11, 12], 100, only_categories => '{}');
SELECT count(*) FROM recseq_recommend(ARRAY[10, 11, 12], 100, only_categories => ARRAY[99]);
SELECT count(*) FROM recseq_recommend(ARRAY[10, 11, 12], 100, only_categories => ARRAY[NULL]::int[]);
SELECT array_agg(item ORDER BY item) FROM recseq_recommend(ARRAY[10, 11, 12], 100, exclude_seen => true, exclude => ARRAY[13], only_categories => ARRAY[1]);
SELECT count(*) FROM recseq_recommend(ARRAY[10, 11, 12], 5, exclude => (SELECT array_agg(i) FROM generate_series(0, 100) i));
SELECT item, confidence FROM recseq_recommend(ARRAY[10, 11, 12], 5, only_categories => ARRAY[1], exclude => ARRAY[10, 11, 12, 13]);

-- keeping to items
SELECT array_agg(item ORDER BY item) FROM recseq_recommend(ARRAY[10, 11, 12], 100, only_items => ARRAY[44, 13, NULL, 20, 13, 777]);
SELECT item FROM recseq_recommend(ARRAY[10, 11, 12], 1, only_items => ARRAY[44]);
SELECT count(*) FROM recseq_recommend(ARRAY[10, 11, 12], 100, only_items => '{}');
SELECT count(*) FROM recseq_recommend(ARRAY[10, 11, 12], 100, only_items => ARRAY[777]);
SELECT count(*) FROM recseq_recommend(ARRAY[10, 11, 12], 100, only_items => NULL);
SELECT array_agg(item ORDER BY item) FROM recseq_recommend(ARRAY[10, 11, 12], 100, only_items => ARRAY[10, 13, 14, 20, 21], exclude => ARRAY[14], only_categories => ARRAY[1], exclude_seen => true);
SELECT array_agg(item ORDER BY item) FROM recseq_recommend(ARRAY[999, -5, 10], 100, only_items => ARRAY[-5, 10, 30], unknown_items => true);
SELECT array_agg(item ORDER BY item) FROM recseq_recommend('{}'::int[], 100, only_items => ARRAY[44, 13, 777]);
SELECT array_agg(item ORDER BY item) FROM recseq_recommend(ARRAY['10', '11'], 100, only_items => ARRAY['44', '13']);
SELECT * FROM recseq_recommend(ARRAY['10', '11'], only_items => ARRAY['44', 'x']);
SELECT * FROM recseq_recommend(ARRAY[10, 11], only_items => ARRAY[[44, 13]]);
-- as many as there are, in the same order with the same scores, but for what 8 bits make of a normaliser
SELECT model, k, n, count(*) FILTER (WHERE a.item IS NOT NULL AND b.item IS NOT NULL) = least(k, n) AS exact,
	   bool_and(a.item IS NOT NULL AND b.item IS NOT NULL) AS same
FROM (VALUES ('default'), ('without')) m(model), (VALUES (1), (3), (20)) ks(k), (VALUES (1), (4), (11)) ns(n),
	 LATERAL (SELECT array_agg(item) AS items FROM (SELECT item FROM walk, unnest(items) item GROUP BY item ORDER BY hashint4(item) LIMIT n) i) chosen,
	 LATERAL recseq_recommend(ARRAY[10, 11, 12], k, model, only_items => chosen.items) a
	 FULL JOIN LATERAL (SELECT item, row_number() OVER (ORDER BY rank) AS rank, score FROM recseq_recommend(ARRAY[10, 11, 12], 100, model)
						WHERE item = ANY (chosen.items) ORDER BY rank LIMIT k) b ON a.item = b.item AND a.rank = b.rank AND abs(a.score - b.score) < 0.002
GROUP BY model, k, n ORDER BY model, k, n;

-- the item that a reason names
SELECT DISTINCT reason_item = regexp_replace(reason, '\D', '', 'g')::int AS named FROM recseq_recommend(ARRAY[10, 11, 12], 100) WHERE reason ~ '\d';
SELECT count(*) > 0 AS others, count(reason_item) AS named FROM recseq_recommend(ARRAY[10, 11, 12], 100) WHERE reason !~ '\d';

--
-- The categories of the history
--

-- from the model's item table, or as given
SELECT count(*) AS same FROM recseq_recommend(ARRAY[10, 11], 20) a JOIN recseq_recommend(ARRAY[10, 11], 20, categories => ARRAY[1, 1]) b USING (rank, item, score);
SELECT count(*) < 20 AS differs FROM recseq_recommend(ARRAY[10, 11], 20) a JOIN recseq_recommend(ARRAY[10, 11], 20, categories => ARRAY[3, 3]) b USING (rank, item, score);
-- null, 0 and unknown ones: none
SELECT count(*) AS same
FROM recseq_recommend(ARRAY[10, 11], 20, categories => ARRAY[1, NULL]) a
JOIN recseq_recommend(ARRAY[10, 11], 20, categories => ARRAY[1, 0]) b USING (rank, item, score)
JOIN recseq_recommend(ARRAY[10, 11], 20, categories => ARRAY[1, 12345]) c USING (rank, item, score);
SELECT count(*) FROM recseq_recommend(ARRAY[10, 11], categories => ARRAY[NULL, NULL]::int[]);
SELECT * FROM recseq_recommend(ARRAY[10, 11], categories => ARRAY[1]);
SELECT * FROM recseq_recommend(ARRAY[10, 11], categories => '{}');
SELECT count(*) FROM recseq_recommend('{}'::int[], categories => '{}');
SELECT * FROM recseq_recommend(ARRAY[10, 11], categories => ARRAY[[1, 1]]);
SELECT * FROM recseq_recommend(ARRAY[10, 11], model => 'without', categories => ARRAY[1, 1]);
SELECT * FROM recseq_recommend(ARRAY[10, 11], model => 'without', only_categories => ARRAY[1]);
SELECT item, category FROM recseq_recommend(ARRAY[10, 11], 1, model => 'without');
SELECT rank, item, category FROM recseq_recommend(ARRAY['10', '11'], 1, categories => ARRAY['1', '1'], only_categories => ARRAY['1'], exclude => ARRAY['14']);
SELECT * FROM recseq_recommend(ARRAY['10', '11'], 1, categories => ARRAY['1', 'one']);
SELECT * FROM recseq_recommend(ARRAY['10', '11'], 1, only_categories => ARRAY['one']);
SELECT * FROM recseq_recommend(ARRAY['10', '11'], 1, exclude => ARRAY['12', '1x']);

-- kinds and times of events: one for each item
SELECT item FROM recseq_recommend(ARRAY[10, 11, 12], 1, events => ARRAY['view', NULL, 'transaction'], times => array_fill(now(), ARRAY[3]));
SELECT * FROM recseq_recommend(ARRAY[10, 11, 12], 1, events => ARRAY['view', 'view']);
SELECT * FROM recseq_recommend(ARRAY[10, 11, 12], 1, times => ARRAY[now()]);
SELECT * FROM recseq_recommend(ARRAY[10, 11, 12], 1, times => array_fill(now(), ARRAY[1, 3]));

--
-- Histories that are none
--
SELECT * FROM recseq_recommend(ARRAY[10, NULL, 12]);
SELECT * FROM recseq_recommend(ARRAY[[10, 11], [12, 13]]);
SELECT * FROM recseq_recommend(ARRAY['10', NULL]);
SELECT item FROM recseq_recommend('[5:7]={10,11,12}'::int[], 1);
SELECT item FROM recseq_recommend((ARRAY[9, 9, 10, 11, 12])[3:5], 1);

-- types
SELECT item, pg_typeof(item), pg_typeof(category) FROM recseq_recommend(ARRAY[10, 11, 12]::smallint[], 1);
SELECT item, pg_typeof(item), pg_typeof(category) FROM recseq_recommend(ARRAY[10, 11, 12]::int[], 1);
SELECT item, pg_typeof(item), pg_typeof(category) FROM recseq_recommend(ARRAY[10, 11, 12]::bigint[], 1);
SELECT item, pg_typeof(item), pg_typeof(category) FROM recseq_recommend(ARRAY['10', '11', '12'], 1);
SELECT item FROM recseq_recommend(ARRAY['10', '11', '+12', '0'], 1, exclude => ARRAY['0']);
SELECT * FROM recseq_recommend(ARRAY['10', 'eleven'], 1);
SELECT * FROM recseq_recommend(ARRAY['10', ''], 1);
SELECT * FROM recseq_recommend(ARRAY['10', '99999999999999999999'], 1);
SELECT item FROM recseq_recommend(ARRAY[9223372036854775807, -9223372036854775808, 10, 11, 12], 1);

-- a model of texts
CREATE VIEW walk_text AS
SELECT id, ARRAY(SELECT 'i' || i FROM unnest(items) WITH ORDINALITY AS u(i, n) ORDER BY n) AS items,
	   ARRAY(SELECT 'c' || c FROM unnest(categories) WITH ORDINALITY AS u(c, n) ORDER BY n) AS categories FROM walk;
SELECT items, windows
FROM recseq_train('walk_text', 'texts', epochs => 30, dropout => 0.1, validation_fraction => 0, units => 16, item_dim => 16, feature_dim => 16, batch_size => 64, learning_rate => 0.02);
SELECT rank, item, category FROM recseq_recommend(ARRAY['i10', 'i11', 'i12'], 1, 'texts');
SELECT rank, item, category FROM recseq_recommend(ARRAY['i10', 'i11', 'i12', 'unknown'], 1, 'texts', categories => ARRAY['c1', 'c1', 'c1', 'c1'], only_categories => ARRAY['c2'], exclude => ARRAY['i20', 'i21', 'i22', 'i23', 'unknown']);
SELECT * FROM recseq_recommend(ARRAY[10, 11, 12], 1, 'texts');
SELECT * FROM recseq_recommend(ARRAY[10, 11, 12]::bigint[], 1, 'texts');
SELECT * FROM recseq_recommend('{}'::int[], 1, 'texts');
SELECT * FROM recseq_recommend(NULL::int[], 1, 'texts');
SELECT item FROM recseq_recommend(NULL::text[], 1, 'texts');

-- ids beyond integer: through bigint and text
CREATE VIEW walk_wide AS
SELECT id, ARRAY(SELECT 5000000000 + i FROM unnest(items) WITH ORDINALITY AS u(i, n) ORDER BY n) AS items,
	   ARRAY(SELECT 6000000000 + c FROM unnest(categories) WITH ORDINALITY AS u(c, n) ORDER BY n) AS categories FROM walk;
SELECT items, windows
FROM recseq_train('walk_wide', 'wide', epochs => 30, dropout => 0.1, validation_fraction => 0, units => 16, item_dim => 16, feature_dim => 16, batch_size => 64, learning_rate => 0.02);
SELECT rank, item, category FROM recseq_recommend(ARRAY[5000000010, 5000000011], 1, 'wide', only_categories => ARRAY[6000000001]);
SELECT rank, item, category FROM recseq_recommend(ARRAY['5000000010', '5000000011'], 1, 'wide');
SELECT rank, item FROM recseq_recommend('{}'::int[], 1, 'wide');

--
-- Models and versions that are not there
--
SELECT * FROM recseq_recommend(ARRAY[10], 1, 'no such model');
SELECT * FROM recseq_recommend(ARRAY[10], 1, '');
SELECT * FROM recseq_recommend(ARRAY[10], 1, repeat('long', 1000)) WHERE false;
SELECT * FROM recseq_recommend(ARRAY[10], 1, NULL);
SELECT * FROM recseq_recommend(ARRAY[10], 1, version => 2);
SELECT * FROM recseq_recommend(ARRAY[10], 1, version => 0);
SELECT * FROM recseq_recommend(ARRAY[10], 1, version => -1);
SELECT count(*) FROM recseq_recommend(ARRAY[10], 1, version => 1);
SELECT count(*) FROM recseq_recommend(ARRAY[10], 1, version => NULL);

--
-- In queries
--
CREATE TABLE visitor AS SELECT g AS id, ARRAY[10 * (g % 4 + 1) + g % 5, 10 * (g % 4 + 1) + (g + 1) % 5] AS history FROM generate_series(1, 20000) g;
SELECT count(*), count(*) FILTER (WHERE item = 10 * (id % 4 + 1) + (id + 2) % 5) > 19000 AS right
FROM visitor, recseq_recommend(history, 1);
SELECT count(*) FROM visitor v LEFT JOIN LATERAL recseq_recommend(v.history, 2, CASE WHEN v.id % 2 = 0 THEN 'default' ELSE 'without' END) ON true WHERE v.id <= 1000;
SELECT id, history, (SELECT item FROM recseq_recommend(history, 1)) AS next, (recseq_recommend(history, 1)).reason FROM visitor WHERE id <= 3 ORDER BY id;
SELECT * FROM ROWS FROM (generate_series(1, 2)) AS g(n), LATERAL (SELECT count(*) FROM recseq_recommend(ARRAY[10], n)) c ORDER BY n;
CREATE VIEW report AS SELECT id, rank, item, reason FROM visitor, recseq_recommend(history, 2, exclude_seen => true);
SELECT id, item, reason FROM report WHERE id = 7 AND rank = 1;
PREPARE next_of(int[], int) AS SELECT item FROM recseq_recommend($1, $2);
EXECUTE next_of(ARRAY[10, 11, 12], 1);
EXECUTE next_of(ARRAY[20, 21, 22], 1);
SET plan_cache_mode = force_generic_plan;
EXECUTE next_of(ARRAY[30, 31, 32], 1);
EXECUTE next_of(NULL, 1);
RESET plan_cache_mode;
DEALLOCATE next_of;
SELECT item FROM recseq_recommend(only_categories => ARRAY[2], k => 1, items => ARRAY[20, 21, 22]);
DECLARE c SCROLL CURSOR WITH HOLD FOR SELECT rank FROM recseq_recommend(ARRAY[10, 11, 12], 20);
FETCH LAST FROM c;
FETCH FIRST FROM c;
CLOSE c;
BEGIN READ ONLY;
SELECT item FROM recseq_recommend(ARRAY[10, 11, 12], 1);
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT item FROM recseq_recommend(ARRAY[10, 11, 12], 1);
COMMIT;

--
-- Rules
--
CREATE FUNCTION ruled(rules jsonb, k int DEFAULT 5, history int[] DEFAULT ARRAY[10, 11, 12]) RETURNS int[] LANGUAGE sql AS $$
	SELECT array_agg(item ORDER BY rank) FROM recseq_recommend(history, k, rules => rules)
$$;
CREATE TABLE plain AS SELECT * FROM recseq_recommend(ARRAY[10, 11, 12], 100);
CREATE FUNCTION best(condition text, n int DEFAULT 1) RETURNS int[] LANGUAGE plpgsql AS $$
DECLARE
	items	int[];
BEGIN
	EXECUTE format('SELECT array_agg(item ORDER BY rank) FROM (SELECT item, rank FROM plain WHERE %s ORDER BY rank LIMIT %s) p', condition, n) INTO items;
	RETURN items;
END $$;
SELECT ruled('{}') = best('true', 5) AS none, ruled(NULL) = best('true', 5) AS null, ruled('{"diversity": 0}') = best('true', 5) AS no_diversity;
-- scores stay those of the model; confidence adds up to 1 over the rows
SELECT count(*) AS same FROM recseq_recommend(ARRAY[10, 11, 12], rules => '{"boost_items": {"44": 1e6}}') JOIN plain USING (item, score);
SELECT round(sum(confidence)::numeric, 4) AS confidence FROM recseq_recommend(ARRAY[10, 11, 12], rules => '{"boost_items": {"44": 1e6}}');
-- factors of items and categories, up and down; ids that the model does not know change nothing
SELECT (ruled('{"boost_items": {"44": 1e6, "777": 5}}'))[1] AS up, ruled('{"boost_items": {"44": 1}}') = best('true', 5) AS by_1,
	   (ruled(format('{"boost_items": {"%s": 1e-6}}', (best('true'))[1])::jsonb))[1] = (best('rank > 1'))[1] AS down;
SELECT (SELECT array_agg(DISTINCT category) FROM recseq_recommend(ARRAY[10, 11, 12], 3, rules => '{"boost_categories": {"4": 1e6, "99": 2}}')) AS up,
	   (SELECT count(*) FROM recseq_recommend(ARRAY[10, 11, 12], 3, rules => '{"boost_categories": {"1": 1e-6}}') WHERE category = 1) AS down;
SELECT ruled('{"boost_items": {"44": 1e6}}', 1) AS up, (SELECT count(*) FROM recseq_recommend(ARRAY[10, 11, 12], exclude => ARRAY[44], rules => '{"boost_items": {"44": 1e6}}') WHERE item = 44) AS excluded;
-- at most so many of a category, and as many rows as there are then
SELECT ruled('{"max_per_category": 1}') = (SELECT array_agg(item ORDER BY rank) FROM (SELECT DISTINCT ON (category) item, rank FROM plain ORDER BY category, rank) p) AS one_each;
SELECT category, count(*) FROM recseq_recommend(ARRAY[10, 11, 12], 7, rules => '{"max_per_category": 2}') GROUP BY category HAVING count(*) > 2;
SELECT cardinality(ruled('{"max_per_category": 1}', 100)) AS four, cardinality(ruled('{"max_per_category": 2}', 100)) AS eight;
-- promoted items: the best of them take their share of the rows
SELECT cardinality(ARRAY(SELECT unnest(ruled('{"promoted": [40, 41, 42, 43, 44], "promoted_share": 0.4}')) INTERSECT SELECT generate_series(40, 44))) AS two,
	   (ruled('{"promoted": [40, 41, 42, 43, 44], "promoted_share": 0.4}'))[4:5] = best('item >= 40', 2) AS the_best,
	   (ruled('{"promoted": [40, 41, 42, 43, 44], "promoted_share": 0.4}'))[1:3] = best('true', 3) AS others_as_before;
SELECT ruled('{"promoted": [777, 44], "promoted_share": 1}', 3) = ARRAY[44] || best('true', 2) AS no_more_than_there_are, ruled('{"promoted": [44], "promoted_share": 0}') = best('true', 5) AS no_share;
-- diversity: the best comes first; then what is less like the rows before
SELECT (ruled('{"diversity": 0.5}'))[1] = (best('true'))[1] AS best_first, ruled('{"diversity": 1}') <> best('true', 5) AS differs, cardinality(ruled('{"diversity": 1}', 100)) AS all;
SELECT ruled('{"diversity": 1}', 2) = best('true') || (SELECT ARRAY[item] FROM recseq_similar_items((best('true'))[1], 100) ORDER BY similarity LIMIT 1) AS least_like;
-- an empty history, and a history of unknown items
SELECT (ruled('{"boost_items": {"44": 1e6}}', 3, '{}'))[1], cardinality(ruled('{"max_per_category": 1}', 100, '{}')) AS four;
SELECT (ruled('{"boost_items": {"44": 1e6}}', 3, ARRAY[999]))[1], cardinality(ruled('{"diversity": 0.5}', 100, ARRAY[999])) AS all;
-- the network alone; texts
SELECT item FROM recseq_recommend(ARRAY[10, 11, 12], 1, 'without', rules => '{"promoted": [44], "promoted_share": 1}');
SELECT item FROM recseq_recommend(ARRAY['10', '11'], 1, rules => '{"boost_items": {"44": 1e6}}');
SELECT count(*) FROM recseq_recommend(ARRAY[10, 11, 12], 0, rules => '{"diversity": 0.5}');
-- what is wrong
SELECT ruled('[]');
SELECT ruled('1');
SELECT ruled('{"diverse": 1}');
SELECT ruled('{"boost_items": [44]}');
SELECT ruled('{"boost_items": {"x": 2}}');
SELECT ruled('{"boost_items": {"44": 0}}');
SELECT ruled('{"boost_items": {"44": "2"}}');
SELECT ruled('{"boost_categories": 4}');
SELECT ruled('{"promoted": {"44": 1}, "promoted_share": 0.5}');
SELECT ruled('{"promoted": [44, null], "promoted_share": 0.5}');
SELECT ruled('{"promoted": [44]}');
SELECT ruled('{"promoted_share": 0.5}');
SELECT ruled('{"max_per_category": 0}');
SELECT ruled('{"diversity": 1.01}');
SELECT ruled('{"diversity": "NaN"}');
SELECT * FROM recseq_recommend(ARRAY[10, 11], model => 'without', rules => '{"max_per_category": 1}');
SELECT * FROM recseq_recommend(ARRAY[10, 11], model => 'without', rules => '{"boost_categories": {"1": 1}}');
DROP TABLE plain;
DROP FUNCTION ruled, best;

-- a long history: a million items, and as many rows as there are items
SELECT count(*) AS same FROM recseq_recommend(ARRAY(SELECT 10 + g % 5 FROM generate_series(0, 999999) g), 20, 'without') a
JOIN recseq_recommend(ARRAY(SELECT 10 + g % 5 FROM generate_series(999972, 999999) g), 20, 'without') b USING (rank, item, score, reason);
SELECT count(*), count(*) FILTER (WHERE reason = 'seen before') AS seen FROM recseq_recommend(ARRAY(SELECT g FROM generate_series(0, 999999) g), 1000, unknown_items => true);
SELECT count(*) FROM recseq_recommend(ARRAY(SELECT (g % 100)::text FROM generate_series(0, 199999) g), 1000, exclude_seen => true, exclude => ARRAY(SELECT g::text FROM generate_series(0, 199999) g), unknown_items => true);

-- definitions of an older version, without the arguments that were added since
CREATE FUNCTION older(items int[], k int, model text, version int) RETURNS TABLE (rank int, item int)
	AS '$libdir/recseq', 'recseq_recommend' LANGUAGE C;
CREATE FUNCTION older_batch(source regclass, k int, model text, version int) RETURNS TABLE (rank int, item int)
	AS '$libdir/recseq', 'recseq_recommend_batch' LANGUAGE C;
SELECT * FROM older(ARRAY[10, 11], 5, 'without', NULL);
SELECT * FROM older_batch('visitor', 5, 'without', NULL);
DROP FUNCTION older, older_batch;

SET client_min_messages = warning;
SELECT count(recseq_drop_model(model)) FROM recseq_model;
DROP TABLE walk, visitor CASCADE;
