
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

CREATE FUNCTION @extschema@.recseq_weights(model text DEFAULT 'default', version integer DEFAULT NULL)
RETURNS TABLE (name text, shape integer[], "values" real[])
AS 'MODULE_PATHNAME', 'recseq_weights'
LANGUAGE C STABLE PARALLEL SAFE ROWS 20 COST 100000;
COMMENT ON FUNCTION @extschema@.recseq_weights(text, integer) IS
'The numbers of a network by name, row after row, for NumPy and the like. version: null for the active one.

lstmL.D.w_input, lstmL.D.w_hidden, lstmL.D.bias: of layer L, forward (D = 0) and backward (1); rows of the gates input, forget, cell, output. item_embedding: a row an item, the last for unknown ones. feature_embeddingF: a row a value of feature F, the first for none. projection (tied): from states to the columns of items. gate_weight, gate_bias: residual. copy_query, copy_bias, copy_place: copy. output_weight (not tied), output_bias: a row an item.

It is a copy of what was learned, so it is granted to nobody. Raises an error if the model does not exist, or one of its arrays holds more than 134 million numbers.';
REVOKE ALL ON FUNCTION @extschema@.recseq_weights(text, integer) FROM PUBLIC;

CREATE FUNCTION @extschema@.recseq_vocabulary(model text DEFAULT 'default', version integer DEFAULT NULL)
RETURNS TABLE (input text, index integer, id text, features integer[], available boolean)
AS 'MODULE_PATHNAME', 'recseq_vocabulary'
LANGUAGE C STABLE PARALLEL SAFE ROWS 10000 COST 10000;
COMMENT ON FUNCTION @extschema@.recseq_vocabulary(text, integer) IS
'What the rows of a network''s tables stand for, and the inputs of its ONNX file. version: null for the active one.

input: items, or the name of a feature. index: from 0 for items, from 1 for the values of a feature, where 0 stands for none or unknown. id: as text. features, available: of an item, the index of its value of each feature in the order of the model (0 for events, which an item does not tell), and whether it can be sold; null for values.

Raises an error if the model does not exist.';

CREATE FUNCTION @extschema@.recseq_onnx(model text DEFAULT 'default', version integer DEFAULT NULL)
RETURNS bytea
AS 'MODULE_PATHNAME', 'recseq_onnx'
LANGUAGE C STABLE PARALLEL SAFE COST 100000;
COMMENT ON FUNCTION @extschema@.recseq_onnx(text, integer) IS
'The network as a file of ONNX (operators of version 17), for ONNX Runtime and the like. version: null for the active one.

Inputs: "items", and one named like each feature, all of them histories x length in 64-bit integers, by the indexes of recseq_vocabulary: a history a row, oldest first, at least one item and no more than the newest max_length, filled up at its end with -1 in "items". An item that the model does not know is any number from the number of items on, the same for the same item. Output: "probability", histories x items, of the network alone (as with ranker => false); what cannot be sold is among them. Every combination of options can be written.

It is a copy of what was learned, so it is granted to nobody. Raises an error if the model does not exist, if it does not fit into one bytea, which holds less than 1 GB, or if a feature is called "probability".';
REVOKE ALL ON FUNCTION @extschema@.recseq_onnx(text, integer) FROM PUBLIC;
