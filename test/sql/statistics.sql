--
-- How often and how fast versions answer: pg_stat_recseq, and the figures for a monitoring system
--
SET recseq.progress = off;
CREATE TABLE ring AS SELECT ARRAY(SELECT (g + i) % 20 + 1 FROM generate_series(0, 7) i) AS items FROM generate_series(0, 49) g;
SELECT version FROM recseq_train('ring', 'counted', epochs => 1, units => 4, item_dim => 4);
SELECT version FROM recseq_train('ring', 'counted', epochs => 1, units => 4, item_dim => 4, activate => 'never');

-- what is counted: calls that end without an error, and their rows, by version; the first of a backend loads the model
SELECT pg_stat_recseq_reset();
SELECT count(*) FROM pg_stat_recseq WHERE datname = current_database();
SELECT count(*) FROM recseq_recommend(ARRAY[1, 2, 3], model => 'counted');
SELECT count(*) FROM recseq_recommend(ARRAY[1, 2, 3], k => 7, model => 'counted');
SELECT count(*) FROM recseq_recommend(NULL::int[], k => 0, model => 'counted');
SELECT count(*) FROM recseq_recommend_batch('ring', k => 2, model => 'counted');
SELECT count(*) FROM recseq_similar_items(1, k => 4, model => 'counted');
SELECT count(*) FROM recseq_similar_items(1000, k => 4, model => 'counted');
SELECT count(*) FROM recseq_bought_together(1, k => 3, model => 'counted');
SELECT count(*) FROM recseq_recommend(ARRAY[1, NULL], model => 'counted');
SELECT count(*) FROM recseq_recommend(ARRAY[1], model => 'counted', version => 2);
SELECT model, version, calls, rows, hits, attaches + loads AS loaded, total_time > 0 AND max_time > 0 AND max_time <= total_time AS timed,
	abs(mean_time - total_time / calls) < 1e-9 AS mean, load_time > 0 AND load_time < total_time AS load_timed,
	last_used BETWEEN stats_since AND clock_timestamp() AS dated
FROM pg_stat_recseq WHERE datname = current_database() ORDER BY version;

-- a load that no call made is none of a call
SELECT pg_stat_recseq_reset();
SELECT version FROM recseq_train('ring', 'counted', epochs => 1, units => 4, item_dim => 4);
SELECT count(*) > 0 AS evaluated FROM recseq_evaluate('ring', 'counted');
SELECT version, calls, rows, hits, attaches + loads AS loaded, mean_time FROM pg_stat_recseq WHERE datname = current_database();

-- who may not see a model sees no name; who may not reset, does not
CREATE ROLE regress_stat_user;
ALTER TABLE recseq_model ENABLE ROW LEVEL SECURITY;
SET ROLE regress_stat_user;
SELECT model, version, calls FROM pg_stat_recseq WHERE datname = current_database();
SELECT DISTINCT name, labels - 'datname' AS labels FROM recseq_openmetrics ORDER BY 2;
SELECT pg_stat_recseq_reset();
RESET ROLE;
ALTER TABLE recseq_model DISABLE ROW LEVEL SECURITY;

-- a version that is dropped keeps its counts and loses its name
SELECT recseq_drop_model('counted', 3);
SELECT model, version, calls FROM pg_stat_recseq WHERE datname = current_database();

-- more versions than there are places for: the one used least recently gives way
SELECT pg_stat_recseq_reset();
DO $$
BEGIN
	FOR i IN 1 .. 130 LOOP
		PERFORM recseq_import_model((SELECT recseq_export_model('counted', 2)), 'many', activate => 'never');
		PERFORM recseq_recommend(ARRAY[1], model => 'many', version => i);
	END LOOP;
END
$$;
SELECT count(*) BETWEEN 100 AND 128 AS full, sum(calls) = count(*) AS once, min(version) > 2 AS first_gone, max(version) AS last
FROM pg_stat_recseq WHERE datname = current_database() AND model = 'many';

-- the same as samples
SELECT pg_stat_recseq_reset();
SELECT count(*) FROM recseq_recommend(ARRAY[1, 2, 3], model => 'counted', version => 2);
SELECT name, labels - 'datname' AS labels, CASE WHEN name ~ 'calls|rows|version_active' THEN value END AS value, type
FROM recseq_openmetrics WHERE labels ? 'state' OR labels ->> 'model' = 'counted' AND labels ->> 'version' = '2' ORDER BY name, labels;
SELECT DISTINCT name, help FROM recseq_openmetrics ORDER BY name;
SELECT bool_and(labels ->> 'datname' = current_database()) AS here, bool_and(value IS NOT NULL) AS valued,
	count(*) = count(DISTINCT (name, labels)) AS distinct FROM recseq_openmetrics;
SELECT count(*) FILTER (WHERE v.value = extract(epoch FROM m.created)::float8) AS created FROM recseq_openmetrics v
	JOIN recseq_models m ON m.model = v.labels ->> 'model' AND m.version::text = v.labels ->> 'version'
WHERE name = 'recseq_version_created_timestamp_seconds' AND model = 'counted';

SELECT recseq_drop_model('counted'), recseq_drop_model('many');
SELECT pg_stat_recseq_reset();
DROP TABLE ring;
DROP ROLE regress_stat_user;
