/*
 * evaluate.h
 *	  Ranking metrics of a model and of baselines.
 */
#ifndef RECSEQ_EVALUATE_H
#define RECSEQ_EVALUATE_H

#include "postgres.h"

#include "evaluate/arguments.h"
#include "results.h"
#include "serve/cache.h"

/* Add the rows of recseq_evaluate or recseq_evaluate_cases for a model. */
extern void evaluate_model(const Results *results, CachedModel *cached,
						   const EvaluateOptions *options);

#endif							/* RECSEQ_EVALUATE_H */
