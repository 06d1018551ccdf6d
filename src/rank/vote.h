/*
 * vote.h
 *	  What the network adds to the scores of a ranker: a few weights, fitted on
 *	  sequences that the network was not trained on.
 *
 * The network is not a feature of the ranker, since it has an honest opinion
 * only on the small part of the examples that was held out from it.
 */
#ifndef RANK_VOTE_H
#define RANK_VOTE_H

#include "rank/candidates.h"
#include "rank/shards.h"

/* Weights of what the network says of a candidate. */
enum
{
	VOTE_SEEN,					/* log probability, of an item in the history */
	VOTE_NEW,					/* likewise, of another */
	VOTE_SEEN_RANK,				/* 1 / rank among its best, of an item in the history */
	VOTE_NEW_RANK,				/* likewise, of another */
	VOTE_NEW_BEST,				/* it is among its best, and not in the history */
	VOTES
};

typedef struct Vote
{
	float		weight[VOTES];
} Vote;

/* What the network says of a candidate: VOTES numbers. */
extern void vote_inputs(float *input, const Candidate *candidate);

/* Add the votes to the scores of candidates. */
extern void vote_add(const Vote *vote, const Candidate *candidate, int32_t count,
					 float *score);

/* Candidates of histories, one history after the other. */
typedef struct VoteExamples
{
	int32_t		examples;
	int32_t    *start;			/* [examples + 1] first candidate */
	int32_t    *target;			/* [examples] what came next, from 0 within the example */
	float	   *score;			/* [candidates] by the ranker */
	float	   *input;			/* candidates x VOTES */
} VoteExamples;

/* Doubles a shard that the fit's sums need (shards.h). */
#define VOTE_BOARD_WIDTH (VOTES + 1)

/*
 * Fit the weights.  examples: [SHARDS], filled in for the shards of this process;
 * work: room for as many floats as the largest example.  Every process calls it.
 */
extern NnStatus vote_fit(Vote *vote, const VoteExamples *examples, float *work,
						 Sharing *sharing);

/* How many targets are among the best k of their candidates; ties do not help. */
extern int32_t vote_hits(const Vote *vote, const VoteExamples *examples, int32_t k);

#endif							/* RANK_VOTE_H */
