/*
 * base.h
 *	  The version that a training goes on from, with items that it did not know.
 */
#ifndef RECSEQ_BASE_H
#define RECSEQ_BASE_H

#include "postgres.h"

#include "data/dataset.h"
#include "nn/nn.h"

/* The version that training goes on from. */
typedef struct Base
{
	const Model *model;
	int64		id;				/* of its row */
	int32		version;		/* its number */
	/* set by base_extend_source */
	int32	   *item;			/* [items + 1] index in the version, or -1 */
	int32	   *value[CONFIG_MAX_FEATURES];	/* [values] likewise */
	bool	   *superseded;		/* [model->rank.counts.sizes.sequences] the source has a
								 * longer form of the sequence */
	/* set by base_set_weights */
	double		hit_rate;		/* of the version, over the validation windows; NAN:
								 * there are none */
} Base;

/*
 * Make a source, just read, one that also has the values of the version and
 * those of its items that occur in sequences, and what the version knows of them.
 * Complains if their ids are of another type.
 */
extern void base_extend_source(Base *base, SourceData *source);

/*
 * Replace the initial weights of a trainer, started with that source, by those
 * of the version.  Rows that are new begin with a mean of the version's: that
 * of an item with the rows of its category, if it has any.
 */
extern void base_set_weights(Base *base, const SourceData *source, Trainer *trainer);

/*
 * Give a model, complete but for it, the second stage of the version, if that
 * has one: its rankers, and its counts together with those of the source.
 */
extern void base_set_rank_stage(const Base *base, const SourceData *source, Model *model);

#endif							/* RECSEQ_BASE_H */
