/*
 * train.h
 *	  A training in its phases: recseq_train goes through them in one statement,
 *	  a job (jobs.c) in transactions of its own.
 */
#ifndef RECSEQ_TRAIN_H
#define RECSEQ_TRAIN_H

#include "postgres.h"

#include "fmgr.h"
#include "portability/instr_time.h"
#include "utils/array.h"

#include "store/catalog.h"
#include "data/dataset.h"
#include "nn/trainer.h"
#include "train/progress.h"
#include "data/split.h"
#include "train/team.h"

struct Base;

typedef struct TrainOptions
{
	Oid			source;
	const char *model;
	Activation	activate;
	struct Base *base;			/* version to go on from (update.h), or NULL */
	ArrayType  *features;
	Vocabulary	purchases;
	bool		ranker;
	double		validation_fraction;
	int			workers;
	int64		job;			/* that trains; 0: none */
	const Split *split;			/* learn only from what it leaves; NULL: from all */
	Config		config;			/* but for what the data decides */
	TrainerOptions trainer;
} TrainOptions;

/* A training, in the context it was begun in. */
typedef struct Training
{
	TrainOptions options;		/* with what the data decides */
	SourceData *source;
	Trainer		trainer;
	TeamMemory	memory;			/* of the trainer */
	ProgressSlot *progress;
	instr_time	start;
	instr_time	epoch_start;
	EpochReport report;			/* of the last epoch that this process has trained */
	double		seconds;		/* until this process began; in all, once it is finished */
	/* once it is finished */
	TrainerResult result;
	Model		model;			/* points into all of these */
} Training;

/*
 * The arguments of recseq_train, or of a function with the same ones; an error
 * if one is out of its range.
 */
extern TrainOptions train_options(FunctionCallInfo fcinfo);

/* Allocator.allocate: in the memory context that is given. */
extern void *allocate_in(void *context, size_t bytes);

/* Read what there is to learn from; an error if there is nothing. */
extern SourceData *train_read(const TrainOptions *options);

/*
 * Make all ready.  source: what train_read gave, or NULL to read it now.
 * Everything is in the current context, but for the segment in
 * training->memory, if there is one.
 */
extern Training *training_begin(const TrainOptions *options, SourceData *source);

/* Train for at most that many epochs more; see team_run. */
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

/*
 * All of these phases in one statement; returns the row that recseq_train and
 * the function that is called return.
 */
extern Datum train(FunctionCallInfo fcinfo, const Catalog *catalog,
				   const TrainOptions *options);

static inline double
seconds_since(instr_time start)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, start);
	return INSTR_TIME_GET_DOUBLE(now);
}

#endif							/* RECSEQ_TRAIN_H */
