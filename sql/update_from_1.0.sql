/* recseq: from 1.0 to 1.1, before the parts that both have in common with a new installation */

\echo Use "ALTER EXTENSION recseq UPDATE TO '1.1'" to load this file. \quit

/* Functions with other arguments or columns than in 1.0; privileges on them have to be granted again. */
DROP FUNCTION @extschema@.recseq_train(regclass, text, text[], integer, integer, boolean, boolean, integer, integer, boolean, double precision, double precision, text, integer, integer, integer, double precision, double precision, integer, double precision, integer, bigint, integer);
DROP FUNCTION @extschema@.recseq_evaluate(regclass, text, integer, integer);

/* Versions of 1.0 have no training curve. */
ALTER TABLE @extschema@.recseq_version ADD COLUMN curve jsonb NOT NULL DEFAULT '[]';
ALTER TABLE @extschema@.recseq_version ALTER COLUMN curve DROP DEFAULT;
COMMENT ON COLUMN @extschema@.recseq_version.curve IS 'the training curve: an array with an object an epoch: epoch, loss (of the training windows), val_loss, hit_rate (both null without validation windows), learning_rate';

CREATE OR REPLACE VIEW @extschema@.recseq_models AS
	SELECT v.model,
		v.version,
		m.active_id OPERATOR(pg_catalog.=) v.id AS active,
		m.owner,
		v.created,
		v.trained_by,
		v.source,
		v.options,
		v.vocabulary,
		v.sequences,
		v.windows,
		v.epochs,
		v.best_epoch,
		v.val_loss,
		v.hit_rate,
		v.seconds,
		v.bytes,
		v.curve
	FROM @extschema@.recseq_version v
		JOIN @extschema@.recseq_model m ON m.model OPERATOR(pg_catalog.=) v.model
	ORDER BY v.model, v.version;
COMMENT ON COLUMN @extschema@.recseq_version.hit_rate IS 'share of the held-out targets that are among the best 5 of the model, with both its stages where it has them (of an update: of the network alone); null without any';
COMMENT ON COLUMN @extschema@.recseq_models.hit_rate IS 'share of the held-out targets that are among the best 5 of the model, with both its stages where it has them (of an update: of the network alone); null without any';
COMMENT ON COLUMN @extschema@.recseq_models.curve IS 'the training curve: an array with an object an epoch: epoch, loss (of the training windows), val_loss, hit_rate (both null without validation windows), learning_rate';
DO $$
BEGIN
	IF pg_catalog.current_setting('server_version_num')::pg_catalog.int4 OPERATOR(pg_catalog.>=) 150000 THEN
		ALTER VIEW @extschema@.recseq_models SET (security_invoker = true);
	END IF;
END
$$;
