/*
 * second_stage.h
 *	  The second stage of a model that was trained.
 */
#ifndef RECSEQ_SECOND_STAGE_H
#define RECSEQ_SECOND_STAGE_H

#include "postgres.h"

#include "data/dataset.h"
#include "model/model.h"

/*
 * Allocator.allocate: in the memory context that is given, which must not grow
 * beyond the memory of a training.
 */
extern void *second_stage_allocate(void *context, size_t bytes);

/*
 * Fit the second stage of a model whose network is trained; the sequences from
 * first_unseen on are those that the network has not learned from.  The stage
 * is in the current context.  Returns the hit rate of both stages over these;
 * NAN: there are none.
 */
extern double second_stage_fit(Model *model, const SourceData *source, int32 first_unseen,
							   uint64 seed);

#endif							/* RECSEQ_SECOND_STAGE_H */
