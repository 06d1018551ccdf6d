/*
 * trainer_internal.h
 *	  What the files of the trainer share, and nobody else sees.
 */
#ifndef NN_TRAINER_INTERNAL_H
#define NN_TRAINER_INTERNAL_H

#include "nn/trainer.h"

#include "nn/rng.h"
#include "nn/softmax.h"

/* Written by rank 0 between barriers, or by shard; read by all. */
typedef struct TrainerShared
{
	int64_t		step;			/* minibatches so far */
	float		learning_rate;
	int32_t		tokens[TRAINER_DATA_SHARDS];	/* of the sequences in each batch */
	double		dense_norm[TRAINER_ITEM_SHARDS];
	double		table_norm[LAZY_ROWS_PARTS];
	int32_t		stalled;		/* epochs since the best */
	bool		stop;
	bool		diverged;
	EpochReport report;
	EpochReport best;
} TrainerShared;

/* One rank's place among the others, and what its minibatch is. */
typedef struct Rank
{
	Trainer    *trainer;
	const TrainerCalls *calls;
	int32_t		rank;
	int32_t		ranks;
	Dataset		dataset;
	Drift		drift;			/* step and sums as of the current minibatch */
	int32_t		windows;		/* of the current minibatch */
	int32_t		first_window[TRAINER_DATA_SHARDS + 1];
	int64_t		first_group[TRAINER_DATA_SHARDS + 1];	/* in the order */
} Rank;

/* Whether every minibatch touches all output weights. */
extern bool trainer_is_dense(const TrainerOptions *options);

/* ------------------------------------------------- trainer_ranks.c */

/*
 * Wait for all ranks.  Between two phases, since the second reads what any rank
 * may have written in the first, and writes what others may still read there.
 */
extern void trainer_wait(const Rank *rank);

/* Whether the caller lets the work go on. */
extern bool trainer_go_on(const Rank *rank);

/* A rank's place, as of the epochs that are done. */
extern Rank trainer_take_rank(Trainer *trainer, const TrainerCalls *calls,
							  int32_t rank_number, int32_t ranks);

/* Whether one of `shards` shards, or parts of the tables, is this rank's. */
extern bool trainer_is_mine(const Rank *rank, int32_t shard, int32_t shards);

/* Where the s-th of `shards` nearly equal parts of `count` begins. */
extern int64_t trainer_shard_start(int64_t count, int32_t s, int32_t shards);

/* The first item of an item shard. */
extern int32_t trainer_item_shard_start(const Trainer *trainer, int32_t s);

/* The first float of a parameter shard of a dense range, at a cache line's start. */
extern size_t trainer_dense_shard_start(const DenseRange *range, int32_t s);

/*
 * Take groups from order[*next .. end - 1] for one minibatch and share them out
 * to the data shards; each rank does so by itself.
 */
extern void trainer_share_out(Rank *rank, const int64_t *order, int64_t *next,
							  int64_t end);

/* The windows of a data shard in the current minibatch. */
extern int32_t trainer_windows_of(const Rank *rank, int32_t s);

/* Whether a data shard has windows and is this rank's. */
extern bool trainer_is_my_work(const Rank *rank, int32_t s);

/* The stream of random numbers of a data shard in the current minibatch. */
extern Rng trainer_stream(const Rank *rank, uint64_t purpose, int32_t s);

/* Whether the target of window w is in the vocabulary. */
extern bool trainer_has_target(const Trainer *trainer, int32_t w);

/* ------------------------------------------------- trainer_forward.c */

/* Prepare: fill the batches of the minibatch. */
extern void trainer_prepare(Rank *rank, const int64_t *order, bool training);

/* Touch: pay up the rows that the minibatch reads; copy those of negatives. */
extern void trainer_touch(Rank *rank);

/* Forward: representations of the windows of a data shard. */
extern void trainer_forward(Rank *rank, int32_t s, bool training);

/* Backward: from the representations' gradient of a data shard. */
extern void trainer_backward(Rank *rank, int32_t s);

/* ------------------------------------------------- trainer_loss.c */

/* Forward, softmax over all items, and backward. */
extern NnStatus trainer_softmax_loss(Rank *rank);

/* Forward, sampled loss and backward of this rank's data shards. */
extern NnStatus trainer_sampled_loss(Rank *rank);

/*
 * Forward, and softmax over all items, without gradients: each window's
 * cross-entropy, and how many items score at least as high as its target.
 */
extern NnStatus trainer_rank_targets(Rank *rank);

/* ------------------------------------------------- trainer_step.c */

/* Assemble: the whole gradient, except what the softmax over all items has written. */
extern void trainer_assemble(Rank *rank);

/* Measure: the squares of this rank's parameter shards and table parts. */
extern void trainer_measure(Rank *rank);

/* Step: Adam on this rank's parameter shards and table parts. */
extern void trainer_step(Rank *rank);

/* Rank 0: count the step. */
extern void trainer_advance(Rank *rank);

/* Pay up all rows of all tables, and begin a new drift with the learning rate. */
extern void trainer_pay_all(Rank *rank);

/* ------------------------------------------------- the others */

/* trainer_schedule.c: rank 0, at the end of an epoch: is it the best, and does training go on? */
extern void trainer_judge_epoch(Trainer *trainer);

/* trainer_epoch.c: the order of the training groups in an epoch, from that of the one before. */
extern void trainer_shuffle(Trainer *trainer, int32_t epoch);

#endif							/* NN_TRAINER_INTERNAL_H */
