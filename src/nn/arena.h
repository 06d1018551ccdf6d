/*
 * arena.h
 *	  Places arrays one after the other in a block of memory that the caller
 *	  owns.
 *
 * The same code that places also measures: with base == NULL every take only
 * counts.  So a structure is sized and laid out by one function, called twice,
 * and several processes that map one block at different addresses lay it out
 * identically.
 */
#ifndef NN_ARENA_H
#define NN_ARENA_H

#include <stddef.h>
#include <stdint.h>

#define ARENA_ALIGNMENT 64		/* a cache line, and the widest vector */

typedef struct Arena
{
	char	   *base;			/* NULL: measure only */
	size_t		used;			/* bytes; SIZE_MAX once the sum has overflowed */
} Arena;

/* Round up to the alignment of the arena. */
static inline size_t
arena_align(size_t bytes)
{
	return (bytes + (ARENA_ALIGNMENT - 1)) & ~(size_t) (ARENA_ALIGNMENT - 1);
}

/* Take count elements of size bytes; not initialised; NULL while measuring. */
static inline void *
arena_take(Arena *arena, size_t count, size_t size)
{
	size_t		bytes;
	size_t		at = arena->used;

	if (at == SIZE_MAX ||
		__builtin_mul_overflow(count, size, &bytes) ||
		bytes > SIZE_MAX / 2 - ARENA_ALIGNMENT ||
		__builtin_add_overflow(at, arena_align(bytes), &arena->used))
	{
		arena->used = SIZE_MAX;
		return NULL;
	}
	return arena->base == NULL ? NULL : arena->base + at;
}

#define ARENA_TAKE(arena, type, count) \
	((type *) arena_take((arena), (size_t) (count), sizeof(type)))

#endif							/* NN_ARENA_H */
