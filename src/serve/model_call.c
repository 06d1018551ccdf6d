/*
 * model_call.c
 *	  What the functions that answer from a model have in common.
 */
#include "serve/model_call.h"

#include "utils/builtins.h"

enum
{
	ARG_K = 1,
	ARG_MODEL,
	ARG_VERSION
};

ModelCall
model_call_begin(FunctionCallInfo fcinfo)
{
	Catalog		catalog = catalog_open(fcinfo);
	ModelCall	call = {0};

	if (PG_ARGISNULL(ARG_MODEL) || PG_ARGISNULL(ARG_K))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("\"model\" and \"k\" must not be null"),
				 errhint("Leave them out to use their defaults.")));
	call.k = PG_GETARG_INT32(ARG_K);
	if (call.k < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"k\" is %d", call.k),
				 errhint("It is the number of items to recommend, 0 or more.")));
	call.model_name = text_to_cstring(PG_GETARG_TEXT_PP(ARG_MODEL));
	call.cached = cache_get(&catalog, catalog_find(&catalog, call.model_name,
													 catalog_version_argument(fcinfo, ARG_VERSION)));
	return call;
}
