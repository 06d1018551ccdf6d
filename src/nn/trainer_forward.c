/*
 * trainer_forward.c
 *	  A minibatch on its way through the network: its windows are put together,
 *	  the rows that they read are paid up, and each data shard goes forward to
 *	  its representations and, from their gradient, backward.
 */
#include "nn/trainer_internal.h"

#include <math.h>
#include <string.h>

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
		int32_t		item = sampler_draw(&trainer->negatives.sampler, &rng);

		trainer->negatives.item[j] = item;
		trainer->negatives.offset[j] = trainer->options.loss == LOSS_SAMPLED_SOFTMAX
			? -(float) log(count * sampler_probability(&trainer->negatives.sampler, item)) : 0;
	}
}

void
trainer_prepare(Rank *rank, const int64_t *order, bool training)
{
	Trainer    *trainer = rank->trainer;

	for (int32_t s = 0; s < TRAINER_DATA_SHARDS; s++)
	{
		Batch	   *batch = &trainer->shard[s].batch;

		if (trainer_is_mine(rank, s, TRAINER_DATA_SHARDS))
			trainer->shared->tokens[s] = 0;
		if (!trainer_is_my_work(rank, s))
			continue;
		batch_fill(batch, &rank->dataset, trainer->data.groups, order + rank->first_group[s],
				   (int32_t) (rank->first_group[s + 1] - rank->first_group[s]), true);
		if (training)
			drop_items(batch, &trainer->config, trainer->options.item_dropout,
					   trainer_stream(rank, RNG_ITEM_DROPOUT, s));
		trainer->shared->tokens[s] = layout_tokens(&batch->sequence);
		memcpy(trainer->windows.target + rank->first_window[s], batch->target,
			   (size_t) trainer_windows_of(rank, s) * sizeof(int32_t));
	}
	if (training && rank->rank == 0 && !trainer_is_dense(&trainer->options))
		draw_negatives(rank);
}

/* Touch a row if it is this rank's; true if so. */
static bool
touch(Rank *rank, LazyRows *table, int32_t row)
{
	if (!lazy_rows_owns(row, rank->rank, rank->ranks))
		return false;
	lazy_rows_touch(table, rank->trainer->kernels, &rank->drift, row);
	return true;
}

void
trainer_touch(Rank *rank)
{
	Trainer    *trainer = rank->trainer;
	size_t		columns = (size_t) config_output_dim(&trainer->config);

	for (int32_t s = 0; s < TRAINER_DATA_SHARDS; s++)
	{
		const Batch *batch = &trainer->shard[s].batch;
		int32_t		tokens = trainer->shared->tokens[s];

		for (int32_t t = 0; t < tokens && trainer->touched.item_table != NULL; t++)
			touch(rank, trainer->touched.item_table, batch->item[t]);
		for (int32_t f = 0; f < trainer->config.features; f++)
		{
			for (int32_t t = 0; t < tokens; t++)
				touch(rank, trainer->touched.feature_table[f], batch->feature[f][t]);
		}
	}
	if (trainer_is_dense(&trainer->options))
		return;
	for (int32_t w = 0; w < rank->windows; w++)
	{
		touch(rank, trainer->touched.weight_table, trainer->windows.target[w]);
		if (trainer->touched.bias_table != NULL)
			touch(rank, trainer->touched.bias_table, trainer->windows.target[w]);
	}
	for (int32_t j = 0; j < trainer->options.negatives; j++)
	{
		int32_t		item = trainer->negatives.item[j];

		if (!touch(rank, trainer->touched.weight_table, item))
			continue;
		if (trainer->touched.bias_table != NULL)
			touch(rank, trainer->touched.bias_table, item);
		memcpy(trainer->negatives.weight + (size_t) j * columns,
			   trainer->params.output_weight + (size_t) item * columns,
			   columns * sizeof(float));
		trainer->negatives.offset[j] += trainer->params.output_bias[item];
	}
}

void
trainer_forward(Rank *rank, int32_t s, bool training)
{
	Trainer    *trainer = rank->trainer;
	Rng			dropout = trainer_stream(rank, RNG_DROPOUT, s);

	network_forward(trainer->windows.representation + (size_t) rank->first_window[s] *
					config_output_dim(&trainer->config),
					&trainer->shard[s].network, &trainer->params, &trainer->shard[s].batch,
					training ? &dropout : NULL);
}

void
trainer_backward(Rank *rank, int32_t s)
{
	Trainer    *trainer = rank->trainer;
	Rng			dropout = trainer_stream(rank, RNG_DROPOUT, s);

	memset(trainer->shard[s].core_gradient.block, 0,
		   trainer->params.core_count * sizeof(float));
	network_backward(&trainer->shard[s].core_gradient,
					 trainer->windows.d_representation + (size_t) rank->first_window[s] *
					 config_output_dim(&trainer->config),
					 &trainer->shard[s].network, &trainer->params, &trainer->shard[s].batch, &dropout);
}
