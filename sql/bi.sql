
/* recseq: what a reporting tool reads: plain types, one figure a row */

CREATE VIEW @extschema@.recseq_model_metrics AS
	SELECT v.model,
		v.version,
		v.model OPERATOR(pg_catalog.||) ' v' OPERATOR(pg_catalog.||) v.version::pg_catalog.text AS label,
		v.active,
		v.created,
		metric.metric,
		metric.value,
		metric.higher_is_better
	FROM @extschema@.recseq_models v
		CROSS JOIN LATERAL (VALUES
			('hit_rate', v.hit_rate, true),
			('val_loss', v.val_loss, false),
			('sequences', v.sequences::pg_catalog.float8, NULL),
			('windows', v.windows::pg_catalog.float8, NULL),
			('items', (v.vocabulary OPERATOR(pg_catalog.->>) 'items'::pg_catalog.text)::pg_catalog.float8, NULL),
			('epochs', v.epochs::pg_catalog.float8, NULL),
			('best_epoch', v.best_epoch::pg_catalog.float8, NULL),
			('seconds', v.seconds, false),
			('bytes', v.bytes::pg_catalog.float8, NULL)
		) AS metric(metric, value, higher_is_better);
COMMENT ON VIEW @extschema@.recseq_model_metrics IS 'the figures of every version of every model, one a row, for charts over versions; recseq_models has them side by side';
COMMENT ON COLUMN @extschema@.recseq_model_metrics.model IS 'name of the model';
COMMENT ON COLUMN @extschema@.recseq_model_metrics.version IS 'number of the version, from 1';
COMMENT ON COLUMN @extschema@.recseq_model_metrics.label IS 'model and version in one text, to label a chart with';
COMMENT ON COLUMN @extschema@.recseq_model_metrics.active IS 'whether this version answers when none is asked for';
COMMENT ON COLUMN @extschema@.recseq_model_metrics.created IS 'when the version was stored';
COMMENT ON COLUMN @extschema@.recseq_model_metrics.metric IS 'name of the figure, which is that of the column of recseq_models: hit_rate, val_loss, sequences, windows, epochs, best_epoch, seconds, bytes; and items, the size of the vocabulary';
COMMENT ON COLUMN @extschema@.recseq_model_metrics.value IS 'the figure; null for hit_rate and val_loss where nothing was held out for validation';
COMMENT ON COLUMN @extschema@.recseq_model_metrics.higher_is_better IS 'true or false where more or less of it is better; null where it is neither';
GRANT SELECT ON @extschema@.recseq_model_metrics TO PUBLIC;
