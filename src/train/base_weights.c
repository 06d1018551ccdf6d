/*
 * base_weights.c
 *	  The initial weights of a training that goes on from a version.
 */
#include "train/base.h"

#include "miscadmin.h"

#include "memory.h"
#include "train/parallel.h"

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

/* Memory that counts with that of the source. */
static void *
take_zeros(Size bytes)
{
	Budget		budget = budget_of_training();
	void	   *result = budget_take(&budget, bytes);

	memset(result, 0, bytes);
	return result;
}

/* Fill a table from the version's; group 0 has the mean of all rows. */
static void
set_table(float *to, const float *from, int32 columns, const Rows *rows)
{
	double	   *sum = take_zeros(sizeof(double) * rows->groups * (Size) columns);
	int64	   *members = take_zeros(sizeof(int64) * (Size) rows->groups);

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
	int32	   *group = take_zeros(sizeof(int32) * ((Size) items + 1));
	int32	   *group_of_value;
	Rows		rows = {items, base->item, group, 1};

	if (source->data.features == 0)
		return rows;
	group_of_value = take_zeros(sizeof(int32) * ((Size) source->feature_values[0].count + 1));
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
	/* by cosine no bias is learned: the version's are those of items that it had not learned */
	if (config->scale > 0)
		memset(to->output_bias, 0, sizeof(float) * config->items);
	for (int f = 0; f < config->features; f++)
	{
		int32	   *no_group = take_zeros(sizeof(int32) * (Size) config->feature_values[f]);
		Rows		values = {config->feature_values[f], base->value[f], no_group, 1};

		set_table(to->feature_embedding[f], from->feature_embedding[f],
				  config->feature_dim, &values);
		pfree(no_group);
	}
	/* a mean of rows of length 1 is shorter */
	params_normalise(to, config);
	base->hit_rate = trainer_hit_rate(trainer, &calls);
}
