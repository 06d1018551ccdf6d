/*
 * ranker_train_backward.c
 *	  The gradient of a ranker's mean cross-entropy over some lists of candidates.
 */
#include "rank/ranker_train_internal.h"

#include <string.h>

#include "nn/matrix.h"
#include "nn/rng.h"

/* Of a score, by which backward rows are drawn: about 1 / LEAST_GRADIENT of a list are left. */
#define LEAST_GRADIENT 0.05f

/* d = 0 where the activation is */
static void
mask(float *d, const float *activation, int32_t rows)
{
	for (size_t i = 0; i < (size_t) rows * RANKER_HIDDEN; i++)
		d[i] = activation[i] > 0 ? d[i] : 0;
}

/* d_weight (columns x hidden) += in (rows x columns)^T d (rows x hidden) */
static void
add_weight_gradient(float *d_weight, const float *in, size_t in_row, const float *d,
					int32_t rows, int32_t columns)
{
	Product		product = {
		.out = d_weight, .out_row = RANKER_HIDDEN, .add = true,
		.a = in, .a_row = 1, .a_column = in_row,
		.b = d, .b_row = RANKER_HIDDEN,
		.rows = columns, .columns = RANKER_HIDDEN, .depth = rows
	};

	kernels_best()->multiply(&product);
}

/* Gradient of the first layer, from that of what it gives for a list. */
static void
first_layer_backward(Ranker *gradient, const RankerList *list, const float *unseen,
					 const float *d)
{
	float	   *seen_weight = gradient->weight1;
	float	   *shared_weight = seen_weight + RANKER_SEEN * RANKER_HIDDEN;
	float	   *rest_weight = shared_weight + RANKER_SHARED * RANKER_HIDDEN;
	float		seen[RANKER_HIDDEN] = {0};	/* sums over the rows */
	float		others[RANKER_HIDDEN] = {0};

	matrix_add_rows(seen, d, list->seen, RANKER_HIDDEN);
	matrix_add_rows(others, d + (size_t) list->seen * RANKER_HIDDEN, list->rows - list->seen,
					RANKER_HIDDEN);
	add_weight_gradient(seen_weight, list->seen_features, list->seen_row, d, list->seen,
						RANKER_SEEN);
	add_weight_gradient(seen_weight, unseen, 0, others, 1, RANKER_SEEN);
	matrix_add_rows(others, seen, 1, RANKER_HIDDEN);
	add_weight_gradient(shared_weight, list->shared, 0, others, 1, RANKER_SHARED);
	matrix_add_rows(gradient->bias1, others, 1, RANKER_HIDDEN);
	add_weight_gradient(rest_weight, list->rest, list->rest_row, d, list->rows, RANKER_REST);
}

/* Gradient of the mean cross-entropy, from that of the scores. */
static void
backward(const Ranker *ranker, RankerExamples *work, int32_t lists, int32_t rows)
{
	Ranker	   *gradient = &work->gradient;
	Product		to_hidden1 = {
		/* rows x hidden = (rows x hidden) (hidden x hidden) */
		.out = work->d_hidden1, .out_row = RANKER_HIDDEN,
		.a = work->d_hidden2, .a_row = RANKER_HIDDEN, .a_column = 1,
		.b = work->weight2, .b_row = RANKER_HIDDEN,
		.rows = rows, .columns = RANKER_HIDDEN, .depth = RANKER_HIDDEN
	};

	memset(gradient->block, 0, gradient->count * sizeof(float));
	for (int32_t r = 0; r < rows; r++)
	{
		const float *hidden = work->hidden2 + (size_t) r * RANKER_HIDDEN;
		float	   *d = work->d_hidden2 + (size_t) r * RANKER_HIDDEN;

		for (int32_t h = 0; h < RANKER_HIDDEN; h++)
		{
			gradient->weight3[h] += work->score[r] * hidden[h];
			d[h] = work->score[r] * ranker->weight3[h];
		}
		gradient->bias3[0] += work->score[r];
	}
	mask(work->d_hidden2, work->hidden2, rows);
	add_weight_gradient(gradient->weight2, work->hidden1, RANKER_HIDDEN, work->d_hidden2, rows,
						RANKER_HIDDEN);
	matrix_add_rows(gradient->bias2, work->d_hidden2, rows, RANKER_HIDDEN);
	kernels_best()->multiply(&to_hidden1);
	mask(work->d_hidden1, work->hidden1, rows);
	rows = 0;
	for (int32_t l = 0; l < lists; l++)
	{
		first_layer_backward(gradient, &work->input[l], work->unseen,
							 work->d_hidden1 + (size_t) rows * RANKER_HIDDEN);
		rows += work->input[l].rows;
	}
}

/* The features of a list, at `to`; returns where the next one's begin. */
static float *
read_list(RankerList *input, const List *list, float *to)
{
	size_t		count = RANKER_LIST_BYTES(list->rows, list->seen);

	kernels_best()->from_codes(to, list->features, count, RANKER_FEATURE_STEP);
	*input = (RankerList) {
		.rows = list->rows,
		.seen = list->seen,
		.shared = to,
		.seen_features = to + RANKER_SHARED,
		.seen_row = RANKER_SEEN,
		.rest = to + RANKER_SHARED + (size_t) list->seen * RANKER_SEEN,
		.rest_row = RANKER_REST
	};
	return to + count;
}

/* Move a row of floats down to where there is room; they may be the same. */
static inline void
move_row(float *base, int32_t to, int32_t from, size_t row)
{
	if (to != from)
		memcpy(base + (size_t) to * row, base + (size_t) from * row, row * sizeof(float));
}

/*
 * Leave of a list, whose rows begin at `first` in hidden1, hidden2 and score, those
 * that the backward pass goes through, and have them begin at `to`.  It costs twice
 * what the forward pass does, and most candidates are far from being chosen: of
 * those with a smaller gradient than `least` some are drawn, each with the
 * probability gradient / least, who count as if they had `least`.  So the sum has
 * the same expectation.
 */
static void
draw_rows(RankerExamples *work, RankerList *list, int32_t to, int32_t first, float least,
		  Rng *rng)
{
	int32_t		rows = 0;
	int32_t		seen = 0;
	float	   *seen_features = work->features + (list->seen_features - work->features);
	float	   *rest = work->features + (list->rest - work->features);

	for (int32_t r = 0; r < list->rows; r++)
	{
		float		d = work->score[first + r];

		/* the target's is negative: it is always there */
		if (d >= 0 && d < least)
		{
			if (rng_uniform(rng) * least >= d)
				continue;
			d = least;
		}
		if (r < list->seen)
			move_row(seen_features, seen++, r, RANKER_SEEN);
		move_row(rest, rows, r, RANKER_REST);
		move_row(work->hidden1, to + rows, first + r, RANKER_HIDDEN);
		move_row(work->hidden2, to + rows, first + r, RANKER_HIDDEN);
		work->score[to + rows++] = d;
	}
	list->rows = rows;
	list->seen = seen;
}

void
ranker_shard_gradient(const RankerFit *fit, int32_t shard_number, int32_t step, int64_t number,
					  int32_t lists)
{
	RankerExamples *work = fit->examples;
	const Shard *shard = &work->shard[shard_number];
	const int32_t *order = shard->order + step * fit->batch;
	int32_t		count = ranker_lists_in_step(fit, shard_number, step);
	float	   *features = work->features;
	int32_t		rows = 0;
	int32_t		kept = 0;
	Rng			rng = rng_stream(work->source.seed, RNG_RANKER_ROWS,
								 (uint64_t) number * SHARDS + (uint64_t) shard_number);

	for (int32_t l = 0; l < count; l++)
	{
		features = read_list(&work->input[l], &shard->list[order[l]], features);
		ranker_first_layer(fit->ranker, &work->input[l], work->unseen,
						   work->hidden1 + (size_t) rows * RANKER_HIDDEN);
		rows += work->input[l].rows;
	}
	ranker_other_layers(fit->ranker, rows, work->hidden1, work->hidden2, work->score);
	/* gradients of the step's mean cross-entropy by the scores take their place */
	rows = 0;
	for (int32_t l = 0; l < count; l++)
	{
		float	   *score = work->score + rows;
		int32_t		all = work->input[l].rows;

		ranker_softmax(score, all);
		score[shard->list[order[l]].target] -= 1;
		for (int32_t i = 0; i < all; i++)
			score[i] /= (float) lists;
		draw_rows(work, &work->input[l], kept, rows, LEAST_GRADIENT / (float) lists, &rng);
		rows += all;
		kept += work->input[l].rows;
	}
	backward(fit->ranker, work, count, kept);
}
