
/* recseq: items and histories as vectors, and the network for use elsewhere */

CREATE FUNCTION @extschema@.recseq_embeddings(model text DEFAULT 'default', version integer DEFAULT NULL)
RETURNS TABLE (item bigint, embedding real[])
AS 'MODULE_PATHNAME', 'recseq_embeddings'
LANGUAGE C STABLE PARALLEL SAFE ROWS 10000 COST 10000;
COMMENT ON FUNCTION @extschema@.recseq_embeddings(text, integer) IS
'Each item as a vector. Its inner product with that of a history, which recseq_embed gives, is the score by which the network orders the items: the higher, the likelier. version: null for the active one.

With a scale, which is the default, the vectors have length 1, so cosine and distance give the same order; without one (scale => 0) they have one number more, the bias of the item, and the order is that of the inner product alone. What the network copies from the history (copy), and the second stage, are not in it. Items that cannot be sold are left out.

Raises an error if the model does not exist, or if its ids are texts: use recseq_embeddings_text for those.';

CREATE FUNCTION @extschema@.recseq_embeddings_text(model text DEFAULT 'default', version integer DEFAULT NULL)
RETURNS TABLE (item text, embedding real[])
AS 'MODULE_PATHNAME', 'recseq_embeddings'
LANGUAGE C STABLE PARALLEL SAFE ROWS 10000 COST 10000;
COMMENT ON FUNCTION @extschema@.recseq_embeddings_text(text, integer) IS
'The same as recseq_embeddings, with ids as texts.';

CREATE FUNCTION @extschema@.recseq_embed(
	items integer[],
	model text DEFAULT 'default',
	version integer DEFAULT NULL,
	categories integer[] DEFAULT NULL,
	events text[] DEFAULT NULL)
RETURNS real[]
AS 'MODULE_PATHNAME', 'recseq_embed'
LANGUAGE C STABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION @extschema@.recseq_embed(integer[], text, integer, integer[], text[]) IS
'A history (oldest first) as a vector: what the network makes of it. Its inner product with the vector of an item, which recseq_embeddings gives, is the network''s score of the item. version: null for the active one. categories: one for each item, instead of those of the model''s item table. events: one for each item, its kind; null: not known.

With a scale the length of the vector is the scale; without one its last number is 1. Null for a history without items. Raises the errors of recseq_recommend.';

CREATE FUNCTION @extschema@.recseq_embed(
	items smallint[],
	model text DEFAULT 'default',
	version integer DEFAULT NULL,
	categories integer[] DEFAULT NULL,
	events text[] DEFAULT NULL)
RETURNS real[]
AS 'MODULE_PATHNAME', 'recseq_embed'
LANGUAGE C STABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION @extschema@.recseq_embed(smallint[], text, integer, integer[], text[]) IS
'The same as for integer[]; for drivers that send lists of small numbers as smallint[].';

CREATE FUNCTION @extschema@.recseq_embed(
	items bigint[],
	model text DEFAULT 'default',
	version integer DEFAULT NULL,
	categories bigint[] DEFAULT NULL,
	events text[] DEFAULT NULL)
RETURNS real[]
AS 'MODULE_PATHNAME', 'recseq_embed'
LANGUAGE C STABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION @extschema@.recseq_embed(bigint[], text, integer, bigint[], text[]) IS
'The same as for integer[], with ids that need not fit into integer.';

CREATE FUNCTION @extschema@.recseq_embed(
	items text[],
	model text DEFAULT 'default',
	version integer DEFAULT NULL,
	categories text[] DEFAULT NULL,
	events text[] DEFAULT NULL)
RETURNS real[]
AS 'MODULE_PATHNAME', 'recseq_embed'
LANGUAGE C STABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION @extschema@.recseq_embed(text[], text, integer, text[], text[]) IS
'The same as for integer[], with ids that are texts. For a model whose ids are integers the texts must be integers.';
