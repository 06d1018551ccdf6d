/*
 * evaluate.c
 *	  recseq_evaluate: ranking metrics of a model and of baselines.
 *
 * A case is an event that is held out (split.h) and has a history.  Every
 * method ranks all items for it, and the place of the target decides.  The
 * baselines are fitted on the events of the source that are not held out.
 */
#include "evaluate/evaluate.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "evaluate/cases.h"
#include "evaluate/methods.h"
#include "evaluate/metrics_row.h"
#include "store/catalog.h"

/* The argument of recseq_evaluate that recseq_backtest does not have. */
#define ARG_VERSION 3

/* Let every method answer a case. */
static void
judge_case(Methods *methods, const Case *one, Metrics *metrics)
{
	const Baselines *baselines = &methods->baselines;
	bool		unseen = methods_ask(methods, one);

	for (int m = 0; m < METHODS; m++)
	{
		Metrics    *of = &metrics[m];

		methods_score(methods, m);
		figures_add(&of->all, methods_rank(methods, m, one, false), one->target, of->k,
					baselines);
		if (unseen)
			figures_add(&of->unseen, methods_rank(methods, m, one, true), one->target, of->k,
						baselines);
		of->unknown_targets += !methods_know(methods, m, one->target);
	}
}

/* Judge the cases of a sequence. */
static void
judge_sequence(Cases *cases, Methods *methods, int32 sequence, Metrics *metrics)
{
	const int64 *start = cases->source->data.start;
	Case		one;

	cases_number_sequence(cases, sequence);
	for (int64 t = start[sequence] + 1; t < start[sequence + 1]; t++)
	{
		CHECK_FOR_INTERRUPTS();
		if (cases_find(cases, sequence, t, &one))
			judge_case(methods, &one, metrics);
	}
	for (int m = 0; m < METHODS; m++)
	{
		figures_end_sequence(&metrics[m].all);
		figures_end_sequence(&metrics[m].unseen);
	}
}

void
evaluate_model(const Results *results, CachedModel *cached, const EvaluateOptions *options)
{
	Cases		cases;
	Methods		methods;
	Metrics		metrics[METHODS];

	cases_read(&cases, options, &cached->model);
	methods_begin(&methods, &cases, cached);
	for (int m = 0; m < METHODS; m++)
		metrics[m] = (Metrics) {
			.method = method_names[m],
			.k = options->k,
			.items = cases.items,
			.all = figures_begin(cases.items),
			.unseen = figures_begin(cases.items)
		};
	for (int32 s = 0; s < cases.source->data.sequences; s++)
	{
		CHECK_FOR_INTERRUPTS();
		judge_sequence(&cases, &methods, s, metrics);
	}
	for (int m = 0; m < METHODS; m++)
		metrics_add_row(results, &metrics[m]);
}

PG_FUNCTION_INFO_V1(recseq_evaluate);

/* recseq_evaluate(source, model, k, version, protocol ...): see sql/evaluation.sql. */
Datum
recseq_evaluate(PG_FUNCTION_ARGS)
{
	Results		results = results_begin(fcinfo);
	Catalog		catalog = catalog_open(fcinfo);
	EvaluateOptions options;
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "recseq evaluation",
												  ALLOCSET_DEFAULT_SIZES);
	CachedModel *cached;

	options = evaluate_options(fcinfo);
	check_not_null(fcinfo, EVALUATE_ARG_MODEL, "model");
	if (options.split.protocol == SPLIT_TEMPORAL && TIMESTAMP_IS_NOBEGIN(options.split.cut))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("\"cut\" must not be null for the protocol \"temporal\""),
				 errhint("It is the time up to which the model was trained.")));
	MemoryContextSwitchTo(context);
	cached = cache_get(&catalog,
					   catalog_find(&catalog,
									text_to_cstring(PG_GETARG_TEXT_PP(EVALUATE_ARG_MODEL)),
									catalog_version_argument(fcinfo, ARG_VERSION)));
	cache_pin(cached);
	evaluate_model(&results, cached, &options);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	return (Datum) 0;
}
