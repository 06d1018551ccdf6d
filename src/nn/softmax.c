/*
 * softmax.c
 *	  The output layer, tile by tile.
 *
 * Two sweeps over the items: the first finds each window's normaliser, the
 * second computes the scores again and turns them into gradients while they
 * are in the cache.  A third of the arithmetic more than keeping them, and none
 * of the memory traffic.
 *
 * The products are not BLAS's: with so few columns and tiles that fit the cache,
 * it spends as much on packing as it gains by it.  A tile is items x windows, so
 * that vectors are over windows, of which the transposed representations are
 * the only copy.
 */
#include "nn/softmax.h"

static inline bool
in_tile(int32_t item, int32_t first, int32_t last)
{
	return item >= first && item < last;
}

void
softmax_transpose(const SoftmaxPass *pass, int32_t first, int32_t windows)
{
	size_t		stride = softmax_stride(pass->windows);

	for (int32_t w = first; w < first + windows; w++)
	{
		for (int32_t c = 0; c < pass->columns; c++)
			pass->transposed[c * stride + w] =
				pass->representation[(size_t) w * pass->columns + c];
	}
}

/* logits (items x windows) = weight (items x columns) transposed (columns x windows) + bias */
static void
score_tile(const SoftmaxPass *pass, int32_t first, int32_t last)
{
	size_t		stride = softmax_stride(pass->windows);

	pass->kernels->multiply(&(Product) {
		.out = pass->logits,
		.out_row = stride,
		.start = pass->params->output_bias + first,
		.a = pass->params->output_weight + (size_t) first * pass->columns,
		.a_row = pass->columns,
		.a_column = 1,
		.b = pass->transposed,
		.b_row = stride,
		.rows = last - first,
		.columns = pass->windows,
		.depth = pass->columns
	});
}

void
softmax_tile_statistics(const SoftmaxPass *pass, int32_t first, int32_t last,
				  float *maximum, float *sum, float *target_logit)
{
	size_t		stride = softmax_stride(pass->windows);

	score_tile(pass, first, last);
	for (int32_t w = 0; w < pass->windows; w++)
	{
		int32_t		target = pass->target[w];

		if (in_tile(target, first, last))
			target_logit[w] = pass->logits[(target - first) * stride + w];
	}
	pass->kernels->tile_statistics(pass->logits, stride, last - first, pass->windows,
								   maximum, sum);
}

void
softmax_tile_gradient(const SoftmaxPass *pass, int32_t first, int32_t last,
				const float *log_normaliser, const float *share, float scale,
				Params *gradient, float *d_representation)
{
	size_t		stride = softmax_stride(pass->windows);
	float	   *d_bias = gradient->output_bias + first;

	score_tile(pass, first, last);
	pass->kernels->tile_gradient(pass->logits, stride, last - first, pass->windows,
								 log_normaliser, scale, d_bias);
	for (int32_t w = 0; w < pass->windows; w++)
	{
		int32_t		target = pass->target[w];

		if (in_tile(target, first, last))
		{
			float		d = share == NULL ? scale : scale * share[w];

			pass->logits[(target - first) * stride + w] -= d;
			d_bias[target - first] -= d;
		}
	}
	/* items x columns = d_logits (items x windows) representation (windows x columns) */
	pass->kernels->multiply(&(Product) {
		.out = gradient->output_weight + (size_t) first * pass->columns,
		.out_row = pass->columns,
		.a = pass->logits,
		.a_row = stride,
		.a_column = 1,
		.b = pass->representation,
		.b_row = pass->columns,
		.rows = last - first,
		.columns = pass->columns,
		.depth = pass->windows
	});
	/* windows x columns += d_logits^T (windows x items) weight (items x columns) */
	pass->kernels->multiply(&(Product) {
		.out = d_representation,
		.out_row = pass->columns,
		.add = true,
		.a = pass->logits,
		.a_row = 1,
		.a_column = stride,
		.b = pass->params->output_weight + (size_t) first * pass->columns,
		.b_row = pass->columns,
		.rows = pass->windows,
		.columns = pass->columns,
		.depth = last - first
	});
}

void
softmax_tile_count_above(const SoftmaxPass *pass, int32_t first, int32_t last,
				   const float *target_logit, int32_t *count)
{
	size_t		stride = softmax_stride(pass->windows);

	score_tile(pass, first, last);
	pass->kernels->tile_count(pass->logits, stride, last - first, pass->windows,
							  target_logit, count);
	for (int32_t w = 0; w < pass->windows; w++)
	{
		int32_t		target = pass->target[w];

		if (in_tile(target, first, last))
			count[w] -= pass->logits[(target - first) * stride + w] >= target_logit[w];
	}
}
