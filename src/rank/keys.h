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

typedef struct KeyTable
{
	uint32_t	generation;		/* of the call */
	uint32_t	stamp[KEYS_SLOTS];	/* generation in which the slot was filled */
	int32_t		number[KEYS_SLOTS];
	int32_t		count;
	int32_t		key[KEYS_MAX];
} KeyTable;

/* Forget all keys. */
static inline void
keys_clear(KeyTable *table)
{
	table->generation++;
	table->count = 0;
}

/* The number of a key; *added: it is new.  -1: there is no more room. */
static inline int32_t
keys_number(KeyTable *table, int32_t key, bool *added)
{
	uint32_t	slot = ((uint32_t) key * UINT32_C(2654435769)) >> (32 - KEYS_SLOT_BITS);

	*added = false;
	for (; table->stamp[slot] == table->generation; slot = (slot + 1) % KEYS_SLOTS)
	{
		if (table->key[table->number[slot]] == key)
			return table->number[slot];
	}
	if (table->count == KEYS_MAX)
		return -1;
	*added = true;
	table->stamp[slot] = table->generation;
	table->number[slot] = table->count;
	table->key[table->count] = key;
	return table->count++;
}

#endif							/* RANK_KEYS_H */
