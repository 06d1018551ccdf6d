/*
 * own.h
 *	  For training examples: what the rest of an example's own sequence has put
 *	  into the counts, so that it is left out wherever a count is read.
 */
#ifndef RANK_OWN_H
#define RANK_OWN_H

#include "rank/history.h"

/* Pairs of one event after the history with one before it, in both directions. */
#define OWN_MAX_PAIRS (CANDIDATES_MAX_OWN * PAIRS_REACH * 2)

typedef struct OwnPair
{
	uint64_t	key;			/* own_pair_key(), or an item, or a category */
	PairWeights weights;
	bool		in_history;		/* the history has the pair as well */
} OwnPair;

typedef struct OwnTable
{
	int32_t		count;
	OwnPair		pair[OWN_MAX_PAIRS];	/* by key, each once */
} OwnTable;

typedef struct Own
{
	int64_t		first;			/* token after the history */
	int32_t		count;			/* tokens; 0: nothing to leave out */
	OwnTable	items;			/* pairs */
	OwnTable	item_sums;
	OwnTable	categories;
	OwnTable	category_sums;
} Own;

static inline uint64_t
own_pair_key(int32_t a, int32_t b)
{
	return (uint64_t) (uint32_t) a << 32 | (uint32_t) b;
}

/* Collect what the events after a history have put into the counts. */
extern void own_read(Own *own, const Counts *counts, const RankHistory *history);

/* What the own sequence has put under a key after the history; NULL: nothing. */
extern const OwnPair *own_find(const OwnTable *table, uint64_t key);

/* Weights without those. */
static inline PairWeights
own_left_out(const OwnTable *table, uint64_t key, PairWeights weights)
{
	/* mostly there is nothing to leave out: no call */
	const OwnPair *pair = table->count == 0 ? NULL : own_find(table, key);

	if (pair != NULL)
	{
		weights.adjacent -= pair->weights.adjacent;
		weights.after -= pair->weights.after;
		weights.both -= pair->weights.both;
		weights.bought -= pair->weights.bought;
	}
	return weights;
}

/* Sums of an item's pairs, likewise. */
static inline PairWeights
own_item_sum(const Own *own, const Counts *counts, int32_t item)
{
	return own_left_out(&own->item_sums, (uint64_t) item, counts->item_pairs.sum[item]);
}

/* Whether enough sequences have pair number i, likewise. */
extern bool own_is_supported(const OwnTable *own, const Counts *counts,
							 const PairTable *table, uint64_t key, int64_t i);

/* Pair number i, from a row of a table, likewise; all 0 where too few sequences have it. */
static inline PairWeights
own_pair(const OwnTable *own, const Counts *counts, const PairTable *table, int32_t row,
		 int64_t i)
{
	uint64_t	key = own_pair_key(row, table->pair[i].to);

	if (table->support != NULL && !own_is_supported(own, counts, table, key, i))
		return (PairWeights) {0};
	return own_left_out(own, key, table->pair[i].weights);
}

/* How often an item occurs after the history. */
extern int64_t own_events_after(const Own *own, const Counts *counts, int32_t item);

/* How often an item occurs, likewise. */
static inline int64_t
own_item_events(const Own *own, const Counts *counts, int32_t item)
{
	return counts->item[item].events -
		(own->count == 0 ? 0 : own_events_after(own, counts, item));
}

/* Leave out of the tally of an item what comes after the history. */
extern void own_leave_out_of_tally(Tally *tally, const Own *own, const Counts *counts,
								   int32_t item, bool in_history);

/* Sequences with an item that is not in the history, likewise; no more than POSTINGS_MAX are told. */
static inline int64_t
own_item_support(const Own *own, const Counts *counts, int32_t item)
{
	int64_t		support = counts->posting_start[item + 1] - counts->posting_start[item];

	return support - (own->count > 0 && own_events_after(own, counts, item) > 0);
}

#endif							/* RANK_OWN_H */
