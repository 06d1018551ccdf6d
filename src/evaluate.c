/*
 * evaluate.c
 *	  recseq_evaluate: ranking metrics of a model and of baselines.
 *
 * Each sequence of the source is a case: its last item is the target, the items
 * before it the history.  Every method ranks all items that the model knows,
 * and of every item the history holds, and the rank of the target decides.
 * Another item with an equal score stands above the target.
 */
#include "recseq.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "arrays.h"
#include "cache.h"
#include "catalog.h"
#include "dataset.h"
#include "nn/metrics.h"
#include "results.h"

/* Arguments of recseq_evaluate by number, as sql/functions.sql declares them. */
enum
{
	ARG_SOURCE,
	ARG_MODEL,
	ARG_K,
	ARG_VERSION
};

/* One case; items by the numbers of the source. */
typedef struct Case
{
	const int32 *item;			/* [length] history, oldest first */
	int32		length;
	int32		target;
	int32		model_target;	/* number in the model, or -1 */
	bool		seen;			/* the history has the target */
	int32	   *distinct;		/* [distinct_count] of the history, newest first */
	int32		distinct_count;
	/* as the network reads it */
	int32	   *token;
	int32	   *feature[CONFIG_MAX_FEATURES];
} Case;

/* Rank of the target, from 1; 0: it is not ranked. */
typedef struct Ranks
{
	int64		all;			/* among all items */
	int64		unseen;			/* among those that the history does not have */
} Ranks;

typedef struct Evaluation
{
	CachedModel *cached;
	SourceData *source;
	int32	   *to_model;		/* [source items] number in the model, or -1 */
	int32	   *value_to_model[CONFIG_MAX_FEATURES];	/* [source values] */
	float	   *logits;			/* [model items] */
	int32	   *seen_in;		/* [source items] the last case with it in its history,
								 * from 1 */
} Evaluation;

/* Sums over cases. */
typedef struct Sums
{
	int64		cases;
	int64		hits;
	double		reciprocal_rank;
	double		ndcg;
} Sums;

typedef struct Method
{
	const char *name;
	Ranks		(*rank) (Evaluation *evaluation, const Case *one);
} Method;

/* ---------------------------------------------------------------- methods */

/* The place of the target by scores of all items of the model. */
static Ranks
rank_by_scores(const Evaluation *evaluation, const Case *one, const float *score)
{
	int32		items = evaluation->cached->model.config.items;
	Ranks		ranks = {0};
	int64		above = 0;

	if (one->model_target < 0)
		return ranks;
	for (int32 i = 0; i < items; i++)
		above += score[i] >= score[one->model_target];
	ranks.all = ranks.unseen = above;
	for (int32 i = 0; i < one->distinct_count; i++)
	{
		int32		index = evaluation->to_model[one->distinct[i]];

		if (index >= 0 && index != one->model_target &&
			score[index] >= score[one->model_target])
			ranks.unseen--;
	}
	return ranks;
}

static Ranks
rank_by_model(Evaluation *evaluation, const Case *one)
{
	Infer	   *infer = &evaluation->cached->infer;

	infer_logits(infer, infer_representation(infer, one->token, one->feature, one->length),
				 evaluation->logits);
	return rank_by_scores(evaluation, one, evaluation->logits);
}

/* How many items of the model occur at least `count` times in its data. */
static int32
items_as_frequent(const Model *model, int32 count)
{
	int32		low = 0;
	int32		high = model->config.items;

	while (low < high)
	{
		int32		middle = low + (high - low) / 2;

		if (model->item_count[model->popular[middle]] >= count)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static Ranks
rank_by_popularity(Evaluation *evaluation, const Case *one)
{
	const Model *model = &evaluation->cached->model;
	Ranks		ranks = {0};
	int32		count;

	if (one->model_target < 0)
		return ranks;
	count = model->item_count[one->model_target];
	ranks.all = ranks.unseen = items_as_frequent(model, count);
	for (int32 i = 0; i < one->distinct_count; i++)
	{
		int32		index = evaluation->to_model[one->distinct[i]];

		if (index >= 0 && index != one->model_target && model->item_count[index] >= count)
			ranks.unseen--;
	}
	return ranks;
}

static Ranks
rank_by_recency(Evaluation *evaluation, const Case *one)
{
	Ranks		ranks = rank_by_popularity(evaluation, one);

	ranks.all = ranks.unseen == 0 ? 0 : one->distinct_count + ranks.unseen;
	for (int32 i = 0; i < one->distinct_count; i++)
	{
		if (one->distinct[i] == one->target)
			ranks.all = i + 1;
	}
	return ranks;
}

static const Method methods[] = {
	{"model", rank_by_model},
	{"recency", rank_by_recency},
	{"popularity", rank_by_popularity},
};

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
		if (from->kind == ID_INTEGER)
			map[i] = vocabulary_find_integer(to, from->integers[i]);
		else
			map[i] = vocabulary_find_text(to, from->bytes + from->offsets[i],
										  from->offsets[i + 1] - from->offsets[i]);
	}
	return map;
}

/* The last item of sequence s and what comes before it. */
static void
make_case(const Evaluation *evaluation, int32 s, Case *one)
{
	const Model *model = &evaluation->cached->model;
	const Dataset *data = &evaluation->source->data;
	int64		start = data->start[s];

	one->length = (int32) (data->start[s + 1] - start - 1);
	one->item = data->item + start;
	one->target = one->item[one->length];
	one->model_target = evaluation->to_model[one->target];
	one->distinct = huge_array(int32, one->length);
	one->distinct_count = 0;
	for (int32 i = one->length - 1; i >= 0; i--)
	{
		if (evaluation->seen_in[one->item[i]] != s + 1)
			one->distinct[one->distinct_count++] = one->item[i];
		evaluation->seen_in[one->item[i]] = s + 1;
	}
	one->seen = evaluation->seen_in[one->target] == s + 1;

	one->token = huge_array(int32, one->length);
	for (int32 i = 0; i < one->length; i++)
	{
		int32		index = evaluation->to_model[one->item[i]];

		one->token[i] = index >= 0 ? index : model->config.items;
	}
	for (int f = 0; f < model->config.features; f++)
	{
		one->feature[f] = huge_array(int32, one->length);
		for (int32 i = 0; i < one->length; i++)
		{
			int32		value = data->feature[f][start + i];

			one->feature[f][i] = value == 0 ? 0
				: evaluation->value_to_model[f][value - 1] + 1;
		}
	}
}

static void
add_case(Sums *sums, int64 rank, int32 k)
{
	sums->cases++;
	sums->hits += metrics_hit(rank, k);
	sums->reciprocal_rank += metrics_reciprocal_rank(rank, k);
	sums->ndcg += metrics_ndcg(rank, k);
}

/* ---------------------------------------------------------------- result */

/* cases, hit rate, precision, recall, MRR, NDCG; null where there is no case. */
static int
put_metrics(Datum *values, bool *nulls, int column, const Sums *sums, int32 k)
{
	double		hit_rate = (double) sums->hits / (double) Max(sums->cases, 1);
	double		metrics[] = {
		hit_rate, hit_rate / k, hit_rate,
		sums->reciprocal_rank / (double) Max(sums->cases, 1),
		sums->ndcg / (double) Max(sums->cases, 1)
	};

	values[column++] = Int64GetDatum(sums->cases);
	for (int i = 0; i < lengthof(metrics); i++, column++)
	{
		values[column] = Float8GetDatum(metrics[i]);
		nulls[column] = sums->cases == 0;
	}
	return column;
}

PG_FUNCTION_INFO_V1(recseq_evaluate);

/* recseq_evaluate(source, model, k, version): see sql/functions.sql. */
Datum
recseq_evaluate(PG_FUNCTION_ARGS)
{
	Results		results = results_begin(fcinfo);
	Catalog		catalog = catalog_open(fcinfo);
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "recseq evaluation",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext one_case = AllocSetContextCreate(context, "recseq case",
												   ALLOCSET_DEFAULT_SIZES);
	Evaluation	evaluation = {0};
	DatasetOptions options = {.purchases = &(Vocabulary) {.kind = ID_TEXT}, .min_length = 2};
	Sums		all[lengthof(methods)] = {{0}};
	Sums		unseen[lengthof(methods)] = {{0}};
	const Model *model;
	int32		k;
	int32		version;

	if (PG_ARGISNULL(ARG_SOURCE) || PG_ARGISNULL(ARG_MODEL) || PG_ARGISNULL(ARG_K))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("\"source\", \"model\" and \"k\" must not be null")));
	k = PG_GETARG_INT32(ARG_K);
	if (k < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"k\" is %d", k),
				 errhint("It is the number of items that count as recommended, 1 or more.")));
	version = catalog_version_argument(fcinfo, ARG_VERSION);
	MemoryContextSwitchTo(context);
	evaluation.cached = cache_get(&catalog,
								  catalog_find(&catalog,
											   text_to_cstring(PG_GETARG_TEXT_PP(ARG_MODEL)),
											   version));
	cache_pin(evaluation.cached);
	model = &evaluation.cached->model;
	options.features = model_feature_names(model);
	evaluation.source = dataset_read(PG_GETARG_OID(ARG_SOURCE), &options);
	evaluation.to_model = map_ids(&evaluation.source->items, &model->items, "items");
	for (int f = 0; f < model->config.features; f++)
		evaluation.value_to_model[f] = map_ids(&evaluation.source->feature_values[f],
											   &model->feature_values[f],
											   model->feature_name[f]);
	evaluation.logits = huge_array(float, model->config.items);
	evaluation.seen_in = huge_array(int32, evaluation.source->items.count + 1);
	memset(evaluation.seen_in, 0, sizeof(int32) * evaluation.source->items.count);

	for (int32 s = 0; s < evaluation.source->data.sequences; s++)
	{
		Case		one;

		CHECK_FOR_INTERRUPTS();
		MemoryContextReset(one_case);
		MemoryContextSwitchTo(one_case);
		make_case(&evaluation, s, &one);
		for (int m = 0; m < lengthof(methods); m++)
		{
			Ranks		ranks = methods[m].rank(&evaluation, &one);

			add_case(&all[m], ranks.all, k);
			if (!one.seen)
				add_case(&unseen[m], ranks.unseen, k);
		}
	}
	MemoryContextSwitchTo(context);

	for (int m = 0; m < lengthof(methods); m++)
	{
		Datum		values[13];
		bool		nulls[13] = {false};
		int			column = 1;

		values[0] = CStringGetTextDatum(methods[m].name);
		column = put_metrics(values, nulls, column, &all[m], k);
		put_metrics(values, nulls, column, &unseen[m], k);
		results_add(&results, values, nulls);
	}
	cache_unpin(evaluation.cached);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	return (Datum) 0;
}
