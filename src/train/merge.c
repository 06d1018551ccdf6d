/*
 * merge.c
 *	  Vocabularies, merged, and what is numbered by them.
 */
#include "train/merge.h"

#include "miscadmin.h"

#include "nn/nn.h"

static Size
text_length(const Vocabulary *vocabulary, int32 i)
{
	return vocabulary->offsets[i + 1] - vocabulary->offsets[i];
}

/* Compare id i of one vocabulary with id j of another; past the end is last. */
static int
compare_ids(const Vocabulary *a, int32 i, const Vocabulary *b, int32 j)
{
	if (i == a->count || j == b->count)
		return (i == a->count) - (j == b->count);
	if (a->kind == ID_TEXT)
		return vocabulary_compare_text(a->bytes + a->offsets[i], text_length(a, i),
									   b->bytes + b->offsets[j], text_length(b, j));
	return (a->integers[i] > b->integers[j]) - (a->integers[i] < b->integers[j]);
}

static void
check_same_kind(const Vocabulary *base, const Vocabulary *source, const char *column)
{
	if (base->kind != source->kind)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of the source contains %s, but the model was trained on %s",
						column, source->kind == ID_TEXT ? "texts" : "integers",
						base->kind == ID_TEXT ? "texts" : "integers"),
				 errhint("Pass ids of the type that the model knows.")));
}

Merged
merge_vocabularies(const Budget *budget, const Vocabulary *base, const Vocabulary *source,
				   const char *column)
{
	Size		room = (Size) base->count + source->count + 1;
	Merged		merged = {.vocabulary = {.kind = base->kind}};
	int64	   *integers = NULL;
	uint64_t   *offsets = NULL;
	char	   *bytes = NULL;
	int32		count = 0;

	check_same_kind(base, source, column);
	merged.from_base = budget_array(budget, int32, room);
	merged.from_source = budget_array(budget, int32, room);
	if (base->kind == ID_INTEGER)
		integers = budget_array(budget, int64, room);
	else
	{
		offsets = budget_array(budget, uint64_t, room);
		bytes = budget_array(budget, char, base->offsets[base->count] +
							 source->offsets[source->count] + 1);
		offsets[0] = 0;
	}
	for (int32 i = 0, j = 0; i < base->count || j < source->count; count++)
	{
		int			order = compare_ids(base, i, source, j);
		const Vocabulary *from = order <= 0 ? base : source;
		int32		at = order <= 0 ? i : j;

		CHECK_FOR_INTERRUPTS();
		if (integers != NULL)
			integers[count] = from->integers[at];
		else
		{
			memcpy(bytes + offsets[count], from->bytes + from->offsets[at],
				   text_length(from, at));
			offsets[count + 1] = offsets[count] + text_length(from, at);
		}
		merged.from_base[count] = order <= 0 ? i++ : -1;
		merged.from_source[count] = order >= 0 ? j++ : -1;
	}
	merged.vocabulary.count = count;
	merged.vocabulary.integers = integers;
	merged.vocabulary.offsets = offsets;
	merged.vocabulary.bytes = bytes;
	return merged;
}

int32 *
merge_places(const Budget *budget, const int32 *from, int32 merged, int32 count)
{
	int32	   *place = budget_array(budget, int32, (Size) count + 1);

	for (int32 i = 0; i < merged; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (from[i] >= 0)
			place[from[i]] = i;
	}
	return place;
}

Vocabulary
merge_counted(const Budget *budget, const Vocabulary *vocabulary, const int32 *count,
			  int32 **index)
{
	Vocabulary	result = {.kind = vocabulary->kind};
	int32		room = vocabulary->count + 1;
	int64	   *integers = NULL;
	uint64_t   *offsets = NULL;
	char	   *bytes = NULL;

	*index = budget_array(budget, int32, room);
	if (vocabulary->kind == ID_INTEGER)
		integers = budget_array(budget, int64, room);
	else
	{
		offsets = budget_array(budget, uint64_t, room);
		bytes = budget_array(budget, char, vocabulary->offsets[vocabulary->count] + 1);
		offsets[0] = 0;
	}
	for (int32 i = 0; i < vocabulary->count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (count[i] == 0)
			continue;
		if (integers != NULL)
			integers[result.count] = vocabulary->integers[i];
		else
		{
			memcpy(bytes + offsets[result.count], vocabulary->bytes + vocabulary->offsets[i],
				   text_length(vocabulary, i));
			offsets[result.count + 1] = offsets[result.count] + text_length(vocabulary, i);
		}
		(*index)[result.count++] = i;
	}
	result.integers = integers;
	result.offsets = offsets;
	result.bytes = bytes;
	return result;
}

void
merge_renumber(const Budget *budget, const int32_t **token, int64 tokens, const int32 *place,
			   int32 first)
{
	int32	   *result = budget_array(budget, int32, tokens + 1);

	for (int64 t = 0; t < tokens; t++)
	{
		CHECK_FOR_INTERRUPTS();
		result[t] = (*token)[t] < first ? (*token)[t] : place[(*token)[t] - first] + first;
	}
	pfree((void *) *token);
	*token = result;
}
