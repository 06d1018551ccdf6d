/*
 * lazy_adam.h
 *	  Parameters by rows of which a minibatch touches few: those of an embedding.
 *	  Rows that are not touched cost nothing.
 *
 * Adam moves every parameter in every step, those without a gradient by their
 * decaying moments.  A row's share of that is owed until the row is touched
 * again, and then paid at once, before anybody reads it.  The moments' decay is
 * exact.  The movement after step s up to step t is
 *
 *	 m / sqrt(v) x sum over j = s + 1 .. t of a(j) r^(j - s),
 *	 a(j) = learning rate sqrt(1 - beta2^j) / (1 - beta1^j), r = beta1 / sqrt(beta2)
 *
 * with m and v as of step s; epsilon is taken as if it decayed with sqrt(v),
 * which is the only difference from paying step by step.  The sum depends on s
 * and t alone; Drift keeps it for all s.
 */
#ifndef NN_LAZY_ADAM_H
#define NN_LAZY_ADAM_H

#include <stdbool.h>
#include <stdint.h>

#include "nn/adam.h"
#include "nn/arena.h"
#include "nn/kernels.h"

/*
 * Rows fall to parts by their number, and parts to ranks.  What is summed over
 * rows is summed by part, so that it does not depend on the number of ranks.
 */
#define LAZY_ROWS_PARTS 16

/*
 * The rank whose a shard is.  Neighbours belong together: a processor fetches
 * ahead, and would take from the others what they write to.
 */
static inline int32_t
shard_rank(int32_t shard, int32_t shards, int32_t ranks)
{
	return shard * ranks / shards;
}

static inline bool
lazy_rows_owns(int32_t row, int32_t rank, int32_t ranks)
{
	return shard_rank(row % LAZY_ROWS_PARTS, LAZY_ROWS_PARTS, ranks) == rank;
}

/* The sums above for s = base .. the current step. */
typedef struct Drift
{
	int64_t		base;
	int64_t		step;			/* t */
	float		learning_rate;	/* of the next step */
	double	   *sum;			/* [steps since base + 1] */
} Drift;

/* Begin anew at a step that all rows are paid up to. */
extern void drift_start(Drift *drift, int64_t step);

/* One step more. */
extern void drift_advance(Drift *drift);

typedef struct LazyRows
{
	float	   *weight;			/* rows x columns, as the next three */
	float	   *gradient;
	float	   *first;
	float	   *second;
	int32_t		rows;
	int32_t		columns;
	bool		unit;			/* rows keep length 1 */
	int32_t		room;			/* touched rows of a part that there is room for */
	int64_t    *paid;			/* [rows] step up to which the row is paid */
	int32_t    *touched;		/* LAZY_ROWS_PARTS x room */
	int32_t    *touched_count;	/* [LAZY_ROWS_PARTS] */
} LazyRows;

/* Lay out a table of which a minibatch touches at most that many rows. */
extern void lazy_rows_place(LazyRows *table, Arena *arena, int32_t rows, int32_t columns,
						int64_t most_touched);

/* Begin with all rows paid up to a step and none touched. */
extern void lazy_rows_start(LazyRows *table, int64_t step);

/*
 * Pay a row up to drift->step and note that the next step touches it.  By the
 * row's owner.
 */
extern void lazy_rows_touch(LazyRows *table, const Kernels *kernels, const Drift *drift,
						int32_t row);

/*
 * Sum of the squares of the gradient of a part's touched rows, after what would
 * change the length of a row that keeps it is taken away.
 */
extern double lazy_rows_square_norm(const LazyRows *table, const Kernels *kernels, int32_t part);

/* Step with a part's touched rows, and forget them. */
extern void lazy_rows_step(LazyRows *table, const Kernels *kernels, int32_t part,
					   const AdamStep *step);

/* Pay all rows of a part up to drift->step. */
extern void lazy_rows_pay(LazyRows *table, const Kernels *kernels, const Drift *drift,
					  int32_t part);

#endif							/* NN_LAZY_ADAM_H */
