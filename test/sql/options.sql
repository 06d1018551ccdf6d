--
-- Options of recseq_train: below, at and above every limit
--
\set SHOW_CONTEXT never
SET recseq.progress = off;
CREATE TABLE small AS SELECT ARRAY[1, 2, 3] AS items UNION ALL SELECT ARRAY[2, 3, 1];

-- what a call comes to, in one line
CREATE FUNCTION outcome(options text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	state	text;
	message	text;
	hint	text;
BEGIN
	EXECUTE 'SELECT FROM recseq_train(''small'', ' || options || ')';
	RETURN 'trained';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
	RETURN state || ' ' || message || ' / ' || hint;
END $$;

CREATE TABLE try (n int GENERATED ALWAYS AS IDENTITY, option text, value text);
INSERT INTO try (option, value)
SELECT option, value FROM (VALUES
	('units', ARRAY['-1', '0', '1', '1024', '1025', '2147483647', 'NULL']),
	('layers', ARRAY['-1', '0', '1', '4', '5', 'NULL']),
	('bidirectional', ARRAY['true', 'false', 'NULL']),
	('attention', ARRAY['true', 'false', 'NULL']),
	('item_dim', ARRAY['0', '1', '1024', '1025', 'NULL']),
	('feature_dim', ARRAY['0', '1', '1024', '1025', 'NULL']),
	('tied', ARRAY['true', 'false', 'NULL']),
	('dropout', ARRAY['-0.1', '-1e-300', '0', '0.99', '0.99999999999', '1', '2', '''NaN''', '''Infinity''', 'NULL']),
	('scale', ARRAY['-1', '0', '14', '100', '100.1', '''NaN''', 'NULL']),
	('residual', ARRAY['true', 'NULL']),
	('copy', ARRAY['true', 'NULL']),
	('embedding_dropout', ARRAY['-0.1', '0.25', '1', 'NULL']),
	('decay', ARRAY['0', '0.001', '1', '1.1', '''NaN''', 'NULL']),
	('decay_epochs', ARRAY['-1', '0', '10000', '10001', 'NULL']),
	('validation_metric', ARRAY['''mrr''', '''hit_rate''', '''loss''', '''MRR''', 'NULL']),
	('item_dropout', ARRAY['-0.1', '0', '0.99', '0.99999999999', '1', '''NaN''', 'NULL']),
	('loss', ARRAY['''softmax''', '''sampled_softmax''', '''bpr_max''', '''Softmax''', '''''', 'NULL']),
	('negatives', ARRAY['-1', '0', '1', '65536', '65537', 'NULL']),
	('epochs', ARRAY['-1', '0', '1', '10001', 'NULL']),
	('batch_size', ARRAY['-1', '0', '1', '65537', 'NULL']),
	('learning_rate', ARRAY['-1', '0', '1e-9', '1e-8', '10.1', '''NaN''', '''Infinity''', 'NULL']),
	('clip_norm', ARRAY['-1', '0', '1e6', '1e7', '''NaN''', 'NULL']),
	('patience', ARRAY['-1', '0', '10000', '10001', 'NULL']),
	('validation_fraction', ARRAY['-0.1', '0', '0.9', '0.91', '1', '''NaN''', 'NULL']),
	('max_length', ARRAY['-1', '0', '1', '1001', 'NULL']),
	('min_support', ARRAY['0', '1', '150', '151', 'NULL']),
	('workers', ARRAY['-1', '0', '1', '1000000', 'NULL']),
	('seed', ARRAY['-9223372036854775808', '0', '9223372036854775807', 'NULL']),
	('model', ARRAY['NULL', '''''', 'repeat(''x'', 63)', 'repeat(''x'', 64)', '''a "quoted", name'''])) AS v(option, vals)
CROSS JOIN LATERAL unnest(vals) AS value;
SELECT option, value, outcome(format('epochs => 1, units => 2, item_dim => 2, batch_size => 8, %s => %s', option, value)
	|| CASE option WHEN 'item_dim' THEN ', tied => false' ELSE '' END) AS outcome
FROM try
WHERE option NOT IN ('epochs', 'units', 'item_dim', 'batch_size')
ORDER BY n;
SELECT option, value, outcome(CASE WHEN option = 'epochs' THEN '' ELSE 'epochs => 1, ' END || format('%s => %s', option, value)) AS outcome
FROM try
WHERE option IN ('epochs', 'units', 'item_dim', 'batch_size')
ORDER BY n;
-- the same as a JSON object: the same complaints
CREATE FUNCTION outcome_of_json(option text, value text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	member	jsonb;
	state	text;
	message	text;
	hint	text;
BEGIN
	EXECUTE format('SELECT COALESCE(to_jsonb((%s)::text), ''null'')', value) INTO member;
	PERFORM FROM recseq_tune('small', NULL, 1, jsonb_build_object(option, member), '{}');
	RETURN 'trained';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
	RETURN state || ' ' || message || ' / ' || hint;
END $$;
SELECT count(*) > 50 AS complaints, count(*) FILTER (WHERE o.outcome <> outcome_of_json(option, value)) AS differ
FROM try, LATERAL (SELECT outcome(format('epochs => 1, units => 2, item_dim => 2, batch_size => 8, %s => %s', option, value)) AS outcome
				   WHERE option NOT IN ('model', 'epochs', 'units', 'item_dim', 'batch_size')) o
WHERE o.outcome <> 'trained';
SELECT outcome_of_json('unit', '1') AS unknown, outcome_of_json('model', '1') AS model, outcome_of_json('source', '1') AS source,
	outcome_of_json('Units', '1') AS case_matters, outcome_of_json('', '1') AS nameless;
-- each goes where it belongs, and a version says so, no digit of it lost
CREATE TABLE another (option text, value jsonb);
INSERT INTO another VALUES ('features', '[]'), ('units', '3'), ('layers', '2'), ('bidirectional', 'false'), ('attention', 'true'), ('item_dim', '4'), ('feature_dim', '3'),
	('tied', 'false'), ('dropout', '0.12345679'), ('item_dropout', '0.3'), ('scale', '14'), ('residual', 'true'), ('copy', 'true'), ('embedding_dropout', '0.25'),
	('decay', '0.5'), ('decay_epochs', '3'), ('validation_metric', '"hit_rate"'), ('loss', '"bpr_max"'), ('negatives', '7'), ('epochs', '2'), ('batch_size', '3'), ('learning_rate', '1e-08'),
	('clip_norm', '0.1'), ('patience', '9'), ('validation_fraction', '0.30000000000000004'), ('max_length', '2'), ('seed', '-9223372036854775808'), ('purchases', '["a \"b\"", "c"]'),
	('ranker', 'false'), ('min_support', '3');
SELECT option, outcome(format('model => %L, %s => %L', option, option, CASE jsonb_typeof(value)
	WHEN 'array' THEN (SELECT COALESCE(array_agg(e), '{}')::text FROM jsonb_array_elements_text(value) e) ELSE value #>> '{}' END)) AS outcome
FROM another WHERE option <> 'features';
SELECT outcome('model => ''features''') AS with_defaults;
SELECT option, options -> option AS option_is, d.key, d.value FROM another JOIN recseq_models ON model = option, jsonb_each(options) d
WHERE d.value <> CASE WHEN d.key = option THEN another.value ELSE (SELECT options -> d.key FROM recseq_models WHERE model = 'features') END;
SELECT (SELECT array_agg(option ORDER BY option) FROM another) = array_agg(name ORDER BY name) AS all_options
FROM recseq_models, jsonb_object_keys(options) AS name WHERE model = 'features';
-- the longest and largest that are allowed are too much for the memory that is
SET recseq.max_training_memory = '16MB';
SELECT regexp_replace(outcome('epochs => 1, ranker => false, max_length => 1000'), '\d+ MB', 'N MB') AS max_length,
	   regexp_replace(outcome('epochs => 1, batch_size => 65536'), '\d+ MB', 'N MB') AS batch_size,
	   regexp_replace(outcome('epochs => 1, units => 1024, layers => 4'), '\d+ MB', 'N MB') AS units,
	   outcome('epochs => 1, ranker => false, units => 2, item_dim => 2, batch_size => 8') AS small;
RESET recseq.max_training_memory;

-- a rate that is far too high is an error, or trains to something, but never stores what is not a number
SELECT outcome('epochs => 20, learning_rate => 10, clip_norm => 0, tied => false, model => ''high''') ~ '^(trained|22003 training diverged)' AS clean;
SELECT count(*) FROM recseq_models m, recseq_recommend(ARRAY[1], 3, 'high') r WHERE m.model = 'high' AND NOT score BETWEEN 0 AND 1;

-- features
SELECT names, outcome(format('epochs => 1, units => 2, item_dim => 2, batch_size => 8, features => %L', names)) AS outcome
FROM unnest(ARRAY['{}', '{items}', '{categories}', '{NULL}', '{""}', '{{a,b}}', '{a,b,c,d,e,f,g,h,i}']) AS names;

-- no source, and sources that are not there
SELECT recseq_train(NULL);
SELECT recseq_train('no_such_table');

SET client_min_messages = warning;
SELECT count(recseq_drop_model(model)) FROM recseq_model;
DROP TABLE small, try, another;
DROP FUNCTION outcome, outcome_of_json;
