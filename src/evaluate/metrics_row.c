/*
 * metrics_row.c
 *	  Rows of recseq_metrics.
 */
#include "evaluate/metrics_row.h"

#include "utils/builtins.h"

#include "evaluate/intervals.h"

#define COLUMNS 33				/* of recseq_metrics: sql/evaluation.sql */

/* A row, filled from the left. */
typedef struct Row
{
	Datum		values[COLUMNS];
	bool		nulls[COLUMNS];
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
put_shown(Row *row, const Figures *figures, int32 items)
{
	put_real(row, (double) figures->items_shown / items, figures->cases > 0);
	put_real(row, figures->popularity / (double) figures->shows, figures->shows > 0);
}

/* Share of the cases whose target does not occur in what was learned from, and their hit rate. */
static void
put_unknown(Row *row, const Figures *unknown, const Figures *of)
{
	put_real(row, (double) unknown->cases / (double) of->cases, of->cases > 0);
	put_real(row, mean_value(unknown, &unknown->hit), unknown->cases > 0);
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
metrics_add_row(const Results *results, const Metrics *metrics)
{
	const Figures *all = &metrics->all;
	const Figures *unseen = &metrics->unseen;
	Row			row = {0};

	row.values[row.columns++] = CStringGetTextDatum(metrics->method);
	put_metrics(&row, all, metrics->k);
	put_metrics(&row, unseen, metrics->k);
	put_shown(&row, all, metrics->items);
	put_shown(&row, unseen, metrics->items);
	put_unknown(&row, &metrics->unknown, all);
	put_unknown(&row, &metrics->unseen_unknown, unseen);
	put_intervals(&row, all);
	put_intervals(&row, unseen);
	Assert(row.columns == COLUMNS && results->tupdesc->natts == COLUMNS);
	results_add(results, row.values, row.nulls);
}
