/*
 * copy.c
 *	  A pointer to the items of the history, beside the softmax over all items.
 */
#include "nn/copy.h"

#include <math.h>
#include <string.h>

#include "nn/matrix.h"

void
copy_place(Copying *copying, Arena *arena, const Config *config,
		   const BatchCapacity *capacity, bool trains)
{
	size_t		windows = (size_t) capacity->windows;
	size_t		width = (size_t) config_input_dim(config);

	copying->most = capacity->max_length;
	copying->count = ARENA_TAKE(arena, int32_t, windows);
	copying->generated = ARENA_TAKE(arena, float, windows);
	copying->slot = ARENA_TAKE(arena, CopySlot, windows * (size_t) capacity->max_length);
	copying->query = ARENA_TAKE(arena, float, windows * width);
	if (trains)
		copying->d_query = ARENA_TAKE(arena, float, windows * width);
}

static inline int32_t
least(int32_t a, int32_t b)
{
	return a < b ? a : b;
}

/* The slot of an item among so many, or `count`. */
static int32_t
find_slot(const CopySlot *slot, int32_t count, int32_t item)
{
	int32_t		s = 0;

	while (s < count && slot[s].item != item)
		s++;
	return s;
}

/* The distinct items of window w, newest first; returns how many. */
static int32_t
find_slots(CopySlot *slot, const Batch *batch, int32_t w)
{
	int32_t		count = 0;

	for (int32_t p = batch->window.length[w] - 1; p >= 0; p--)
	{
		int32_t		token = batch->sequence.offset[p] + batch->window_sequence[w];
		int32_t		s = find_slot(slot, count, batch->copied[token]);

		if (s == count)
			slot[count++] = (CopySlot) {.item = batch->copied[token], .token = token};
		slot[s].place++;		/* for now: how often it was seen */
	}
	for (int32_t s = 0; s < count; s++)
		slot[s].place = least(s, COPY_RANKS - 1) * COPY_COUNTS +
			least(slot[s].place, COPY_COUNTS) - 1;
	return count;
}

static float
dot(const float *a, const float *b, int32_t columns)
{
	float		sum = 0;

	for (int32_t c = 0; c < columns; c++)
		sum += a[c] * b[c];
	return sum;
}

/* Scores in `probability` become q; returns g. */
static float
normalise(CopySlot *slot, int32_t count)
{
	float		maximum = 0;	/* of the sentinel's score, too */
	float		sum;

	for (int32_t s = 0; s < count; s++)
		maximum = fmaxf(maximum, slot[s].probability);
	sum = expf(-maximum);
	for (int32_t s = 0; s < count; s++)
	{
		slot[s].probability = expf(slot[s].probability - maximum);
		sum += slot[s].probability;
	}
	for (int32_t s = 0; s < count; s++)
		slot[s].probability /= sum;
	return fmaxf(expf(-maximum) / sum, COPY_LEAST_GENERATED);
}

void
copy_forward(Copying *copying, const Params *params, const Config *config,
			 const Batch *batch, const float *input, const float *states, const Kernels *of_few)
{
	int32_t		windows = batch->window.rows;
	int32_t		width = config_input_dim(config);

	for (int32_t w = 0; w < windows; w++)
		memcpy(copying->query + (size_t) w * width, params->copy_bias,
			   (size_t) width * sizeof(float));
	/* windows x width += states (windows x dim) copy_query^T (width x dim) */
	matrix_add_transposed(of_few, copying->query, states, params->copy_query, windows, width,
						  config_representation_dim(config));
	for (int32_t w = 0; w < windows; w++)
	{
		CopySlot   *slot = copying->slot + (size_t) w * copying->most;
		const float *query = copying->query + (size_t) w * width;

		copying->count[w] = find_slots(slot, batch, w);
		for (int32_t s = 0; s < copying->count[w]; s++)
			slot[s].probability = COPY_GAIN * params->copy_place[slot[s].place] +
				dot(query, input + (size_t) slot[s].token * width, width);
		copying->generated[w] = normalise(slot, copying->count[w]);
	}
}

float
copies_shift(const Copies *copies)
{
	return copies->count > 0 ? -logf(copies->generated) : 0;
}

float
copies_probability(const Copies *copies, int32_t item)
{
	int32_t		s = find_slot(copies->slot, copies->count, item);

	return s < copies->count ? copies->slot[s].probability : 0;
}

float
copies_log_sum(const Copies *copies, int32_t item, float log_generated)
{
	float		copied = copies_probability(copies, item);
	float		top;

	if (copied == 0)
		return log_generated;
	top = fmaxf(log_generated, logf(copied));
	return top + logf(expf(log_generated - top) + copied * expf(-top));
}

CopyLoss
copy_loss(const Copies *copies, int32_t target, float log_softmax)
{
	float		log_generated = log_softmax - copies_shift(copies);
	float		log_p = copies_log_sum(copies, target, log_generated);

	return (CopyLoss) {-log_p, expf(log_generated - log_p)};
}

void
copy_loss_gradient(Copying *copying, int32_t w, int32_t target, float share, float factor)
{
	CopySlot   *slot = copying->slot + (size_t) w * copying->most;

	for (int32_t s = 0; s < copying->count[w]; s++)
		slot[s].d_score = factor *
			(slot[s].probability - (slot[s].item == target ? 1 - share : 0));
}

void
copy_backward(Params *gradient, float *d_states, Copying *copying, const Params *params,
			  const Config *config, const Batch *batch, const float *input,
			  const float *states)
{
	int32_t		windows = batch->window.rows;
	int32_t		width = config_input_dim(config);
	int32_t		dim = config_representation_dim(config);

	memset(copying->d_query, 0, (size_t) windows * width * sizeof(float));
	for (int32_t w = 0; w < windows; w++)
	{
		Copies		copies = copies_of_window(copying, w);
		float	   *d_query = copying->d_query + (size_t) w * width;

		for (int32_t s = 0; s < copies.count; s++)
		{
			const float *x = input + (size_t) copies.slot[s].token * width;

			gradient->copy_place[copies.slot[s].place] += COPY_GAIN * copies.slot[s].d_score;
			for (int32_t c = 0; c < width; c++)
				d_query[c] += copies.slot[s].d_score * x[c];
		}
	}
	matrix_add_rows(gradient->copy_bias, copying->d_query, windows, width);
	/*
	 * d_copy_query (width x dim) += d_query^T (windows x width) states (windows x
	 * dim); d_states += d_query copy_query
	 */
	matrix_transposed_multiply(gradient->copy_query, copying->d_query, states, width, dim,
							   windows, 1.0f);
	matrix_multiply(d_states, copying->d_query, params->copy_query, windows, dim, width, 1.0f);
}

void
copy_to_input(float *d_input, const Copying *copying, const Config *config, int32_t windows)
{
	int32_t		width = config_input_dim(config);

	for (int32_t w = 0; w < windows; w++)
	{
		Copies		copies = copies_of_window(copying, w);
		const float *query = copying->query + (size_t) w * width;

		for (int32_t s = 0; s < copies.count; s++)
		{
			float	   *to = d_input + (size_t) copies.slot[s].token * width;

			for (int32_t c = 0; c < width; c++)
				to[c] += copies.slot[s].d_score * query[c];
		}
	}
}
