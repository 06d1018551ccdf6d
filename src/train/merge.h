/*
 * merge.h
 *	  The vocabularies of a version and of a source, merged.
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
	int32	   *from_base;		/* [vocabulary.count] */
	int32	   *from_source;	/* [vocabulary.count] */
} Merged;

/*
 * Merge them, in order.  column: what they are of, for the complaint if their
 * ids are of different types.
 */
extern Merged merge_vocabularies(const Budget *budget, const Vocabulary *base,
								 const Vocabulary *source, const char *column);

/* Of each of `count` old indexes its new one, given the old ones of `merged` new ones. */
extern int32 *merge_places(const Budget *budget, const int32 *from, int32 merged, int32 count);

#endif							/* RECSEQ_MERGE_H */
