/*
 * parallel.h
 *	  Work that this backend and parallel workers do alike.
 */
#ifndef RECSEQ_PARALLEL_H
#define RECSEQ_PARALLEL_H

#include "postgres.h"

#include "storage/dsm.h"
#include "storage/shm_toc.h"

#include "nn/nn.h"

/* The block of memory that they share. */
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

/* The part that one process has. */
typedef struct ParallelPart
{
	int32		rank;			/* 0: the leader, this backend */
	int32		ranks;
	char	   *block;
	const void *details;		/* a copy of what parallel_run was given */
	void	   *leader;			/* what parallel_run was given; NULL in workers */
	void		(*barrier) (void *context); /* wait for all; NULL: there is but one */
	void	   *barrier_context;
} ParallelPart;

/* What a process does with its part. */
typedef NnStatus (*ParallelFunction) (const ParallelPart *part);

/* What the entry point of a worker does: its part. */
extern void parallel_worker(shm_toc *toc, ParallelFunction function);

/*
 * Do some work in memory that is ready for it, with up to that many workers; with
 * fewer where they cannot be had.  entry: the name of the workers' entry point,
 * which calls parallel_worker() with the same function.  details: bytes that
 * every worker gets a copy of; leader: for the leader alone.  Returns what the
 * leader's part comes to.  Needs a transaction and an active snapshot.
 */
extern NnStatus parallel_run(const char *entry, ParallelFunction function,
							 const ParallelMemory *memory, int workers, const void *details,
							 Size bytes, void *leader);

/*
 * The answer to MayGoOn in this backend and in workers: leaves when the query is
 * cancelled, and when the postmaster is gone, which nothing else would notice.
 */
extern bool parallel_may_go_on(void *context);

#endif							/* RECSEQ_PARALLEL_H */
