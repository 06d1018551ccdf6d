/*
 * as_owner.h
 *	  Statements of recseq's own, which run as the owner of its tables.
 *
 * Referential integrity does it so, too: whoever may execute a function of
 * recseq's may have it change the rows that it changes, and nobody needs
 * privileges on the tables.
 *
 * The statements run with the search_path of whoever calls.  So every name in
 * them, of operators, functions and types too, is qualified: a look-alike that
 * is found by the path would run as the owner.  test/sql/search_path.sql checks
 * it.
 */
#ifndef RECSEQ_AS_OWNER_H
#define RECSEQ_AS_OWNER_H

#include "postgres.h"

#include "compat.h"
#include "store/catalog.h"

/* Who calls, while statements run as the owner of recseq's tables. */
typedef struct Caller
{
	Oid			user;
	int			security;
	const char *schema;			/* of recseq's tables, quoted */
} Caller;

/* Run as the owner of recseq's tables, and connected to SPI, until as_owner_end(). */
extern Caller as_owner_begin(const Catalog *catalog);
extern void as_owner_end(const Caller *caller);

/*
 * Run a statement in which %s stands for the schema; nulls as SPI wants them.
 * Returns the number of rows.
 */
extern uint64 as_owner_run(const Caller *owner_of, const char *statement, int count, Oid *types,
						   Datum *values, const char *nulls);

/*
 * A column of the first row that as_owner_run() returned.  An error if it is
 * null, which it can be only where somebody dropped a constraint.
 */
extern Datum as_owner_column(int column);

/* The same for a column that may be null, which is then if_null. */
extern Datum as_owner_column_or(int column, Datum if_null);

/* A column of the first row in its text form, in the given context; an error if it is null. */
extern char *as_owner_text(int column, MemoryContext context);

#endif							/* RECSEQ_AS_OWNER_H */
