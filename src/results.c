/*
 * results.c
 *	  Rows of a set-returning function, in materialize mode.
 */
#include "results.h"

#include <math.h>

#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"

Results
results_begin(FunctionCallInfo fcinfo)
{
	ReturnSetInfo *info = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext caller;
	Results		results;

	if (info == NULL || !IsA(info, ReturnSetInfo) ||
		(info->allowedModes & SFRM_Materialize) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("set-valued function called in context that cannot accept a set")));
	caller = MemoryContextSwitchTo(info->econtext->ecxt_per_query_memory);
	if (info->expectedDesc != NULL)
		results.tupdesc = CreateTupleDescCopy(info->expectedDesc);
	else if (get_call_result_type(fcinfo, NULL, &results.tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	results.store = tuplestore_begin_heap((info->allowedModes & SFRM_Materialize_Random) != 0,
										  false, work_mem);
	info->returnMode = SFRM_Materialize;
	info->setResult = results.store;
	info->setDesc = results.tupdesc;
	MemoryContextSwitchTo(caller);
	return results;
}

void
results_add(const Results *results, const Datum *values, const bool *nulls)
{
	tuplestore_putvalues(results->store, results->tupdesc, (Datum *) values, (bool *) nulls);
}

void
results_set_double(Datum *values, bool *nulls, int column, double value)
{
	nulls[column] = isnan(value);
	values[column] = nulls[column] ? (Datum) 0 : Float8GetDatum(value);
}
