/*
 * trainer_loss.c
 *	  The loss of a minibatch and its gradient: over all items, each item shard
 *	  tile by tile; or over drawn ones, each data shard by itself.
 */
#include "nn/trainer_internal.h"

#include <math.h>
#include <string.h>

/* The output layer's view of the minibatch, with the scratch of shard s. */
static SoftmaxPass
softmax_pass(const Rank *rank, int32_t s)
{
	Trainer    *trainer = rank->trainer;

	return (SoftmaxPass) {
		.kernels = trainer->kernels,
		.params = &trainer->params,
		.representation = trainer->windows.representation,
		.transposed = trainer->softmax.transposed,
		.target = trainer->windows.target,
		.windows = rank->windows,
		.columns = config_output_dim(&trainer->config),
		.logits = trainer->softmax.logits +
			s * SOFTMAX_TILE * softmax_stride(trainer->options.batch_size)
	};
}

/* Forward for all of this rank's data shards, for the output layer. */
static NnStatus
forward_all(Rank *rank, bool training)
{
	SoftmaxPass	pass = softmax_pass(rank, 0);

	for (int32_t s = 0; s < TRAINER_DATA_SHARDS; s++)
	{
		if (!trainer_is_my_work(rank, s))
			continue;
		trainer_forward(rank, s, training);
		softmax_transpose(&pass, rank->first_window[s], trainer_windows_of(rank, s));
		if (!trainer_go_on(rank))
			return NN_CANCELLED;
	}
	return NN_OK;
}

NnStatus
trainer_sampled_loss(Rank *rank)
{
	Trainer    *trainer = rank->trainer;
	size_t		columns = (size_t) config_output_dim(&trainer->config);

	for (int32_t s = 0; s < TRAINER_DATA_SHARDS; s++)
	{
		int32_t		first = rank->first_window[s];
		SampledGradient gradient = trainer->shard[s].sampled;
		SampledPass pass = {
			.kernels = trainer->kernels,
			.params = &trainer->params,
			.loss = trainer->options.loss,
			.windows = trainer_windows_of(rank, s),
			.columns = (int32_t) columns,
			.negatives = trainer->options.negatives,
			.representation = trainer->windows.representation + first * columns,
			.target = trainer->windows.target + first,
			.negative = trainer->negatives.item,
			.negative_weight = trainer->negatives.weight,
			.negative_offset = trainer->negatives.offset,
			.logits = trainer->shard[s].sampled_logits,
			.copying = trainer->config.copy ? &trainer->shard[s].network.copying : NULL
		};

		if (!trainer_is_my_work(rank, s))
			continue;
		trainer_forward(rank, s, true);
		gradient.representation = trainer->windows.d_representation + first * columns;
		sampled_loss(&pass, 1.0f / (float) rank->windows, trainer->windows.loss + first,
					 &gradient);
		trainer_backward(rank, s);
		if (!trainer_go_on(rank))
			return NN_CANCELLED;
	}
	return NN_OK;
}

/* What is done to one tile of items; shard_offset: of the shard's window arrays. */
typedef void (*TileFunction) (Rank *rank, const SoftmaxPass *pass,
							  size_t shard_offset, int32_t first, int32_t last);

/* Apply a function to all tiles of this rank's item shards. */
static NnStatus
for_each_tile(Rank *rank, TileFunction function)
{
	for (int32_t s = 0; s < TRAINER_ITEM_SHARDS; s++)
	{
		SoftmaxPass	pass = softmax_pass(rank, s);
		int32_t		end = trainer_item_shard_start(rank->trainer, s + 1);
		int32_t		last;

		if (!trainer_is_mine(rank, s, TRAINER_ITEM_SHARDS))
			continue;
		for (int32_t first = trainer_item_shard_start(rank->trainer, s); first < end; first = last)
		{
			last = first + SOFTMAX_TILE < end ? first + SOFTMAX_TILE : end;
			function(rank, &pass, (size_t) s * rank->trainer->options.batch_size,
					 first, last);
			if (!trainer_go_on(rank))
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
		if (!trainer_is_mine(rank, (int32_t) s, TRAINER_ITEM_SHARDS))
			continue;
		for (size_t w = 0; w < windows; w++)
			trainer->softmax.maximum[s * stride + w] = -INFINITY;
		memset(trainer->softmax.sum + s * stride, 0, windows * sizeof(float));
		memset(trainer->softmax.above + s * stride, 0, windows * sizeof(int32_t));
		if (training)
			memset(trainer->windows.d_representation + s * stride * columns, 0,
				   windows * columns * sizeof(float));
	}
}

static void
statistics_tile(Rank *rank, const SoftmaxPass *pass, size_t shard_offset,
				int32_t first, int32_t last)
{
	Trainer    *trainer = rank->trainer;

	softmax_tile_statistics(pass, first, last, trainer->softmax.maximum + shard_offset,
							trainer->softmax.sum + shard_offset,
							trainer->softmax.target_logit);
}

static void
gradient_tile(Rank *rank, const SoftmaxPass *pass, size_t shard_offset,
			  int32_t first, int32_t last)
{
	Trainer    *trainer = rank->trainer;

	softmax_tile_gradient(pass, first, last, trainer->softmax.log_normaliser,
						  trainer->config.copy ? trainer->softmax.share : NULL,
						  1.0f / (float) rank->windows, &trainer->gradient,
						  trainer->windows.d_representation + shard_offset * pass->columns);
}

static void
count_tile(Rank *rank, const SoftmaxPass *pass, size_t shard_offset,
		   int32_t first, int32_t last)
{
	Trainer    *trainer = rank->trainer;

	softmax_tile_count_above(pass, first, last, trainer->softmax.target_logit,
							 trainer->softmax.above + shard_offset);
}

/* The logarithm of window w's softmax normaliser, from all item shards. */
static float
log_normaliser(const Trainer *trainer, int32_t w)
{
	size_t		stride = (size_t) trainer->options.batch_size;
	float		top = -INFINITY;
	float		sum = 0;

	for (int32_t s = 0; s < TRAINER_ITEM_SHARDS; s++)
		top = fmaxf(top, trainer->softmax.maximum[s * stride + w]);
	for (int32_t s = 0; s < TRAINER_ITEM_SHARDS; s++)
	{
		if (trainer->softmax.sum[s * stride + w] > 0)
			sum += trainer->softmax.sum[s * stride + w] *
				expf(trainer->softmax.maximum[s * stride + w] - top);
	}
	return top + logf(sum);
}

/* The logit that an item of probability p would have without copying. */
static float
logit_of(float log_p, const Copies *copies, float log_normaliser)
{
	return log_p + log_normaliser + copies_shift(copies);
}

/*
 * What is added to the count of items that score at least as high as a target:
 * those of the history that do by being copied alone.
 */
static int32_t
count_copied_above(const Trainer *trainer, const Copies *copies, int32_t w, float log_p)
{
	size_t		columns = (size_t) config_output_dim(&trainer->config);
	float		normaliser = trainer->softmax.log_normaliser[w];
	float		limit = logit_of(log_p, copies, normaliser);
	int32_t		count = 0;

	for (int32_t c = 0; c < copies->count; c++)
	{
		int32_t		item = copies->slot[c].item;
		float		logit = -INFINITY;

		if (item == trainer->windows.target[w])
			continue;
		if (item < trainer->config.items)
		{
			trainer->kernels->score_rows(&logit, trainer->params.output_weight + (size_t) item * columns,
										 trainer->windows.representation + (size_t) w * columns,
										 1, (int32_t) columns);
			logit += trainer->params.output_bias[item];
		}
		count += logit < limit &&
			copies->generated * expf(logit - normaliser) + copies->slot[c].probability >= expf(log_p);
	}
	return count;
}

/* The target of window w, a data shard's v-th, is also copied: its loss, and what follows. */
static void
mix_copies(Trainer *trainer, Copying *copying, int32_t v, int32_t w, float factor)
{
	TrainerSoftmax *softmax = &trainer->softmax;
	Copies		copies = copies_of_window(copying, v);
	int32_t		target = trainer->windows.target[w];
	CopyLoss	loss = copy_loss(&copies, target, softmax->target_logit[w] - softmax->log_normaliser[w]);

	trainer->windows.loss[w] = loss.loss;
	softmax->share[w] = loss.share;
	if (factor > 0)
	{
		copy_loss_gradient(copying, v, target, loss.share, factor);
		softmax->log_normaliser[w] -= logf(loss.share);
		return;
	}
	softmax->copied_above[w] = count_copied_above(trainer, &copies, w, -loss.loss);
	softmax->target_logit[w] = logit_of(-loss.loss, &copies, softmax->log_normaliser[w]);
}

/*
 * Put the normalisers of a data shard's windows together, and from them each
 * window's cross-entropy (0 without a target).
 */
static void
combine_statistics(Rank *rank, int32_t s, bool training)
{
	Trainer    *trainer = rank->trainer;
	int32_t		first = rank->first_window[s];

	for (int32_t w = first; w < rank->first_window[s + 1]; w++)
	{
		bool		known = trainer_has_target(trainer, w);

		trainer->softmax.log_normaliser[w] = known ? log_normaliser(trainer, w) : INFINITY;
		trainer->windows.loss[w] = known
			? trainer->softmax.log_normaliser[w] - trainer->softmax.target_logit[w] : 0;
		if (known && trainer->config.copy)
			mix_copies(trainer, &trainer->shard[s].network.copying, w - first, w,
					   training ? 1.0f / (float) rank->windows : 0);
	}
}

/* Score all items: every window's normaliser and cross-entropy. */
static NnStatus
score_all(Rank *rank, bool training)
{
	clear_sums(rank, training);
	/* a tile reads the transposed representations of all data shards */
	trainer_wait(rank);
	if (for_each_tile(rank, statistics_tile) != NN_OK)
		return NN_CANCELLED;
	/* a normaliser is made of the sums of all item shards */
	trainer_wait(rank);
	for (int32_t s = 0; s < TRAINER_DATA_SHARDS; s++)
	{
		if (trainer_is_my_work(rank, s))
			combine_statistics(rank, s, training);
	}
	/* what follows reads the normalisers of all windows */
	trainer_wait(rank);
	return NN_OK;
}

/* Add up the item shards' gradients of the representations of a data shard. */
static void
sum_item_shards(Rank *rank, int32_t s)
{
	Trainer    *trainer = rank->trainer;
	size_t		columns = (size_t) config_output_dim(&trainer->config);
	size_t		stride = (size_t) trainer->options.batch_size * columns;
	size_t		count = (size_t) trainer_windows_of(rank, s) * columns;
	float	   *sum = trainer->windows.d_representation + (size_t) rank->first_window[s] * columns;

	for (int32_t i = 1; i < TRAINER_ITEM_SHARDS; i++)
	{
		for (size_t j = 0; j < count; j++)
			sum[j] += sum[i * stride + j];
	}
}

NnStatus
trainer_softmax_loss(Rank *rank)
{
	if (forward_all(rank, true) != NN_OK ||
		score_all(rank, true) != NN_OK ||
		for_each_tile(rank, gradient_tile) != NN_OK)
		return NN_CANCELLED;
	/* a representation's gradient is the sum of those of all item shards */
	trainer_wait(rank);
	for (int32_t s = 0; s < TRAINER_DATA_SHARDS; s++)
	{
		if (!trainer_is_my_work(rank, s))
			continue;
		sum_item_shards(rank, s);
		trainer_backward(rank, s);
		if (!trainer_go_on(rank))
			return NN_CANCELLED;
	}
	return NN_OK;
}

NnStatus
trainer_rank_targets(Rank *rank)
{
	if (forward_all(rank, false) != NN_OK ||
		score_all(rank, false) != NN_OK ||
		for_each_tile(rank, count_tile) != NN_OK)
		return NN_CANCELLED;
	return NN_OK;
}
