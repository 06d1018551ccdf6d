/*
 * recseq.h
 *	  What the parts of the extension share: its settings, and how they take
 *	  memory.
 */
#ifndef RECSEQ_H
#define RECSEQ_H

#include "compat.h"

#include "portability/instr_time.h"
#include "utils/memutils.h"

#include "nn/arena.h"

extern bool recseq_progress;		/* recseq.progress */
extern int	recseq_cache_size;		/* recseq.cache_size, kB */
extern int	recseq_shared_cache_size;	/* recseq.shared_cache_size, kB; 0: none */
extern int	recseq_max_training_memory; /* recseq.max_training_memory, kB */

#define MAX_TRAINING_WORKERS 64

extern int	recseq_max_training_workers;	/* recseq.max_training_workers */

#define MAX_JOBS 64

extern int	recseq_max_jobs;		/* recseq.max_jobs */
extern int	recseq_job_retention;	/* recseq.job_retention, minutes; -1: for ever */

/* An array that may exceed 1 GB, in the current context. */
#define huge_array(type, count) \
	((type *) MemoryContextAllocHuge(CurrentMemoryContext, sizeof(type) * (Size) (count)))

/* Memory of any size in the current context, aligned as the network wants it. */
static inline char *
allocate_aligned(Size bytes)
{
	return (char *) TYPEALIGN(ARENA_ALIGNMENT,
							  MemoryContextAllocHuge(CurrentMemoryContext,
													 bytes + ARENA_ALIGNMENT));
}

static inline double
seconds_since(instr_time start)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, start);
	return INSTR_TIME_GET_DOUBLE(now);
}

#endif							/* RECSEQ_H */
