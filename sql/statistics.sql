
/* recseq: how often and how fast models answer, and figures for a monitoring system */

CREATE FUNCTION @extschema@.recseq_get_statistics()
RETURNS TABLE (
	datid oid,
	version_id bigint,
	calls bigint,
	rows bigint,
	total_time double precision,
	max_time double precision,
	hits bigint,
	attaches bigint,
	loads bigint,
	load_time double precision,
	last_used timestamptz,
	stats_since timestamptz)
AS 'MODULE_PATHNAME', 'recseq_get_statistics'
LANGUAGE C VOLATILE PARALLEL SAFE ROWS 10;
COMMENT ON FUNCTION @extschema@.recseq_get_statistics() IS
'What is counted of each version in the cluster, with OIDs for databases and ids for versions: read it through pg_stat_recseq.';

CREATE FUNCTION @extschema@.pg_stat_recseq_reset()
RETURNS void
AS 'MODULE_PATHNAME', 'recseq_reset_statistics'
LANGUAGE C VOLATILE PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.pg_stat_recseq_reset() IS
'Forgets what pg_stat_recseq has of this database; counting begins anew.';
REVOKE ALL ON FUNCTION @extschema@.pg_stat_recseq_reset() FROM PUBLIC;

CREATE VIEW @extschema@.pg_stat_recseq AS
	SELECT d.datname,
		m.model,
		m.version,
		s.calls,
		s.rows,
		s.total_time,
		s.max_time,
		s.total_time OPERATOR(pg_catalog./) NULLIF(s.calls, 0)::pg_catalog.float8 AS mean_time,
		s.hits,
		s.attaches,
		s.loads,
		s.load_time,
		s.last_used,
		s.stats_since
	FROM @extschema@.recseq_get_statistics() s
		JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) s.datid
		LEFT JOIN @extschema@.recseq_get_models() m ON m.version_id OPERATOR(pg_catalog.=) s.version_id
			AND d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database();
COMMENT ON VIEW @extschema@.pg_stat_recseq IS 'how often and how fast each version has answered, of all databases, since the server started; the 128 used last. Calls are those of all functions that ask a model, such as recseq_recommend and recseq_similar_items, that ended without an error.';
COMMENT ON COLUMN @extschema@.pg_stat_recseq.datname IS 'database that the version is in';
COMMENT ON COLUMN @extschema@.pg_stat_recseq.model IS 'name of the model; null in another database, for a version that is dropped, and where the caller may not see the model';
COMMENT ON COLUMN @extschema@.pg_stat_recseq.version IS 'number of the version; null where model is';
COMMENT ON COLUMN @extschema@.pg_stat_recseq.calls IS 'calls that it has answered';
COMMENT ON COLUMN @extschema@.pg_stat_recseq.rows IS 'rows of these answers';
COMMENT ON COLUMN @extschema@.pg_stat_recseq.total_time IS 'milliseconds that the calls took, loading the model included';
COMMENT ON COLUMN @extschema@.pg_stat_recseq.max_time IS 'milliseconds that the longest of them took';
COMMENT ON COLUMN @extschema@.pg_stat_recseq.mean_time IS 'milliseconds a call; null without any';
COMMENT ON COLUMN @extschema@.pg_stat_recseq.hits IS 'calls that found the model loaded in their backend';
COMMENT ON COLUMN @extschema@.pg_stat_recseq.attaches IS 'times that a backend took the model from shared memory, where another had loaded it';
COMMENT ON COLUMN @extschema@.pg_stat_recseq.loads IS 'times that a backend read the model from the tables; besides the first time, because recseq.shared_cache_size was too small to keep it';
COMMENT ON COLUMN @extschema@.pg_stat_recseq.load_time IS 'milliseconds that attaches and loads took';
COMMENT ON COLUMN @extschema@.pg_stat_recseq.last_used IS 'when it last answered, or was loaded';
COMMENT ON COLUMN @extschema@.pg_stat_recseq.stats_since IS 'when counting began';
GRANT SELECT ON @extschema@.pg_stat_recseq TO PUBLIC;

CREATE VIEW @extschema@.recseq_openmetrics AS
	SELECT m.name,
		pg_catalog.jsonb_build_object('datname', pg_catalog.current_database(), 'model', s.model, 'version', s.version::pg_catalog.text) AS labels,
		m.value,
		m.help,
		'counter' AS type
	FROM @extschema@.pg_stat_recseq s
		CROSS JOIN LATERAL (VALUES
			('recseq_calls_total', s.calls::pg_catalog.float8, 'Calls that the version has answered.'),
			('recseq_rows_total', s.rows::pg_catalog.float8, 'Rows of these answers.'),
			('recseq_call_seconds_total', s.total_time OPERATOR(pg_catalog./) 1000::pg_catalog.float8, 'Seconds that the calls took.'),
			('recseq_cache_hits_total', s.hits::pg_catalog.float8, 'Calls that found the model loaded in their backend.'),
			('recseq_cache_attaches_total', s.attaches::pg_catalog.float8, 'Times that a backend took the model from shared memory.'),
			('recseq_cache_loads_total', s.loads::pg_catalog.float8, 'Times that a backend read the model from the tables.')
		) AS m (name, value, help)
	WHERE s.model IS NOT NULL
	UNION ALL
	SELECT m.name,
		pg_catalog.jsonb_build_object('datname', pg_catalog.current_database(), 'model', v.model, 'version', v.version::pg_catalog.text),
		m.value,
		m.help,
		'gauge'
	FROM @extschema@.recseq_models v
		CROSS JOIN LATERAL (VALUES
			('recseq_version_active', CASE WHEN v.active THEN 1::pg_catalog.float8 ELSE 0::pg_catalog.float8 END, 'Whether the version answers when none is asked for.'),
			('recseq_version_created_timestamp_seconds', pg_catalog.date_part('epoch', v.created), 'When the version was stored, in seconds since 1970.'),
			('recseq_version_training_seconds', v.seconds, 'Seconds that its training took.'),
			('recseq_version_hit_rate', v.hit_rate, 'Share of the held-out targets among its best 5.'),
			('recseq_version_bytes', v.bytes::pg_catalog.float8, 'Size of its image in bytes.')
		) AS m (name, value, help)
	WHERE m.value IS NOT NULL
	UNION ALL
	SELECT 'recseq_job_count',
		pg_catalog.jsonb_build_object('datname', pg_catalog.current_database(), 'state', state.name),
		(SELECT pg_catalog.count(*) FROM @extschema@.recseq_jobs j WHERE j.state OPERATOR(pg_catalog.=) state.name)::pg_catalog.float8,
		'Jobs by their state.',
		'gauge'
	FROM (VALUES ('queued'), ('running'), ('interrupted'), ('done'), ('failed'), ('cancelled')) AS state (name);
COMMENT ON VIEW @extschema@.recseq_openmetrics IS 'figures of this database for a monitoring system, a sample a row, as OpenMetrics has them: of the versions that the caller may see, and the jobs';
COMMENT ON COLUMN @extschema@.recseq_openmetrics.name IS 'name of the metric';
COMMENT ON COLUMN @extschema@.recseq_openmetrics.labels IS 'what it is of: datname, and model and version, or state; all of them texts';
COMMENT ON COLUMN @extschema@.recseq_openmetrics.value IS 'the figure, in seconds, bytes, or numbers';
COMMENT ON COLUMN @extschema@.recseq_openmetrics.help IS 'what the metric is';
COMMENT ON COLUMN @extschema@.recseq_openmetrics.type IS 'counter (it grows, and begins at 0 with the server or a reset) or gauge';
GRANT SELECT ON @extschema@.recseq_openmetrics TO PUBLIC;
