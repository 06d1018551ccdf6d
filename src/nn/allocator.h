/*
 * allocator.h
 *	  Memory whose amount shows only while the work is done: the caller says
 *	  where it comes from, and frees it.
 */
#ifndef NN_ALLOCATOR_H
#define NN_ALLOCATOR_H

#include <stddef.h>

typedef struct Allocator
{
	/* Never NULL, aligned as arenas must be; may leave by longjmp. */
	void	   *(*allocate) (void *context, size_t bytes);
	void	   *context;
} Allocator;

/* Room for `count` elements of `size` bytes, and one more, so that it is never nothing. */
static inline void *
allocator_take(const Allocator *allocator, size_t count, size_t size)
{
	return allocator->allocate(allocator->context, (count + 1) * size);
}

#define ALLOCATE(allocator, type, count) \
	((type *) allocator_take((allocator), (size_t) (count), sizeof(type)))

#endif							/* NN_ALLOCATOR_H */
