/*
 * cases.h
 *	  The events of a source that are to be predicted.
 */
#ifndef RECSEQ_CASES_H
#define RECSEQ_CASES_H

#include "postgres.h"

#include "data/dataset.h"
#include "evaluate/arguments.h"
#include "memory.h"
#include "model/model.h"

/* One case: a token that is held out, and has a history. */
typedef struct Case
{
	int32		sequence;
	int64		token;
	int32		target;			/* the item, as the source numbers it */
	RankHistory history;		/* as the model's second stage reads it */
} Case;

/*
 * A source, numbered as it numbers its items, and as the model does.  Items that
 * only the model has follow those of the source.
 */
typedef struct Cases
{
	const EvaluateOptions *options;
	const Model *model;
	Budget		budget;			/* of all that is allocated for them */
	SourceData *source;
	const bool *held_out;		/* [source tokens] */
	int			category;		/* the feature of the source that is one, or NO_CATEGORY */
	int32		items;			/* of the source, and others of the model */
	int32	   *to_model;		/* [source items] number in the model, or -1 */
	int32	   *from_model;		/* [model items] number among `items` */
	int32	   *value_to_model[CONFIG_MAX_FEATURES];	/* [source values] */
	/* the current sequence */
	int32	   *feature[CONFIG_MAX_FEATURES];	/* [longest sequence] */
	int32	   *ranked;			/* [longest sequence] as the second stage does: an item that
								 * the model does not know is its number in the source,
								 * after the model's items */
	double	   *hours;			/* [longest sequence] since the origin of the model */
} Cases;

#define NO_CATEGORY (-1)

/* Read the source; everything is in the current context. */
extern void cases_read(Cases *cases, const EvaluateOptions *options, const Model *model);

/* Go to a sequence: number its events as the model reads them. */
extern void cases_number_sequence(Cases *cases, int32 sequence);

/* Whether a token of the current sequence is the target of a case, and which. */
extern bool cases_find(const Cases *cases, int32 sequence, int64 token, Case *found);

#endif							/* RECSEQ_CASES_H */
