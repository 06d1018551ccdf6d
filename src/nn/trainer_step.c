/*
 * trainer_step.c
 *	  From the parts of a minibatch's gradient to new parameters: assemble,
 *	  measure, and Adam's step.
 */
#include "nn/trainer_internal.h"

#include <math.h>

#include "nn/adam.h"
#include "nn/embedding.h"
#include "nn/matrix.h"

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
		const SampledGradient *sampled = &trainer->shard[s].sampled;
		int32_t		first = rank->first_window[s];

		for (int32_t j = 0; j < trainer->options.negatives && trainer_windows_of(rank, s) > 0; j++)
		{
			int32_t		item = trainer->negatives.item[j];

			if (!lazy_rows_owns(item, rank->rank, rank->ranks))
				continue;
			matrix_add_rows(weight + (size_t) item * columns,
							sampled->negative_weight + (size_t) j * columns, 1, columns);
			if (trainer->touched.bias_table != NULL)
				bias[item] += sampled->negative_bias[j];
		}
		for (int32_t w = 0; w < trainer_windows_of(rank, s); w++)
		{
			int32_t		item = trainer->windows.target[first + w];
			const float *h = trainer->windows.representation + (size_t) (first + w) * columns;

			if (!lazy_rows_owns(item, rank->rank, rank->ranks))
				continue;
			for (int32_t c = 0; c < columns; c++)
				weight[(size_t) item * columns + c] += sampled->target[w] * h[c];
			if (trainer->touched.bias_table != NULL)
				bias[item] += sampled->target[w];
		}
	}
}

void
trainer_assemble(Rank *rank)
{
	Trainer    *trainer = rank->trainer;
	int64_t		core = (int64_t) trainer->params.core_count;
	size_t		end = (size_t) trainer_shard_start(core, rank->rank + 1, rank->ranks);

	for (int32_t s = 0; s < TRAINER_DATA_SHARDS; s++)
	{
		if (trainer_windows_of(rank, s) == 0)
			continue;
		for (size_t i = (size_t) trainer_shard_start(core, rank->rank, rank->ranks); i < end; i++)
			trainer->gradient.block[i] += trainer->shard[s].core_gradient.block[i];
		embedding_backward(&trainer->gradient, trainer->shard[s].network.d_input,
						   &trainer->config, &trainer->shard[s].batch, trainer->shared->tokens[s],
						   rank->rank, rank->ranks);
	}
	if (!trainer_is_dense(&trainer->options))
		assemble_sampled(rank);
}

void
trainer_measure(Rank *rank)
{
	Trainer    *trainer = rank->trainer;

	for (int32_t s = 0; s < TRAINER_ITEM_SHARDS; s++)
	{
		double		sum = 0;

		if (!trainer_is_mine(rank, s, TRAINER_ITEM_SHARDS))
			continue;
		for (int r = 0; r < trainer->touched.dense_ranges; r++)
		{
			const DenseRange *range = &trainer->touched.dense[r];
			size_t		start = trainer_dense_shard_start(range, s);
			size_t		count = trainer_dense_shard_start(range, s + 1) - start;

			if (range->unit_columns > 0)
				trainer->kernels->project_rows(trainer->gradient.block + start,
											   trainer->params.block + start,
											   count / range->unit_columns,
											   range->unit_columns);
			sum += trainer->kernels->sum_squares(trainer->gradient.block + start, count);
		}
		trainer->shared->dense_norm[s] = sum;
	}
	for (int32_t part = 0; part < LAZY_ROWS_PARTS; part++)
	{
		double		sum = 0;

		if (!trainer_is_mine(rank, part, LAZY_ROWS_PARTS))
			continue;
		for (int t = 0; t < trainer->touched.tables; t++)
			sum += lazy_rows_square_norm(&trainer->touched.table[t], trainer->kernels, part);
		trainer->shared->table_norm[part] = sum;
	}
}

void
trainer_step(Rank *rank)
{
	Trainer    *trainer = rank->trainer;
	AdamStep	constants;
	double		square_norm = 0;

	for (int32_t s = 0; s < TRAINER_ITEM_SHARDS; s++)
		square_norm += trainer->shared->dense_norm[s];
	for (int32_t part = 0; part < LAZY_ROWS_PARTS; part++)
		square_norm += trainer->shared->table_norm[part];
	constants = adam_step(rank->drift.step + 1, trainer->shared->learning_rate,
						  sqrt(square_norm), trainer->options.clip_norm);
	for (int32_t s = 0; s < TRAINER_ITEM_SHARDS; s++)
	{
		if (!trainer_is_mine(rank, s, TRAINER_ITEM_SHARDS))
			continue;
		for (int r = 0; r < trainer->touched.dense_ranges; r++)
		{
			const DenseRange *range = &trainer->touched.dense[r];
			size_t		start = trainer_dense_shard_start(range, s);
			size_t		count = trainer_dense_shard_start(range, s + 1) - start;

			trainer->kernels->adam(trainer->params.block + start,
								   trainer->gradient.block + start,
								   trainer->first.block + start,
								   trainer->second.block + start, count, &constants);
			if (range->unit_columns > 0)
				trainer->kernels->normalise_rows(trainer->params.block + start,
												 count / range->unit_columns,
												 range->unit_columns);
		}
	}
	for (int32_t part = 0; part < LAZY_ROWS_PARTS; part++)
	{
		if (!trainer_is_mine(rank, part, LAZY_ROWS_PARTS))
			continue;
		for (int t = 0; t < trainer->touched.tables; t++)
			lazy_rows_step(&trainer->touched.table[t], trainer->kernels, part, &constants);
	}
}

void
trainer_advance(Rank *rank)
{
	Trainer    *trainer = rank->trainer;

	if (rank->rank == 0)
	{
		trainer->shared->step++;
		trainer->touched.drift.learning_rate = trainer->shared->learning_rate;
		drift_advance(&trainer->touched.drift);
	}
	rank->drift.step++;
}

void
trainer_pay_all(Rank *rank)
{
	Trainer    *trainer = rank->trainer;

	for (int32_t part = 0; part < LAZY_ROWS_PARTS; part++)
	{
		if (!trainer_is_mine(rank, part, LAZY_ROWS_PARTS))
			continue;
		for (int t = 0; t < trainer->touched.tables; t++)
			lazy_rows_pay(&trainer->touched.table[t], trainer->kernels, &rank->drift, part);
	}
	/* until all rows are paid, their owners read the sums of the old drift */
	trainer_wait(rank);
	rank->drift.base = rank->drift.step;
	if (rank->rank == 0)
		drift_start(&trainer->touched.drift, rank->drift.step);
}
