
/* recseq: training, answering, and keeping models */

CREATE FUNCTION @extschema@.recseq_train(
	source regclass,
	model text DEFAULT 'default',
	features text[] DEFAULT NULL,
	units integer DEFAULT 64,
	layers integer DEFAULT 1,
	bidirectional boolean DEFAULT true,
	attention boolean DEFAULT false,
	item_dim integer DEFAULT 64,
	feature_dim integer DEFAULT 32,
	tied boolean DEFAULT true,
	scale double precision DEFAULT 14,
	residual boolean DEFAULT true,
	copy boolean DEFAULT true,
	dropout double precision DEFAULT 0.3,
	embedding_dropout double precision DEFAULT 0.25,
	item_dropout double precision DEFAULT 0.05,
	loss text DEFAULT NULL,
	negatives integer DEFAULT 2048,
	epochs integer DEFAULT 12,
	batch_size integer DEFAULT 128,
	learning_rate double precision DEFAULT 0.002,
	decay double precision DEFAULT 0.3,
	decay_epochs integer DEFAULT NULL,
	clip_norm double precision DEFAULT 5,
	patience integer DEFAULT 3,
	validation_fraction double precision DEFAULT 0.1,
	validation_metric text DEFAULT 'mrr',
	max_length integer DEFAULT 28,
	seed bigint DEFAULT 1,
	workers integer DEFAULT NULL,
	purchases text[] DEFAULT '{transaction,purchase,buy,order}',
	ranker boolean DEFAULT true,
	min_support integer DEFAULT 1,
	activate text DEFAULT 'always',
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
AS 'MODULE_PATHNAME', 'recseq_train'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.recseq_train(regclass, text, text[], integer, integer, boolean, boolean, integer, integer, boolean, double precision, boolean, boolean, double precision, double precision, double precision, text, integer, integer, integer, double precision, double precision, integer, double precision, integer, double precision, text, integer, bigint, integer, text[], boolean, integer, text, regclass) IS
'Trains a network on a relation with one row a sequence, stores it as a new version of the model and makes that the active one (see activate).

source: a table or view with "items" (integer[], bigint[] or text[], oldest first); optional parallel arrays named by "features"; optional "events" (text[], the kind of each event); optional "times" (timestamptz[]), which make the newest sequences the validation part.
features: columns that are read beside the items, up to 8 (default: categories, and events beside it, where there are such columns).
units: hidden units of one direction, 1..1024. layers: LSTM layers, 1..4. bidirectional: read in both directions. attention: self-attention below the last layer.
item_dim, feature_dim: embedding columns, 1..1024. tied: score items by their embeddings instead of weights of their own. scale: scores are this times the cosine between the representation and the items embedding, 0..100; 0: their product, and a bias of the item. residual: the representation adds the embedding of the newest item, as much of it as a gate lets through. copy: beside the scores of all items, a pointer says which item of the history is likely to come again. These three only where tied; copy not with bpr_max.
dropout: share of the representation dropped, 0 to below 1. embedding_dropout: share of the columns of embeddings that are read dropped, 0 to below 1. item_dropout: share of history items read as unknown, 0 to below 1.
loss: softmax (over all items); sampled_softmax or bpr_max, whose cost does not depend on the number of items, with `negatives` items drawn for each minibatch, 1..65536; null: softmax for up to 20,000 items, sampled_softmax for more.
epochs: at most so many, 1..10000. batch_size: windows, 1..65536. learning_rate: of Adam, in the first epoch. decay, decay_epochs: it falls by the factor decay, 0.001..1, after each decay_epochs epochs, 0..10000 (default: once, after half of the epochs); 0: it is halved when validation has stalled for two epochs. clip_norm: limit of the global gradient norm, 0 for none. patience: epochs without improvement before training stops, 0 for never.
validation_fraction: share of the sequences held out, 0..0.9; of more than 10,000 windows an even sample of about so many judges each epoch. validation_metric: what makes an epoch the best, which is kept: mrr (at 20), hit_rate (at 5) or loss. max_length: newest items of a history that are read, 1..1000. seed: same data, options and seed give the same weights.
purchases: kinds of events that are purchases, in the arrays of the column "events" where the source has it.
ranker: fit a second stage that ranks candidates (the history, what goes with it, the network''s best, what is popular) by the evidence for each; false: the network alone answers. min_support: sequences that what speaks for an item takes to be used and shown by the second stage, 1..150: what goes with what, similar histories, and popular items count only where so many have them.
activate: always; if_better: only if the hit rate is not below that of the active version (of the training it goes back to, where it is an update), as each was validated; never. The first version of a model is active in any case.
catalog: a table or view of the items that there are, one row an item: "item" (or else its first column), the features of the model by name with one value each ("category" for "categories"), and "available" (boolean) where some cannot be sold. Items of it that are in no sequence join the model, with what was learned of the items that share a feature with them. Only what it has and can be sold is answered. Null: there are the items of the source.

Returns what was learned: windows are histories with the item that follows; val_loss is that of the network on the validation windows at its best epoch; hit_rate (at 5) that of the model, of both stages with ranker, on events of the sequences held out, measured before the second stage learns from these, too. Raises an error, and stores nothing, for bad options or data, for a model of another owner, and when cancelled.';
REVOKE ALL ON FUNCTION @extschema@.recseq_train(regclass, text, text[], integer, integer, boolean, boolean, integer, integer, boolean, double precision, boolean, boolean, double precision, double precision, double precision, text, integer, integer, integer, double precision, double precision, integer, double precision, integer, double precision, text, integer, bigint, integer, text[], boolean, integer, text, regclass) FROM PUBLIC;

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
	only_categories integer[] DEFAULT NULL,
	only_items integer[] DEFAULT NULL,
	unknown_items boolean DEFAULT false,
	rules jsonb DEFAULT NULL)
RETURNS TABLE (rank integer, item integer, category integer, score real, confidence real, reason text, reason_item integer)
AS 'MODULE_PATHNAME', 'recseq_recommend'
LANGUAGE C STABLE PARALLEL SAFE ROWS 5 COST 1000;
COMMENT ON FUNCTION @extschema@.recseq_recommend(integer[], integer, text, integer, integer[], text[], timestamptz[], boolean, integer[], integer[], integer[], boolean, jsonb) IS
'The k items that most probably follow a history (oldest first).

k: 0 or more; more than there are gives all. version: null for the active one. categories: one for each item, instead of those of the model''s item table. events, times: one for each item, its kind and when it was; the second stage reads them where the source of the model had such columns; null: not known. exclude_seen: leave out items of the history. exclude: items to leave out. only_categories: categories to keep to. only_items: items to keep to. unknown_items: items of the history that the model does not know may be answered too. rules: a JSON object of boost_items and boost_categories (objects of ids with factors), max_per_category, promoted (an array of items) with promoted_share (of the rows), and diversity (0..1); they put the best max(50, 4 k) items, and those that they name, into another order.

score: the model''s probability of the item. confidence: score divided by the sum over the rows returned. reason: seen before; follows, or same category as, an item of the history; in similar histories; popular; or sequence (the network''s choice). reason_item: the item of the history that the reason names. An empty history gets what is popular, with the item''s share of the training data as score.

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
	only_categories integer[] DEFAULT NULL,
	only_items integer[] DEFAULT NULL,
	unknown_items boolean DEFAULT false,
	rules jsonb DEFAULT NULL)
RETURNS TABLE (rank integer, item integer, category integer, score real, confidence real, reason text, reason_item integer)
AS 'MODULE_PATHNAME', 'recseq_recommend'
LANGUAGE C STABLE PARALLEL SAFE ROWS 5 COST 1000;
COMMENT ON FUNCTION @extschema@.recseq_recommend(smallint[], integer, text, integer, integer[], text[], timestamptz[], boolean, integer[], integer[], integer[], boolean, jsonb) IS
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
	only_categories bigint[] DEFAULT NULL,
	only_items bigint[] DEFAULT NULL,
	unknown_items boolean DEFAULT false,
	rules jsonb DEFAULT NULL)
RETURNS TABLE (rank integer, item bigint, category bigint, score real, confidence real, reason text, reason_item bigint)
AS 'MODULE_PATHNAME', 'recseq_recommend'
LANGUAGE C STABLE PARALLEL SAFE ROWS 5 COST 1000;
COMMENT ON FUNCTION @extschema@.recseq_recommend(bigint[], integer, text, integer, bigint[], text[], timestamptz[], boolean, bigint[], bigint[], bigint[], boolean, jsonb) IS
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
	only_categories text[] DEFAULT NULL,
	only_items text[] DEFAULT NULL,
	unknown_items boolean DEFAULT false,
	rules jsonb DEFAULT NULL)
RETURNS TABLE (rank integer, item text, category text, score real, confidence real, reason text, reason_item text)
AS 'MODULE_PATHNAME', 'recseq_recommend'
LANGUAGE C STABLE PARALLEL SAFE ROWS 5 COST 1000;
COMMENT ON FUNCTION @extschema@.recseq_recommend(text[], integer, text, integer, text[], text[], timestamptz[], boolean, text[], text[], text[], boolean, jsonb) IS
'The same as for integer[], with ids that are texts. For a model whose ids are integers the texts must be integers.';

CREATE FUNCTION @extschema@.recseq_recommend_batch(
	source regclass,
	k integer DEFAULT 5,
	model text DEFAULT 'default',
	version integer DEFAULT NULL,
	exclude_seen boolean DEFAULT false,
	exclude bigint[] DEFAULT NULL,
	only_categories bigint[] DEFAULT NULL,
	only_items bigint[] DEFAULT NULL,
	unknown_items boolean DEFAULT false,
	rules jsonb DEFAULT NULL)
RETURNS TABLE (id text, rank integer, item bigint, category bigint, score real, confidence real, reason text, reason_item bigint)
AS 'MODULE_PATHNAME', 'recseq_recommend_batch'
LANGUAGE C STABLE PARALLEL UNSAFE ROWS 5000 COST 1000000;
COMMENT ON FUNCTION @extschema@.recseq_recommend_batch(regclass, integer, text, integer, boolean, bigint[], bigint[], bigint[], boolean, jsonb) IS
'recseq_recommend for every row of a relation, many rows at a time. source: a table or view as for recseq_train; the arrays of the model''s features are read where it has them, else those of the model''s item table count. exclude, only_categories, only_items: the same for every row.

id: the first column of the source that has no meaning for recseq, as text. Raises the errors of recseq_recommend, with the row in the context, and one if the ids of the model are texts: use recseq_recommend_batch_text for those.';

CREATE FUNCTION @extschema@.recseq_recommend_batch_text(
	source regclass,
	k integer DEFAULT 5,
	model text DEFAULT 'default',
	version integer DEFAULT NULL,
	exclude_seen boolean DEFAULT false,
	exclude text[] DEFAULT NULL,
	only_categories text[] DEFAULT NULL,
	only_items text[] DEFAULT NULL,
	unknown_items boolean DEFAULT false,
	rules jsonb DEFAULT NULL)
RETURNS TABLE (id text, rank integer, item text, category text, score real, confidence real, reason text, reason_item text)
AS 'MODULE_PATHNAME', 'recseq_recommend_batch'
LANGUAGE C STABLE PARALLEL UNSAFE ROWS 5000 COST 1000000;
COMMENT ON FUNCTION @extschema@.recseq_recommend_batch_text(regclass, integer, text, integer, boolean, text[], text[], text[], boolean, jsonb) IS
'The same as recseq_recommend_batch, with ids as texts.';

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
