/*
 * arguments.h
 *	  What recseq_evaluate, recseq_backtest and their cases are asked for.
 */
#ifndef RECSEQ_EVALUATE_ARGUMENTS_H
#define RECSEQ_EVALUATE_ARGUMENTS_H

#include "postgres.h"

#include "fmgr.h"

#include "data/split.h"

typedef struct EvaluateOptions
{
	Oid			source;
	int32		k;
	Split		split;
	int32		max_history;	/* cases with more events before the target are left
								 * out, and those with less than split.min_history */
	bool		unknown_items;	/* items of the history that the model does not know may
								 * be answered */
	bool		each_case;		/* the rows are the cases, not what they come to */
} EvaluateOptions;

/* Arguments of recseq_evaluate and recseq_backtest that both have. */
enum
{
	EVALUATE_ARG_SOURCE,
	EVALUATE_ARG_MODEL,
	EVALUATE_ARG_K,
	EVALUATE_ARG_PROTOCOL = 4,
	EVALUATE_ARG_CUT,
	EVALUATE_ARG_TEST_SHARE,
	EVALUATE_ARG_SEED,
	EVALUATE_ARG_MIN_HISTORY,
	EVALUATE_ARG_MAX_HISTORY,
	EVALUATE_ARG_UNKNOWN_ITEMS
};

/* Read and check them; a cut that is null is left at DT_NOBEGIN. */
extern EvaluateOptions evaluate_options(FunctionCallInfo fcinfo, bool each_case);

/* Complain if an argument is null. */
extern void check_not_null(FunctionCallInfo fcinfo, int arg, const char *name);

#endif							/* RECSEQ_EVALUATE_ARGUMENTS_H */
