/*
 * evaluate.c
 *	  recseq_evaluate: ranking metrics of a model and of baselines.
 *
 * A case is an event that is held out (split.h) and has a history.  Every
 * method answers with the first k + 1 of all items it could name, and the place
 * of the target among them decides: another item with an equal score stands
 * above it, and beyond k it is a miss.  Items go by the numbers of the source;
 * those that only the model has follow.
 *
 * The baselines are fitted on the events of the source that are not held out.
 */
#include "evaluate/evaluate.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "data/arrays.h"
#include "serve/cache.h"
#include "store/catalog.h"
#include "data/dataset.h"
#include "rank/baselines.h"
#include "nn/exclusion.h"
#include "memory.h"
#include "nn/metrics.h"
#include "data/source.h"

/* The argument of recseq_evaluate that recseq_backtest does not have. */
#define ARG_VERSION 3

/* The 97.5 % quantile of the normal distribution: intervals hold 95 %. */
#define NORMAL_QUANTILE 1.959963984540054

#define NO_CATEGORY (-1)

/* One case. */
typedef struct Case
{
	int32		target;
	bool		unseen;			/* it is not in the history */
	RankHistory history;		/* as the model's second stage reads it */
} Case;

/*
 * A mean over cases, and what its variance takes.  The cases of one sequence are
 * not independent: the sum of the squared sums over each of them is what the
 * variance of the mean is estimated from.
 */
typedef struct Mean
{
	double		sum;
	double		of_sequence;	/* sum over the cases of the current sequence */
	double		squares;		/* sum over sequences of their sums squared */
	double		products;		/* and of their sums times their cases */
} Mean;

/* What a method comes to, over all cases or those with an unseen target. */
typedef struct Figures
{
	int64		cases;
	int64		of_sequence;	/* cases of the current sequence */
	int64		sequences;		/* that have a case */
	double		squares;		/* sum over sequences of their cases squared */
	Mean		hit;
	Mean		reciprocal_rank;
	Mean		ndcg;
	uint8	   *shown;			/* a bit an item: among some first k */
	int64		items_shown;	/* bits that are set */
	int64		shows;			/* items of all first k */
	double		popularity;		/* sum over them */
} Figures;

typedef struct Evaluation
{
	const EvaluateOptions *options;
	Budget		budget;
	CachedModel *cached;
	SourceData *source;
	const bool *held_out;		/* [source tokens] */
	int			category;		/* the feature of the source that is one */
	int32		items;			/* of the source, and others of the model */
	int32	   *to_model;		/* [source items] number in the model, or -1 */
	int32	   *from_model;		/* [model items] number among `items` */
	int32	   *value_to_model[CONFIG_MAX_FEATURES];	/* [source values] */
	int32	   *token;			/* [longest sequence] as the network reads them */
	int32	   *feature[CONFIG_MAX_FEATURES];	/* [longest sequence] */
	int32	   *ranked;			/* [longest sequence] as the second stage does: an item that
								 * the model does not know is its number in the source,
								 * after the model's items */
	double	   *hours;			/* [longest sequence] since the origin of the model */
	Question	question;		/* memory to ask the model */
	uint8	   *excluded;		/* a bit an item of the model, all 0 between calls */
	bool	   *all;			/* [source items] true */
	Baselines	baselines;
	Ranking		ranking;
} Evaluation;

/* The model and the baselines, in the order of the result. */
typedef struct Method
{
	const char *name;
	Baseline	baseline;
} Method;

#define MODEL_METHOD 0

static const Method methods[] = {
	[MODEL_METHOD] = {"model", BASELINES},
	{"recency", BASELINE_RECENCY},
	{"popularity", BASELINE_POPULARITY},
	{"popularity in category", BASELINE_CATEGORY},
	{"markov", BASELINE_MARKOV},
	{"vsknn", BASELINE_VSKNN},
	{"stan", BASELINE_STAN},
};

/* ---------------------------------------------------------------- methods */

/* Exclude the items of the history, or no longer. */
static void
exclude_history(Evaluation *evaluation, bool exclude)
{
	const Baselines *baselines = &evaluation->baselines;

	for (int32 i = 0; i < baselines->distinct_count; i++)
	{
		int32		index = evaluation->to_model[baselines->distinct[i].item];

		if (index < 0)
			continue;
		if (exclude)
			exclusion_set(evaluation->excluded, index);
		else
			evaluation->excluded[index / 8] = 0;
	}
}

/* The first items by the model; unseen: of those that are not in the history. */
static void
model_top(Evaluation *evaluation, const Case *one, bool unseen, Ranking *ranking)
{
	Infer	   *infer = &evaluation->cached->infer;
	Question	question = evaluation->question;
	TopK	   *top = &ranking->top;
	int32		items = infer->model->config.items;

	top->count = 0;
	question.representation = infer_representation(infer, evaluation->token,
												   evaluation->feature, one->history.length);
	question.history = one->history;
	question.top = top;
	if (unseen)
	{
		exclude_history(evaluation, true);
		question.excluded = evaluation->excluded;
		question.unknown_excluded = evaluation->all;
	}
	recommender_answer(recommender_of_backend(), infer, &question, 1);
	if (unseen)
		exclude_history(evaluation, false);
	for (int32 i = 0; i < top->count; i++)
	{
		int32		item = top->heap[i].item;

		top->heap[i].item = item < items ? evaluation->from_model[item] : item - items;
	}
	ranking->own = top->count;
}

static void
method_top(Evaluation *evaluation, const Method *method, const Case *one, bool unseen)
{
	if (method->baseline == BASELINES)
		model_top(evaluation, one, unseen, &evaluation->ranking);
	else
		baselines_rank(&evaluation->baselines, unseen, &evaluation->ranking);
}

/* Whether a method could know the target: it occurs in what was learned from. */
static bool
method_knows(const Evaluation *evaluation, const Method *method, int32 target)
{
	if (method->baseline == BASELINES)
		return evaluation->to_model[target] >= 0;
	return evaluation->baselines.count[target] > 0;
}

/* ---------------------------------------------------------------- figures */

static void
mean_add(Mean *mean, double value)
{
	mean->sum += value;
	mean->of_sequence += value;
}

static void
mean_end_sequence(Mean *mean, int64 cases)
{
	mean->squares += mean->of_sequence * mean->of_sequence;
	mean->products += mean->of_sequence * (double) cases;
	mean->of_sequence = 0;
}

static void
figures_add(Figures *figures, const Evaluation *evaluation, int32 target)
{
	const Ranking *ranking = &evaluation->ranking;
	const Baselines *baselines = &evaluation->baselines;
	int32		k = evaluation->options->k;
	int32		rank = ranking_find(ranking, target);

	figures->cases++;
	figures->of_sequence++;
	mean_add(&figures->hit, metrics_hit(rank, k));
	mean_add(&figures->reciprocal_rank, metrics_reciprocal_rank(rank, k));
	mean_add(&figures->ndcg, metrics_ndcg(rank, k));
	for (int32 i = 0; i < ranking->top.count && i < k; i++)
	{
		int32		item = ranking->top.heap[i].item;

		figures->shows++;
		if (item < baselines->items && baselines->known > 0)
			figures->popularity += baselines->count[item] / baselines->popular[0].score;
		if (!exclusion_test(figures->shown, item))
		{
			exclusion_set(figures->shown, item);
			figures->items_shown++;
		}
	}
}

static void
figures_end_sequence(Figures *figures)
{
	if (figures->of_sequence == 0)
		return;
	mean_end_sequence(&figures->hit, figures->of_sequence);
	mean_end_sequence(&figures->reciprocal_rank, figures->of_sequence);
	mean_end_sequence(&figures->ndcg, figures->of_sequence);
	figures->squares += (double) figures->of_sequence * (double) figures->of_sequence;
	figures->sequences++;
	figures->of_sequence = 0;
}

static double
mean_value(const Figures *figures, const Mean *mean)
{
	return mean->sum / (double) figures->cases;
}

/*
 * Variance of a mean over cases that come in independent groups, the sequences:
 * the sum of (sum of the group - mean * cases of the group) squared, over cases
 * squared.  With one case a sequence it is that of independent cases.
 */
static double
mean_variance(const Figures *figures, const Mean *mean)
{
	double		value = mean_value(figures, mean);
	double		squares = mean->squares - 2 * value * mean->products +
		value * value * figures->squares;

	return Max(squares, 0) / ((double) figures->cases * (double) figures->cases);
}

/* Normal interval. */
static void
mean_interval(const Figures *figures, const Mean *mean, double *low, double *high)
{
	double		value = mean_value(figures, mean);
	double		half = NORMAL_QUANTILE * sqrt(mean_variance(figures, mean));

	*low = Max(value - half, 0);
	*high = Min(value + half, 1);
}

/*
 * Wilson's interval of a share: E. B. Wilson, "Probable inference, the law of
 * succession, and statistical inference", JASA 22 (1927).  n is the number of
 * independent cases that would have the same variance.
 */
static void
share_interval(const Figures *figures, const Mean *mean, double *low, double *high)
{
	double		p = mean_value(figures, mean);
	double		variance = mean_variance(figures, mean);
	double		n = variance > 0 ? Min(p * (1 - p) / variance, (double) figures->cases)
		: (double) figures->sequences;
	double		z2 = NORMAL_QUANTILE * NORMAL_QUANTILE;
	double		middle = (p + z2 / (2 * n)) / (1 + z2 / n);
	double		half = NORMAL_QUANTILE / (1 + z2 / n) *
		sqrt(p * (1 - p) / n + z2 / (4 * n * n));

	*low = Max(middle - half, 0);
	*high = Min(middle + half, 1);
}

/* ---------------------------------------------------------------- cases */

/* The number in the model of each id of the source; -1: unknown there. */
static int32 *
map_ids(const Vocabulary *from, const Vocabulary *to, const char *what)
{
	int32	   *map = huge_array(int32, from->count + 1);

	if (from->kind != to->kind && from->count > 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of the source has %s, but the model knows %s", what,
						from->kind == ID_TEXT ? "texts" : "integers",
						to->kind == ID_TEXT ? "texts" : "integers"),
				 errhint("Evaluate on a source like the one that the model was trained on.")));
	for (int32 i = 0; i < from->count; i++)
	{
		Id			id = id_at(from, i);

		CHECK_FOR_INTERRUPTS();
		map[i] = find_id(to, &id);
	}
	return map;
}

/* Number the model's items: as the source does, and on from there. */
static void
number_items(Evaluation *evaluation)
{
	int32		model_items = evaluation->cached->model.config.items;

	evaluation->items = evaluation->source->items.count;
	evaluation->from_model = huge_array(int32, model_items);
	memset(evaluation->from_model, -1, sizeof(int32) * model_items);
	for (int32 i = 0; i < evaluation->source->items.count; i++)
	{
		if (evaluation->to_model[i] >= 0)
			evaluation->from_model[evaluation->to_model[i]] = i;
	}
	for (int32 i = 0; i < model_items; i++)
	{
		if (evaluation->from_model[i] < 0)
			evaluation->from_model[i] = evaluation->items++;
	}
}

/*
 * The features to read: the model's, and "categories" for the baselines where
 * the source has them.
 */
static ArrayType *
features_to_read(Evaluation *evaluation)
{
	const Model *model = &evaluation->cached->model;
	Datum		names[CONFIG_MAX_FEATURES];
	int			features = model->config.features;

	evaluation->category = NO_CATEGORY;
	for (int f = 0; f < features; f++)
	{
		names[f] = CStringGetTextDatum(model->feature_name[f]);
		if (strcmp(model->feature_name[f], "categories") == 0)
			evaluation->category = f;
	}
	if (evaluation->category == NO_CATEGORY && features < CONFIG_MAX_FEATURES &&
		source_open(evaluation->options->source, NULL, false).features > 0)
	{
		evaluation->category = features;
		names[features++] = CStringGetTextDatum("categories");
	}
	return construct_array(names, features, TEXTOID, -1, false, TYPALIGN_INT);
}

static void
read_cases(Evaluation *evaluation)
{
	const EvaluateOptions *options = evaluation->options;
	const Model *model = &evaluation->cached->model;
	DatasetOptions reading = {
		.features = features_to_read(evaluation),
		.purchases = model->rank.present ? &model->purchases : &(Vocabulary) {.kind = ID_TEXT},
		.min_length = 1
	};
	SourceData *source;
	bool	   *held_out;

	evaluation->source = dataset_read(options->source, &reading);
	source = evaluation->source;
	held_out = budget_array(&evaluation->budget, bool,
							source->data.start[source->data.sequences] + 1);
	split_held_out(&options->split, &source->data, source->hours, source->origin, held_out);
	evaluation->held_out = held_out;
	evaluation->to_model = map_ids(&evaluation->source->items, &model->items, "items");
	for (int f = 0; f < model->config.features; f++)
		evaluation->value_to_model[f] = map_ids(&evaluation->source->feature_values[f],
											   &model->feature_values[f],
											   model->feature_name[f]);
	number_items(evaluation);
}

static void
fit_baselines(Evaluation *evaluation)
{
	const SourceData *source = evaluation->source;
	int			category = evaluation->category;
	BaselineData data = {
		.dataset = &source->data,
		.held_out = evaluation->held_out,
		.hours = source->hours,
		.items = source->items.count
	};
	Arena		arena = {0};

	if (category != NO_CATEGORY)
	{
		data.category = source->data.feature[category];
		data.categories = source->feature_values[category].count;
	}
	baselines_place(&evaluation->baselines, &arena, &data);
	budget_check(&evaluation->budget, arena.used);
	arena = (Arena) {allocate_aligned(arena.used), 0};
	baselines_place(&evaluation->baselines, &arena, &data);
	baselines_fit(&evaluation->baselines, &data);
}

static void
allocate_work(Evaluation *evaluation)
{
	const Budget *budget = &evaluation->budget;
	const Model *model = &evaluation->cached->model;
	const Dataset *data = &evaluation->source->data;
	int64		longest = 1;
	int32		listed = (int32) Min((int64) evaluation->options->k + 1, evaluation->items + 1);

	for (int32 s = 0; s < data->sequences; s++)
		longest = Max(longest, data->start[s + 1] - data->start[s]);
	evaluation->token = budget_array(budget, int32, longest);
	for (int f = 0; f < model->config.features; f++)
		evaluation->feature[f] = budget_array(budget, int32, longest);
	evaluation->ranked = budget_array(budget, int32, longest);
	evaluation->hours = budget_array(budget, double, longest);
	evaluation->ranking.top.k = listed;
	evaluation->ranking.top.heap = budget_array(budget, Scored, listed);
	evaluation->question = allocate_question(model, listed, budget);
	evaluation->excluded = palloc0(exclusion_bytes(model->config.items));
	evaluation->all = budget_array(budget, bool, evaluation->source->items.count + 1);
	memset(evaluation->all, true, evaluation->source->items.count);
}

/* Number the events of a sequence as the model reads them. */
static void
number_sequence(Evaluation *evaluation, int32 s)
{
	const Model *model = &evaluation->cached->model;
	const Config *config = &model->config;
	const SourceData *source = evaluation->source;
	const Dataset *data = &source->data;
	double		offset = hours_between(model->origin, source->origin);
	int64		start = data->start[s];
	int64		length = data->start[s + 1] - start;

	for (int64 i = 0; i < length; i++)
	{
		int32		index = evaluation->to_model[data->item[start + i]];

		evaluation->token[i] = index >= 0 ? index : config->items;
		evaluation->ranked[i] = index >= 0 ? index : config->items + data->item[start + i];
		if (source->hours != NULL)
			evaluation->hours[i] = source->hours[start + i] + offset;
	}
	for (int f = 0; f < config->features; f++)
	{
		for (int64 i = 0; i < length; i++)
		{
			int32		value = data->feature[f][start + i];

			evaluation->feature[f][i] = value == 0 ? 0
				: evaluation->value_to_model[f][value - 1] + 1;
		}
	}
}

/* The case of a token, and set its history for the baselines. */
static Case
make_case(Evaluation *evaluation, int32 s, int64 token)
{
	const SourceData *source = evaluation->source;
	const Config *config = &evaluation->cached->model.config;
	int64		start = source->data.start[s];
	Case		one = {
		.target = source->data.item[token],
		.history = {
			.length = (int32) (token - start),
			.item = evaluation->ranked,
			.category = config->features > 0 ? evaluation->feature[0] : NULL,
			.bought = source->bought == NULL ? NULL : source->bought + start,
			.hours = source->hours == NULL ? NULL : evaluation->hours,
			.own_sequence = -1
		}
	};
	int32		category = evaluation->category == NO_CATEGORY ? 0
		: source->data.feature[evaluation->category][token - 1];

	baselines_ask(&evaluation->baselines, source->data.item + start, one.history.length, s,
				  category, source->hours == NULL ? 0 : source->hours[token - 1]);
	one.unseen = evaluation->baselines.place[one.target] == 0;
	return one;
}

/* Let every method answer a case. */
static void
judge_case(Evaluation *evaluation, const Case *one, Figures *all, Figures *unseen)
{
	for (int m = 0; m < lengthof(methods); m++)
	{
		if (m != MODEL_METHOD)
			baselines_score(&evaluation->baselines, methods[m].baseline);
		method_top(evaluation, &methods[m], one, false);
		figures_add(&all[m], evaluation, one->target);
		if (one->unseen)
		{
			method_top(evaluation, &methods[m], one, true);
			figures_add(&unseen[m], evaluation, one->target);
		}
	}
}

/* ---------------------------------------------------------------- result */

/* A row of the result, filled from the left. */
typedef struct Row
{
	Datum		values[30];
	bool		nulls[30];
	int			columns;
} Row;

static void
put_integer(Row *row, int64 value)
{
	row->values[row->columns++] = Int64GetDatum(value);
}

static void
put_real(Row *row, double value, bool known)
{
	row->nulls[row->columns] = !known;
	row->values[row->columns++] = Float8GetDatum(value);
}

/* Cases, hit rate, precision, recall, MRR, NDCG; null where there is no case. */
static void
put_metrics(Row *row, const Figures *figures, int32 k)
{
	bool		known = figures->cases > 0;
	double		hit_rate = mean_value(figures, &figures->hit);

	put_integer(row, figures->cases);
	put_real(row, hit_rate, known);
	put_real(row, hit_rate / k, known);
	put_real(row, hit_rate, known);
	put_real(row, mean_value(figures, &figures->reciprocal_rank), known);
	put_real(row, mean_value(figures, &figures->ndcg), known);
}

/* Coverage, mean popularity. */
static void
put_shown(Row *row, const Figures *figures, const Evaluation *evaluation)
{
	put_real(row, (double) figures->items_shown / evaluation->items, figures->cases > 0);
	put_real(row, figures->popularity / (double) figures->shows, figures->shows > 0);
}

static void
put_intervals(Row *row, const Figures *figures)
{
	bool		known = figures->cases > 0;
	double		low;
	double		high;

	share_interval(figures, &figures->hit, &low, &high);
	put_real(row, low, known);
	put_real(row, high, known);
	mean_interval(figures, &figures->reciprocal_rank, &low, &high);
	put_real(row, low, known);
	put_real(row, high, known);
	mean_interval(figures, &figures->ndcg, &low, &high);
	put_real(row, low, known);
	put_real(row, high, known);
}

void
evaluate_model(const Results *results, CachedModel *cached, const EvaluateOptions *options)
{
	Evaluation	evaluation = {
		.options = options, .budget = budget_of_training(), .cached = cached
	};
	Figures		all[lengthof(methods)] = {{0}};
	Figures		unseen[lengthof(methods)] = {{0}};
	int64		unknown[lengthof(methods)] = {0};
	const Dataset *data;

	read_cases(&evaluation);
	data = &evaluation.source->data;
	fit_baselines(&evaluation);
	allocate_work(&evaluation);
	for (int m = 0; m < lengthof(methods); m++)
	{
		all[m].shown = palloc0(exclusion_bytes(evaluation.items));
		unseen[m].shown = palloc0(exclusion_bytes(evaluation.items));
	}

	for (int32 s = 0; s < data->sequences; s++)
	{
		CHECK_FOR_INTERRUPTS();
		number_sequence(&evaluation, s);
		for (int64 t = data->start[s] + 1; t < data->start[s + 1]; t++)
		{
			int64		length = t - data->start[s];
			Case		one;

			if (!evaluation.held_out[t] || length < options->split.min_history ||
				length > options->max_history)
				continue;
			CHECK_FOR_INTERRUPTS();
			one = make_case(&evaluation, s, t);
			judge_case(&evaluation, &one, all, unseen);
			for (int m = 0; m < lengthof(methods); m++)
				unknown[m] += !method_knows(&evaluation, &methods[m], one.target);
		}
		for (int m = 0; m < lengthof(methods); m++)
		{
			figures_end_sequence(&all[m]);
			figures_end_sequence(&unseen[m]);
		}
	}

	for (int m = 0; m < lengthof(methods); m++)
	{
		Row			row = {0};

		row.values[row.columns++] = CStringGetTextDatum(methods[m].name);
		put_metrics(&row, &all[m], options->k);
		put_metrics(&row, &unseen[m], options->k);
		put_shown(&row, &all[m], &evaluation);
		put_shown(&row, &unseen[m], &evaluation);
		put_real(&row, (double) unknown[m] / (double) all[m].cases, all[m].cases > 0);
		put_intervals(&row, &all[m]);
		put_intervals(&row, &unseen[m]);
		Assert(row.columns == lengthof(row.values));
		results_add(results, row.values, row.nulls);
	}
}

/* ---------------------------------------------------------------- calls */

static void
check_not_null(FunctionCallInfo fcinfo, int arg, const char *name)
{
	if (PG_ARGISNULL(arg))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("\"%s\" must not be null", name)));
}

EvaluateOptions
evaluate_options(FunctionCallInfo fcinfo)
{
	EvaluateOptions options = {.max_history = PG_INT32_MAX, .split.cut = DT_NOBEGIN};
	Split	   *split = &options.split;

	check_not_null(fcinfo, EVALUATE_ARG_SOURCE, "source");
	check_not_null(fcinfo, EVALUATE_ARG_K, "k");
	check_not_null(fcinfo, EVALUATE_ARG_PROTOCOL, "protocol");
	check_not_null(fcinfo, EVALUATE_ARG_TEST_SHARE, "test_share");
	check_not_null(fcinfo, EVALUATE_ARG_SEED, "seed");
	check_not_null(fcinfo, EVALUATE_ARG_MIN_HISTORY, "min_history");
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
	cache_unpin(cached);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	return (Datum) 0;
}
