/*
 * softmax.h
 *	  The output layer: a score for each item, softmax over all items, and
 *	  cross-entropy; tile by tile, so that the scores of a batch for all items
 *	  never exist at once.
 */
#ifndef NN_SOFTMAX_H
#define NN_SOFTMAX_H

#include "nn/batch.h"
#include "nn/kernels.h"
#include "nn/params.h"

#define SOFTMAX_TILE 96			/* items scored at once, at most */

/*
 * Floats from one row of a tile to the next: room for the windows.  An odd
 * number of vectors, since a power of 2 would put all rows into few cache sets.
 */
static inline size_t
softmax_stride(int32_t windows)
{
	size_t		vectors = ((size_t) windows + KERNELS_MOST_LANES - 1) / KERNELS_MOST_LANES;

	return (vectors | 1) * KERNELS_MOST_LANES;
}

/* A batch of representations before the output layer. */
typedef struct SoftmaxPass
{
	const Kernels *kernels;
	const Params *params;
	const float *representation;	/* windows x columns */
	float	   *transposed;		/* columns x softmax_stride(windows) */
	const int32_t *target;		/* [windows] items; -1 or items: none */
	int32_t		windows;
	int32_t		columns;		/* config_output_dim() */
	float	   *logits;			/* scratch: SOFTMAX_TILE x softmax_stride(windows) */
} SoftmaxPass;

/*
 * Fill the columns of `transposed` that are windows first .. first + windows -
 * 1; all are needed before the functions below.
 */
extern void softmax_transpose(const SoftmaxPass *pass, int32_t first, int32_t windows);

/*
 * Take items first .. last - 1, at most SOFTMAX_TILE of them, into each window's
 * running maximum (start: -INFINITY) and sum of exp(logit - maximum) (start:
 * 0), and store the logit of each target among them.
 */
extern void softmax_tile_statistics(const SoftmaxPass *pass, int32_t first, int32_t last,
							  float *maximum, float *sum, float *target_logit);

/*
 * Gradient of scale x the sum over the windows of
 * share x (log_normaliser - logit(target)), for items first .. last - 1:
 * adds to d_representation, sets their rows of gradient->output_weight and
 * output_bias.  share: one a window, or NULL: 1.  log_normaliser: less log(share);
 * a window where it is INFINITY adds nothing.
 */
extern void softmax_tile_gradient(const SoftmaxPass *pass, int32_t first, int32_t last,
							const float *log_normaliser, const float *share, float scale,
							Params *gradient, float *d_representation);

/*
 * Add to count[] how many of the items first .. last - 1 score at least as high
 * as is given for the target; the target itself is not counted.
 */
extern void softmax_tile_count_above(const SoftmaxPass *pass, int32_t first, int32_t last,
							   const float *target_logit, int32_t *count);

#endif							/* NN_SOFTMAX_H */
