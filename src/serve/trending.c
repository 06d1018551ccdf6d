/*
 * trending.c
 *	  recseq_trending: what many visitors have come to lately.
 *
 * The sequences of the counts are read from their ends.  A visitor counts once for
 * an item, by the newest event with it, so that nobody makes a trend alone; an
 * event counts half after each half-life before the newest of the data.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/timestamp.h"

#include "memory.h"
#include "serve/item_rows.h"
#include "serve/model_call.h"

/* The arguments that model_call.h does not have. */
enum
{
	ARG_HALF_LIFE = 0,
	ARG_ONLY_CATEGORIES = 4,
	ARG_PURCHASES
};

#define DAYS_PER_MONTH_OF_INTERVAL 30

/* What is counted. */
typedef struct Trend
{
	const Model *model;
	double		half_life;		/* hours, above 0 */
	bool		purchases;		/* these alone */
	bool	   *wanted;			/* [values of the category], or NULL: all */
	float	   *weight;			/* [items of the counts] */
} Trend;

static double
read_half_life(FunctionCallInfo fcinfo)
{
	const Interval *interval;
	double		hours;

	if (PG_ARGISNULL(ARG_HALF_LIFE))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("\"half_life\" must not be null"),
				 errhint("Leave it out to use its default.")));
	interval = PG_GETARG_INTERVAL_P(ARG_HALF_LIFE);
	hours = ((double) interval->month * DAYS_PER_MONTH_OF_INTERVAL + interval->day) * HOURS_PER_DAY +
		(double) interval->time / USECS_PER_HOUR;
	if (hours <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"half_life\" must be more than nothing"),
				 errhint("For example '7 days'.")));
	return hours;
}

/* The categories to keep to; NULL: all. */
static bool *
read_wanted(FunctionCallInfo fcinfo, const ModelCall *call, const Budget *budget)
{
	IdArray		categories;

	if (PG_ARGISNULL(ARG_ONLY_CATEGORIES))
		return NULL;
	categories = ids_of_array(array_of_datum(PG_GETARG_DATUM(ARG_ONLY_CATEGORIES), budget),
							  "only_categories");
	return model_categories_named(call, &categories, "only_categories", budget);
}

static void
weigh_items(Trend *trend, const Budget *budget)
{
	const Counts *counts = &trend->model->rank.counts;
	int32	   *counted = budget_array(budget, int32, counts->sizes.items + 1);

	for (int32 i = 0; i < counts->sizes.items; i++)
		counted[i] = -1;
	for (int32 s = 0; s < counts->sizes.sequences; s++)
	{
		CHECK_FOR_INTERRUPTS();
		for (int64 t = counts->sequence_start[s + 1] - 1; t >= counts->sequence_start[s]; t--)
		{
			int32		item = counts->token[t];

			if (counted[item] == s || (trend->purchases && !counts->token_bought[t]))
				continue;
			counted[item] = s;
			trend->weight[item] += exp2((counts->token_time[t] - counts->span[0]) / trend->half_life);
		}
	}
}

static bool
may_be_answered(const Trend *trend, int32 item)
{
	const Model *model = trend->model;
	const Counts *counts = &model->rank.counts;

	return trend->weight[item] > 0 && !exclusion_test(model->unavailable, item) &&
		counts->item[item].sequences >= counts->sizes.min_support &&
		(trend->wanted == NULL || trend->wanted[model->item_feature[CATEGORY_FEATURE][item]]);
}

/* The k items of the greatest weights, in the current context. */
static TopK
rank_trend(Trend *trend, int32 k, const Budget *budget)
{
	int32		items = trend->model->rank.counts.sizes.items;
	TopK		top = {.k = Min(k, items)};

	trend->weight = budget_array(budget, float, items + 1);
	memset(trend->weight, 0, sizeof(float) * items);
	weigh_items(trend, budget);
	top.heap = budget_array(budget, Scored, Max(top.k, 1));
	for (int32 i = 0; i < items; i++)
	{
		if (may_be_answered(trend, i))
			topk_offer(&top, (Scored) {i, trend->weight[i]});
	}
	topk_sort(&top);
	return top;
}

/* Complain about a model that does not know what is asked. */
static void
check_knows(const ModelCall *call, const Results *results, bool purchases)
{
	const Model *model = &call->cached->model;
	bool		texts = TupleDescAttr(results->tupdesc, 1)->atttypid == TEXTOID;

	if (!model->rank.present || !model->rank.times || (purchases && !model->rank.kinds))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("model \"%s\" has no counts of events with %s", call->model_name,
						purchases ? "times and kinds" : "times"),
				 errhint("Train it with \"ranker\" true, on a source with the column \"times\"%s.",
						 purchases ? " and the column \"events\"" : "")));
	if (model->items.kind == ID_TEXT && !texts)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("the ids of model \"%s\" are texts", call->model_name),
				 errhint("Use recseq_trending_text.")));
}

PG_FUNCTION_INFO_V1(recseq_trending);

/*
 * recseq_trending(half_life, k, model, version, only_categories, purchases), with ids
 * as bigint or as text: see sql/similar.sql.
 */
Datum
recseq_trending(PG_FUNCTION_ARGS)
{
	Results		results = results_begin(fcinfo);
	double		half_life = read_half_life(fcinfo);
	ModelCall	call = model_call_begin(fcinfo);
	Trend		trend = {
		.model = &call.cached->model,
		.half_life = half_life,
		.purchases = !PG_ARGISNULL(ARG_PURCHASES) && PG_GETARG_BOOL(ARG_PURCHASES)
	};
	MemoryContext scratch = call.cached->scratch;
	Budget		budget = budget_of_call(scratch);
	MemoryContext caller;
	TopK		top;

	check_knows(&call, &results, trend.purchases);
	MemoryContextReset(scratch);
	caller = MemoryContextSwitchTo(scratch);
	trend.wanted = read_wanted(fcinfo, &call, &budget);
	top = rank_trend(&trend, call.k, &budget);
	add_item_rows(&results, trend.model, &top);
	MemoryContextSwitchTo(caller);
	model_call_end(&call, top.count);
	return (Datum) 0;
}
