/*
 * base_items.c
 *	  The version that a training goes on from: its items and their features,
 *	  put together with those of the source.
 *
 * Such a training has three things added.  Once the source is read, it is made
 * one that describes the version's items too, while its sequences are the new
 * ones (this file).  Once the trainer is started, its initial weights are
 * replaced by those of the version (base_weights.c).  And the second stage keeps
 * its rankers and counts the sequences of both (base_sequences.c).
 *
 * What a merged array replaces goes as soon as that is there.
 */
#include "train/base_parts.h"

#include "miscadmin.h"

#include "memory.h"
#include "train/merge.h"

Budget
base_budget(void)
{
	Budget		budget = budget_of_training();

	budget.what = "the source, with what the model knows,";
	budget.hint = "Raise it, or train the model anew, on fewer items.";
	return budget;
}

static void
free_vocabulary(const Vocabulary *vocabulary)
{
	if (vocabulary->kind == ID_INTEGER)
		pfree((void *) vocabulary->integers);
	else
	{
		pfree((void *) vocabulary->offsets);
		pfree((void *) vocabulary->bytes);
	}
}

/* Replace the source's vocabulary by the merged one. */
static void
replace_vocabulary(Vocabulary *of_source, const Vocabulary *merged)
{
	free_vocabulary(of_source);
	*of_source = *merged;
}

/* The value of each item: the source's, which is newer, else the version's, else none. */
static int32 *
merge_item_values(const Budget *budget, const Merged *items, const int32 *of_base,
				  const int32 *base_place, const int32 *of_source, const int32 *source_place)
{
	int32	   *result = budget_array(budget, int32, items->vocabulary.count + 1);

	for (int32 i = 0; i < items->vocabulary.count; i++)
	{
		int32		old = items->from_base[i] < 0 ? 0 : of_base[items->from_base[i]];
		int32		new = items->from_source[i] < 0 ? 0 : of_source[items->from_source[i]];

		CHECK_FOR_INTERRUPTS();
		result[i] = new > 0 ? source_place[new - 1] + 1 : old > 0 ? base_place[old - 1] + 1 : 0;
	}
	return result;
}

/* Which value of the version each of the merged values is, or -1; 0 stays none. */
static int32 *
values_in_base(const Budget *budget, const Merged *values)
{
	int32	   *result = budget_array(budget, int32, values->vocabulary.count + 1);

	result[0] = 0;
	for (int32 v = 0; v < values->vocabulary.count; v++)
		result[v + 1] = values->from_base[v] < 0 ? -1 : values->from_base[v] + 1;
	return result;
}

/* Merge feature f: its vocabulary, the tokens, and the value of each item. */
static void
extend_feature(const Budget *budget, Base *base, SourceData *source, int f, const Merged *items)
{
	const Model *model = base->model;
	int64		tokens = source->data.start[source->data.sequences];
	Merged		values = merge_vocabularies(budget, &model->feature_values[f],
											&source->feature_values[f], source->feature_name[f]);
	int32	   *base_place = merge_places(budget, values.from_base, values.vocabulary.count,
										  model->feature_values[f].count);
	int32	   *source_place = merge_places(budget, values.from_source, values.vocabulary.count,
											source->feature_values[f].count);
	int32	   *of_source = source->item_feature[f];

	merge_renumber(budget, &source->data.feature[f], tokens, source_place, 1);
	source->item_feature[f] = merge_item_values(budget, items, model->item_feature[f], base_place,
												of_source, source_place);
	base->value[f] = values_in_base(budget, &values);
	replace_vocabulary(&source->feature_values[f], &values.vocabulary);
	pfree(of_source);
	pfree(base_place);
	pfree(source_place);
	pfree(values.from_base);
	pfree(values.from_source);
}

/* How often each item occurs, in what the version was trained on and in the source. */
static int32 *
add_item_counts(const Budget *budget, const Base *base, const SourceData *source,
				const Merged *items)
{
	const Model *model = base->model;
	const Counts *counts = &model->rank.counts;
	int32	   *item_count = budget_array(budget, int32, items->vocabulary.count + 1);
	int32	   *place = merge_places(budget, items->from_base, items->vocabulary.count,
									 model->items.count);

	for (int32 i = 0; i < items->vocabulary.count; i++)
	{
		int64		count = 0;

		if (items->from_base[i] >= 0)
			count += model->item_count[items->from_base[i]];
		if (items->from_source[i] >= 0)
			count += source->item_count[items->from_source[i]];
		item_count[i] = (int32) Min(count, PG_INT32_MAX - 1);
	}
	for (int32 s = 0; s < counts->sizes.sequences; s++)
	{
		for (int64 t = counts->sequence_start[s];
			 base->superseded[s] && t < counts->sequence_start[s + 1]; t++)
		{
			int32		item = place[counts->token[t]];

			/* an imported version may say of an item that it is rarer than in its sequences */
			CHECK_FOR_INTERRUPTS();
			if (item_count[item] > 0)
				item_count[item]--;
		}
	}
	pfree(place);
	return item_count;
}

/* The items of a source and those of the version that occur; what nobody had touched has nothing learned. */
static Merged
merge_items(const Budget *budget, const Model *model, const SourceData *source)
{
	int32	   *touched;
	Vocabulary	old = merge_counted(budget, &model->items, model->item_count, &touched);
	Merged		items = merge_vocabularies(budget, &old, &source->items, "items");

	for (int32 i = 0; i < items.vocabulary.count; i++)
	{
		if (items.from_base[i] >= 0)
			items.from_base[i] = touched[items.from_base[i]];
	}
	free_vocabulary(&old);
	pfree(touched);
	return items;
}

/* Merge the items: their vocabulary, the tokens, their features and counts. */
static void
extend_items(const Budget *budget, Base *base, SourceData *source)
{
	const Model *model = base->model;
	Merged		items = merge_items(budget, model, source);
	int32	   *place = merge_places(budget, items.from_source, items.vocabulary.count,
									 source->items.count);
	int32	   *count_of_source = source->item_count;

	for (int f = 0; f < model->config.features; f++)
		extend_feature(budget, base, source, f, &items);
	merge_renumber(budget, &source->data.item, source->data.start[source->data.sequences], place, 0);
	pfree(place);
	base->item = items.from_base;
	base->item[items.vocabulary.count] = model->items.count;
	base->superseded = base_superseded(budget, base, source);
	source->item_count = add_item_counts(budget, base, source, &items);
	replace_vocabulary(&source->items, &items.vocabulary);
	pfree(count_of_source);
	pfree(items.from_source);
}

void
base_extend_source(Base *base, SourceData *source)
{
	Budget		budget = base_budget();
	Size		before = MemoryContextMemAllocated(CurrentMemoryContext, true);

	extend_items(&budget, base, source);
	source->bytes += MemoryContextMemAllocated(CurrentMemoryContext, true) - before;
}
