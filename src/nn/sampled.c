/*
 * sampled.c
 *	  Losses over the target and some items drawn at random.
 */
#include "nn/sampled.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "nn/matrix.h"

#define MASKED (-FLT_MAX / 4)	/* logit of a negative that is the target */

static float
dot(const float *a, const float *b, int32_t columns)
{
	float		sum = 0;

	for (int32_t c = 0; c < columns; c++)
		sum += a[c] * b[c];
	return sum;
}

/*
 * Cross-entropy of window w.  row: logits of the negatives in, their gradient
 * out; returns the loss, *d_target: gradient of the target's logit.
 */
static float
softmax_row(const SampledPass *pass, int32_t w, float *row, float target, float scale,
			float *d_target)
{
	float		maximum = target;
	float		sum = 1;
	float		log_normaliser;
	CopyLoss	loss;

	pass->kernels->softmax_statistics(row, pass->negative_offset, pass->negatives,
									  &maximum, &sum);
	log_normaliser = maximum + logf(sum);
	loss = (CopyLoss) {log_normaliser - target, 1};
	if (pass->copying != NULL)
	{
		Copies		copies = copies_of_window(pass->copying, w);

		loss = copy_loss(&copies, pass->target[w], target - log_normaliser);
		copy_loss_gradient(pass->copying, w, pass->target[w], loss.share, scale);
	}
	pass->kernels->exponentials(row, pass->negatives, log_normaliser - logf(loss.share), scale);
	*d_target = scale * loss.share * (expf(target - log_normaliser) - 1);
	return loss.loss;
}

/* BPR-max of one window; as above. */
static float
bpr_max_row(const SampledPass *pass, float *row, float target, float scale, float *d_target)
{
	float		maximum = -INFINITY;
	float		normaliser = 0;
	float		agreement = 0;	/* sum of s_j sigmoid(target - r_j) */
	float		slope = 0;		/* sum of s_j sigmoid' */
	float		squares = 0;	/* sum of s_j r_j^2 */

	for (int32_t j = 0; j < pass->negatives; j++)
	{
		row[j] += pass->negative_offset[j];
		maximum = row[j] > maximum ? row[j] : maximum;
	}
	if (maximum <= MASKED / 2)
	{
		/* every negative is the target: nothing to compare it with */
		memset(row, 0, (size_t) pass->negatives * sizeof(float));
		*d_target = 0;
		return 0;
	}
	for (int32_t j = 0; j < pass->negatives; j++)
		normaliser += expf(row[j] - maximum);
	for (int32_t j = 0; j < pass->negatives; j++)
	{
		float		share = expf(row[j] - maximum) / normaliser;
		float		win = 1 / (1 + expf(row[j] - target));

		if (share == 0)
			continue;
		agreement += share * win;
		slope += share * win * (1 - win);
		squares += share * row[j] * row[j];
	}
	agreement = agreement > FLT_MIN ? agreement : FLT_MIN;
	for (int32_t j = 0; j < pass->negatives; j++)
	{
		float		share = expf(row[j] - maximum) / normaliser;
		float		win = 1 / (1 + expf(row[j] - target));
		float		gain = share * (win - agreement) - share * win * (1 - win);
		float		size = share * (row[j] * row[j] - squares) + 2 * share * row[j];

		row[j] = share == 0 ? 0
			: scale * (BPR_MAX_REGULARISATION * size - gain / agreement);
	}
	*d_target = -scale * slope / agreement;
	return BPR_MAX_REGULARISATION * squares - logf(agreement);
}

void
sampled_loss(const SampledPass *pass, float scale, float *loss,
			 const SampledGradient *gradient)
{
	int32_t		columns = pass->columns;
	int32_t		negatives = pass->negatives;

	/* windows x negatives = representation (windows x columns) weight^T (negatives x columns) */
	matrix_multiply_transposed(pass->logits, pass->representation, pass->negative_weight,
							   pass->windows, negatives, columns, 0.0f);
	for (int32_t w = 0; w < pass->windows; w++)
	{
		float	   *row = pass->logits + (size_t) w * negatives;
		int32_t		item = pass->target[w];
		float		target = pass->params->output_bias[item] +
			dot(pass->representation + (size_t) w * columns,
				pass->params->output_weight + (size_t) item * columns, columns);

		for (int32_t j = 0; j < negatives; j++)
		{
			if (pass->negative[j] == item)
				row[j] = MASKED;
		}
		loss[w] = pass->loss == LOSS_SAMPLED_SOFTMAX
			? softmax_row(pass, w, row, target, scale, &gradient->target[w])
			: bpr_max_row(pass, row, target, scale, &gradient->target[w]);
	}

	/* windows x columns = d_logits (windows x negatives) weight (negatives x columns) */
	matrix_multiply(gradient->representation, pass->logits, pass->negative_weight,
					pass->windows, columns, negatives, 0.0f);
	/* negatives x columns = d_logits^T (windows x negatives) representation (windows x columns) */
	matrix_transposed_multiply(gradient->negative_weight, pass->logits,
							   pass->representation, negatives, columns,
							   pass->windows, 0.0f);
	memset(gradient->negative_bias, 0, (size_t) negatives * sizeof(float));
	matrix_add_rows(gradient->negative_bias, pass->logits, pass->windows, negatives);
	for (int32_t w = 0; w < pass->windows; w++)
	{
		const float *weight = pass->params->output_weight +
			(size_t) pass->target[w] * columns;
		float	   *d = gradient->representation + (size_t) w * columns;

		for (int32_t c = 0; c < columns; c++)
			d[c] += gradient->target[w] * weight[c];
	}
}
