/*
 * scan.h
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
#ifndef NN_SCAN_H
#define NN_SCAN_H

#include <stdbool.h>

#include "nn/arena.h"
#include "nn/kernels.h"
#include "nn/topk.h"

/* Codes lie in blocks of so many items, four columns of each side by side. */
#define SCAN_BLOCK 16
#define SCAN_GROUP 4

#define SCAN_TILE 512			/* items of which bounds are held at once */

/* The output weights in 8 bits. */
typedef struct ScanIndex
{
	int32_t		items;
	int32_t		columns;		/* a multiple of SCAN_GROUP */
	int8_t	   *codes;			/* blocks x columns / SCAN_GROUP x SCAN_BLOCK x SCAN_GROUP */
	int32_t    *code_sum;		/* [items, to a whole block] */
	float	   *scale;			/* likewise */
	float	   *residual_norm;	/* likewise: |w - w'| */
	float	   *norm;			/* likewise: |w'| */
} ScanIndex;

/*
 * Lay out the index of weights of items x columns: one block of memory, which
 * begins with the codes.
 */
extern void scan_place(ScanIndex *index, Arena *arena, int32_t items, int32_t columns);

/* Fill it. */
extern void scan_build(ScanIndex *index, const float *weights, int32_t columns);

/* Whether an index that was read could have been filled from weights of that many columns. */
extern bool scan_valid(const ScanIndex *index, int32_t columns);

/* Queries that are answered together: each tile of codes is read once for all. */
#define SCAN_QUERIES 16

/* Candidates of a query that there is room for, besides SCAN_ROOM_PER_K x k. */
#define SCAN_ROOM 4096
#define SCAN_ROOM_PER_K 4

/* What is asked, and the answer. */
typedef struct ScanRequest
{
	const float *representation;	/* columns */
	const uint8_t *excluded;	/* a bit an item (exclusion.h), or NULL */
	TopK	   *top;			/* receives the items with their logits */
	Scored	   *candidates;		/* room for scan_room(top->k) */
	Scored	   *lower;			/* room for top->k */
	float		log_normaliser; /* answer: of the softmax over all items */
	bool		failed;			/* answer: too many candidates; top is empty */
} ScanRequest;

/* Candidates to give room for. */
static inline size_t
scan_room(int32_t k)
{
	return SCAN_ROOM + (size_t) SCAN_ROOM_PER_K * (size_t) k;
}

/* How far a scan has come for one query. */
typedef struct ScanQuery
{
	int8_t	   *codes;			/* columns, to a whole group */
	float		scale;
	float		norm_factor;	/* of |w'| in the bound */
	float		residual_factor;	/* of |w - w'| in the bound */
	float		maximum;
	float		sum;			/* of exp(estimate - maximum) */
	TopK		bounds;			/* the best lower bounds */
	size_t		candidates;
} ScanQuery;

/* Working memory of a scan. */
typedef struct ScanWork
{
	float	   *logits;			/* SCAN_TILE */
	float	   *upper;			/* SCAN_TILE */
	int32_t    *found;			/* SCAN_TILE */
	ScanQuery	query[SCAN_QUERIES];
} ScanWork;

extern void scan_place_work(ScanWork *work, Arena *arena, int32_t columns);

/*
 * Answer up to SCAN_QUERIES requests: the items that the true logits would put
 * into top, exactly, but for those excluded.  In log_normaliser only the
 * candidates are exact.
 */
extern void scan_rank(ScanWork *work, const ScanIndex *index, const Kernels *kernels,
					  const float *weights, const float *bias, int32_t columns,
					  ScanRequest *requests, int32_t count);

#endif							/* NN_SCAN_H */
