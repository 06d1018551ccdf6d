/* recseq: the tables that hold the models, and the view over them */

\echo Use "CREATE EXTENSION recseq" to load this file. \quit

/*
 * A model is a name that points at one of its versions.  A version and its
 * chunks are written once and never changed.
 *
 * The tables refer to each other without foreign keys: CREATE EXTENSION would
 * bring these back before the rows, and pg_restore --jobs, which loads the
 * tables in any order, would fail.  Only recseq's functions write here.
 */
CREATE TABLE @extschema@.recseq_model (
	model text COLLATE "C" PRIMARY KEY,
	owner name NOT NULL,
	active_id bigint,
	active_before bigint[] NOT NULL DEFAULT '{}',
	last_version integer NOT NULL,
	keep_versions integer CHECK (keep_versions OPERATOR(pg_catalog.>=) 1),
	owner_oid oid,
	owner_cluster bigint
);
COMMENT ON TABLE @extschema@.recseq_model IS 'recseq: one row a model. Row security on this table decides who may use which model.';
COMMENT ON COLUMN @extschema@.recseq_model.model IS 'name of the model';
COMMENT ON COLUMN @extschema@.recseq_model.owner IS 'role that may train, activate and drop its versions, as it was called when the model was last changed; decides only where owner_oid does not';
COMMENT ON COLUMN @extschema@.recseq_model.active_id IS 'recseq_version.id of the version that answers';
COMMENT ON COLUMN @extschema@.recseq_model.active_before IS 'recseq_version.id of the versions that were active before, the latest last: recseq_rollback takes it from here';
COMMENT ON COLUMN @extschema@.recseq_model.keep_versions IS 'how many of the newest versions are kept (recseq_retain); null: all';
COMMENT ON COLUMN @extschema@.recseq_model.last_version IS 'highest version number that was ever given';
COMMENT ON COLUMN @extschema@.recseq_model.owner_oid IS 'OID of the owner; decides in the cluster of owner_cluster, whatever the role is called by now';
COMMENT ON COLUMN @extschema@.recseq_model.owner_cluster IS 'system identifier of the cluster in which owner_oid means a role; in another one, after pg_dump or by logical replication, the name decides until the model is changed there';

CREATE TABLE @extschema@.recseq_version (
	id bigint PRIMARY KEY,
	model text COLLATE "C" NOT NULL,
	version integer NOT NULL,
	created timestamptz NOT NULL,
	trained_by name NOT NULL,
	source text NOT NULL,
	options jsonb NOT NULL,
	vocabulary jsonb NOT NULL,
	sequences bigint NOT NULL,
	windows bigint NOT NULL,
	epochs integer NOT NULL,
	best_epoch integer NOT NULL,
	val_loss double precision,
	hit_rate double precision,
	seconds double precision NOT NULL,
	bytes bigint NOT NULL,
	curve jsonb NOT NULL,
	update_of bigint,
	UNIQUE (model, version)
);
COMMENT ON TABLE @extschema@.recseq_version IS 'recseq: one row a version of a model; never changed. Read it through recseq_models.';
COMMENT ON COLUMN @extschema@.recseq_version.id IS 'key of the chunks: a random number, so that no two versions ever have the same, in whatever cluster they were made';
COMMENT ON COLUMN @extschema@.recseq_version.model IS 'name of the model';
COMMENT ON COLUMN @extschema@.recseq_version.version IS 'number of the version, from 1; not given twice while the model exists';
COMMENT ON COLUMN @extschema@.recseq_version.created IS 'when the version was stored';
COMMENT ON COLUMN @extschema@.recseq_version.trained_by IS 'role that trained the version';
COMMENT ON COLUMN @extschema@.recseq_version.source IS 'relation that the version was trained on';
COMMENT ON COLUMN @extschema@.recseq_version.options IS 'every option of recseq_train as it was used';
COMMENT ON COLUMN @extschema@.recseq_version.vocabulary IS 'number of items, and of values of each feature';
COMMENT ON COLUMN @extschema@.recseq_version.sequences IS 'sequences of two and more items in the source';
COMMENT ON COLUMN @extschema@.recseq_version.windows IS 'training windows: a history and the item that follows';
COMMENT ON COLUMN @extschema@.recseq_version.epochs IS 'epochs that were run';
COMMENT ON COLUMN @extschema@.recseq_version.best_epoch IS 'epoch whose weights were kept';
COMMENT ON COLUMN @extschema@.recseq_version.val_loss IS 'mean cross-entropy over the validation windows, in nats; null without any';
COMMENT ON COLUMN @extschema@.recseq_version.hit_rate IS 'share of the held-out targets that are among the best 5 of the model, with both its stages where it has them (of an update: of the network alone); null without any';
COMMENT ON COLUMN @extschema@.recseq_version.seconds IS 'seconds that training took';
COMMENT ON COLUMN @extschema@.recseq_version.bytes IS 'size of the image in bytes';
COMMENT ON COLUMN @extschema@.recseq_version.curve IS 'the training curve: an array with an object an epoch: epoch, loss (of the training windows), val_loss, hit_rate (at 5), mrr (at 20; these three null without validation windows), learning_rate';
COMMENT ON COLUMN @extschema@.recseq_version.update_of IS 'id of the version that recseq_update went on from; null: none, or it is not of this database';

CREATE TABLE @extschema@.recseq_chunk (
	id bigint NOT NULL,
	chunk integer NOT NULL,
	data bytea NOT NULL,
	PRIMARY KEY (id, chunk)
);
ALTER TABLE @extschema@.recseq_chunk ALTER COLUMN data SET STORAGE EXTERNAL;
COMMENT ON TABLE @extschema@.recseq_chunk IS 'recseq: the image of a version (weights and vocabulary), cut into chunks; never changed';
COMMENT ON COLUMN @extschema@.recseq_chunk.id IS 'recseq_version.id';
COMMENT ON COLUMN @extschema@.recseq_chunk.chunk IS 'place of the chunk in the image, from 0';
COMMENT ON COLUMN @extschema@.recseq_chunk.data IS 'bytes of the image';

SELECT pg_catalog.pg_extension_config_dump('@extschema@.recseq_model', '');
SELECT pg_catalog.pg_extension_config_dump('@extschema@.recseq_version', '');
SELECT pg_catalog.pg_extension_config_dump('@extschema@.recseq_chunk', '');

/*
 * To be allowed to use models, as row security on recseq_model lets through.
 * Versions and images are read only by recseq itself, which asks that first.
 */
GRANT SELECT ON @extschema@.recseq_model TO PUBLIC;

CREATE FUNCTION @extschema@.recseq_get_models()
RETURNS TABLE (
	model text,
	version integer,
	active boolean,
	owner name,
	created timestamptz,
	trained_by name,
	source text,
	options jsonb,
	vocabulary jsonb,
	sequences bigint,
	windows bigint,
	epochs integer,
	best_epoch integer,
	val_loss double precision,
	hit_rate double precision,
	seconds double precision,
	bytes bigint,
	curve jsonb,
	version_id bigint)
AS 'MODULE_PATHNAME', 'recseq_get_models'
LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 100 COST 1000;
COMMENT ON FUNCTION @extschema@.recseq_get_models() IS
'Every version of the models that the caller may use: those whose rows in recseq_model SELECT and row security let the caller see. Read it through recseq_models.';

CREATE VIEW @extschema@.recseq_models AS
	SELECT v.model COLLATE pg_catalog."C" AS model,
		v.version,
		v.active,
		v.owner,
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
	FROM @extschema@.recseq_get_models() v
	ORDER BY 1, 2;
COMMENT ON VIEW @extschema@.recseq_models IS 'every version of every model that the caller may use: see recseq_model';
COMMENT ON COLUMN @extschema@.recseq_models.model IS 'name of the model';
COMMENT ON COLUMN @extschema@.recseq_models.version IS 'number of the version, from 1; not given twice while the model exists';
COMMENT ON COLUMN @extschema@.recseq_models.active IS 'whether this version answers when none is asked for';
COMMENT ON COLUMN @extschema@.recseq_models.owner IS 'role that may train, activate and drop versions of the model';
COMMENT ON COLUMN @extschema@.recseq_models.created IS 'when the version was stored';
COMMENT ON COLUMN @extschema@.recseq_models.trained_by IS 'role that trained the version';
COMMENT ON COLUMN @extschema@.recseq_models.source IS 'relation that the version was trained on';
COMMENT ON COLUMN @extschema@.recseq_models.options IS 'every option of recseq_train as it was used';
COMMENT ON COLUMN @extschema@.recseq_models.vocabulary IS 'number of items, and of values of each feature';
COMMENT ON COLUMN @extschema@.recseq_models.sequences IS 'sequences of two and more items in the source';
COMMENT ON COLUMN @extschema@.recseq_models.windows IS 'training windows: a history and the item that follows';
COMMENT ON COLUMN @extschema@.recseq_models.epochs IS 'epochs that were run';
COMMENT ON COLUMN @extschema@.recseq_models.best_epoch IS 'epoch whose weights were kept';
COMMENT ON COLUMN @extschema@.recseq_models.val_loss IS 'mean cross-entropy over the validation windows, in nats; null without any';
COMMENT ON COLUMN @extschema@.recseq_models.hit_rate IS 'share of the held-out targets that are among the best 5 of the model, with both its stages where it has them (of an update: of the network alone); null without any';
COMMENT ON COLUMN @extschema@.recseq_models.seconds IS 'seconds that training took';
COMMENT ON COLUMN @extschema@.recseq_models.bytes IS 'size of the image in bytes';
COMMENT ON COLUMN @extschema@.recseq_models.curve IS 'the training curve: an array with an object an epoch: epoch, loss (of the training windows), val_loss, hit_rate (at 5), mrr (at 20; these three null without validation windows), learning_rate';
GRANT SELECT ON @extschema@.recseq_models TO PUBLIC;

/*
 * Calls with untyped literals prefer a text argument, so a function that somebody
 * else puts beside recseq's would be called in its place, with the caller's rights.
 */
DO $$
BEGIN
	IF pg_catalog.has_schema_privilege('public'::pg_catalog.name, '@extschema@'::pg_catalog.regnamespace::pg_catalog.oid, 'CREATE'::pg_catalog.text) THEN
		RAISE WARNING 'everybody may create objects in schema %, where the functions of recseq are', '@extschema@'
			USING DETAIL = 'A function that somebody puts there under one of their names may be called in its place, with the rights of who calls it.',
				HINT = 'REVOKE CREATE ON SCHEMA @extschema@ FROM PUBLIC, or create the extension in a schema of its own.';
	END IF;
END
$$;
