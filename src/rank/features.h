/*
 * features.h
 *	  What the ranker reads of a candidate.
 */
#ifndef RANK_FEATURES_H
#define RANK_FEATURES_H

#include "rank/evidence.h"

/* Columns of the features; a feature that does not apply is 0. */
typedef enum RankFeature
{
	/* of items in the history */
	IN_HISTORY,
	RECENCY, LOG_RECENCY, IS_LAST, FIRST_SEEN, TIMES, CARTS, BUYS, NEWEST_IS_BUY,
	UNBOUGHT, FIRST_UNBOUGHT, NEXT_UNBOUGHT, LAST_UNBOUGHT,
	HOURS_SINCE, HOURS_SINCE_FIRST, SAME_INSTANT,
	UNBOUGHT_FROM_OLDEST, UNBOUGHT_FROM_NEWEST, STEPS_SINCE, STEPS_SINCE_CART,
	STEPS_SINCE_BUY, AFTER_LAST, BEFORE_LAST, BOUGHT_NOW, IN_BASKET, IN_SESSION,
	FOLLOWED_LAST, FOLLOWED_LAST_WHEN, HOURS_SINCE_BUY, SHARE_OF_HISTORY,
	/* of the history */
	LENGTH, DISTINCT, LAST_IS_BUY, COUNT_UNBOUGHT, BUY_SHARE, GAP, LAST_REPEATS,
	REPEAT_SHARE, SECOND_KIND, THIRD_KIND, RUN, SECOND_GAP, SESSION_LENGTH, BOUGHT_AT_ONCE,
	CART_SHARE,
	/* transitions from the last item, and from all */
	LAST_ADJACENT, LAST_AFTER, LAST_BEFORE, LAST_BOTH, LAST_BOUGHT,
	ALL_AFTER, ALL_BEFORE, ALL_BOTH, ALL_COSINE, ALL_MAXIMUM, ALL_BOUGHT,
	LAST_TWO_HOPS, ALL_TWO_HOPS,
	/* neighbour sequences */
	NEIGHBOURS, NEIGHBOURS_NEAR, NEIGHBOURS_RARE, NEIGHBOURS_PER_EVENT, NEIGHBOURS_SHARE,
	/* popularity */
	POPULARITY, POPULARITY_SHORT, POPULARITY_LONG, POPULARITY_NOW, BOUGHT_RATE, REPEAT_RATE,
	LAST_SEEN, FIRST_KNOWN,
	/* category */
	SAME_CATEGORY, SHARE_OF_CATEGORY, CATEGORY_AFTER_LAST, CATEGORY_AFTER_ALL,
	CATEGORY_WEIGHT, CATEGORY_SHARE, CATEGORY_NOW, CATEGORY_RECENT, NO_CATEGORY,
	CATEGORY_REPEAT_RATE, CATEGORY_BOUGHT_RATE,
	UNTOUCHED,					/* by nobody, one of so many of its category */
	RANK_FEATURES
} RankFeature;

/* What a history says of a category, and what all of its items have in common. */
typedef struct CategoryOutlook
{
	float		weight;			/* of the history's items of it */
	float		share;
	/* its probability after those of the history; until it is made, what the pairs say of it */
	float		after_last;
	float		after_all;
	/* the rest of its features, and by what an item's numbers are multiplied for them */
	bool		made;
	float		per_event;
	float		per_event_now;
	float		per_recent_event;
	float		repeats;
	float		bought_rate;
} CategoryOutlook;

/* Probability of a category after those of the history, smoothed by its share of all events. */
typedef struct Smoothing
{
	float		after_last;		/* times that share, to be added */
	float		after_all;
	float		weight_sum;		/* to divide by */
} Smoothing;

/* What a history says of categories. */
typedef struct CategoryTable
{
	KeyTable	categories;
	CategoryOutlook outlook[KEYS_MAX];	/* by their numbers */
	CategoryOutlook other;		/* of one for which there is no room */
	Smoothing	smoothing;
} CategoryTable;

/* What features of one history are made from. */
typedef struct FeatureWork
{
	const Counts *counts;
	const Own  *own;
	const RankHistory *events;
	const HistoryFacts *history;
	float		neighbour_share;	/* of the evidence: what its neighbours are multiplied with */
	float		now_low;		/* times from here */
	float		now_high;		/* to here are about that of the history's end */
	CategoryTable table;
} FeatureWork;

/* Prepare working memory, once. */
extern void features_start(FeatureWork *work);

/* Features of the history, the same for all candidates: x[RANK_FEATURES]. */
extern void features_of_history(float *x, FeatureWork *work);

/*
 * Those of an item, into a copy of them; the item's evidence says whether it is in
 * the history.  Where a feature is a logarithm, only what it is made of.
 */
extern void features_of_item(float *x, FeatureWork *work, const Evidence *evidence);

/* Take the logarithms that were left.  features: rows x RANK_FEATURES. */
extern void features_finish(float *features, int32_t rows);

#endif							/* RANK_FEATURES_H */
