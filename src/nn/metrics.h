/*
 * metrics.h
 *	  What a rank is worth when one item is the right answer and k are shown.
 *	  rank: 1 for the best; 0: not ranked.
 *
 * With one right answer, recall at k is the hit rate and precision at k is the
 * hit rate over k (Jarvelin and Kekalainen, TOIS 2002, for NDCG).
 */
#ifndef NN_METRICS_H
#define NN_METRICS_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

static inline bool
metrics_hit(int64_t rank, int32_t k)
{
	return rank > 0 && rank <= k;
}

/* 1 / rank within the first k, else 0. */
static inline double
metrics_reciprocal_rank(int64_t rank, int32_t k)
{
	return metrics_hit(rank, k) ? 1.0 / (double) rank : 0;
}

/* 1 / log2(rank + 1) within the first k, else 0. */
static inline double
metrics_ndcg(int64_t rank, int32_t k)
{
	return metrics_hit(rank, k) ? 1.0 / log2((double) rank + 1) : 0;
}

#endif							/* NN_METRICS_H */
