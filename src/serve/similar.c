/*
 * similar.c
 *	  recseq_similar_items: the items whose embeddings point nearly where that of
 *	  one item points; recseq_bought_together: those that were bought with it.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/lsyscache.h"

#include "data/arrays.h"
#include "memory.h"
#include "serve/item_rows.h"
#include "serve/model_call.h"
#include "nn/nn.h"

/* The argument of both before those of model_call.h. */
#define ARG_ITEM 0

/* Items looked at between two checks for interrupts. */
#define TILE 4096

/* Index of the item that is asked about, or -1 where the model does not know it. */
static int32
find_item(FunctionCallInfo fcinfo, const ModelCall *call)
{
	const Vocabulary *items = &call->cached->model.items;
	Id			id;

	if (PG_ARGISNULL(ARG_ITEM))
		return -1;
	id = id_of_datum(PG_GETARG_DATUM(ARG_ITEM), get_fn_expr_argtype(fcinfo->flinfo, ARG_ITEM),
					 "item");
	if (id.text == NULL && items->kind == ID_TEXT)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("\"item\" is an integer, but the ids of model \"%s\" are texts",
						call->model_name),
				 errhint("Pass text.")));
	if (id.text != NULL && items->kind == ID_INTEGER &&
		!integer_of_text(&id, &id.integer))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("\"item\" is \"%.*s\", but the ids of model \"%s\" are integers",
						(int) id.length, id.text, call->model_name),
				 errhint("Pass integer or bigint.")));
	return find_id(items, &id);
}

/*
 * The items that are not answered, where a catalog is known: what cannot be sold,
 * and what nobody has touched, whose embedding is but that of its category.
 */
static uint8 *
find_excluded(const Model *model, const Budget *budget)
{
	Size		bytes = exclusion_bytes(model->config.items);
	uint8	   *excluded;

	if (model->unavailable == NULL)
		return NULL;
	excluded = memcpy(budget_take(budget, bytes), model->unavailable, bytes);
	for (int32 i = 0; i < model->config.items; i++)
	{
		if (model->item_count[i] == 0)
			exclusion_set(excluded, i);
	}
	return excluded;
}

/* The k items most similar to one, best first, in the current context. */
static TopK
rank_by_similarity(const ModelCall *call, int32 item)
{
	const Model *model = &call->cached->model;
	TopK		top = {.k = Min(call->k, model->config.items)};
	Budget		budget = budget_of_call(CurrentMemoryContext);
	const uint8 *excluded = find_excluded(model, &budget);

	top.heap = budget_array(&budget, Scored, Max(top.k, 1));
	for (int32 first = 0; first < model->config.items; first += TILE)
	{
		CHECK_FOR_INTERRUPTS();
		cosine_offer(&top, call->cached->infer.kernels, model->params.item_embedding,
					 model->config.item_dim, item, excluded, first,
					 Min(TILE, model->config.items - first));
	}
	topk_sort(&top);
	return top;
}

/*
 * The k items that were most often bought in one sequence with one, likewise; of
 * purchases that are not known, those that came near it.
 */
static TopK
rank_by_purchases(const ModelCall *call, int32 item)
{
	const Model *model = &call->cached->model;
	const Counts *counts = &model->rank.counts;
	const PairTable *pairs = &counts->item_pairs;
	Budget		budget = budget_of_call(CurrentMemoryContext);
	TopK		top = {.k = Min(call->k, PAIRS_MAX)};

	top.heap = budget_array(&budget, Scored, Max(top.k, 1));
	if (item >= counts->sizes.items)
		return top;
	for (int64 p = pairs->start[item]; p < pairs->start[item + 1]; p++)
	{
		const Pair *pair = &pairs->pair[p];
		float		weight = model->rank.kinds ? pair->weights.bought : pair->weights.both;

		if (weight > 0 && pair->to != item && !exclusion_test(model->unavailable, pair->to))
			topk_offer(&top, (Scored) {pair->to, weight});
	}
	topk_sort(&top);
	return top;
}

/* Add the rows of the items that go with the one that is asked about. */
static void
answer(FunctionCallInfo fcinfo, const Results *results, const ModelCall *call,
	   TopK (*rank) (const ModelCall *call, int32 item))
{
	MemoryContext caller;
	int32		item;
	int64		rows = 0;

	MemoryContextReset(call->cached->scratch);
	caller = MemoryContextSwitchTo(call->cached->scratch);
	item = find_item(fcinfo, call);
	if (item >= 0)
	{
		TopK		top = rank(call, item);

		add_item_rows(results, &call->cached->model, &top);
		rows = top.count;
	}
	MemoryContextSwitchTo(caller);
	model_call_end(call, rows);
}

PG_FUNCTION_INFO_V1(recseq_similar_items);

/*
 * recseq_similar_items(item, k, model, version), for items of type integer,
 * smallint, bigint and text: see sql/similar.sql.
 */
Datum
recseq_similar_items(PG_FUNCTION_ARGS)
{
	Results		results = results_begin(fcinfo);
	ModelCall	call = model_call_begin(fcinfo);

	answer(fcinfo, &results, &call, rank_by_similarity);
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(recseq_bought_together);

/* recseq_bought_together(item, k, model, version): the same. */
Datum
recseq_bought_together(PG_FUNCTION_ARGS)
{
	Results		results = results_begin(fcinfo);
	ModelCall	call = model_call_begin(fcinfo);

	if (!call.cached->model.rank.present)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("model \"%s\" has no counts", call.model_name),
				 errhint("Train it with \"ranker\" true.")));
	answer(fcinfo, &results, &call, rank_by_purchases);
	return (Datum) 0;
}
