/*
 * coded_topk.h
 *	  The k best items for a representation, exactly, at the price of reading
 *	  the output weights in 8 bits.
 *
 * Weights w are rounded to codes of 8 bits, w = s q + residual, with a scale s
 * an item; so is the representation h, h = t p + residual.  The logit that the
 * codes give differs from the true one by no more than
 *
 *	 |h . w - h' . w'| <= |h| |w - w'| + |h - h'| |w'|	(Cauchy and Schwarz)
 *
 * where w' = s q, h' = t p and all norms are known.  Items whose upper bound
 * reaches the k-th highest lower bound are scored again in floating point; no
 * other item can be among the best k.
 */
#ifndef NN_CODED_TOPK_H
#define NN_CODED_TOPK_H

#include <stdbool.h>

#include "nn/arena.h"
#include "nn/copy.h"
#include "nn/kernels.h"
#include "nn/topk.h"

/* Codes lie in blocks of so many items, four columns of each side by side. */
#define CODES_BLOCK 16
#define CODES_GROUP 4

#define CODED_TOPK_TILE 256			/* items whose codes and bounds are held in the cache at once */

/* The output weights in 8 bits. */
typedef struct CodedWeights
{
	int32_t		items;
	int32_t		columns;		/* a multiple of CODES_GROUP */
	int8_t	   *codes;			/* blocks x columns / CODES_GROUP x CODES_BLOCK x CODES_GROUP */
	int32_t    *code_sum;		/* [items, to a whole block] */
	float	   *scale;			/* likewise */
	float	   *residual_norm;	/* likewise: |w - w'| */
	float	   *norm;			/* likewise: |w'| */
} CodedWeights;

/*
 * Lay out the index of weights of items x columns: one block of memory, which
 * begins with the codes.
 */
extern void coded_weights_place(CodedWeights *index, Arena *arena, int32_t items, int32_t columns);

/* Fill it. */
extern void coded_weights_build(CodedWeights *index, const float *weights, int32_t columns);

/* Whether an index that was read could have been filled from weights of that many columns. */
extern bool coded_weights_valid(const CodedWeights *index, int32_t columns);

/* Queries that are answered together: each tile of codes is read once for all. */
#define CODED_TOPK_QUERIES 16

/* Candidates of a query that there is room for, besides CODED_TOPK_ROOM_PER_K x k. */
#define CODED_TOPK_ROOM 4096
#define CODED_TOPK_ROOM_PER_K 4

/* What is asked, and the answer. */
typedef struct TopKRequest
{
	const float *representation;	/* columns */
	Copies		copies;			/* for infer.h, which puts them to what the scan finds */
	const uint8_t *excluded;	/* a bit an item (exclusion.h), or NULL */
	TopK	   *top;			/* receives the items with their logits */
	Scored	   *candidates;		/* room for coded_topk_room(top->k) */
	float	   *lower;			/* likewise */
	float		log_normaliser; /* answer: of the softmax over all items */
	bool		failed;			/* answer: too many candidates; top is empty */
} TopKRequest;

/* Candidates to give room for. */
static inline size_t
coded_topk_room(int32_t k)
{
	return CODED_TOPK_ROOM + (size_t) CODED_TOPK_ROOM_PER_K * (size_t) k;
}

/* How far a scan has come for one query. */
typedef struct CodedQuery
{
	int8_t	   *codes;			/* columns, to a whole group */
	float		scale;
	float		norm_factor;	/* of |w'| in the bound */
	float		residual_factor;	/* of |w - w'| in the bound */
	float		maximum;
	float		sum;			/* of exp(estimate - maximum) */
	size_t		candidates;
	size_t		enough;			/* candidates to look again for the k-th highest lower bound */
	float		threshold;		/* that it was when looked for last; -INFINITY: there were not k */
} CodedQuery;

/* Working memory of a scan. */
typedef struct CodedTopK
{
	float	   *logits;			/* CODED_TOPK_QUERIES x CODED_TOPK_TILE */
	float	   *upper;			/* CODED_TOPK_TILE */
	int32_t    *found;			/* CODED_TOPK_TILE */
	CodedQuery	query[CODED_TOPK_QUERIES];
} CodedTopK;

extern void coded_topk_place(CodedTopK *work, Arena *arena, int32_t columns);

/*
 * Answer up to CODED_TOPK_QUERIES requests: the items that the true logits would put
 * into top, exactly, but for those excluded.  In log_normaliser only the
 * candidates are exact.
 */
extern void coded_topk_answer(CodedTopK *work, const CodedWeights *index, const Kernels *kernels,
					  const float *weights, const float *bias, int32_t columns,
					  TopKRequest *requests, int32_t count);

#endif							/* NN_CODED_TOPK_H */
