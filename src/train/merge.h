/*
 * merge.h
 *	  The vocabularies of a version and of a source, or of a source and of a
 *	  catalog, merged.
 */
#ifndef RECSEQ_MERGE_H
#define RECSEQ_MERGE_H

#include "postgres.h"

#include "memory.h"
#include "model/model.h"

/* Which index of each of the two an id of both has, or -1. */
typedef struct Merged
{
	Vocabulary	vocabulary;
	int32	   *from_base;		/* [vocabulary.count + 1] */
	int32	   *from_source;	/* [vocabulary.count + 1] */
} Merged;

/*
 * Merge them, in order.  column: what they are of, for the complaint if their
 * ids are of different types.
 */
extern Merged merge_vocabularies(const Budget *budget, const Vocabulary *base,
								 const Vocabulary *source, const char *column);

/*
 * The ids of a vocabulary whose count is above 0.  index: the place of each of
 * them in the whole.
 */
extern Vocabulary merge_counted(const Budget *budget, const Vocabulary *vocabulary,
								const int32 *count, int32 **index);

/* Of each of `count` old indexes its new one, given the old ones of `merged` new ones. */
extern int32 *merge_places(const Budget *budget, const int32 *from, int32 merged, int32 count);

/*
 * Replace an array of tokens by one that is numbered anew; what is below `first`
 * stays, and the others begin there.
 */
extern void merge_renumber(const Budget *budget, const int32_t **token, int64 tokens,
						   const int32 *place, int32 first);

#endif							/* RECSEQ_MERGE_H */
