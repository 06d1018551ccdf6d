/*
 * shards.h
 *	  Work that several processes share, with the same result to the bit for any
 *	  number of them.
 *
 * The work is cut into SHARDS parts, whoever does them.  What the parts come to
 * is written to a board that all processes map, and each process adds it up for
 * itself, in the order of the shards.
 *
 * The board has two sides, which take turns: a process writes to a side again
 * only after the barrier of the other one, which nobody reaches who still reads
 * this one.  So one barrier a sum is enough.
 */
#ifndef NN_SHARDS_H
#define NN_SHARDS_H

#include "nn/arena.h"
#include "nn/status.h"

#define SHARDS 8

/*
 * The interrupt may leave by longjmp; answering no is for a process alone, for
 * the others would wait for it.
 */
typedef struct Sharing
{
	int32_t		rank;			/* this process, from 0 */
	int32_t		ranks;
	Interrupt	interrupt;
	void		(*barrier) (void *barrier_context); /* wait for all ranks; NULL: one rank */
	void	   *barrier_context;
	double	   *board;			/* 2 x SHARDS x width */
	int32_t		width;			/* doubles a shard */
	int32_t		side;
} Sharing;

/* Lay out the board, for sums of so many doubles, or twice as many floats. */
extern void shards_place(Sharing *sharing, Arena *arena, int32_t width);

/* Whether a shard is this process's. */
extern bool shards_mine(const Sharing *sharing, int32_t shard);

/*
 * Where a process writes what its shards come to, each of them, before all call
 * for the sum.
 */
extern double *shards_doubles(const Sharing *sharing, int32_t shard);
extern float *shards_floats(const Sharing *sharing, int32_t shard);

/* Wait for all processes, and add up what they wrote: sum[count]. */
extern void shards_sum_doubles(Sharing *sharing, double *sum, int32_t count);
extern void shards_sum_floats(Sharing *sharing, float *sum, int32_t count);

#endif							/* NN_SHARDS_H */
