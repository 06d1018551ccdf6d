/*
 * counts.c
 *	  What the training data says of items by counting.
 *
 * Pairs are added up row by row, from the places where the item of the row
 * occurs: once to know how many are kept, then into their place.  So the memory
 * for it is that of one row.
 */
#include "rank/counts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void
place_pairs(PairTable *table, Arena *arena, int32_t rows, int64_t pairs)
{
	table->start = ARENA_TAKE(arena, int64_t, (int64_t) rows + 1);
	table->pair = ARENA_TAKE(arena, Pair, pairs);
	table->sum = ARENA_TAKE(arena, PairWeights, rows);
}

void
counts_place(Counts *counts, Arena *arena, const CountsSizes *sizes)
{
	counts->sizes = *sizes;
	counts->span = ARENA_TAKE(arena, float, 1);
	counts->item = ARENA_TAKE(arena, Tally, sizes->items);
	counts->seen = ARENA_TAKE(arena, Seen, sizes->items);
	counts->item_category = ARENA_TAKE(arena, int32_t, sizes->items);
	counts->category = ARENA_TAKE(arena, Tally, sizes->categories);
	counts->category_period = ARENA_TAKE(arena, float,
										 (int64_t) sizes->categories * COUNTS_PERIODS);
	place_pairs(&counts->item_pairs, arena, sizes->items, sizes->item_pairs);
	place_pairs(&counts->category_pairs, arena, sizes->categories, sizes->category_pairs);
	counts->posting_start = ARENA_TAKE(arena, int64_t, (int64_t) sizes->items + 1);
	counts->posting = ARENA_TAKE(arena, Posting, sizes->postings);
	counts->sequence_start = ARENA_TAKE(arena, int64_t, (int64_t) sizes->sequences + 1);
	counts->token = ARENA_TAKE(arena, int32_t, sizes->tokens);
	counts->token_time = ARENA_TAKE(arena, float, sizes->tokens);
	counts->token_bought = ARENA_TAKE(arena, uint8_t, sizes->tokens);
	counts->category_top_start = ARENA_TAKE(arena, int64_t, (int64_t) sizes->categories + 1);
	counts->category_top = ARENA_TAKE(arena, int32_t, sizes->category_tops);
	counts->popular = ARENA_TAKE(arena, int32_t, sizes->popular);
}

/* ---------------------------------------------------------------- pairs */

/* Events by their item, or by its category. */
typedef struct Occurrences
{
	int64_t    *start;			/* [rows + 1] */
	Posting    *at;				/* [tokens] */
} Occurrences;

/* What the rows of a table of pairs are: items, or their categories. */
typedef struct Rows
{
	int32_t		count;
	const int32_t *category;	/* [items]; NULL: rows are items */
} Rows;

static inline int32_t
row_of(const Rows *rows, int32_t item)
{
	return rows->category != NULL ? rows->category[item] : item;
}

static Occurrences
find_occurrences(const Dataset *dataset, const Rows *rows, const Allocator *temporary)
{
	int64_t		tokens = dataset->start[dataset->sequences];
	Occurrences result = {
		ALLOCATE(temporary, int64_t, rows->count + 1), ALLOCATE(temporary, Posting, tokens)
	};

	memset(result.start, 0, ((size_t) rows->count + 1) * sizeof(int64_t));
	for (int64_t t = 0; t < tokens; t++)
		result.start[row_of(rows, dataset->item[t]) + 1]++;
	for (int32_t r = 0; r < rows->count; r++)
		result.start[r + 1] += result.start[r];
	for (int32_t s = dataset->sequences - 1; s >= 0; s--)
	{
		for (int64_t t = dataset->start[s + 1] - 1; t >= dataset->start[s]; t--)
		{
			int32_t		row = row_of(rows, dataset->item[t]);

			/* backwards: start[row + 1] moves down to where the row begins */
			result.at[--result.start[row + 1]] =
				(Posting) {s, (int32_t) (t - dataset->start[s])};
		}
	}
	for (int32_t r = 0; r < rows->count; r++)
		result.start[r] = result.start[r + 1];
	result.start[rows->count] = tokens;
	return result;
}

/* Strongest first; the lower item first among equals. */
static int
compare_strength(const void *a, const void *b)
{
	const Pair *x = a;
	const Pair *y = b;
	float		u = x->weights.after + x->weights.both / 2;
	float		v = y->weights.after + y->weights.both / 2;

	if (u != v)
		return u > v ? -1 : 1;
	return (x->to > y->to) - (x->to < y->to);
}

static inline void
add_weights(PairWeights *sum, PairWeights more)
{
	sum->adjacent += more.adjacent;
	sum->after += more.after;
	sum->both += more.both;
	sum->bought += more.bought;
}

/* The pairs of one row, while they are added up. */
typedef struct RowSums
{
	PairWeights *weights;		/* [rows] by the other side; all 0 between rows */
	bool	   *touched;		/* [rows] */
	Pair	   *pair;			/* those touched; weights are filled in at the end */
	int64_t		count;
} RowSums;

/* Add the pairs that the event at a place makes with those around it. */
static void
add_pairs_of(RowSums *sums, const EventData *data, const Rows *rows, Posting at)
{
	const Dataset *dataset = data->dataset;
	int64_t		start = dataset->start[at.sequence];
	int64_t		end = dataset->start[at.sequence + 1];
	int64_t		here = start + at.position;
	int64_t		first = rows->category != NULL ? here + 1
		: here - COUNTS_REACH > start ? here - COUNTS_REACH : start;

	for (int64_t t = first; t < end && t <= here + COUNTS_REACH; t++)
	{
		int32_t		to = row_of(rows, dataset->item[t]);
		float		weight = 1.0f / (float) (t > here ? t - here : here - t);
		bool		bought = data->bought != NULL && data->bought[here] && data->bought[t];

		if (dataset->item[t] == dataset->item[here])
			continue;
		if (!sums->touched[to])
			sums->pair[sums->count++].to = to;
		sums->touched[to] = true;
		add_weights(&sums->weights[to], t > here
					? (PairWeights) {t - here == 1, weight, weight, bought}
					: (PairWeights) {0, 0, weight, bought});
	}
}

/* Write the strongest pairs of a row, and their sum over all; returns how many. */
static int64_t
finish_row(RowSums *sums, Pair *to, PairWeights *sum)
{
	int64_t		kept = sums->count < COUNTS_MAX_PAIRS ? sums->count : COUNTS_MAX_PAIRS;

	memset(sum, 0, sizeof(*sum));
	for (int64_t i = 0; i < sums->count; i++)
	{
		Pair	   *pair = &sums->pair[i];

		pair->weights = sums->weights[pair->to];
		add_weights(sum, pair->weights);
		sums->weights[pair->to] = (PairWeights) {0};
		sums->touched[pair->to] = false;
	}
	if (to != NULL)
	{
		qsort(sums->pair, (size_t) sums->count, sizeof(Pair), compare_strength);
		memcpy(to, sums->pair, (size_t) kept * sizeof(Pair));
	}
	sums->count = 0;
	return kept;
}

/* What collecting the pairs of all rows works with. */
typedef struct Collector
{
	const EventData *data;
	Rows		rows;
	Occurrences occurrences;
	RowSums		sums;
} Collector;

static Collector
start_collecting(const EventData *data, Rows rows, const Allocator *temporary)
{
	Collector	collector = {
		data, rows, find_occurrences(data->dataset, &rows, temporary),
		{
			ALLOCATE(temporary, PairWeights, rows.count), ALLOCATE(temporary, bool, rows.count),
			ALLOCATE(temporary, Pair, rows.count), 0
		}
	};

	memset(collector.sums.weights, 0, (size_t) rows.count * sizeof(PairWeights));
	memset(collector.sums.touched, 0, (size_t) rows.count * sizeof(bool));
	return collector;
}

/* Collect the pairs of all rows into a table; NULL: only tell how many there are. */
static NnStatus
collect_pairs(Collector *collector, PairTable *table, int64_t *pairs,
			  const Interrupt *interrupt)
{
	const Occurrences *occurrences = &collector->occurrences;
	PairWeights uncollected;

	*pairs = 0;
	for (int32_t r = 0; r < collector->rows.count; r++)
	{
		if (!interrupt_go_on(interrupt))
			return NN_CANCELLED;
		for (int64_t o = occurrences->start[r]; o < occurrences->start[r + 1]; o++)
			add_pairs_of(&collector->sums, collector->data, &collector->rows,
						 occurrences->at[o]);
		if (table != NULL)
			table->start[r] = *pairs;
		*pairs += finish_row(&collector->sums, table != NULL ? table->pair + *pairs : NULL,
							 table != NULL ? &table->sum[r] : &uncollected);
	}
	if (table != NULL)
		table->start[collector->rows.count] = *pairs;
	return NN_OK;
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

static void
tally(Counts *counts, const EventData *data)
{
	const Dataset *dataset = data->dataset;
	const CountsSizes *sizes = &counts->sizes;
	float		span = 1;

	for (int32_t i = 0; i < sizes->items; i++)
		counts->seen[i] = (Seen) {INFINITY, -INFINITY, INFINITY, -INFINITY, -1, -1};
	memset(counts->item, 0, (size_t) sizes->items * sizeof(Tally));
	memset(counts->category, 0, (size_t) sizes->categories * sizeof(Tally));
	memset(counts->category_period, 0,
		   (size_t) sizes->categories * COUNTS_PERIODS * sizeof(float));
	for (int32_t s = 0; s < dataset->sequences; s++)
	{
		for (int64_t t = dataset->start[s]; t < dataset->start[s + 1]; t++)
			span = fmaxf(span, event_time(data, t));
	}
	counts->span[0] = span;
	for (int32_t s = 0; s < dataset->sequences; s++)
	{
		for (int64_t t = dataset->start[s]; t < dataset->start[s + 1]; t++)
		{
			int32_t		i = dataset->item[t];
			int32_t		c = counts->item_category[i];
			Tally	   *item = &counts->item[i];
			Tally	   *category = &counts->category[c];
			float		time = event_time(data, t);
			float		age = (span - time) / span;
			float		short_recent = exp2f(-age / (float) COUNTS_SHORT_HALF_LIFE);
			float		long_recent = exp2f(-age / (float) COUNTS_LONG_HALF_LIFE);
			float		bought = data->bought != NULL && data->bought[t];

			if (counts->seen[i].last_sequence != s && counts->seen[i].first_sequence != s)
			{
				item->sequences++;
				category->sequences++;
			}
			see(&counts->seen[i], time, s);
			item->events++;
			item->bought += bought;
			item->short_recent += short_recent;
			item->long_recent += long_recent;
			category->events++;
			category->bought += bought;
			category->short_recent += short_recent;
			category->long_recent += long_recent;
			counts->category_period[(size_t) c * COUNTS_PERIODS + counts_period(counts, time)]++;
		}
	}
}

/* ---------------------------------------------------------------- lists */

/* Items in the order of the lists, for qsort. */
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

/*
 * Write each item's newest sequences; with counts == NULL count them.  place:
 * [items] of the next entry; sequence_of: [items] the last sequence seen.
 */
static int64_t
list_postings(Counts *counts, const Dataset *dataset, const float *sequences_with,
			  int32_t items, int64_t *place, int32_t *skip)
{
	int64_t		total = 0;

	for (int32_t i = 0; i < items; i++)
	{
		int32_t		all = (int32_t) sequences_with[i];

		skip[i] = all > COUNTS_MAX_POSTINGS ? all - COUNTS_MAX_POSTINGS : 0;
		place[i] = total;
		if (counts != NULL)
			counts->posting_start[i] = total;
		total += all - skip[i];
	}
	if (counts == NULL)
		return total;
	counts->posting_start[items] = total;
	for (int32_t s = 0; s < dataset->sequences; s++)
	{
		for (int64_t t = dataset->start[s]; t < dataset->start[s + 1]; t++)
		{
			int32_t		i = dataset->item[t];
			Posting		posting = {s, (int32_t) (t - dataset->start[s])};
			bool		again = place[i] > counts->posting_start[i] &&
				counts->posting[place[i] - 1].sequence == s;

			if (again)
				counts->posting[place[i] - 1] = posting;
			else if (skip[i] > 0)
			{
				/* its later events in this sequence must not count again */
				bool		last = true;

				for (int64_t u = t + 1; u < dataset->start[s + 1] && last; u++)
					last = dataset->item[u] != i;
				skip[i] -= last;
			}
			else
				counts->posting[place[i]++] = posting;
		}
	}
	return total;
}

/* How many sequences each item is in.  last: [items], to work with. */
static void
count_sequences(float *sequences_with, int32_t *last, const Dataset *dataset, int32_t items)
{
	memset(sequences_with, 0, (size_t) items * sizeof(float));
	for (int32_t i = 0; i < items; i++)
		last[i] = -1;
	for (int32_t s = 0; s < dataset->sequences; s++)
	{
		for (int64_t t = dataset->start[s]; t < dataset->start[s + 1]; t++)
		{
			sequences_with[dataset->item[t]] += last[dataset->item[t]] != s;
			last[dataset->item[t]] = s;
		}
	}
}

/* Copy the sequences themselves. */
static void
copy_tokens(Counts *counts, const EventData *data)
{
	const Dataset *dataset = data->dataset;

	memcpy(counts->sequence_start, dataset->start,
		   ((size_t) dataset->sequences + 1) * sizeof(int64_t));
	memcpy(counts->token, dataset->item, (size_t) counts->sizes.tokens * sizeof(int32_t));
	for (int64_t t = 0; t < counts->sizes.tokens; t++)
	{
		counts->token_time[t] = event_time(data, t);
		counts->token_bought[t] = data->bought != NULL && data->bought[t];
	}
}

NnStatus
counts_build(Counts *counts, const EventData *data, int32_t items, int32_t categories,
			 const int32_t *item_category, const Allocator *lasting,
			 const Allocator *temporary, const Interrupt *interrupt)
{
	const Dataset *dataset = data->dataset;
	Collector	of_items = start_collecting(data, (Rows) {items, NULL}, temporary);
	Collector	of_categories = start_collecting(data, (Rows) {categories, item_category},
												 temporary);
	Ranked	   *ranked = ALLOCATE(temporary, Ranked, items);
	int64_t    *place = ALLOCATE(temporary, int64_t, items);
	int32_t    *skip = ALLOCATE(temporary, int32_t, items);
	float	   *sequences_with = ALLOCATE(temporary, float, items);
	CountsSizes sizes = {
		.items = items,
		.categories = categories,
		.sequences = dataset->sequences,
		.popular = items < COUNTS_MAX_POPULAR ? items : COUNTS_MAX_POPULAR,
		.tokens = dataset->start[dataset->sequences]
	};
	Arena		arena = {0};

	if (collect_pairs(&of_items, NULL, &sizes.item_pairs, interrupt) != NN_OK ||
		collect_pairs(&of_categories, NULL, &sizes.category_pairs, interrupt) != NN_OK)
		return NN_CANCELLED;
	count_sequences(sequences_with, skip, dataset, items);
	for (int32_t i = 0; i < items; i++)
		ranked[i] = (Ranked) {i, item_category[i], 0};
	qsort(ranked, (size_t) items, sizeof(Ranked), compare_category);
	sizes.category_tops = list_categories(NULL, ranked, items, categories);
	sizes.postings = list_postings(NULL, dataset, sequences_with, items, place, skip);

	counts_place(counts, &arena, &sizes);
	arena = (Arena) {lasting->allocate(lasting->context, arena.used), 0};
	counts_place(counts, &arena, &sizes);
	memset(arena.base, 0, arena.used);
	memcpy(counts->item_category, item_category, (size_t) items * sizeof(int32_t));
	copy_tokens(counts, data);
	if (collect_pairs(&of_items, &counts->item_pairs, &sizes.item_pairs, interrupt) != NN_OK ||
		collect_pairs(&of_categories, &counts->category_pairs, &sizes.category_pairs,
					  interrupt) != NN_OK)
		return NN_CANCELLED;
	tally(counts, data);
	list_postings(counts, dataset, sequences_with, items, place, skip);

	for (int32_t i = 0; i < items; i++)
		ranked[i] = (Ranked) {i, item_category[i], counts->item[i].long_recent};
	qsort(ranked, (size_t) items, sizeof(Ranked), compare_category);
	list_categories(counts, ranked, items, categories);
	qsort(ranked, (size_t) items, sizeof(Ranked), compare_popularity);
	for (int32_t i = 0; i < sizes.popular; i++)
		counts->popular[i] = ranked[i].item;
	return NN_OK;
}

/* ---------------------------------------------------------------- validity */

/* Whether starts ascend from 0 to `end`. */
static bool
starts_valid(const int64_t *start, int64_t count, int64_t end)
{
	if (start[0] != 0 || start[count] != end)
		return false;
	for (int64_t i = 0; i < count; i++)
	{
		if (start[i] > start[i + 1])
			return false;
	}
	return true;
}

static bool
indexes_valid(const int32_t *index, int64_t count, int32_t limit)
{
	for (int64_t i = 0; i < count; i++)
	{
		if (index[i] < 0 || index[i] >= limit)
			return false;
	}
	return true;
}

static bool
pairs_valid(const PairTable *table, int32_t rows, int64_t pairs)
{
	if (!starts_valid(table->start, rows, pairs))
		return false;
	for (int64_t i = 0; i < pairs; i++)
	{
		if (table->pair[i].to < 0 || table->pair[i].to >= rows)
			return false;
	}
	return true;
}

bool
counts_valid(const Counts *counts)
{
	const CountsSizes *sizes = &counts->sizes;

	if (!(counts->span[0] >= 1) ||
		!indexes_valid(counts->item_category, sizes->items, sizes->categories) ||
		!pairs_valid(&counts->item_pairs, sizes->items, sizes->item_pairs) ||
		!pairs_valid(&counts->category_pairs, sizes->categories, sizes->category_pairs) ||
		!starts_valid(counts->posting_start, sizes->items, sizes->postings) ||
		!starts_valid(counts->sequence_start, sizes->sequences, sizes->tokens) ||
		!indexes_valid(counts->token, sizes->tokens, sizes->items) ||
		!starts_valid(counts->category_top_start, sizes->categories, sizes->category_tops) ||
		!indexes_valid(counts->category_top, sizes->category_tops, sizes->items) ||
		!indexes_valid(counts->popular, sizes->popular, sizes->items))
		return false;
	for (int64_t i = 0; i < sizes->postings; i++)
	{
		const Posting *posting = &counts->posting[i];

		if (posting->sequence < 0 || posting->sequence >= sizes->sequences ||
			posting->position < 0 ||
			posting->position >= counts->sequence_start[posting->sequence + 1] -
			counts->sequence_start[posting->sequence])
			return false;
	}
	return true;
}
