/*
 * counts.c
 *	  What the training data says of items by counting.
 *
 * Everything is measured first, then laid out in one block, then filled.
 */
#include "rank/counts.h"

#include <math.h>
#include <string.h>

#include "nn/exclusion.h"
#include "rank/sort.h"

void
counts_place(Counts *counts, Arena *arena, const CountsSizes *sizes)
{
	counts->sizes = *sizes;
	counts->span = ARENA_TAKE(arena, float, 1);
	counts->item = ARENA_TAKE(arena, Tally, sizes->items);
	counts->seen = ARENA_TAKE(arena, Seen, sizes->items);
	counts->item_category = ARENA_TAKE(arena, int32_t, sizes->items);
	counts->category = ARENA_TAKE(arena, Tally, sizes->categories);
	counts->category_period = ARENA_TAKE(arena, int64_t,
										 (int64_t) sizes->categories * COUNTS_PERIODS);
	pairs_place(&counts->item_pairs, arena, sizes->items, sizes->item_pairs,
				sizes->min_support);
	pairs_place(&counts->category_pairs, arena, sizes->categories, sizes->category_pairs,
				sizes->min_support);
	counts->posting_start = ARENA_TAKE(arena, int64_t, (int64_t) sizes->items + 1);
	counts->posting = ARENA_TAKE(arena, Posting, sizes->postings);
	counts->posting_time = ARENA_TAKE(arena, float, sizes->postings);
	counts->sequence_start = ARENA_TAKE(arena, int64_t, (int64_t) sizes->sequences + 1);
	counts->token = ARENA_TAKE(arena, int32_t, sizes->tokens);
	counts->token_time = ARENA_TAKE(arena, float, sizes->tokens);
	counts->token_bought = ARENA_TAKE(arena, uint8_t, sizes->tokens);
	counts->category_top_start = ARENA_TAKE(arena, int64_t, (int64_t) sizes->categories + 1);
	counts->category_top = ARENA_TAKE(arena, int32_t, sizes->category_tops);
	counts->popular = ARENA_TAKE(arena, int32_t, sizes->popular);
	counts->sale_start = ARENA_TAKE(arena, int64_t, (int64_t) sizes->categories + 1);
	counts->sale = ARENA_TAKE(arena, int32_t, sizes->on_sale);
	counts->untouched = ARENA_TAKE(arena, int32_t, sizes->categories);
}

/* ---------------------------------------------------------------- tallies */

/* Note that a sequence has an item at a time. */
static void
see(Seen *seen, float time, int32_t sequence)
{
	if (seen->last_sequence == sequence)
		seen->last = fmaxf(seen->last, time);
	else if (time > seen->last)
	{
		seen->other_last = seen->last;
		seen->last = time;
		seen->last_sequence = sequence;
	}
	else
		seen->other_last = fmaxf(seen->other_last, time);
	if (seen->first_sequence == sequence)
		seen->first = fminf(seen->first, time);
	else if (time < seen->first)
	{
		seen->other_first = seen->first;
		seen->first = time;
		seen->first_sequence = sequence;
	}
	else
		seen->other_first = fminf(seen->other_first, time);
}

/* Nothing is counted yet but the time that the data spans. */
static NnStatus
begin_tally(Counts *counts, const EventData *data, const Interrupt *interrupt)
{
	const CountsSizes *sizes = &counts->sizes;
	float		span = 1;

	for (int32_t i = 0; i < sizes->items; i++)
		counts->seen[i] = (Seen) {INFINITY, -INFINITY, INFINITY, -INFINITY, -1, -1};
	memset(counts->item, 0, (size_t) sizes->items * sizeof(Tally));
	memset(counts->category, 0, (size_t) sizes->categories * sizeof(Tally));
	memset(counts->category_period, 0,
		   (size_t) sizes->categories * COUNTS_PERIODS * sizeof(int64_t));
	for (int64_t t = 0; t < sizes->tokens; t++)
	{
		if (!step_go_on(interrupt, t))
			return NN_CANCELLED;
		span = fmaxf(span, event_time(data, t));
	}
	counts->span[0] = span;
	return NN_OK;
}

static inline void
tally_event(Tally *tally, bool first_of_sequence, bool bought, float short_recent,
			float long_recent)
{
	tally->events++;
	tally->bought += bought;
	tally->sequences += first_of_sequence;
	tally->short_recent += short_recent;
	tally->long_recent += long_recent;
}

static NnStatus
tally(Counts *counts, const EventData *data, const Interrupt *interrupt)
{
	const Dataset *dataset = data->dataset;
	float		span;

	if (begin_tally(counts, data, interrupt) != NN_OK)
		return NN_CANCELLED;
	span = counts->span[0];
	for (int32_t s = 0; s < dataset->sequences; s++)
	{
		for (int64_t t = dataset->start[s]; t < dataset->start[s + 1]; t++)
		{
			int32_t		i = dataset->item[t];
			int32_t		c = counts->item_category[i];
			Seen	   *seen = &counts->seen[i];
			float		time = event_time(data, t);
			float		age = (span - time) / span;
			float		short_recent = exp2f(-age / (float) COUNTS_SHORT_HALF_LIFE);
			float		long_recent = exp2f(-age / (float) COUNTS_LONG_HALF_LIFE);
			bool		bought = data->bought != NULL && data->bought[t];
			bool		first = seen->last_sequence != s && seen->first_sequence != s;

			if (!step_go_on(interrupt, t))
				return NN_CANCELLED;
			see(seen, time, s);
			tally_event(&counts->item[i], first, bought, short_recent, long_recent);
			tally_event(&counts->category[c], first, bought, short_recent, long_recent);
			counts->category_period[(size_t) c * COUNTS_PERIODS + counts_period(counts, time)]++;
		}
	}
	return NN_OK;
}

/* ---------------------------------------------------------------- lists */

/* Items in the order of the lists, to sort. */
typedef struct Ranked
{
	int32_t		item;
	int32_t		category;
	float		recent;
} Ranked;

static int
compare_popularity(const void *a, const void *b)
{
	const Ranked *x = a;
	const Ranked *y = b;

	if (x->recent != y->recent)
		return x->recent > y->recent ? -1 : 1;
	return (x->item > y->item) - (x->item < y->item);
}

static int
compare_category(const void *a, const void *b)
{
	const Ranked *x = a;
	const Ranked *y = b;

	if (x->category != y->category)
		return x->category < y->category ? -1 : 1;
	return compare_popularity(a, b);
}

/* Write the lists of popular items; with lists == NULL count their entries. */
static int64_t
list_categories(Counts *lists, const Ranked *ranked, int32_t items, int32_t categories)
{
	int64_t		kept = 0;
	int32_t		i = 0;

	for (int32_t c = 0; c < categories; c++)
	{
		int32_t		listed = 0;

		if (lists != NULL)
			lists->category_top_start[c] = kept;
		for (; i < items && ranked[i].category == c; i++)
		{
			if (listed == COUNTS_MAX_CATEGORY_TOP)
				continue;
			if (lists != NULL)
				lists->category_top[kept] = ranked[i].item;
			kept++;
			listed++;
		}
	}
	if (lists != NULL)
		lists->category_top_start[categories] = kept;
	return kept;
}

/* Whether a catalog says that an item can be sold. */
static bool
is_on_sale(const CountsData *data, int32_t item)
{
	return data->unavailable != NULL && !exclusion_test(data->unavailable, item);
}

/* List the items that can be sold by their categories. */
static void
list_sale(Counts *counts, const CountsData *data)
{
	int64_t    *start = counts->sale_start;
	int32_t		categories = data->categories;

	/* each start first counts its own category, then is its end, and is moved back by filling */
	memset(start, 0, ((size_t) categories + 1) * sizeof(int64_t));
	memset(counts->untouched, 0, (size_t) categories * sizeof(int32_t));
	for (int32_t i = 0; i < data->items; i++)
	{
		if (!is_on_sale(data, i))
			continue;
		start[data->item_category[i]]++;
		counts->untouched[data->item_category[i]] += counts->item[i].events == 0;
	}
	for (int32_t c = 1; c <= categories; c++)
		start[c] += start[c - 1];
	for (int32_t i = data->items - 1; i >= 0; i--)
	{
		if (is_on_sale(data, i))
			counts->sale[--start[data->item_category[i]]] = i;
	}
}

/* Copy the sequences themselves. */
static NnStatus
copy_tokens(Counts *counts, const EventData *data, const Interrupt *interrupt)
{
	const Dataset *dataset = data->dataset;

	memcpy(counts->sequence_start, dataset->start,
		   ((size_t) dataset->sequences + 1) * sizeof(int64_t));
	for (int64_t t = 0; t < counts->sizes.tokens; t++)
	{
		if (!step_go_on(interrupt, t))
			return NN_CANCELLED;
		counts->token[t] = dataset->item[t];
		counts->token_time[t] = event_time(data, t);
		counts->token_bought[t] = data->bought != NULL && data->bought[t];
	}
	return NN_OK;
}

/* What counting works with. */
typedef struct Building
{
	const CountsData *data;
	const Interrupt *interrupt;
	PairCollector *of_items;
	PairCollector *of_categories;
	Ranked	   *ranked;			/* [items] */
	Ranked	   *spare;			/* [items] to sort with */
	int64_t    *posting_start;	/* [items + 1] */
	int64_t    *posting_room;	/* [items] */
	int32_t    *last;			/* [items] */
} Building;

static NnStatus
begin_building(Building *building, const CountsData *data, const Allocator *temporary,
			   const Interrupt *interrupt)
{
	const EventData *events = data->events;

	*building = (Building) {
		.data = data,
		.interrupt = interrupt,
		.ranked = ALLOCATE(temporary, Ranked, data->items),
		.spare = ALLOCATE(temporary, Ranked, data->items),
		.posting_start = ALLOCATE(temporary, int64_t, data->items + 1),
		.posting_room = ALLOCATE(temporary, int64_t, data->items),
		.last = ALLOCATE(temporary, int32_t, data->items),
		.of_items = pairs_begin(events->dataset, events->bought, (PairRows) {data->items, NULL},
								data->min_support, temporary, interrupt)
	};
	if (building->of_items == NULL)
		return NN_CANCELLED;
	building->of_categories = pairs_begin(events->dataset, events->bought,
										  (PairRows) {data->categories, data->item_category},
										  data->min_support, temporary, interrupt);
	return building->of_categories == NULL ? NN_CANCELLED : NN_OK;
}

/* Put the items in an order, by how often each occurs of late; counts == NULL: not at all. */
static NnStatus
rank_items(Building *building, const Counts *counts, Compare compare)
{
	const CountsData *data = building->data;

	for (int32_t i = 0; i < data->items; i++)
		building->ranked[i] = (Ranked) {
			i, data->item_category[i], counts != NULL ? counts->item[i].long_recent : 0
		};
	return sort_elements(building->ranked, building->spare, (size_t) data->items,
						 sizeof(Ranked), compare, building->interrupt);
}

/* How long all arrays will be. */
static NnStatus
measure(Building *building, CountsSizes *sizes)
{
	const CountsData *data = building->data;
	const Dataset *dataset = data->events->dataset;
	const Interrupt *interrupt = building->interrupt;

	*sizes = (CountsSizes) {
		.items = data->items,
		.categories = data->categories,
		.sequences = dataset->sequences,
		.popular = data->items < COUNTS_MAX_POPULAR ? data->items : COUNTS_MAX_POPULAR,
		.tokens = dataset->start[dataset->sequences],
		.min_support = data->min_support
	};
	if (pairs_collect(building->of_items, NULL, &sizes->item_pairs, interrupt) != NN_OK ||
		pairs_collect(building->of_categories, NULL, &sizes->category_pairs, interrupt) != NN_OK ||
		postings_measure(building->posting_start, building->last, dataset, data->items,
						 interrupt) != NN_OK ||
		rank_items(building, NULL, compare_category) != NN_OK)
		return NN_CANCELLED;
	sizes->category_tops = list_categories(NULL, building->ranked, data->items,
										   data->categories);
	sizes->postings = building->posting_start[data->items];
	for (int32_t i = 0; i < data->items; i++)
		sizes->on_sale += is_on_sale(data, i);
	return NN_OK;
}

static NnStatus
fill(Building *building, Counts *counts)
{
	const CountsData *data = building->data;
	const Dataset *dataset = data->events->dataset;
	const Interrupt *interrupt = building->interrupt;
	CountsSizes *sizes = &counts->sizes;

	memcpy(counts->item_category, data->item_category, (size_t) data->items * sizeof(int32_t));
	memcpy(counts->posting_start, building->posting_start,
		   ((size_t) data->items + 1) * sizeof(int64_t));
	if (copy_tokens(counts, data->events, interrupt) != NN_OK ||
		pairs_collect(building->of_items, &counts->item_pairs, &sizes->item_pairs,
					  interrupt) != NN_OK ||
		pairs_collect(building->of_categories, &counts->category_pairs,
					  &sizes->category_pairs, interrupt) != NN_OK ||
		tally(counts, data->events, interrupt) != NN_OK ||
		postings_list(counts->posting, counts->posting_start, building->posting_room,
					  building->last, dataset, data->items, interrupt) != NN_OK ||
		rank_items(building, counts, compare_category) != NN_OK)
		return NN_CANCELLED;
	for (int64_t p = 0; p < sizes->postings; p++)
		counts->posting_time[p] =
			counts->token_time[counts->sequence_start[counts->posting[p].sequence] +
							   counts->posting[p].position];
	list_categories(counts, building->ranked, data->items, data->categories);
	list_sale(counts, data);
	if (rank_items(building, counts, compare_popularity) != NN_OK)
		return NN_CANCELLED;
	for (int32_t i = 0; i < sizes->popular; i++)
		counts->popular[i] = building->ranked[i].item;
	return NN_OK;
}

NnStatus
counts_build(Counts *counts, const CountsData *data, const Allocator *lasting,
			 const Allocator *temporary, const Interrupt *interrupt)
{
	Building	building;
	CountsSizes sizes;
	Arena		arena = {0};

	if (begin_building(&building, data, temporary, interrupt) != NN_OK ||
		measure(&building, &sizes) != NN_OK)
		return NN_CANCELLED;
	counts_place(counts, &arena, &sizes);
	arena = (Arena) {lasting->allocate(lasting->context, arena.used), 0};
	counts_place(counts, &arena, &sizes);
	memset(arena.base, 0, arena.used);	/* what lies between the arrays is stored too */
	return fill(&building, counts);
}

NnStatus
counts_without(Counts *counts, const Counts *from, const bool *removed, bool kinds,
			   const uint8_t *unavailable, const Allocator *lasting,
			   const Allocator *temporary, const Interrupt *interrupt)
{
	const CountsSizes *sizes = &from->sizes;
	int64_t    *start = ALLOCATE(temporary, int64_t, sizes->sequences + 1);
	int32_t    *item = ALLOCATE(temporary, int32_t, sizes->tokens);
	double	   *hours = ALLOCATE(temporary, double, sizes->tokens);
	bool	   *bought = ALLOCATE(temporary, bool, sizes->tokens);
	Dataset		dataset = {.start = start, .item = item};
	EventData	events = {&dataset, kinds ? bought : NULL, hours};
	CountsData	data = {
		&events, sizes->items, sizes->categories, from->item_category,
		(int32_t) sizes->min_support, unavailable
	};
	int64_t		to = 0;

	start[0] = 0;
	for (int32_t s = 0; s < sizes->sequences; s++)
	{
		if (!step_go_on(interrupt, s))
			return NN_CANCELLED;
		if (removed[s])
			continue;
		for (int64_t t = from->sequence_start[s]; t < from->sequence_start[s + 1]; t++, to++)
		{
			item[to] = from->token[t];
			hours[to] = from->token_time[t];
			bought[to] = from->token_bought[t];
		}
		start[++dataset.sequences] = to;
	}
	return counts_build(counts, &data, lasting, temporary, interrupt);
}
