/*
 * base_sequences.c
 *	  The sequences of a version and of the source of a training that goes on
 *	  from it: the second stage counts both, but not twice what both have.
 */
#include "train/base_parts.h"

#include <math.h>

#include "miscadmin.h"

#include "data/arrays.h"
#include "train/merge.h"
#include "train/parallel.h"
#include "train/second_stage.h"

/* The time of a token of the source, on the clock of the version's counts. */
static double
source_hours(const Base *base, const SourceData *source, int64 token)
{
	return source->hours[token] + hours_between(base->model->origin, source->origin);
}

/* Whether an old sequence had ended for sure before token t of the source. */
static bool
ended_before(const Base *base, const SourceData *source, int32 old, int64 t)
{
	const Counts *counts = &base->model->rank.counts;

	return counts->token_time[counts->sequence_start[old + 1] - 1] + SAME_TIME_HOURS <
		source_hours(base, source, t);
}

/*
 * Whether an old sequence ends with token t of the source, and is what comes
 * before it there, as far as both go back.
 */
static bool
ends_at(const Base *base, const SourceData *source, int32 old, int32 new, int64 t)
{
	const Counts *counts = &base->model->rank.counts;
	int64		u = counts->sequence_start[old + 1] - 1;

	for (; u >= counts->sequence_start[old] && t >= source->data.start[new]; u--, t--)
	{
		if (base->item[source->data.item[t]] != counts->token[u] ||
			fabs(source_hours(base, source, t) - counts->token_time[u]) > SAME_TIME_HOURS)
			return false;
	}
	return true;
}

/* Sequences of the version by their last items, from the newest on. */
typedef struct ByLastItem
{
	int32	   *newest;			/* [items] or -1 */
	int32	   *before;			/* [sequences] the one before it with the same last item, or -1 */
} ByLastItem;

static ByLastItem
list_by_last_item(const Budget *budget, const Counts *counts)
{
	int32		sequences = counts->sizes.sequences;
	ByLastItem	list = {
		.newest = budget_array(budget, int32, counts->sizes.items + 1),
		.before = budget_array(budget, int32, sequences + 1)
	};

	for (int32 i = 0; i < counts->sizes.items; i++)
		list.newest[i] = -1;
	for (int32 s = 0; s < sequences; s++)
	{
		int32		last;

		CHECK_FOR_INTERRUPTS();
		list.before[s] = -1;
		if (counts->sequence_start[s] == counts->sequence_start[s + 1])
			continue;
		last = counts->token[counts->sequence_start[s + 1] - 1];
		list.before[s] = list.newest[last];
		list.newest[last] = s;
	}
	return list;
}

bool *
base_superseded(const Budget *budget, const Base *base, const SourceData *source)
{
	const Counts *counts = &base->model->rank.counts;
	bool	   *superseded = budget_array(budget, bool, counts->sizes.sequences + 1);
	ByLastItem	old_ones;

	memset(superseded, 0, sizeof(bool) * (counts->sizes.sequences + 1));
	/* they are known by their last events, for which times must be known */
	if (!base->model->rank.times || source->hours == NULL)
		return superseded;
	old_ones = list_by_last_item(budget, counts);
	for (int32 new = 0; new < source->data.sequences; new++)
	{
		for (int64 t = source->data.start[new]; t < source->data.start[new + 1]; t++)
		{
			int32		item = base->item[source->data.item[t]];

			for (int32 old = item >= 0 ? old_ones.newest[item] : -1; old >= 0; old = old_ones.before[old])
			{
				CHECK_FOR_INTERRUPTS();
				if (ended_before(base, source, old, t))
					break;
				if (ends_at(base, source, old, new, t))
					superseded[old] = true;
			}
		}
	}
	pfree(old_ones.newest);
	pfree(old_ones.before);
	return superseded;
}

/* ---------------------------------------------------------------- both together */

/* Sequences of the version and of the source, as they are put together. */
typedef struct Union
{
	Dataset		data;
	int64	   *start;
	int32	   *item;
	double	   *hours;			/* NULL: the version does not know times */
	bool	   *bought;			/* NULL: nor kinds */
} Union;

/* Append a sequence of the version.  place: of each of its items. */
static void
append_old(Union *all, const Counts *counts, const int32 *place, int32 s)
{
	int64		to = all->start[all->data.sequences];

	for (int64 t = counts->sequence_start[s]; t < counts->sequence_start[s + 1]; t++, to++)
	{
		all->item[to] = place[counts->token[t]];
		if (all->hours != NULL)
			all->hours[to] = counts->token_time[t];
		if (all->bought != NULL)
			all->bought[to] = counts->token_bought[t] != 0;
	}
	all->start[++all->data.sequences] = to;
}

/*
 * Append a sequence of the source; what it does not know, but the version does,
 * is taken for no purchase, and for the version's newest time.
 */
static void
append_new(Union *all, const Base *base, const SourceData *source, int32 s)
{
	int64		to = all->start[all->data.sequences];

	for (int64 t = source->data.start[s]; t < source->data.start[s + 1]; t++, to++)
	{
		all->item[to] = source->data.item[t];
		if (all->hours != NULL)
			all->hours[to] = source->hours == NULL ? base->model->rank.counts.span[0]
				: source_hours(base, source, t);
		if (all->bought != NULL)
			all->bought[to] = source->bought != NULL && source->bought[t];
	}
	all->start[++all->data.sequences] = to;
}

/* Whether a sequence of the version ends before one of the source. */
static bool
ends_before(const Base *base, const SourceData *source, int32 old, int32 new)
{
	const Counts *counts = &base->model->rank.counts;

	if (source->hours == NULL ||
		counts->sequence_start[old] == counts->sequence_start[old + 1])
		return true;
	return counts->token_time[counts->sequence_start[old + 1] - 1] <=
		source_hours(base, source, source->data.start[new + 1] - 1);
}

/* Put the sequences of both together, in the order of their ends. */
static Union
unite(const Budget *budget, const Base *base, const SourceData *source)
{
	const RankStage *stage = &base->model->rank;
	const Counts *counts = &stage->counts;
	int32		sequences = counts->sizes.sequences + source->data.sequences;
	int64		tokens = counts->sizes.tokens + source->data.start[source->data.sequences];
	int32	   *place = merge_places(budget, base->item, source->items.count,
									 base->model->items.count);
	Union		all = {
		.start = budget_array(budget, int64, sequences + 1),
		.item = budget_array(budget, int32, tokens + 1),
		.hours = stage->times ? budget_array(budget, double, tokens + 1) : NULL,
		.bought = stage->kinds ? budget_array(budget, bool, tokens + 1) : NULL
	};
	int32		old = 0;

	all.start[0] = 0;
	all.data.start = all.start;
	all.data.item = all.item;
	for (int32 new = 0; new <= source->data.sequences; new++)
	{
		for (; old < counts->sizes.sequences &&
			 (new == source->data.sequences || ends_before(base, source, old, new)); old++)
		{
			CHECK_FOR_INTERRUPTS();
			if (!base->superseded[old])
				append_old(&all, counts, place, old);
		}
		if (new < source->data.sequences)
			append_new(&all, base, source, new);
	}
	pfree(place);
	return all;
}

void
base_set_rank_stage(const Base *base, const SourceData *source, Model *model)
{
	Budget		budget = base_budget();
	MemoryContext temporary;
	Union		all;
	EventData	events;
	CountsData	data;
	const int32 *item_category;
	int32		categories;
	Allocator	lasting = {second_stage_allocate, CurrentMemoryContext};
	Interrupt	interrupt = {parallel_may_go_on, NULL};

	model->purchases = base->model->purchases;
	model->origin = base->model->origin;
	model->rank = base->model->rank;
	if (!model->rank.present)
		return;
	temporary = AllocSetContextCreate(CurrentMemoryContext, "recseq counts",
									  ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(temporary);
	all = unite(&budget, base, source);
	item_category = dataset_item_category(source, &categories);
	events = (EventData) {&all.data, all.bought, all.hours};
	MemoryContextSwitchTo((MemoryContext) lasting.context);
	data = (CountsData) {
		&events, source->items.count, categories, item_category,
		(int32) base->model->rank.counts.sizes.min_support, model->unavailable
	};
	counts_build(&model->rank.counts, &data, &lasting,
				 &(Allocator) {second_stage_allocate, temporary}, &interrupt);
	MemoryContextDelete(temporary);
}
