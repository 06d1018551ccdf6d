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
DROP TABLE small, try;
DROP FUNCTION outcome;
