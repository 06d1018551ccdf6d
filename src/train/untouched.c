/*
 * untouched.c
 *	  Items that are in no sequence, in a model that was trained on the others.
 *
 * The network is trained on what there is to learn of, so that a catalog many
 * times as large costs nothing.  An item that nobody has touched then gets the
 * mean of the rows of the items that share a feature with it, over its features.
 * So does one that only the sequences held out have: to the network it was never
 * anything but wrong.  The second stage, fitted on these, so learns what the
 * network's word is worth for an item that nobody has touched.
 * All of its category that nobody has touched are alike, and would crowd out the
 * others where that mean scores well: together they get the bias of one.
 */
#include "train/untouched.h"

#include <math.h>

#include "miscadmin.h"

#include "memory.h"
#include "train/merge.h"

/* How the items of both are numbered. */
typedef struct Joining
{
	const SourceData *source;	/* of both already */
	const Merged *items;		/* base: the source's; source: the catalog's */
	const bool *learned;		/* [items] the network has learned of it */
	Budget		budget;
} Joining;

/* Means of rows of a table by the values of a feature. */
typedef struct Means
{
	double	   *sum;			/* values x columns */
	int32	   *members;		/* [values] */
} Means;

static Means
means_of_feature(const Joining *joining, int f, const float *table, int32 columns)
{
	const SourceData *source = joining->source;
	Size		values = (Size) source->feature_values[f].count + 1;
	Means		means = {
		budget_array(&joining->budget, double, values * columns),
		budget_array(&joining->budget, int32, values)
	};

	memset(means.sum, 0, sizeof(double) * values * columns);
	memset(means.members, 0, sizeof(int32) * values);
	for (int32 i = 0; i < source->items.count; i++)
	{
		int32		value = source->item_feature[f][i];
		int32		row = joining->items->from_base[i];

		CHECK_FOR_INTERRUPTS();
		if (!joining->learned[i] || value == 0)
			continue;
		means.members[value]++;
		for (int32 c = 0; c < columns; c++)
			means.sum[(Size) value * columns + c] += table[(Size) row * columns + c];
	}
	return means;
}

/* Add the means of a feature to the rows of untouched items.  found: [items] features that had one. */
static void
add_means(const Joining *joining, int f, const Means *means, float *to, int32 columns,
		  int32 *found)
{
	const SourceData *source = joining->source;

	for (int32 i = 0; i < source->items.count; i++)
	{
		int32		value = source->item_feature[f][i];

		CHECK_FOR_INTERRUPTS();
		if (joining->learned[i] || value == 0 || means->members[value] == 0)
			continue;
		found[i]++;
		for (int32 c = 0; c < columns; c++)
			to[(Size) i * columns + c] +=
				(float) (means->sum[(Size) value * columns + c] / means->members[value]);
	}
}

/* The mean of all rows of the trained items: columns. */
static float *
mean_of_all(const Joining *joining, const float *table, int32 columns)
{
	double	   *sum = palloc0(sizeof(double) * columns);
	float	   *mean = palloc(sizeof(float) * columns);
	int32		rows = 0;

	for (int32 i = 0; i < joining->source->items.count; i++)
	{
		int32		row = joining->items->from_base[i];

		CHECK_FOR_INTERRUPTS();
		rows += joining->learned[i];
		for (int32 c = 0; joining->learned[i] && c < columns; c++)
			sum[c] += table[(Size) row * columns + c];
	}
	for (int32 c = 0; c < columns; c++)
		mean[c] = (float) (sum[c] / Max(rows, 1));
	pfree(sum);
	return mean;
}

/* Fill a table, of zeros, from that of the trained items. */
static void
join_table(const Joining *joining, float *to, const float *from, int32 columns)
{
	const SourceData *source = joining->source;
	int32		items = source->items.count;
	int32	   *found = budget_array(&joining->budget, int32, items);
	float	   *mean = mean_of_all(joining, from, columns);

	memset(found, 0, sizeof(int32) * items);
	for (int f = 0; f < source->data.features; f++)
	{
		Means		means = means_of_feature(joining, f, from, columns);

		add_means(joining, f, &means, to, columns, found);
		pfree(means.sum);
		pfree(means.members);
	}
	for (int32 i = 0; i < items; i++)
	{
		int32		row = joining->items->from_base[i];
		float	   *target = to + (Size) i * columns;

		CHECK_FOR_INTERRUPTS();
		if (joining->learned[i])
			memcpy(target, from + (Size) row * columns, sizeof(float) * columns);
		else if (found[i] == 0)
			memcpy(target, mean, sizeof(float) * columns);
		for (int32 c = 0; found[i] > 1 && c < columns; c++)
			target[c] /= (float) found[i];
	}
	pfree(found);
	pfree(mean);
}

/* Let the untouched items of a category have the bias of one together. */
static void
share_bias(const Joining *joining, float *bias)
{
	int32		categories;
	const int32 *category = dataset_item_category(joining->source, &categories);
	int32	   *untouched = budget_array(&joining->budget, int32, categories);

	memset(untouched, 0, sizeof(int32) * categories);
	for (int32 i = 0; i < joining->source->items.count; i++)
		untouched[category[i]] += !joining->learned[i];
	for (int32 i = 0; i < joining->source->items.count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!joining->learned[i])
			bias[i] -= logf((float) untouched[category[i]]);
	}
	pfree(untouched);
}

static void
join_network(const Joining *joining, Model *model)
{
	const Params from = model->params;
	Config	   *config = &model->config;
	Params	   *to = &model->params;
	Size		bytes;
	int32		trained = config->items;

	config->items = joining->source->items.count;
	bytes = params_count(config) * sizeof(float);
	budget_check(&joining->budget, bytes);
	params_bind(to, config, memset(allocate_aligned(bytes), 0, bytes));
	memcpy(to->block, from.block, from.core_count * sizeof(float));
	join_table(joining, to->item_embedding, from.item_embedding, config->item_dim);
	memcpy(to->item_embedding + (Size) config->items * config->item_dim,
		   from.item_embedding + (Size) trained * config->item_dim,
		   config->item_dim * sizeof(float));	/* the unknown item */
	if (!config->tied)
		join_table(joining, to->output_weight, from.output_weight, config_output_dim(config));
	join_table(joining, to->output_bias, from.output_bias, 1);
	share_bias(joining, to->output_bias);
	for (int f = 0; f < config->features; f++)
		memcpy(to->feature_embedding[f], from.feature_embedding[f],
			   (Size) config->feature_values[f] * config->feature_dim * sizeof(float));
	/* a mean of rows of length 1 is shorter */
	params_normalise(to, config);
}

/* An array by item of both: of the source's, and of the untouched ones; NULL: 0. */
static int32 *
join_numbers(const Joining *joining, const int32 *of_source, const int32 *of_untouched)
{
	const Merged *items = joining->items;
	int32	   *result = budget_array(&joining->budget, int32, items->vocabulary.count + 1);

	for (int32 i = 0; i < items->vocabulary.count; i++)
	{
		if (items->from_base[i] >= 0)
			result[i] = of_source[items->from_base[i]];
		else
			result[i] = of_untouched == NULL ? 0 : of_untouched[items->from_source[i]];
	}
	return result;
}

static void
join_source(const Joining *joining, SourceData *source, const Products *products)
{
	const Merged *items = joining->items;
	int32	   *place = merge_places(&joining->budget, items->from_base, items->vocabulary.count,
									 source->items.count);

	merge_renumber(&joining->budget, &source->data.item, source->data.start[source->data.sequences],
				   place, 0);
	pfree(place);
	source->item_count = join_numbers(joining, source->item_count, NULL);
	for (int f = 0; f < source->data.features; f++)
		source->item_feature[f] = join_numbers(joining, source->item_feature[f],
											   products->feature[f]);
	source->items = items->vocabulary;
}

/* A bit an item that cannot be sold. */
static uint8 *
find_unavailable(const Joining *joining, const Products *products)
{
	const Merged *items = joining->items;
	Size		bytes = exclusion_bytes(items->vocabulary.count);
	uint8	   *unavailable = memset(budget_take(&joining->budget, bytes), 0, bytes);

	for (int32 i = 0; i < items->vocabulary.count; i++)
	{
		if (items->from_base[i] >= 0 ? !products->available[items->from_base[i]]
			: !products->untouched_available[items->from_source[i]])
			exclusion_set(unavailable, i);
	}
	return unavailable;
}

/* Which item of the version to go on from each is: of what had been untouched there, none. */
static void
join_base(const Joining *joining, Base *base)
{
	const Merged *items = joining->items;
	int32	   *item = budget_array(&joining->budget, int32, items->vocabulary.count + 1);

	for (int32 i = 0; i < items->vocabulary.count; i++)
		item[i] = items->from_base[i] < 0 ? -1 : base->item[items->from_base[i]];
	item[items->vocabulary.count] = base->model->items.count;
	base->item = item;
}

/* Of which items of both the network has learned: those of the training sequences, and of the version. */
static const bool *
find_learned(const Joining *joining, int32 training_sequences, const Base *base)
{
	const SourceData *source = joining->source;
	bool	   *learned = budget_array(&joining->budget, bool, source->items.count + 1);

	for (int32 i = 0; i < source->items.count; i++)
		learned[i] = base != NULL && base->item[i] >= 0;
	for (int64 t = 0; t < source->data.start[training_sequences]; t++)
	{
		CHECK_FOR_INTERRUPTS();
		learned[source->data.item[t]] = true;
	}
	return learned;
}

void
untouched_join(Model *model, SourceData *source, const Products *products,
			   int32 training_sequences, Base *base)
{
	Budget		budget = budget_of_training();
	Merged		items = merge_vocabularies(&budget, &source->items, &products->untouched, "item");
	Joining		joining = {.source = source, .items = &items, .budget = budget};

	join_source(&joining, source, products);
	if (base != NULL)
		join_base(&joining, base);
	joining.learned = find_learned(&joining, training_sequences, base);
	join_network(&joining, model);
	model->unavailable = find_unavailable(&joining, products);
}
