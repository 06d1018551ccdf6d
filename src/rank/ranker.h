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
#include "nn/status.h"

#define RANKER_HIDDEN 48

/* Views into one block; not to be changed but by ranker_train. */
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

/*
 * Write the features of the candidates of training example number `index`,
 * CANDIDATES_MAX x RANK_FEATURES; set *target to the place of what really came
 * next, or -1 where it is not among them.  Returns their number.
 */
typedef int32_t (*RankerExample) (void *context, int32_t index, float *features,
								  int32_t *target);

typedef struct RankerTraining
{
	RankerExample example;
	void	   *context;
	int32_t		examples;
	int32_t		epochs;			/* at least */
	uint64_t	seed;
	Interrupt	interrupt;
} RankerTraining;

/* Lay out what ranker_train needs. */
extern void ranker_place_training(Arena *arena, void **memory, int32_t examples);

/*
 * Fit the ranker.  memory: laid out for as many examples or more.  *missed: share of
 * the examples whose target is no candidate.
 */
extern NnStatus ranker_train(Ranker *ranker, const RankerTraining *training, void *memory,
							 float *missed);

#endif							/* NN_RANKER_H */
