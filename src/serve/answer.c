/*
 * answer.c
 *	  From the items that both stages have found to rows.
 */
#include "serve/request.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "nn/nn.h"

/* Columns of the result. */
enum
{
	COLUMN_RANK,
	COLUMN_ITEM,
	COLUMN_CATEGORY,
	COLUMN_SCORE,
	COLUMN_CONFIDENCE,
	COLUMN_REASON,
	COLUMN_REASON_ITEM,
	COLUMNS
};

/* What to do about ids that do not fit into integer. */
#define WIDE_IDS_HINT "Pass \"items\" as bigint[]."

/* The id of an item of the model, or of the history. */
static Id
item_id(const Request *request, int32 item)
{
	const Model *model = &request->call.cached->model;

	if (item >= model->config.items)
		return request->history.unknown[item - model->config.items].id;
	return id_at(&model->items, item);
}

/* Why an item is answered. */
typedef struct Why
{
	const char *words;			/* where `item` is told, it follows them */
	Id			item;			/* of the history */
	bool		names_item;
} Why;

static Why
why_candidate(const Request *request, const Candidate *candidate)
{
	Id			related = item_id(request, request->history.rank.item[candidate->related]);

	switch (candidate->reason)
	{
		case REASON_FOLLOWS:
			return (Why) {"follows", related, true};
		case REASON_CATEGORY:
			return (Why) {"same category as", related, true};
		case REASON_SIMILAR:
			return (Why) {.words = "in similar histories"};
		case REASON_POPULAR:
			return (Why) {.words = "popular"};
		case REASON_SEEN:
		case REASON_NETWORK:
			break;
	}
	return (Why) {.words = "sequence"};
}

static Why
why_item(const Request *request, int32 item)
{
	const Question *question = &request->question;

	if (request->history.events == 0)
		return (Why) {.words = "popular"};
	if (item >= request->call.cached->model.config.items || exclusion_test(request->seen, item))
		return (Why) {.words = "seen before"};
	for (int32 c = 0; c < question->candidates; c++)
	{
		if (question->candidate[c].item == item)
			return why_candidate(request, &question->candidate[c]);
	}
	return (Why) {.words = "sequence"};
}

/* The reason in words. */
static Datum
reason_of(const Why *why)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfoString(&text, why->words);
	if (why->names_item && why->item.text != NULL)
	{
		appendStringInfoChar(&text, ' ');
		appendBinaryStringInfo(&text, why->item.text, (int) why->item.length);
	}
	else if (why->names_item)
		appendStringInfo(&text, " " INT64_FORMAT, why->item.integer);
	return PointerGetDatum(cstring_to_text_with_len(text.data, text.len));
}

Answers
answers_begin(FunctionCallInfo fcinfo)
{
	return (Answers) {
		results_begin(fcinfo),
		AllocSetContextCreate(CurrentMemoryContext, "recseq answer", ALLOCSET_SMALL_SIZES)
	};
}

void
answers_add(const Answers *answers, const Request *request, const char *id)
{
	const Results *results = &answers->results;
	MemoryContext caller = MemoryContextSwitchTo(answers->row);
	const Model *model = &request->call.cached->model;
	const TopK *top = &request->top;
	int			before = results->tupdesc->natts - COLUMNS;
	double		sum = 0;

	for (int32 i = 0; i < top->count; i++)
		sum += top->heap[i].score;
	for (int32 i = 0; i < top->count; i++)
	{
		Scored		scored = top->heap[i];
		Datum		all_values[COLUMNS + 1] = {0};
		bool		all_nulls[COLUMNS + 1] = {false};
		Datum	   *values = all_values + before;
		bool	   *nulls = all_nulls + before;
		int32		category = request_category(request, scored.item);
		Why			why = why_item(request, scored.item);

		CHECK_FOR_INTERRUPTS();
		if (before > 0)
		{
			all_nulls[0] = id == NULL;
			if (id != NULL)
				all_values[0] = CStringGetTextDatum(id);
		}
		values[COLUMN_RANK] = Int32GetDatum(i + 1);
		if (!id_to_datum(item_id(request, scored.item),
						 TupleDescAttr(results->tupdesc, before + COLUMN_ITEM)->atttypid,
						 WIDE_IDS_HINT, &values[COLUMN_ITEM]))
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("the ids of model \"%s\" are texts", request->call.model_name),
					 before > 0 ? errhint("Use recseq_recommend_batch_text.")
					 : errhint("Pass \"items\" as text[], also where it is null.")));
		nulls[COLUMN_CATEGORY] = category == 0 ||
			!id_to_datum(id_at(&model->feature_values[CATEGORY_FEATURE], category - 1),
						 TupleDescAttr(results->tupdesc, before + COLUMN_CATEGORY)->atttypid,
						 WIDE_IDS_HINT, &values[COLUMN_CATEGORY]);
		values[COLUMN_SCORE] = Float4GetDatum(scored.score);
		values[COLUMN_CONFIDENCE] = Float4GetDatum(sum > 0 ? (float4) (scored.score / sum) : 0);
		values[COLUMN_REASON] = reason_of(&why);
		nulls[COLUMN_REASON_ITEM] = !why.names_item ||
			!id_to_datum(why.item, TupleDescAttr(results->tupdesc, before + COLUMN_REASON_ITEM)->atttypid,
						 WIDE_IDS_HINT, &values[COLUMN_REASON_ITEM]);
		results_add(results, all_values, all_nulls);
		MemoryContextReset(answers->row);	/* k may be the whole vocabulary */
	}
	MemoryContextSwitchTo(caller);
}
