/*
 * ranker.h
 *	  From the features of candidates to their probabilities: a perceptron with
 *	  two hidden layers, fitted listwise (softmax over the candidates of a
 *	  history, cross-entropy).
 */
#ifndef NN_RANKER_H
#define NN_RANKER_H

#include "nn/arena.h"
#include "rank/candidates.h"
#include "nn/kernels.h"

#define RANKER_HIDDEN 48
#define RANKER_FEATURE_LIMIT 5.0f	/* standardised features are held within +- this */

/* Views into one block; not to be changed but by ranker_train.h. */
typedef struct Ranker
{
	float	   *block;
	size_t		count;			/* floats in the block */
	float	   *mean;			/* [features], of the training examples */
	float	   *scale;			/* [features] 1 / standard deviation */
	float	   *weight1;		/* hidden x features */
	float	   *bias1;
	float	   *weight2;		/* hidden x hidden */
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

/* Scores of standardised features.  hidden1, hidden2: rows x RANKER_HIDDEN. */
extern void ranker_forward(const Ranker *ranker, const float *features, int32_t rows,
						   float *hidden1, float *hidden2, float *score);

#endif							/* NN_RANKER_H */
