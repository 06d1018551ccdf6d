/*
 * recommend.c
 *	  recseq_recommend: a history -> the network -> rows.
 *
 * One call: find the version (an index scan), number the history by the model's
 * vocabulary, run the network, scan the items for the best k.  All memory of a
 * call is in the scratch context of the loaded model, reset by the next call;
 * the rows are in the tuplestore that the executor owns.
 */
#include "recseq.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "arrays.h"
#include "cache.h"
#include "catalog.h"
#include "nn/exclusion.h"
#include "results.h"

/* Arguments of recseq_recommend by number, as sql/functions.sql declares them. */
enum
{
	ARG_ITEMS,
	ARG_K,
	ARG_MODEL,
	ARG_VERSION,
	ARG_CATEGORIES,
	ARG_EVENTS,
	ARG_TIMES,
	ARG_EXCLUDE_SEEN,
	ARG_EXCLUDE,
	ARG_ONLY_CATEGORIES
};

/* Columns of the result. */
enum
{
	COLUMN_RANK,
	COLUMN_ITEM,
	COLUMN_CATEGORY,
	COLUMN_SCORE,
	COLUMN_CONFIDENCE,
	COLUMN_REASON,
	COLUMNS
};

/* The feature that the arguments and the column named for categories mean. */
#define CATEGORY_FEATURE 0

/* A history as the model reads it, oldest first. */
typedef struct History
{
	int32		length;			/* tokens that the network reads */
	int32	   *item;			/* [length] 0 .. items (unknown) */
	int32	   *feature[CONFIG_MAX_FEATURES];	/* [length] */
	IdArray		ids;			/* the whole history */
	int32	   *index;			/* [ids.count] of each, -1: unknown */
	uint8	   *seen;			/* bit an item of the model: it is in the history */
} History;

/* What a caller wants to know of a model. */
typedef struct Request
{
	CachedModel *cached;
	const char *model_name;
	History		history;
	uint8	   *excluded;		/* bit an item, or NULL */
	int32		k;
} Request;

/* ---------------------------------------------------------------- arguments */

/* Read an integer written as text; complain if it is none. */
static int64
integer_of_text(const Id *id, const char *what, const char *model_name)
{
	char	   *text = pnstrdup(id->text, id->length);
	char	   *end;
	int64		value;

	errno = 0;
	value = strtoll(text, &end, 10);
	if (end == text || *end != '\0' || errno == ERANGE)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("\"%s\" contains \"%s\", but the ids of model \"%s\" are integers",
						what, text, model_name),
				 errhint("Pass integer[] or bigint[].")));
	return value;
}

/*
 * Make ids comparable with those of a vocabulary.  Texts that show integers are
 * read as such; integers are never taken for texts.
 */
static void
convert_ids(IdArray *array, const Vocabulary *vocabulary, const char *what,
			const char *model_name)
{
	if (array->kind == vocabulary->kind)
		return;
	if (array->kind == ID_INTEGER)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("\"%s\" contains integers, but the ids of model \"%s\" are texts",
						what, model_name),
				 errhint("Pass text[].")));
	for (int i = 0; i < array->count; i++)
	{
		if (!array->nulls[i])
			array->ids[i] = (Id) {
				.integer = integer_of_text(&array->ids[i], what, model_name)
			};
	}
	array->kind = ID_INTEGER;
}

/* The values of the category feature for a list of ids; 0: unknown or none. */
static int32
category_value(const Model *model, const IdArray *array, int i)
{
	if (array->nulls[i])
		return 0;
	return find_id(&model->feature_values[CATEGORY_FEATURE], &array->ids[i]) + 1;
}

/* Complain if the model has no categories. */
static void
check_has_categories(const Request *request, const char *argument)
{
	if (request->cached->model.config.features == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is given, but model \"%s\" knows no categories",
						argument, request->model_name),
				 errhint("Train it on a source with a column \"categories\", or leave the argument out.")));
}

/* Number the history; features come from the item table or the argument. */
static void
read_history(FunctionCallInfo fcinfo, Request *request)
{
	const Model *model = &request->cached->model;
	History    *history = &request->history;
	int			first;

	if (PG_ARGISNULL(ARG_ITEMS))
		history->ids = (IdArray) {.kind = model->items.kind};
	else
		history->ids = ids_of_array_without_nulls(PG_GETARG_ARRAYTYPE_P(ARG_ITEMS), "items");
	convert_ids(&history->ids, &model->items, "items", request->model_name);
	history->index = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int32) *
											Max(history->ids.count, 1));
	history->seen = palloc0(exclusion_bytes(model->config.items));
	for (int i = 0; i < history->ids.count; i++)
	{
		history->index[i] = find_id(&model->items, &history->ids.ids[i]);
		if (history->index[i] >= 0)
			exclusion_set(history->seen, history->index[i]);
	}

	history->length = Min(history->ids.count, model->config.max_length);
	first = history->ids.count - history->length;
	history->item = palloc(sizeof(int32) * Max(history->length, 1));
	for (int i = 0; i < history->length; i++)
	{
		int32		index = history->index[first + i];

		history->item[i] = index >= 0 ? index : model->config.items;
	}
	for (int f = 0; f < model->config.features; f++)
	{
		history->feature[f] = palloc0(sizeof(int32) * Max(history->length, 1));
		for (int i = 0; i < history->length; i++)
		{
			if (history->item[i] < model->config.items)
				history->feature[f][i] = model->item_feature[f][history->item[i]];
		}
	}

	if (!PG_ARGISNULL(ARG_CATEGORIES))
	{
		IdArray		categories;

		check_has_categories(request, "categories");
		categories = ids_of_array(PG_GETARG_ARRAYTYPE_P(ARG_CATEGORIES), "categories");
		if (categories.count != history->ids.count)
			ereport(ERROR,
					(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
					 errmsg("\"categories\" has %d elements, but \"items\" has %d",
							categories.count, history->ids.count),
					 errhint("Pass one category for each item; null where it is not known.")));
		convert_ids(&categories, &model->feature_values[CATEGORY_FEATURE], "categories",
					request->model_name);
		for (int i = 0; i < history->length; i++)
			history->feature[CATEGORY_FEATURE][i] = category_value(model, &categories,
																   first + i);
	}
}

/* Check that an argument which runs parallel to items does so. */
static void
check_parallel(FunctionCallInfo fcinfo, int arg, const char *name, int items)
{
	ArrayType  *array;
	int			count;

	if (PG_ARGISNULL(arg))
		return;
	array = PG_GETARG_ARRAYTYPE_P(arg);
	check_one_dimension(array, name);
	count = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	if (count != items)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("\"%s\" has %d elements, but \"items\" has %d", name, count, items),
				 errhint("Pass one element for each item.")));
}

/* Exclude all items but those of the categories. */
static void
exclude_other_categories(Request *request, ArrayType *only)
{
	const Model *model = &request->cached->model;
	IdArray		categories = ids_of_array(only, "only_categories");
	bool	   *wanted;

	check_has_categories(request, "only_categories");
	convert_ids(&categories, &model->feature_values[CATEGORY_FEATURE], "only_categories",
				request->model_name);
	wanted = MemoryContextAllocHuge(CurrentMemoryContext,
									model->config.feature_values[CATEGORY_FEATURE]);
	memset(wanted, 0, model->config.feature_values[CATEGORY_FEATURE]);
	for (int i = 0; i < categories.count; i++)
		wanted[category_value(model, &categories, i)] = true;
	wanted[0] = false;
	for (int32 i = 0; i < model->config.items; i++)
	{
		if (!wanted[model->item_feature[CATEGORY_FEATURE][i]])
			exclusion_set(request->excluded, i);
	}
}

/* Collect the items that must not be answered. */
static void
read_exclusions(FunctionCallInfo fcinfo, Request *request)
{
	const Model *model = &request->cached->model;
	bool		exclude_seen = !PG_ARGISNULL(ARG_EXCLUDE_SEEN) &&
		PG_GETARG_BOOL(ARG_EXCLUDE_SEEN);

	if (!exclude_seen && PG_ARGISNULL(ARG_EXCLUDE) && PG_ARGISNULL(ARG_ONLY_CATEGORIES))
		return;
	request->excluded = palloc0(exclusion_bytes(model->config.items));
	if (exclude_seen)
		memcpy(request->excluded, request->history.seen,
			   exclusion_bytes(model->config.items));
	if (!PG_ARGISNULL(ARG_EXCLUDE))
	{
		IdArray		exclude = ids_of_array(PG_GETARG_ARRAYTYPE_P(ARG_EXCLUDE), "exclude");

		convert_ids(&exclude, &model->items, "exclude", request->model_name);
		for (int i = 0; i < exclude.count; i++)
		{
			int32		index = exclude.nulls[i] ? -1
				: find_id(&model->items, &exclude.ids[i]);

			if (index >= 0)
				exclusion_set(request->excluded, index);
		}
	}
	if (!PG_ARGISNULL(ARG_ONLY_CATEGORIES))
		exclude_other_categories(request, PG_GETARG_ARRAYTYPE_P(ARG_ONLY_CATEGORIES));
}

/* Find the model and load it. */
static CachedModel *
find_model(FunctionCallInfo fcinfo, const char *model_name)
{
	Catalog		catalog = catalog_open(fcinfo);
	int32		version = 0;

	if (!PG_ARGISNULL(ARG_VERSION))
	{
		version = PG_GETARG_INT32(ARG_VERSION);
		if (version < 1)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("version is %d", version),
					 errhint("Versions are numbered from 1; leave it out for the active one.")));
	}
	return cache_get(&catalog, catalog_find(&catalog, model_name, version));
}

/* ---------------------------------------------------------------- answers */

/* An id as a value of a result column; false: it has no value of that type. */
static bool
id_to_datum(const Vocabulary *vocabulary, int32 index, Oid type, Datum *datum)
{
	int64		integer;

	if (vocabulary->kind == ID_TEXT)
	{
		uint64		start = vocabulary->offsets[index];

		if (type != TEXTOID)
			return false;
		*datum = PointerGetDatum(cstring_to_text_with_len(vocabulary->bytes + start,
														  (int) (vocabulary->offsets[index + 1] - start)));
		return true;
	}
	integer = vocabulary->integers[index];
	switch (type)
	{
		case INT4OID:
			if (integer < PG_INT32_MIN || integer > PG_INT32_MAX)
				ereport(ERROR,
						(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
						 errmsg("id " INT64_FORMAT " is out of range for type integer", integer),
						 errhint("Pass \"items\" as bigint[].")));
			*datum = Int32GetDatum((int32) integer);
			return true;
		case INT8OID:
			*datum = Int64GetDatum(integer);
			return true;
		case TEXTOID:
			*datum = CStringGetTextDatum(psprintf(INT64_FORMAT, integer));
			return true;
		default:
			return false;
	}
}

/* Why an item is answered. */
static const char *
reason_of(const Request *request, int32 item)
{
	if (request->history.ids.count == 0)
		return "popular";
	return exclusion_test(request->history.seen, item) ? "seen before" : "sequence";
}

/* Add the rows for items in order with their probabilities. */
static void
add_rows(const Results *results, const Request *request, const TopK *top)
{
	const Model *model = &request->cached->model;
	double		sum = 0;

	for (int32 i = 0; i < top->count; i++)
		sum += top->heap[i].score;
	for (int32 i = 0; i < top->count; i++)
	{
		Scored		scored = top->heap[i];
		Datum		values[COLUMNS];
		bool		nulls[COLUMNS] = {false};
		int32		category = 0;

		values[COLUMN_RANK] = Int32GetDatum(i + 1);
		if (!id_to_datum(&model->items, scored.item,
						 TupleDescAttr(results->tupdesc, COLUMN_ITEM)->atttypid,
						 &values[COLUMN_ITEM]))
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("the ids of model \"%s\" are texts", request->model_name),
					 errhint("Pass \"items\" as text[], also where it is null.")));
		if (model->config.features > 0)
			category = model->item_feature[CATEGORY_FEATURE][scored.item];
		nulls[COLUMN_CATEGORY] = category == 0 ||
			!id_to_datum(&model->feature_values[CATEGORY_FEATURE], category - 1,
						 TupleDescAttr(results->tupdesc, COLUMN_CATEGORY)->atttypid,
						 &values[COLUMN_CATEGORY]);
		values[COLUMN_SCORE] = Float4GetDatum(scored.score);
		values[COLUMN_CONFIDENCE] = Float4GetDatum(sum > 0 ? (float4) (scored.score / sum) : 0);
		values[COLUMN_REASON] = CStringGetTextDatum(reason_of(request, scored.item));
		results_add(results, values, nulls);
	}
}

/* The most frequent items of the training data, with their shares of it. */
static void
rank_by_popularity(const Request *request, TopK *top)
{
	const Model *model = &request->cached->model;

	for (int32 i = 0; i < model->config.items && top->count < top->k; i++)
	{
		int32		item = model->popular[i];

		if (!exclusion_test(request->excluded, item))
			top->heap[top->count++] = (Scored) {
				item, (float) ((double) model->item_count[item] /
							   (double) request->cached->total_count)
			};
	}
}

/* The items that the network finds most probable. */
static void
rank_by_network(const Request *request, TopK *top)
{
	Infer	   *infer = &request->cached->infer;
	const float *representation = infer_representation(infer, request->history.item,
													   request->history.feature,
													   request->history.length);
	Scored	   *lower = MemoryContextAllocHuge(CurrentMemoryContext,
											   sizeof(Scored) * Max(top->k, 1));
	float		log_normaliser = infer_rank(infer, representation, request->excluded,
											top, lower);

	topk_sort(top);
	for (int32 i = 0; i < top->count; i++)
		top->heap[i].score = expf(top->heap[i].score - log_normaliser);
}

PG_FUNCTION_INFO_V1(recseq_recommend);

/*
 * recseq_recommend(items, k, model, ...), for items of type integer[],
 * bigint[] and text[]: see sql/functions.sql.
 */
Datum
recseq_recommend(PG_FUNCTION_ARGS)
{
	Results		results = results_begin(fcinfo);
	Request		request = {0};
	MemoryContext caller;
	TopK		top = {0};

	if (PG_ARGISNULL(ARG_MODEL) || PG_ARGISNULL(ARG_K))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("\"model\" and \"k\" must not be null"),
				 errhint("Leave them out to use their defaults.")));
	request.k = PG_GETARG_INT32(ARG_K);
	if (request.k < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"k\" is %d", request.k),
				 errhint("It is the number of items to recommend, 0 or more.")));
	request.model_name = text_to_cstring(PG_GETARG_TEXT_PP(ARG_MODEL));
	request.cached = find_model(fcinfo, request.model_name);

	MemoryContextReset(request.cached->scratch);
	caller = MemoryContextSwitchTo(request.cached->scratch);
	read_history(fcinfo, &request);
	check_parallel(fcinfo, ARG_EVENTS, "events", request.history.ids.count);
	check_parallel(fcinfo, ARG_TIMES, "times", request.history.ids.count);
	read_exclusions(fcinfo, &request);

	top.k = Min(request.k, request.cached->model.config.items);
	top.heap = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(Scored) * Max(top.k, 1));
	if (request.history.length == 0)
		rank_by_popularity(&request, &top);
	else
		rank_by_network(&request, &top);
	add_rows(&results, &request, &top);
	MemoryContextSwitchTo(caller);
	return (Datum) 0;
}
