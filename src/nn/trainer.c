/*
 * trainer.c
 *	  Fits the parameters of a network to a dataset.
 *
 * A minibatch goes through these phases; between two of them all ranks wait for
 * each other, since each phase reads what others wrote in the one before:
 *
 *	prepare		each data shard: its windows; rank 0: the negatives
 *	touch		rows of tables that the minibatch reads are paid up (table.h)
 *	forward		each data shard: network -> representations
 *	output		softmax over all items: each item shard finds its part of every
 *				window's normaliser; the parts are put together; then each finds
 *				its rows' gradient and its share of the representations' gradient
 *	backward	each data shard: gradient of the core and of the embeddings' output
 *	assemble	sums over the data shards, in their order
 *	measure		squares, for the norm of the whole gradient
 *	step		Adam
 *
 * With a sampled loss, output is part of forward and backward, and all three
 * are one phase.
 *
 * Whoever writes a parameter or its gradient is decided by its place, not by
 * the number of ranks.  All memory is the shared block that trainer_place lays
 * out; a rank that leaves early leaves nothing behind.
 */
#include "nn/trainer.h"

#include <math.h>
#include <string.h>

#include "nn/adam.h"
#include "nn/embedding.h"
#include "nn/matrix.h"
#include "nn/output.h"
#include "nn/rng.h"

/* Written by rank 0 between barriers, or by shard; read by all. */
typedef struct TrainerShared
{
	int64_t		step;			/* minibatches so far */
	float		learning_rate;
	int32_t		tokens[TRAINER_DATA_SHARDS];	/* of the sequences in each batch */
	double		dense_norm[TRAINER_ITEM_SHARDS];
	double		table_norm[TABLE_PARTS];
	double		best_loss;
	int32_t		stalled;		/* epochs since best_loss */
	bool		stop;
	bool		diverged;
	EpochReport report;
	EpochReport best;
} TrainerShared;

/* One rank's place among the others, and what its minibatch is. */
typedef struct Rank
{
	Trainer    *trainer;
	const TrainerCalls *calls;
	int32_t		rank;
	int32_t		ranks;
	Dataset		dataset;
	Drift		drift;			/* step and sums as of the current minibatch */
	int32_t		windows;		/* of the current minibatch */
	int32_t		first_window[TRAINER_DATA_SHARDS + 1];
	int64_t		first_group[TRAINER_DATA_SHARDS + 1];	/* in the order */
} Rank;

/* ---------------------------------------------------------------- memory */

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

/* Most windows that a data shard can get: see share_out(). */
static int32_t
shard_windows(const TrainerSizes *sizes, const TrainerOptions *options)
{
	int32_t		share = options->batch_size / TRAINER_DATA_SHARDS + 1;
	int32_t		group = sizes->longest < options->batch_size
		? sizes->longest : options->batch_size;

	return share + group < options->batch_size ? share + group : options->batch_size;
}

/* Whether every minibatch touches all output weights. */
static bool
is_dense(const TrainerOptions *options)
{
	return options->loss == LOSS_SOFTMAX;
}

/* Add a range of the block that every minibatch touches. */
static void
add_dense(Trainer *trainer, const float *start, size_t count)
{
	trainer->dense[trainer->dense_ranges++] =
		(DenseRange) {(size_t) (start - trainer->params.block), count};
}

/* Add a table of which a minibatch touches few rows. */
static Table *
add_table(Trainer *trainer, Arena *arena, const float *start, int32_t rows,
		  int32_t columns, int64_t most_touched)
{
	Table	   *table = &trainer->table[trainer->tables++];

	table_place(table, arena, rows, columns, most_touched);
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
	bool		dense = is_dense(options);
	bool		placed = arena->base != NULL;

	if (placed)
		add_dense(trainer, trainer->params.block, trainer->params.core_count);
	if (!dense || !config->tied)
		trainer->item_table = add_table(trainer, arena, trainer->params.item_embedding,
										config->items + 1, config->item_dim,
										tokens + (config->tied ? scored : 0));
	else if (placed)
		add_dense(trainer, trainer->params.item_embedding,
				  ((size_t) config->items + 1) * (size_t) config->item_dim);
	for (int32_t f = 0; f < config->features; f++)
		trainer->feature_table[f] = add_table(trainer, arena,
											  trainer->params.feature_embedding[f],
											  config->feature_values[f],
											  config->feature_dim, tokens);
	if (!dense)
	{
		trainer->weight_table = config->tied ? trainer->item_table
			: add_table(trainer, arena, trainer->params.output_weight, config->items,
						config_output_dim(config), scored);
		trainer->bias_table = add_table(trainer, arena, trainer->params.output_bias,
										config->items, 1, scored);
	}
	else if (placed)
	{
		if (!config->tied)
			add_dense(trainer, trainer->params.output_weight,
					  (size_t) config->items * (size_t) config_output_dim(config));
		add_dense(trainer, trainer->params.output_bias, (size_t) config->items);
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

	trainer->sampler.items = config->items;
	trainer->sampler.cumulative = ARENA_TAKE(arena, double, config->items);
	trainer->negative = ARENA_TAKE(arena, int32_t, negatives);
	trainer->negative_weight = ARENA_TAKE(arena, float, negatives * columns);
	trainer->negative_offset = ARENA_TAKE(arena, float, negatives);
	for (int s = 0; s < TRAINER_DATA_SHARDS; s++)
	{
		trainer->sampled[s].negative_weight = ARENA_TAKE(arena, float, negatives * columns);
		trainer->sampled[s].negative_bias = ARENA_TAKE(arena, float, negatives);
		trainer->sampled[s].target = ARENA_TAKE(arena, float, windows);
		trainer->sampled_logits[s] = ARENA_TAKE(arena, float, windows * negatives);
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
	size_t		stride = output_stride(options->batch_size);
	bool		scores_all = is_dense(options) || sizes->validation_windows > 0;
	float	   *blocks[4];
	BatchCapacity capacity = {shard_windows(sizes, options), sizes->longest};

	memset(trainer, 0, sizeof(*trainer));
	trainer->config = *config;
	trainer->options = *options;
	trainer->sizes = *sizes;
	trainer->kernels = kernels_best();
	trainer->shared = ARENA_TAKE(arena, TrainerShared, 1);
	trainer->curve = ARENA_TAKE(arena, EpochReport, options->epochs);

	trainer->start = ARENA_TAKE(arena, int64_t, sizes->sequences + 1);
	trainer->item = ARENA_TAKE(arena, int32_t, sizes->tokens);
	for (int32_t f = 0; f < config->features; f++)
		trainer->feature[f] = ARENA_TAKE(arena, int32_t, sizes->tokens);
	trainer->groups = ARENA_TAKE(arena, WindowGroup, sizes->training_groups +
								 sizes->validation_groups);
	trainer->order = ARENA_TAKE(arena, int64_t, sizes->training_groups);
	trainer->validation_order = ARENA_TAKE(arena, int64_t, sizes->judged_groups);
	trainer->drift.sum = ARENA_TAKE(arena, double, sizes->training_groups + 1);

	for (int i = 0; i < 4; i++)
		blocks[i] = ARENA_TAKE(arena, float, count);
	if (sizes->validation_windows > 0)
		trainer->best = ARENA_TAKE(arena, float, count);
	for (int s = 0; s < TRAINER_DATA_SHARDS; s++)
	{
		float	   *block = ARENA_TAKE(arena, float, core);

		batch_place(&trainer->batch[s], arena, config, &capacity);
		network_place(&trainer->network[s], arena, &trainer->config,
					  trainer->kernels, &capacity, true);
		if (arena->base != NULL)
			params_bind_core(&trainer->core_gradient[s], config, block);
	}
	if (arena->base != NULL)
	{
		params_bind(&trainer->params, config, blocks[0]);
		params_bind(&trainer->gradient, config, blocks[1]);
		params_bind(&trainer->first, config, blocks[2]);
		params_bind(&trainer->second, config, blocks[3]);
	}

	trainer->representation = ARENA_TAKE(arena, float, windows * columns);
	trainer->d_representation = ARENA_TAKE(arena, float, windows * columns *
										   (is_dense(options) ? TRAINER_ITEM_SHARDS : 1));
	trainer->target = ARENA_TAKE(arena, int32_t, windows);
	trainer->window_loss = ARENA_TAKE(arena, float, windows);
	if (scores_all)
	{
		trainer->transposed = ARENA_TAKE(arena, float, columns * stride);
		trainer->logits = ARENA_TAKE(arena, float,
									 TRAINER_ITEM_SHARDS * OUTPUT_TILE * stride);
		trainer->maximum = ARENA_TAKE(arena, float, TRAINER_ITEM_SHARDS * windows);
		trainer->sum = ARENA_TAKE(arena, float, TRAINER_ITEM_SHARDS * windows);
		trainer->above = ARENA_TAKE(arena, int32_t, TRAINER_ITEM_SHARDS * windows);
		trainer->target_logit = ARENA_TAKE(arena, float, windows);
		trainer->log_normaliser = ARENA_TAKE(arena, float, windows);
	}
	if (!is_dense(options))
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
		for (int64_t t = trainer->start[s] + 1; t < trainer->start[s + 1]; t++)
			count[trainer->item[t]]++;
	}
	sampler_start(&trainer->sampler, count);
}

void
trainer_start(Trainer *trainer, const Dataset *dataset)
{
	const TrainerSizes *sizes = &trainer->sizes;
	size_t		bytes = trainer->params.count * sizeof(float);
	WindowGroup	   *groups = trainer->groups;

	memcpy(trainer->start, dataset->start,
		   ((size_t) sizes->sequences + 1) * sizeof(int64_t));
	memcpy(trainer->item, dataset->item, (size_t) sizes->tokens * sizeof(int32_t));
	for (int32_t f = 0; f < trainer->config.features; f++)
		memcpy(trainer->feature[f], dataset->feature[f],
			   (size_t) sizes->tokens * sizeof(int32_t));
	for (int32_t s = 0; s < sizes->sequences; s++)
		groups += batch_cut_sequence(dataset, s, trainer->config.max_length,
									 trainer->options.batch_size, groups);
	for (int64_t i = 0; i < sizes->training_groups; i++)
		trainer->order[i] = i;
	/* evenly over the groups, which may be in order of time */
	for (int64_t i = 0; i < sizes->judged_groups; i++)
		trainer->validation_order[i] = sizes->training_groups +
			i * sizes->validation_groups / sizes->judged_groups;

	if (!is_dense(&trainer->options))
		start_sampler(trainer);
	for (int t = 0; t < trainer->tables; t++)
		table_start(&trainer->table[t], 0);
	params_initialise(&trainer->params, &trainer->config, trainer->options.seed);
	memset(trainer->gradient.block, 0, bytes);
	memset(trainer->first.block, 0, bytes);
	memset(trainer->second.block, 0, bytes);
	memset(trainer->shared, 0, sizeof(*trainer->shared));
	memset(trainer->curve, 0, (size_t) trainer->options.epochs * sizeof(EpochReport));
	trainer->shared->learning_rate = trainer->options.learning_rate;
	drift_start(&trainer->drift, 0);
	trainer->shared->best_loss = INFINITY;
	trainer->shared->best.validation_loss = NAN;
	trainer->shared->best.hit_rate = NAN;
}

/* ---------------------------------------------------------------- sharing */

static void
wait_for_all(const Rank *rank)
{
	if (rank->calls->barrier != NULL)
		rank->calls->barrier(rank->calls->barrier_context);
}

static bool
go_on(const Rank *rank)
{
	Interrupt	interrupt = {rank->calls->may_go_on, rank->calls->context};

	return interrupt_go_on(&interrupt);
}

/* Whether one of `shards` shards, or parts of the tables, is this rank's. */
static bool
is_mine(const Rank *rank, int32_t shard, int32_t shards)
{
	return shard_rank(shard, shards, rank->ranks) == rank->rank;
}

/* Where the s-th of `shards` nearly equal parts of `count` begins. */
static int64_t
shard_start(int64_t count, int32_t s, int32_t shards)
{
	return count * s / shards;
}

/* The first item of an item shard. */
static int32_t
item_shard_start(const Trainer *trainer, int32_t s)
{
	return (int32_t) shard_start(trainer->config.items, s, TRAINER_ITEM_SHARDS);
}

/* The first float of a parameter shard of a dense range, at a cache line's start. */
static size_t
dense_shard_start(const DenseRange *range, int32_t s)
{
	const int64_t line = ARENA_ALIGNMENT / sizeof(float);
	int64_t		lines = ((int64_t) range->count + line - 1) / line;
	size_t		start = (size_t) (shard_start(lines, s, TRAINER_ITEM_SHARDS) * line);

	return range->first + (start < range->count ? start : range->count);
}

/*
 * Take groups from order[*next .. end - 1] for one minibatch and share them out
 * to the data shards; each rank does so by itself.
 */
static void
share_out(Rank *rank, const int64_t *order, int64_t *next, int64_t end)
{
	const Trainer *trainer = rank->trainer;
	int32_t		windows = 0;
	int32_t		taken = 0;
	int32_t		s = 0;

	rank->first_group[0] = *next;
	rank->first_window[0] = 0;
	while (*next < end)
	{
		int32_t		more = group_windows(&trainer->groups[order[*next]]);

		if (windows + more > trainer->options.batch_size)
			break;
		windows += more;
		(*next)++;
	}
	rank->windows = windows;
	for (int64_t i = rank->first_group[0]; i < *next; i++)
	{
		while (taken >= shard_start(windows, s + 1, TRAINER_DATA_SHARDS))
		{
			rank->first_group[++s] = i;
			rank->first_window[s] = taken;
		}
		taken += group_windows(&trainer->groups[order[i]]);
	}
	while (s < TRAINER_DATA_SHARDS)
	{
		rank->first_group[++s] = *next;
		rank->first_window[s] = taken;
	}
}

/* The windows of a data shard in the current minibatch. */
static int32_t
windows_of(const Rank *rank, int32_t s)
{
	return rank->first_window[s + 1] - rank->first_window[s];
}

/* Whether a data shard has windows and is this rank's. */
static bool
is_my_work(const Rank *rank, int32_t s)
{
	return is_mine(rank, s, TRAINER_DATA_SHARDS) && windows_of(rank, s) > 0;
}

/* ---------------------------------------------------------------- phases */

/* Read a share of the history items as unknown ones. */
static void
drop_items(Batch *batch, const Config *config, float share, Rng rng)
{
	int32_t		tokens = layout_tokens(&batch->sequence);

	for (int32_t t = 0; share > 0 && t < tokens; t++)
	{
		if (rng_uniform(&rng) < share)
			batch->item[t] = config->items;
	}
}

/* The stream of random numbers of a data shard in the current minibatch. */
static Rng
shard_stream(const Rank *rank, uint64_t purpose, int32_t s)
{
	return rng_stream(rank->trainer->options.seed, purpose,
					  (uint64_t) rank->trainer->shared->step * TRAINER_DATA_SHARDS +
					  (uint64_t) s);
}

/* Draw the negatives of a minibatch; what is known of them before it is read. */
static void
draw_negatives(Rank *rank)
{
	Trainer    *trainer = rank->trainer;
	int32_t		count = trainer->options.negatives;
	Rng			rng = rng_stream(trainer->options.seed, RNG_NEGATIVES,
								 (uint64_t) trainer->shared->step);

	for (int32_t j = 0; j < count; j++)
	{
		int32_t		item = sampler_draw(&trainer->sampler, &rng);

		trainer->negative[j] = item;
		trainer->negative_offset[j] = trainer->options.loss == LOSS_SAMPLED_SOFTMAX
			? -(float) log(count * sampler_probability(&trainer->sampler, item)) : 0;
	}
}

/* Prepare: fill the batches of the minibatch. */
static void
prepare(Rank *rank, const int64_t *order, bool training)
{
	Trainer    *trainer = rank->trainer;

	for (int32_t s = 0; s < TRAINER_DATA_SHARDS; s++)
	{
		Batch	   *batch = &trainer->batch[s];

		if (is_mine(rank, s, TRAINER_DATA_SHARDS))
			trainer->shared->tokens[s] = 0;
		if (!is_my_work(rank, s))
			continue;
		batch_fill(batch, &rank->dataset, trainer->groups, order + rank->first_group[s],
				   (int32_t) (rank->first_group[s + 1] - rank->first_group[s]), true);
		if (training)
			drop_items(batch, &trainer->config, trainer->options.item_dropout,
					   shard_stream(rank, RNG_ITEM_DROPOUT, s));
		trainer->shared->tokens[s] = layout_tokens(&batch->sequence);
		memcpy(trainer->target + rank->first_window[s], batch->target,
			   (size_t) windows_of(rank, s) * sizeof(int32_t));
	}
	if (training && rank->rank == 0 && !is_dense(&trainer->options))
		draw_negatives(rank);
}

/* Touch a row if it is this rank's; true if so. */
static bool
touch(Rank *rank, Table *table, int32_t row)
{
	if (!table_owns(row, rank->rank, rank->ranks))
		return false;
	table_touch(table, rank->trainer->kernels, &rank->drift, row);
	return true;
}

/* Touch: pay up the rows that the minibatch reads; copy those of negatives. */
static void
touch_rows(Rank *rank)
{
	Trainer    *trainer = rank->trainer;
	size_t		columns = (size_t) config_output_dim(&trainer->config);

	for (int32_t s = 0; s < TRAINER_DATA_SHARDS; s++)
	{
		const Batch *batch = &trainer->batch[s];
		int32_t		tokens = trainer->shared->tokens[s];

		for (int32_t t = 0; t < tokens && trainer->item_table != NULL; t++)
			touch(rank, trainer->item_table, batch->item[t]);
		for (int32_t f = 0; f < trainer->config.features; f++)
		{
			for (int32_t t = 0; t < tokens; t++)
				touch(rank, trainer->feature_table[f], batch->feature[f][t]);
		}
	}
	if (is_dense(&trainer->options))
		return;
	for (int32_t w = 0; w < rank->windows; w++)
	{
		touch(rank, trainer->weight_table, trainer->target[w]);
		touch(rank, trainer->bias_table, trainer->target[w]);
	}
	for (int32_t j = 0; j < trainer->options.negatives; j++)
	{
		int32_t		item = trainer->negative[j];

		if (!touch(rank, trainer->weight_table, item))
			continue;
		touch(rank, trainer->bias_table, item);
		memcpy(trainer->negative_weight + (size_t) j * columns,
			   trainer->params.output_weight + (size_t) item * columns,
			   columns * sizeof(float));
		trainer->negative_offset[j] += trainer->params.output_bias[item];
	}
}

/* Forward: representations of the windows of a data shard. */
static void
forward(Rank *rank, int32_t s, bool training)
{
	Trainer    *trainer = rank->trainer;
	Rng			dropout = shard_stream(rank, RNG_DROPOUT, s);

	network_forward(trainer->representation + (size_t) rank->first_window[s] *
					config_output_dim(&trainer->config),
					&trainer->network[s], &trainer->params, &trainer->batch[s],
					training ? &dropout : NULL);
}

/* The output layer's view of the minibatch, with the scratch of shard s. */
static OutputPass
output_pass(const Rank *rank, int32_t s)
{
	Trainer    *trainer = rank->trainer;

	return (OutputPass) {
		.kernels = trainer->kernels,
		.params = &trainer->params,
		.representation = trainer->representation,
		.transposed = trainer->transposed,
		.target = trainer->target,
		.windows = rank->windows,
		.columns = config_output_dim(&trainer->config),
		.logits = trainer->logits +
			s * OUTPUT_TILE * output_stride(trainer->options.batch_size)
	};
}

/* Forward for all of this rank's data shards, for the output layer. */
static NnStatus
forward_all(Rank *rank, bool training)
{
	OutputPass	pass = output_pass(rank, 0);

	for (int32_t s = 0; s < TRAINER_DATA_SHARDS; s++)
	{
		if (!is_my_work(rank, s))
			continue;
		forward(rank, s, training);
		output_transpose(&pass, rank->first_window[s], windows_of(rank, s));
		if (!go_on(rank))
			return NN_CANCELLED;
	}
	return NN_OK;
}

/* Backward: from the representations' gradient of a data shard. */
static void
backward(Rank *rank, int32_t s)
{
	Trainer    *trainer = rank->trainer;
	Rng			dropout = shard_stream(rank, RNG_DROPOUT, s);

	memset(trainer->core_gradient[s].block, 0,
		   trainer->params.core_count * sizeof(float));
	network_backward(&trainer->core_gradient[s],
					 trainer->d_representation + (size_t) rank->first_window[s] *
					 config_output_dim(&trainer->config),
					 &trainer->network[s], &trainer->params, &trainer->batch[s], &dropout);
}

/* Forward, sampled loss and backward of this rank's data shards. */
static NnStatus
run_sampled(Rank *rank)
{
	Trainer    *trainer = rank->trainer;
	size_t		columns = (size_t) config_output_dim(&trainer->config);

	for (int32_t s = 0; s < TRAINER_DATA_SHARDS; s++)
	{
		int32_t		first = rank->first_window[s];
		SampledGradient gradient = trainer->sampled[s];
		SampledPass pass = {
			.kernels = trainer->kernels,
			.params = &trainer->params,
			.loss = trainer->options.loss,
			.windows = windows_of(rank, s),
			.columns = (int32_t) columns,
			.negatives = trainer->options.negatives,
			.representation = trainer->representation + first * columns,
			.target = trainer->target + first,
			.negative = trainer->negative,
			.negative_weight = trainer->negative_weight,
			.negative_offset = trainer->negative_offset,
			.logits = trainer->sampled_logits[s]
		};

		if (!is_my_work(rank, s))
			continue;
		forward(rank, s, true);
		gradient.representation = trainer->d_representation + first * columns;
		sampled_loss(&pass, 1.0f / (float) rank->windows, trainer->window_loss + first,
					 &gradient);
		backward(rank, s);
		if (!go_on(rank))
			return NN_CANCELLED;
	}
	return NN_OK;
}

/* What is done to one tile of items; shard_offset: of the shard's window arrays. */
typedef void (*TileFunction) (Rank *rank, const OutputPass *pass,
							  size_t shard_offset, int32_t first, int32_t last);

/* Apply a function to all tiles of this rank's item shards. */
static NnStatus
for_each_tile(Rank *rank, TileFunction function)
{
	for (int32_t s = 0; s < TRAINER_ITEM_SHARDS; s++)
	{
		OutputPass	pass = output_pass(rank, s);
		int32_t		end = item_shard_start(rank->trainer, s + 1);
		int32_t		last;

		if (!is_mine(rank, s, TRAINER_ITEM_SHARDS))
			continue;
		for (int32_t first = item_shard_start(rank->trainer, s); first < end; first = last)
		{
			last = first + OUTPUT_TILE < end ? first + OUTPUT_TILE : end;
			function(rank, &pass, (size_t) s * rank->trainer->options.batch_size,
					 first, last);
			if (!go_on(rank))
				return NN_CANCELLED;
		}
	}
	return NN_OK;
}

/*
 * Begin the sums of this rank's item shards.  A shard may have no item at all,
 * and then nothing else is written to them.
 */
static void
clear_sums(Rank *rank, bool training)
{
	Trainer    *trainer = rank->trainer;
	size_t		stride = (size_t) trainer->options.batch_size;
	size_t		windows = (size_t) rank->windows;
	size_t		columns = (size_t) config_output_dim(&trainer->config);

	for (size_t s = 0; s < TRAINER_ITEM_SHARDS; s++)
	{
		if (!is_mine(rank, (int32_t) s, TRAINER_ITEM_SHARDS))
			continue;
		for (size_t w = 0; w < windows; w++)
			trainer->maximum[s * stride + w] = -INFINITY;
		memset(trainer->sum + s * stride, 0, windows * sizeof(float));
		memset(trainer->above + s * stride, 0, windows * sizeof(int32_t));
		if (training)
			memset(trainer->d_representation + s * stride * columns, 0,
				   windows * columns * sizeof(float));
	}
}

static void
statistics_tile(Rank *rank, const OutputPass *pass, size_t shard_offset,
				int32_t first, int32_t last)
{
	Trainer    *trainer = rank->trainer;

	output_statistics(pass, first, last, trainer->maximum + shard_offset,
					  trainer->sum + shard_offset, trainer->target_logit);
}

static void
gradient_tile(Rank *rank, const OutputPass *pass, size_t shard_offset,
			  int32_t first, int32_t last)
{
	Trainer    *trainer = rank->trainer;

	output_gradient(pass, first, last, trainer->log_normaliser,
					1.0f / (float) rank->windows, &trainer->gradient,
					trainer->d_representation + shard_offset * pass->columns);
}

static void
count_tile(Rank *rank, const OutputPass *pass, size_t shard_offset,
		   int32_t first, int32_t last)
{
	Trainer    *trainer = rank->trainer;

	output_count_above(pass, first, last, trainer->target_logit,
					   trainer->above + shard_offset);
}

/* Whether the target of window w is in the vocabulary. */
static bool
has_target(const Trainer *trainer, int32_t w)
{
	return trainer->target[w] >= 0 && trainer->target[w] < trainer->config.items;
}

/* The logarithm of window w's softmax normaliser, from all item shards. */
static float
log_normaliser(const Trainer *trainer, int32_t w)
{
	size_t		stride = (size_t) trainer->options.batch_size;
	float		top = -INFINITY;
	float		sum = 0;

	for (int32_t s = 0; s < TRAINER_ITEM_SHARDS; s++)
		top = fmaxf(top, trainer->maximum[s * stride + w]);
	for (int32_t s = 0; s < TRAINER_ITEM_SHARDS; s++)
	{
		if (trainer->sum[s * stride + w] > 0)
			sum += trainer->sum[s * stride + w] *
				expf(trainer->maximum[s * stride + w] - top);
	}
	return top + logf(sum);
}

/*
 * Put the normalisers together, and from them each window's cross-entropy (0
 * without a target).  Every rank takes a part of the windows.
 */
static void
combine_statistics(Rank *rank)
{
	Trainer    *trainer = rank->trainer;
	int32_t		end = (int32_t) shard_start(rank->windows, rank->rank + 1, rank->ranks);

	for (int32_t w = (int32_t) shard_start(rank->windows, rank->rank, rank->ranks);
		 w < end; w++)
	{
		bool		known = has_target(trainer, w);

		trainer->log_normaliser[w] = known ? log_normaliser(trainer, w) : INFINITY;
		trainer->window_loss[w] = known
			? trainer->log_normaliser[w] - trainer->target_logit[w] : 0;
	}
}

/* Score all items: every window's normaliser and cross-entropy. */
static NnStatus
run_statistics(Rank *rank, bool training)
{
	clear_sums(rank, training);
	wait_for_all(rank);
	if (for_each_tile(rank, statistics_tile) != NN_OK)
		return NN_CANCELLED;
	wait_for_all(rank);
	combine_statistics(rank);
	wait_for_all(rank);
	return NN_OK;
}

/* Add up the item shards' gradients of the representations of a data shard. */
static void
sum_item_shards(Rank *rank, int32_t s)
{
	Trainer    *trainer = rank->trainer;
	size_t		columns = (size_t) config_output_dim(&trainer->config);
	size_t		stride = (size_t) trainer->options.batch_size * columns;
	size_t		count = (size_t) windows_of(rank, s) * columns;
	float	   *sum = trainer->d_representation + (size_t) rank->first_window[s] * columns;

	for (int32_t i = 1; i < TRAINER_ITEM_SHARDS; i++)
	{
		for (size_t j = 0; j < count; j++)
			sum[j] += sum[i * stride + j];
	}
}

/* Forward, softmax over all items, and backward. */
static NnStatus
run_softmax(Rank *rank)
{
	if (forward_all(rank, true) != NN_OK ||
		run_statistics(rank, true) != NN_OK ||
		for_each_tile(rank, gradient_tile) != NN_OK)
		return NN_CANCELLED;
	wait_for_all(rank);
	for (int32_t s = 0; s < TRAINER_DATA_SHARDS; s++)
	{
		if (!is_my_work(rank, s))
			continue;
		sum_item_shards(rank, s);
		backward(rank, s);
		if (!go_on(rank))
			return NN_CANCELLED;
	}
	return NN_OK;
}

/* Add the gradients of a sampled loss to the rows that are this rank's. */
static void
assemble_sampled(Rank *rank)
{
	Trainer    *trainer = rank->trainer;
	int32_t		columns = config_output_dim(&trainer->config);
	float	   *weight = trainer->gradient.output_weight;
	float	   *bias = trainer->gradient.output_bias;

	for (int32_t s = 0; s < TRAINER_DATA_SHARDS; s++)
	{
		const SampledGradient *sampled = &trainer->sampled[s];
		int32_t		first = rank->first_window[s];

		for (int32_t j = 0; j < trainer->options.negatives && windows_of(rank, s) > 0; j++)
		{
			int32_t		item = trainer->negative[j];

			if (!table_owns(item, rank->rank, rank->ranks))
				continue;
			matrix_add_rows(weight + (size_t) item * columns,
							sampled->negative_weight + (size_t) j * columns, 1, columns);
			bias[item] += sampled->negative_bias[j];
		}
		for (int32_t w = 0; w < windows_of(rank, s); w++)
		{
			int32_t		item = trainer->target[first + w];
			const float *h = trainer->representation + (size_t) (first + w) * columns;

			if (!table_owns(item, rank->rank, rank->ranks))
				continue;
			for (int32_t c = 0; c < columns; c++)
				weight[(size_t) item * columns + c] += sampled->target[w] * h[c];
			bias[item] += sampled->target[w];
		}
	}
}

/* Assemble: the whole gradient, except what run_softmax has written. */
static void
assemble(Rank *rank)
{
	Trainer    *trainer = rank->trainer;
	int64_t		core = (int64_t) trainer->params.core_count;
	size_t		end = (size_t) shard_start(core, rank->rank + 1, rank->ranks);

	for (int32_t s = 0; s < TRAINER_DATA_SHARDS; s++)
	{
		if (windows_of(rank, s) == 0)
			continue;
		for (size_t i = (size_t) shard_start(core, rank->rank, rank->ranks); i < end; i++)
			trainer->gradient.block[i] += trainer->core_gradient[s].block[i];
		embedding_backward(&trainer->gradient, trainer->network[s].d_input,
						   &trainer->config, &trainer->batch[s], trainer->shared->tokens[s],
						   rank->rank, rank->ranks);
	}
	if (!is_dense(&trainer->options))
		assemble_sampled(rank);
}

/* Measure: the squares of this rank's parameter shards and table parts. */
static void
measure(Rank *rank)
{
	Trainer    *trainer = rank->trainer;

	for (int32_t s = 0; s < TRAINER_ITEM_SHARDS; s++)
	{
		double		sum = 0;

		if (!is_mine(rank, s, TRAINER_ITEM_SHARDS))
			continue;
		for (int r = 0; r < trainer->dense_ranges; r++)
		{
			size_t		start = dense_shard_start(&trainer->dense[r], s);

			sum += trainer->kernels->sum_squares(trainer->gradient.block + start,
												 dense_shard_start(&trainer->dense[r], s + 1) - start);
		}
		trainer->shared->dense_norm[s] = sum;
	}
	for (int32_t part = 0; part < TABLE_PARTS; part++)
	{
		double		sum = 0;

		if (!is_mine(rank, part, TABLE_PARTS))
			continue;
		for (int t = 0; t < trainer->tables; t++)
			sum += table_square_norm(&trainer->table[t], trainer->kernels, part);
		trainer->shared->table_norm[part] = sum;
	}
}

/* Step: Adam on this rank's parameter shards and table parts. */
static void
step(Rank *rank)
{
	Trainer    *trainer = rank->trainer;
	AdamStep	constants;
	double		square_norm = 0;

	for (int32_t s = 0; s < TRAINER_ITEM_SHARDS; s++)
		square_norm += trainer->shared->dense_norm[s];
	for (int32_t part = 0; part < TABLE_PARTS; part++)
		square_norm += trainer->shared->table_norm[part];
	constants = adam_step(rank->drift.step + 1, trainer->shared->learning_rate,
						  sqrt(square_norm), trainer->options.clip_norm);
	for (int32_t s = 0; s < TRAINER_ITEM_SHARDS; s++)
	{
		for (int r = 0; r < trainer->dense_ranges && is_mine(rank, s, TRAINER_ITEM_SHARDS); r++)
		{
			size_t		start = dense_shard_start(&trainer->dense[r], s);

			trainer->kernels->adam(trainer->params.block + start,
								   trainer->gradient.block + start,
								   trainer->first.block + start,
								   trainer->second.block + start,
								   dense_shard_start(&trainer->dense[r], s + 1) - start,
								   &constants);
		}
	}
	for (int32_t part = 0; part < TABLE_PARTS; part++)
	{
		for (int t = 0; t < trainer->tables && is_mine(rank, part, TABLE_PARTS); t++)
			table_step(&trainer->table[t], trainer->kernels, part, &constants);
	}
}

/* Rank 0: count the step. */
static void
advance(Rank *rank)
{
	Trainer    *trainer = rank->trainer;

	if (rank->rank == 0)
	{
		trainer->shared->step++;
		trainer->drift.learning_rate = trainer->shared->learning_rate;
		drift_advance(&trainer->drift);
	}
	rank->drift.step++;
}

/* Sum of the losses of the windows that have a target; counts them. */
static double
sum_loss(const Rank *rank, int64_t *count)
{
	const Trainer *trainer = rank->trainer;
	double		loss = 0;

	for (int32_t w = 0; w < rank->windows; w++)
	{
		loss += (double) trainer->window_loss[w];
		*count += has_target(trainer, w);
	}
	return loss;
}

/* One minibatch from order[*next]; adds to *loss and *count. */
static NnStatus
train_minibatch(Rank *rank, int64_t *next, double *loss, int64_t *count)
{
	Trainer    *trainer = rank->trainer;

	share_out(rank, trainer->order, next, trainer->sizes.training_groups);
	prepare(rank, trainer->order, true);
	wait_for_all(rank);
	if (trainer->tables > 0)
	{
		touch_rows(rank);
		wait_for_all(rank);
	}
	if ((is_dense(&trainer->options) ? run_softmax(rank) : run_sampled(rank)) != NN_OK)
		return NN_CANCELLED;
	wait_for_all(rank);
	*loss += sum_loss(rank, count);
	assemble(rank);
	if (!go_on(rank))
		return NN_CANCELLED;
	wait_for_all(rank);
	measure(rank);
	if (!go_on(rank))
		return NN_CANCELLED;
	wait_for_all(rank);
	step(rank);
	advance(rank);
	wait_for_all(rank);
	return NN_OK;
}

/* ---------------------------------------------------------------- epochs */

/* Pay up all rows of all tables, and begin a new drift with the learning rate. */
static void
pay_all(Rank *rank)
{
	Trainer    *trainer = rank->trainer;

	for (int32_t part = 0; part < TABLE_PARTS; part++)
	{
		for (int t = 0; t < trainer->tables && is_mine(rank, part, TABLE_PARTS); t++)
			table_pay(&trainer->table[t], trainer->kernels, &rank->drift, part);
	}
	wait_for_all(rank);
	rank->drift.base = rank->drift.step;
	if (rank->rank == 0)
		drift_start(&trainer->drift, rank->drift.step);
}

/* Loss and hit rate over the validation windows that are judged, into the shared report. */
static NnStatus
validate(Rank *rank)
{
	Trainer    *trainer = rank->trainer;
	size_t		stride = (size_t) trainer->options.batch_size;
	int64_t		next = 0;
	double		loss = 0;
	int64_t		count = 0;
	int64_t		windows = 0;
	int64_t		hits = 0;			/* a target outside the vocabulary is none */

	while (next < trainer->sizes.judged_groups)
	{
		share_out(rank, trainer->validation_order, &next, trainer->sizes.judged_groups);
		prepare(rank, trainer->validation_order, false);
		if (forward_all(rank, false) != NN_OK ||
			run_statistics(rank, false) != NN_OK ||
			for_each_tile(rank, count_tile) != NN_OK)
			return NN_CANCELLED;
		wait_for_all(rank);
		loss += sum_loss(rank, &count);
		for (int32_t w = 0; w < rank->windows; w++)
		{
			int32_t		above = 0;

			for (int32_t s = 0; s < TRAINER_ITEM_SHARDS; s++)
				above += trainer->above[s * stride + w];
			hits += has_target(trainer, w) && above < TRAINER_HIT_RATE_K;
		}
		windows += rank->windows;
		wait_for_all(rank);
	}
	if (rank->rank == 0)
	{
		trainer->shared->report.validation_windows = count;
		trainer->shared->report.validation_loss = count > 0 ? loss / (double) count : NAN;
		trainer->shared->report.hit_rate = windows > 0
			? (double) hits / (double) windows : NAN;
	}
	return NN_OK;
}

/* Rank 0, at the end of an epoch: is it the best, and does training go on? */
static void
judge_epoch(Trainer *trainer)
{
	TrainerShared *shared = trainer->shared;
	EpochReport *report = &shared->report;
	bool		validated = report->validation_windows > 0;

	shared->diverged = !isfinite(report->loss) ||
		(validated && !isfinite(report->validation_loss));
	report->best = !validated || report->validation_loss < shared->best_loss;
	if (report->best)
	{
		shared->best = *report;
		shared->best_loss = report->validation_loss;
		shared->stalled = 0;
		return;
	}
	if (++shared->stalled % TRAINER_STALLS_TO_HALVE == 0)
		shared->learning_rate /= 2;
	shared->stop = trainer->options.patience > 0 &&
		shared->stalled >= trainer->options.patience;
}

/* Copy this rank's share of the parameters. */
static void
copy_parameters(const Rank *rank, float *to, const float *from)
{
	DenseRange	all = {0, rank->trainer->params.count};

	for (int32_t s = 0; s < TRAINER_ITEM_SHARDS; s++)
	{
		size_t		start = dense_shard_start(&all, s);

		if (is_mine(rank, s, TRAINER_ITEM_SHARDS))
			memcpy(to + start, from + start,
				   (dense_shard_start(&all, s + 1) - start) * sizeof(float));
	}
}

/* Fisher and Yates; the order depends on the seed and the epoch. */
static void
shuffle(Trainer *trainer, int32_t epoch)
{
	Rng			rng = rng_stream(trainer->options.seed, RNG_SHUFFLE, (uint64_t) epoch);

	for (int64_t i = trainer->sizes.training_groups - 1; i > 0; i--)
	{
		int64_t		j = (int64_t) (rng_next(&rng) % (uint64_t) (i + 1));
		int64_t		other = trainer->order[j];

		trainer->order[j] = trainer->order[i];
		trainer->order[i] = other;
	}
}

/* One pass over the training windows, and one over those for validation. */
static NnStatus
run_epoch(Rank *rank, int32_t epoch)
{
	Trainer    *trainer = rank->trainer;
	TrainerShared *shared = trainer->shared;
	double		loss = 0;
	int64_t		count = 0;
	int64_t		next = 0;

	if (rank->rank == 0)
		shuffle(trainer, epoch);
	wait_for_all(rank);
	while (next < trainer->sizes.training_groups)
	{
		if (train_minibatch(rank, &next, &loss, &count) != NN_OK)
			return NN_CANCELLED;
		if (rank->rank == 0 && rank->calls->minibatch_done != NULL)
			rank->calls->minibatch_done(rank->calls->context, count, loss / (double) count);
	}
	if (rank->rank == 0)
		shared->report = (EpochReport) {
			.epoch = epoch,
			.loss = count > 0 ? loss / (double) count : NAN,
			.learning_rate = shared->learning_rate
		};
	pay_all(rank);
	if (validate(rank) != NN_OK)
		return NN_CANCELLED;
	if (rank->rank == 0)
	{
		judge_epoch(trainer);
		trainer->curve[epoch - 1] = shared->report;
		if (!shared->diverged && rank->calls->epoch_done != NULL)
			rank->calls->epoch_done(rank->calls->context, &shared->report);
	}
	wait_for_all(rank);
	if (shared->report.best && trainer->best != NULL)
		copy_parameters(rank, trainer->best, trainer->params.block);
	return shared->diverged ? NN_DIVERGED : NN_OK;
}

bool
trainer_done(const Trainer *trainer)
{
	return trainer->shared->stop ||
		trainer->shared->report.epoch >= trainer->options.epochs;
}

/* A rank's place, as of the epochs that are done. */
static Rank
take_rank(Trainer *trainer, const TrainerCalls *calls, int32_t rank_number, int32_t ranks)
{
	Rank		rank = {
		.trainer = trainer,
		.calls = calls,
		.rank = rank_number,
		.ranks = ranks,
		.dataset = {
			.sequences = trainer->sizes.sequences,
			.start = trainer->start,
			.item = trainer->item,
			.features = trainer->config.features
		},
		.drift = {.step = trainer->shared->step, .base = trainer->shared->step,
		.sum = trainer->drift.sum}
	};

	for (int32_t f = 0; f < trainer->config.features; f++)
		rank.dataset.feature[f] = trainer->feature[f];
	for (int s = 0; s < TRAINER_DATA_SHARDS; s++)
		trainer->network[s].interrupt = (Interrupt) {calls->may_go_on, calls->context};
	return rank;
}

double
trainer_hit_rate(Trainer *trainer, const TrainerCalls *calls)
{
	Rank		rank = take_rank(trainer, calls, 0, 1);
	EpochReport *report = &trainer->shared->report;
	double		hit_rate = validate(&rank) == NN_OK ? report->hit_rate : NAN;

	memset(report, 0, sizeof(*report));
	return hit_rate;
}

NnStatus
trainer_run(Trainer *trainer, int32_t rank_number, int32_t ranks,
			const TrainerCalls *calls, int32_t epochs)
{
	Rank		rank = take_rank(trainer, calls, rank_number, ranks);
	int32_t		epoch = trainer->shared->report.epoch;
	int32_t		last = epochs < trainer->options.epochs - epoch ? epoch + epochs
		: trainer->options.epochs;

	while (epoch < last && !trainer->shared->stop)
	{
		NnStatus	status = run_epoch(&rank, ++epoch);

		if (status != NN_OK)
			return status;
	}
	return NN_OK;
}

TrainerResult
trainer_finish(Trainer *trainer)
{
	const TrainerShared *shared = trainer->shared;

	if (trainer->best != NULL)
		memcpy(trainer->params.block, trainer->best, trainer->params.count * sizeof(float));
	return (TrainerResult) {shared->report.epoch, shared->best, trainer->curve};
}

/* ---------------------------------------------------------------- checkpoints */

int
trainer_pieces(Trainer *trainer, TrainerPiece *pieces)
{
	size_t		bytes = trainer->params.count * sizeof(float);
	int			count = 0;

	pieces[count++] = (TrainerPiece) {trainer->shared, sizeof(*trainer->shared)};
	pieces[count++] = (TrainerPiece) {trainer->curve,
		(size_t) trainer->options.epochs * sizeof(EpochReport)};
	pieces[count++] = (TrainerPiece) {trainer->params.block, bytes};
	pieces[count++] = (TrainerPiece) {trainer->first.block, bytes};
	pieces[count++] = (TrainerPiece) {trainer->second.block, bytes};
	if (trainer->best != NULL)
		pieces[count++] = (TrainerPiece) {trainer->best, bytes};
	return count;
}

int32_t
trainer_resume(Trainer *trainer)
{
	const TrainerShared *shared = trainer->shared;
	int32_t		epochs = shared->report.epoch;

	if (epochs < 0 || epochs > trainer->options.epochs || shared->step < 0 ||
		shared->step > (int64_t) epochs * trainer->sizes.training_groups)
		return -1;
	/* the order that the epochs have left, and every row paid up */
	for (int32_t epoch = 1; epoch <= epochs; epoch++)
		shuffle(trainer, epoch);
	for (int t = 0; t < trainer->tables; t++)
		table_start(&trainer->table[t], shared->step);
	drift_start(&trainer->drift, shared->step);
	return epochs;
}
