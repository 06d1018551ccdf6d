/*
 * request.c
 *	  What a caller wants to know of a model, as a question to both stages.
 */
#include "serve/request.h"

#include "miscadmin.h"

#include "nn/nn.h"

Request
request_begin(FunctionCallInfo fcinfo)
{
	ModelCall	call = model_call_begin(fcinfo);

	return (Request) {.call = call};
}

/* Lay out the memory of a request. */
static void
place_request(Request *request, Arena *arena)
{
	const Model *model = &request->call.cached->model;

	request->seen = ARENA_TAKE(arena, uint8, exclusion_bytes(model->config.items));
	request->excluded = ARENA_TAKE(arena, uint8, exclusion_bytes(model->config.items));
	request->top.heap = ARENA_TAKE(arena, Scored, Max(request->top.k, 1));
	question_place(&request->question, arena, model, request->top.k);
}

Size
request_bytes(const Request *request)
{
	Request		copy = *request;
	Arena		arena = {0};

	place_request(&copy, &arena);
	return arena.used;
}

void
request_allocate(Request *request)
{
	Arena		arena = {allocate_aligned(request_bytes(request)), 0};

	place_request(request, &arena);
	memset(request->seen, 0, exclusion_bytes(request->call.cached->model.config.items));
}

HistoryReader
request_reader(const Request *request, const Budget *budget)
{
	return (HistoryReader) {&request->call, budget, request->seen};
}

void
request_mark_seen(Request *request, bool seen)
{
	for (int32 i = 0; i < request->history.seen_items; i++)
	{
		int32		item = request->history.seen[i];

		if (seen)
			exclusion_set(request->seen, item);
		else
			request->seen[item / 8] = 0;
	}
}

Question
request_ask(Request *request, HistoryReading reading)
{
	Question	question = request->question;

	request->top.count = 0;
	question.reading = reading;
	question.history = request->history.rank;
	question.top = &request->top;
	return question;
}

int32
request_category(const Request *request, int32 item)
{
	const Model *model = &request->call.cached->model;

	if (item >= model->config.items)
		return request->history.unknown[item - model->config.items].category;
	return model->config.features > 0 ? model->item_feature[CATEGORY_FEATURE][item] : 0;
}

/* An item's share of all events. */
static float
popularity(const Request *request, int32 item)
{
	const CachedModel *cached = request->call.cached;

	return (float) ((double) cached->model.item_count[item] / (double) cached->total_count);
}

float
request_probability(const Request *request, int32 item)
{
	return request->history.length == 0 ? popularity(request, item)
		: question_probability(&request->call.cached->model, &request->question, item);
}

void
request_answer_by_popularity(Request *request)
{
	const Model *model = &request->call.cached->model;
	TopK	   *top = &request->top;

	top->count = 0;
	for (int32 i = 0; i < model->config.items && top->count < top->k; i++)
	{
		int32		item = model->popular[i];

		CHECK_FOR_INTERRUPTS();
		if (!exclusion_test(request->question.excluded, item) &&
			!exclusion_test(model->unavailable, item))
			top->heap[top->count++] = (Scored) {item, popularity(request, item)};
	}
}
