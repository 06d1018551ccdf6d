/*
 * copy.h
 *	  Beside the softmax over all items, a pointer to those of the history: the
 *	  next item is either generated or copied.
 *
 * With distinct items c of the window, at their newest tokens,
 *
 *	 a(c) = COPY_GAIN copy_place[place of c] + (copy_query h + copy_bias) . x(c)
 *	 q(c) = exp a(c) / (1 + sum of exp a),  g = 1 / (1 + sum of exp a)
 *	 p(i) = g softmax(i) + q(i)
 *
 * where h is the window's state below the projection, x what the network reads
 * of that token, and the place of an item how many others were seen after it
 * and how often it was seen itself.  The 1 stands for the softmax: a pointer
 * sentinel (Merity et al., "Pointer sentinel mixture models", ICLR 2017).
 * Copying, and why sessions need it: RepeatNet (Ren et al., AAAI 2019).
 */
#ifndef NN_COPY_H
#define NN_COPY_H

#include "nn/batch.h"
#include "nn/kernels.h"
#include "nn/params.h"

/*
 * What copy_place counts for.  Adam moves a parameter by about the learning rate
 * a step; the odds of copying the newest item are to be found in a few hundred.
 */
#define COPY_GAIN 10.0f

/* Less than this is not left to the softmax: its logarithm is a number. */
#define COPY_LEAST_GENERATED 1e-30f

/* An item of a window that may be copied. */
typedef struct CopySlot
{
	int32_t		item;			/* from `items` on: one that is not in the vocabulary */
	int32_t		token;			/* its newest, in the sequence layout */
	int32_t		place;			/* row of copy_place */
	float		probability;	/* q */
	float		d_score;		/* gradient of the loss; backward only */
} CopySlot;

/* The items of a history with the probabilities that they are copied. */
typedef struct Copies
{
	int32_t		count;			/* 0: the network does not copy */
	float		generated;		/* g */
	const CopySlot *slot;		/* [count] newest first */
} Copies;

/* The slots of a batch of windows. */
typedef struct Copying
{
	int32_t		most;			/* slots of a window that there is room for */
	int32_t    *count;			/* windows */
	float	   *generated;		/* windows */
	CopySlot   *slot;			/* windows x most */
	float	   *query;			/* windows x input dim */
	float	   *d_query;		/* windows x input dim; backward only */
} Copying;

extern void copy_place(Copying *copying, Arena *arena, const Config *config,
					   const BatchCapacity *capacity, bool trains);

/*
 * Find the slots of all windows and their probabilities.  input: sequence
 * tokens x input dim, what the network reads; states: windows x representation
 * dim; of_few: as matrix_add_transposed takes it.
 */
extern void copy_forward(Copying *copying, const Params *params, const Config *config,
						 const Batch *batch, const float *input, const float *states,
						 const Kernels *of_few);

static inline Copies
copies_of_window(const Copying *copying, int32_t w)
{
	return (Copies) {
		copying->count[w], copying->generated[w], copying->slot + (size_t) w * copying->most
	};
}

/*
 * What is added to the logarithm of the softmax's normaliser, so that what the
 * logits say is the probability that an item is generated.
 */
extern float copies_shift(const Copies *copies);

/* The probability that an item is copied; 0 unless it is in the history. */
extern float copies_probability(const Copies *copies, int32_t item);

/*
 * The logarithm of an item's probability, from that of being generated.  The
 * item may also be copied.
 */
extern float copies_log_sum(const Copies *copies, int32_t item, float log_generated);

/* What a target is worth to the softmax, and to the pointer. */
typedef struct CopyLoss
{
	float		loss;			/* -log p */
	float		share;			/* of p that is generated */
} CopyLoss;

/* log_softmax: logarithm of what the softmax alone gives the target. */
extern CopyLoss copy_loss(const Copies *copies, int32_t target, float log_softmax);

/* Set the gradient of factor x the loss of window w by its slots' scores. */
extern void copy_loss_gradient(Copying *copying, int32_t w, int32_t target, float share,
							   float factor);

/*
 * After copy_loss_gradient of all windows: add to the gradients of the
 * parameters and to that of the states.
 */
extern void copy_backward(Params *gradient, float *d_states, Copying *copying,
						  const Params *params, const Config *config, const Batch *batch,
						  const float *input, const float *states);

/* After that: add to the gradient of what the network reads. */
extern void copy_to_input(float *d_input, const Copying *copying, const Config *config,
						  int32_t windows);

#endif							/* NN_COPY_H */
