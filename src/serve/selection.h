/*
 * selection.h
 *	  Which items may be answered, as the caller says.
 */
#ifndef RECSEQ_SELECTION_H
#define RECSEQ_SELECTION_H

#include "postgres.h"

#include "fmgr.h"

#include "data/idset.h"
#include "serve/request.h"

/* Arguments that it is read from. */
#define SELECTION_ARGUMENTS 5

typedef struct Selection
{
	bool		exclude_seen;
	bool		unknown_items;	/* those of the history may be */
	uint8	   *excluded;		/* a bit an item of the model, or NULL: none is */
	const IdSet *exclude;		/* where unknown_items, of what is named the ids that the model
								 * does not know; NULL: nothing is named */
	const IdSet *only;			/* likewise */
	const bool *wanted;			/* [values of the category] or NULL: all */
} Selection;

/*
 * Read the arguments exclude_seen, exclude, only_categories, only_items and
 * unknown_items, the first of which has that number.  The budget outlives it all.
 */
extern Selection selection_read(FunctionCallInfo fcinfo, int first, const ModelCall *call,
								const Budget *budget);

/* Keep a request, whose history is marked as seen, to a selection, which outlives it. */
extern void selection_apply(const Selection *selection, Request *request);

#endif							/* RECSEQ_SELECTION_H */
