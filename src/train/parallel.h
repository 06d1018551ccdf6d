/*
 * parallel.h
 *	  Runs a trainer in this backend and in parallel workers.
 */
#ifndef RECSEQ_PARALLEL_H
#define RECSEQ_PARALLEL_H

#include "postgres.h"

#include "storage/dsm.h"

#include "nn/trainer.h"

/* The block of a trainer. */
typedef struct ParallelMemory
{
	char	   *block;
	dsm_segment *segment;		/* NULL: private, so nobody can join */
} ParallelMemory;

/*
 * Allocate a block of that many bytes, aligned as arenas must be: shared if
 * workers are wanted and a segment of that size can be had, else private, in
 * the current context.  The segment goes with the query, unless it is pinned.
 */
extern ParallelMemory parallel_allocate(Size bytes, int workers);

/*
 * Train for at most that many epochs more, with up to that many workers; with
 * fewer where they cannot be had.  The trainer lies in memory->block and is
 * started.  Needs a transaction and an active snapshot.
 */
extern NnStatus parallel_run(Trainer *trainer, const ParallelMemory *memory, int workers,
						 const TrainerCalls *calls, int32 epochs);

/*
 * The answer to MayGoOn in this backend and in workers: leaves when the query is
 * cancelled, and when the postmaster is gone, which nothing else would notice.
 */
extern bool parallel_may_go_on(void *context);

#endif							/* RECSEQ_PARALLEL_H */
