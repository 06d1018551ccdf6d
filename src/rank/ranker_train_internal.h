/*
 * ranker_train_internal.h
 *	  Shared by the files that fit rankers (ranker_train_*.c); nobody else
 *	  includes it.
 */
#ifndef RANK_RANKER_TRAIN_INTERNAL_H
#define RANK_RANKER_TRAIN_INTERNAL_H

#include "rank/ranker_train.h"

#define RANKER_BATCH 6			/* lists of a shard in one step, at most */

/* Standardised features in 8 bits: far finer than what they tell. */
#define RANKER_FEATURE_STEP (RANKER_FEATURE_LIMIT / INT8_MAX)

/* Bytes of a list's features. */
#define RANKER_LIST_BYTES(rows, seen) \
	(RANKER_SHARED + (size_t) (seen) * RANKER_SEEN + (size_t) (rows) * RANKER_REST)

/* A list of candidates. */
typedef struct List
{
	const int8_t *features;		/* RANKER_SHARED; seen x RANKER_SEEN; rows x RANKER_REST */
	int32_t		rows;
	int32_t		seen;
	int32_t		target;
	bool		held_out;
} List;

/* The examples of a shard whose target is a candidate. */
typedef struct Shard
{
	int32_t		examples[2];	/* whether found or not: not held out, and held out */
	int32_t		lists[2];		/* of these, with the target */
	List	   *list;
	int32_t    *order;			/* lists that are learned from */
	int8_t	  **chunk;
	int32_t		chunks;			/* that were taken */
	int32_t		used_chunks;
	size_t		used_bytes;		/* of the last of them */
	double		example_bytes;	/* about how many an example takes */
} Shard;

struct RankerExamples
{
	RankerSource source;
	Allocator	allocator;
	int32_t		most_chunks;	/* of a shard */
	Shard		shard[SHARDS];	/* filled in: those of this process */
	int32_t		lists[SHARDS][2];	/* of all shards */
	int32_t		examples[2];	/* likewise, in sum */
	/* to work with */
	Ranker		gradient;
	float	   *first;			/* ranker_count(), as the next */
	float	   *second;
	RankerList	input[RANKER_BATCH];	/* into features */
	float	   *features;		/* RANKER_BATCH x CANDIDATES_MAX x RANK_FEATURES */
	float		unseen[RANKER_SEEN];
	float	   *weight2;		/* hidden x hidden, outputs first */
	float	   *hidden1;		/* RANKER_BATCH x CANDIDATES_MAX x RANKER_HIDDEN, as the next three */
	float	   *hidden2;
	float	   *d_hidden1;
	float	   *d_hidden2;
	float	   *score;			/* RANKER_BATCH x CANDIDATES_MAX */
};

/* A fit of a ranker. */
typedef struct RankerFit
{
	Ranker	   *ranker;
	RankerExamples *examples;
	bool		all;			/* those held out, too */
	int32_t		batch;			/* lists of a shard in one step */
	int32_t		epoch_steps;
	int32_t		epochs;
	int64_t		steps;			/* of all epochs */
} RankerFit;

/* ---------------------------------------------------------------- ranker_train_backward.c */

/*
 * The gradient of a shard's lists in the step-th step of an epoch, from 0, into
 * work->gradient.  number: of the step in all epochs; lists: of all shards in it.
 */
extern void ranker_shard_gradient(const RankerFit *fit, int32_t shard_number, int32_t step,
								  int64_t number, int32_t lists);

/* ---------------------------------------------------------------- ranker_train_epochs.c */

/* Lists of a shard in step number `step` of an epoch, from 0. */
extern int32_t ranker_lists_in_step(const RankerFit *fit, int32_t shard, int32_t step);

#endif							/* RANK_RANKER_TRAIN_INTERNAL_H */
