/*
 * batch.c
 *	  recseq_recommend_batch: the histories of a relation -> both stages of the
 *	  model -> rows.
 *
 * The source is read row by row, and the network runs for some hundred rows at a
 * time, so memory does not grow with the source.  How many rows that is depends
 * on recseq.max_call_memory: as many as the network's working memory may take
 * half of it for, and as have histories that fit into the rest.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"

#include "data/source.h"
#include "serve/rerank.h"
#include "serve/selection.h"

/* The arguments of recseq_recommend_batch that model_call.h does not have. */
enum
{
	ARG_SOURCE = 0,
	ARG_SELECTION = 4,			/* the first of those that selection.h has */
	ARG_RULES = ARG_SELECTION + SELECTION_ARGUMENTS
};

/* Rows of a source that go through the network together, where memory allows. */
#define BATCH_ROWS 256

typedef struct BatchRow
{
	char	   *id;				/* NULL: the source has none */
	History		history;
} BatchRow;

typedef struct BatchRequest
{
	Budget		budget;			/* its context owns it all */
	int			queries;		/* rows that are ranked together */
	Request		requests[CODED_TOPK_QUERIES]; /* [queries] */
	Answers		answers;
	int64		answered;		/* rows of answers */
	int			most;			/* rows that go through the network together */
	Infer	   *infer;			/* for so many histories */
	Selection	selection;
	Rules		rules;
	MemoryContext context;		/* of the rows; reset after each batch */
	int			count;
	BatchRow	rows[BATCH_ROWS];
} BatchRequest;

/* Put the histories of the batch one after the other, those that are not empty. */
static Dataset
join_histories(const BatchRequest *batch, int *row_of)
{
	int			features = batch->infer->trained.config->features;
	Dataset		dataset = {.features = features};
	int64	   *start = palloc(sizeof(int64) * (batch->count + 1));
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

/* Rank and add the rows of the batch from `first` on, as many as are ranked together. */
static void
answer_rows(BatchRequest *batch, int first, const HistoryReading *reading)
{
	int			count = Min(batch->count - first, batch->queries);
	Question	questions[CODED_TOPK_QUERIES];
	Request    *asked[CODED_TOPK_QUERIES];
	int			asking = 0;

	for (int i = 0; i < count; i++)
	{
		Request    *request = &batch->requests[i];

		request->history = batch->rows[first + i].history;
		request_mark_seen(request, true);
		selection_apply(&batch->selection, request);
		if (reading[first + i].representation == NULL)
			request_answer_by_popularity(request);
		else
		{
			questions[asking] = request_ask(request, reading[first + i]);
			asked[asking++] = request;
		}
	}
	both_stages_answer(scratch_of_backend(),
					   &batch->requests[0].call.cached->model, batch->infer, questions, asking);
	for (int i = 0; i < asking; i++)
		asked[i]->question = questions[i];
	for (int i = 0; i < count; i++)
	{
		rerank(&batch->rules, &batch->requests[i], &batch->budget);
		answers_add(&batch->answers, &batch->requests[i], batch->rows[first + i].id);
		batch->answered += batch->requests[i].top.count;
		request_mark_seen(&batch->requests[i], false);
	}
}

/* Answer the rows of the batch, in their order, and empty it. */
static void
answer_batch(BatchRequest *batch)
{
	Infer	   *infer = batch->infer;
	MemoryContext caller = MemoryContextSwitchTo(batch->context);
	int			row_of[BATCH_ROWS];
	HistoryReading reading[BATCH_ROWS] = {0};
	Dataset		dataset = join_histories(batch, row_of);

	if (dataset.sequences > 0)
		infer_representations(infer, &dataset);
	for (int w = 0; w < dataset.sequences; w++)
		reading[row_of[infer->batch.window_chosen[w]]] = infer_reading(infer, w);
	for (int first = 0; first < batch->count; first += batch->queries)
	{
		CHECK_FOR_INTERRUPTS();
		answer_rows(batch, first, reading);
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
	HistoryReader reader = request_reader(&batch->requests[0], &batch->budget);
	Events		events = {.items = row->items, .times = row->times};
	BatchRow   *added;
	MemoryContext caller;

	if (!budget_has(&batch->budget, history_bytes(&batch->requests[0].call.cached->model, row->items.count)))
		answer_batch(batch);
	for (int f = 0; f < row->source->features; f++)
		events.feature[f] = row->has_feature[f] ? &row->feature[f] : NULL;
	if (row->events.count > 0)
		events.kinds = &row->events;
	caller = MemoryContextSwitchTo(batch->context);
	added = &batch->rows[batch->count];
	added->id = source_row_id(row);
	added->history = history_read(&reader, &events);
	batch->count++;
	MemoryContextSwitchTo(caller);
	if (batch->count == batch->most)
		answer_batch(batch);
}

/* Take the memory of as many requests as half of the budget is enough for. */
static void
allocate_requests(BatchRequest *batch, const Request *first)
{
	Size		bytes = request_bytes(first);

	budget_check(&batch->budget, bytes);
	batch->queries = CODED_TOPK_QUERIES;
	while (batch->queries > 1 && !budget_has_half(&batch->budget, bytes * batch->queries))
		batch->queries /= 2;
	for (int i = 0; i < batch->queries; i++)
	{
		batch->requests[i] = *first;
		request_allocate(&batch->requests[i]);
	}
}

/*
 * Take the network's working memory for as many rows as half of what is left is
 * enough for.  That of one row the loaded model has.
 */
static void
allocate_infer(BatchRequest *batch, CachedModel *cached)
{
	batch->most = BATCH_ROWS;
	while (batch->most > 1 &&
		   !budget_has_half(&batch->budget, infer_bytes(&cached->model, batch->most)))
		batch->most /= 2;
	batch->infer = &cached->infer;
	if (batch->most > 1)
	{
		batch->infer = palloc(sizeof(Infer));
		model_create_infer(batch->infer, &cached->model, batch->most);
	}
}

PG_FUNCTION_INFO_V1(recseq_recommend_batch);

/*
 * recseq_recommend_batch(source, k, model, version, ...), with ids as bigint or as
 * text: see sql/functions.sql.
 */
Datum
recseq_recommend_batch(PG_FUNCTION_ARGS)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "recseq batch",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	BatchRequest *batch = palloc0(sizeof(BatchRequest));
	Request		request;
	CachedModel *cached;
	Source		source;

	check_has_arguments(fcinfo, ARG_RULES + 1);
	if (PG_ARGISNULL(ARG_SOURCE))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("\"source\" must not be null")));
	batch->budget = budget_of_call(context);
	batch->answers = answers_begin(fcinfo);
	request = request_begin(fcinfo);
	cached = request.call.cached;
	cache_pin(cached);
	batch->selection = selection_read(fcinfo, ARG_SELECTION, &request.call, &batch->budget);
	batch->rules = rules_read(fcinfo, ARG_RULES, &request.call, &batch->budget);
	request.top.k = rerank_pool(&batch->rules, &request.call);
	allocate_requests(batch, &request);
	allocate_infer(batch, cached);
	batch->context = AllocSetContextCreate(context, "recseq batch rows",
										   ALLOCSET_DEFAULT_SIZES);

	source = source_open(PG_GETARG_OID(ARG_SOURCE), array_of_names(cached->model.feature_name,
														cached->model.config.features), true);
	source_for_each(&source, &batch->budget, add_to_batch, batch);
	answer_batch(batch);
	MemoryContextSwitchTo(caller);
	model_call_end(&request.call, batch->answered);
	MemoryContextDelete(context);
	return (Datum) 0;
}
