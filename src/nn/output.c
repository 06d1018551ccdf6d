/*
 * output.c
 *	  The output layer, tile by tile.
 *
 * Two sweeps over the items: the first finds each window's normaliser, the
 * second computes the scores again and turns them into gradients while they
 * are in the cache.  A third of the arithmetic more than keeping them, and none
 * of the memory traffic.
 */
#include "output.h"

#include <string.h>

#include "matrix.h"

static inline bool
in_tile(int32_t item, int32_t first, int32_t last)
{
	return item >= first && item < last;
}

/* logits = representation x weight^T, without the bias */
static void
score_tile(const OutputPass *pass, int32_t first, int32_t last)
{
	matrix_multiply_transposed(pass->logits, pass->representation,
							   pass->params->output_weight +
							   (size_t) first * pass->columns,
							   pass->windows, last - first, pass->columns, 0.0f);
}

void
output_statistics(const OutputPass *pass, int32_t first, int32_t last,
				  float *maximum, float *sum, float *target_logit)
{
	int32_t		width = last - first;
	const float *bias = pass->params->output_bias;

	score_tile(pass, first, last);
	for (int32_t w = 0; w < pass->windows; w++)
	{
		int32_t		target = pass->target[w];

		if (in_tile(target, first, last))
			target_logit[w] = pass->logits[(size_t) w * width + target - first] +
				bias[target];
	}
	pass->kernels->softmax_statistics(pass->logits, bias + first, pass->windows,
									  width, maximum, sum);
}

void
output_gradient(const OutputPass *pass, int32_t first, int32_t last,
				const float *log_normaliser, float scale,
				Params *gradient, float *d_representation)
{
	int32_t		width = last - first;
	float	   *d_bias = gradient->output_bias + first;

	score_tile(pass, first, last);
	memset(d_bias, 0, (size_t) width * sizeof(float));
	pass->kernels->softmax_gradient(pass->logits, pass->params->output_bias + first,
									pass->windows, width, log_normaliser, scale,
									d_bias);
	for (int32_t w = 0; w < pass->windows; w++)
	{
		int32_t		target = pass->target[w];

		if (in_tile(target, first, last))
		{
			pass->logits[(size_t) w * width + target - first] -= scale;
			d_bias[target - first] -= scale;
		}
	}
	matrix_transposed_multiply(gradient->output_weight + (size_t) first * pass->columns,
							   pass->logits, pass->representation,
							   width, pass->columns, pass->windows, 0.0f);
	matrix_multiply(d_representation, pass->logits,
					pass->params->output_weight + (size_t) first * pass->columns,
					pass->windows, pass->columns, width, 1.0f);
}

void
output_count_above(const OutputPass *pass, int32_t first, int32_t last,
				   const float *target_logit, int32_t *count)
{
	score_tile(pass, first, last);
	pass->kernels->count_at_least(pass->logits, pass->params->output_bias + first,
								  pass->windows, last - first, target_logit, count);
	for (int32_t w = 0; w < pass->windows; w++)
	{
		if (in_tile(pass->target[w], first, last))
			count[w]--;
	}
}
