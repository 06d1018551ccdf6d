/*
 * evaluate.c
 *	  recseq_evaluate, recseq_evaluate_cases: ranking metrics of a model and of
 *	  baselines, or what they are made of.
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

#include "data/arrays.h"
#include "data/source.h"
#include "evaluate/case_row.h"
#include "evaluate/cases.h"
#include "evaluate/methods.h"
#include "evaluate/metrics_row.h"
#include "nn/nn.h"
#include "store/catalog.h"
#include "store/versions.h"

/* The argument of recseq_evaluate that recseq_backtest does not have. */
#define ARG_VERSION 3

/* What an evaluation works with. */
typedef struct Evaluation
{
	const Results *results;
	Cases		cases;
	Methods		methods;
	Metrics		metrics[METHODS];
	MemoryContext rows;			/* of the rows of a case, reset with each */
} Evaluation;

/* Count what a method ranked for a case.  Returns the place of the target, if it is a hit. */
static int32
judge_ranking(Figures *figures, const Ranking *ranking, const Case *one, int32 k,
			  const Baselines *baselines)
{
	int32		rank = ranking_find(ranking, one->target);

	figures_add(figures, case_value(rank, k));
	figures_add_shown(figures, ranking, k, baselines);
	return metrics_hit(rank, k) ? rank : 0;
}

static void
add_case_rows(Evaluation *evaluation, const Case *one, bool unseen, const CaseRanks *ranks)
{
	MemoryContext caller = MemoryContextSwitchTo(evaluation->rows);

	case_add_rows(evaluation->results, &evaluation->cases, one, unseen, ranks);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(evaluation->rows);
}

/* Let every method answer a case. */
static void
judge_case(Evaluation *evaluation, const Case *one)
{
	Methods    *methods = &evaluation->methods;
	const Baselines *baselines = &methods->baselines;
	bool		unseen = methods_ask(methods, one);
	CaseRanks	ranks[METHODS] = {0};

	for (int m = 0; m < METHODS; m++)
	{
		Metrics    *of = &evaluation->metrics[m];

		methods_score(methods, m);
		ranks[m].rank = judge_ranking(&of->all, methods_rank(methods, m, one, false),
									  one, of->k, baselines);
		if (unseen)
			ranks[m].unseen_rank = judge_ranking(&of->unseen,
												 methods_rank(methods, m, one, true),
												 one, of->k, baselines);
		if (methods_know(methods, m, one->target))
			continue;
		figures_add(&of->unknown, case_value(ranks[m].rank, of->k));
		if (unseen)
			figures_add(&of->unseen_unknown, case_value(ranks[m].unseen_rank, of->k));
	}
	if (evaluation->cases.options->each_case)
		add_case_rows(evaluation, one, unseen, ranks);
}

/* Judge the cases of a sequence. */
static void
judge_sequence(Evaluation *evaluation, int32 sequence)
{
	Cases	   *cases = &evaluation->cases;
	const int64 *start = cases->source->data.start;
	Case		one;

	cases_number_sequence(cases, sequence);
	for (int64 t = start[sequence] + 1; t < start[sequence + 1]; t++)
	{
		CHECK_FOR_INTERRUPTS();
		if (cases_find(cases, sequence, t, &one))
			judge_case(evaluation, &one);
	}
	for (int m = 0; m < METHODS; m++)
	{
		figures_end_sequence(&evaluation->metrics[m].all);
		figures_end_sequence(&evaluation->metrics[m].unseen);
	}
}

void
evaluate_model(const Results *results, CachedModel *cached, const EvaluateOptions *options)
{
	Evaluation *evaluation = palloc0(sizeof(Evaluation));
	Cases	   *cases = &evaluation->cases;

	evaluation->results = results;
	evaluation->rows = AllocSetContextCreate(CurrentMemoryContext, "recseq case",
											 ALLOCSET_DEFAULT_SIZES);
	cases_read(cases, options, &cached->model);
	methods_begin(&evaluation->methods, cases, cached);
	for (int m = 0; m < METHODS; m++)
		evaluation->metrics[m] = (Metrics) {
			.method = method_names[m],
			.k = options->k,
			.items = cases->items,
			.all = figures_begin(cases->items),
			.unseen = figures_begin(cases->items)
		};
	for (int32 s = 0; s < cases->source->data.sequences; s++)
	{
		CHECK_FOR_INTERRUPTS();
		judge_sequence(evaluation, s);
	}
	for (int m = 0; m < METHODS && !options->each_case; m++)
		metrics_add_row(results, &evaluation->metrics[m]);
}

/* Whether all that a version knows is older than a time. */
static bool
all_is_before(const Model *model, TimestampTz time)
{
	return model->rank.present && model->rank.times &&
		hours_between(model->origin, time) > model->rank.counts.span[0];
}

/* Warn if a version may know the answers, for it was trained on the source. */
static void
warn_if_learned(const Catalog *catalog, int64 id, const char *name, const Model *model,
				const EvaluateOptions *options)
{
	const Split *split = &options->split;
	const char *relation = relation_name(options->source);

	if (relation == NULL ||
		(split->protocol == SPLIT_TEMPORAL && all_is_before(model, split->cut)) ||
		!version_learned_from(catalog, id, relation, split_describe(split),
							  split->protocol == SPLIT_TEMPORAL ? split->cut : DT_NOBEGIN))
		return;
	ereport(WARNING,
			(errcode(ERRCODE_WARNING),
			 errmsg("version %d of model \"%s\" was trained on %s",
					catalog_version_number(catalog, id), name, relation),
			 errdetail("It may have learned the events that it is asked for, which flatters it."),
			 errhint("recseq_backtest() keeps them from training; or evaluate on a source of other events.")));
}

/* Add the rows of recseq_evaluate or recseq_evaluate_cases. */
static void
evaluate(FunctionCallInfo fcinfo, bool each_case)
{
	Results		results = results_begin(fcinfo);
	Catalog		catalog = catalog_open(fcinfo);
	EvaluateOptions options;
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "recseq evaluation",
												  ALLOCSET_DEFAULT_SIZES);
	const char *model;
	int64		id;
	CachedModel *cached;

	options = evaluate_options(fcinfo, each_case);
	check_not_null(fcinfo, EVALUATE_ARG_MODEL, "model");
	if (options.split.protocol == SPLIT_TEMPORAL && TIMESTAMP_IS_NOBEGIN(options.split.cut))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("\"cut\" must not be null for the protocol \"temporal\""),
				 errhint("It is the time up to which the model was trained.")));
	MemoryContextSwitchTo(context);
	model = text_to_cstring(PG_GETARG_TEXT_PP(EVALUATE_ARG_MODEL));
	id = catalog_find(&catalog, model, catalog_version_argument(fcinfo, ARG_VERSION));
	cached = cache_get(&catalog, id);
	cache_pin(cached);
	warn_if_learned(&catalog, id, model, &cached->model, &options);
	evaluate_model(&results, cached, &options);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
}

PG_FUNCTION_INFO_V1(recseq_evaluate);

/* recseq_evaluate(source, model, k, version, protocol ...): see sql/evaluation.sql. */
Datum
recseq_evaluate(PG_FUNCTION_ARGS)
{
	evaluate(fcinfo, false);
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(recseq_evaluate_cases);

/* recseq_evaluate_cases(source, model, k, version, protocol ...): the same. */
Datum
recseq_evaluate_cases(PG_FUNCTION_ARGS)
{
	evaluate(fcinfo, true);
	return (Datum) 0;
}
