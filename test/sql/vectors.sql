--
-- Items and histories as vectors, and the network for use elsewhere
--
\set SHOW_CONTEXT never
SET recseq.progress = off;
SET recseq.max_training_workers = 0;

CREATE TABLE walk AS
SELECT c * 50 + s AS id,
	   ARRAY(SELECT c * 10 + (s * 7 + i * i * (s % 3 + 1)) % 5 FROM generate_series(0, 7) i) AS items,
	   array_fill(c, ARRAY[8]) AS categories,
	   ARRAY(SELECT CASE WHEN i % 4 = s % 4 THEN 'transaction' ELSE 'addtocart' END FROM generate_series(0, 7) i) AS events
FROM generate_series(1, 4) c, generate_series(0, 49) s;
CREATE VIEW texts AS SELECT id, ARRAY(SELECT 'i' || i FROM unnest(items) WITH ORDINALITY u(i, n) ORDER BY n) AS items,
	ARRAY(SELECT 'c' || i FROM unnest(categories) WITH ORDINALITY u(i, n) ORDER BY n) AS categories FROM walk;
CREATE VIEW without AS SELECT id, items FROM walk;
-- every kind of output layer; a network that copies ranks what is in the history by that, too
CREATE FUNCTION train(model text, source regclass DEFAULT 'walk', tied boolean DEFAULT true, scale float8 DEFAULT 14, copy boolean DEFAULT false,
	layers int DEFAULT 1, attention boolean DEFAULT false, bidirectional boolean DEFAULT true, residual boolean DEFAULT NULL, max_length int DEFAULT 28)
RETURNS int LANGUAGE sql AS $$
	SELECT items FROM recseq_train(source, model, epochs => 2, units => 8, item_dim => 12, feature_dim => 4, batch_size => 64, learning_rate => 0.02,
								   validation_fraction => 0, ranker => false, tied => tied, scale => scale, residual => coalesce(residual, tied), copy => copy,
								   layers => layers, attention => attention, bidirectional => bidirectional, max_length => max_length)
$$;
SELECT train('default'), train('copies', copy => true), train('biases', scale => 0), train('own', tied => false, scale => 0), train('texts', 'texts'), train('without', 'without');

-- an inner product; the items in the network's order
CREATE FUNCTION inner_product(real[], real[]) RETURNS float8 LANGUAGE sql IMMUTABLE AS
	$$ SELECT CASE WHEN cardinality($1) = cardinality($2) THEN sum(a::float8 * b) END FROM unnest($1, $2) u(a, b) $$;
CREATE FUNCTION softmax(model text, history int[], events text[] DEFAULT NULL) RETURNS TABLE (item bigint, probability float8) LANGUAGE sql AS $$
	SELECT item, exp(score) / sum(exp(score)) OVER ()
	FROM recseq_embeddings(model) e, recseq_embed(history, model, events => events) h, LATERAL inner_product(e.embedding, h) AS score
$$;
SELECT model, count(*) AS items, max(abs(probability - score)) < 1e-6 AS same_probability, corr(probability, score) > 0.999999 AS same_order
FROM (VALUES ('default'), ('biases'), ('own'), ('without')) m(model), softmax(model, '{10,13,21,99}') JOIN recseq_recommend('{10,13,21,99}'::int[], 100, model) r USING (item)
GROUP BY model ORDER BY model;
SELECT count(*) AS items, max(abs(probability - score)) < 1e-6 AS same_probability
FROM softmax('default', '{10,13,21}', '{addtocart,transaction,NULL}') JOIN recseq_recommend('{10,13,21}'::int[], 100, events => '{addtocart,transaction,NULL}') r USING (item);
-- what is copied from the history is not in it: of the others the order is the same
SELECT count(*) AS items, bool_and(v = r) AS same_order
FROM (SELECT array_agg(item ORDER BY probability DESC) AS v FROM softmax('copies', '{10,13,21}') WHERE item <> ALL ('{10,13,21}')) v,
	(SELECT array_agg(item::bigint ORDER BY rank) AS r FROM recseq_recommend('{10,13,21}'::int[], 100, 'copies', exclude_seen => true)) r;

-- lengths and widths
SELECT model, count(*) AS vectors, min(cardinality(embedding)) AS narrowest, max(cardinality(embedding)) AS widest,
	round(min(inner_product(embedding, embedding))::numeric, 4) = 1 AND round(max(inner_product(embedding, embedding))::numeric, 4) = 1 AS of_length_1,
	(SELECT cardinality(h) FROM recseq_embed('{10,11}'::int[], model) h) AS history,
	(SELECT round(sqrt(inner_product(h, h))::numeric, 3) = 14 FROM recseq_embed('{10,11}'::int[], model) h) AS of_the_length_of_the_scale
FROM (VALUES ('default'), ('biases'), ('own')) m(model), recseq_embeddings(model) GROUP BY model ORDER BY model;

-- every type of id, one answer
SELECT recseq_embed('{10,13}'::smallint[]) = h AND recseq_embed('{10,13}'::bigint[]) = h AND recseq_embed('{10,13}'::text[]) = h
	AND recseq_embed('{10,13}'::int[], categories => '{1,1}') = h AND recseq_embed('{10,13}'::text[], categories => '{1,1}') = h AS same,
	recseq_embed('{10,13}'::int[], categories => '{1,2}') <> h AS by_category, recseq_embed('{13,10}'::int[]) <> h AS by_order,
	recseq_embed('{10,99}'::int[]) <> h AS of_an_unknown_item
FROM recseq_embed('{10,13}'::int[]) h;
SELECT (SELECT array_agg(e.* ORDER BY item) FROM recseq_embeddings() e)::text = (SELECT array_agg(e.* ORDER BY item) FROM recseq_embeddings_text() e)::text AS same;
SELECT min(item), max(item), count(*) FROM recseq_embeddings_text('texts');
SELECT cardinality(recseq_embed('{i10,nothing}'::text[], 'texts'));
-- nothing to read
SELECT recseq_embed('{}'::int[]), recseq_embed(NULL::int[]);

-- what is refused
SELECT * FROM recseq_embeddings('texts');
SELECT recseq_embed('{1}'::int[], 'texts');
SELECT recseq_embed('{x}'::text[]);
SELECT recseq_embed('{1,NULL}'::int[]);
SELECT recseq_embed('{{1},{2}}'::int[]);
SELECT recseq_embed('{1}'::int[], categories => '{1,2}');
SELECT recseq_embed('{1}'::int[], events => '{a,b}');
SELECT recseq_embed('{1}'::int[], 'without', categories => '{1}');
SELECT recseq_embed('{1}'::int[], NULL);
SELECT recseq_embed('{1}'::int[], 'none');
SELECT recseq_embed('{1}'::int[], version => 2);
SELECT * FROM recseq_embeddings(NULL);
SELECT * FROM recseq_embeddings('none');
SELECT * FROM recseq_embeddings(version => 0);
SELECT count(*) FROM recseq_embeddings(version => 1);

-- the network's numbers: as many as their shapes say, and the vectors of items among them
SELECT name, shape, cardinality("values") = (SELECT round(exp(sum(ln(n)))) FROM unnest(shape) n) AS all_of_them FROM recseq_weights();
SELECT name, shape FROM recseq_weights('own') WHERE name LIKE 'output%';
SELECT string_agg(name || ' ' || shape::text, ', ') FROM recseq_weights('without') WHERE name ~ 'feature|w_input';
SELECT bool_and(e.embedding = w."values"[i.index * 12 + 1 : i.index * 12 + 12]) AS same, count(*)
FROM recseq_weights() w, recseq_vocabulary() i JOIN recseq_embeddings() e ON e.item::text = i.id WHERE w.name = 'item_embedding' AND i.input = 'items';
-- and what their rows stand for
SELECT input, count(*), min(index), max(index), count(features), count(available) FROM recseq_vocabulary() GROUP BY input ORDER BY input;
SELECT i.id, c.id AS category, i.features[2] AS event, i.available
FROM recseq_vocabulary('default') i LEFT JOIN recseq_vocabulary('default') c ON c.input = 'categories' AND c.index = i.features[1]
WHERE i.input = 'items' AND i.index % 5 = 0 ORDER BY i.index;
SELECT * FROM recseq_vocabulary('texts') WHERE index = 1 ORDER BY input;
SELECT * FROM recseq_vocabulary('without') LIMIT 1;

-- a file of ONNX: test/clients/networks.py runs it; here, what there is in it by name
SELECT position('recseq'::bytea IN file) > 0 AS producer, position('max_length'::bytea IN file) > 0 AS properties, position('categories'::bytea IN file) > 0 AS feature,
	position('/copied'::bytea IN file) > 0 AS copies, position('/gate'::bytea IN file) > 0 AS gate, position('/output_bias'::bytea IN file) > 0 AS bias
FROM (VALUES (recseq_onnx('copies')), (recseq_onnx('own'))) f(file);
SELECT recseq_onnx('copies') = recseq_onnx('copies', 1) AS same;
CREATE VIEW clash AS SELECT items, categories AS probability, categories AS "/0" FROM walk;
SELECT items FROM recseq_train('clash', 'clash', features => '{probability}', epochs => 1, units => 2, item_dim => 2, ranker => false);
SELECT recseq_onnx('clash');
SELECT items FROM recseq_train('clash', 'clash', features => '{/0}', epochs => 1, units => 2, item_dim => 2, ranker => false);
SELECT recseq_onnx('clash');
SELECT recseq_onnx(NULL);
SELECT recseq_onnx('none');
SELECT * FROM recseq_weights(version => 2);
SELECT * FROM recseq_weights(NULL);
SELECT * FROM recseq_vocabulary(version => 0);

-- what cannot be sold has no vector, but is read
CREATE TABLE products AS SELECT c * 10 + i AS item, c AS categories, i <> 4 AS available FROM generate_series(1, 4) c, generate_series(0, 5) i;
SELECT items FROM recseq_train('walk', 'shop', epochs => 1, units => 4, item_dim => 4, feature_dim => 4, catalog => 'products');
SELECT count(*), bool_or(item % 10 = 4) AS unavailable, bool_or(item % 10 = 5) AS untouched FROM recseq_embeddings('shop');
SELECT recseq_embed('{14}'::int[], 'shop') <> recseq_embed('{10}'::int[], 'shop') AS is_read;
SELECT count(*) FILTER (WHERE available) AS available, count(*) FILTER (WHERE NOT available) AS unavailable FROM recseq_vocabulary('shop') WHERE input = 'items';

SELECT recseq_drop_model(model) FROM (SELECT DISTINCT model FROM recseq_models WHERE model IN ('default', 'copies', 'biases', 'own', 'texts', 'without', 'shop', 'clash')) m;
DROP FUNCTION train, softmax, inner_product;
DROP VIEW texts, without, clash;
DROP TABLE walk, products;
