/*
 * ranker.c
 *	  From the features of candidates to their probabilities.
 */
#include "rank/ranker.h"

#include <math.h>
#include <string.h>

#define SUMS 8					/* of a row's last layer at once; divides RANKER_HIDDEN */

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

/* Standardise some columns of features. */
static void
standardise_columns(const Ranker *ranker, float *features, int32_t rows, int32_t first,
					int32_t columns)
{
	kernels_best()->standardise(features + first, RANK_FEATURES, rows, ranker->mean + first,
								ranker->scale + first, RANKER_FEATURE_LIMIT, columns);
}

void
ranker_standardise(const Ranker *ranker, float *features, int32_t rows)
{
	standardise_columns(ranker, features, rows, 0, RANK_FEATURES);
}

int32_t
ranker_count_seen(const float *features, int32_t rows)
{
	int32_t		seen = 0;

	while (seen < rows && features[(size_t) seen * RANK_FEATURES + IN_HISTORY] != 0)
		seen++;
	return seen;
}

void
ranker_unseen(const Ranker *ranker, float *features)
{
	float		all[RANK_FEATURES] = {0};

	ranker_standardise(ranker, all, 1);
	memcpy(features, all, RANKER_SEEN * sizeof(float));
}

/* out (rows x hidden) = start + in (rows x columns) weight (columns x hidden) */
static void
multiply(float *out, bool add, const float *in, size_t in_row, const float *weight,
		 int32_t rows, int32_t columns)
{
	Product		product = {
		.out = out, .out_row = RANKER_HIDDEN, .add = add,
		.a = in, .a_row = in_row, .a_column = 1,
		.b = weight, .b_row = RANKER_HIDDEN,
		.rows = rows, .columns = RANKER_HIDDEN, .depth = columns
	};

	kernels_best()->multiply(&product);
}

void
ranker_first_layer(const Ranker *ranker, const RankerList *list, const float *unseen,
				   float *hidden1)
{
	const float *seen_weight = ranker->weight1;
	const float *shared_weight = seen_weight + RANKER_SEEN * RANKER_HIDDEN;
	const float *rest_weight = shared_weight + RANKER_SHARED * RANKER_HIDDEN;
	float		start[RANKER_HIDDEN];	/* of items of the history; then of others */

	memcpy(start, ranker->bias1, sizeof(start));
	multiply(start, true, list->shared, 0, shared_weight, 1, RANKER_SHARED);
	for (int32_t r = 0; r < list->seen; r++)
		memcpy(hidden1 + (size_t) r * RANKER_HIDDEN, start, sizeof(start));
	multiply(hidden1, true, list->seen_features, list->seen_row, seen_weight, list->seen,
			 RANKER_SEEN);
	multiply(start, true, unseen, 0, seen_weight, 1, RANKER_SEEN);
	for (int32_t r = list->seen; r < list->rows; r++)
		memcpy(hidden1 + (size_t) r * RANKER_HIDDEN, start, sizeof(start));
	multiply(hidden1, true, list->rest, list->rest_row, rest_weight, list->rows, RANKER_REST);
}

/* max(0, x) in place, of x + bias where there is one */
static void
activate(float *hidden, const float *bias, int32_t rows)
{
	static const float none[RANKER_HIDDEN];

	bias = bias != NULL ? bias : none;
	for (int32_t r = 0; r < rows; r++)
	{
		float	   *row = hidden + (size_t) r * RANKER_HIDDEN;

		for (int32_t h = 0; h < RANKER_HIDDEN; h++)
		{
			float		value = row[h] + bias[h];

			row[h] = value > 0 ? value : 0;
		}
	}
}

/* Their product, in sums that the compiler may put side by side. */
static inline float
last_layer(const float *hidden, const float *weight)
{
	float		sum[SUMS] = {0};

	for (int32_t h = 0; h < RANKER_HIDDEN; h += SUMS)
	{
		for (int32_t s = 0; s < SUMS; s++)
			sum[s] += hidden[h + s] * weight[h + s];
	}
	for (int32_t half = SUMS / 2; half > 0; half /= 2)
	{
		for (int32_t s = 0; s < half; s++)
			sum[s] += sum[s + half];
	}
	return sum[0];
}

void
ranker_other_layers(const Ranker *ranker, int32_t rows, float *hidden1, float *hidden2,
					float *score)
{
	activate(hidden1, NULL, rows);
	multiply(hidden2, false, hidden1, RANKER_HIDDEN, ranker->weight2, rows, RANKER_HIDDEN);
	activate(hidden2, ranker->bias2, rows);
	for (int32_t r = 0; r < rows; r++)
		score[r] = ranker->bias3[0] + last_layer(hidden2 + (size_t) r * RANKER_HIDDEN,
												 ranker->weight3);
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
	float		unseen[RANKER_SEEN];
	RankerList	list = {
		.rows = count,
		.seen = ranker_count_seen(features, count),
		.seen_features = features,
		.seen_row = RANK_FEATURES,
		.shared = features + LENGTH,
		.rest = features + LAST_ADJACENT,
		.rest_row = RANK_FEATURES
	};

	if (count == 0)
		return;
	/* what is multiplied once, or for some rows, need not be standardised for all */
	standardise_columns(ranker, features, list.seen, 0, RANKER_SEEN);
	standardise_columns(ranker, features, 1, LENGTH, RANKER_SHARED);
	standardise_columns(ranker, features, count, LAST_ADJACENT, RANKER_REST);
	ranker_unseen(ranker, unseen);
	ranker_first_layer(ranker, &list, unseen, scratch);
	ranker_other_layers(ranker, count, scratch, scratch + (size_t) count * RANKER_HIDDEN, score);
}
