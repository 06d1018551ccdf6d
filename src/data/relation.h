/*
 * relation.h
 *	  A relation that a caller names, opened and read as that caller.
 */
#ifndef RECSEQ_RELATION_H
#define RECSEQ_RELATION_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "executor/tuptable.h"
#include "utils/rel.h"

/* A column that is read; attribute 0: there is none. */
typedef struct RelationColumn
{
	const char *name;
	AttrNumber	attribute;		/* of the relation */
	Oid			type;
	int			field;			/* of the query, from 1 */
} RelationColumn;

/* The qualified, quoted name of a relation; NULL: there is none. */
extern char *relation_name(Oid relation);

/*
 * Open a table or view that the caller may read something of, and lock it in
 * AccessShareLock until the transaction ends, as a query does: whatever is
 * decided by its columns holds as long as it is read.  To be closed with NoLock.
 * what: a sentence on what it should be, as a hint.
 */
extern Relation relation_open_to_read(Oid relation, const char *what);

/* Find a column by name; returns its type, or InvalidOid. */
extern Oid	relation_find_column(TupleDesc tupdesc, const char *name, RelationColumn *column);

/* What is done with a row, in a context that is reset afterwards; may not return (error). */
typedef void (*RelationRowFunction) (void *context, TupleTableSlot *slot);

/*
 * Read the columns that there are of those, as the caller, with the caller's
 * snapshot.  Sets their fields.
 */
extern void relation_for_each(Oid relation, RelationColumn *const *columns, int count,
							  RelationRowFunction function, void *context);

#endif							/* RECSEQ_RELATION_H */
