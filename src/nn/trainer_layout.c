/*
 * trainer_layout.c
 *	  The memory of a trainer: its sizes, where everything lies in the shared
 *	  block, and what is in it when training begins.
 */
#include "nn/trainer_internal.h"

#include <math.h>
#include <string.h>

TrainerSizes
trainer_sizes(const Dataset *dataset, int32_t training_sequences,
			  const Config *config, const TrainerOptions *options)
{
	TrainerSizes sizes = {
		.sequences = dataset->sequences,
		.training_sequences = training_sequences,
		.tokens = dataset->start[dataset->sequences]
	};

	for (int32_t s = 0; s < dataset->sequences; s++)
	{
		int64_t		tokens = dataset->start[s + 1] - dataset->start[s];
		int64_t		prefixes = tokens > 1 ? tokens - 1 : 0;
		int64_t		windows = batch_count_windows(dataset, s);
		int64_t		groups = batch_cut_sequence(dataset, s, config->max_length,
												options->batch_size, NULL);

		if (prefixes > sizes.longest)
			sizes.longest = (int32_t) (prefixes < config->max_length ? prefixes
									   : config->max_length);
		if (s < training_sequences)
		{
			sizes.training_groups += groups;
			sizes.training_windows += windows;
		}
		else
		{
			sizes.validation_groups += groups;
			sizes.validation_windows += windows;
		}
	}
	sizes.judged_groups = sizes.validation_groups;
	if (sizes.validation_windows > TRAINER_JUDGED_WINDOWS)
		sizes.judged_groups = sizes.validation_groups * TRAINER_JUDGED_WINDOWS /
			sizes.validation_windows;
	return sizes;
}

/* Most windows that a data shard can get: see trainer_share_out(). */
static int32_t
shard_windows(const TrainerSizes *sizes, const TrainerOptions *options)
{
	int32_t		share = options->batch_size / TRAINER_DATA_SHARDS + 1;
	int32_t		group = sizes->longest < options->batch_size
		? sizes->longest : options->batch_size;

	return share + group < options->batch_size ? share + group : options->batch_size;
}

bool
trainer_is_dense(const TrainerOptions *options)
{
	return options->loss == LOSS_SOFTMAX;
}

/* Add a range of the block that every minibatch touches. */
static void
add_dense(Trainer *trainer, const float *start, size_t count, size_t unit_columns)
{
	trainer->touched.dense[trainer->touched.dense_ranges++] =
		(DenseRange) {(size_t) (start - trainer->params.block), count, unit_columns};
}

/* Add a table of which a minibatch touches few rows. */
static LazyRows *
add_table(Trainer *trainer, Arena *arena, const float *start, int32_t rows,
		  int32_t columns, int64_t most_touched)
{
	LazyRows   *table = &trainer->touched.table[trainer->touched.tables++];

	lazy_rows_place(table, arena, rows, columns, most_touched);
	if (arena->base != NULL)
	{
		size_t		offset = (size_t) (start - trainer->params.block);

		table->weight = trainer->params.block + offset;
		table->gradient = trainer->gradient.block + offset;
		table->first = trainer->first.block + offset;
		table->second = trainer->second.block + offset;
	}
	return table;
}

/* Decide which parameters are dense and which are tables. */
static void
place_tables(Trainer *trainer, Arena *arena)
{
	const Config *config = &trainer->config;
	const TrainerOptions *options = &trainer->options;
	int64_t		tokens = (int64_t) options->batch_size * trainer->sizes.longest;
	int64_t		scored = (int64_t) options->batch_size + options->negatives;
	bool		dense = trainer_is_dense(options);
	bool		unit = config->scale > 0;
	bool		placed = arena->base != NULL;

	if (placed)
		add_dense(trainer, trainer->params.block, trainer->params.core_count, 0);
	if (!dense || !config->tied)
		trainer->touched.item_table = add_table(trainer, arena,
												trainer->params.item_embedding,
												config->items + 1, config->item_dim,
												tokens + (config->tied ? scored : 0));
	else if (placed)
		add_dense(trainer, trainer->params.item_embedding,
				  ((size_t) config->items + 1) * (size_t) config->item_dim,
				  unit ? (size_t) config->item_dim : 0);
	if (trainer->touched.item_table != NULL)
		trainer->touched.item_table->unit = unit;
	for (int32_t f = 0; f < config->features; f++)
		trainer->touched.feature_table[f] = add_table(trainer, arena,
													  trainer->params.feature_embedding[f],
													  config->feature_values[f],
													  config->feature_dim, tokens);
	if (!dense)
	{
		trainer->touched.weight_table = config->tied ? trainer->touched.item_table :
			add_table(trainer, arena, trainer->params.output_weight, config->items,
						config_output_dim(config), scored);
		if (!unit)
			trainer->touched.bias_table = add_table(trainer, arena, trainer->params.output_bias,
										config->items, 1, scored);
	}
	else if (placed)
	{
		if (!config->tied)
			add_dense(trainer, trainer->params.output_weight,
					  (size_t) config->items * (size_t) config_output_dim(config), 0);
		if (!unit)
			add_dense(trainer, trainer->params.output_bias, (size_t) config->items, 0);
	}
}

/* The arrays of a sampled loss. */
static void
place_sampled(Trainer *trainer, Arena *arena)
{
	const Config *config = &trainer->config;
	size_t		negatives = (size_t) trainer->options.negatives;
	size_t		columns = (size_t) config_output_dim(config);
	size_t		windows = (size_t) shard_windows(&trainer->sizes, &trainer->options);

	trainer->negatives.sampler.items = config->items;
	trainer->negatives.sampler.cumulative = ARENA_TAKE(arena, double, config->items);
	trainer->negatives.item = ARENA_TAKE(arena, int32_t, negatives);
	trainer->negatives.weight = ARENA_TAKE(arena, float, negatives * columns);
	trainer->negatives.offset = ARENA_TAKE(arena, float, negatives);
	for (int s = 0; s < TRAINER_DATA_SHARDS; s++)
	{
		trainer->shard[s].sampled.negative_weight = ARENA_TAKE(arena, float, negatives * columns);
		trainer->shard[s].sampled.negative_bias = ARENA_TAKE(arena, float, negatives);
		trainer->shard[s].sampled.target = ARENA_TAKE(arena, float, windows);
		trainer->shard[s].sampled_logits = ARENA_TAKE(arena, float, windows * negatives);
	}
}

void
trainer_place(Trainer *trainer, Arena *arena, const Config *config,
			  const TrainerOptions *options, const TrainerSizes *sizes)
{
	size_t		count = params_count(config);
	size_t		core = params_core_count(config);
	size_t		windows = (size_t) options->batch_size;
	size_t		columns = (size_t) config_output_dim(config);
	size_t		stride = softmax_stride(options->batch_size);
	bool		scores_all = trainer_is_dense(options) || sizes->validation_windows > 0;
	float	   *blocks[4];
	BatchCapacity capacity = {shard_windows(sizes, options), sizes->longest};

	memset(trainer, 0, sizeof(*trainer));
	trainer->config = *config;
	trainer->options = *options;
	trainer->sizes = *sizes;
	trainer->kernels = kernels_best();
	trainer->shared = ARENA_TAKE(arena, TrainerShared, 1);
	trainer->curve = ARENA_TAKE(arena, EpochReport, options->epochs);

	trainer->data.start = ARENA_TAKE(arena, int64_t, sizes->sequences + 1);
	trainer->data.item = ARENA_TAKE(arena, int32_t, sizes->tokens);
	for (int32_t f = 0; f < config->features; f++)
		trainer->data.feature[f] = ARENA_TAKE(arena, int32_t, sizes->tokens);
	trainer->data.groups = ARENA_TAKE(arena, WindowGroup, sizes->training_groups +
								 sizes->validation_groups);
	trainer->data.order = ARENA_TAKE(arena, int64_t, sizes->training_groups);
	trainer->data.validation_order = ARENA_TAKE(arena, int64_t, sizes->judged_groups);
	trainer->touched.drift.sum = ARENA_TAKE(arena, double, sizes->training_groups + 1);

	for (int i = 0; i < 4; i++)
		blocks[i] = ARENA_TAKE(arena, float, count);
	if (sizes->validation_windows > 0)
		trainer->best = ARENA_TAKE(arena, float, count);
	for (int s = 0; s < TRAINER_DATA_SHARDS; s++)
	{
		float	   *block = ARENA_TAKE(arena, float, core);

		batch_place(&trainer->shard[s].batch, arena, config, &capacity);
		network_place(&trainer->shard[s].network, arena, &trainer->config,
					  trainer->kernels, &capacity, true);
		if (arena->base != NULL)
			params_bind_core(&trainer->shard[s].core_gradient, config, block);
	}
	if (arena->base != NULL)
	{
		params_bind(&trainer->params, config, blocks[0]);
		params_bind(&trainer->gradient, config, blocks[1]);
		params_bind(&trainer->first, config, blocks[2]);
		params_bind(&trainer->second, config, blocks[3]);
	}

	trainer->windows.representation = ARENA_TAKE(arena, float, windows * columns);
	trainer->windows.d_representation = ARENA_TAKE(arena, float, windows * columns *
										   (trainer_is_dense(options) ? TRAINER_ITEM_SHARDS : 1));
	trainer->windows.target = ARENA_TAKE(arena, int32_t, windows);
	trainer->windows.loss = ARENA_TAKE(arena, float, windows);
	if (scores_all)
	{
		trainer->softmax.transposed = ARENA_TAKE(arena, float, columns * stride);
		trainer->softmax.logits = ARENA_TAKE(arena, float,
									 TRAINER_ITEM_SHARDS * SOFTMAX_TILE * stride);
		trainer->softmax.maximum = ARENA_TAKE(arena, float, TRAINER_ITEM_SHARDS * windows);
		trainer->softmax.sum = ARENA_TAKE(arena, float, TRAINER_ITEM_SHARDS * windows);
		trainer->softmax.above = ARENA_TAKE(arena, int32_t, TRAINER_ITEM_SHARDS * windows);
		trainer->softmax.target_logit = ARENA_TAKE(arena, float, windows);
		trainer->softmax.log_normaliser = ARENA_TAKE(arena, float, windows);
		trainer->softmax.share = ARENA_TAKE(arena, float, windows);
		trainer->softmax.copied_above = ARENA_TAKE(arena, int32_t, windows);
	}
	if (!trainer_is_dense(options))
		place_sampled(trainer, arena);
	place_tables(trainer, arena);
}

/* How often each item is the target of a training window. */
static void
start_sampler(Trainer *trainer)
{
	int32_t    *count = (int32_t *) trainer->gradient.block;	/* not in use yet */

	memset(count, 0, (size_t) trainer->config.items * sizeof(int32_t));
	for (int32_t s = 0; s < trainer->sizes.training_sequences; s++)
	{
		for (int64_t t = trainer->data.start[s] + 1; t < trainer->data.start[s + 1]; t++)
			count[trainer->data.item[t]]++;
	}
	sampler_start(&trainer->negatives.sampler, count);
}

void
trainer_start(Trainer *trainer, const Dataset *dataset)
{
	const TrainerSizes *sizes = &trainer->sizes;
	size_t		bytes = trainer->params.count * sizeof(float);
	WindowGroup	   *groups = trainer->data.groups;

	memcpy(trainer->data.start, dataset->start,
		   ((size_t) sizes->sequences + 1) * sizeof(int64_t));
	memcpy(trainer->data.item, dataset->item, (size_t) sizes->tokens * sizeof(int32_t));
	for (int32_t f = 0; f < trainer->config.features; f++)
		memcpy(trainer->data.feature[f], dataset->feature[f],
			   (size_t) sizes->tokens * sizeof(int32_t));
	for (int32_t s = 0; s < sizes->sequences; s++)
		groups += batch_cut_sequence(dataset, s, trainer->config.max_length,
									 trainer->options.batch_size, groups);
	for (int64_t i = 0; i < sizes->training_groups; i++)
		trainer->data.order[i] = i;
	/* evenly over the groups, which may be in order of time */
	for (int64_t i = 0; i < sizes->judged_groups; i++)
		trainer->data.validation_order[i] = sizes->training_groups +
			i * sizes->validation_groups / sizes->judged_groups;

	if (!trainer_is_dense(&trainer->options))
		start_sampler(trainer);
	for (int t = 0; t < trainer->touched.tables; t++)
		lazy_rows_start(&trainer->touched.table[t], 0);
	params_initialise(&trainer->params, &trainer->config, trainer->options.seed);
	memset(trainer->gradient.block, 0, bytes);
	memset(trainer->first.block, 0, bytes);
	memset(trainer->second.block, 0, bytes);
	memset(trainer->shared, 0, sizeof(*trainer->shared));
	memset(trainer->curve, 0, (size_t) trainer->options.epochs * sizeof(EpochReport));
	trainer->shared->learning_rate = trainer->options.learning_rate;
	drift_start(&trainer->touched.drift, 0);
	trainer->shared->best.validation_loss = NAN;
	trainer->shared->best.hit_rate = NAN;
	trainer->shared->best.mrr = NAN;
}
