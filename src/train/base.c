/*
 * base.c
 *	  The version that a training goes on from.
 *
 * Such a training has three things added.  Once the source is read, its
 * vocabularies are merged with those of the version, so that it describes all
 * items, while its sequences are the new ones.  Once the trainer is started, its
 * initial weights are replaced by those of the version.  And the second stage
 * keeps its rankers and counts the sequences of both.
 */
#include "train/base.h"

#include <math.h>

#include "miscadmin.h"

#include "data/arrays.h"
#include "memory.h"
#include "train/parallel.h"
#include "train/second_stage.h"

/* Times of the same event differ by no more: one of them is rounded to a float. */
#define SAME_TIME_HOURS 0.01

/* ---------------------------------------------------------------- vocabularies */

/* Two vocabularies merged: which index of each a merged one has, or -1. */
typedef struct Merged
{
	Vocabulary	vocabulary;
	int32	   *from_base;		/* [vocabulary.count] */
	int32	   *from_source;	/* [vocabulary.count] */
} Merged;

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

static Merged
merge_vocabularies(const Vocabulary *base, const Vocabulary *source)
{
	int32		room = base->count + source->count + 1;
	Merged		merged = {
		.vocabulary = {.kind = base->kind},
		.from_base = huge_array(int32, room),
		.from_source = huge_array(int32, room)
	};
	int64	   *integers = NULL;
	uint64_t   *offsets = NULL;
	char	   *bytes = NULL;
	int32		count = 0;

	if (base->kind == ID_INTEGER)
		integers = huge_array(int64, room);
	else
	{
		offsets = huge_array(uint64_t, room);
		bytes = huge_array(char, base->offsets[base->count] +
						   source->offsets[source->count] + 1);
		offsets[0] = 0;
	}
	for (int32 i = 0, j = 0; i < base->count || j < source->count; count++)
	{
		int			order = compare_ids(base, i, source, j);
		const Vocabulary *from = order <= 0 ? base : source;
		int32		at = order <= 0 ? i : j;

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

/* The place of each index that `from` names, plus `shift`. */
static int32 *
invert(const int32 *from, int32 merged, int32 count, int32 shift)
{
	int32	   *place = huge_array(int32, count + 1);

	for (int32 i = 0; i < merged; i++)
	{
		if (from[i] >= 0)
			place[from[i]] = i + shift;
	}
	return place;
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

/* Number the tokens of a column anew; 0 stays where values begin with 1. */
static const int32 *
renumber(const int32 *token, int64 tokens, const int32 *place, int32 first)
{
	int32	   *result = huge_array(int32, tokens + 1);

	for (int64 t = 0; t < tokens; t++)
		result[t] = token[t] < first ? token[t] : place[token[t] - first];
	return result;
}

/* Merge feature f: its vocabulary, the tokens, and the value of each item. */
static void
extend_feature(Base *base, SourceData *source, int f, const Merged *items)
{
	const Model *model = base->model;
	int64		tokens = source->data.start[source->data.sequences];
	Merged		values;
	int32	   *base_place;
	int32	   *source_place;
	int32	   *item_feature = huge_array(int32, items->vocabulary.count + 1);

	check_same_kind(&model->feature_values[f], &source->feature_values[f],
					source->feature_name[f]);
	values = merge_vocabularies(&model->feature_values[f], &source->feature_values[f]);
	base_place = invert(values.from_base, values.vocabulary.count,
						model->feature_values[f].count, 1);
	source_place = invert(values.from_source, values.vocabulary.count,
						  source->feature_values[f].count, 1);
	source->data.feature[f] = renumber(source->data.feature[f], tokens, source_place, 1);
	for (int32 i = 0; i < items->vocabulary.count; i++)
	{
		int32		old = items->from_base[i];
		int32		new = items->from_source[i];

		item_feature[i] = 0;
		if (old >= 0 && model->item_feature[f][old] > 0)
			item_feature[i] = base_place[model->item_feature[f][old] - 1];
		if (new >= 0 && source->item_feature[f][new] > 0)
			item_feature[i] = source_place[source->item_feature[f][new] - 1];
	}
	source->item_feature[f] = item_feature;
	source->feature_values[f] = values.vocabulary;

	base->value[f] = huge_array(int32, values.vocabulary.count + 1);
	base->value[f][0] = 0;
	for (int32 v = 0; v < values.vocabulary.count; v++)
		base->value[f][v + 1] = values.from_base[v] < 0 ? -1 : values.from_base[v] + 1;
}

/* How often each item occurs, in what the version was trained on and in the source. */
static int32 *
add_item_counts(const Base *base, const SourceData *source, const Merged *items)
{
	const Model *model = base->model;
	const Counts *counts = &model->rank.counts;
	int32	   *item_count = huge_array(int32, items->vocabulary.count + 1);
	int32	   *place = invert(items->from_base, items->vocabulary.count, model->items.count, 0);

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
			if (item_count[item] > 0)
				item_count[item]--;
		}
	}
	return item_count;
}

/* The time of a token of the source, on the clock of the version's counts. */
static double
source_hours(const Base *base, const SourceData *source, int64 token)
{
	return source->hours[token] + hours_between(base->model->origin, source->origin);
}

/* Whether an old sequence had ended for sure before token t of the source. */
static bool
ended_before(const Base *base, const SourceData *source, int32 old, int64 t)
{
	const Counts *counts = &base->model->rank.counts;

	return counts->token_time[counts->sequence_start[old + 1] - 1] + SAME_TIME_HOURS <
		source_hours(base, source, t);
}

/*
 * Whether an old sequence ends with token t of the source, and is what comes
 * before it there, as far as both go back.
 */
static bool
ends_at(const Base *base, const SourceData *source, int32 old, int32 new, int64 t)
{
	const Counts *counts = &base->model->rank.counts;
	int64		u = counts->sequence_start[old + 1] - 1;

	for (; u >= counts->sequence_start[old] && t >= source->data.start[new]; u--, t--)
	{
		if (base->item[source->data.item[t]] != counts->token[u] ||
			fabs(source_hours(base, source, t) - counts->token_time[u]) > SAME_TIME_HOURS)
			return false;
	}
	return true;
}

/*
 * Find the sequences of the version that the source has in a longer form: by
 * their last events, for which times must be known.
 */
static void
find_superseded(Base *base, const SourceData *source)
{
	const Counts *counts = &base->model->rank.counts;
	int32		sequences = counts->sizes.sequences;
	int32	   *newest = huge_array(int32, counts->sizes.items + 1);	/* with that last item */
	int32	   *before = huge_array(int32, sequences + 1);	/* the one that ended before it */

	base->superseded = huge_array(bool, sequences + 1);
	memset(base->superseded, 0, sizeof(bool) * (sequences + 1));
	if (!base->model->rank.times || source->hours == NULL)
		return;
	for (int32 i = 0; i < counts->sizes.items; i++)
		newest[i] = -1;
	for (int32 s = 0; s < sequences; s++)
	{
		int32		last;

		before[s] = -1;
		if (counts->sequence_start[s] == counts->sequence_start[s + 1])
			continue;
		last = counts->token[counts->sequence_start[s + 1] - 1];
		before[s] = newest[last];
		newest[last] = s;
	}
	for (int32 new = 0; new < source->data.sequences; new++)
	{
		for (int64 t = source->data.start[new]; t < source->data.start[new + 1]; t++)
		{
			int32		item = base->item[source->data.item[t]];

			for (int32 old = item >= 0 ? newest[item] : -1; old >= 0; old = before[old])
			{
				CHECK_FOR_INTERRUPTS();
				if (ended_before(base, source, old, t))
					break;
				if (ends_at(base, source, old, new, t))
					base->superseded[old] = true;
			}
		}
	}
	pfree(newest);
	pfree(before);
}

void
base_extend_source(Base *base, SourceData *source)
{
	const Model *model = base->model;
	int64		tokens = source->data.start[source->data.sequences];
	Merged		items;

	check_same_kind(&model->items, &source->items, "items");
	items = merge_vocabularies(&model->items, &source->items);
	for (int f = 0; f < model->config.features; f++)
		extend_feature(base, source, f, &items);
	source->data.item = renumber(source->data.item, tokens,
								 invert(items.from_source, items.vocabulary.count,
										source->items.count, 0), 0);
	base->item = items.from_base;
	base->item[items.vocabulary.count] = model->items.count;
	find_superseded(base, source);
	source->item_count = add_item_counts(base, source, &items);
	source->items = items.vocabulary;
}

/* ---------------------------------------------------------------- weights */

/*
 * The rows of a table: which row of the version's each was, or -1, and for the
 * others the group whose mean they begin with.
 */
typedef struct Rows
{
	int32		count;
	const int32 *base;			/* [count] */
	const int32 *group;			/* [count] of every row; 0: none in particular */
	int32		groups;
} Rows;

/* Fill a table from the version's; group 0 has the mean of all rows. */
static void
set_table(float *to, const float *from, int32 columns, const Rows *rows)
{
	double	   *sum = palloc0(sizeof(double) * rows->groups * columns);
	int64	   *members = palloc0(sizeof(int64) * rows->groups);

	for (int32 r = 0; r < rows->count; r++)
	{
		const float *row;
		int32		group = rows->group[r];

		CHECK_FOR_INTERRUPTS();
		if (rows->base[r] < 0)
			continue;
		row = from + (Size) rows->base[r] * columns;
		memcpy(to + (Size) r * columns, row, sizeof(float) * columns);
		members[0]++;
		members[group] += group > 0;
		for (int32 c = 0; c < columns; c++)
		{
			sum[c] += row[c];
			if (group > 0)
				sum[(Size) group * columns + c] += row[c];
		}
	}
	for (int32 r = 0; r < rows->count; r++)
	{
		int32		group = members[rows->group[r]] > 0 ? rows->group[r] : 0;

		for (int32 c = 0; rows->base[r] < 0 && c < columns; c++)
			to[(Size) r * columns + c] =
				(float) (sum[(Size) group * columns + c] / Max(members[group], 1));
	}
	pfree(sum);
	pfree(members);
}

/*
 * Group the items by the values of the first feature that new items have;
 * value 0 and all others are in group 0.
 */
static Rows
group_items(const Base *base, const SourceData *source)
{
	int32		items = source->items.count;
	int32	   *group = huge_array(int32, items + 1);
	int32	   *group_of_value;
	Rows		rows = {items, base->item, group, 1};

	memset(group, 0, sizeof(int32) * (items + 1));
	if (source->data.features == 0)
		return rows;
	group_of_value = MemoryContextAllocExtended(CurrentMemoryContext,
												sizeof(int32) * ((Size) source->feature_values[0].count + 1),
												MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (int32 i = 0; i < items; i++)
	{
		int32		value = source->item_feature[0][i];

		if (base->item[i] < 0 && value > 0 && group_of_value[value] == 0)
			group_of_value[value] = rows.groups++;
	}
	for (int32 i = 0; i < items; i++)
		group[i] = group_of_value[source->item_feature[0][i]];
	pfree(group_of_value);
	return rows;
}

void
base_set_weights(Base *base, const SourceData *source, Trainer *trainer)
{
	const Params *from = &base->model->params;
	Params	   *to = &trainer->params;
	const Config *config = &trainer->config;
	Rows		items = group_items(base, source);
	Rows		with_unknown = items;
	TrainerCalls calls = {.may_go_on = parallel_may_go_on};

	Assert(to->core_count == from->core_count);
	memcpy(to->block, from->block, sizeof(float) * from->core_count);
	with_unknown.count++;
	set_table(to->item_embedding, from->item_embedding, config->item_dim, &with_unknown);
	if (!config->tied)
		set_table(to->output_weight, from->output_weight, config_output_dim(config), &items);
	set_table(to->output_bias, from->output_bias, 1, &items);
	for (int f = 0; f < config->features; f++)
	{
		int32	   *no_group = MemoryContextAllocExtended(CurrentMemoryContext,
														  sizeof(int32) * (Size) config->feature_values[f],
														  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
		Rows		values = {config->feature_values[f], base->value[f], no_group, 1};

		set_table(to->feature_embedding[f], from->feature_embedding[f],
				  config->feature_dim, &values);
		pfree(no_group);
	}
	/* a mean of rows of length 1 is shorter */
	params_normalise(to, config);
	base->hit_rate = trainer_hit_rate(trainer, &calls);
}

/* ---------------------------------------------------------------- second stage */

/* Sequences of the version and of the source, as they are put together. */
typedef struct Union
{
	Dataset		data;
	int64	   *start;
	int32	   *item;
	double	   *hours;			/* NULL: the version does not know times */
	bool	   *bought;			/* NULL: nor kinds */
} Union;

/* Append a sequence of the version.  place: of each of its items. */
static void
append_old(Union *all, const Counts *counts, const int32 *place, int32 s)
{
	int64		to = all->start[all->data.sequences];

	for (int64 t = counts->sequence_start[s]; t < counts->sequence_start[s + 1]; t++, to++)
	{
		all->item[to] = place[counts->token[t]];
		if (all->hours != NULL)
			all->hours[to] = counts->token_time[t];
		if (all->bought != NULL)
			all->bought[to] = counts->token_bought[t] != 0;
	}
	all->start[++all->data.sequences] = to;
}

/*
 * Append a sequence of the source; what it does not know, but the version does,
 * is taken for no purchase, and for the version's newest time.
 */
static void
append_new(Union *all, const Base *base, const SourceData *source, int32 s)
{
	int64		to = all->start[all->data.sequences];

	for (int64 t = source->data.start[s]; t < source->data.start[s + 1]; t++, to++)
	{
		all->item[to] = source->data.item[t];
		if (all->hours != NULL)
			all->hours[to] = source->hours == NULL ? base->model->rank.counts.span[0]
				: source_hours(base, source, t);
		if (all->bought != NULL)
			all->bought[to] = source->bought != NULL && source->bought[t];
	}
	all->start[++all->data.sequences] = to;
}

/* Whether a sequence of the version ends before one of the source. */
static bool
ends_before(const Base *base, const SourceData *source, int32 old, int32 new)
{
	const Counts *counts = &base->model->rank.counts;

	if (source->hours == NULL ||
		counts->sequence_start[old] == counts->sequence_start[old + 1])
		return true;
	return counts->token_time[counts->sequence_start[old + 1] - 1] <=
		source_hours(base, source, source->data.start[new + 1] - 1);
}

/* Put the sequences of both together, in the order of their ends. */
static Union
unite(const Base *base, const SourceData *source)
{
	const RankStage *stage = &base->model->rank;
	const Counts *counts = &stage->counts;
	int32		sequences = counts->sizes.sequences + source->data.sequences;
	int64		tokens = counts->sizes.tokens + source->data.start[source->data.sequences];
	int32	   *place = invert(base->item, source->items.count, base->model->items.count, 0);
	Union		all = {
		.start = huge_array(int64, sequences + 1),
		.item = huge_array(int32, tokens + 1),
		.hours = stage->times ? huge_array(double, tokens + 1) : NULL,
		.bought = stage->kinds ? huge_array(bool, tokens + 1) : NULL
	};
	int32		old = 0;

	all.start[0] = 0;
	all.data.start = all.start;
	all.data.item = all.item;
	for (int32 new = 0; new <= source->data.sequences; new++)
	{
		for (; old < counts->sizes.sequences &&
			 (new == source->data.sequences || ends_before(base, source, old, new)); old++)
		{
			CHECK_FOR_INTERRUPTS();
			if (!base->superseded[old])
				append_old(&all, counts, place, old);
		}
		if (new < source->data.sequences)
			append_new(&all, base, source, new);
	}
	return all;
}

void
base_set_rank_stage(const Base *base, const SourceData *source, Model *model)
{
	MemoryContext temporary;
	Union		all;
	EventData	events;
	CountsData	data;
	const int32 *item_category;
	int32		categories;
	Allocator	lasting = {second_stage_allocate, CurrentMemoryContext};
	Interrupt	interrupt = {parallel_may_go_on, NULL};

	model->purchases = base->model->purchases;
	model->origin = base->model->origin;
	model->rank = base->model->rank;
	if (!model->rank.present)
		return;
	temporary = AllocSetContextCreate(CurrentMemoryContext, "recseq counts",
									  ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(temporary);
	all = unite(base, source);
	item_category = dataset_item_category(source, &categories);
	events = (EventData) {&all.data, all.bought, all.hours};
	MemoryContextSwitchTo((MemoryContext) lasting.context);
	data = (CountsData) {
		&events, source->items.count, categories, item_category,
		(int32) base->model->rank.counts.sizes.min_support
	};
	counts_build(&model->rank.counts, &data, &lasting,
				 &(Allocator) {second_stage_allocate, temporary}, &interrupt);
	MemoryContextDelete(temporary);
}
