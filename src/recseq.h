/*
 * recseq.h
 *	  What the parts of the extension share: its settings.
 */
#ifndef RECSEQ_H
#define RECSEQ_H

#include "compat.h"

extern bool recseq_progress;		/* recseq.progress */
extern int	recseq_cache_size;		/* recseq.cache_size, kB */
extern int	recseq_max_training_memory; /* recseq.max_training_memory, kB */

#define MAX_TRAINING_WORKERS 64

extern int	recseq_max_training_workers;	/* recseq.max_training_workers */

/* An array that may exceed 1 GB, in the current context. */
#define huge_array(type, count) \
	((type *) MemoryContextAllocHuge(CurrentMemoryContext, sizeof(type) * (Size) (count)))

#endif							/* RECSEQ_H */
