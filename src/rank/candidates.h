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
#ifndef RANK_CANDIDATES_H
#define RANK_CANDIDATES_H

#include "nn/copy.h"
#include "nn/kernels.h"
#include "nn/topk.h"
#include "rank/features.h"

#define CANDIDATES_MAX 250		/* for one history */
#define CANDIDATES_NETWORK 30	/* the network's best that are added */

/* What the network says. */
typedef struct NetworkOpinion
{
	int32_t		count;
	const Scored *best;			/* [count] its best items, best first */
	const Kernels *kernels;
	const float *representation;	/* columns */
	Copies		copies;
	const float *weight;		/* items x columns */
	const float *bias;			/* [items] */
	int32_t		items;
	int32_t		columns;
	float		log_normaliser;
} NetworkOpinion;

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
 * Set the logarithms of the probabilities that the network gives those of the
 * candidates that it knows, CANDIDATES_MAX at most.
 */
extern void candidates_ask_network(Candidate *candidate, int32_t count,
								   const NetworkOpinion *network);

/*
 * Find candidates and their features.  candidate: [CANDIDATES_MAX]; features:
 * CANDIDATES_MAX x RANK_FEATURES; network: NULL where it is not asked.
 * Returns how many there are.
 */
extern int32_t candidates_find(CandidateWork *work, const Counts *counts,
							   const RankHistory *history, const NetworkOpinion *network,
							   Candidate *candidate, float *features);

/*
 * The same in steps, for a fit: candidates_choose(), and candidates_describe() where
 * they have the item that came next.  The history must be there until then.
 */
extern void candidates_choose(CandidateWork *work, const Counts *counts,
							  const RankHistory *history, const NetworkOpinion *network);
extern bool candidates_have(const CandidateWork *work, int32_t item);
extern int32_t candidates_describe(CandidateWork *work, const NetworkOpinion *network,
								   Candidate *candidate, float *features);

/*
 * Choose among what was found for a history once more, as if less or more were known
 * of its events: `history` has the same items, by the same counts.
 */
extern void candidates_choose_again(CandidateWork *work, const RankHistory *history,
									const NetworkOpinion *network);

#endif							/* RANK_CANDIDATES_H */
