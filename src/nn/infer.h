/*
 * infer.h
 *	  From a history to the best items.
 */
#ifndef NN_INFER_H
#define NN_INFER_H

#include "arena.h"
#include "batch.h"
#include "model.h"
#include "network.h"
#include "topk.h"

#define INFER_TILE 1024			/* items scored at once for one history */

/* Working memory for one history at a time. */
typedef struct Infer
{
	const Model *model;
	const Kernels *kernels;
	Batch		batch;
	Network		network;
	float	   *representation; /* config_output_dim() */
	float	   *logits;			/* INFER_TILE */
} Infer;

/* Lay out the working memory of a model. */
extern void infer_place(Infer *infer, Arena *arena, const Model *model);

/*
 * The representation of a history of `length` >= 1 tokens, oldest first, of
 * which the newest max_length are read.  item: 0 .. items (unknown);
 * feature[f]: values.  The result is valid until the next call.
 */
extern const float *infer_representation(Infer *infer, const int32_t *item,
										 int32_t *const feature[], int32_t length);

/*
 * Offer every item to *top with its logit, except those whose bit is set in
 * excluded (items bits; NULL: none).  Returns the logarithm of the softmax's
 * normaliser over all items, excluded or not: exp(logit - that) is the model's
 * probability.
 */
extern float infer_rank(Infer *infer, const float *representation,
						const uint8_t *excluded, TopK *top);

/* The logits of all items: logits[items]. */
extern void infer_logits(Infer *infer, const float *representation, float *logits);

/* Bits of an exclusion. */
static inline size_t
exclusion_bytes(int32_t items)
{
	return ((size_t) items + 7) / 8;
}

static inline void
exclusion_set(uint8_t *excluded, int32_t item)
{
	excluded[item >> 3] |= (uint8_t) (1u << (item & 7));
}

static inline bool
exclusion_test(const uint8_t *excluded, int32_t item)
{
	return (excluded[item >> 3] >> (item & 7)) & 1;
}

#endif							/* NN_INFER_H */
