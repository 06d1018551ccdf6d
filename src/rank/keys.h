/*
 * keys.h
 *	  Numbers the keys of one call, in the order of their arrival: a small hash
 *	  table that is emptied at no cost.
 */
#ifndef RANK_KEYS_H
#define RANK_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#define KEYS_MAX 4000			/* that are numbered; more are passed over */
#define KEYS_SLOT_BITS 13
#define KEYS_SLOTS (1 << KEYS_SLOT_BITS)

/* A search ends at an empty slot, so there must always be one; half of them keeps it short. */
_Static_assert(KEYS_MAX <= KEYS_SLOTS / 2, "the hash table would fill up");

/* All that a search looks at is side by side, in one line of the cache. */
typedef struct KeySlot
{
	uint32_t	generation;		/* in which it was filled */
	int32_t		key;
	int32_t		number;
	int32_t		unused;
} KeySlot;

typedef struct KeyTable
{
	uint32_t	generation;		/* of the call */
	int32_t		count;
	KeySlot		slot[KEYS_SLOTS];
} KeyTable;

/* Forget all keys. */
static inline void
keys_clear(KeyTable *table)
{
	table->generation++;
	table->count = 0;
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
	*slot = (KeySlot) {table->generation, key, table->count, 0};
	return table->count++;
}

#endif							/* RANK_KEYS_H */
