/*
 * keys.h
 *	  Numbers the keys of one call, in the order of their arrival: a small hash
 *	  table that is emptied at no cost.
 */
#ifndef RANK_KEYS_H
#define RANK_KEYS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define KEYS_MAX 4000			/* that are numbered; more are passed over */
#define KEYS_SLOT_BITS 13
#define KEYS_SLOTS (1 << KEYS_SLOT_BITS)

/* A search ends at an empty slot, so there must always be one; half of them keeps it short. */
_Static_assert(KEYS_MAX <= KEYS_SLOTS / 2, "the hash table would fill up");

_Static_assert(KEYS_MAX <= INT16_MAX, "numbers would not fit");

/* All that a search looks at is side by side, and the table small enough for the nearest caches. */
typedef struct KeySlot
{
	int32_t		key;
	uint16_t	generation;		/* in which it was filled; 0: in none */
	int16_t		number;
} KeySlot;

typedef struct KeyTable
{
	uint16_t	generation;		/* of the call, from 1 */
	int32_t		count;
	KeySlot		slot[KEYS_SLOTS];
} KeyTable;

/* Forget all keys. */
static inline void
keys_clear(KeyTable *table)
{
	table->count = 0;
	if (++table->generation == 0)
	{
		/* the numbers of generations begin again */
		memset(table->slot, 0, sizeof(table->slot));
		table->generation = 1;
	}
}

/* The slot that has a key, or the empty one where it would be. */
static inline uint32_t
keys_search(const KeyTable *table, int32_t key)
{
	uint32_t	slot = ((uint32_t) key * UINT32_C(2654435769)) >> (32 - KEYS_SLOT_BITS);

	while (table->slot[slot].generation == table->generation && table->slot[slot].key != key)
		slot = (slot + 1) % KEYS_SLOTS;
	return slot;
}

/* The number of a key; -1: it has none. */
static inline int32_t
keys_find(const KeyTable *table, int32_t key)
{
	const KeySlot *slot = &table->slot[keys_search(table, key)];

	return slot->generation == table->generation ? slot->number : -1;
}

/* The number of a key; *added: it is new.  -1: there is no more room. */
static inline int32_t
keys_number(KeyTable *table, int32_t key, bool *added)
{
	KeySlot    *slot = &table->slot[keys_search(table, key)];

	*added = false;
	if (slot->generation == table->generation)
		return slot->number;
	if (table->count == KEYS_MAX)
		return -1;
	*added = true;
	*slot = (KeySlot) {key, table->generation, (int16_t) table->count};
	return table->count++;
}

#endif							/* RANK_KEYS_H */
