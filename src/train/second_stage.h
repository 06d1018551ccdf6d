/*
 * second_stage.h
 *	  The second stage of a model that was trained.
 */
#ifndef RECSEQ_SECOND_STAGE_H
#define RECSEQ_SECOND_STAGE_H

#include "postgres.h"

#include "data/dataset.h"
#include "model/model.h"
#include "train/progress.h"

/* Times of the same event differ by no more: one of them is rounded to a float. */
#define SAME_TIME_HOURS 0.01

/*
 * Allocator.allocate: in the memory context that is given, which must not grow
 * beyond the memory of a training.
 */
extern void *second_stage_allocate(void *context, size_t bytes);

typedef struct SecondStageOptions
{
	int32		first_unseen;	/* the network has not learned from sequences from here on */
	int32		min_support;	/* sequences that evidence takes */
	uint64		seed;
	int			workers;		/* that may help */
	ProgressSlot *progress;
} SecondStageOptions;

/* About how many seconds a fit will take with so many workers. */
extern double second_stage_seconds(const SourceData *source, int workers);

/*
 * Fit the second stage of a model whose network is trained.  The stage is in the
 * current context.  Returns the hit rate of both stages over the sequences that
 * the network has not learned from; NAN: there are none.
 */
extern double second_stage_fit(Model *model, const SourceData *source,
							   const SecondStageOptions *options);

#endif							/* RECSEQ_SECOND_STAGE_H */
