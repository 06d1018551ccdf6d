/*
 * ranker.h
 *	  From the features of candidates to their probabilities: a perceptron with
 *	  two hidden layers, fitted listwise (softmax over the candidates of a
 *	  history, cross-entropy).
 */
#ifndef RANK_RANKER_H
#define RANK_RANKER_H

#include "nn/arena.h"
#include "rank/candidates.h"
#include "nn/kernels.h"

#define RANKER_HIDDEN 48
#define RANKER_FEATURE_LIMIT 5.0f	/* standardised features are held within +- this */

/*
 * The features of a candidate are of three parts (candidates.h), which are
 * multiplied with their weights as seldom as they differ: those of the history
 * once a list; those of its items for these alone, who come first, since they
 * are 0 for all others; and the rest for every candidate.
 */
#define RANKER_SEEN LENGTH
#define RANKER_SHARED (LAST_ADJACENT - LENGTH)
#define RANKER_REST (RANK_FEATURES - LAST_ADJACENT)

/* Views into one block; not to be changed but by ranker_train.h. */
typedef struct Ranker
{
	float	   *block;
	size_t		count;			/* floats in the block */
	float	   *mean;			/* [features], of the training examples */
	float	   *scale;			/* [features] 1 / standard deviation */
	float	   *weight1;		/* features x hidden */
	float	   *bias1;
	float	   *weight2;		/* hidden x hidden, inputs first */
	float	   *bias2;
	float	   *weight3;		/* hidden */
	float	   *bias3;			/* [1]; changes nothing but the sizes of scores */
} Ranker;

/* Floats of a ranker's block. */
extern size_t ranker_count(void);

/* Point the views into a block. */
extern void ranker_bind(Ranker *ranker, float *block);

/* Floats of scratch to score the candidates of one history. */
#define RANKER_SCRATCH (CANDIDATES_MAX * (size_t) (2 * RANKER_HIDDEN))

/* Score of each candidate.  features: count x RANK_FEATURES, used up. */
extern void ranker_scores(const Ranker *ranker, float *features, int32_t count,
						  float *scratch, float *score);

/* Turn the scores of the candidates of one history into probabilities, sum 1. */
extern void ranker_softmax(float *score, int32_t count);

/* The features as the perceptron takes them: by their mean and scale, within the limit. */
extern void ranker_standardise(const Ranker *ranker, float *features, int32_t rows);

/* The standardised features of a list of candidates. */
typedef struct RankerList
{
	int32_t		rows;
	int32_t		seen;			/* the first ones are items of the history */
	const float *seen_features; /* seen x RANKER_SEEN, rows so many floats apart */
	size_t		seen_row;
	const float *shared;		/* RANKER_SHARED */
	const float *rest;			/* rows x RANKER_REST, likewise */
	size_t		rest_row;
} RankerList;

/* The first rows that are items of the history.  features: not standardised. */
extern int32_t ranker_count_seen(const float *features, int32_t rows);

/* What standardised features of an item's place in the history are, where it has none. */
extern void ranker_unseen(const Ranker *ranker, float *features);

/*
 * The first layer without its activation.  unseen: as by ranker_unseen; hidden1:
 * rows x RANKER_HIDDEN.
 */
extern void ranker_first_layer(const Ranker *ranker, const RankerList *list,
							   const float *unseen, float *hidden1);

/*
 * The rest: activates hidden1, and fills in hidden2 and scores.  hidden1,
 * hidden2: rows x RANKER_HIDDEN.
 */
extern void ranker_other_layers(const Ranker *ranker, int32_t rows, float *hidden1,
								float *hidden2, float *score);

#endif							/* RANK_RANKER_H */
