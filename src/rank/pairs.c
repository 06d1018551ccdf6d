/*
 * pairs.c
 *	  What goes with what.
 *
 * Pairs are added up row by row, from the places where the item of the row
 * occurs: once to know how many are kept, then into their place.  So the memory
 * for it is that of one row.
 */
#include "rank/pairs.h"

#include <string.h>

#include "rank/postings.h"
#include "rank/sort.h"

void
pairs_place(PairTable *table, Arena *arena, int32_t rows, int64_t pairs, int64_t min_support)
{
	table->start = ARENA_TAKE(arena, int64_t, (int64_t) rows + 1);
	table->pair = ARENA_TAKE(arena, Pair, pairs);
	table->support = min_support > 1 ? ARENA_TAKE(arena, int32_t, pairs) : NULL;
	table->sum = ARENA_TAKE(arena, PairWeights, rows);
}

int
pair_compare(const void *a, const void *b)
{
	const Pair *x = a;
	const Pair *y = b;
	float		u = x->weights.after + x->weights.both / 2;
	float		v = y->weights.after + y->weights.both / 2;

	if (u != v)
		return u > v ? -1 : 1;
	return (x->to > y->to) - (x->to < y->to);
}

/* Events by their row: a posting an event, oldest first. */
typedef struct Occurrences
{
	int64_t    *start;			/* [rows + 1] */
	Posting    *at;				/* [tokens] */
} Occurrences;

/* What one row's item has to do with another, while it is added up. */
typedef struct PairSum
{
	PairWeights weights;
	int32_t		support;		/* sequences; 0: none, as between rows */
	int32_t		last_sequence;	/* of these */
} PairSum;

struct PairCollector
{
	const Dataset *dataset;
	const bool *bought;
	PairRows	rows;
	int32_t		min_support;
	Occurrences occurrences;
	PairSum    *sum;			/* [rows] by the other side */
	Pair	   *pair;			/* [rows] those met; weights are filled in at the end */
	Pair	   *spare;			/* [rows] to sort with */
	int64_t		count;			/* of pair */
};

static NnStatus
find_occurrences(Occurrences *result, const Dataset *dataset, const PairRows *rows,
				 const Interrupt *interrupt)
{
	int64_t		tokens = dataset->start[dataset->sequences];

	memset(result->start, 0, ((size_t) rows->count + 1) * sizeof(int64_t));
	for (int64_t t = 0; t < tokens; t++)
	{
		if (!step_go_on(interrupt, t))
			return NN_CANCELLED;
		result->start[pair_row(rows, dataset->item[t]) + 1]++;
	}
	for (int32_t r = 0; r < rows->count; r++)
		result->start[r + 1] += result->start[r];
	for (int32_t s = dataset->sequences - 1; s >= 0; s--)
	{
		for (int64_t t = dataset->start[s + 1] - 1; t >= dataset->start[s]; t--)
		{
			int32_t		row = pair_row(rows, dataset->item[t]);

			if (!step_go_on(interrupt, t))
				return NN_CANCELLED;
			/* backwards: start[row + 1] moves down to where the row begins */
			result->at[--result->start[row + 1]] =
				(Posting) {s, (int32_t) (t - dataset->start[s])};
		}
	}
	for (int32_t r = 0; r < rows->count; r++)
		result->start[r] = result->start[r + 1];
	result->start[rows->count] = tokens;
	return NN_OK;
}

PairCollector *
pairs_begin(const Dataset *dataset, const bool *bought, PairRows rows, int32_t min_support,
			const Allocator *temporary, const Interrupt *interrupt)
{
	int64_t		tokens = dataset->start[dataset->sequences];
	PairCollector *collector = ALLOCATE(temporary, PairCollector, 1);

	*collector = (PairCollector) {
		.dataset = dataset,
		.bought = bought,
		.rows = rows,
		.min_support = min_support,
		.occurrences = {
			ALLOCATE(temporary, int64_t, rows.count + 1), ALLOCATE(temporary, Posting, tokens)
		},
		.sum = ALLOCATE(temporary, PairSum, rows.count),
		.pair = ALLOCATE(temporary, Pair, rows.count),
		.spare = ALLOCATE(temporary, Pair, rows.count)
	};
	memset(collector->sum, 0, (size_t) rows.count * sizeof(PairSum));
	return find_occurrences(&collector->occurrences, dataset, &rows, interrupt) == NN_OK
		? collector : NULL;
}

/* Add the pairs that the event at a place makes with those around it. */
static void
add_pairs_of(PairCollector *collector, Posting at)
{
	const Dataset *dataset = collector->dataset;
	const bool *purchase = collector->bought;
	int64_t		start = dataset->start[at.sequence];
	int64_t		end = dataset->start[at.sequence + 1];
	int64_t		here = start + at.position;
	int64_t		first = collector->rows.category != NULL ? here + 1
		: here - PAIRS_REACH > start ? here - PAIRS_REACH : start;

	for (int64_t t = first; t < end && t <= here + PAIRS_REACH; t++)
	{
		int32_t		to = pair_row(&collector->rows, dataset->item[t]);
		PairSum    *sum = &collector->sum[to];
		float		weight = 1.0f / (float) (t > here ? t - here : here - t);
		bool		bought = purchase != NULL && purchase[here] && purchase[t];

		if (dataset->item[t] == dataset->item[here])
			continue;
		if (sum->support == 0)
			collector->pair[collector->count++].to = to;
		/* a row's events come sequence by sequence */
		if (sum->support == 0 || sum->last_sequence != at.sequence)
			sum->support++;
		sum->last_sequence = at.sequence;
		pair_weights_add(&sum->weights, t > here
						 ? (PairWeights) {t - here == 1, weight, weight, bought}
						 : (PairWeights) {0, 0, weight, bought});
	}
}

/*
 * Fill in the weights of a row's pairs, and put those that enough sequences have
 * first; returns how many these are.
 */
static int64_t
fill_in_row(PairCollector *collector, PairWeights *sum)
{
	int64_t		supported = 0;

	memset(sum, 0, sizeof(*sum));
	for (int64_t i = 0; i < collector->count; i++)
	{
		Pair		pair = collector->pair[i];
		const PairSum *found = &collector->sum[pair.to];

		pair.weights = found->weights;
		pair_weights_add(sum, pair.weights);
		if (found->support < collector->min_support)
			continue;
		collector->pair[i].to = collector->pair[supported].to;
		collector->pair[supported++] = pair;
	}
	return supported;
}

/* Write the strongest pairs of row r from place `first` on; *kept: how many. */
static NnStatus
finish_row(PairCollector *collector, PairTable *table, int32_t r, int64_t first,
		   int64_t *kept, const Interrupt *interrupt)
{
	PairWeights unwanted;
	int64_t		supported = fill_in_row(collector, table != NULL ? &table->sum[r] : &unwanted);

	*kept = supported < PAIRS_MAX ? supported : PAIRS_MAX;
	if (table != NULL)
	{
		table->start[r] = first;
		if (sort_elements(collector->pair, collector->spare, (size_t) supported, sizeof(Pair),
						  pair_compare, interrupt) != NN_OK)
			return NN_CANCELLED;
		memcpy(table->pair + first, collector->pair, (size_t) *kept * sizeof(Pair));
	}
	for (int64_t i = 0; table != NULL && table->support != NULL && i < *kept; i++)
		table->support[first + i] = collector->sum[collector->pair[i].to].support;
	for (int64_t i = 0; i < collector->count; i++)
		collector->sum[collector->pair[i].to] = (PairSum) {0};
	collector->count = 0;
	return NN_OK;
}

NnStatus
pairs_collect(PairCollector *collector, PairTable *table, int64_t *pairs,
			  const Interrupt *interrupt)
{
	const Occurrences *occurrences = &collector->occurrences;

	*pairs = 0;
	for (int32_t r = 0; r < collector->rows.count; r++)
	{
		int64_t		kept;

		if (!interrupt_go_on(interrupt))
			return NN_CANCELLED;
		for (int64_t o = occurrences->start[r]; o < occurrences->start[r + 1]; o++)
		{
			if (!step_go_on(interrupt, o))
				return NN_CANCELLED;
			add_pairs_of(collector, occurrences->at[o]);
		}
		if (finish_row(collector, table, r, *pairs, &kept, interrupt) != NN_OK)
			return NN_CANCELLED;
		*pairs += kept;
	}
	if (table != NULL)
		table->start[collector->rows.count] = *pairs;
	return NN_OK;
}
