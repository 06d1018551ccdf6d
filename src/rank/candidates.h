/*
 * candidates.h
 *	  The items that may come next after a history, and what speaks for each.
 *
 * Candidates are the history's own items, what the counts say goes with them
 * (transitions, transitions of transitions, neighbour sequences), what is
 * popular in the categories at hand and at all, and the network's best.  Each
 * gets a row of features, from which ranker.h makes a score; what the network
 * says of it is not among them (vote.h).
 *
 * Neighbour sequences: VSKNN (Ludewig and Jannach, "Evaluation of session-based
 * recommendation algorithms", UMUAI 2018), with the weights of STAN (Garg et al.,
 * SIGIR 2019).
 */
#ifndef NN_CANDIDATES_H
#define NN_CANDIDATES_H

#include "rank/counts.h"
#include "nn/kernels.h"
#include "nn/topk.h"

#define CANDIDATES_MAX 250		/* for one history */
#define CANDIDATES_HISTORY 200	/* newest events that are looked at */
#define CANDIDATES_NETWORK 30	/* the network's best that are added */
#define CANDIDATES_MAX_OWN 5	/* events of an example's sequence after its history */

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
	RANK_FEATURES
} RankFeature;

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

/* What the network says. */
typedef struct NetworkOpinion
{
	int32_t		count;
	const Scored *best;			/* [count] its best items, best first */
	const Kernels *kernels;
	const float *representation;	/* columns */
	const float *weight;		/* items x columns */
	const float *bias;			/* [items] */
	int32_t		items;
	int32_t		columns;
	float		log_normaliser;
} NetworkOpinion;

/* The logarithm of the probability that the network gives one of its items. */
static inline float
opinion_log_probability(const NetworkOpinion *network, int32_t item)
{
	float		logit;

	network->kernels->score_rows(&logit, network->weight + (size_t) item * network->columns,
								 network->representation, 1, network->columns);
	return logit + network->bias[item] - network->log_normaliser;
}

/* What speaks most for a candidate. */
typedef enum Reason
{
	REASON_SEEN,				/* it is in the history */
	REASON_FOLLOWS,				/* it goes with `related` */
	REASON_SIMILAR,				/* it is in similar histories */
	REASON_NETWORK,				/* it is among the network's best */
	REASON_CATEGORY,			/* it is popular in the category of `related` */
	REASON_POPULAR
} Reason;

typedef struct Candidate
{
	int32_t		item;
	Reason		reason;
	int32_t		related;		/* position in the history */
	int32_t		network_rank;	/* among the network's best, from 1; 0: it is not */
	float		log_probability;	/* by the network; -INFINITY where it does not know */
} Candidate;

typedef struct CandidateWork CandidateWork;

/* Lay out working memory. */
extern CandidateWork *candidates_place(Arena *arena);

/* Prepare working memory, once. */
extern void candidates_start(CandidateWork *work);

/*
 * Find candidates and their features.  candidate: [CANDIDATES_MAX]; features:
 * CANDIDATES_MAX x RANK_FEATURES; network: NULL where it is not asked.
 * Returns how many there are.
 */
extern int32_t candidates_find(CandidateWork *work, const Counts *counts,
							   const RankHistory *history, const NetworkOpinion *network,
							   Candidate *candidate, float *features);

#endif							/* NN_CANDIDATES_H */
