/*
 * evaluate.h
 *	  Ranking metrics of a model and of baselines.
 */
#ifndef RECSEQ_EVALUATE_H
#define RECSEQ_EVALUATE_H

#include "postgres.h"

#include "fmgr.h"

#include "serve/cache.h"
#include "results.h"
#include "data/split.h"

typedef struct EvaluateOptions
{
	Oid			source;
	int32		k;
	Split		split;
	int32		max_history;	/* cases with more events before the target are left
								 * out, and those with less than split.min_history */
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
	EVALUATE_ARG_MAX_HISTORY
};

/* Read and check them; a cut that is null is left at DT_NOBEGIN. */
extern EvaluateOptions evaluate_options(FunctionCallInfo fcinfo);

/* Add the rows of recseq_evaluate for a model. */
extern void evaluate_model(const Results *results, CachedModel *cached,
						   const EvaluateOptions *options);

#endif							/* RECSEQ_EVALUATE_H */
