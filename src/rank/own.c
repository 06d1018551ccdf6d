/*
 * own.c
 *	  What the rest of an example's own sequence has put into the counts.
 */
#include "rank/own.h"

#include <math.h>
#include <stdlib.h>

static void
add(OwnTable *table, uint64_t key, PairWeights weights)
{
	table->pair[table->count++] = (OwnPair) {key, weights, false};
}

static int
compare_keys(const void *a, const void *b)
{
	uint64_t	x = ((const OwnPair *) a)->key;
	uint64_t	y = ((const OwnPair *) b)->key;

	return (x > y) - (x < y);
}

/* Bring a table in order, and pairs of one key together; qsort: OWN_MAX_PAIRS are few. */
static void
sort(OwnTable *table)
{
	int32_t		distinct = 0;

	qsort(table->pair, (size_t) table->count, sizeof(OwnPair), compare_keys);
	for (int32_t i = 0; i < table->count; i++)
	{
		if (distinct > 0 && table->pair[distinct - 1].key == table->pair[i].key)
			pair_weights_add(&table->pair[distinct - 1].weights, table->pair[i].weights);
		else
			table->pair[distinct++] = table->pair[i];
	}
	table->count = distinct;
}

static OwnPair *
find(OwnTable *table, uint64_t key)
{
	OwnPair		wanted = {.key = key};

	return bsearch(&wanted, table->pair, (size_t) table->count, sizeof(OwnPair), compare_keys);
}

const OwnPair *
own_find(const OwnTable *table, uint64_t key)
{
	return find((OwnTable *) table, key);
}

/* Collect what event j of the own sequence makes with those before it. */
static void
read_event(Own *own, const Counts *counts, int64_t start, int64_t j)
{
	for (int64_t i = j - PAIRS_REACH > start ? j - PAIRS_REACH : start; i < j; i++)
	{
		int32_t		a = counts->token[i];
		int32_t		b = counts->token[j];
		float		weight = 1.0f / (float) (j - i);
		int32_t		ca = counts->item_category[a];
		bool		bought = counts->token_bought[i] && counts->token_bought[j];
		PairWeights forward = {j - i == 1, weight, weight, bought};
		PairWeights backward = {0, 0, weight, bought};
		PairWeights category = {0, weight, 0, 0};

		if (a == b)
			continue;
		add(&own->items, own_pair_key(a, b), forward);
		add(&own->items, own_pair_key(b, a), backward);
		add(&own->item_sums, (uint64_t) a, forward);
		add(&own->item_sums, (uint64_t) b, backward);
		add(&own->categories, own_pair_key(ca, counts->item_category[b]), category);
		add(&own->category_sums, (uint64_t) ca, category);
	}
}

static void
mark(OwnTable *table, int32_t a, int32_t b)
{
	OwnPair    *pair = find(table, own_pair_key(a, b));

	if (pair != NULL)
		pair->in_history = true;
}

/*
 * Mark the pairs that the history has as well, as far back as it is looked at:
 * these have the sequence's support also without what comes after.
 */
static void
mark_history(Own *own, const Counts *counts, int64_t start)
{
	int64_t		from = own->first - CANDIDATES_HISTORY > start
		? own->first - CANDIDATES_HISTORY : start;

	for (int64_t i = from; i < own->first; i++)
	{
		for (int64_t j = i + 1; j <= i + PAIRS_REACH && j < own->first; j++)
		{
			int32_t		a = counts->token[i];
			int32_t		b = counts->token[j];

			if (a == b)
				continue;
			mark(&own->items, a, b);
			mark(&own->items, b, a);
			mark(&own->categories, counts->item_category[a], counts->item_category[b]);
		}
	}
}

void
own_read(Own *own, const Counts *counts, const RankHistory *history)
{
	int64_t		start;
	int64_t		end;

	own->first = 0;
	own->count = 0;
	own->items.count = own->item_sums.count = 0;
	own->categories.count = own->category_sums.count = 0;
	if (history->own_sequence < 0)
		return;
	start = counts->sequence_start[history->own_sequence];
	end = counts->sequence_start[history->own_sequence + 1];
	own->first = start + history->length;
	own->count = (int32_t) (end - own->first);
	for (int64_t j = own->first; j < end; j++)
		read_event(own, counts, start, j);
	sort(&own->items);
	sort(&own->item_sums);
	sort(&own->categories);
	sort(&own->category_sums);
	if (counts->sizes.min_support > 1)
		mark_history(own, counts, start);
}

bool
own_is_supported(const OwnTable *own, const Counts *counts, const PairTable *table,
				 uint64_t key, int64_t i)
{
	const OwnPair *pair = own_find(own, key);
	bool		only_after = pair != NULL && !pair->in_history;

	return table->support[i] - only_after >= counts->sizes.min_support;
}

int64_t
own_events_after(const Own *own, const Counts *counts, int32_t item)
{
	int64_t		events = 0;

	for (int64_t t = own->first; t < own->first + own->count; t++)
		events += counts->token[t] == item;
	return events;
}

void
own_leave_out_of_tally(Tally *tally, const Own *own, const Counts *counts, int32_t item,
					   bool in_history)
{
	bool		has = false;

	for (int64_t t = own->first; t < own->first + own->count; t++)
	{
		float		age = (counts->span[0] - counts->token_time[t]) / counts->span[0];

		if (counts->token[t] != item)
			continue;
		has = true;
		tally->events--;
		tally->bought -= counts->token_bought[t];
		tally->short_recent -= exp2f(-age / (float) COUNTS_SHORT_HALF_LIFE);
		tally->long_recent -= exp2f(-age / (float) COUNTS_LONG_HALF_LIFE);
	}
	if (has && !in_history)
		tally->sequences--;
	tally->short_recent = fmaxf(tally->short_recent, 0);
	tally->long_recent = fmaxf(tally->long_recent, 0);
}
