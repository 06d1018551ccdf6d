/* recseq: which version answers, which are kept, and how a version moves to another cluster */

CREATE FUNCTION @extschema@.recseq_rollback(model text)
RETURNS integer
AS 'MODULE_PATHNAME', 'recseq_rollback'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.recseq_rollback(text) IS
'Makes the version that was active before the active one answer again, from the commit on; called again, the one before that. Returns its number.

The version that is left behind stays, and recseq_activate brings it back. Raises an error if no earlier version was active, or all that were are dropped, or the model is not the caller''s.';
REVOKE ALL ON FUNCTION @extschema@.recseq_rollback(text) FROM PUBLIC;

CREATE FUNCTION @extschema@.recseq_retain(model text, keep integer)
RETURNS integer
AS 'MODULE_PATHNAME', 'recseq_retain'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.recseq_retain(text, integer) IS
'Keeps the newest versions of a model, now and whenever a version is stored: older ones are dropped, but never the active one nor the one that recseq_rollback would go back to. Returns how many are dropped now.

keep: 1 or more; null: keep all from now on. Raises an error if there is no such model or it is not the caller''s.';
REVOKE ALL ON FUNCTION @extschema@.recseq_retain(text, integer) FROM PUBLIC;

CREATE FUNCTION @extschema@.recseq_assign(
	visitor text,
	variants text[],
	weights double precision[] DEFAULT NULL,
	experiment text DEFAULT '')
RETURNS text
AS 'MODULE_PATHNAME', 'recseq_assign'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.recseq_assign(text, text[], double precision[], text) IS
'Which of several variants a visitor gets: always the same one for the same arguments, on every server, and spread over the visitors by the weights.

variants: for example the names of models. weights: one for each variant, 0 or more; null: all the same. experiment: its name; the assignments of two experiments do not depend on each other. Null for a visitor that is null.

The first 52 bits of SHA-256 (experiment, a zero byte, visitor, both in UTF-8) are a number in [0, 1); the variants divide that interval in their order, by their weights. So a change of weights moves no more visitors than it must where there are two variants. Raises an error for no variants, nulls, other lengths, several dimensions, and weights that are negative or infinite or all 0.';

CREATE FUNCTION @extschema@.recseq_export_model(model text, version integer DEFAULT NULL)
RETURNS bytea
AS 'MODULE_PATHNAME', 'recseq_export_model'
LANGUAGE C STABLE PARALLEL UNSAFE COST 100000;
COMMENT ON FUNCTION @extschema@.recseq_export_model(text, integer) IS
'A version of a model as one value, with all that recseq_models says of it: for recseq_import_model in another database or cluster, of the same or a newer version of recseq, on a machine with the same byte order. version: null for the active one.

It holds the event sequences of the training data, as the second stage counts them, without the ids of rows; so it is granted to nobody. The caller must be allowed to use the model, too. Raises an error if there is no such version, if it is damaged, or if it does not fit into one bytea, which holds less than 1 GB (and is text of twice that size where it is not sent in binary): larger models move by pg_dump, or by replication of recseq''s tables.';
REVOKE ALL ON FUNCTION @extschema@.recseq_export_model(text, integer) FROM PUBLIC;

CREATE FUNCTION @extschema@.recseq_import_model(
	image bytea,
	model text DEFAULT NULL,
	activate text DEFAULT 'always',
	OUT model text,
	OUT version integer)
AS 'MODULE_PATHNAME', 'recseq_import_model'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.recseq_import_model(bytea, text, text) IS
'Stores what recseq_export_model returned as a new version, which the caller is then shown to have made. model: its name here; null for the name it had. activate: always, if_better or never, as for recseq_train.

All of it is checked before anything is stored: begin, format, size, checksums, every index and number of the image, every field of what it says of itself and that this agrees with the image, and that its texts are valid in the encoding of this database. An update goes back to no version here. Raises an error for what is not sound, and for a model of another owner.';
REVOKE ALL ON FUNCTION @extschema@.recseq_import_model(bytea, text, text) FROM PUBLIC;

CREATE FUNCTION @extschema@.recseq_update(
	model text,
	source regclass,
	epochs integer DEFAULT 1,
	learning_rate double precision DEFAULT 0.0005,
	validation_fraction double precision DEFAULT 0.1,
	activate text DEFAULT 'always',
	workers integer DEFAULT NULL,
	catalog regclass DEFAULT NULL,
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
AS 'MODULE_PATHNAME', 'recseq_update'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.recseq_update(text, regclass, integer, double precision, double precision, text, integer, regclass) IS
'Trains the active version of a model on with new sequences, and stores the result as a new version. It costs in proportion to the new sequences, and adds their items and categories to the vocabulary: a new item begins with the mean of what is known of the items of its category.

source: a table or view as for recseq_train, with the new sequences, and those that have become longer. Old sequences need not be in it. epochs, learning_rate: few and low, so that nothing is forgotten. validation_fraction, workers: as for recseq_train. activate: always; if_better: only if the hit rate is not below that of the active version on the same held-out windows; never. catalog: as for recseq_train, in place of the one that the version knows; null: that stays, and what the source adds to it can be sold. All other options are those of the version.

Returns what recseq_train returns: sequences, windows, val_loss and hit_rate are of this source, items is the whole vocabulary. Where the source has no sequence, a notice says so, and the row shows the active version, 0 sequences and 0 epochs. Raises the errors of recseq_train, and one if the ids of the source are of another type than those of the model.';
REVOKE ALL ON FUNCTION @extschema@.recseq_update(text, regclass, integer, double precision, double precision, text, integer, regclass) FROM PUBLIC;

CREATE FUNCTION @extschema@.recseq_forget(
	model text,
	items bigint[],
	times timestamptz[] DEFAULT NULL)
RETURNS TABLE (version integer, sequences integer, events bigint, items_left integer)
AS 'MODULE_PATHNAME', 'recseq_forget'
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 5 COST 1000000;
COMMENT ON FUNCTION @extschema@.recseq_forget(text, bigint[], timestamptz[]) IS
'Takes a visitor out of the counts and the stored sequences of all versions of a model, which keep their numbers: both are then, to the byte, what they would be without the visitor''s sequence. A row for each version that had anything of the visitor.

items, times: all events of the visitor, in any order. A stored sequence is the visitor''s when each of its events is one of these. Of a model that knows no times: the longest one that stands in items, one after the other.

sequences, events: that were taken out. items_left: items that nobody else had; their ids and embeddings stay in the vocabulary. The weights of the network and of the rankers, which were learned with these events, stay until the next training on a source without them. So does what was exported or backed up. A model without a second stage has no sequences. Raises an error if the model is not the caller''s, or a version would have nothing left.';
REVOKE ALL ON FUNCTION @extschema@.recseq_forget(text, bigint[], timestamptz[]) FROM PUBLIC;

CREATE FUNCTION @extschema@.recseq_forget(
	model text,
	items text[],
	times timestamptz[] DEFAULT NULL)
RETURNS TABLE (version integer, sequences integer, events bigint, items_left integer)
AS 'MODULE_PATHNAME', 'recseq_forget'
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 5 COST 1000000;
COMMENT ON FUNCTION @extschema@.recseq_forget(text, text[], timestamptz[]) IS
'The same for ids that are texts.';
REVOKE ALL ON FUNCTION @extschema@.recseq_forget(text, text[], timestamptz[]) FROM PUBLIC;
