/*
 * pairs.h
 *	  What goes with what: items, or categories, that are near each other in the
 *	  same sequences.
 */
#ifndef RANK_PAIRS_H
#define RANK_PAIRS_H

#include "nn/allocator.h"
#include "nn/arena.h"
#include "nn/batch.h"
#include "nn/status.h"

/* Events of one sequence make a pair up to so many positions apart. */
#define PAIRS_REACH 10

/* Kept of each item or category, strongest first; the sums are of all. */
#define PAIRS_MAX 50

/*
 * What two items, or two categories, a and b have to do with each other.  These
 * are weights, to be compared: in single precision they stop growing at about
 * 2^24, where one more pair tells nothing more.  What sizes memory is an integer.
 */
typedef struct PairWeights
{
	float		adjacent;		/* times that b comes right after a */
	float		after;			/* b after a, each time by 1 / distance */
	float		both;			/* in either order, likewise */
	float		bought;			/* times that both are purchases */
} PairWeights;

typedef struct Pair
{
	int32_t		to;				/* b */
	PairWeights weights;
} Pair;

/* Pairs by their first item or category, strongest first. */
typedef struct PairTable
{
	int64_t    *start;			/* [rows + 1] */
	Pair	   *pair;			/* those that enough sequences have */
	int32_t    *support;		/* how many have each; NULL: one is enough */
	PairWeights *sum;			/* [rows] over all b, whatever supports them */
} PairTable;

static inline void
pair_weights_add(PairWeights *sum, PairWeights more)
{
	sum->adjacent += more.adjacent;
	sum->after += more.after;
	sum->both += more.both;
	sum->bought += more.bought;
}

/* Strongest first, the lower item first among equals: for sorting. */
extern int	pair_compare(const void *a, const void *b);

/* Lay out a table.  min_support: sequences that a pair takes. */
extern void pairs_place(PairTable *table, Arena *arena, int32_t rows, int64_t pairs,
						int64_t min_support);

/* What the rows of a table of pairs are: items, or their categories. */
typedef struct PairRows
{
	int32_t		count;
	const int32_t *category;	/* [items]; NULL: rows are items */
} PairRows;

static inline int32_t
pair_row(const PairRows *rows, int32_t item)
{
	return rows->category != NULL ? rows->category[item] : item;
}

typedef struct PairCollector PairCollector;

/*
 * Begin to collect the pairs of a dataset in temporary memory; NULL: cancelled.
 * bought: [tokens] purchases, or NULL.
 */
extern PairCollector *pairs_begin(const Dataset *dataset, const bool *bought, PairRows rows,
								  int32_t min_support, const Allocator *temporary,
								  const Interrupt *interrupt);

/* Collect the pairs of all rows into a table; NULL: only tell how many there are. */
extern NnStatus pairs_collect(PairCollector *collector, PairTable *table, int64_t *pairs,
							  const Interrupt *interrupt);

#endif							/* RANK_PAIRS_H */
