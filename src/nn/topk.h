/*
 * topk.h
 *	  The k items with the highest scores.
 */
#ifndef NN_TOPK_H
#define NN_TOPK_H

#include <stdint.h>

typedef struct Scored
{
	int32_t		item;
	float		score;
} Scored;

/* A heap whose root is the worst of the best so far. */
typedef struct TopK
{
	int32_t		k;
	int32_t		count;
	Scored	   *heap;			/* [k] of the caller */
} TopK;

/*
 * Whether a comes before b: the higher score, or the lower item of equal ones,
 * so that the order never depends on the order of arrival.
 */
static inline int
scored_before(Scored a, Scored b)
{
	return a.score > b.score || (a.score == b.score && a.item < b.item);
}

/* The score that an item must reach to be taken; -INFINITY while there is room. */
static inline float
topk_threshold(const TopK *top)
{
	return top->count < top->k ? -__builtin_inff() : top->heap[0].score;
}

/* Offer an item. */
extern void topk_offer(TopK *top, Scored candidate);

/* Put the items in order, best first.  The heap cannot be offered to again. */
extern void topk_sort(TopK *top);

#endif							/* NN_TOPK_H */
