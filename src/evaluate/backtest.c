/*
 * backtest.c
 *	  recseq_backtest: train on a part of a source, evaluate on the rest.
 *
 * Training reads the relation through the split (split.h), evaluation reads it
 * again whole; nothing is copied, and nothing is stored unless a name is given.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "evaluate/evaluate.h"
#include "train/options.h"
#include "data/source.h"
#include "train/training.h"

/* Arguments of recseq_backtest that recseq_evaluate does not have. */
enum
{
	ARG_OPTIONS = 3,
	ARG_TEST_DAYS = EVALUATE_ARG_UNKNOWN_ITEMS + 1
};

#define MAX_TEST_DAYS 36500

/* SourceRowFunction: the newest time so far. */
static void
find_newest(void *context, const SourceRow *row)
{
	TimestampTz *newest = context;

	for (int i = 0; row->times != NULL && i < row->items.count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!TIMESTAMP_NOT_FINITE(row->times[i]))
			*newest = Max(*newest, row->times[i]);
	}
}

/* The time that many days before the newest event of a source. */
static TimestampTz
days_before_end(Oid relation, double days)
{
	Source		source = source_open(relation, construct_empty_array(TEXTOID), false);
	Budget		budget = budget_of_training();
	TimestampTz newest = DT_NOBEGIN;

	source_for_each(&source, &budget, find_newest, &newest);
	if (TIMESTAMP_IS_NOBEGIN(newest))
		ereport(ERROR,
				(errcode(ERRCODE_NO_DATA_FOUND),
				 errmsg("the source has no times to tell what is new"),
				 errhint("The protocol \"temporal\" needs a column \"times\" (timestamptz[]).")));
	return newest - (TimestampTz) (days * USECS_PER_DAY);
}

/* The cut of the protocol "temporal", which may be given as days before the end. */
static TimestampTz
find_cut(FunctionCallInfo fcinfo, const EvaluateOptions *options)
{
	double		days;

	if (options->split.protocol != SPLIT_TEMPORAL || !TIMESTAMP_IS_NOBEGIN(options->split.cut))
		return options->split.cut;
	days = PG_ARGISNULL(ARG_TEST_DAYS) ? -1 : PG_GETARG_FLOAT8(ARG_TEST_DAYS);
	if (!(days > 0 && days <= MAX_TEST_DAYS))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"test_days\" must be more than 0 and at most %d", MAX_TEST_DAYS),
				 errhint("Or give the time itself as \"cut\".")));
	return days_before_end(options->source, days);
}

/* Train, and add the rows of recseq_backtest or recseq_backtest_cases. */
static void
backtest(FunctionCallInfo fcinfo, bool each_case)
{
	Results		results = results_begin(fcinfo);
	Catalog		catalog = catalog_open(fcinfo);
	EvaluateOptions evaluation = evaluate_options(fcinfo, each_case);
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "recseq backtest",
												  ALLOCSET_DEFAULT_SIZES);
	TrainOptions options;
	Training   *training;
	CachedModel cached = {0};

	if (PG_ARGISNULL(ARG_OPTIONS))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("\"options\" must not be null"),
				 errhint("Leave it out to use the defaults of recseq_train.")));
	MemoryContextSwitchTo(context);
	options = train_options(train_arguments(&catalog, evaluation.source,
											PG_GETARG_JSONB_P(ARG_OPTIONS), false));
	if (PG_ARGISNULL(EVALUATE_ARG_MODEL))
		options.model = "(backtest)";	/* for recseq_progress */
	else
	{
		options.model = text_to_cstring(PG_GETARG_TEXT_PP(EVALUATE_ARG_MODEL));
		version_check_storable(&catalog, options.model, "recseq_backtest()");
	}
	evaluation.split.cut = find_cut(fcinfo, &evaluation);
	options.split = &evaluation.split;
	/* single windows can be kept from the network, but not from counts */
	if (evaluation.split.protocol == SPLIT_RANDOM_WINDOWS)
		options.ranker = false;

	training = training_begin(&options, NULL);
	training_run(training, options.trainer.epochs);
	training_finish(training);
	if (!PG_ARGISNULL(EVALUATE_ARG_MODEL))
		training_store(training, &catalog);
	cached.model = training->model;
	model_create_infer(&cached.infer, &cached.model, 1);
	evaluate_model(&results, &cached, &evaluation);
	training_end(training);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
}

PG_FUNCTION_INFO_V1(recseq_backtest);

/* recseq_backtest(source, model, k, options, protocol ...): see sql/evaluation.sql. */
Datum
recseq_backtest(PG_FUNCTION_ARGS)
{
	backtest(fcinfo, false);
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(recseq_backtest_cases);

/* recseq_backtest_cases(source, model, k, options, protocol ...): the same. */
Datum
recseq_backtest_cases(PG_FUNCTION_ARGS)
{
	backtest(fcinfo, true);
	return (Datum) 0;
}
