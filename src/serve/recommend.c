/*
 * recommend.c
 *	  recseq_recommend, and recseq_recommend_batch: histories -> both stages of
 *	  the model -> rows.
 *
 * One call: find the version (an index scan), number the history by the model's
 * vocabulary, run the network, let the second stage rank its candidates.  All
 * memory of a call is in the scratch context of the loaded model, reset by the
 * next call; the rows are in the tuplestore that the executor owns.
 *
 * A batch reads its source row by row and runs the network for some hundred
 * rows at a time, so its memory does not grow with the source.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "data/arrays.h"
#include "serve/cache.h"
#include "memory.h"
#include "serve/model_call.h"
#include "nn/exclusion.h"
#include "results.h"
#include "data/source.h"

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

/* recseq_recommend_batch has the source for items; k, model and version too; then: */
#define ARG_EXCLUDE_SEEN_OF_BATCH 4

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

/* What to do about ids that do not fit into integer. */
#define WIDE_IDS_HINT "Pass \"items\" as bigint[]."

/* A history as the caller knows it, oldest first. */
typedef struct Events
{
	IdArray		items;			/* without nulls */
	IdArray    *feature[CONFIG_MAX_FEATURES];	/* one an item, or NULL: as the model's item
												 * table says */
	IdArray    *kinds;			/* likewise, or NULL: not known */
	const TimestampTz *times;	/* likewise */
} Events;

/* An item of the history that the model does not know. */
typedef struct UnknownItem
{
	Id			id;
	int32		category;		/* of its newest event */
} UnknownItem;

/* A history as the model reads it, oldest first. */
typedef struct History
{
	int32		events;
	int32	   *index;			/* [events] item of each, -1: unknown */
	int32		length;			/* newest events, that the network reads */
	int32	   *item;			/* [length] 0 .. items (unknown) */
	int32	   *feature[CONFIG_MAX_FEATURES];	/* [length] */
	RankHistory rank;			/* what the second stage reads */
	int32		unknown_items;
	UnknownItem *unknown;		/* [unknown_items] item number `items` and on */
} History;

/* What a caller wants to know of a model. */
typedef struct Request
{
	CachedModel *cached;
	const char *model_name;
	History		history;
	uint8	   *seen;			/* bit an item: it is in the history */
	uint8	   *excluded;		/* bit an item, or NULL */
	TopK		top;			/* k of them at most */
	Question	question;
} Request;

/* ---------------------------------------------------------------- arguments */

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
		int64		value;

		if (array->nulls[i])
			continue;
		if (!integer_of_text(&array->ids[i], &value))
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("\"%s\" contains \"%.*s\", but the ids of model \"%s\" are integers",
							what, (int) array->ids[i].length, array->ids[i].text, model_name),
					 errhint("Pass integer[] or bigint[].")));
		array->ids[i] = (Id) {.integer = value};
	}
	array->kind = ID_INTEGER;
}

/* The value of a feature that element i of an array means; 0: none or unknown. */
static int32
value_of_id(const Vocabulary *vocabulary, const IdArray *array, int i)
{
	return is_no_value(array, i) ? 0 : find_id(vocabulary, &array->ids[i]) + 1;
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

/* The values of a feature, one an event. */
static int32 *
number_feature(const Request *request, const IdArray *values, int f)
{
	const Model *model = &request->cached->model;
	const History *history = &request->history;
	int32	   *numbers = huge_array(int32, Max(history->events, 1));

	for (int32 i = 0; i < history->events; i++)
	{
		if (values != NULL)
			numbers[i] = value_of_id(&model->feature_values[f], values, i);
		else
			numbers[i] = history->index[i] >= 0
				? model->item_feature[f][history->index[i]] : 0;
	}
	return numbers;
}

/* The number of an item that the model does not know. */
static int32
number_unknown(History *history, const Id *id)
{
	UnknownItem *added = &history->unknown[history->unknown_items];

	for (int32 u = 0; u < history->unknown_items; u++)
	{
		if (same_id(&history->unknown[u].id, id))
			return u;
	}
	added->id = *id;
	if (id->text != NULL)
		added->id.text = pnstrdup(id->text, id->length);
	return history->unknown_items++;
}

/* The history as the second stage reads it.  category: [events], or NULL. */
static void
number_rank_history(Request *request, const Events *events, const int32 *category)
{
	const Model *model = &request->cached->model;
	History    *history = &request->history;
	int32	   *item = huge_array(int32, Max(history->events, 1));
	int32		first = Max(history->events - CANDIDATES_HISTORY, 0);

	history->unknown = palloc(sizeof(UnknownItem) * CANDIDATES_HISTORY);
	history->unknown_items = 0;
	for (int32 i = 0; i < history->events; i++)
	{
		item[i] = history->index[i];
		if (item[i] >= 0)
			continue;
		item[i] = model->config.items;
		if (i >= first)
			item[i] += number_unknown(history, &events->items.ids[i]);
		history->unknown[item[i] - model->config.items].category =
			category != NULL ? category[i] : 0;
	}
	history->rank = (RankHistory) {
		.length = history->events, .item = item, .category = category, .own_sequence = -1
	};
	if (events->kinds != NULL && model->rank.kinds)
	{
		bool	   *bought = huge_array(bool, Max(history->events, 1));

		for (int32 i = 0; i < history->events; i++)
			bought[i] = is_purchase(&model->purchases, events->kinds, i);
		history->rank.bought = bought;
	}
	if (events->times != NULL && model->rank.times)
	{
		double	   *hours = huge_array(double, Max(history->events, 1));

		for (int32 i = 0; i < history->events; i++)
			hours[i] = hours_between(model->origin, events->times[i]);
		history->rank.hours = hours;
	}
}

/* Number a history. */
static void
number_history(Request *request, Events *events)
{
	const Model *model = &request->cached->model;
	History    *history = &request->history;
	IdArray    *ids = &events->items;
	int32	   *category = NULL;
	int			first;

	convert_ids(ids, &model->items, "items", request->model_name);
	history->events = ids->count;
	history->index = huge_array(int32, Max(ids->count, 1));
	for (int i = 0; i < ids->count; i++)
		history->index[i] = find_id(&model->items, &ids->ids[i]);

	history->length = Min(ids->count, model->config.max_length);
	first = ids->count - history->length;
	history->item = palloc(sizeof(int32) * Max(history->length, 1));
	for (int i = 0; i < history->length; i++)
	{
		int32		index = history->index[first + i];

		history->item[i] = index >= 0 ? index : model->config.items;
	}
	for (int f = 0; f < model->config.features; f++)
	{
		int32	   *numbers;

		if (events->feature[f] != NULL)
			convert_ids(events->feature[f], &model->feature_values[f], model->feature_name[f],
						request->model_name);
		numbers = number_feature(request, events->feature[f], f);
		history->feature[f] = numbers + first;
		if (f == CATEGORY_FEATURE)
			category = numbers;
	}
	if (model->rank.present)
		number_rank_history(request, events, category);
}

/* Number the history that the arguments give. */
static void
read_history(FunctionCallInfo fcinfo, Request *request)
{
	const Model *model = &request->cached->model;
	Events		events = {.items = {.kind = model->items.kind}};
	IdArray		categories;
	IdArray		kinds;
	int			count;

	if (!PG_ARGISNULL(ARG_ITEMS))
		events.items = ids_of_array_without_nulls(PG_GETARG_ARRAYTYPE_P(ARG_ITEMS), "items");
	if (!PG_ARGISNULL(ARG_CATEGORIES))
	{
		check_has_categories(request, "categories");
		categories = ids_of_array(PG_GETARG_ARRAYTYPE_P(ARG_CATEGORIES), "categories");
		check_parallel("categories", categories.count, events.items.count,
					   "Pass one category for each item; null where it is not known.");
		events.feature[CATEGORY_FEATURE] = &categories;
	}
	if (!PG_ARGISNULL(ARG_EVENTS))
	{
		kinds = ids_of_array(PG_GETARG_ARRAYTYPE_P(ARG_EVENTS), "events");
		check_parallel("events", kinds.count, events.items.count,
					   "Pass one kind of event for each item; null where it is not known.");
		events.kinds = &kinds;
	}
	if (!PG_ARGISNULL(ARG_TIMES))
	{
		events.times = times_of_array(PG_GETARG_ARRAYTYPE_P(ARG_TIMES), "times", &count);
		check_parallel("times", count, events.items.count, "Pass one time for each item.");
	}
	number_history(request, &events);
}

/* Set or clear the bits of the items in the history. */
static void
mark_seen(Request *request, bool seen)
{
	for (int i = 0; i < request->history.events; i++)
	{
		int32		item = request->history.index[i];

		if (item < 0)
			continue;
		if (seen)
			exclusion_set(request->seen, item);
		else
			request->seen[item / 8] = 0;
	}
}

/* Exclude all items but those of the categories. */
static void
exclude_other_categories(Request *request, ArrayType *only, bool *unknown_excluded)
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
		wanted[value_of_id(&model->feature_values[CATEGORY_FEATURE], &categories, i)] = true;
	wanted[0] = false;
	for (int32 i = 0; i < model->config.items; i++)
	{
		if (!wanted[model->item_feature[CATEGORY_FEATURE][i]])
			exclusion_set(request->excluded, i);
	}
	for (int32 u = 0; u < request->history.unknown_items; u++)
		unknown_excluded[u] |= !wanted[request->history.unknown[u].category];
}

/* Collect the items that must not be answered. */
static void
read_exclusions(FunctionCallInfo fcinfo, Request *request)
{
	const Model *model = &request->cached->model;
	History    *history = &request->history;
	bool		exclude_seen = !PG_ARGISNULL(ARG_EXCLUDE_SEEN) &&
		PG_GETARG_BOOL(ARG_EXCLUDE_SEEN);
	bool	   *unknown_excluded;

	if (!exclude_seen && PG_ARGISNULL(ARG_EXCLUDE) && PG_ARGISNULL(ARG_ONLY_CATEGORIES))
		return;
	request->excluded = palloc0(exclusion_bytes(model->config.items));
	unknown_excluded = palloc(Max(history->unknown_items, 1));
	memset(unknown_excluded, exclude_seen, history->unknown_items);
	request->question.unknown_excluded = unknown_excluded;
	if (exclude_seen)
		memcpy(request->excluded, request->seen, exclusion_bytes(model->config.items));
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
			for (int32 u = 0; index < 0 && !exclude.nulls[i] && u < history->unknown_items; u++)
				unknown_excluded[u] |= same_id(&history->unknown[u].id, &exclude.ids[i]);
		}
	}
	if (!PG_ARGISNULL(ARG_ONLY_CATEGORIES))
		exclude_other_categories(request, PG_GETARG_ARRAYTYPE_P(ARG_ONLY_CATEGORIES),
								 unknown_excluded);
}

/* A new request, from the arguments that both functions have. */
static Request
begin_request(FunctionCallInfo fcinfo)
{
	ModelCall	call = model_call_begin(fcinfo);

	return (Request) {
		.cached = call.cached,
		.model_name = call.model_name,
		.top.k = Min(call.k, call.cached->model.config.items + CANDIDATES_HISTORY)
	};
}

/* Take the memory of a request, in the current context. */
static void
allocate_request(Request *request)
{
	const Model *model = &request->cached->model;

	request->seen = palloc0(exclusion_bytes(model->config.items));
	request->top.heap = huge_array(Scored, Max(request->top.k, 1));
	request->question = allocate_question(model, request->top.k);
}

/* ---------------------------------------------------------------- answers */

/* The id of an item of the model, or of the history. */
static Id
item_id(const Request *request, int32 item)
{
	const Model *model = &request->cached->model;

	if (item >= model->config.items)
		return request->history.unknown[item - model->config.items].id;
	return id_at(&model->items, item);
}

/* The category of such an item; 0: none. */
static int32
item_category(const Request *request, int32 item)
{
	const Model *model = &request->cached->model;

	if (item >= model->config.items)
		return request->history.unknown[item - model->config.items].category;
	return model->config.features > 0 ? model->item_feature[CATEGORY_FEATURE][item] : 0;
}

/* Why an item is answered. */
static char *
reason_of(const Request *request, int32 item)
{
	const History *history = &request->history;
	const Question *question = &request->question;
	const Candidate *candidate = NULL;
	Id			related;
	char	   *named;

	if (history->events == 0)
		return "popular";
	if (item >= request->cached->model.config.items || exclusion_test(request->seen, item))
		return "seen before";
	for (int32 c = 0; c < question->candidates && candidate == NULL; c++)
	{
		if (question->candidate[c].item == item)
			candidate = &question->candidate[c];
	}
	if (candidate == NULL)
		return "sequence";
	related = item_id(request, history->rank.item[candidate->related]);
	named = related.text != NULL ? pnstrdup(related.text, related.length)
		: psprintf(INT64_FORMAT, related.integer);
	switch (candidate->reason)
	{
		case REASON_FOLLOWS:
			return psprintf("follows %s", named);
		case REASON_CATEGORY:
			return psprintf("same category as %s", named);
		case REASON_SIMILAR:
			return "in similar histories";
		case REASON_POPULAR:
			return "popular";
		case REASON_SEEN:
		case REASON_NETWORK:
			break;
	}
	return "sequence";
}

/*
 * Add the rows for the items of request->top.  id: value of the column before
 * the others, where the function has one.
 */
static void
add_rows(const Results *results, const Request *request, const char *id)
{
	const Model *model = &request->cached->model;
	const TopK *top = &request->top;
	int			before = results->tupdesc->natts - COLUMNS;
	double		sum = 0;

	for (int32 i = 0; i < top->count; i++)
		sum += top->heap[i].score;
	for (int32 i = 0; i < top->count; i++)
	{
		Scored		scored = top->heap[i];
		Datum		all_values[COLUMNS + 1] = {0};
		bool		all_nulls[COLUMNS + 1] = {false};
		Datum	   *values = all_values + before;
		bool	   *nulls = all_nulls + before;
		int32		category = item_category(request, scored.item);

		if (before > 0)
		{
			all_nulls[0] = id == NULL;
			if (id != NULL)
				all_values[0] = CStringGetTextDatum(id);
		}
		values[COLUMN_RANK] = Int32GetDatum(i + 1);
		if (!id_to_datum(item_id(request, scored.item),
						 TupleDescAttr(results->tupdesc, before + COLUMN_ITEM)->atttypid,
						 WIDE_IDS_HINT, &values[COLUMN_ITEM]))
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("the ids of model \"%s\" are texts", request->model_name),
					 before > 0 ? errhint("Use recseq_recommend_batch_text.")
					 : errhint("Pass \"items\" as text[], also where it is null.")));
		nulls[COLUMN_CATEGORY] = category == 0 ||
			!id_to_datum(id_at(&model->feature_values[CATEGORY_FEATURE], category - 1),
						 TupleDescAttr(results->tupdesc, before + COLUMN_CATEGORY)->atttypid,
						 WIDE_IDS_HINT, &values[COLUMN_CATEGORY]);
		values[COLUMN_SCORE] = Float4GetDatum(scored.score);
		values[COLUMN_CONFIDENCE] = Float4GetDatum(sum > 0 ? (float4) (scored.score / sum) : 0);
		values[COLUMN_REASON] = CStringGetTextDatum(reason_of(request, scored.item));
		results_add(results, all_values, all_nulls);
	}
}

/* The most frequent items of the training data, with their shares of it. */
static void
rank_by_popularity(Request *request)
{
	const Model *model = &request->cached->model;
	TopK	   *top = &request->top;

	top->count = 0;
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

/* Put a request as a question about a history that the network has read. */
static Question
ask(Request *request, const float *representation)
{
	Question	question = request->question;

	request->top.count = 0;
	question.representation = representation;
	question.history = request->history.rank;
	question.excluded = request->excluded;
	question.top = &request->top;
	return question;
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
	Request		request = begin_request(fcinfo);
	CachedModel *cached = request.cached;
	MemoryContext caller;

	MemoryContextReset(cached->scratch);
	caller = MemoryContextSwitchTo(cached->scratch);
	allocate_request(&request);
	read_history(fcinfo, &request);
	mark_seen(&request, true);
	read_exclusions(fcinfo, &request);
	if (request.history.length == 0)
		rank_by_popularity(&request);
	else
	{
		Question	question = ask(&request, infer_representation(&cached->infer,
																  request.history.item,
																  request.history.feature,
																  request.history.length));

		recommender_answer(recommender_of_backend(), &cached->infer, &question, 1);
		request.question = question;
	}
	add_rows(&results, &request, NULL);
	MemoryContextSwitchTo(caller);
	return (Datum) 0;
}

/* ---------------------------------------------------------------- batches */

/* Rows of a source that go through the network together. */
#define BATCH_ROWS 256

typedef struct BatchRow
{
	char	   *id;				/* NULL: the source has none */
	History		history;
} BatchRow;

typedef struct BatchRequest
{
	Request		requests[SCAN_QUERIES]; /* of the rows that are ranked together */
	Results		results;
	Infer		infer;			/* for BATCH_ROWS histories */
	bool		exclude_seen;
	bool		all[CANDIDATES_HISTORY];	/* true */
	MemoryContext context;		/* of the rows; reset after each batch */
	int			count;
	BatchRow	rows[BATCH_ROWS];
} BatchRequest;

/* Put the histories of the batch one after the other, those that are not empty. */
static Dataset
join_histories(const BatchRequest *batch, int *row_of)
{
	int			features = batch->infer.model->config.features;
	Dataset		dataset = {.features = features};
	int64	   *start = palloc(sizeof(int64) * (BATCH_ROWS + 1));
	int32	   *item;
	int32	   *feature[CONFIG_MAX_FEATURES];

	start[0] = 0;
	for (int r = 0; r < batch->count; r++)
	{
		if (batch->rows[r].history.length == 0)
			continue;
		row_of[dataset.sequences] = r;
		start[dataset.sequences + 1] = start[dataset.sequences] + batch->rows[r].history.length;
		dataset.sequences++;
	}
	item = huge_array(int32, start[dataset.sequences] + 1);
	for (int f = 0; f < features; f++)
		feature[f] = huge_array(int32, start[dataset.sequences] + 1);
	for (int s = 0; s < dataset.sequences; s++)
	{
		const History *history = &batch->rows[row_of[s]].history;

		memcpy(item + start[s], history->item, sizeof(int32) * history->length);
		for (int f = 0; f < features; f++)
			memcpy(feature[f] + start[s], history->feature[f],
				   sizeof(int32) * history->length);
	}
	dataset.start = start;
	dataset.item = item;
	for (int f = 0; f < features; f++)
		dataset.feature[f] = feature[f];
	return dataset;
}

/* Rank and add the rows of the batch from `first` on, SCAN_QUERIES at most. */
static void
answer_rows(BatchRequest *batch, int first, const float *const representation[])
{
	int			count = Min(batch->count - first, SCAN_QUERIES);
	Question	questions[SCAN_QUERIES];
	Request    *asked[SCAN_QUERIES];
	int			asking = 0;

	for (int i = 0; i < count; i++)
	{
		Request    *request = &batch->requests[i];

		request->history = batch->rows[first + i].history;
		mark_seen(request, true);
		request->excluded = batch->exclude_seen ? request->seen : NULL;
		request->question.unknown_excluded = batch->exclude_seen ? batch->all : NULL;
		if (representation[first + i] == NULL)
			rank_by_popularity(request);
		else
		{
			questions[asking] = ask(request, representation[first + i]);
			asked[asking++] = request;
		}
	}
	recommender_answer(recommender_of_backend(), &batch->infer, questions, asking);
	for (int i = 0; i < asking; i++)
		asked[i]->question = questions[i];
	for (int i = 0; i < count; i++)
	{
		add_rows(&batch->results, &batch->requests[i], batch->rows[first + i].id);
		mark_seen(&batch->requests[i], false);
	}
}

/* Answer the rows of the batch, in their order, and empty it. */
static void
answer_batch(BatchRequest *batch)
{
	int32		columns = config_output_dim(&batch->infer.model->config);
	MemoryContext caller = MemoryContextSwitchTo(batch->context);
	int			row_of[BATCH_ROWS];
	const float *representation[BATCH_ROWS] = {NULL};
	Dataset		dataset = join_histories(batch, row_of);

	if (dataset.sequences > 0)
		infer_representations(&batch->infer, &dataset);
	for (int w = 0; w < dataset.sequences; w++)
		representation[row_of[batch->infer.batch.window_chosen[w]]] =
			batch->infer.representation + (Size) w * columns;
	for (int first = 0; first < batch->count; first += SCAN_QUERIES)
	{
		CHECK_FOR_INTERRUPTS();
		answer_rows(batch, first, representation);
	}
	batch->count = 0;
	MemoryContextSwitchTo(caller);
	MemoryContextReset(batch->context);
}

/* SourceRowFunction: add a row to the batch. */
static void
add_to_batch(void *context, const SourceRow *row)
{
	BatchRequest *batch = context;
	BatchRow   *added = &batch->rows[batch->count++];
	IdArray		arrays[CONFIG_MAX_FEATURES];
	IdArray		kinds = row->events;
	Events		events = {.items = row->items, .times = row->times};
	MemoryContext caller = MemoryContextSwitchTo(batch->context);

	for (int f = 0; f < row->source->features; f++)
	{
		arrays[f] = row->feature[f];
		events.feature[f] = row->has_feature[f] ? &arrays[f] : NULL;
	}
	if (kinds.count > 0)
		events.kinds = &kinds;
	number_history(&batch->requests[0], &events);
	added->history = batch->requests[0].history;
	added->id = source_row_id(row);
	MemoryContextSwitchTo(caller);
	if (batch->count == BATCH_ROWS)
		answer_batch(batch);
}

PG_FUNCTION_INFO_V1(recseq_recommend_batch);

/*
 * recseq_recommend_batch(source, k, model, version, exclude_seen), with ids as
 * bigint or as text: see sql/functions.sql.
 */
Datum
recseq_recommend_batch(PG_FUNCTION_ARGS)
{
	BatchRequest *batch = palloc0(sizeof(BatchRequest));
	CachedModel *cached;
	Source		source;

	if (PG_ARGISNULL(ARG_ITEMS))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("\"source\" must not be null")));
	batch->results = results_begin(fcinfo);
	batch->exclude_seen = !PG_ARGISNULL(ARG_EXCLUDE_SEEN_OF_BATCH) &&
		PG_GETARG_BOOL(ARG_EXCLUDE_SEEN_OF_BATCH);
	batch->requests[0] = begin_request(fcinfo);
	cached = batch->requests[0].cached;
	cache_pin(cached);
	for (int i = 0; i < SCAN_QUERIES; i++)
	{
		batch->requests[i] = batch->requests[0];
		allocate_request(&batch->requests[i]);
	}
	model_create_infer(&batch->infer, &cached->model, BATCH_ROWS);
	memset(batch->all, true, sizeof(batch->all));
	batch->context = AllocSetContextCreate(CurrentMemoryContext, "recseq batch",
										   ALLOCSET_DEFAULT_SIZES);

	source = source_open(PG_GETARG_OID(ARG_ITEMS),
						 array_of_names(cached->model.feature_name,
										cached->model.config.features), true);
	source_for_each(&source, add_to_batch, batch);
	answer_batch(batch);
	cache_unpin(cached);
	return (Datum) 0;
}
