
/* recseq: items that are like an item */

CREATE FUNCTION @extschema@.recseq_similar_items(
	item integer,
	k integer DEFAULT 5,
	model text DEFAULT 'default',
	version integer DEFAULT NULL)
RETURNS TABLE (rank integer, item integer, category integer, similarity real)
AS 'MODULE_PATHNAME', 'recseq_similar_items'
LANGUAGE C STABLE PARALLEL SAFE ROWS 5 COST 1000;
COMMENT ON FUNCTION @extschema@.recseq_similar_items(integer, integer, text, integer) IS
'The k items whose embeddings are most like that of an item: those that follow the same histories, and lead to the same items.

k: 0 or more; more than there are gives all. version: null for the active one.

similarity: cosine of the angle between the two embeddings, -1 to 1; the item itself is left out. The answer is exact: all items are compared.

No rows for an item that the model does not know, or null. Raises an error if the model does not exist, or if its ids are texts.';

CREATE FUNCTION @extschema@.recseq_similar_items(
	item smallint,
	k integer DEFAULT 5,
	model text DEFAULT 'default',
	version integer DEFAULT NULL)
RETURNS TABLE (rank integer, item integer, category integer, similarity real)
AS 'MODULE_PATHNAME', 'recseq_similar_items'
LANGUAGE C STABLE PARALLEL SAFE ROWS 5 COST 1000;
COMMENT ON FUNCTION @extschema@.recseq_similar_items(smallint, integer, text, integer) IS
'The same as for integer; for drivers that send small numbers as smallint.';

CREATE FUNCTION @extschema@.recseq_similar_items(
	item bigint,
	k integer DEFAULT 5,
	model text DEFAULT 'default',
	version integer DEFAULT NULL)
RETURNS TABLE (rank integer, item bigint, category bigint, similarity real)
AS 'MODULE_PATHNAME', 'recseq_similar_items'
LANGUAGE C STABLE PARALLEL SAFE ROWS 5 COST 1000;
COMMENT ON FUNCTION @extschema@.recseq_similar_items(bigint, integer, text, integer) IS
'The same as for integer, with ids that need not fit into integer.';

CREATE FUNCTION @extschema@.recseq_similar_items(
	item text,
	k integer DEFAULT 5,
	model text DEFAULT 'default',
	version integer DEFAULT NULL)
RETURNS TABLE (rank integer, item text, category text, similarity real)
AS 'MODULE_PATHNAME', 'recseq_similar_items'
LANGUAGE C STABLE PARALLEL SAFE ROWS 5 COST 1000;
COMMENT ON FUNCTION @extschema@.recseq_similar_items(text, integer, text, integer) IS
'The same as for integer, with ids that are texts. For a model whose ids are integers the text must be an integer.';

CREATE FUNCTION @extschema@.recseq_bought_together(
	item integer,
	k integer DEFAULT 5,
	model text DEFAULT 'default',
	version integer DEFAULT NULL)
RETURNS TABLE (rank integer, item integer, category integer, weight real)
AS 'MODULE_PATHNAME', 'recseq_bought_together'
LANGUAGE C STABLE PARALLEL SAFE ROWS 5 COST 1000;
COMMENT ON FUNCTION @extschema@.recseq_bought_together(integer, integer, text, integer) IS
'The k items that were most often bought in one sequence with an item, in no more than ten events from it; where the source of the model had no kinds of events, those that came near it.

k: 0 or more; of each item the 50 strongest are known. version: null for the active one.

weight: how often; where kinds are not known, each time counts 1 / distance. What fewer sequences than the model''s min_support have is left out, and so is what its catalog does not sell.

No rows for an item that the model does not know, or null. Raises an error if the model does not exist, has no second stage, or if its ids are texts.';

CREATE FUNCTION @extschema@.recseq_bought_together(
	item smallint,
	k integer DEFAULT 5,
	model text DEFAULT 'default',
	version integer DEFAULT NULL)
RETURNS TABLE (rank integer, item integer, category integer, weight real)
AS 'MODULE_PATHNAME', 'recseq_bought_together'
LANGUAGE C STABLE PARALLEL SAFE ROWS 5 COST 1000;
COMMENT ON FUNCTION @extschema@.recseq_bought_together(smallint, integer, text, integer) IS
'The same as for integer; for drivers that send small numbers as smallint.';

CREATE FUNCTION @extschema@.recseq_bought_together(
	item bigint,
	k integer DEFAULT 5,
	model text DEFAULT 'default',
	version integer DEFAULT NULL)
RETURNS TABLE (rank integer, item bigint, category bigint, weight real)
AS 'MODULE_PATHNAME', 'recseq_bought_together'
LANGUAGE C STABLE PARALLEL SAFE ROWS 5 COST 1000;
COMMENT ON FUNCTION @extschema@.recseq_bought_together(bigint, integer, text, integer) IS
'The same as for integer, with ids that need not fit into integer.';

CREATE FUNCTION @extschema@.recseq_bought_together(
	item text,
	k integer DEFAULT 5,
	model text DEFAULT 'default',
	version integer DEFAULT NULL)
RETURNS TABLE (rank integer, item text, category text, weight real)
AS 'MODULE_PATHNAME', 'recseq_bought_together'
LANGUAGE C STABLE PARALLEL SAFE ROWS 5 COST 1000;
COMMENT ON FUNCTION @extschema@.recseq_bought_together(text, integer, text, integer) IS
'The same as for integer, with ids that are texts. For a model whose ids are integers the text must be an integer.';

CREATE FUNCTION @extschema@.recseq_trending(
	half_life interval DEFAULT '7 days',
	k integer DEFAULT 5,
	model text DEFAULT 'default',
	version integer DEFAULT NULL,
	only_categories bigint[] DEFAULT NULL,
	purchases boolean DEFAULT false)
RETURNS TABLE (rank integer, item bigint, category bigint, score real)
AS 'MODULE_PATHNAME', 'recseq_trending'
LANGUAGE C STABLE PARALLEL SAFE ROWS 5 COST 1000;
COMMENT ON FUNCTION @extschema@.recseq_trending(interval, integer, text, integer, bigint[], boolean) IS
'The k items that most visitors have come to lately, of the events that the model was trained on.

half_life: an event counts half when it is so much older than the newest of them. k: 0 or more; more than there are gives all. version: null for the active one. only_categories: categories to keep to. purchases: these events alone.

score: visitors, each counted by the age of the newest event with the item: no visitor more than once. What fewer sequences than the model''s min_support have is left out, and so is what its catalog does not sell.

Raises an error if the model does not exist, if its second stage knows no times (or kinds) of events, or if its ids are texts: use recseq_trending_text for those.';

CREATE FUNCTION @extschema@.recseq_trending_text(
	half_life interval DEFAULT '7 days',
	k integer DEFAULT 5,
	model text DEFAULT 'default',
	version integer DEFAULT NULL,
	only_categories text[] DEFAULT NULL,
	purchases boolean DEFAULT false)
RETURNS TABLE (rank integer, item text, category text, score real)
AS 'MODULE_PATHNAME', 'recseq_trending'
LANGUAGE C STABLE PARALLEL SAFE ROWS 5 COST 1000;
COMMENT ON FUNCTION @extschema@.recseq_trending_text(interval, integer, text, integer, text[], boolean) IS
'The same as recseq_trending, with ids as texts.';
