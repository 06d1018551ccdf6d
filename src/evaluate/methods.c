/*
 * methods.c
 *	  The methods that are compared: the model and the baselines.
 *
 * Each answers with the first k + 1 of all items that it could name: the place
 * of the target among them decides, and another item with an equal score stands
 * above it.  Items go by the numbers of the cases.
 */
#include "evaluate/methods.h"

#include "memory.h"
#include "nn/nn.h"
#include "train/parallel.h"

/* The model is the first, and baseline b is method b + 1. */
#define MODEL 0
#define BASELINE(method) ((Baseline) ((method) - 1))

const char *const method_names[METHODS] = {
	[MODEL] = "model",
	[BASELINE_RECENCY + 1] = "recency",
	[BASELINE_POPULARITY + 1] = "popularity",
	[BASELINE_CATEGORY + 1] = "popularity in category",
	[BASELINE_MARKOV + 1] = "markov",
	[BASELINE_VSKNN + 1] = "vsknn",
	[BASELINE_STAN + 1] = "stan"
};

static void
fit_baselines(Methods *methods)
{
	const SourceData *source = methods->cases->source;
	int			category = methods->cases->category;
	BaselineData data = {
		.dataset = &source->data,
		.held_out = methods->cases->held_out,
		.hours = source->hours,
		.items = source->items.count,
		.interrupt = {parallel_may_go_on, NULL}
	};
	Arena		arena = {0};

	if (category != NO_CATEGORY)
	{
		data.category = source->data.feature[category];
		data.categories = source->feature_values[category].count;
	}
	baselines_place(&methods->baselines, &arena, &data);
	budget_check(&methods->cases->budget, arena.used);
	arena = (Arena) {allocate_aligned(arena.used), 0};
	baselines_place(&methods->baselines, &arena, &data);
	baselines_fit(&methods->baselines, &data);
}

void
methods_begin(Methods *methods, const Cases *cases, CachedModel *cached)
{
	const Budget *budget = &cases->budget;
	int32		source_items = cases->source->items.count;
	int32		listed = (int32) Min((int64) cases->options->k + 1, cases->items + 1);

	*methods = (Methods) {.cases = cases, .cached = cached};
	fit_baselines(methods);
	methods->ranking.top.k = listed;
	methods->ranking.top.heap = budget_array(budget, Scored, listed);
	methods->question = allocate_question(&cached->model, listed, budget);
	methods->excluded = palloc0(exclusion_bytes(cached->model.config.items));
	methods->all = budget_array(budget, bool, source_items + 1);
	memset(methods->all, true, source_items);
}

bool
methods_ask(Methods *methods, const Case *one)
{
	const Cases *cases = methods->cases;
	const SourceData *source = cases->source;
	int64		last = one->token - 1;

	baselines_ask(&methods->baselines, source->data.item + source->data.start[one->sequence],
				  one->history.length, one->sequence,
				  cases->category == NO_CATEGORY ? 0 : source->data.feature[cases->category][last],
				  source->hours == NULL ? 0 : source->hours[last]);
	return methods->baselines.place[one->target] == 0;
}

void
methods_score(Methods *methods, int method)
{
	if (method != MODEL)
		baselines_score(&methods->baselines, BASELINE(method));
}

/* Exclude the items of the history, or no longer. */
static void
exclude_history(Methods *methods, bool exclude)
{
	const Baselines *baselines = &methods->baselines;

	for (int32 i = 0; i < baselines->distinct_count; i++)
	{
		int32		index = methods->cases->to_model[baselines->distinct[i].item];

		if (index < 0)
			continue;
		if (exclude)
			exclusion_set(methods->excluded, index);
		else
			methods->excluded[index / 8] = 0;
	}
}

/* The first items by the model; unseen: of those that are not in the history. */
static void
model_rank(Methods *methods, const Case *one, bool unseen)
{
	Infer	   *infer = &methods->cached->infer;
	Question	question = methods->question;
	Ranking    *ranking = &methods->ranking;
	TopK	   *top = &ranking->top;
	int32		items = methods->cached->model.config.items;

	top->count = 0;
	question.reading = infer_read(infer, methods->cases->ranked, methods->cases->feature,
								  one->history.length);
	question.history = one->history;
	question.top = top;
	if (unseen)
	{
		exclude_history(methods, true);
		question.excluded = methods->excluded;
	}
	if (unseen || !methods->cases->options->unknown_items)
		question.unknown_excluded = methods->all;
	both_stages_answer(scratch_of_backend(), &methods->cached->model, infer, &question, 1);
	if (unseen)
		exclude_history(methods, false);
	for (int32 i = 0; i < top->count; i++)
	{
		int32		item = top->heap[i].item;

		top->heap[i].item = item < items ? methods->cases->from_model[item] : item - items;
	}
	ranking->own = top->count;
}

const Ranking *
methods_rank(Methods *methods, int method, const Case *one, bool unseen)
{
	if (method == MODEL)
		model_rank(methods, one, unseen);
	else
		baselines_rank(&methods->baselines, unseen, &methods->ranking);
	return &methods->ranking;
}

bool
methods_know(const Methods *methods, int method, int32 item)
{
	if (method == MODEL)
	{
		int32		index = methods->cases->to_model[item];

		return index >= 0 && methods->cached->model.item_count[index] > 0;
	}
	return methods->baselines.count[item] > 0;
}
