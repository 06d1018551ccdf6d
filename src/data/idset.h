/*
 * idset.h
 *	  Different ids, numbered in the order in which they appear, and then a
 *	  vocabulary of them.
 */
#ifndef RECSEQ_IDSET_H
#define RECSEQ_IDSET_H

#include "postgres.h"

#include "utils/array.h"

#include "data/arrays.h"
#include "memory.h"

struct idtable_hash;

typedef struct IdSet
{
	IdKind		kind;
	const Budget *budget;		/* outlives the set */
	MemoryContext context;		/* owns it all, texts too */
	struct idtable_hash *table;
	Id		   *keys;			/* [count] by index */
	int32		count;
	int32		room;
} IdSet;

/* An empty set, below the current context, with room for some ids at first. */
extern void idset_create(IdSet *set, IdKind kind, int32 room, const Budget *budget);

/* The index of an id; a new one is added, a text copied. */
extern int32 idset_number(IdSet *set, Id id);

/* The index of an id, or -1. */
extern int32 idset_find(const IdSet *set, Id id);

/*
 * Make the vocabulary of the ids, in its order, in the current context, and free
 * the set.  Returns the place of each index in it.
 */
extern int32 *idset_finish(IdSet *set, Vocabulary *vocabulary);

/* Texts as a vocabulary, in the current context. */
extern Vocabulary vocabulary_of_texts(ArrayType *texts, const char *what);

#endif							/* RECSEQ_IDSET_H */
