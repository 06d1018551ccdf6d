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

#include "arena.h"
#include "kernels.h"
#include "topk.h"

/* Codes lie in blocks of so many items, four columns of each side by side. */
#define SCAN_BLOCK 16
#define SCAN_GROUP 4

#define SCAN_TILE 1024			/* items of which bounds are held at once */

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

/* Working memory of one scan at a time. */
typedef struct ScanWork
{
	float	   *logits;			/* SCAN_TILE */
	float	   *upper;			/* SCAN_TILE */
	int32_t    *found;			/* SCAN_TILE */
	int8_t	   *query;			/* columns, to a whole group */
	Scored	   *candidates;		/* items */
	float	   *estimates;		/* items: the logits that their codes gave */
} ScanWork;

extern void scan_place_work(ScanWork *scan, Arena *arena, int32_t items, int32_t columns);

/*
 * Offer the best items to *top with their logits, exactly: those that the true
 * logits would put there, but for items whose bit is set in excluded (NULL:
 * none).  lower: room for top->k, whose contents are not wanted.  Returns the
 * logarithm of the softmax's normaliser over all items, in which only the
 * candidates are exact.
 */
extern float scan_rank(ScanWork *scan, const ScanIndex *index, const Kernels *kernels,
					   const float *weights, const float *bias, int32_t columns,
					   const float *representation, const uint8_t *excluded,
					   TopK *top, Scored *lower);

#endif							/* NN_SCAN_H */
