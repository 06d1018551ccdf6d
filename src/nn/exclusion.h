/*
 * exclusion.h
 *	  A set of items that must not be answered: a bit an item.
 */
#ifndef NN_EXCLUSION_H
#define NN_EXCLUSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline size_t
exclusion_bytes(int32_t items)
{
	return ((size_t) items + 7) / 8;
}

static inline void
exclusion_set(uint8_t *excluded, int32_t item)
{
	excluded[item >> 3] |= (uint8_t) (1u << (item & 7));
}

static inline void
exclusion_clear(uint8_t *excluded, int32_t item)
{
	excluded[item >> 3] &= (uint8_t) ~(1u << (item & 7));
}

/* excluded == NULL: nothing is. */
static inline bool
exclusion_test(const uint8_t *excluded, int32_t item)
{
	return excluded != NULL && ((excluded[item >> 3] >> (item & 7)) & 1) != 0;
}

/* How many of so many items are not excluded. */
static inline int32_t
exclusion_rest(const uint8_t *excluded, int32_t items)
{
	int32_t		rest = items;
	uint64_t	word;
	int32_t		i = 0;

	for (; excluded != NULL && i + 64 <= items; i += 64)
	{
		memcpy(&word, excluded + i / 8, sizeof(word));
		rest -= __builtin_popcountll(word);
	}
	for (; i < items; i++)
		rest -= exclusion_test(excluded, i);
	return rest;
}

#endif							/* NN_EXCLUSION_H */
