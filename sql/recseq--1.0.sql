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
	last_version integer NOT NULL
);
COMMENT ON TABLE @extschema@.recseq_model IS 'recseq: one row a model. Row security on this table decides who may use which model.';
COMMENT ON COLUMN @extschema@.recseq_model.model IS 'name of the model';
COMMENT ON COLUMN @extschema@.recseq_model.owner IS 'role that may train, activate and drop its versions';
COMMENT ON COLUMN @extschema@.recseq_model.active_id IS 'recseq_version.id of the version that answers';
COMMENT ON COLUMN @extschema@.recseq_model.last_version IS 'highest version number that was ever given';

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
COMMENT ON COLUMN @extschema@.recseq_version.hit_rate IS 'share of validation windows whose target is among the best 5; null without any';
COMMENT ON COLUMN @extschema@.recseq_version.seconds IS 'seconds that training took';
COMMENT ON COLUMN @extschema@.recseq_version.bytes IS 'size of the image in bytes';

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

/* To be allowed to use models; the images are read only by recseq itself. */
GRANT SELECT ON @extschema@.recseq_model TO PUBLIC;
GRANT SELECT ON @extschema@.recseq_version TO PUBLIC;

CREATE VIEW @extschema@.recseq_models AS
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
		v.bytes
	FROM @extschema@.recseq_version v
		JOIN @extschema@.recseq_model m ON m.model OPERATOR(pg_catalog.=) v.model
	ORDER BY v.model, v.version;
COMMENT ON VIEW @extschema@.recseq_models IS 'every version of every model';
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
COMMENT ON COLUMN @extschema@.recseq_models.hit_rate IS 'share of validation windows whose target is among the best 5; null without any';
COMMENT ON COLUMN @extschema@.recseq_models.seconds IS 'seconds that training took';
COMMENT ON COLUMN @extschema@.recseq_models.bytes IS 'size of the image in bytes';
GRANT SELECT ON @extschema@.recseq_models TO PUBLIC;

/* Row security on recseq_model must apply to who reads the view: possible from 15 on. */
DO $$
BEGIN
	IF pg_catalog.current_setting('server_version_num')::pg_catalog.int4 OPERATOR(pg_catalog.>=) 150000 THEN
		ALTER VIEW @extschema@.recseq_models SET (security_invoker = true);
	END IF;
END
$$;

/* recseq: training, answering, and keeping models */

CREATE FUNCTION @extschema@.recseq_train(
	source regclass,
	model text DEFAULT 'default',
	features text[] DEFAULT NULL,
	units integer DEFAULT 32,
	layers integer DEFAULT 1,
	bidirectional boolean DEFAULT true,
	attention boolean DEFAULT false,
	item_dim integer DEFAULT 64,
	feature_dim integer DEFAULT 32,
	tied boolean DEFAULT true,
	dropout double precision DEFAULT 0.3,
	item_dropout double precision DEFAULT 0.05,
	loss text DEFAULT 'softmax',
	negatives integer DEFAULT 2048,
	epochs integer DEFAULT 20,
	batch_size integer DEFAULT 256,
	learning_rate double precision DEFAULT 0.005,
	clip_norm double precision DEFAULT 5,
	patience integer DEFAULT 4,
	validation_fraction double precision DEFAULT 0.1,
	max_length integer DEFAULT 28,
	seed bigint DEFAULT 1,
	workers integer DEFAULT NULL,
	OUT model text,
	OUT version integer,
	OUT sequences bigint,
	OUT windows bigint,
	OUT items integer,
	OUT epochs integer,
	OUT best_epoch integer,
	OUT val_loss double precision,
	OUT hit_rate double precision,
	OUT seconds double precision)
AS 'MODULE_PATHNAME', 'recseq_train'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.recseq_train(regclass, text, text[], integer, integer, boolean, boolean, integer, integer, boolean, double precision, double precision, text, integer, integer, integer, double precision, double precision, integer, double precision, integer, bigint, integer) IS
'Trains a network on a relation with one row a sequence, stores it as a new version of the model and makes that the active one.

source: a table or view with "items" (integer[], bigint[] or text[], oldest first); optional parallel arrays named by "features"; optional "times" (timestamptz[]), which make the newest sequences the validation part.
features: columns that are read beside the items, up to 8 (default: categories, where there is such a column).
units: hidden units of one direction, 1..1024. layers: LSTM layers, 1..4. bidirectional: read in both directions. attention: self-attention below the last layer.
item_dim, feature_dim: embedding columns, 1..1024. tied: score items by their embeddings instead of weights of their own.
dropout: share of the representation dropped, 0 to below 1. item_dropout: share of history items read as unknown, 0 to below 1.
loss: softmax (over all items); sampled_softmax or bpr_max, whose cost does not depend on the number of items, with `negatives` items drawn for each minibatch, 1..65536.
epochs: at most so many, 1..10000. batch_size: windows, 1..65536. learning_rate: of Adam, halved when validation has stalled for two epochs. clip_norm: limit of the global gradient norm, 0 for none. patience: epochs without improvement before training stops, 0 for never.
validation_fraction: share of the sequences held out, 0..0.9. max_length: newest items of a history that are read, 1..1000. seed: same data, options and seed give the same weights.

Returns what was learned: windows are histories with the item that follows; val_loss and hit_rate (at 5) are of the validation windows at the best epoch. Raises an error, and stores nothing, for bad options or data, for a model of another owner, and when cancelled.';
REVOKE ALL ON FUNCTION @extschema@.recseq_train(regclass, text, text[], integer, integer, boolean, boolean, integer, integer, boolean, double precision, double precision, text, integer, integer, integer, double precision, double precision, integer, double precision, integer, bigint, integer) FROM PUBLIC;

CREATE FUNCTION @extschema@.recseq_recommend(
	items integer[],
	k integer DEFAULT 5,
	model text DEFAULT 'default',
	version integer DEFAULT NULL,
	categories integer[] DEFAULT NULL,
	events text[] DEFAULT NULL,
	times timestamptz[] DEFAULT NULL,
	exclude_seen boolean DEFAULT false,
	exclude integer[] DEFAULT NULL,
	only_categories integer[] DEFAULT NULL)
RETURNS TABLE (rank integer, item integer, category integer, score real, confidence real, reason text)
AS 'MODULE_PATHNAME', 'recseq_recommend'
LANGUAGE C STABLE PARALLEL SAFE ROWS 5 COST 1000;
COMMENT ON FUNCTION @extschema@.recseq_recommend(integer[], integer, text, integer, integer[], text[], timestamptz[], boolean, integer[], integer[]) IS
'The k items that most probably follow a history (oldest first).

k: 0 or more; more than there are gives all. version: null for the active one. categories: one for each item, instead of those of the model''s item table. events, times: one for each item; their lengths are checked, and they do not change the answer yet. exclude_seen: leave out items of the history. exclude: items to leave out. only_categories: categories to keep to.

score: the model''s probability of the item. confidence: score divided by the sum over the rows returned. reason: seen before, sequence (the network''s choice), or popular (the history is empty; score is then the item''s share of the training data).

Items that the model does not know are read through their category. Raises an error if the model does not exist, if its ids are texts, or if an array has nulls, another length or several dimensions.';

CREATE FUNCTION @extschema@.recseq_recommend(
	items smallint[],
	k integer DEFAULT 5,
	model text DEFAULT 'default',
	version integer DEFAULT NULL,
	categories integer[] DEFAULT NULL,
	events text[] DEFAULT NULL,
	times timestamptz[] DEFAULT NULL,
	exclude_seen boolean DEFAULT false,
	exclude integer[] DEFAULT NULL,
	only_categories integer[] DEFAULT NULL)
RETURNS TABLE (rank integer, item integer, category integer, score real, confidence real, reason text)
AS 'MODULE_PATHNAME', 'recseq_recommend'
LANGUAGE C STABLE PARALLEL SAFE ROWS 5 COST 1000;
COMMENT ON FUNCTION @extschema@.recseq_recommend(smallint[], integer, text, integer, integer[], text[], timestamptz[], boolean, integer[], integer[]) IS
'The same as for integer[]; for drivers that send lists of small numbers as smallint[].';

CREATE FUNCTION @extschema@.recseq_recommend(
	items bigint[],
	k integer DEFAULT 5,
	model text DEFAULT 'default',
	version integer DEFAULT NULL,
	categories bigint[] DEFAULT NULL,
	events text[] DEFAULT NULL,
	times timestamptz[] DEFAULT NULL,
	exclude_seen boolean DEFAULT false,
	exclude bigint[] DEFAULT NULL,
	only_categories bigint[] DEFAULT NULL)
RETURNS TABLE (rank integer, item bigint, category bigint, score real, confidence real, reason text)
AS 'MODULE_PATHNAME', 'recseq_recommend'
LANGUAGE C STABLE PARALLEL SAFE ROWS 5 COST 1000;
COMMENT ON FUNCTION @extschema@.recseq_recommend(bigint[], integer, text, integer, bigint[], text[], timestamptz[], boolean, bigint[], bigint[]) IS
'The same as for integer[], with ids that need not fit into integer.';

CREATE FUNCTION @extschema@.recseq_recommend(
	items text[],
	k integer DEFAULT 5,
	model text DEFAULT 'default',
	version integer DEFAULT NULL,
	categories text[] DEFAULT NULL,
	events text[] DEFAULT NULL,
	times timestamptz[] DEFAULT NULL,
	exclude_seen boolean DEFAULT false,
	exclude text[] DEFAULT NULL,
	only_categories text[] DEFAULT NULL)
RETURNS TABLE (rank integer, item text, category text, score real, confidence real, reason text)
AS 'MODULE_PATHNAME', 'recseq_recommend'
LANGUAGE C STABLE PARALLEL SAFE ROWS 5 COST 1000;
COMMENT ON FUNCTION @extschema@.recseq_recommend(text[], integer, text, integer, text[], text[], timestamptz[], boolean, text[], text[]) IS
'The same as for integer[], with ids that are texts. For a model whose ids are integers the texts must be integers.';

CREATE FUNCTION @extschema@.recseq_recommend_batch(
	source regclass,
	k integer DEFAULT 5,
	model text DEFAULT 'default',
	version integer DEFAULT NULL,
	exclude_seen boolean DEFAULT false)
RETURNS TABLE (id text, rank integer, item bigint, category bigint, score real, confidence real, reason text)
AS 'MODULE_PATHNAME', 'recseq_recommend_batch'
LANGUAGE C STABLE PARALLEL UNSAFE ROWS 5000 COST 1000000;
COMMENT ON FUNCTION @extschema@.recseq_recommend_batch(regclass, integer, text, integer, boolean) IS
'recseq_recommend for every row of a relation, many rows at a time. source: a table or view as for recseq_train; the arrays of the model''s features are read where it has them, else those of the model''s item table count.

id: the first column of the source that has no meaning for recseq, as text. Raises the errors of recseq_recommend, with the row in the context, and one if the ids of the model are texts: use recseq_recommend_batch_text for those.';

CREATE FUNCTION @extschema@.recseq_recommend_batch_text(
	source regclass,
	k integer DEFAULT 5,
	model text DEFAULT 'default',
	version integer DEFAULT NULL,
	exclude_seen boolean DEFAULT false)
RETURNS TABLE (id text, rank integer, item text, category text, score real, confidence real, reason text)
AS 'MODULE_PATHNAME', 'recseq_recommend_batch'
LANGUAGE C STABLE PARALLEL UNSAFE ROWS 5000 COST 1000000;
COMMENT ON FUNCTION @extschema@.recseq_recommend_batch_text(regclass, integer, text, integer, boolean) IS
'The same as recseq_recommend_batch, with ids as texts.';

CREATE FUNCTION @extschema@.recseq_evaluate(
	source regclass,
	model text DEFAULT 'default',
	k integer DEFAULT 5,
	version integer DEFAULT NULL)
RETURNS TABLE (
	method text,
	cases bigint,
	hit_rate double precision,
	"precision" double precision,
	recall double precision,
	mrr double precision,
	ndcg double precision,
	unseen_cases bigint,
	unseen_hit_rate double precision,
	unseen_precision double precision,
	unseen_recall double precision,
	unseen_mrr double precision,
	unseen_ndcg double precision)
AS 'MODULE_PATHNAME', 'recseq_evaluate'
LANGUAGE C STABLE PARALLEL UNSAFE ROWS 3 COST 1000000;
COMMENT ON FUNCTION @extschema@.recseq_evaluate(regclass, text, integer, integer) IS
'Ranking metrics of a model, and of baselines on the same cases. A case is a row of the source (as for recseq_train): its last item is the target, what is before it the history. All items are ranked; ties never help; a target that the model does not know counts as a miss, unless a method finds it in the history.

The model must not have been trained on the last items of the source, or its figures say nothing: train it on the rows without them.

hit_rate: share of the cases whose target is among the best k; recall is the same with one target a case, and precision is hit_rate / k. mrr: mean of 1 / rank, ndcg: mean of 1 / log2(rank + 1), both 0 beyond k. unseen_...: over the cases whose target is not in the history, ranking only items that are not.

recency: the items of the history, newest first, then by popularity. popularity: by the number of times an item occurs in the training data.';

CREATE FUNCTION @extschema@.recseq_activate(model text, version integer)
RETURNS void
AS 'MODULE_PATHNAME', 'recseq_activate'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.recseq_activate(text, integer) IS
'Makes a version the one that answers, from the commit on. Raises an error if there is no such version or the model is not the caller''s.';
REVOKE ALL ON FUNCTION @extschema@.recseq_activate(text, integer) FROM PUBLIC;

CREATE FUNCTION @extschema@.recseq_drop_model(model text, version integer DEFAULT NULL)
RETURNS void
AS 'MODULE_PATHNAME', 'recseq_drop_model'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.recseq_drop_model(text, integer) IS
'Removes a version of a model; null: all of them. Where the active version goes, the newest that is left becomes the active one. Raises an error if there is no such version or the model is not the caller''s.';
REVOKE ALL ON FUNCTION @extschema@.recseq_drop_model(text, integer) FROM PUBLIC;
-- The Retailrocket kit: tables in the layout of the Kaggle files, the views that
-- turn them into a training source, and a generator of synthetic rows for them.
--
-- This is the worked example of preprocessing in plain SQL.  Everything here is
-- SQL over objects that belong to the caller: nothing is a member of the
-- extension but the two functions, and nothing in the C code knows these names.

CREATE FUNCTION @extschema@.recseq_retailrocket(schema name DEFAULT 'retailrocket')
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
	taken	text;
BEGIN
	IF schema IS NULL THEN
		RAISE EXCEPTION 'schema must not be null'
			USING ERRCODE = 'null_value_not_allowed',
				HINT = 'Leave the argument out to use the schema "retailrocket".';
	END IF;

	IF EXISTS (SELECT FROM pg_namespace n WHERE n.nspname = schema) THEN
		SELECT string_agg(format('%I', c.relname), ', ' ORDER BY k.place)
		INTO taken
		FROM unnest(ARRAY['events', 'item_properties', 'category_tree', 'settings',
						  'interactions', 'item_categories', 'sequences',
						  'sequence_length_bounds', 'training_sequences'])
			 WITH ORDINALITY AS k(relname, place)
		JOIN pg_class c ON c.relname = k.relname
		JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = schema;

		IF taken IS NOT NULL THEN
			RAISE EXCEPTION 'schema "%" already has relations that the kit would create', schema
				USING ERRCODE = 'duplicate_table',
					DETAIL = format('In the way: %s.', taken),
					HINT = format('Nothing was changed. Name another schema, or move these away first, for example with ALTER SCHEMA %I RENAME TO %I.',
								  schema, 'old_' || schema);
		END IF;

		-- Asked here because CREATE would quote the whole script in its error.
		IF NOT (has_schema_privilege(schema, 'CREATE') AND has_schema_privilege(schema, 'USAGE')) THEN
			RAISE EXCEPTION 'permission denied for schema %', schema
				USING ERRCODE = 'insufficient_privilege',
					HINT = 'The kit belongs to who calls this, who needs CREATE and USAGE on the schema. Name a schema that does not exist to have one of your own.';
		END IF;
	ELSE
		EXECUTE format('CREATE SCHEMA %I', schema);
	END IF;

	-- The files, column by column, so that \copy takes them as they are.
	EXECUTE format($sql$
		CREATE TABLE %1$I.events (
			"timestamp"		bigint NOT NULL,
			visitorid		int NOT NULL,
			event			text NOT NULL,
			itemid			int NOT NULL,
			transactionid	int
		);
		CREATE INDEX ON %1$I.events (visitorid, "timestamp");
		CREATE INDEX ON %1$I.events (itemid);

		COMMENT ON TABLE %1$I.events IS
			'What visitors did, in the layout of the file events.csv. Load it with: \copy %1$I.events FROM ''events.csv'' WITH (FORMAT csv, HEADER)';
		COMMENT ON COLUMN %1$I.events."timestamp" IS 'when, in milliseconds since 1970-01-01 00:00 UTC';
		COMMENT ON COLUMN %1$I.events.visitorid IS 'who';
		COMMENT ON COLUMN %1$I.events.event IS 'what kind of event: view, addtocart or transaction';
		COMMENT ON COLUMN %1$I.events.itemid IS 'which item';
		COMMENT ON COLUMN %1$I.events.transactionid IS 'number of the order, for a transaction only';

		CREATE TABLE %1$I.item_properties (
			"timestamp"		bigint NOT NULL,
			itemid			int NOT NULL,
			property		text NOT NULL,
			value			text
		);
		CREATE INDEX ON %1$I.item_properties (itemid, "timestamp" DESC)
			WHERE property = 'categoryid';

		COMMENT ON TABLE %1$I.item_properties IS
			'What items are, in the layout of the files item_properties_part1.csv and item_properties_part2.csv: one row for each time a property had a new value. The views read only the property "categoryid".';
		COMMENT ON COLUMN %1$I.item_properties."timestamp" IS 'since when, in milliseconds since 1970-01-01 00:00 UTC';
		COMMENT ON COLUMN %1$I.item_properties.itemid IS 'which item';
		COMMENT ON COLUMN %1$I.item_properties.property IS 'name of the property: "categoryid", "available", or a number that stands for a hidden name';
		COMMENT ON COLUMN %1$I.item_properties.value IS 'value of the property, any text';

		CREATE TABLE %1$I.category_tree (
			categoryid		int NOT NULL,
			parentid		int
		);

		COMMENT ON TABLE %1$I.category_tree IS
			'How categories lie in one another, in the layout of the file category_tree.csv. No view needs it: it may stay empty.';
		COMMENT ON COLUMN %1$I.category_tree.categoryid IS 'the category';
		COMMENT ON COLUMN %1$I.category_tree.parentid IS 'the category it lies in, NULL at the top';
	$sql$, schema);

	-- The rules, as one row that UPDATE changes.
	EXECUTE format($sql$
		CREATE TABLE %1$I.settings (
			event_kinds		text[] NOT NULL DEFAULT '{addtocart,transaction}',
			cut				timestamptz,
			min_length		int NOT NULL DEFAULT 3 CHECK (min_length >= 2),
			max_length		int NOT NULL DEFAULT 28 CHECK (max_length >= min_length),
			long_sequences	text NOT NULL DEFAULT 'newest'
							CHECK (long_sequences IN ('newest', 'drop')),
			fence			boolean NOT NULL DEFAULT false,
			one_row			boolean PRIMARY KEY DEFAULT true CHECK (one_row)
		);
		INSERT INTO %1$I.settings DEFAULT VALUES;

		COMMENT ON TABLE %1$I.settings IS
			'The rules that the views follow, in one row. Change them with UPDATE; the views follow at once. Without its row the views are empty: INSERT INTO %1$I.settings DEFAULT VALUES brings it back.';
		COMMENT ON COLUMN %1$I.settings.event_kinds IS
			'the kinds of event that count, in the order they are taken to happen at the same instant';
		COMMENT ON COLUMN %1$I.settings.cut IS
			'count only events before this time, to train on the past and measure on what came after it; NULL: all events';
		COMMENT ON COLUMN %1$I.settings.min_length IS
			'training_sequences and sequence_length_bounds leave out sequences with fewer events';
		COMMENT ON COLUMN %1$I.settings.max_length IS
			'training_sequences holds at most this many events of a visitor';
		COMMENT ON COLUMN %1$I.settings.long_sequences IS
			'what training_sequences does with a sequence of more than max_length events: "newest" keeps its newest max_length events, "drop" leaves the visitor out';
		COMMENT ON COLUMN %1$I.settings.fence IS
			'whether training_sequences leaves out visitors whose number of events, before any are cut off, is outside the fences of sequence_length_bounds';
		COMMENT ON COLUMN %1$I.settings.one_row IS 'always true: keeps the table at one row';
	$sql$, schema);

	-- The steps.  "LIMIT 1" tells the planner what the primary key of settings
	-- implies; without it an estimate for a table that was never analyzed would
	-- multiply every row count.
	EXECUTE format($sql$
		CREATE VIEW %1$I.interactions AS
			SELECT DISTINCT
				e.visitorid,
				e.itemid,
				e.event,
				to_timestamp(e."timestamp" / 1000.0::float8) AS "time",
				e.transactionid,
				array_position(s.event_kinds, e.event) AS event_order
			FROM (SELECT event_kinds, cut FROM %1$I.settings LIMIT 1) s
			CROSS JOIN %1$I.events e
			WHERE e.event = ANY (s.event_kinds)
				AND (s.cut IS NULL OR to_timestamp(e."timestamp" / 1000.0::float8) < s.cut)
			ORDER BY "time", event_order, visitorid, itemid, transactionid;

		COMMENT ON VIEW %1$I.interactions IS
			'Step 1: the events that count (settings.event_kinds, settings.cut), exact duplicates dropped, ordered by time, and at the same instant addtocart before transaction.';
		COMMENT ON COLUMN %1$I.interactions.visitorid IS 'who';
		COMMENT ON COLUMN %1$I.interactions.itemid IS 'which item';
		COMMENT ON COLUMN %1$I.interactions.event IS 'what kind of event';
		COMMENT ON COLUMN %1$I.interactions."time" IS 'when';
		COMMENT ON COLUMN %1$I.interactions.transactionid IS 'number of the order, for a transaction only';
		COMMENT ON COLUMN %1$I.interactions.event_order IS
			'place of the kind in settings.event_kinds, which orders events of the same instant';

		CREATE VIEW %1$I.item_categories AS
			SELECT DISTINCT ON (itemid)
				itemid,
				-- WHERE lets only numbers through, but need not be evaluated first
				CASE WHEN value ~ '^[0-9]{1,9}$' THEN value::int END AS category
			FROM %1$I.item_properties
			WHERE property = 'categoryid' AND value ~ '^[0-9]{1,9}$'
			ORDER BY itemid, "timestamp" DESC, category;

		COMMENT ON VIEW %1$I.item_categories IS
			'Step 2: the category of each item that has one: its newest "categoryid" property, and of several with the same timestamp the lowest. Values that are not a number of up to nine digits are passed over.';
		COMMENT ON COLUMN %1$I.item_categories.itemid IS 'the item';
		COMMENT ON COLUMN %1$I.item_categories.category IS 'its category';

		CREATE VIEW %1$I.sequences AS
			SELECT
				i.visitorid,
				array_agg(i.itemid ORDER BY i.step) AS items,
				-- a subquery rather than a join, so that looking up one visitor
				-- looks up only that visitor's items
				array_agg(coalesce((SELECT c.category
									FROM %1$I.item_categories c
									WHERE c.itemid = i.itemid), 0) ORDER BY i.step) AS categories,
				array_agg(i.event ORDER BY i.step) AS events,
				array_agg(i."time" ORDER BY i.step) AS times,
				count(*)::int AS length,
				min(i."time") AS first_time,
				max(i."time") AS last_time
			FROM (SELECT visitorid, itemid, event, "time",
						 row_number() OVER (PARTITION BY visitorid
											ORDER BY "time", event_order, itemid, transactionid) AS step
				  FROM %1$I.interactions) i
			GROUP BY i.visitorid;

		COMMENT ON VIEW %1$I.sequences IS
			'Step 3: one row a visitor, whatever its length: parallel arrays of what the visitor did, oldest first, ordered by time, then settings.event_kinds, then itemid.';
		COMMENT ON COLUMN %1$I.sequences.visitorid IS 'who';
		COMMENT ON COLUMN %1$I.sequences.items IS 'the items, oldest first';
		COMMENT ON COLUMN %1$I.sequences.categories IS 'the category of each item, 0 where it has none';
		COMMENT ON COLUMN %1$I.sequences.events IS 'the kind of each event';
		COMMENT ON COLUMN %1$I.sequences.times IS 'the time of each event';
		COMMENT ON COLUMN %1$I.sequences.length IS 'number of events';
		COMMENT ON COLUMN %1$I.sequences.first_time IS 'time of the first event';
		COMMENT ON COLUMN %1$I.sequences.last_time IS 'time of the last event';

		CREATE VIEW %1$I.sequence_length_bounds AS
			SELECT
				q.q1,
				q.q3,
				q.q3 - q.q1 AS iqr,
				q.q1 - 1.5 * (q.q3 - q.q1) AS lower_fence,
				q.q3 + 1.5 * (q.q3 - q.q1) AS upper_fence
			FROM (SELECT percentile_cont(0.25) WITHIN GROUP (ORDER BY length) AS q1,
						 percentile_cont(0.75) WITHIN GROUP (ORDER BY length) AS q3
				  FROM %1$I.sequences
				  WHERE length >= (SELECT min_length FROM %1$I.settings)) q;

		COMMENT ON VIEW %1$I.sequence_length_bounds IS
			'Step 4: quartiles and Tukey''s fences of the lengths of sequences with settings.min_length events or more. One row, all NULL when there is no such sequence.';
		COMMENT ON COLUMN %1$I.sequence_length_bounds.q1 IS 'first quartile of the length';
		COMMENT ON COLUMN %1$I.sequence_length_bounds.q3 IS 'third quartile of the length';
		COMMENT ON COLUMN %1$I.sequence_length_bounds.iqr IS 'interquartile range: q3 - q1';
		COMMENT ON COLUMN %1$I.sequence_length_bounds.lower_fence IS 'q1 - 1.5 iqr: a shorter sequence is an outlier';
		COMMENT ON COLUMN %1$I.sequence_length_bounds.upper_fence IS 'q3 + 1.5 iqr: a longer sequence is an outlier';

		CREATE VIEW %1$I.training_sequences AS
			SELECT
				s.visitorid,
				s.items[t.start:] AS items,
				s.categories[t.start:] AS categories,
				s.events[t.start:] AS events,
				s.times[t.start:] AS times,
				s.length - t.start + 1 AS length,
				s.times[t.start] AS first_time,
				s.last_time
			FROM (SELECT min_length, max_length, long_sequences, fence
				  FROM %1$I.settings LIMIT 1) r
			CROSS JOIN %1$I.sequences s
			CROSS JOIN LATERAL (SELECT greatest(s.length - r.max_length, 0) + 1 AS start) t
			WHERE s.length >= r.min_length
				AND (s.length <= r.max_length OR r.long_sequences = 'newest')
				AND (NOT r.fence
					 OR s.length BETWEEN (SELECT lower_fence FROM %1$I.sequence_length_bounds)
									 AND (SELECT upper_fence FROM %1$I.sequence_length_bounds));

		COMMENT ON VIEW %1$I.training_sequences IS
			'Step 5: the sequences to train on, with the columns recseq_train expects: those of settings.min_length events and more; of a sequence with more than settings.max_length events the newest, or nothing (settings.long_sequences); inside the fences only where settings.fence says so.';
		COMMENT ON COLUMN %1$I.training_sequences.visitorid IS 'who';
		COMMENT ON COLUMN %1$I.training_sequences.items IS 'the items, oldest first';
		COMMENT ON COLUMN %1$I.training_sequences.categories IS 'the category of each item, 0 where it has none';
		COMMENT ON COLUMN %1$I.training_sequences.events IS 'the kind of each event';
		COMMENT ON COLUMN %1$I.training_sequences.times IS 'the time of each event';
		COMMENT ON COLUMN %1$I.training_sequences.length IS 'number of events in this row';
		COMMENT ON COLUMN %1$I.training_sequences.first_time IS 'time of the first event in this row';
		COMMENT ON COLUMN %1$I.training_sequences.last_time IS 'time of the last event';
	$sql$, schema);
END
$function$;

COMMENT ON FUNCTION @extschema@.recseq_retailrocket(name) IS
'Creates the Retailrocket kit, owned by the caller: the tables events, item_properties and category_tree in the layout of the Kaggle files, the table settings that holds the rules, and the views interactions, item_categories, sequences, sequence_length_bounds and training_sequences.
schema: where, any name; created when there is no such schema.
Fails, and changes nothing, when one of these relations exists there already (duplicate_table), when schema is null (null_value_not_allowed), or when the caller may not create the schema or relations in it (insufficient_privilege).';

CREATE FUNCTION @extschema@.recseq_sample_data(schema name DEFAULT 'retailrocket',
											   visitors int DEFAULT 4000,
											   items int DEFAULT 1000,
											   seed int DEFAULT 1)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
	max_visitors CONSTANT int := 1000000;
	max_items	CONSTANT int := 1000000;
	relation	text;
	filled		boolean;
	leaves		int;
	inserted	bigint;
BEGIN
	IF schema IS NULL OR visitors IS NULL OR items IS NULL OR seed IS NULL THEN
		RAISE EXCEPTION 'schema, visitors, items and seed must not be null'
			USING ERRCODE = 'null_value_not_allowed',
				HINT = 'Leave an argument out to use its default.';
	END IF;
	IF visitors NOT BETWEEN 1 AND max_visitors THEN
		RAISE EXCEPTION 'visitors must be between 1 and %, not %', max_visitors, visitors
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Leave the argument out to use the default of 4000.';
	END IF;
	IF items NOT BETWEEN 1 AND max_items THEN
		RAISE EXCEPTION 'items must be between 1 and %, not %', max_items, items
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Leave the argument out to use the default of 1000.';
	END IF;

	FOREACH relation IN ARRAY ARRAY['events', 'item_properties', 'category_tree'] LOOP
		IF to_regclass(format('%I.%I', schema, relation)) IS NULL THEN
			RAISE EXCEPTION 'relation "%.%" does not exist', schema, relation
				USING ERRCODE = 'undefined_table',
					HINT = format('Create the tables first: SELECT recseq_retailrocket(%L).', schema);
		END IF;
		EXECUTE format('SELECT EXISTS (SELECT FROM %I.%I)', schema, relation) INTO filled;
		IF filled THEN
			RAISE EXCEPTION 'table "%.%" is not empty', schema, relation
				USING ERRCODE = 'object_not_in_prerequisite_state',
					HINT = 'Sample data is never mixed with other rows. Name another schema, or empty the tables first.';
		END IF;
	END LOOP;

	-- Items 1..items are dealt out over the leaf categories 0..leaves-1, so that
	-- item i is in leaf (i - 1) % leaves, and within it the lower the more popular.
	-- The category id of a leaf is 101 + leaf; 1.. are the categories above them.
	leaves := least(greatest(items / 20, 20), 100, items);

	EXECUTE format($sql$
		INSERT INTO %1$I.category_tree (categoryid, parentid)
		SELECT parent, NULL
		FROM generate_series(1, ($1 + 7) / 8) AS parent
		UNION ALL
		SELECT 101 + leaf, 1 + leaf / 8
		FROM generate_series(0, $1 - 1) AS leaf
	$sql$, schema) USING leaves;

	-- One item in 40 has no category; one in 20 was moved from another category.
	EXECUTE format($sql$
		INSERT INTO %1$I.item_properties ("timestamp", itemid, property, value)
		SELECT p."timestamp", item, p.property, p.value
		FROM generate_series(1, $2) AS item
		CROSS JOIN LATERAL (VALUES
			(1430622000000, 'available', '1', true),
			(1430622000000, 'categoryid', (101 + item %% $1)::text, item %% 20 = 7),
			(1431226800000, 'categoryid', (101 + (item - 1) %% $1)::text, item %% 40 <> 0)
		) AS p("timestamp", property, value, here)
		WHERE p.here
		ORDER BY p."timestamp", item, p.property COLLATE "C"
	$sql$, schema) USING leaves, items;

	-- Each visitor is a random walk of "length" events.  Chance comes from SHA-256
	-- of seed, visitor and step, cut into 24-bit fractions, and only integers and
	-- IEEE products follow: the rows are the same on every server and platform.
	-- OFFSET 0 keeps the planner from evaluating a subquery again at each reference.
	--
	-- u * u * u, times n, rounded down, is a rank below n with a density that
	-- falls like rank^(-2/3): few are popular, many are rare.
	EXECUTE format($sql$
		INSERT INTO %1$I.events ("timestamp", visitorid, event, itemid, transactionid)
		WITH RECURSIVE walk AS (
			-- step 0: who the visitor is; most look at one category, and at a second
			SELECT
				visitor,
				0 AS step,
				CASE
					WHEN d.class < 0.40 THEN 1 + floor(d.length * 2)::int
					WHEN d.class < 0.80 THEN 3 + floor(d.length * 4)::int
					WHEN d.class < 0.95 THEN 7 + floor(d.length * 8)::int
					WHEN d.class < 0.99 THEN 15 + floor(d.length * 16)::int
					ELSE 31 + floor(d.length * 30)::int
				END AS length,
				floor($1 * d.home * d.home)::int AS home,
				floor($1 * d.other * d.other)::int AS other,
				-- 3 May 2015, and 100 days from there
				1430611200000 + floor(d.start * 8640000000)::bigint AS ms,
				NULL::text AS event,
				NULL::int AS item,
				NULL::int AS item_before
			FROM generate_series(1, $3) AS visitor
			CROSS JOIN LATERAL (
				SELECT
					substring(h.bits FROM 1 FOR 24)::int / 16777216.0::float8 AS class,
					substring(h.bits FROM 25 FOR 24)::int / 16777216.0::float8 AS length,
					substring(h.bits FROM 49 FOR 24)::int / 16777216.0::float8 AS home,
					substring(h.bits FROM 73 FOR 24)::int / 16777216.0::float8 AS other,
					substring(h.bits FROM 97 FOR 24)::int / 16777216.0::float8 AS start
				FROM (SELECT ('x' || encode(sha256(($4 || '/' || visitor || '/0')::bytea), 'hex'))::bit(256) AS bits
					  OFFSET 0) h
				OFFSET 0) d

			UNION ALL

			SELECT
				w.visitor,
				w.step + 1,
				w.length,
				w.home,
				w.other,
				-- minutes go by, or now and then hours or days
				w.ms + CASE
					WHEN m.move = 'buy' OR d.pause < 0.80 THEN 60000 + floor(d.gap * 540000)::bigint
					ELSE 3600000 + floor(d.gap * d.gap * 432000000)::bigint
				END,
				CASE m.move WHEN 'buy' THEN 'transaction' ELSE 'addtocart' END,
				CASE m.move
					WHEN 'buy' THEN w.item
					WHEN 'again' THEN w.item
					WHEN 'back' THEN w.item_before
					-- each item has one accessory, in the leaf half the way round
					WHEN 'accessory' THEN (w.item - 1 + greatest($1 / 2, 1)) %% $2 + 1
					-- a popular item of the leaf, which has ($2 - leaf - 1) / $1 + 1 of them
					ELSE floor((($2 - l.leaf - 1) / $1 + 1) * d.item * d.item * d.item)::int * $1 + l.leaf + 1
				END,
				w.item
			FROM walk w
			CROSS JOIN LATERAL (
				SELECT
					substring(h.bits FROM 1 FOR 24)::int / 16777216.0::float8 AS move,
					substring(h.bits FROM 25 FOR 24)::int / 16777216.0::float8 AS leaf,
					substring(h.bits FROM 49 FOR 24)::int / 16777216.0::float8 AS any_leaf,
					substring(h.bits FROM 73 FOR 24)::int / 16777216.0::float8 AS item,
					substring(h.bits FROM 97 FOR 24)::int / 16777216.0::float8 AS pause,
					substring(h.bits FROM 121 FOR 24)::int / 16777216.0::float8 AS gap
				FROM (SELECT ('x' || encode(sha256(($4 || '/' || w.visitor || '/' || (w.step + 1))::bytea), 'hex'))::bit(256) AS bits
					  OFFSET 0) h
				OFFSET 0) d
			CROSS JOIN LATERAL (
				-- what is in the cart is bought or put there again; what was bought
				-- calls for its accessory, and is not wanted again
				SELECT CASE
					WHEN w.step = 0 THEN 'browse'
					WHEN w.event = 'addtocart' THEN
						CASE WHEN d.move < 0.40 THEN 'buy'
							 WHEN d.move < 0.50 THEN 'again'
							 WHEN d.move < 0.55 AND w.item_before IS NOT NULL THEN 'back'
							 WHEN d.move < 0.75 THEN 'accessory'
							 ELSE 'browse' END
					WHEN d.move < 0.60 THEN 'accessory'
					ELSE 'browse'
				END AS move
				OFFSET 0) m
			CROSS JOIN LATERAL (
				SELECT CASE
					WHEN d.leaf < 0.75 THEN w.home
					WHEN d.leaf < 0.92 THEN w.other
					ELSE floor($1 * d.any_leaf)::int
				END AS leaf
				OFFSET 0) l
			WHERE w.step < w.length
		)
		SELECT
			e.ms,
			w.visitor,
			e.event,
			w.item,
			CASE e.event WHEN 'transaction' THEN
				row_number() OVER (PARTITION BY e.event ORDER BY e.ms, w.visitor, w.step) - 1
			END
		FROM walk w
		-- who puts an item into the cart viewed it half a minute before
		CROSS JOIN LATERAL (VALUES
			(w.ms - 30000, 'view', w.event = 'addtocart'),
			(w.ms, w.event, true)
		) AS e(ms, event, here)
		WHERE w.step > 0 AND e.here
		ORDER BY e.ms, w.visitor, w.step
	$sql$, schema) USING leaves, items, visitors, seed;
	GET DIAGNOSTICS inserted = ROW_COUNT;

	-- Autovacuum would come too late for a training that follows at once.
	EXECUTE format('ANALYZE %1$I.events, %1$I.item_properties, %1$I.category_tree', schema);

	RETURN inserted;
END
$function$;

COMMENT ON FUNCTION @extschema@.recseq_sample_data(name, int, int, int) IS
'Fills the tables of the Retailrocket kit with synthetic rows in the layout of the real files, with skewed popularity, categories, carts that are bought, accessories that follow a purchase, and visitors who keep to one or two categories over about four months. Returns the number of rows in events. The same arguments give the same rows on every server.
schema: where recseq_retailrocket created the tables.
visitors: 1 to 1000000; each has 1 to 60 events other than views, on average about five.
items: 1 to 1000000; ids are 1 to items, in 20 to 100 leaf categories (fewer when there are fewer items).
seed: any number; another seed gives other visitors over the same items.
Fails when the tables do not exist (undefined_table) or one of them has rows (object_not_in_prerequisite_state), when an argument is out of its range (invalid_parameter_value) or null (null_value_not_allowed).';
