/*
 * memory.h
 *	  Memory in the current context that may exceed 1 GB, where palloc ends.
 */
#ifndef RECSEQ_MEMORY_H
#define RECSEQ_MEMORY_H

#include "postgres.h"

#include "utils/memutils.h"

#include "nn/arena.h"

#define huge_array(type, count) \
	((type *) MemoryContextAllocHuge(CurrentMemoryContext, sizeof(type) * (Size) (count)))

/* Aligned as the network wants it. */
static inline char *
allocate_aligned(Size bytes)
{
	return (char *) TYPEALIGN(ARENA_ALIGNMENT,
							  MemoryContextAllocHuge(CurrentMemoryContext,
													 bytes + ARENA_ALIGNMENT));
}

#endif							/* RECSEQ_MEMORY_H */
