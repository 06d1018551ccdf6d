/*
 * counts.h
 *	  What the training data says of items by counting: how often each occurs,
 *	  what goes with what, and which sequences it is in.
 *
 * All arrays lie in one block that counts_place lays out, so that they are
 * stored and used in place.
 */
#ifndef NN_COUNTS_H
#define NN_COUNTS_H

#include <stdbool.h>

#include "nn/allocator.h"
#include "nn/arena.h"
#include "nn/batch.h"
#include "nn/status.h"

/* Events of one sequence make a pair up to so many positions apart. */
#define COUNTS_REACH 10

/* Kept of each item or category, strongest first; the sums are of all. */
#define COUNTS_MAX_PAIRS 50

/* Kept of each item: the newest sequences with it. */
#define COUNTS_MAX_POSTINGS 150

/* Kept of each category, and of all items: the most popular. */
#define COUNTS_MAX_CATEGORY_TOP 20
#define COUNTS_MAX_POPULAR 5

/* Half-lives of recent popularity, as shares of the time that the data spans. */
#define COUNTS_SHORT_HALF_LIFE 0.065
#define COUNTS_LONG_HALF_LIFE 0.28

/* Periods of the span in which a category's events are counted. */
#define COUNTS_PERIODS 40

/* What two items, or two categories, a and b have to do with each other. */
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
	Pair	   *pair;
	PairWeights *sum;			/* [rows] over all b */
} PairTable;

/* An item's last event in a sequence. */
typedef struct Posting
{
	int32_t		sequence;
	int32_t		position;
} Posting;

/* How often something occurs. */
typedef struct Tally
{
	float		events;
	float		bought;			/* of these, purchases */
	float		sequences;		/* that have it; of a category: its items' sum */
	float		short_recent;	/* events, by COUNTS_SHORT_HALF_LIFE */
	float		long_recent;	/* by COUNTS_LONG_HALF_LIFE */
} Tally;

/* When an item was seen first and last, and by whom, to leave a sequence out. */
typedef struct Seen
{
	float		first;			/* time */
	float		last;
	float		other_first;	/* by another sequence than the one of `first` */
	float		other_last;
	int32_t		first_sequence;
	int32_t		last_sequence;
} Seen;

/* Lengths of the arrays. */
typedef struct CountsSizes
{
	int32_t		items;
	int32_t		categories;		/* at least 1: value 0, none */
	int32_t		sequences;
	int32_t		popular;
	int64_t		tokens;
	int64_t		item_pairs;
	int64_t		category_pairs;
	int64_t		postings;
	int64_t		category_tops;
} CountsSizes;

/*
 * Times are in hours since the oldest event; without times all events are of
 * one time.
 */
typedef struct Counts
{
	CountsSizes sizes;
	float	   *span;			/* [1] time of the newest event, at least 1 */
	Tally	   *item;			/* [items] */
	Seen	   *seen;			/* [items] */
	int32_t    *item_category;	/* [items] */
	Tally	   *category;		/* [categories] */
	float	   *category_period;	/* categories x COUNTS_PERIODS, newest first */
	PairTable	item_pairs;
	PairTable	category_pairs;
	int64_t    *posting_start;	/* [items + 1] */
	Posting    *posting;		/* newest sequence last */
	int64_t    *sequence_start; /* [sequences + 1] */
	int32_t    *token;			/* [tokens] items of the sequences */
	float	   *token_time;		/* [tokens] */
	uint8_t    *token_bought;	/* [tokens] 1: a purchase */
	int64_t    *category_top_start; /* [categories + 1] */
	int32_t    *category_top;	/* items by falling long_recent */
	int32_t    *popular;		/* likewise, of all */
} Counts;

/* Sequences, with what is known of their events besides the tokens. */
typedef struct EventData
{
	const Dataset *dataset;		/* in the order of the sequences' ends; its first
								 * feature is the category; items in vocabulary */
	const bool *bought;			/* [tokens], or NULL: kinds are not known */
	const double *hours;		/* [tokens] since the oldest event, or NULL: times are
								 * not known */
} EventData;

/* The time of an event, as in Counts. */
static inline float
event_time(const EventData *data, int64_t token)
{
	return data->hours != NULL ? (float) data->hours[token] : 1;
}

/* Lay out counts of those sizes: one block of memory, which begins with span. */
extern void counts_place(Counts *counts, Arena *arena, const CountsSizes *sizes);

/*
 * Count.  item_category: [items] category of each item, 0 .. categories - 1.
 * lasting: gives the memory of the counts; temporary: memory that the caller
 * frees afterwards.
 */
extern NnStatus counts_build(Counts *counts, const EventData *data, int32_t items,
							 int32_t categories, const int32_t *item_category,
							 const Allocator *lasting, const Allocator *temporary,
							 const Interrupt *interrupt);

/* Whether every index in counts that were read is in range. */
extern bool counts_valid(const Counts *counts);

/* The pairs of a row; *count: how many. */
static inline const Pair *
pair_range(const PairTable *table, int32_t row, int64_t *count)
{
	*count = table->start[row + 1] - table->start[row];
	return table->pair + table->start[row];
}

/* The period of a time, 0 the newest. */
static inline int32_t
counts_period(const Counts *counts, float time)
{
	float		period = (counts->span[0] - time) / counts->span[0] * COUNTS_PERIODS;

	return period > 0 ? period < COUNTS_PERIODS ? (int32_t) period : COUNTS_PERIODS - 1 : 0;
}

#endif							/* NN_COUNTS_H */
