/*
 * case_row.c
 *	  Rows of recseq_case.
 */
#include "evaluate/case_row.h"

#include "utils/builtins.h"

#include "data/arrays.h"
#include "evaluate/methods.h"

/* Columns of recseq_case: sql/evaluation.sql. */
enum
{
	COLUMN_SEQUENCE,
	COLUMN_ID,
	COLUMN_EVENT,
	COLUMN_TARGET,
	COLUMN_UNSEEN,
	COLUMN_METHOD,
	COLUMN_K,
	COLUMN_RANK,
	COLUMN_UNSEEN_RANK,
	COLUMNS
};

static Datum
text_of_id(Id id)
{
	return id.text != NULL
		? PointerGetDatum(cstring_to_text_with_len(id.text, (int) id.length))
		: CStringGetTextDatum(psprintf(INT64_FORMAT, id.integer));
}

static void
set_rank(Datum *values, bool *nulls, int column, int32 rank)
{
	nulls[column] = rank == 0;
	values[column] = Int32GetDatum(rank);
}

void
case_add_rows(const Results *results, const Cases *cases, const Case *one, bool unseen,
			  const CaseRanks *ranks)
{
	const SourceData *source = cases->source;
	int32		id = source->id[one->sequence];
	Datum		values[COLUMNS] = {
		[COLUMN_SEQUENCE] = Int32GetDatum(one->sequence + 1),
		[COLUMN_EVENT] = Int32GetDatum(one->history.length + 1),
		[COLUMN_TARGET] = text_of_id(id_at(&source->items, one->target)),
		[COLUMN_UNSEEN] = BoolGetDatum(unseen),
		[COLUMN_K] = Int32GetDatum(cases->options->k)
	};
	bool		nulls[COLUMNS] = {[COLUMN_ID] = id < 0};

	Assert(results->tupdesc->natts == COLUMNS);
	if (id >= 0)
		values[COLUMN_ID] = text_of_id(id_at(&source->ids, id));
	for (int m = 0; m < METHODS; m++)
	{
		values[COLUMN_METHOD] = CStringGetTextDatum(method_names[m]);
		set_rank(values, nulls, COLUMN_RANK, ranks[m].rank);
		set_rank(values, nulls, COLUMN_UNSEEN_RANK, ranks[m].unseen_rank);
		results_add(results, values, nulls);
	}
}
