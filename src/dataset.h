/*
 * dataset.h
 *	  A relation of sequences as arrays of tokens.
 */
#ifndef RECSEQ_DATASET_H
#define RECSEQ_DATASET_H

#include "postgres.h"

#include "utils/array.h"

#include "nn/batch.h"
#include "nn/model.h"

/*
 * A relation, read.  Items and feature values are numbered by their own
 * vocabularies; a feature value of 0 means that there is none.  Sequences are
 * in an order that depends on their contents alone: the one with the newest
 * last event last where the relation has times, else shuffled.
 */
typedef struct SourceData
{
	Dataset		data;
	Vocabulary	items;
	Vocabulary	feature_values[CONFIG_MAX_FEATURES];
	char		feature_name[CONFIG_MAX_FEATURES][MODEL_FEATURE_NAME];
	int32	   *item_feature[CONFIG_MAX_FEATURES];	/* [items] the newest value */
	int32	   *item_count;		/* [items] occurrences */
	int64		rows;			/* of the relation */
} SourceData;

/*
 * Read the sequences of at least min_length items.  features: names of the
 * columns with parallel arrays (text[]), or NULL for "categories" where the
 * column exists.  All memory is in the current context.  seed: decides the
 * shuffle.
 */
extern SourceData *dataset_read(Oid relation, ArrayType *features, int32 min_length,
								uint64 seed);

#endif							/* RECSEQ_DATASET_H */
