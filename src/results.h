/*
 * results.h
 *	  Rows of a set-returning function.
 */
#ifndef RECSEQ_RESULTS_H
#define RECSEQ_RESULTS_H

#include "postgres.h"

#include "fmgr.h"
#include "utils/tuplestore.h"

/* Where the rows of a call go. */
typedef struct Results
{
	Tuplestorestate *store;
	TupleDesc	tupdesc;
} Results;

/* Begin the result of a function that is declared RETURNS TABLE. */
extern Results results_begin(FunctionCallInfo fcinfo);

/* Add a row. */
extern void results_add(const Results *results, const Datum *values, const bool *nulls);

/* Set a column of a row; NAN: null. */
extern void results_set_double(Datum *values, bool *nulls, int column, double value);

#endif							/* RECSEQ_RESULTS_H */
