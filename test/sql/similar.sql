--
-- Items that are like an item
--
\set SHOW_CONTEXT never
SET recseq.progress = off;
SET recseq.max_training_workers = 0;

-- four groups of five items; histories stay in one group, so that embeddings of a group are alike
CREATE TABLE walk AS
SELECT c * 50 + s AS id,
	   ARRAY(SELECT c * 10 + (s * 7 + i * i * (s % 3 + 1)) % 5 FROM generate_series(0, 7) i) AS items,
	   array_fill(c, ARRAY[8]) AS categories
FROM generate_series(1, 4) c, generate_series(0, 49) s;
CREATE FUNCTION train(source regclass, model text, features text[] DEFAULT NULL) RETURNS int LANGUAGE sql AS $$
	SELECT items FROM recseq_train(source, model, features, epochs => 40, units => 16, item_dim => 16, feature_dim => 16, batch_size => 64,
								   learning_rate => 0.02, dropout => 0.1, copy => false, validation_fraction => 0)
$$;
SELECT train('walk', 'default');

-- the form of the answer
SELECT rank, item BETWEEN 10 AND 44 AND item <> 10 AS item, category = item / 10 AS category, similarity BETWEEN -1 AND 1 AS similarity
FROM recseq_similar_items(10, 2);
SELECT count(*), max(rank) FROM recseq_similar_items(10);
SELECT count(*), count(DISTINCT item), max(rank), bool_or(item = 10) AS itself FROM recseq_similar_items(10, 100);
SELECT count(*) FROM recseq_similar_items(10, 2147483647);
SELECT * FROM recseq_similar_items(10, 0);
SELECT bool_and(falls) AS falls FROM (SELECT similarity <= lag(similarity, 1, 1::real) OVER (ORDER BY rank) AS falls FROM recseq_similar_items(10, 100)) s;

-- what occurs together is alike
SELECT count(*) AS items, count(*) FILTER (WHERE alike >= 3) > 15 AS most_of_them_like_their_group
FROM (SELECT i.item, count(*) FILTER (WHERE s.category = i.item / 10) AS alike
	  FROM (SELECT DISTINCT unnest(items) AS item FROM walk) i, recseq_similar_items(i.item, 4) s GROUP BY i.item) n;

-- cosine: the same both ways, and a longer answer begins with the shorter one
SELECT count(*) AS pairs, bool_and(a.similarity = b.similarity) AS symmetric
FROM (SELECT DISTINCT unnest(items) AS item FROM walk) i, recseq_similar_items(i.item, 100) a, recseq_similar_items(a.item, 100) b
WHERE b.item = i.item;
SELECT count(*) AS same FROM recseq_similar_items(23, 19) a JOIN recseq_similar_items(23, 7) b USING (rank, item, category, similarity);

-- unknown to the model, or null: no rows
SELECT * FROM recseq_similar_items(999);
SELECT * FROM recseq_similar_items('-9223372036854775808'::bigint);
SELECT * FROM recseq_similar_items(NULL::int);
SELECT i.item, s.rank FROM (VALUES (10), (999), (NULL), (11)) AS i(item) LEFT JOIN LATERAL recseq_similar_items(i.item, 1) s ON true ORDER BY i.item;

-- every type of id
SELECT pg_typeof(s.item) AS item, pg_typeof(category) AS category, count(*) FROM recseq_similar_items(10::smallint) s GROUP BY 1, 2;
SELECT pg_typeof(s.item) AS item, pg_typeof(category) AS category, count(*) FROM recseq_similar_items(10::bigint) s GROUP BY 1, 2;
SELECT pg_typeof(s.item) AS item, pg_typeof(category) AS category, count(*) FROM recseq_similar_items('10') s GROUP BY 1, 2;
SELECT pg_typeof(s.item) AS item, count(*) FROM recseq_similar_items('10'::varchar) s GROUP BY 1;
CREATE DOMAIN item_id AS bigint;
SELECT pg_typeof(s.item) AS item, count(*) FROM recseq_similar_items(10::item_id) s GROUP BY 1;
SELECT count(*) AS same
FROM recseq_similar_items(10) a JOIN recseq_similar_items('10') b ON b.item = a.item::text AND b.category = a.category::text AND b.similarity = a.similarity
JOIN recseq_similar_items(10::bigint) c ON c.item = a.item AND c.similarity = a.similarity
JOIN recseq_similar_items(10::smallint) d ON d.item = a.item AND d.similarity = a.similarity;
SELECT * FROM recseq_similar_items('ten');
SELECT * FROM recseq_similar_items('');
PREPARE like_it(int, int) AS SELECT count(*) FROM recseq_similar_items($1, $2);
EXECUTE like_it(10, 3);
EXECUTE like_it(NULL, 3);
DEALLOCATE like_it;

-- ids that are texts
CREATE VIEW walk_text AS
SELECT id, ARRAY(SELECT 'i' || i FROM unnest(items) WITH ORDINALITY AS u(i, n) ORDER BY n) AS items,
	   ARRAY(SELECT 'c' || c FROM unnest(categories) WITH ORDINALITY AS u(c, n) ORDER BY n) AS categories FROM walk;
SELECT train('walk_text', 'texts');
SELECT count(*), bool_and(item LIKE 'i__') AS items, bool_and(category LIKE 'c_') AS categories FROM recseq_similar_items('i10', 5, 'texts');
SELECT * FROM recseq_similar_items('10', 5, 'texts');
SELECT * FROM recseq_similar_items(10, 5, 'texts');
SELECT * FROM recseq_similar_items(10::bigint, 5, 'texts');

-- ids beyond integer
CREATE VIEW walk_wide AS
SELECT id, ARRAY(SELECT 5000000000 + i FROM unnest(items) WITH ORDINALITY AS u(i, n) ORDER BY n) AS items, categories FROM walk;
SELECT train('walk_wide', 'wide');
SELECT count(*), min(item) > 5000000000 AS wide FROM recseq_similar_items(5000000010, 5, 'wide');
SELECT count(*) FROM recseq_similar_items('5000000010', 5, 'wide');
CREATE VIEW walk_mixed AS SELECT id, items::bigint[] || 5000000000 AS items FROM walk;
SELECT train('walk_mixed', 'mixed');
SELECT count(*) FROM recseq_similar_items(10, 100, 'mixed');
SELECT count(*) FROM recseq_similar_items(10::bigint, 100, 'mixed');

-- without categories
SELECT train('walk', 'without', '{}');
SELECT count(*), count(category) FROM recseq_similar_items(10, 5, 'without');

-- models and versions
SELECT train('walk_text', 'default');
SELECT count(*) FROM recseq_similar_items('i10');
SELECT count(*) FROM recseq_similar_items(10, version => 1);
SELECT count(*) FROM recseq_similar_items('i10', version => 2);
SELECT * FROM recseq_similar_items('i10', version => 3);
SELECT * FROM recseq_similar_items(10, version => 0);
SELECT * FROM recseq_similar_items(10, model => 'no such model');
SELECT * FROM recseq_similar_items(10, model => NULL);
SELECT * FROM recseq_similar_items(10, NULL);
SELECT * FROM recseq_similar_items(10, -1);

SET client_min_messages = warning;
SELECT count(recseq_drop_model(model)) FROM recseq_model;
DROP TABLE walk CASCADE;
DROP FUNCTION train;
DROP DOMAIN item_id;
