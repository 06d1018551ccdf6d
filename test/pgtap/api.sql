--
-- The contract with applications: names, argument types and names, result columns in their
-- order, volatility, who may call. What stands here cannot change without a new major version;
-- further arguments may be added at the end of a list, with a default.
--
\set ECHO none
\set QUIET on
\pset format unaligned
\pset tuples_only on
\pset pager off
\set ON_ERROR_STOP on

BEGIN;
SELECT no_plan();

SELECT has_extension('recseq');
SELECT n.nspname AS schema FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE extname = 'recseq' \gset
CREATE ROLE regress_recseq_anybody;
CREATE TEMP VIEW function AS
SELECT p.* FROM pg_proc p
JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND e.extname = 'recseq';

--
-- What there is
--
SELECT set_has('SELECT DISTINCT proname FROM function',
	$$VALUES ('recseq_train'::name), ('recseq_recommend'), ('recseq_recommend_batch'), ('recseq_evaluate'), ('recseq_activate'), ('recseq_drop_model'),
		('recseq_retailrocket'), ('recseq_sample_data')$$,
	'the functions are there');
SELECT is_empty($$SELECT proname FROM function WHERE proname NOT LIKE 'recseq\_%' AND proname <> 'pg_stat_recseq_reset'$$, 'every function begins with recseq_, but for one that is called as PostgreSQL calls such');
SELECT is_empty($$SELECT proname FROM function WHERE prosecdef$$, 'no function runs with the rights of its owner');
SELECT has_view(:'schema', 'recseq_models', 'the view recseq_models is there');
SELECT has_table(:'schema', t, 'table ' || t || ' is there') FROM unnest(ARRAY['recseq_model', 'recseq_version', 'recseq_chunk']::name[]) t;

--
-- recseq_train
--
SELECT is((SELECT count(*) FROM function WHERE proname = 'recseq_train'), 1::bigint, 'there is one recseq_train');
SELECT is(proargnames[1:2], ARRAY['source', 'model'], 'recseq_train: the first arguments')
FROM function WHERE proname = 'recseq_train';
SELECT is(ARRAY(SELECT format_type(t, NULL) FROM unnest(proargtypes[0:1]) WITH ORDINALITY AS u(t, n) ORDER BY n), ARRAY['regclass', 'text'],
	'recseq_train: their types')
FROM function WHERE proname = 'recseq_train';
SELECT is(f.pronargs - f.pronargdefaults::int, 1, 'recseq_train: only the source must be given') FROM function f WHERE proname = 'recseq_train';
SELECT is(format_type(f.proargtypes[array_position(f.proargnames, o.name) - 1], NULL), o.type, 'recseq_train: option ' || o.name)
FROM function f, (VALUES
	('features', 'text[]'), ('units', 'integer'), ('layers', 'integer'), ('bidirectional', 'boolean'), ('attention', 'boolean'),
	('item_dim', 'integer'), ('feature_dim', 'integer'), ('tied', 'boolean'), ('dropout', 'double precision'), ('scale', 'double precision'), ('residual', 'boolean'), ('copy', 'boolean'),
	('embedding_dropout', 'double precision'), ('decay', 'double precision'), ('decay_epochs', 'integer'), ('validation_metric', 'text'), ('loss', 'text'),
	('negatives', 'integer'), ('epochs', 'integer'), ('batch_size', 'integer'), ('learning_rate', 'double precision'),
	('patience', 'integer'), ('validation_fraction', 'double precision'), ('max_length', 'integer'), ('seed', 'bigint'),
	('workers', 'integer'), ('activate', 'text')) AS o(name, type)
WHERE f.proname = 'recseq_train';
SELECT is((SELECT array_agg(format('%s %s', proargnames[i], format_type(proallargtypes[i], NULL)) ORDER BY i)
		   FROM generate_subscripts(proallargtypes, 1) i WHERE proargmodes[i] = 'o'),
	ARRAY['model text', 'version integer', 'sequences bigint', 'windows bigint', 'items integer', 'epochs integer', 'best_epoch integer',
		  'val_loss double precision', 'hit_rate double precision', 'seconds double precision'],
	'recseq_train: the columns of its row')
FROM function WHERE proname = 'recseq_train';
SELECT ok(NOT proretset, 'recseq_train returns one row') FROM function WHERE proname = 'recseq_train';
SELECT is(provolatile::text, 'v', 'recseq_train is volatile') FROM function WHERE proname = 'recseq_train';
SELECT is(proparallel::text, 'u', 'recseq_train is parallel unsafe') FROM function WHERE proname = 'recseq_train';

--
-- recseq_recommend, for every type of id
--
PREPARE recommend_form(regtype, regtype, regtype) AS
SELECT result
FROM function, LATERAL (VALUES
	(is((SELECT array_agg(format('%s %s', proargnames[i], format_type(proargtypes[i - 1], NULL)) ORDER BY i) FROM generate_series(1, 13) i),
		ARRAY['items ' || $1, 'k integer', 'model text', 'version integer', 'categories ' || $2, 'events text[]',
			  'times timestamp with time zone[]', 'exclude_seen boolean', 'exclude ' || $2, 'only_categories ' || $2, 'only_items ' || $2, 'unknown_items boolean', 'rules jsonb'],
		format('recseq_recommend(%s): arguments', $1))),
	(is(pronargs - pronargdefaults::int, 1, format('recseq_recommend(%s): only the items must be given', $1))),
	(is((SELECT array_agg(format('%s %s', proargnames[i], format_type(proallargtypes[i], NULL)) ORDER BY i)
		FROM generate_subscripts(proallargtypes, 1) i WHERE proargmodes[i] = 't'),
		ARRAY['rank integer', 'item ' || $3, 'category ' || $3, 'score real', 'confidence real', 'reason text', 'reason_item ' || $3],
		format('recseq_recommend(%s): result columns', $1))),
	(ok(proretset, format('recseq_recommend(%s) returns a set', $1))),
	(is(provolatile::text, 's', format('recseq_recommend(%s) is stable', $1))),
	(is(proparallel::text, 's', format('recseq_recommend(%s) is parallel safe', $1))),
	(ok(NOT proisstrict, format('recseq_recommend(%s) takes nulls', $1))),
	(ok(has_function_privilege('regress_recseq_anybody', oid, 'EXECUTE'), format('recseq_recommend(%s): anybody may call it', $1)))
) AS t(result)
WHERE proname = 'recseq_recommend' AND proargtypes[0] = $1;
EXECUTE recommend_form('integer[]', 'integer[]', 'integer');
EXECUTE recommend_form('smallint[]', 'integer[]', 'integer');
EXECUTE recommend_form('bigint[]', 'bigint[]', 'bigint');
EXECUTE recommend_form('text[]', 'text[]', 'text');
SELECT is((SELECT count(*) FROM function WHERE proname = 'recseq_recommend'), 4::bigint, 'recseq_recommend has these four forms');

-- the defaults
SELECT is(
	pg_get_function_arguments(oid) ~ 'k integer DEFAULT 5, model text DEFAULT ''default''::text, version integer DEFAULT NULL::integer',
	true, 'recseq_recommend: defaults of ' || proargtypes[0]::regtype)
FROM function WHERE proname = 'recseq_recommend' ORDER BY oid;

--
-- recseq_recommend_batch
--
SELECT is(proargnames[1:3], ARRAY['source', 'k', 'model'], proname || ': the first arguments')
FROM function WHERE proname LIKE 'recseq\_recommend\_batch%' ORDER BY proname;
SELECT is(ARRAY(SELECT format_type(t, NULL) FROM unnest(proargtypes[0:2]) WITH ORDINALITY AS u(t, n) ORDER BY n), ARRAY['regclass', 'integer', 'text'],
	proname || ': their types')
FROM function WHERE proname LIKE 'recseq\_recommend\_batch%' ORDER BY proname;
SELECT is(pronargs - pronargdefaults::int, 1, proname || ': only the source must be given')
FROM function WHERE proname LIKE 'recseq\_recommend\_batch%' ORDER BY proname;
SELECT is((SELECT array_agg(format('%s %s', proargnames[i], format_type(proallargtypes[i], NULL)) ORDER BY i)
		   FROM generate_subscripts(proallargtypes, 1) i WHERE proargmodes[i] = 't'),
	ARRAY['id text', 'rank integer', 'item ' || u.type, 'category ' || u.type, 'score real', 'confidence real', 'reason text', 'reason_item ' || u.type],
	u.name || ': result columns')
FROM function, (VALUES ('recseq_recommend_batch', 'bigint'), ('recseq_recommend_batch_text', 'text')) AS u(name, type)
WHERE proname = u.name ORDER BY proname;
SELECT ok(proretset AND provolatile = 's' AND has_function_privilege('regress_recseq_anybody', oid, 'EXECUTE'),
	proname || ': a set, stable, for everybody')
FROM function WHERE proname LIKE 'recseq\_recommend\_batch%' ORDER BY proname;

--
-- recseq_evaluate
--
SELECT has_function(:'schema', 'recseq_evaluate',
	ARRAY['regclass', 'text', 'integer', 'integer', 'text', 'timestamp with time zone', 'double precision', 'bigint', 'integer', 'integer',
		  'boolean'],
	'recseq_evaluate(source, model, k, version, protocol, cut, test_share, seed, min_history, max_history, unknown_items)');
SELECT is(proargnames[1:11], ARRAY['source', 'model', 'k', 'version', 'protocol', 'cut', 'test_share', 'seed', 'min_history', 'max_history', 'unknown_items'],
	'recseq_evaluate: names of the arguments') FROM function WHERE proname = 'recseq_evaluate';
SELECT is(pronargs - pronargdefaults::int, 1, 'recseq_evaluate: only the source must be given') FROM function WHERE proname = 'recseq_evaluate';
SELECT is((SELECT array_agg(format('%s %s', attname, format_type(atttypid, NULL)) ORDER BY attnum)
		   FROM pg_attribute JOIN pg_class c ON c.oid = attrelid WHERE c.reltype = prorettype AND attnum > 0 AND NOT attisdropped),
	ARRAY['method text', 'cases bigint', 'hit_rate double precision', 'precision double precision', 'recall double precision',
		  'mrr double precision', 'ndcg double precision', 'unseen_cases bigint', 'unseen_hit_rate double precision',
		  'unseen_precision double precision', 'unseen_recall double precision', 'unseen_mrr double precision', 'unseen_ndcg double precision',
		  'coverage double precision', 'mean_popularity double precision', 'unseen_coverage double precision',
		  'unseen_mean_popularity double precision', 'unknown_targets double precision', 'unknown_hit_rate double precision',
		  'unseen_unknown_targets double precision', 'unseen_unknown_hit_rate double precision', 'hit_rate_low double precision',
		  'hit_rate_high double precision', 'mrr_low double precision', 'mrr_high double precision', 'ndcg_low double precision',
		  'ndcg_high double precision', 'unseen_hit_rate_low double precision', 'unseen_hit_rate_high double precision',
		  'unseen_mrr_low double precision', 'unseen_mrr_high double precision', 'unseen_ndcg_low double precision',
		  'unseen_ndcg_high double precision'],
	'recseq_evaluate: result columns')
FROM function WHERE proname = 'recseq_evaluate';
SELECT is(provolatile::text, 's', 'recseq_evaluate is stable') FROM function WHERE proname = 'recseq_evaluate';
SELECT is(proparallel::text, 'u', 'recseq_evaluate is parallel unsafe') FROM function WHERE proname = 'recseq_evaluate';

--
-- recseq_backtest: the rows of recseq_evaluate
--
SELECT has_function(:'schema', 'recseq_backtest',
	ARRAY['regclass', 'text', 'integer', 'jsonb', 'text', 'timestamp with time zone', 'double precision', 'bigint', 'integer', 'integer',
		  'boolean', 'double precision'],
	'recseq_backtest(source, model, k, options, protocol, cut, test_share, seed, min_history, max_history, unknown_items, test_days)');
SELECT is(proargnames[1:12],
	ARRAY['source', 'model', 'k', 'options', 'protocol', 'cut', 'test_share', 'seed', 'min_history', 'max_history', 'unknown_items', 'test_days'],
	'recseq_backtest: names of the arguments') FROM function WHERE proname = 'recseq_backtest';
SELECT is(pronargs - pronargdefaults::int, 1, 'recseq_backtest: only the source must be given') FROM function WHERE proname = 'recseq_backtest';
SELECT is(prorettype, format('%I.recseq_metrics', :'schema')::regtype::oid, proname || ': rows of recseq_metrics') FROM function
WHERE proname IN ('recseq_evaluate', 'recseq_backtest') AND proretset;
SELECT is(provolatile::text, 'v', 'recseq_backtest is volatile') FROM function WHERE proname = 'recseq_backtest';
SELECT is(proparallel::text, 'u', 'recseq_backtest is parallel unsafe') FROM function WHERE proname = 'recseq_backtest';

--
-- recseq_evaluate_cases, recseq_backtest_cases, recseq_compare
--
SELECT is(c.proargnames, f.proargnames, c.proname || ': the arguments of ' || f.proname)
FROM function c JOIN function f ON c.proname = f.proname || '_cases' ORDER BY c.proname;
SELECT is(c.proargtypes::text, f.proargtypes::text, c.proname || ': their types')
FROM function c JOIN function f ON c.proname = f.proname || '_cases' ORDER BY c.proname;
SELECT is(pg_get_expr(c.proargdefaults, 0), pg_get_expr(f.proargdefaults, 0), c.proname || ': their defaults')
FROM function c JOIN function f ON c.proname = f.proname || '_cases' ORDER BY c.proname;
SELECT ok(c.proretset AND c.provolatile = f.provolatile AND c.proparallel = f.proparallel, c.proname || ': a set, and as volatile')
FROM function c JOIN function f ON c.proname = f.proname || '_cases' ORDER BY c.proname;
SELECT is((SELECT array_agg(format('%s %s', attname, format_type(atttypid, NULL)) ORDER BY attnum)
		   FROM pg_attribute JOIN pg_class c ON c.oid = attrelid WHERE c.reltype = prorettype AND attnum > 0 AND NOT attisdropped),
	ARRAY['sequence integer', 'id text', 'event integer', 'target text', 'unseen boolean', 'method text', 'k integer', 'rank integer', 'unseen_rank integer'],
	proname || ': result columns')
FROM function WHERE proname IN ('recseq_evaluate_cases', 'recseq_backtest_cases') ORDER BY proname;
SELECT has_function(:'schema', 'recseq_compare', ARRAY['regclass', 'regclass', 'text', 'text', 'integer'], 'recseq_compare(a, b, method_a, method_b, k)');
SELECT is(proargnames[1:5], ARRAY['a', 'b', 'method_a', 'method_b', 'k'], 'recseq_compare: names of the arguments') FROM function WHERE proname = 'recseq_compare';
SELECT is(pronargs - pronargdefaults::int, 1, 'recseq_compare: only one set of cases must be given') FROM function WHERE proname = 'recseq_compare';
SELECT is((SELECT array_agg(format('%s %s', proargnames[i], format_type(proallargtypes[i], NULL)) ORDER BY i)
		   FROM generate_subscripts(proallargtypes, 1) i WHERE proargmodes[i] = 't'),
	ARRAY['metric text', 'cases bigint', 'sequences bigint', 'value_a double precision', 'value_b double precision', 'difference double precision',
		  'low double precision', 'high double precision', 'differs boolean'],
	'recseq_compare: result columns')
FROM function WHERE proname = 'recseq_compare';
SELECT ok(proretset AND provolatile = 's' AND proparallel = 'u', 'recseq_compare: a set, stable, parallel unsafe') FROM function WHERE proname = 'recseq_compare';

--
-- recseq_similar_items, for every type of id
--
PREPARE similar_form(regtype, regtype) AS
SELECT result
FROM function, LATERAL (VALUES
	(is((SELECT array_agg(format('%s %s', proargnames[i], format_type(proargtypes[i - 1], NULL)) ORDER BY i) FROM generate_series(1, 4) i),
		ARRAY['item ' || $1, 'k integer', 'model text', 'version integer'], format('recseq_similar_items(%s): arguments', $1))),
	(is(pronargs - pronargdefaults::int, 1, format('recseq_similar_items(%s): only the item must be given', $1))),
	(is((SELECT array_agg(format('%s %s', proargnames[i], format_type(proallargtypes[i], NULL)) ORDER BY i)
		FROM generate_subscripts(proallargtypes, 1) i WHERE proargmodes[i] = 't'),
		ARRAY['rank integer', 'item ' || $2, 'category ' || $2, 'similarity real'],
		format('recseq_similar_items(%s): result columns', $1))),
	(ok(proretset AND provolatile = 's' AND proparallel = 's' AND NOT proisstrict, format('recseq_similar_items(%s): a set, stable, parallel safe, takes nulls', $1))),
	(ok(has_function_privilege('regress_recseq_anybody', oid, 'EXECUTE'), format('recseq_similar_items(%s): anybody may call it', $1)))
) AS t(result)
WHERE proname = 'recseq_similar_items' AND proargtypes[0] = $1;
EXECUTE similar_form('integer', 'integer');
EXECUTE similar_form('smallint', 'integer');
EXECUTE similar_form('bigint', 'bigint');
EXECUTE similar_form('text', 'text');
SELECT is((SELECT count(*) FROM function WHERE proname = 'recseq_similar_items'), 4::bigint, 'recseq_similar_items has these four forms');

-- recseq_bought_together: the same arguments
SELECT results_eq(
	$$SELECT proargtypes::text, proargnames[1:7], proparallel, provolatile FROM function WHERE proname = 'recseq_bought_together' ORDER BY 1$$,
	$$SELECT proargtypes::text, proargnames[1:7], proparallel, provolatile FROM function WHERE proname = 'recseq_similar_items' ORDER BY 1$$,
	'recseq_bought_together has the same four forms');

SELECT is(pg_get_function_arguments(oid), 'visitors_a bigint, successes_a bigint, visitors_b bigint, successes_b bigint, alpha double precision DEFAULT 0.05, lift double precision DEFAULT 0.1',
	'recseq_sequential_test') FROM function WHERE proname = 'recseq_sequential_test';

-- recseq_trending, for numbers and for texts
SELECT is(ARRAY(SELECT format('%s(%s): %s', proname, pg_get_function_arguments(oid), pg_get_function_result(oid)) FROM function WHERE proname LIKE 'recseq\_trending%' ORDER BY 1),
	ARRAY(SELECT format('%s(half_life interval DEFAULT ''7 days''::interval, k integer DEFAULT 5, model text DEFAULT ''default''::text, version integer DEFAULT NULL::integer, only_categories %s[] DEFAULT NULL::%2$s[], purchases boolean DEFAULT false): TABLE(rank integer, item %2$s, category %2$s, score real)', name, type)
		  FROM (VALUES ('recseq_trending', 'bigint'), ('recseq_trending_text', 'text')) AS f(name, type) ORDER BY 1),
	'recseq_trending and recseq_trending_text');

--
-- The network elsewhere: recseq_embeddings, recseq_embed, for every type of id
--
SELECT has_function(:'schema', name, ARRAY['text', 'integer'], name || '(model, version)') FROM unnest(ARRAY['recseq_embeddings', 'recseq_embeddings_text', 'recseq_weights', 'recseq_vocabulary', 'recseq_onnx']) name;
SELECT function_returns(:'schema', 'recseq_onnx', ARRAY['text', 'integer'], 'bytea');
SELECT is((SELECT array_agg(format('%s %s', proargnames[i], format_type(proallargtypes[i], NULL)) ORDER BY i)
		   FROM generate_subscripts(proallargtypes, 1) i WHERE proargmodes[i] = 't'), u.columns, proname || ': result columns')
FROM function JOIN (VALUES ('recseq_embeddings', ARRAY['item bigint', 'embedding real[]']),
	('recseq_weights', ARRAY['name text', 'shape integer[]', 'values real[]']),
	('recseq_vocabulary', ARRAY['input text', 'index integer', 'id text', 'features integer[]', 'available boolean']),
	('recseq_embeddings_text', ARRAY['item text', 'embedding real[]'])) AS u(name, columns) ON proname = u.name ORDER BY proname;
SELECT bag_eq(
	$$SELECT format('%s, %s, %s', proargtypes[0]::regtype, proargtypes[3]::regtype, prorettype::regtype) FROM function WHERE proname = 'recseq_embed'$$,
	$$VALUES ('integer[], integer[], real[]'), ('smallint[], integer[], real[]'), ('bigint[], bigint[], real[]'), ('text[], text[], real[]')$$,
	'recseq_embed has these four forms');
SELECT ok(proargnames = ARRAY['items', 'model', 'version', 'categories', 'events'] AND pronargdefaults = 4 AND provolatile = 's' AND proparallel = 's' AND NOT proisstrict,
	format('recseq_embed(%s): arguments, of which the items must be given; stable, parallel safe', proargtypes[0]::regtype))
FROM function WHERE proname = 'recseq_embed' ORDER BY proargtypes[0];

--
-- recseq_model_metrics
--
SELECT is(
	ARRAY(SELECT format('%s %s', attname, format_type(atttypid, atttypmod)) FROM pg_attribute
		  WHERE attrelid = format('%I.recseq_model_metrics', :'schema')::regclass AND attnum > 0 ORDER BY attnum),
	ARRAY['model text', 'version integer', 'label text', 'active boolean', 'created timestamp with time zone', 'metric text',
		  'value double precision', 'higher_is_better boolean'],
	'recseq_model_metrics: columns in their order, with their types');
SELECT table_privs_are(:'schema', 'recseq_model_metrics', 'regress_recseq_anybody', ARRAY['SELECT']);

--
-- recseq_tune
--
SELECT has_function(:'schema', 'recseq_tune', ARRAY['regclass', 'double precision', 'integer', 'jsonb', 'jsonb', 'text', 'bigint'],
	'recseq_tune(source, budget, trials, options, space, objective, seed)');
SELECT is(proargnames[1:7], ARRAY['source', 'budget', 'trials', 'options', 'space', 'objective', 'seed'], 'recseq_tune: names of the arguments')
FROM function WHERE proname = 'recseq_tune';
SELECT is(pronargs - pronargdefaults::int, 1, 'recseq_tune: only the source must be given') FROM function WHERE proname = 'recseq_tune';
SELECT is((SELECT array_agg(format('%s %s', proargnames[i], format_type(proallargtypes[i], NULL)) ORDER BY i)
		   FROM generate_subscripts(proallargtypes, 1) i WHERE proargmodes[i] = 't'),
	ARRAY['trial integer', 'rung integer', 'epochs integer', 'options jsonb', 'val_loss double precision', 'hit_rate double precision',
		  'seconds double precision', 'best boolean', 'call text'],
	'recseq_tune: result columns')
FROM function WHERE proname = 'recseq_tune';
SELECT is(provolatile::text, 'v', 'recseq_tune is volatile') FROM function WHERE proname = 'recseq_tune';

--
-- recseq_activate, recseq_drop_model
--
SELECT has_function(:'schema', 'recseq_activate', ARRAY['text', 'integer'], 'recseq_activate(model, version)');
SELECT function_returns(:'schema', 'recseq_activate', ARRAY['text', 'integer'], 'void');
SELECT volatility_is(:'schema', 'recseq_activate', ARRAY['text', 'integer'], 'volatile');
SELECT has_function(:'schema', 'recseq_drop_model', ARRAY['text', 'integer'], 'recseq_drop_model(model, version)');
SELECT function_returns(:'schema', 'recseq_drop_model', ARRAY['text', 'integer'], 'void');
SELECT volatility_is(:'schema', 'recseq_drop_model', ARRAY['text', 'integer'], 'volatile');
SELECT is(proargnames, ARRAY['model', 'version'], proname || ': names of the arguments')
FROM function WHERE proname IN ('recseq_activate', 'recseq_drop_model') ORDER BY proname;
SELECT is(pronargdefaults::int, 1, 'recseq_drop_model: the version may be left out') FROM function WHERE proname = 'recseq_drop_model';

--
-- Versions: recseq_rollback, recseq_retain, recseq_assign
--
SELECT has_function(:'schema', 'recseq_rollback', ARRAY['text'], 'recseq_rollback(model)');
SELECT function_returns(:'schema', 'recseq_rollback', ARRAY['text'], 'integer');
SELECT has_function(:'schema', 'recseq_retain', ARRAY['text', 'integer'], 'recseq_retain(model, keep)');
SELECT function_returns(:'schema', 'recseq_retain', ARRAY['text', 'integer'], 'integer');
SELECT has_function(:'schema', 'recseq_assign', ARRAY['text', 'text[]', 'double precision[]', 'text'], 'recseq_assign(visitor, variants, weights, experiment)');
SELECT function_returns(:'schema', 'recseq_assign', ARRAY['text', 'text[]', 'double precision[]', 'text'], 'text');
SELECT volatility_is(:'schema', 'recseq_assign', ARRAY['text', 'text[]', 'double precision[]', 'text'], 'immutable');
SELECT is(proargnames, u.names, proname || ': names of the arguments')
FROM function JOIN (VALUES ('recseq_rollback', ARRAY['model']), ('recseq_retain', ARRAY['model', 'keep']),
	('recseq_assign', ARRAY['visitor', 'variants', 'weights', 'experiment']),
	('recseq_export_model', ARRAY['model', 'version']),
	('recseq_import_model', ARRAY['image', 'model', 'activate', 'model', 'version']),
	('recseq_update', ARRAY['model', 'source', 'epochs', 'learning_rate', 'validation_fraction', 'activate', 'workers', 'catalog',
		'model', 'version', 'sequences', 'windows', 'items', 'epochs', 'best_epoch', 'val_loss', 'hit_rate', 'seconds'])) AS u(name, names) ON proname = u.name ORDER BY proname;

--
-- recseq_update
--
SELECT has_function(:'schema', 'recseq_update', ARRAY['text', 'regclass', 'integer', 'double precision', 'double precision', 'text', 'integer', 'regclass'],
	'recseq_update(model, source, ...)');
SELECT is(f.pronargs - f.pronargdefaults::int, 2, 'recseq_update: only model and source must be given') FROM function f WHERE proname = 'recseq_update';
SELECT is((SELECT array_agg(format_type(f.proallargtypes[i], NULL) ORDER BY i) FROM generate_subscripts(f.proallargtypes, 1) i WHERE f.proargmodes[i] = 'o'),
	(SELECT array_agg(format_type(t.proallargtypes[i], NULL) ORDER BY i) FROM generate_subscripts(t.proallargtypes, 1) i WHERE t.proargmodes[i] = 'o'),
	'recseq_update returns what recseq_train returns')
FROM function f, function t WHERE f.proname = 'recseq_update' AND t.proname = 'recseq_train';

--
-- recseq_forget
--
SELECT is(ARRAY(SELECT format('%s: %s', pg_get_function_arguments(oid), pg_get_function_result(oid)) FROM function WHERE proname = 'recseq_forget' ORDER BY 1),
	ARRAY(SELECT format('model text, items %s[], times timestamp with time zone[] DEFAULT NULL::timestamp with time zone[]: TABLE(version integer, sequences integer, events bigint, items_left integer)', type)
		  FROM unnest('{bigint,text}'::text[]) type ORDER BY 1),
	'recseq_forget, for numbers and for texts');
SELECT ok(NOT has_function_privilege('regress_recseq_anybody', oid, 'EXECUTE'), 'recseq_forget: nobody may call it') FROM function WHERE proname = 'recseq_forget';

--
-- recseq_export_model, recseq_import_model
--
SELECT has_function(:'schema', 'recseq_export_model', ARRAY['text', 'integer'], 'recseq_export_model(model, version)');
SELECT function_returns(:'schema', 'recseq_export_model', ARRAY['text', 'integer'], 'bytea');
SELECT has_function(:'schema', 'recseq_import_model', ARRAY['bytea', 'text', 'text'], 'recseq_import_model(image, model, activate)');
SELECT ok(NOT proretset, 'recseq_import_model returns one row') FROM function WHERE proname = 'recseq_import_model';
SELECT is(pronargdefaults::int, u.defaults, proname || ': what may be left out')
FROM function JOIN (VALUES ('recseq_export_model', 1), ('recseq_import_model', 2), ('recseq_assign', 2), ('recseq_retain', 0)) AS u(name, defaults) ON proname = u.name ORDER BY proname;

--
-- Jobs
--
SELECT is(a.proargnames[1:a.pronargs], t.proargnames[1:t.pronargs], 'recseq_train_async: the arguments of recseq_train')
FROM function a, function t WHERE a.proname = 'recseq_train_async' AND t.proname = 'recseq_train';
SELECT is(a.proargtypes, t.proargtypes, 'recseq_train_async: their types')
FROM function a, function t WHERE a.proname = 'recseq_train_async' AND t.proname = 'recseq_train';
SELECT is(pg_get_expr(a.proargdefaults, 0), pg_get_expr(t.proargdefaults, 0), 'recseq_train_async: their defaults')
FROM function a, function t WHERE a.proname = 'recseq_train_async' AND t.proname = 'recseq_train';
SELECT is(format_type(prorettype, NULL), 'bigint', 'recseq_train_async returns the number of a job') FROM function WHERE proname = 'recseq_train_async';
SELECT function_returns(:'schema', 'recseq_cancel', ARRAY['bigint'], 'boolean');
SELECT function_returns(:'schema', 'recseq_wait', ARRAY['bigint', 'interval'], 'text');
SELECT function_returns(:'schema', 'recseq_resume_jobs', ARRAY[]::name[], 'bigint');
SELECT is(proargnames, ARRAY['job', 'timeout'], 'recseq_wait: names of the arguments') FROM function WHERE proname = 'recseq_wait';
SELECT is(pronargdefaults::int, 1, 'recseq_wait: the timeout may be left out') FROM function WHERE proname = 'recseq_wait';
SELECT is(provolatile::text || proparallel::text, 'vu', proname || ' is volatile and parallel unsafe')
FROM function WHERE proname IN ('recseq_train_async', 'recseq_cancel', 'recseq_wait', 'recseq_resume_jobs') ORDER BY proname;
SELECT ok(NOT has_function_privilege('regress_recseq_anybody', oid, 'EXECUTE'), proname || ': not for everybody')
FROM function WHERE proname IN ('recseq_train_async', 'recseq_cancel', 'recseq_wait', 'recseq_resume_jobs') ORDER BY proname;
SELECT is(
	ARRAY(SELECT format('%s %s', attname, format_type(atttypid, atttypmod)) FROM pg_attribute
		  WHERE attrelid = format('%I.recseq_jobs', :'schema')::regclass AND attnum > 0 ORDER BY attnum),
	ARRAY['job bigint', 'model text', 'owner name', 'state text', 'phase text', 'epoch integer', 'epochs integer', 'loss double precision',
		  'val_loss double precision', 'hit_rate double precision', 'mrr double precision', 'rate double precision', 'done double precision',
		  'seconds_left double precision', 'error text', 'sqlstate text', 'notice text', 'version integer',
		  'source text', 'options jsonb', 'queued timestamp with time zone', 'started timestamp with time zone',
		  'ended timestamp with time zone', 'resumed integer'],
	'recseq_jobs: columns in their order, with their types');
SELECT is(
	ARRAY(SELECT format('%s %s', attname, format_type(atttypid, atttypmod)) FROM pg_attribute
		  WHERE attrelid = format('%I.recseq_progress', :'schema')::regclass AND attnum > 0 ORDER BY attnum),
	ARRAY['pid integer', 'datname name', 'usename name', 'job bigint', 'model text', 'phase text', 'epoch integer', 'epochs integer',
		  'windows_done bigint', 'windows_total bigint', 'loss double precision', 'val_loss double precision', 'hit_rate double precision',
		  'mrr double precision', 'rate double precision',
		  'done double precision', 'seconds_left double precision', 'started timestamp with time zone'],
	'recseq_progress: columns in their order, with their types');
SELECT table_privs_are(:'schema', v, 'regress_recseq_anybody', ARRAY['SELECT']) FROM unnest(ARRAY['recseq_jobs', 'recseq_progress']::name[]) v;
SELECT table_privs_are(:'schema', t, 'regress_recseq_anybody', ARRAY[]::text[]) FROM unnest(ARRAY['recseq_job', 'recseq_checkpoint']::name[]) t;

--
-- Statistics
--
SELECT function_returns(:'schema', 'pg_stat_recseq_reset', ARRAY[]::name[], 'void');
SELECT ok(NOT has_function_privilege('regress_recseq_anybody', oid, 'EXECUTE'), proname || ': not for everybody') FROM function WHERE proname = 'pg_stat_recseq_reset';
SELECT is(
	ARRAY(SELECT format('%s %s', attname, format_type(atttypid, atttypmod)) FROM pg_attribute
		  WHERE attrelid = format('%I.pg_stat_recseq', :'schema')::regclass AND attnum > 0 ORDER BY attnum),
	ARRAY['datname name', 'model text', 'version integer', 'calls bigint', 'rows bigint', 'total_time double precision', 'max_time double precision',
		  'mean_time double precision', 'hits bigint', 'attaches bigint', 'loads bigint', 'load_time double precision',
		  'last_used timestamp with time zone', 'stats_since timestamp with time zone'],
	'pg_stat_recseq: columns in their order, with their types');
SELECT is(
	ARRAY(SELECT format('%s %s', attname, format_type(atttypid, atttypmod)) FROM pg_attribute
		  WHERE attrelid = format('%I.recseq_openmetrics', :'schema')::regclass AND attnum > 0 ORDER BY attnum),
	ARRAY['name text', 'labels jsonb', 'value double precision', 'help text', 'type text'],
	'recseq_openmetrics: columns in their order, with their types');
SELECT table_privs_are(:'schema', v, 'regress_recseq_anybody', ARRAY['SELECT']) FROM unnest(ARRAY['pg_stat_recseq', 'recseq_openmetrics']::name[]) v;

--
-- The Retailrocket kit
--
SELECT has_function(:'schema', 'recseq_retailrocket', ARRAY['name'], 'recseq_retailrocket(schema)');
SELECT has_function(:'schema', 'recseq_sample_data', ARRAY['name', 'integer', 'integer', 'integer'], 'recseq_sample_data(schema, visitors, items, seed)');
SELECT is(proargnames, ARRAY['schema', 'visitors', 'items', 'seed'], 'recseq_sample_data: names of the arguments') FROM function WHERE proname = 'recseq_sample_data';
SELECT function_returns(:'schema', 'recseq_sample_data', ARRAY['name', 'integer', 'integer', 'integer'], 'bigint');

--
-- recseq_models
--
SELECT columns_are(:'schema', 'recseq_models', ARRAY['model', 'version', 'active', 'owner', 'created', 'trained_by', 'source', 'options',
	'vocabulary', 'sequences', 'windows', 'epochs', 'best_epoch', 'val_loss', 'hit_rate', 'seconds', 'bytes', 'curve'], 'recseq_models: columns');
SELECT is(
	ARRAY(SELECT format('%s %s', attname, format_type(atttypid, atttypmod)) FROM pg_attribute
		  WHERE attrelid = format('%I.recseq_models', :'schema')::regclass AND attnum > 0 ORDER BY attnum),
	ARRAY['model text', 'version integer', 'active boolean', 'owner name', 'created timestamp with time zone', 'trained_by name', 'source text',
		  'options jsonb', 'vocabulary jsonb', 'sequences bigint', 'windows bigint', 'epochs integer', 'best_epoch integer',
		  'val_loss double precision', 'hit_rate double precision', 'seconds double precision', 'bytes bigint',
		  'curve jsonb'],
	'recseq_models: columns in their order, with their types');

--
-- Who may do what
--
SELECT ok(NOT has_function_privilege('regress_recseq_anybody', oid, 'EXECUTE'), proname || ': not for everybody')
FROM function WHERE proname IN ('recseq_train', 'recseq_activate', 'recseq_drop_model', 'recseq_rollback', 'recseq_retain', 'recseq_import_model', 'recseq_export_model', 'recseq_update',
	'recseq_backtest', 'recseq_backtest_cases', 'recseq_tune', 'recseq_weights', 'recseq_onnx', 'recseq_train_async', 'recseq_cancel', 'recseq_wait', 'recseq_resume_jobs') ORDER BY proname;
SELECT ok(has_function_privilege('regress_recseq_anybody', oid, 'EXECUTE'), proname || ': for everybody')
FROM function WHERE proname IN ('recseq_evaluate', 'recseq_evaluate_cases', 'recseq_compare', 'recseq_retailrocket', 'recseq_sample_data', 'recseq_assign',
	'recseq_embeddings', 'recseq_embeddings_text', 'recseq_embed', 'recseq_vocabulary') ORDER BY proname, oid;
SELECT table_privs_are(:'schema', 'recseq_models', 'regress_recseq_anybody', ARRAY['SELECT']);
SELECT table_privs_are(:'schema', 'recseq_model', 'regress_recseq_anybody', ARRAY['SELECT']);
SELECT table_privs_are(:'schema', 'recseq_version', 'regress_recseq_anybody', ARRAY[]::text[]);
SELECT table_privs_are(:'schema', 'recseq_chunk', 'regress_recseq_anybody', ARRAY[]::text[]);

--
-- What an application does
--
SET LOCAL recseq.progress = off;
SELECT set_config('search_path', format('%I, %s', :'schema', current_setting('search_path')), true) IS NULL \g /dev/null
CREATE TEMP TABLE basket AS
SELECT g AS id, ARRAY(SELECT (g + i) % 20 + 1 FROM generate_series(0, 7) i) AS items, ARRAY(SELECT (g + i) % 20 / 5 + 1 FROM generate_series(0, 7) i) AS categories
FROM generate_series(0, 199) g;
SELECT lives_ok($$SELECT recseq_train('basket', epochs => 25, units => 16, item_dim => 16, feature_dim => 8, batch_size => 64, learning_rate => 0.02, validation_fraction => 0)$$, 'train');
SELECT results_eq('SELECT item, category FROM recseq_recommend(ARRAY[5, 6, 7], 1)', 'VALUES (8, 2)', 'the item that follows is recommended');
SELECT results_eq('SELECT count(*) FROM recseq_recommend(ARRAY[5, 6, 7])', 'VALUES (5::bigint)', 'five rows by default');
SELECT results_eq($$SELECT version, active, owner = current_user FROM recseq_models WHERE model = 'default'$$, 'VALUES (1, true, true)', 'it is listed');
SELECT throws_ok('SELECT * FROM recseq_recommend(ARRAY[5], -1)', '22023', NULL, 'k below 0: invalid_parameter_value');
SELECT throws_ok('SELECT * FROM recseq_recommend(ARRAY[5, NULL])', '22004', NULL, 'a null item: null_value_not_allowed');
SELECT throws_ok('SELECT * FROM recseq_recommend(ARRAY[[5, 6]])', '2202E', NULL, 'two dimensions: array_subscript_error');
SELECT throws_ok('SELECT * FROM recseq_recommend(ARRAY[5], categories => ARRAY[1, 2])', '2202E', NULL, 'another length: array_subscript_error');
SELECT throws_ok($$SELECT * FROM recseq_recommend(ARRAY['five'])$$, '42804', NULL, 'another type of id: datatype_mismatch');
SELECT throws_ok($$SELECT * FROM recseq_recommend(ARRAY[5], model => 'none')$$, '42704', NULL, 'no such model: undefined_object');
SELECT throws_ok($$SELECT * FROM recseq_recommend(ARRAY[5], version => 2)$$, '42704', NULL, 'no such version: undefined_object');
SELECT throws_ok($$SELECT recseq_train('basket', units => 0)$$, '22023', NULL, 'an option out of its range: invalid_parameter_value');
SELECT throws_ok($$SELECT recseq_train('basket', epochs => NULL)$$, '22004', NULL, 'an option that is null: null_value_not_allowed');
SELECT throws_ok($$SELECT recseq_train('pg_class')$$, '42703', NULL, 'a source without items: undefined_column');
SET LOCAL ROLE regress_recseq_anybody;
SELECT throws_ok($$SELECT recseq_train('basket')$$, '42501', NULL, 'anybody may not train: insufficient_privilege');
SELECT throws_ok($$SELECT recseq_drop_model('default')$$, '42501', NULL, 'nor drop');
SELECT results_eq('SELECT item FROM recseq_recommend(ARRAY[5, 6, 7], 1)', 'VALUES (8)', 'but ask');
RESET ROLE;
SELECT lives_ok($$SELECT recseq_activate('default', 1)$$, 'activate');
SELECT lives_ok($$SELECT recseq_import_model(recseq_export_model('default'))$$, 'export and import');
SELECT results_eq($$SELECT recseq_rollback('default')$$, 'VALUES (1)', 'roll back');
SELECT results_eq($$SELECT recseq_retain('default', 1)$$, 'VALUES (0)', 'retain');
SELECT lives_ok($$SELECT recseq_drop_model('default')$$, 'drop');

SELECT * FROM finish();
ROLLBACK;
