/*
 * exclusion.h
 *	  A set of items that must not be answered: a bit an item.
 */
#ifndef NN_EXCLUSION_H
#define NN_EXCLUSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

#endif							/* NN_EXCLUSION_H */
