-- recseq_openmetrics as the text that Prometheus reads, for the text files of its node_exporter:
--   psql -XAtq -d shop -f prometheus.sql > recseq.prom
SELECT line
FROM (
	SELECT DISTINCT name, 0 AS part, NULL::text AS labels, format('# HELP %s %s', name, help) AS line FROM recseq_openmetrics
	UNION ALL
	SELECT DISTINCT name, 1, NULL, format('# TYPE %s %s', name, type) FROM recseq_openmetrics
	UNION ALL
	SELECT name, 2, labels::text, format('%s{%s} %s', name,
		(SELECT string_agg(format('%s="%s"', key, replace(replace(replace(value, '\', '\\'), '"', '\"'), E'\n', '\n')), ',' ORDER BY key)
		 FROM jsonb_each_text(labels)), value)
	FROM recseq_openmetrics
) lines
ORDER BY name, part, labels;
