/*
 * trainer.c
 *	  Fits the parameters of a network to a dataset.
 *
 * A minibatch goes through these phases; between two of them all ranks wait for
 * each other, since each phase reads what others wrote in the one before:
 *
 *	 1. forward		network of each data shard -> representations
 *	 2. statistics	each item shard: part of every window's softmax normaliser;
 *					then the parts are put together
 *	 3. gradient	each item shard: its rows' gradient, its share of d_representation
 *	 4. backward	network of each data shard -> its gradient of the core
 *	 5. assemble	core and embeddings: sums over the data shards, in their order;
 *					then the squares of each parameter shard, for the norm
 *	 6. step		Adam on each parameter shard
 *
 * Phases 2 and 3 touch only rows of their own items, so the large gradient of
 * the output layer needs no summing up.  All memory is the shared block that
 * trainer_place lays out; a rank that leaves early leaves nothing behind.
 */
#include "trainer.h"

#include <math.h>
#include <string.h>

#include "adam.h"
#include "embedding.h"
#include "output.h"
#include "rng.h"

/* Written by rank 0 between barriers, or by shard; read by all. */
typedef struct TrainerShared
{
	int64_t		step;			/* minibatches so far */
	float		learning_rate;
	int32_t		steps[TRAINER_DATA_SHARDS];	/* of the sequences in each batch */
	double		square_norm[TRAINER_PARAMETER_SHARDS];
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
	int32_t		windows;		/* of the current minibatch */
	int32_t		first_window[TRAINER_DATA_SHARDS + 1];
} Rank;

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
		int64_t		windows = tokens > 1 ? tokens - 1 : 0;
		int64_t		groups = batch_cut_sequence(dataset, s, config->max_length,
												options->batch_size, NULL);

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
	return sizes;
}

/* Most windows that a data shard can get: see share_out(). */
static int32_t
shard_windows(const Config *config, const TrainerOptions *options)
{
	int32_t		share = options->batch_size / TRAINER_DATA_SHARDS + 1;
	int32_t		group = config->max_length < options->batch_size
		? config->max_length : options->batch_size;

	return share + group < options->batch_size ? share + group : options->batch_size;
}

void
trainer_place(Trainer *trainer, Arena *arena, const Config *config,
			  const TrainerOptions *options, const TrainerSizes *sizes)
{
	size_t		count = params_count(config);
	size_t		windows = (size_t) options->batch_size;
	size_t		columns = (size_t) config_output_dim(config);
	size_t		core;
	float	   *blocks[4];
	BatchCapacity capacity = {shard_windows(config, options), config->max_length};

	memset(trainer, 0, sizeof(*trainer));
	trainer->config = *config;
	trainer->options = *options;
	trainer->sizes = *sizes;
	trainer->kernels = kernels_best();
	trainer->shared = ARENA_TAKE(arena, TrainerShared, 1);

	trainer->start = ARENA_TAKE(arena, int64_t, sizes->sequences + 1);
	trainer->item = ARENA_TAKE(arena, int32_t, sizes->tokens);
	for (int32_t f = 0; f < config->features; f++)
		trainer->feature[f] = ARENA_TAKE(arena, int32_t, sizes->tokens);
	trainer->groups = ARENA_TAKE(arena, WindowGroup, sizes->training_groups +
								 sizes->validation_groups);
	trainer->order = ARENA_TAKE(arena, int64_t, sizes->training_groups);
	trainer->validation_order = ARENA_TAKE(arena, int64_t, sizes->validation_groups);

	for (int i = 0; i < 4; i++)
		blocks[i] = ARENA_TAKE(arena, float, count);
	trainer->best = ARENA_TAKE(arena, float, count);

	core = params_core_count(config);
	for (int s = 0; s < TRAINER_DATA_SHARDS; s++)
	{
		float	   *block = ARENA_TAKE(arena, float, core);

		batch_place(&trainer->batch[s], arena, config, &capacity);
		network_place(&trainer->network[s], arena, &trainer->config,
					  trainer->kernels, &capacity, true);
		if (arena->base != NULL)
			params_bind_core(&trainer->core_gradient[s], config, block);
	}
	trainer->representation = ARENA_TAKE(arena, float, windows * columns);
	trainer->d_representation = ARENA_TAKE(arena, float,
										   TRAINER_ITEM_SHARDS * windows * columns);
	trainer->logits = ARENA_TAKE(arena, float,
								 TRAINER_ITEM_SHARDS * windows * OUTPUT_TILE);
	trainer->maximum = ARENA_TAKE(arena, float, TRAINER_ITEM_SHARDS * windows);
	trainer->sum = ARENA_TAKE(arena, float, TRAINER_ITEM_SHARDS * windows);
	trainer->above = ARENA_TAKE(arena, int32_t, TRAINER_ITEM_SHARDS * windows);
	trainer->target_logit = ARENA_TAKE(arena, float, windows);
	trainer->log_normaliser = ARENA_TAKE(arena, float, windows);
	trainer->target = ARENA_TAKE(arena, int32_t, windows);
	if (arena->base != NULL)
	{
		params_bind(&trainer->params, config, blocks[0]);
		params_bind(&trainer->gradient, config, blocks[1]);
		params_bind(&trainer->first, config, blocks[2]);
		params_bind(&trainer->second, config, blocks[3]);
	}
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
	for (int64_t i = 0; i < sizes->validation_groups; i++)
		trainer->validation_order[i] = sizes->training_groups + i;

	params_initialise(&trainer->params, &trainer->config, trainer->options.seed);
	memset(trainer->gradient.block, 0, bytes);
	memset(trainer->first.block, 0, bytes);
	memset(trainer->second.block, 0, bytes);
	memset(trainer->shared, 0, sizeof(*trainer->shared));
	trainer->shared->learning_rate = trainer->options.learning_rate;
	trainer->shared->best_loss = INFINITY;
	trainer->shared->best.validation_loss = NAN;
	trainer->shared->best.hit_rate = NAN;
}

static void
wait_for_all(const Rank *rank)
{
	if (rank->calls->barrier != NULL)
		rank->calls->barrier(rank->calls->context);
}

static bool
go_on(const Rank *rank)
{
	return rank->calls->may_go_on == NULL ||
		rank->calls->may_go_on(rank->calls->context);
}

/* Whether a shard is this rank's. */
static bool
is_mine(const Rank *rank, int32_t shard)
{
	return shard % rank->ranks == rank->rank;
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

/* The first parameter of a parameter shard, at a cache line's start. */
static size_t
parameter_shard_start(const Trainer *trainer, int32_t s)
{
	const int64_t line = ARENA_ALIGNMENT / sizeof(float);
	int64_t		lines = (int64_t) trainer->params.count / line;

	return (size_t) (shard_start(lines, s, TRAINER_PARAMETER_SHARDS) * line);
}

/*
 * Take groups from order[*next .. end - 1] for one minibatch and share them out
 * to the data shards; each rank does so by itself.  shard_end[s] is the end in
 * order[] of shard s, which begins where the one before ends.
 */
static void
share_out(Rank *rank, const int64_t *order, int64_t *next, int64_t end,
		  int64_t shard_end[TRAINER_DATA_SHARDS])
{
	const Trainer *trainer = rank->trainer;
	int64_t		first = *next;
	int32_t		windows = 0;
	int32_t		taken = 0;
	int32_t		s = 0;

	while (*next < end)
	{
		int32_t		more = group_windows(&trainer->groups[order[*next]]);

		if (windows + more > trainer->options.batch_size)
			break;
		windows += more;
		(*next)++;
	}
	rank->windows = windows;
	rank->first_window[0] = 0;
	for (int64_t i = first; i < *next; i++)
	{
		while (taken >= shard_start(windows, s + 1, TRAINER_DATA_SHARDS))
		{
			shard_end[s] = i;
			rank->first_window[++s] = taken;
		}
		taken += group_windows(&trainer->groups[order[i]]);
	}
	for (; s < TRAINER_DATA_SHARDS; s++)
	{
		shard_end[s] = *next;
		rank->first_window[s + 1] = taken;
	}
}

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

/* Phase 1: representations of the windows of the minibatch. */
static void
forward(Rank *rank, const int64_t *order, int64_t first,
		const int64_t shard_end[TRAINER_DATA_SHARDS], bool training)
{
	Trainer    *trainer = rank->trainer;
	size_t		columns = (size_t) config_output_dim(&trainer->config);

	for (int32_t s = 0; s < TRAINER_DATA_SHARDS; first = shard_end[s++])
	{
		Batch	   *batch = &trainer->batch[s];
		int32_t		windows = rank->first_window[s + 1] - rank->first_window[s];
		Rng			dropout = shard_stream(rank, RNG_DROPOUT, s);

		if (!is_mine(rank, s) || windows == 0)
			continue;
		batch_fill(batch, &rank->dataset, trainer->groups, order + first,
				   (int32_t) (shard_end[s] - first), true);
		trainer->shared->steps[s] = batch->sequence.steps;
		if (training)
			drop_items(batch, &trainer->config, trainer->options.item_dropout,
					   shard_stream(rank, RNG_ITEM_DROPOUT, s));
		network_forward(trainer->representation + rank->first_window[s] * columns,
						&trainer->network[s], &trainer->params, batch,
						training ? &dropout : NULL);
		memcpy(trainer->target + rank->first_window[s], batch->target,
			   (size_t) windows * sizeof(int32_t));
	}
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
		.target = trainer->target,
		.windows = rank->windows,
		.columns = config_output_dim(&trainer->config),
		.logits = trainer->logits +
			(size_t) s * trainer->options.batch_size * OUTPUT_TILE
	};
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

		if (!is_mine(rank, s))
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
clear_sums(Rank *rank)
{
	Trainer    *trainer = rank->trainer;
	size_t		stride = (size_t) trainer->options.batch_size;
	size_t		windows = (size_t) rank->windows;
	size_t		columns = (size_t) config_output_dim(&trainer->config);

	for (size_t s = 0; s < TRAINER_ITEM_SHARDS; s++)
	{
		if (!is_mine(rank, (int32_t) s))
			continue;
		for (size_t w = 0; w < windows; w++)
			trainer->maximum[s * stride + w] = -INFINITY;
		memset(trainer->sum + s * stride, 0, windows * sizeof(float));
		memset(trainer->above + s * stride, 0, windows * sizeof(int32_t));
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
 * Phase 2, put together: the normaliser of each window.  Every rank takes a
 * part of the windows.
 */
static void
combine_statistics(Rank *rank)
{
	Trainer    *trainer = rank->trainer;
	int32_t		end = (int32_t) shard_start(rank->windows, rank->rank + 1, rank->ranks);

	for (int32_t w = (int32_t) shard_start(rank->windows, rank->rank, rank->ranks);
		 w < end; w++)
		trainer->log_normaliser[w] = has_target(trainer, w)
			? log_normaliser(trainer, w) : INFINITY;
}

/* Sum of the cross-entropy over the windows that have a target; counts them. */
static double
sum_loss(const Rank *rank, int64_t *count)
{
	const Trainer *trainer = rank->trainer;
	double		loss = 0;

	for (int32_t w = 0; w < rank->windows; w++)
	{
		if (has_target(trainer, w))
		{
			loss += (double) trainer->log_normaliser[w] - trainer->target_logit[w];
			(*count)++;
		}
	}
	return loss;
}

/* Phase 4: gradient of the core, and of the embeddings' outputs. */
static void
backward(Rank *rank)
{
	Trainer    *trainer = rank->trainer;
	size_t		columns = (size_t) config_output_dim(&trainer->config);
	size_t		stride = (size_t) trainer->options.batch_size * columns;

	for (int32_t s = 0; s < TRAINER_DATA_SHARDS; s++)
	{
		size_t		first = rank->first_window[s] * columns;
		size_t		count = rank->first_window[s + 1] * columns - first;
		float	   *sum = trainer->d_representation + first;
		Rng			dropout = shard_stream(rank, RNG_DROPOUT, s);

		if (!is_mine(rank, s) || count == 0)
			continue;
		for (int32_t i = 1; i < TRAINER_ITEM_SHARDS; i++)
		{
			for (size_t j = 0; j < count; j++)
				sum[j] += sum[i * stride + j];
		}
		memset(trainer->core_gradient[s].block, 0,
			   trainer->params.core_count * sizeof(float));
		network_backward(&trainer->core_gradient[s], sum, &trainer->network[s],
						 &trainer->params, &trainer->batch[s], &dropout);
	}
}

/* Phase 5: the whole gradient, except what the output layer has written. */
static void
assemble(Rank *rank)
{
	Trainer    *trainer = rank->trainer;
	int64_t		core = (int64_t) trainer->params.core_count;
	size_t		end = (size_t) shard_start(core, rank->rank + 1, rank->ranks);

	for (int32_t s = 0; s < TRAINER_DATA_SHARDS; s++)
	{
		if (rank->first_window[s + 1] == rank->first_window[s])
			continue;
		for (size_t i = (size_t) shard_start(core, rank->rank, rank->ranks); i < end; i++)
			trainer->gradient.block[i] += trainer->core_gradient[s].block[i];
		/* another rank may have filled the batch: the arrays are shared, this is not */
		trainer->batch[s].sequence.steps = trainer->shared->steps[s];
		embedding_backward(&trainer->gradient, trainer->network[s].d_input,
						   &trainer->config, &trainer->batch[s],
						   rank->rank, rank->ranks);
	}
}

/* The squares of this rank's parameter shards. */
static void
measure(Rank *rank)
{
	Trainer    *trainer = rank->trainer;

	for (int32_t s = 0; s < TRAINER_PARAMETER_SHARDS; s++)
	{
		size_t		start = parameter_shard_start(trainer, s);

		if (is_mine(rank, s))
			trainer->shared->square_norm[s] =
				trainer->kernels->sum_squares(trainer->gradient.block + start,
											  parameter_shard_start(trainer, s + 1) - start);
	}
}

/* Phase 6: one step of the optimizer. */
static void
step(Rank *rank, int64_t number)
{
	Trainer    *trainer = rank->trainer;
	AdamStep	constants;
	double		square_norm = 0;

	for (int32_t s = 0; s < TRAINER_PARAMETER_SHARDS; s++)
		square_norm += trainer->shared->square_norm[s];
	constants = adam_step(number, trainer->shared->learning_rate, sqrt(square_norm),
						  trainer->options.clip_norm);
	for (int32_t s = 0; s < TRAINER_PARAMETER_SHARDS; s++)
	{
		size_t		start = parameter_shard_start(trainer, s);

		if (is_mine(rank, s))
			trainer->kernels->adam(trainer->params.block + start,
								   trainer->gradient.block + start,
								   trainer->first.block + start,
								   trainer->second.block + start,
								   parameter_shard_start(trainer, s + 1) - start,
								   &constants);
	}
}

/* One minibatch from order[*next]; adds to *loss and *count. */
static NnStatus
train_minibatch(Rank *rank, int64_t *next, double *loss, int64_t *count)
{
	Trainer    *trainer = rank->trainer;
	int64_t		shard_end[TRAINER_DATA_SHARDS];
	int64_t		first = *next;
	int64_t		number = trainer->shared->step + 1;

	share_out(rank, trainer->order, next, trainer->sizes.training_groups, shard_end);
	forward(rank, trainer->order, first, shard_end, true);
	clear_sums(rank);
	wait_for_all(rank);
	if (for_each_tile(rank, statistics_tile) != NN_OK)
		return NN_CANCELLED;
	wait_for_all(rank);
	combine_statistics(rank);
	wait_for_all(rank);
	if (for_each_tile(rank, gradient_tile) != NN_OK)
		return NN_CANCELLED;
	*loss += sum_loss(rank, count);
	wait_for_all(rank);
	backward(rank);
	wait_for_all(rank);
	assemble(rank);
	wait_for_all(rank);
	measure(rank);
	wait_for_all(rank);
	step(rank, number);
	if (rank->rank == 0)
		trainer->shared->step = number;
	wait_for_all(rank);
	return NN_OK;
}

/* Loss and hit rate over the validation windows, into the shared report. */
static NnStatus
validate(Rank *rank)
{
	Trainer    *trainer = rank->trainer;
	size_t		stride = (size_t) trainer->options.batch_size;
	int64_t		next = 0;
	int64_t		shard_end[TRAINER_DATA_SHARDS];
	double		loss = 0;
	int64_t		count = 0;
	int64_t		windows = 0;
	int64_t		hits = 0;			/* a target outside the vocabulary is none */

	while (next < trainer->sizes.validation_groups)
	{
		int64_t		first = next;

		share_out(rank, trainer->validation_order, &next,
				  trainer->sizes.validation_groups, shard_end);
		forward(rank, trainer->validation_order, first, shard_end, false);
		clear_sums(rank);
		wait_for_all(rank);
		if (for_each_tile(rank, statistics_tile) != NN_OK)
			return NN_CANCELLED;
		wait_for_all(rank);
		combine_statistics(rank);
		if (for_each_tile(rank, count_tile) != NN_OK)
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
	shared->learning_rate /= 2;
	shared->stalled++;
	shared->stop = trainer->options.patience > 0 &&
		shared->stalled >= trainer->options.patience;
}

/* Copy this rank's parameter shards. */
static void
copy_parameters(const Rank *rank, float *to, const float *from)
{
	for (int32_t s = 0; s < TRAINER_PARAMETER_SHARDS; s++)
	{
		size_t		start = parameter_shard_start(rank->trainer, s);
		size_t		end = parameter_shard_start(rank->trainer, s + 1);

		if (is_mine(rank, s))
			memcpy(to + start, from + start, (end - start) * sizeof(float));
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
	}
	if (rank->rank == 0)
		shared->report = (EpochReport) {
			.epoch = epoch,
			.loss = count > 0 ? loss / (double) count : NAN,
			.learning_rate = shared->learning_rate
		};
	if (validate(rank) != NN_OK)
		return NN_CANCELLED;
	if (rank->rank == 0)
	{
		judge_epoch(trainer);
		if (!shared->diverged && rank->calls->epoch_done != NULL)
			rank->calls->epoch_done(rank->calls->context, &shared->report);
	}
	wait_for_all(rank);
	if (shared->report.best)
		copy_parameters(rank, trainer->best, trainer->params.block);
	return shared->diverged ? NN_DIVERGED : NN_OK;
}

NnStatus
trainer_run(Trainer *trainer, int32_t rank_number, int32_t ranks,
			const TrainerCalls *calls, TrainerResult *result)
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
		}
	};

	for (int32_t f = 0; f < trainer->config.features; f++)
		rank.dataset.feature[f] = trainer->feature[f];
	for (int32_t epoch = 1; epoch <= trainer->options.epochs; epoch++)
	{
		NnStatus	status = run_epoch(&rank, epoch);

		if (status != NN_OK)
			return status;
		if (trainer->shared->stop)
			break;
	}
	copy_parameters(&rank, trainer->params.block, trainer->best);
	wait_for_all(&rank);
	result->epochs = trainer->shared->report.epoch;
	result->best = trainer->shared->best;
	return NN_OK;
}
