/*
 * sampled.h
 *	  Losses over the target and some items drawn at random, whose cost does not
 *	  depend on the size of the vocabulary.
 */
#ifndef NN_SAMPLED_H
#define NN_SAMPLED_H

#include "nn/batch.h"
#include "nn/copy.h"
#include "nn/kernels.h"
#include "nn/params.h"

typedef enum Loss
{
	LOSS_SOFTMAX,				/* cross-entropy over all items: softmax.h */
	LOSS_SAMPLED_SOFTMAX,
	LOSS_BPR_MAX
} Loss;

#define LOSSES (LOSS_BPR_MAX + 1)

/* Weight of BPR-max's score regularisation. */
#define BPR_MAX_REGULARISATION 1.0f

/*
 * The windows of one data shard, and the negatives that all windows of the
 * minibatch share.
 */
typedef struct SampledPass
{
	const Kernels *kernels;
	const Params *params;
	Loss		loss;
	int32_t		windows;
	int32_t		columns;		/* config_output_dim() */
	int32_t		negatives;
	const float *representation;	/* windows x columns */
	const int32_t *target;		/* [windows] */
	const int32_t *negative;	/* [negatives] items */
	const float *negative_weight;	/* negatives x columns: their output weights */
	const float *negative_offset;	/* [negatives] see below */
	float	   *logits;			/* scratch: windows x negatives */
	Copying    *copying;		/* of the windows, or NULL; sampled softmax only */
} SampledPass;

/* Gradients; of the negatives by their place, of the targets by window. */
typedef struct SampledGradient
{
	float	   *representation; /* windows x columns */
	float	   *negative_weight;	/* negatives x columns */
	float	   *negative_bias;	/* [negatives] */
	float	   *target;			/* [windows] of the logit of the target */
} SampledGradient;

/*
 * Loss of each window into loss[], gradients of scale x their sum (all of them
 * set, not added to).  A negative that is the target is passed over.
 *
 * LOSS_SAMPLED_SOFTMAX: cross-entropy whose normaliser is estimated from the
 * negatives by importance sampling: each counts exp(logit) / expected draws
 * (Bengio and Senecal, IEEE Transactions on Neural Networks 2008).  So
 * negative_offset is the item's output bias minus the logarithm of the expected
 * number of times it is drawn ("logQ correction").  With copying, so is what the
 * softmax gives the target; copy_loss_gradient is called, too.
 *
 * LOSS_BPR_MAX: Hidasi and Karatzoglou, "Recurrent neural networks with top-k
 * gains for session-based recommendations", CIKM 2018, equation 10.
 * negative_offset is the item's output bias.
 */
extern void sampled_loss(const SampledPass *pass, float scale, float *loss,
						 const SampledGradient *gradient);

#endif							/* NN_SAMPLED_H */
