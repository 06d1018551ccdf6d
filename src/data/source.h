/*
 * source.h
 *	  A relation with one row a sequence, read row by row.
 */
#ifndef RECSEQ_SOURCE_H
#define RECSEQ_SOURCE_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "utils/array.h"

#include "data/arrays.h"
#include "data/relation.h"
#include "nn/nn.h"

/* A column with an array of ids. */
typedef struct IdColumn
{
	RelationColumn column;
	IdKind		kind;
} IdColumn;

typedef struct Source
{
	Oid			oid;
	char	   *relation;		/* qualified, quoted */
	IdColumn	items;
	IdColumn	events;
	RelationColumn times;
	RelationColumn id;			/* names a row */
	int			features;
	IdColumn	feature[CONFIG_MAX_FEATURES];
	int64		rows;			/* read so far */
} Source;

/* One row, decoded and checked. */
typedef struct SourceRow
{
	const Source *source;
	const Budget *budget;
	TupleTableSlot *slot;
	IdArray		items;			/* without nulls; as all of these, in the row */
	bool		has_feature[CONFIG_MAX_FEATURES];	/* the column's array is not null */
	IdArray		feature[CONFIG_MAX_FEATURES];	/* as long as items */
	IdArray		events;			/* kinds, as many as items; none: no such column, or null */
	const TimestampTz *times;	/* as many as items; NULL: no such column */
} SourceRow;

/* The id of a row as text, or NULL, in the current context. */
extern char *source_row_id(const SourceRow *row);

/*
 * What is done with a row.  Called in a context that is reset afterwards; may
 * not return (error).
 */
typedef void (*SourceRowFunction) (void *context, const SourceRow *row);

/*
 * Look at the columns of a relation, and lock it (relation_open_to_read).
 * features: names of those with parallel arrays (text[]), or NULL for
 * "categories" where the column exists.  missing_ok: a named feature may be
 * missing, and is then no column.
 */
extern Source source_open(Oid relation, ArrayType *features, bool missing_ok);

/*
 * Read the relation as the caller, with the caller's snapshot.  A row's arrays
 * are fetched within the budget.
 */
extern void source_for_each(Source *source, const Budget *budget,
							SourceRowFunction function, void *context);

#endif							/* RECSEQ_SOURCE_H */
