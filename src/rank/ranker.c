/*
 * ranker.c
 *	  From the features of candidates to their probabilities.
 */
#include "rank/ranker.h"

#include <math.h>
#include <string.h>

#include "nn/matrix.h"

static size_t
lay_out(Ranker *ranker, float *block)
{
	Arena		arena = {(char *) block, 0};

	ranker->block = block;
	ranker->mean = ARENA_TAKE(&arena, float, RANK_FEATURES);
	ranker->scale = ARENA_TAKE(&arena, float, RANK_FEATURES);
	ranker->weight1 = ARENA_TAKE(&arena, float, RANKER_HIDDEN * RANK_FEATURES);
	ranker->bias1 = ARENA_TAKE(&arena, float, RANKER_HIDDEN);
	ranker->weight2 = ARENA_TAKE(&arena, float, RANKER_HIDDEN * RANKER_HIDDEN);
	ranker->bias2 = ARENA_TAKE(&arena, float, RANKER_HIDDEN);
	ranker->weight3 = ARENA_TAKE(&arena, float, RANKER_HIDDEN);
	ranker->bias3 = ARENA_TAKE(&arena, float, 1);
	ranker->count = arena.used / sizeof(float);
	return ranker->count;
}

size_t
ranker_count(void)
{
	Ranker		ranker;

	return lay_out(&ranker, NULL);
}

void
ranker_bind(Ranker *ranker, float *block)
{
	lay_out(ranker, block);
}

void
ranker_standardise(const Ranker *ranker, float *features, int32_t rows)
{
	for (int32_t r = 0; r < rows; r++)
	{
		float	   *x = features + (size_t) r * RANK_FEATURES;

		for (int32_t f = 0; f < RANK_FEATURES; f++)
		{
			float		value = (x[f] - ranker->mean[f]) * ranker->scale[f];

			value = value > RANKER_FEATURE_LIMIT ? RANKER_FEATURE_LIMIT : value;
			x[f] = value < -RANKER_FEATURE_LIMIT ? -RANKER_FEATURE_LIMIT : value;
		}
	}
}

/* out = relu(in x weight^T + bias) */
static void
dense_relu(float *out, const float *in, const float *weight, const float *bias,
		   int32_t rows, int32_t columns)
{
	matrix_multiply_transposed(out, in, weight, rows, RANKER_HIDDEN, columns, 0.0f);
	for (int32_t r = 0; r < rows; r++)
	{
		float	   *row = out + (size_t) r * RANKER_HIDDEN;

		for (int32_t h = 0; h < RANKER_HIDDEN; h++)
		{
			float		value = row[h] + bias[h];

			row[h] = value > 0 ? value : 0;
		}
	}
}

void
ranker_forward(const Ranker *ranker, const float *features, int32_t rows, float *hidden1,
			   float *hidden2, float *score)
{
	dense_relu(hidden1, features, ranker->weight1, ranker->bias1, rows, RANK_FEATURES);
	dense_relu(hidden2, hidden1, ranker->weight2, ranker->bias2, rows, RANKER_HIDDEN);
	/* rows x hidden times hidden */
	kernels_best()->score_rows(score, hidden2, ranker->weight3, rows, RANKER_HIDDEN);
	for (int32_t r = 0; r < rows; r++)
		score[r] += ranker->bias3[0];
}

void
ranker_softmax(float *score, int32_t count)
{
	float		top = -INFINITY;
	float		sum = 0;

	for (int32_t i = 0; i < count; i++)
		top = score[i] > top ? score[i] : top;
	kernels_best()->exponentials(score, count, top, 1);
	for (int32_t i = 0; i < count; i++)
		sum += score[i];
	for (int32_t i = 0; i < count; i++)
		score[i] /= sum;
}

void
ranker_scores(const Ranker *ranker, float *features, int32_t count, float *scratch,
			  float *score)
{
	ranker_standardise(ranker, features, count);
	ranker_forward(ranker, features, count, scratch, scratch + (size_t) count * RANKER_HIDDEN,
				   score);
}
