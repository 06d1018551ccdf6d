/*
 * history.h
 *	  A history, item by item, and what is known of it as a whole.
 */
#ifndef RANK_HISTORY_H
#define RANK_HISTORY_H

#include "rank/counts.h"
#include "rank/keys.h"

#define CANDIDATES_HISTORY 200	/* newest events that are looked at */
#define CANDIDATES_MAX_OWN 5	/* events of an example's sequence after its history */

/* An item of the history always finds room, with no look whether it did. */
_Static_assert(CANDIDATES_HISTORY <= KEYS_MAX, "a history would not find room");

#define HISTORY_AT_ONCE (1.0f / 3600)	/* hours: nearer events are one visit to the till */

/*
 * A history, oldest first.  Items that the counts do not know have numbers from
 * sizes.items on, a number an item.
 */
typedef struct RankHistory
{
	int32_t		length;			/* at least 1 */
	const int32_t *item;
	const int32_t *category;	/* [length], or NULL: there are none */
	const bool *bought;			/* [length], or NULL: kinds are not known */
	const double *hours;		/* [length] since the time 0 of the counts, or NULL: times
								 * are not known */
	int32_t		own_sequence;	/* the sequence of the counts that this is the
								 * beginning of, or -1: what its other events, at most
								 * CANDIDATES_MAX_OWN, put into the counts is left out */
} RankHistory;

/* An item of the history. */
typedef struct HistoryItem
{
	int32_t		item;
	int32_t		category;
	int32_t		first;			/* positions */
	int32_t		last;
	int32_t		last_cart;		/* -1: none, as the next */
	int32_t		last_buy;
	int32_t		carts;
	int32_t		buys;
	bool		newest_is_buy;
	bool		unbought;
	int32_t		unbought_place; /* among the unbought, oldest cart first; -1 */
	int32_t		followed;		/* times it followed the last item */
	float		followed_when;
} HistoryItem;

/* What is known of a history that was read. */
typedef struct HistoryFacts
{
	int32_t		distinct;		/* items */
	HistoryItem item[CANDIDATES_HISTORY];	/* these, newest first */
	int32_t		from;			/* first position that is looked at */
	int32_t		end;			/* position after the last */
	int32_t		last_item;
	int32_t		last_category;
	double		now;
	bool		kinds;
	bool		times;
	int32_t		last_place;		/* position of the last item's cart */
	int32_t		unbought;
	int32_t		buys;
	int32_t		carts;
	int32_t		newest_buy;		/* position; -1 */
	int32_t		first_unbought; /* items; -1 */
	int32_t		next_unbought;
	int32_t		last_unbought;
	int32_t		session_start;	/* position */
	int32_t		bought_at_once;
	int32_t		run;
} HistoryFacts;

static inline bool
history_is_bought(const RankHistory *history, int32_t t)
{
	return history->bought != NULL && history->bought[t];
}

/* Weight of the history's r-th newest item. */
static inline float
history_recency_weight(int32_t r)
{
	return 1.0f / (float) (1 + r);
}

/*
 * Read a history.  items: an empty table, in which the history's items get the
 * numbers 0 .. distinct - 1, by which history->item[] has them.
 */
extern void history_facts_read(HistoryFacts *history, KeyTable *items, const Counts *counts,
						 const RankHistory *events);

#endif							/* RANK_HISTORY_H */
