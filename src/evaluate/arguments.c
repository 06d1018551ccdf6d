/*
 * arguments.c
 *	  What recseq_evaluate, recseq_backtest and their cases are asked for.
 */
#include "evaluate/arguments.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"

void
check_not_null(FunctionCallInfo fcinfo, int arg, const char *name)
{
	if (PG_ARGISNULL(arg))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("\"%s\" must not be null", name)));
}

EvaluateOptions
evaluate_options(FunctionCallInfo fcinfo, bool each_case)
{
	EvaluateOptions options = {
		.max_history = PG_INT32_MAX, .split.cut = DT_NOBEGIN, .each_case = each_case
	};
	Split	   *split = &options.split;

	check_not_null(fcinfo, EVALUATE_ARG_SOURCE, "source");
	check_not_null(fcinfo, EVALUATE_ARG_K, "k");
	check_not_null(fcinfo, EVALUATE_ARG_PROTOCOL, "protocol");
	check_not_null(fcinfo, EVALUATE_ARG_TEST_SHARE, "test_share");
	check_not_null(fcinfo, EVALUATE_ARG_SEED, "seed");
	check_not_null(fcinfo, EVALUATE_ARG_MIN_HISTORY, "min_history");
	check_not_null(fcinfo, EVALUATE_ARG_UNKNOWN_ITEMS, "unknown_items");
	options.source = PG_GETARG_OID(EVALUATE_ARG_SOURCE);
	options.k = PG_GETARG_INT32(EVALUATE_ARG_K);
	if (options.k < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"k\" is %d", options.k),
				 errhint("It is the number of items that count as recommended, 1 or more.")));
	split->protocol = split_protocol(text_to_cstring(PG_GETARG_TEXT_PP(EVALUATE_ARG_PROTOCOL)));
	if (!PG_ARGISNULL(EVALUATE_ARG_CUT))
	{
		split->cut = PG_GETARG_TIMESTAMPTZ(EVALUATE_ARG_CUT);
		if (split->protocol != SPLIT_TEMPORAL || TIMESTAMP_NOT_FINITE(split->cut))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("\"cut\" is %s", timestamptz_to_str(split->cut)),
					 errhint("It is for the protocol \"temporal\": the time from which on events are targets.")));
	}
	split->share = PG_GETARG_FLOAT8(EVALUATE_ARG_TEST_SHARE);
	if (!(split->share > 0 && split->share < 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"test_share\" is %g", split->share),
				 errhint("It is the share of the windows that are targets, between 0 and 1.")));
	split->seed = (uint64) PG_GETARG_INT64(EVALUATE_ARG_SEED);
	split->min_history = PG_GETARG_INT32(EVALUATE_ARG_MIN_HISTORY);
	options.unknown_items = PG_GETARG_BOOL(EVALUATE_ARG_UNKNOWN_ITEMS);
	if (!PG_ARGISNULL(EVALUATE_ARG_MAX_HISTORY))
		options.max_history = PG_GETARG_INT32(EVALUATE_ARG_MAX_HISTORY);
	if (split->min_history < 1 || options.max_history < split->min_history)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"min_history\" is %d and \"max_history\" is %d",
						split->min_history, options.max_history),
				 errhint("A case has 1 or more events before its target.")));
	return options;
}
