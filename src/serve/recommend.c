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

#include "nn/nn.h"
#include "serve/request.h"
#include "serve/rerank.h"
#include "serve/selection.h"

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
	ARG_SELECTION,				/* the first of those that selection.h has */
	ARG_RULES = ARG_SELECTION + SELECTION_ARGUMENTS
};

/* The arguments that are a history. */
static const HistoryArguments history_arguments = {ARG_ITEMS, ARG_CATEGORIES, ARG_EVENTS, ARG_TIMES};

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
	question = request_ask(request, infer_read(infer, history->item, history->feature,
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
	Request		request;
	MemoryContext scratch;
	Budget		budget;
	MemoryContext caller;
	HistoryReader reader;
	Selection	selection;
	Rules		rules;
	Answers		answers;

	check_has_arguments(fcinfo, ARG_RULES + 1);
	request = request_begin(fcinfo);
	scratch = request.call.cached->scratch;
	budget = budget_of_call(scratch);
	MemoryContextReset(scratch);
	caller = MemoryContextSwitchTo(scratch);
	answers = answers_begin(fcinfo);
	rules = rules_read(fcinfo, ARG_RULES, &request.call, &budget);
	request.top.k = rerank_pool(&rules, &request.call);
	budget_check(&budget, request_bytes(&request));
	request_allocate(&request);
	reader = request_reader(&request, &budget);
	request.history = history_of_arguments(&reader, fcinfo, &history_arguments);
	request_mark_seen(&request, true);
	selection = selection_read(fcinfo, ARG_SELECTION, &request.call, &budget);
	selection_apply(&selection, &request);
	answer(&request);
	rerank(&rules, &request, &budget);
	answers_add(&answers, &request, NULL);
	MemoryContextSwitchTo(caller);
	model_call_end(&request.call, request.top.count);
	return (Datum) 0;
}
