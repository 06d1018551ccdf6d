/*
 * dataset.h
 *	  A relation of sequences as arrays of tokens.
 */
#ifndef RECSEQ_DATASET_H
#define RECSEQ_DATASET_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "utils/array.h"

#include "data/split.h"
#include "nn/nn.h"
#include "model/model.h"

/*
 * A relation, read.  Items and feature values are numbered by their own
 * vocabularies; a feature value of 0 means that there is none.  Sequences are
 * in an order that depends on their contents alone: the one with the newest
 * last event last where the relation has times, else shuffled.
 */
typedef struct SourceData
{
	char	   *relation;		/* where it is from: its name, qualified, quoted */
	Size		bytes;			/* of memory that it takes */
	Dataset		data;
	Vocabulary	items;
	Vocabulary	feature_values[CONFIG_MAX_FEATURES];
	char		feature_name[CONFIG_MAX_FEATURES][MODEL_FEATURE_NAME];
	int32	   *item_feature[CONFIG_MAX_FEATURES];	/* [items] the newest value */
	int32	   *item_count;		/* [items] occurrences */
	bool	   *bought;			/* [tokens] a purchase; NULL: kinds are not known */
	double	   *hours;			/* [tokens] since `origin`; NULL: times are not known */
	TimestampTz origin;			/* the oldest time; infinite ones count as the nearest */
	Vocabulary	ids;			/* what names the rows, as texts; none unless asked for */
	int32	   *id;				/* [sequences] its number in ids, or -1; NULL: not asked for */
	int64		rows;			/* of the relation */
	int32		sequences;		/* of two and more items */
} SourceData;

/* What is read of a relation. */
typedef struct DatasetOptions
{
	ArrayType  *features;		/* text[]: names of the columns with parallel arrays;
								 * NULL: "categories" where the column exists */
	const Vocabulary *purchases;	/* kinds of events that are purchases */
	int32		min_length;		/* items of a sequence; shorter ones are left out */
	bool		ids;			/* also what names each row; sequences that are alike
								 * are then in the order of time and ids, whatever
								 * features and purchases are read */
	uint64		seed;			/* of the shuffle, without times */
	const Split *split;			/* read what may be learned from; NULL: everything */
} DatasetOptions;

/*
 * Read the sequences of a relation.  All memory is in the current context, and
 * keeps to recseq.max_training_memory.
 */
extern SourceData *dataset_read(Oid relation, const DatasetOptions *options);

/*
 * The category of each item, 0 .. *categories - 1: the newest value of the first
 * feature; zeros, in the current context, where there is no feature.
 */
extern const int32 *dataset_item_category(const SourceData *source, int32 *categories);

/* Extend a CRC-32C by all that is in the dataset. */
extern uint32 dataset_checksum(const SourceData *source, uint32 checksum);

#endif							/* RECSEQ_DATASET_H */
