/*
 * counts.h
 *	  What the training data says of items by counting: how often each occurs,
 *	  what goes with what, and which sequences it is in.
 *
 * All arrays lie in one block that counts_place lays out, so that they are
 * stored and used in place.
 */
#ifndef RANK_COUNTS_H
#define RANK_COUNTS_H

#include <stdbool.h>

#include "nn/allocator.h"
#include "nn/arena.h"
#include "nn/batch.h"
#include "nn/status.h"
#include "rank/pairs.h"
#include "rank/postings.h"

/* Kept of each category, and of all items: the most popular. */
#define COUNTS_MAX_CATEGORY_TOP 20
#define COUNTS_MAX_POPULAR 5

/* The most sequences that evidence can be asked to have: so many of an item are told apart. */
#define COUNTS_MOST_SUPPORT POSTINGS_MAX

/* Half-lives of recent popularity, as shares of the time that the data spans. */
#define COUNTS_SHORT_HALF_LIFE 0.065
#define COUNTS_LONG_HALF_LIFE 0.28

/* Periods of the span in which a category's events are counted. */
#define COUNTS_PERIODS 40

/* How often something occurs. */
typedef struct Tally
{
	int64_t		events;
	int64_t		bought;			/* of these, purchases */
	int64_t		sequences;		/* that have it; of a category: its items' sum */
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
	int64_t		min_support;	/* sequences that evidence takes to count; above 1 the pairs
								 * have their support beside them */
	int64_t		on_sale;		/* items that can be sold, where a catalog says so */
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
	int64_t    *category_period;	/* events: categories x COUNTS_PERIODS, newest first */
	PairTable	item_pairs;
	PairTable	category_pairs;
	int64_t    *posting_start;	/* [items + 1] */
	Posting    *posting;		/* newest sequence last */
	float	   *posting_time;	/* of these events, to be read one after the other */
	int64_t    *sequence_start; /* [sequences + 1] */
	int32_t    *token;			/* [tokens] items of the sequences */
	float	   *token_time;		/* [tokens] */
	uint8_t    *token_bought;	/* [tokens] 1: a purchase */
	int64_t    *category_top_start; /* [categories + 1] */
	int32_t    *category_top;	/* items by falling long_recent */
	int32_t    *popular;		/* likewise, of all */
	int64_t    *sale_start;		/* [categories + 1] */
	int32_t    *sale;			/* items that can be sold, ascending in each category */
	int32_t    *untouched;		/* [categories] of these, those that do not occur */
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

/* What is counted. */
typedef struct CountsData
{
	const EventData *events;
	int32_t		items;
	int32_t		categories;
	const int32_t *item_category;	/* [items] 0 .. categories - 1 */
	int32_t		min_support;	/* at least 1 */
	const uint8_t *unavailable; /* a bit an item: it cannot be sold; NULL: no catalog is known */
} CountsData;

/*
 * Count.  lasting: gives the memory of the counts; temporary: memory that the
 * caller frees afterwards.
 */
extern NnStatus counts_build(Counts *counts, const CountsData *data,
							 const Allocator *lasting, const Allocator *temporary,
							 const Interrupt *interrupt);

/*
 * Count the sequences of other counts again, but for those that are removed:
 * [sequences].  To the byte what counts_build makes of the others.  kinds: whether
 * the counts know which events are purchases; unavailable: as in CountsData.
 */
extern NnStatus counts_without(Counts *counts, const Counts *from, const bool *removed,
							   bool kinds, const uint8_t *unavailable,
							   const Allocator *lasting, const Allocator *temporary,
							   const Interrupt *interrupt);

/*
 * Whether lengths that were read can be those of counts of so many items and
 * categories; then, once the arrays are in place, whether what they hold could
 * have been counted: every index in range, every number too, lists in order.
 */
extern bool counts_sizes_valid(const CountsSizes *sizes, int32_t items, int32_t categories);
extern bool counts_valid(const Counts *counts);

/* The period of a time, 0 the newest. */
static inline int32_t
counts_period(const Counts *counts, float time)
{
	float		period = (counts->span[0] - time) / counts->span[0] * COUNTS_PERIODS;

	return period > 0 ? period < COUNTS_PERIODS ? (int32_t) period : COUNTS_PERIODS - 1 : 0;
}

#endif							/* RANK_COUNTS_H */
