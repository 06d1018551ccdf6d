/*
 * training.h
 *	  A training in its phases: recseq_train goes through them in one statement,
 *	  a job in transactions of its own.
 */
#ifndef RECSEQ_TRAINING_H
#define RECSEQ_TRAINING_H

#include "postgres.h"

#include "portability/instr_time.h"

#include "data/dataset.h"
#include "data/products.h"
#include "model/model.h"
#include "nn/nn.h"
#include "train/options.h"
#include "train/parallel.h"
#include "train/progress.h"

/* A training, in the context it was begun in. */
typedef struct Training
{
	TrainOptions options;		/* with what the data decides */
	SourceData *source;			/* without the items that are in no sequence, until it is finished */
	Products   *products;		/* that there are; NULL: no catalog is known */
	Trainer		trainer;
	ParallelMemory memory;		/* of the trainer */
	ProgressSlot *progress;
	instr_time	start;
	instr_time	epoch_start;
	double		expected;		/* seconds after the epochs */
	EpochReport report;			/* of the last epoch that this process has trained */
	double		seconds;		/* until this process began; in all, once it is finished */
	/* once it is finished */
	TrainerResult result;
	Model		model;			/* points into all of these */
} Training;

/*
 * Read what there is to learn from.  If there is nothing, an error; in an
 * update a notice, and NULL.
 */
extern SourceData *train_read(const TrainOptions *options);

/*
 * Make all ready.  source: what train_read gave, or NULL to read it now.
 * Everything is in the current context, but for the segment in
 * training->memory, if there is one.
 */
extern Training *training_begin(const TrainOptions *options, SourceData *source);

/* Train for at most that many epochs more; see parallel_run. */
extern void training_run(Training *training, int32 epochs);

/* The same; false, instead of an error, if training diverged. */
extern bool training_try(Training *training, int32 epochs);

/*
 * Go on from the trainer's pieces of a checkpoint, which are in place, as is
 * what took that many seconds to train.  False: they are not of this training.
 */
extern bool training_resume(Training *training, double seconds);

/* Seconds of training so far, by this process and by those before it. */
extern double training_seconds(const Training *training);

/* A checksum of all that the weights depend on: dataset and options. */
extern uint32 training_checksum(const Training *training);

/* Take the best weights and fit the second stage. */
extern void training_finish(Training *training);

/* Store the model as a new version; returns its number. */
extern int32 training_store(const Training *training, const Catalog *catalog);

/* Release what the memory context does not. */
extern void training_end(Training *training);

/* Items in the order of Model.popular, of how often each occurs: [items], in the current context. */
extern int32 *items_by_count(const int32 *count, int32 items);

#endif							/* RECSEQ_TRAINING_H */
