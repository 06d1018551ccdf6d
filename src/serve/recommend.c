/*
 * recommend.c
 *	  recseq_recommend: a history -> both stages of the model -> rows.
 *
 * One call: find the version (an index scan), number the history by the model's
 * vocabulary, run the network, let the second stage rank its candidates.  All
 * memory of a call is in the scratch context of the loaded model, reset by the
 * next call, and keeps to recseq.max_call_memory; the rows are in the tuplestore
 * that the executor owns.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"

#include "data/idset.h"
#include "nn/nn.h"
#include "serve/request.h"

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

/* An argument that is an array. */
static ArrayType *
array_argument(FunctionCallInfo fcinfo, int argument, const Budget *budget)
{
	return array_of_datum(PG_GETARG_DATUM(argument), budget);
}

/* Complain if the model has no categories. */
static void
check_has_categories(const Request *request, const char *argument)
{
	if (request->call.cached->model.config.features == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is given, but model \"%s\" knows no categories",
						argument, request->call.model_name),
				 errhint("Train it on a source with a column \"categories\", or leave the argument out.")));
}

/* Read the history that the arguments give. */
static void
read_history(FunctionCallInfo fcinfo, const Budget *budget, Request *request)
{
	HistoryReader reader = request_reader(request, budget);
	Events		events = {.items = {.kind = request->call.cached->model.items.kind}};
	IdArray		categories;
	IdArray		kinds;
	int			count;

	if (!PG_ARGISNULL(ARG_ITEMS))
		events.items = ids_of_array_without_nulls(array_argument(fcinfo, ARG_ITEMS, budget),
												  "items");
	if (!PG_ARGISNULL(ARG_CATEGORIES))
	{
		check_has_categories(request, "categories");
		categories = ids_of_array(array_argument(fcinfo, ARG_CATEGORIES, budget), "categories");
		check_parallel("categories", categories.count, events.items.count,
					   "Pass one category for each item; null where it is not known.");
		events.feature[CATEGORY_FEATURE] = &categories;
	}
	if (!PG_ARGISNULL(ARG_EVENTS))
	{
		kinds = ids_of_array(array_argument(fcinfo, ARG_EVENTS, budget), "events");
		check_parallel("events", kinds.count, events.items.count,
					   "Pass one kind of event for each item; null where it is not known.");
		events.kinds = &kinds;
	}
	if (!PG_ARGISNULL(ARG_TIMES))
	{
		events.times = times_of_array(array_argument(fcinfo, ARG_TIMES, budget), "times", &count);
		check_parallel("times", count, events.items.count, "Pass one time for each item.");
	}
	request->history = history_read(&reader, &events);
}

/* Exclude the items that the argument "exclude" names, unknown ones of the history too. */
static void
exclude_named(const Budget *budget, Request *request, ArrayType *named, bool *unknown_excluded)
{
	const Model *model = &request->call.cached->model;
	const History *history = &request->history;
	IdArray		exclude = ids_of_array(named, "exclude");
	ModelIds	ids = model_ids_start(&request->call, &exclude, &model->items, "exclude");
	IdSet		unknown;

	idset_create(&unknown, model->items.kind, CANDIDATES_HISTORY, budget);
	for (int32 u = 0; u < history->unknown_items; u++)
		idset_number(&unknown, history->unknown[u].id);
	for (int i = 0; i < exclude.count; i++)
	{
		Id			id;
		int32		index;

		if (!model_ids_next(&ids, &id))
			continue;
		index = find_id(&model->items, &id);
		if (index >= 0)
			exclusion_set(request->excluded, index);
		else if ((index = idset_find(&unknown, id)) >= 0)
			unknown_excluded[index] = true;
	}
}

/* Exclude all items but those of the categories. */
static void
exclude_other_categories(const Budget *budget, Request *request, ArrayType *only,
						 bool *unknown_excluded)
{
	const Model *model = &request->call.cached->model;
	const Vocabulary *values = &model->feature_values[CATEGORY_FEATURE];
	IdArray		categories = ids_of_array(only, "only_categories");
	ModelIds	ids;
	bool	   *wanted;

	check_has_categories(request, "only_categories");
	ids = model_ids_start(&request->call, &categories, values, "only_categories");
	wanted = budget_array(budget, bool, model->config.feature_values[CATEGORY_FEATURE]);
	memset(wanted, 0, model->config.feature_values[CATEGORY_FEATURE]);
	for (int i = 0; i < categories.count; i++)
		wanted[model_ids_next_value(&ids)] = true;
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
read_exclusions(FunctionCallInfo fcinfo, const Budget *budget, Request *request)
{
	Size		bytes = exclusion_bytes(request->call.cached->model.config.items);
	int32		unknown = request->history.unknown_items;
	bool		exclude_seen = !PG_ARGISNULL(ARG_EXCLUDE_SEEN) &&
		PG_GETARG_BOOL(ARG_EXCLUDE_SEEN);
	bool	   *unknown_excluded;

	if (!exclude_seen && PG_ARGISNULL(ARG_EXCLUDE) && PG_ARGISNULL(ARG_ONLY_CATEGORIES))
		return;
	request->excluded = budget_take(budget, bytes);
	if (exclude_seen)
		memcpy(request->excluded, request->seen, bytes);
	else
		memset(request->excluded, 0, bytes);
	unknown_excluded = palloc(Max(unknown, 1));
	memset(unknown_excluded, exclude_seen, unknown);
	request->question.unknown_excluded = unknown_excluded;
	if (!PG_ARGISNULL(ARG_EXCLUDE))
		exclude_named(budget, request, array_argument(fcinfo, ARG_EXCLUDE, budget),
					  unknown_excluded);
	if (!PG_ARGISNULL(ARG_ONLY_CATEGORIES))
		exclude_other_categories(budget, request,
								 array_argument(fcinfo, ARG_ONLY_CATEGORIES, budget),
								 unknown_excluded);
}

/* Let the model answer a request. */
static void
answer(Request *request)
{
	const History *history = &request->history;
	Infer	   *infer = &request->call.cached->infer;
	Question	question;

	if (history->length == 0)
	{
		request_answer_by_popularity(request);
		return;
	}
	question = request_ask(request, infer_representation(infer, history->item, history->feature,
														 history->length));
	both_stages_answer(scratch_of_backend(), &request->call.cached->model, infer, &question, 1);
	request->question = question;
}

PG_FUNCTION_INFO_V1(recseq_recommend);

/*
 * recseq_recommend(items, k, model, ...), for items of type integer[],
 * bigint[] and text[]: see sql/functions.sql.
 */
Datum
recseq_recommend(PG_FUNCTION_ARGS)
{
	Request		request = request_begin(fcinfo);
	MemoryContext scratch = request.call.cached->scratch;
	Budget		budget = budget_of_call(scratch);
	MemoryContext caller;
	Answers		answers;

	MemoryContextReset(scratch);
	caller = MemoryContextSwitchTo(scratch);
	answers = answers_begin(fcinfo);
	budget_check(&budget, request_bytes(&request));
	request_allocate(&request);
	read_history(fcinfo, &budget, &request);
	request_mark_seen(&request, true);
	read_exclusions(fcinfo, &budget, &request);
	answer(&request);
	answers_add(&answers, &request, NULL);
	MemoryContextSwitchTo(caller);
	return (Datum) 0;
}
