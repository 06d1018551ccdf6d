/*
 * ranker_train.h
 *	  Fits rankers to examples: histories of which it is known what came next.
 *
 * The candidates of an example are found once, and their features kept in 8 bits
 * for all epochs and all rankers that learn from them.  Each process keeps those
 * of its own shards: example number e is of shard e % SHARDS.
 */
#ifndef RANK_RANKER_TRAIN_H
#define RANK_RANKER_TRAIN_H

#include "nn/allocator.h"
#include "rank/rank_stage.h"
#include "rank/shards.h"

/* The candidates of an example, as a ranker reads them. */
typedef struct RankerInput
{
	float	   *features;		/* room for CANDIDATES_MAX x RANK_FEATURES */
	int32_t		rows;
	int32_t		target;			/* the place of what really came next; -1: it is not among them */
} RankerInput;

/*
 * Find the candidates of example number `index`.  input: one for each ranker that is
 * fitted, filled in but for the room.  Without the target there need be no rows.
 */
typedef void (*RankerExample) (void *context, int32_t index, RankerInput *input);

/* What is to be learned from. */
typedef struct RankerSource
{
	RankerExample example;
	void	   *context;
	int32_t		examples;		/* in random order */
	const int32_t *order;		/* [examples] the order to find candidates in, by which those follow
								 * each other that read the same memory; NULL: none is better */
	const bool *held_out;		/* [examples], or NULL: none is */
	size_t		memory;			/* bytes for features of a ranker, of all processes together:
								 * examples that would need more are left out, the last ones */
	uint64_t	seed;
} RankerSource;

typedef struct RankerExamples RankerExamples;

/* Doubles a shard that the fit's sums need (shards.h). */
extern int32_t ranker_board_width(void);

/* Room for the examples of this process's shards, and for fitting rankers to them. */
extern RankerExamples *ranker_examples_create(const RankerSource *source, const Sharing *sharing,
											  const Allocator *allocator);

/*
 * Find the candidates of all examples, asking for each whether to go on, for so many
 * rankers, RANKERS at most, each with its own examples of one source: sets their mean
 * and scale.  What was kept before is forgotten.  Every process calls it, as the next.
 */
extern NnStatus ranker_collect(RankerExamples *const *examples, Ranker *const *rankers,
							   int32_t count, Sharing *sharing);

/* How many steps a fit in at least so many epochs takes: it asks whether to go on before each. */
extern int64_t ranker_steps(const RankerExamples *examples, bool all, int32_t epochs);

/*
 * Fit a ranker, whose mean and scale are set, in at least so many epochs; to all
 * examples, or to those that are not held out.  *missed: share of these whose
 * target is no candidate.
 */
extern NnStatus ranker_train(Ranker *ranker, RankerExamples *examples, bool all,
							 int32_t epochs, Sharing *sharing, float *missed);

#endif							/* RANK_RANKER_TRAIN_H */
