/*
 * memory.h
 *	  Memory in the current context that may exceed 1 GB, where palloc ends, and
 *	  how much of it a call may take.
 */
#ifndef RECSEQ_MEMORY_H
#define RECSEQ_MEMORY_H

#include "postgres.h"

#include "utils/memutils.h"

#include "nn/nn.h"

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

/*
 * What a call may take, by a setting.  Memory is counted before it is taken,
 * since whoever makes the call decides how much it is.
 */
typedef struct Budget
{
	MemoryContext context;		/* what is in it and below it counts */
	int			kilobytes;
	const char *setting;
	const char *what;			/* needs more, in the message */
	const char *hint;
} Budget;

/* Of what reads a whole source: recseq.max_training_memory, of the current context. */
extern Budget budget_of_training(void);

/* Of what answers from a model: recseq.max_call_memory, of that context. */
extern Budget budget_of_call(MemoryContext context);

/* Whether there is room for so many bytes more. */
extern bool budget_has(const Budget *budget, Size bytes);

/* Whether half of the room that there is suffices for so many bytes. */
extern bool budget_has_half(const Budget *budget, Size bytes);

/* Complain if there is no room for so many bytes more. */
extern void budget_check(const Budget *budget, Size bytes);

/* Allocate in the current context, or complain. */
extern void *budget_take(const Budget *budget, Size bytes);

#define budget_array(budget, type, count) \
	((type *) budget_take((budget), sizeof(type) * (Size) (count)))

/* Give an array another size, or complain. */
extern void *budget_resize(const Budget *budget, void *array, Size old_bytes, Size bytes);

#define budget_resize_array(budget, type, array, old_count, count) \
	((type *) budget_resize((budget), (array), sizeof(type) * (Size) (old_count), \
							sizeof(type) * (Size) (count)))

#endif							/* RECSEQ_MEMORY_H */
