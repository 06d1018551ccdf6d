/*
 * compare.c
 *	  recseq_compare: whether two methods differ on the same cases.
 *
 * Every case is a pair, and what counts is the difference within it: cases that
 * are hard for both say nothing.  The interval of the mean difference takes the
 * cases of one sequence together, as those of recseq_evaluate do (intervals.c).
 *
 * The two sets of cases are relations of the caller's, read with the caller's
 * rights, so they can hold anything.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "data/source.h"
#include "evaluate/arguments.h"
#include "evaluate/intervals.h"
#include "results.h"

enum
{
	ARG_A,
	ARG_B,
	ARG_METHOD_A,
	ARG_METHOD_B,
	ARG_K
};

/* Columns of the query. */
enum
{
	FIELD_SEQUENCE = 1,
	FIELD_EVENT,
	FIELD_SAME,
	FIELD_K,
	FIELD_UNSEEN,
	FIELD_RANK_A,
	FIELD_RANK_B,
	FIELD_UNSEEN_RANK_A,
	FIELD_UNSEEN_RANK_B
};

#define FETCH_ROWS 1000

#define CASES_HINT \
	"Cases are stored by CREATE TABLE ... AS SELECT * FROM recseq_evaluate_cases(...)."

/* What is compared. */
typedef struct Side
{
	const char *relation;		/* qualified, quoted */
	const char *method;
} Side;

/* The figures of both, and of their differences. */
typedef struct Pairs
{
	Figures		a;
	Figures		b;
	Figures		difference;
} Pairs;

typedef struct Comparison
{
	Side		a;
	Side		b;
	int32		k;				/* 0: that of the first case */
	Pairs		all;
	Pairs		unseen;
	int32		sequence;		/* of the last case */
	int32		event;			/* likewise; 0: there was none */
} Comparison;

/* ---------------------------------------------------------------- arguments */

/* Complain unless a relation has the columns of recseq_case that are read. */
static void
check_columns(Oid relation, const char *name)
{
	static const struct
	{
		const char *name;
		Oid			type;
	}			columns[] = {
		{"sequence", INT4OID}, {"id", TEXTOID}, {"event", INT4OID}, {"target", TEXTOID},
		{"unseen", BOOLOID}, {"method", TEXTOID}, {"k", INT4OID}, {"rank", INT4OID},
		{"unseen_rank", INT4OID}
	};

	for (int i = 0; i < lengthof(columns); i++)
	{
		AttrNumber	attribute = get_attnum(relation, columns[i].name);

		if (attribute == InvalidAttrNumber ||
			get_atttype(relation, attribute) != columns[i].type)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("%s has no column \"%s\" of type %s", name, columns[i].name,
							format_type_be(columns[i].type)),
					 errhint(CASES_HINT)));
	}
}

static Side
side_argument(FunctionCallInfo fcinfo, int relation, int method)
{
	Oid			oid = PG_GETARG_OID(relation);
	Side		side = {relation_name(oid), text_to_cstring(PG_GETARG_TEXT_PP(method))};

	if (side.relation == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", oid),
				 errhint(CASES_HINT)));
	check_columns(oid, side.relation);
	return side;
}

static Comparison
read_arguments(FunctionCallInfo fcinfo)
{
	Comparison	comparison = {0};

	check_not_null(fcinfo, ARG_A, "a");
	check_not_null(fcinfo, ARG_METHOD_A, "method_a");
	check_not_null(fcinfo, ARG_METHOD_B, "method_b");
	comparison.a = side_argument(fcinfo, ARG_A, ARG_METHOD_A);
	comparison.b = side_argument(fcinfo, PG_ARGISNULL(ARG_B) ? ARG_A : ARG_B, ARG_METHOD_B);
	if (PG_ARGISNULL(ARG_K))
		return comparison;
	comparison.k = PG_GETARG_INT32(ARG_K);
	if (comparison.k < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"k\" is %d", comparison.k),
				 errhint("It is the number of items that count as recommended, 1 or more.")));
	return comparison;
}

/* ---------------------------------------------------------------- cases */

/* The cases of a method, with the names that the join knows them by. */
static char *
cases_of(const char *relation, const char *parameter, const char *name)
{
	return psprintf("(SELECT * FROM %s WHERE method OPERATOR(pg_catalog.=) %s) AS %s",
					relation, parameter, name);
}

/*
 * Both cases of each pair.  The caller's search_path rules here too: every
 * operator is qualified, lest a look-alike decide what is equal.
 */
static char *
make_query(const Comparison *comparison)
{
	return psprintf("SELECT COALESCE(a.sequence, b.sequence), COALESCE(a.event, b.event),"
					" a.target OPERATOR(pg_catalog.=) b.target"
					" AND (a.id OPERATOR(pg_catalog.=) b.id OR (a.id IS NULL AND b.id IS NULL)),"
					" LEAST(a.k, b.k), a.unseen AND b.unseen,"
					" a.rank, b.rank, a.unseen_rank, b.unseen_rank"
					" FROM %s FULL JOIN %s"
					" ON a.sequence OPERATOR(pg_catalog.=) b.sequence"
					" AND a.event OPERATOR(pg_catalog.=) b.event ORDER BY 1, 2",
					cases_of(comparison->a.relation, "$1", "a"),
					cases_of(comparison->b.relation, "$2", "b"));
}

/* An integer of a row that was fetched. */
static int32
field(uint64 row, int number, int32 if_null)
{
	bool		isnull;
	Datum		datum = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, number,
									  &isnull);

	return isnull ? if_null : DatumGetInt32(datum);
}

/* Whether a boolean of such a row is true; null: it is not. */
static bool
holds(uint64 row, int number)
{
	bool		isnull;
	Datum		datum = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, number,
									  &isnull);

	return !isnull && DatumGetBool(datum);
}

/* Complain unless a row is a pair of one case, which no row before was. */
static void
check_pair(const Comparison *comparison, uint64 row, int32 sequence, int32 event, int32 k)
{
	if (!holds(row, FIELD_SAME))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("method \"%s\" in %s and method \"%s\" in %s do not have the same cases",
						comparison->a.method, comparison->a.relation,
						comparison->b.method, comparison->b.relation),
				 errdetail("Event %d of sequence %d is not in both, or with another target or id.",
						   event, sequence),
				 errhint("Take both from the same events, with the same protocol and lengths of histories.")));
	if (comparison->event == event && comparison->sequence == sequence)
		ereport(ERROR,
				(errcode(ERRCODE_CARDINALITY_VIOLATION),
				 errmsg("event %d of sequence %d is there more than once", event, sequence),
				 errhint("A relation of cases has the rows of one call of recseq_evaluate_cases or recseq_backtest_cases; use a view for some of them.")));
	if (k < 1 || k < comparison->k)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the cases were taken with \"k\" = %d", k),
				 errhint("Beyond that the place of the target is not known: compare by a \"k\" up to it.")));
}

static CaseValue
difference_of(CaseValue a, CaseValue b)
{
	return (CaseValue) {
		a.hit - b.hit, a.reciprocal_rank - b.reciprocal_rank, a.ndcg - b.ndcg
	};
}

static void
pairs_add(Pairs *pairs, int32 rank_a, int32 rank_b, int32 k)
{
	CaseValue	a = case_value(rank_a, k);
	CaseValue	b = case_value(rank_b, k);

	figures_add(&pairs->a, a);
	figures_add(&pairs->b, b);
	figures_add(&pairs->difference, difference_of(a, b));
}

static void
end_sequence(Comparison *comparison)
{
	figures_end_sequence(&comparison->all.difference);
	figures_end_sequence(&comparison->unseen.difference);
}

static void
add_pair(Comparison *comparison, uint64 row)
{
	int32		sequence = field(row, FIELD_SEQUENCE, 0);
	int32		event = field(row, FIELD_EVENT, 0);
	int32		k = field(row, FIELD_K, 0);

	check_pair(comparison, row, sequence, event, k);
	if (comparison->k == 0)
		comparison->k = k;
	if (comparison->sequence != sequence)
		end_sequence(comparison);
	comparison->sequence = sequence;
	comparison->event = event;
	pairs_add(&comparison->all, field(row, FIELD_RANK_A, 0), field(row, FIELD_RANK_B, 0),
			  comparison->k);
	if (holds(row, FIELD_UNSEEN))
		pairs_add(&comparison->unseen, field(row, FIELD_UNSEEN_RANK_A, 0),
				  field(row, FIELD_UNSEEN_RANK_B, 0), comparison->k);
}

static void
read_pairs(Comparison *comparison)
{
	Oid			types[] = {TEXTOID, TEXTOID};
	Datum		values[] = {
		CStringGetTextDatum(comparison->a.method), CStringGetTextDatum(comparison->b.method)
	};
	SPIPlanPtr	plan;
	Portal		portal;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	plan = SPI_prepare(make_query(comparison), lengthof(types), types);
	if (plan == NULL)
		elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
	portal = SPI_cursor_open(NULL, plan, values, NULL, true);
	for (SPI_cursor_fetch(portal, true, FETCH_ROWS); SPI_processed > 0;
		 SPI_cursor_fetch(portal, true, FETCH_ROWS))
	{
		for (uint64 row = 0; row < SPI_processed; row++)
		{
			CHECK_FOR_INTERRUPTS();
			add_pair(comparison, row);
		}
		SPI_freetuptable(SPI_tuptable);
	}
	end_sequence(comparison);
	SPI_cursor_close(portal);
	SPI_finish();
	if (comparison->event == 0)
		ereport(ERROR,
				(errcode(ERRCODE_NO_DATA_FOUND),
				 errmsg("there are no cases of the methods \"%s\" and \"%s\"",
						comparison->a.method, comparison->b.method),
				 errhint("Methods are model, recency, popularity, popularity in category, markov, vsknn and stan.")));
}

/* ---------------------------------------------------------------- result */

/* Columns of the result. */
enum
{
	COLUMN_METRIC,
	COLUMN_CASES,
	COLUMN_SEQUENCES,
	COLUMN_A,
	COLUMN_B,
	COLUMN_DIFFERENCE,
	COLUMN_LOW,
	COLUMN_HIGH,
	COLUMN_DIFFERS,
	COLUMNS
};

/* A mean of those figures. */
static const Mean *
mean_at(const Figures *figures, Size offset)
{
	return (const Mean *) ((const char *) figures + offset);
}

/* Add the row of a metric, which is the mean at that place in Figures. */
static void
add_row(const Results *results, const Pairs *pairs, const char *metric, Size offset)
{
	const Figures *difference = &pairs->difference;
	Datum		values[COLUMNS] = {
		[COLUMN_METRIC] = CStringGetTextDatum(metric),
		[COLUMN_CASES] = Int64GetDatum(difference->cases),
		[COLUMN_SEQUENCES] = Int64GetDatum(difference->sequences)
	};
	bool		nulls[COLUMNS] = {0};
	double		low = NAN;
	double		high = NAN;
	bool		known = difference_interval(difference, mean_at(difference, offset), &low, &high);

	results_set_double(values, nulls, COLUMN_A, mean_value(&pairs->a, mean_at(&pairs->a, offset)));
	results_set_double(values, nulls, COLUMN_B, mean_value(&pairs->b, mean_at(&pairs->b, offset)));
	results_set_double(values, nulls, COLUMN_DIFFERENCE,
					   mean_value(difference, mean_at(difference, offset)));
	results_set_double(values, nulls, COLUMN_LOW, low);
	results_set_double(values, nulls, COLUMN_HIGH, high);
	nulls[COLUMN_DIFFERS] = !known;
	values[COLUMN_DIFFERS] = BoolGetDatum(low > 0 || high < 0);
	results_add(results, values, nulls);
}

PG_FUNCTION_INFO_V1(recseq_compare);

/* recseq_compare(a, b, method_a, method_b, k): see sql/evaluation.sql. */
Datum
recseq_compare(PG_FUNCTION_ARGS)
{
	Results		results = results_begin(fcinfo);
	Comparison	comparison = read_arguments(fcinfo);

	Assert(results.tupdesc->natts == COLUMNS);
	read_pairs(&comparison);
	add_row(&results, &comparison.all, "hit_rate", offsetof(Figures, hit));
	add_row(&results, &comparison.all, "mrr", offsetof(Figures, reciprocal_rank));
	add_row(&results, &comparison.all, "ndcg", offsetof(Figures, ndcg));
	add_row(&results, &comparison.unseen, "unseen_hit_rate", offsetof(Figures, hit));
	add_row(&results, &comparison.unseen, "unseen_mrr", offsetof(Figures, reciprocal_rank));
	add_row(&results, &comparison.unseen, "unseen_ndcg", offsetof(Figures, ndcg));
	return (Datum) 0;
}
