/*
 * trainer.h
 *	  Fits the parameters of a network to a dataset.
 *
 * Several processes may train one model.  Each calls trainer_run on the same
 * block of memory with its own rank; what each of them computes is decided by
 * fixed shards, and every sum over shards is taken in their order, so the
 * weights are the same to the bit whatever the number of ranks.
 */
#ifndef NN_TRAINER_H
#define NN_TRAINER_H

#include "nn/batch.h"
#include "nn/kernels.h"
#include "nn/network.h"
#include "nn/params.h"
#include "nn/sampled.h"
#include "nn/sampler.h"
#include "nn/status.h"
#include "nn/lazy_adam.h"

/* Epochs without improvement after which the learning rate is halved. */
#define TRAINER_STALLS_TO_HALVE 2

#define TRAINER_HIT_RATE_K 5	/* validation counts targets among the best 5 */
#define TRAINER_MRR_K 20		/* and the ranks of those among the best 20 */

/*
 * About how many validation windows judge an epoch, where there are more.  Each
 * is scored against all items, which costs tens of times what a window costs
 * that is trained with a sampled loss.  With so many the standard error of a
 * hit rate is at most half a percent (sqrt(0.25 / 10000)); epochs are compared
 * on the same windows, so that of their difference is less.
 */
#define TRAINER_JUDGED_WINDOWS 10000

/*
 * How the work of a minibatch is cut.  The windows go to DATA_SHARDS for the
 * network, the items to ITEM_SHARDS for the output layer, and so do the
 * parameters for the optimizer: what a rank has just computed is its own.
 */
#define TRAINER_DATA_SHARDS 4
#define TRAINER_ITEM_SHARDS 8

/* By what the best epoch is known. */
typedef enum ValidationMetric
{
	VALIDATION_MRR,
	VALIDATION_HIT_RATE,
	VALIDATION_LOSS
} ValidationMetric;

#define VALIDATION_METRICS (VALIDATION_LOSS + 1)

typedef struct TrainerOptions
{
	Loss		loss;
	int32_t		negatives;		/* items drawn for a minibatch; sampled losses */
	int32_t		epochs;
	int32_t		batch_size;		/* windows */
	int32_t		patience;		/* epochs without improvement before training
								 * stops; 0: never */
	ValidationMetric metric;
	float		learning_rate;	/* of the first epoch */
	float		decay;			/* it falls by this factor */
	int32_t		decay_epochs;	/* after so many epochs each; 0: it is halved where
								 * validation stalls */
	float		clip_norm;		/* of the global gradient; 0: no clipping */
	float		item_dropout;	/* share of history items read as unknown */
	uint64_t	seed;
} TrainerOptions;

/* What an epoch came to. */
typedef struct EpochReport
{
	int32_t		epoch;			/* from 1 */
	double		loss;			/* mean of the training windows */
	int64_t		validation_windows; /* judged whose target is in the vocabulary */
	double		validation_loss;	/* cross-entropy over all items; NAN without any */
	double		hit_rate;		/* of the validation windows; NAN without */
	double		mrr;			/* likewise: mean of 1 / rank within TRAINER_MRR_K */
	double		learning_rate;	/* that the epoch used */
	bool		best;			/* by options.metric, so far */
} EpochReport;

typedef struct TrainerCalls
{
	void	   *context;
	MayGoOn		may_go_on;
	/* NULL: not asked for; windows and mean loss of the epoch so far */
	void		(*minibatch_done) (void *context, int64_t windows, double loss);
	void		(*epoch_done) (void *context, const EpochReport *report);
	void		(*barrier) (void *barrier_context); /* wait for all ranks; NULL: one rank */
	void	   *barrier_context;
} TrainerCalls;

/* What training came to. */
typedef struct TrainerResult
{
	int32_t		epochs;			/* that were run */
	EpochReport best;
	const EpochReport *curve;	/* of each of the epochs; in the trainer's block */
} TrainerResult;

/* Sizes that decide the layout of the shared block. */
typedef struct TrainerSizes
{
	int32_t		sequences;
	int32_t		training_sequences; /* the first ones; the rest: validation */
	int64_t		tokens;
	int64_t		training_groups;
	int64_t		validation_groups;
	int64_t		judged_groups;	/* of these, to have TRAINER_JUDGED_WINDOWS */
	int32_t		longest;		/* tokens of the longest window */
	int64_t		training_windows;
	int64_t		validation_windows;
} TrainerSizes;

/* A part of the shared block that belongs to a checkpoint. */
typedef struct TrainerPiece
{
	void	   *at;
	size_t		bytes;
} TrainerPiece;

#define TRAINER_MAX_PIECES 6

/* Of the pieces; to be raised when their layout or what they mean changes. */
#define TRAINER_FORMAT 2

struct TrainerShared;

/* The dataset, copied into the shared block, and how it is cut into windows. */
typedef struct TrainerData
{
	int64_t    *start;
	int32_t    *item;
	int32_t    *feature[CONFIG_MAX_FEATURES];
	WindowGroup *groups;		/* training, then validation */
	int64_t    *order;			/* of the training groups, shuffled each epoch */
	int64_t    *validation_order;	/* the groups that are judged */
} TrainerData;

/* What a data shard works with. */
typedef struct TrainerShard
{
	Batch		batch;
	Network		network;
	Params		core_gradient;	/* core_count floats */
	SampledGradient sampled;	/* sampled losses, as the next */
	float	   *sampled_logits; /* windows x negatives */
} TrainerShard;

/* The windows of a minibatch between the network and the loss. */
typedef struct TrainerWindows
{
	float	   *representation; /* windows x columns */
	float	   *d_representation;	/* item shards (sampled: 1) x windows x columns */
	int32_t    *target;			/* windows */
	float	   *loss;			/* windows */
} TrainerWindows;

/* The softmax over all items: of training, or of validation. */
typedef struct TrainerSoftmax
{
	float	   *transposed;		/* columns x softmax_stride(batch_size) */
	float	   *logits;			/* item shards x SOFTMAX_TILE x softmax_stride(batch_size) */
	float	   *maximum;		/* item shards x windows */
	float	   *sum;			/* item shards x windows */
	int32_t    *above;			/* item shards x windows */
	float	   *target_logit;	/* windows */
	float	   *log_normaliser; /* windows */
	float	   *share;			/* windows: of the target's probability, that is not copied */
	int32_t    *copied_above;	/* windows */
} TrainerSoftmax;

/* The negatives of a minibatch; sampled losses. */
typedef struct TrainerNegatives
{
	Sampler		sampler;
	int32_t    *item;			/* negatives */
	float	   *weight;			/* negatives x columns */
	float	   *offset;			/* negatives */
} TrainerNegatives;

/* Item embeddings, one a feature, output weights, output biases. */
#define TRAINER_MAX_TABLES (CONFIG_MAX_FEATURES + 3)

/* Parameters that every minibatch touches. */
typedef struct DenseRange
{
	size_t		first;			/* floats from the start of the block */
	size_t		count;
	size_t		unit_columns;	/* of rows that keep length 1; 0: there are none */
} DenseRange;

/* Which parameters minibatches touch: all of a dense range, some rows of a table. */
typedef struct TrainerTouched
{
	DenseRange	dense[TRAINER_MAX_TABLES + 1];
	int			dense_ranges;
	LazyRows	table[TRAINER_MAX_TABLES];
	int			tables;
	LazyRows   *item_table;		/* NULL: dense, as the next two */
	LazyRows   *feature_table[CONFIG_MAX_FEATURES];
	LazyRows   *weight_table;
	LazyRows   *bias_table;
	Drift		drift;			/* sums in the shared block */
} TrainerTouched;

/* A process's view of the shared block. */
typedef struct Trainer
{
	Config		config;
	TrainerOptions options;
	TrainerSizes sizes;
	const Kernels *kernels;
	struct TrainerShared *shared;
	EpochReport *curve;			/* options.epochs */
	TrainerData data;
	Params		params;
	Params		gradient;
	Params		first;			/* Adam's moments */
	Params		second;
	float	   *best;			/* block of the best epoch; NULL: the last is it */
	TrainerShard shard[TRAINER_DATA_SHARDS];
	TrainerWindows windows;
	TrainerSoftmax softmax;
	TrainerNegatives negatives;
	TrainerTouched touched;
} Trainer;

/* Sizes for a dataset whose first training_sequences are for training. */
extern TrainerSizes trainer_sizes(const Dataset *dataset, int32_t training_sequences,
								  const Config *config, const TrainerOptions *options);

/*
 * Lay out the shared block of a trainer.  Call with a measuring arena for its
 * bytes (SIZE_MAX: cannot be had), then once in each process.
 */
extern void trainer_place(Trainer *trainer, Arena *arena, const Config *config,
						  const TrainerOptions *options, const TrainerSizes *sizes);

/*
 * Copy the dataset in and set the initial weights; by one process, once.  All
 * its training items must be in the vocabulary.
 */
extern void trainer_start(Trainer *trainer, const Dataset *dataset);

/*
 * The hit rate of the weights as they are, over the validation windows; NAN
 * without any, or if it was cancelled.  By one process, before trainer_run.
 */
extern double trainer_hit_rate(Trainer *trainer, const TrainerCalls *calls);

/*
 * Train for at most that many epochs more; every rank calls it, any number of
 * times, with ranks as many as it likes each time.  Only rank 0 calls
 * minibatch_done and epoch_done.
 */
extern NnStatus trainer_run(Trainer *trainer, int32_t rank, int32_t ranks,
							const TrainerCalls *calls, int32_t epochs);

/* Whether there is no epoch left: all are done, or validation has stalled. */
extern bool trainer_done(const Trainer *trainer);

/* Put the best weights into trainer->params; by one process, once. */
extern TrainerResult trainer_finish(Trainer *trainer);

/*
 * The pieces of a checkpoint, to be read between two calls of trainer_run;
 * returns how many, at most TRAINER_MAX_PIECES.  Another trainer goes on from
 * them, also in another process and later: they are written into its pieces
 * once it is started with the same dataset, configuration and options, and then
 * trainer_resume is called.
 */
extern int trainer_pieces(Trainer *trainer, TrainerPiece *pieces);

/*
 * Go on from the pieces that were written; returns the epochs that were done,
 * or -1 if they cannot be of this dataset and these options.
 */
extern int32_t trainer_resume(Trainer *trainer);

#endif							/* NN_TRAINER_H */
