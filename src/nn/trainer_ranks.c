/*
 * trainer_ranks.c
 *	  Who does what: the shards of a minibatch, of the items and of the
 *	  parameters, and the ranks that they fall to.
 */
#include "nn/trainer_internal.h"

void
trainer_wait(const Rank *rank)
{
	if (rank->calls->barrier != NULL)
		rank->calls->barrier(rank->calls->barrier_context);
}

bool
trainer_go_on(const Rank *rank)
{
	Interrupt	interrupt = {rank->calls->may_go_on, rank->calls->context};

	return interrupt_go_on(&interrupt);
}

bool
trainer_is_mine(const Rank *rank, int32_t shard, int32_t shards)
{
	return shard_rank(shard, shards, rank->ranks) == rank->rank;
}

int64_t
trainer_shard_start(int64_t count, int32_t s, int32_t shards)
{
	return count * s / shards;
}

int32_t
trainer_item_shard_start(const Trainer *trainer, int32_t s)
{
	return (int32_t) trainer_shard_start(trainer->config.items, s, TRAINER_ITEM_SHARDS);
}

size_t
trainer_dense_shard_start(const DenseRange *range, int32_t s)
{
	/* rows that keep their length are stepped whole */
	const int64_t line = range->unit_columns > 0 ? (int64_t) range->unit_columns
		: (int64_t) (ARENA_ALIGNMENT / sizeof(float));
	int64_t		lines = ((int64_t) range->count + line - 1) / line;
	size_t		start = (size_t) (trainer_shard_start(lines, s, TRAINER_ITEM_SHARDS) * line);

	return range->first + (start < range->count ? start : range->count);
}

void
trainer_share_out(Rank *rank, const int64_t *order, int64_t *next, int64_t end)
{
	const Trainer *trainer = rank->trainer;
	int32_t		windows = 0;
	int32_t		taken = 0;
	int32_t		s = 0;

	rank->first_group[0] = *next;
	rank->first_window[0] = 0;
	while (*next < end)
	{
		int32_t		more = group_windows(&trainer->data.groups[order[*next]]);

		if (windows + more > trainer->options.batch_size)
			break;
		windows += more;
		(*next)++;
	}
	rank->windows = windows;
	for (int64_t i = rank->first_group[0]; i < *next; i++)
	{
		while (taken >= trainer_shard_start(windows, s + 1, TRAINER_DATA_SHARDS))
		{
			rank->first_group[++s] = i;
			rank->first_window[s] = taken;
		}
		taken += group_windows(&trainer->data.groups[order[i]]);
	}
	while (s < TRAINER_DATA_SHARDS)
	{
		rank->first_group[++s] = *next;
		rank->first_window[s] = taken;
	}
}

int32_t
trainer_windows_of(const Rank *rank, int32_t s)
{
	return rank->first_window[s + 1] - rank->first_window[s];
}

bool
trainer_is_my_work(const Rank *rank, int32_t s)
{
	return trainer_is_mine(rank, s, TRAINER_DATA_SHARDS) && trainer_windows_of(rank, s) > 0;
}

Rng
trainer_stream(const Rank *rank, uint64_t purpose, int32_t s)
{
	return rng_stream(rank->trainer->options.seed, purpose,
					  (uint64_t) rank->trainer->shared->step * TRAINER_DATA_SHARDS +
					  (uint64_t) s);
}

bool
trainer_has_target(const Trainer *trainer, int32_t w)
{
	return trainer->windows.target[w] >= 0 && trainer->windows.target[w] < trainer->config.items;
}

Rank
trainer_take_rank(Trainer *trainer, const TrainerCalls *calls, int32_t rank_number, int32_t ranks)
{
	Rank		rank = {
		.trainer = trainer,
		.calls = calls,
		.rank = rank_number,
		.ranks = ranks,
		.dataset = {
			.sequences = trainer->sizes.sequences,
			.start = trainer->data.start,
			.item = trainer->data.item,
			.features = trainer->config.features
		},
		.drift = {.step = trainer->shared->step, .base = trainer->shared->step,
		.sum = trainer->touched.drift.sum}
	};

	for (int32_t f = 0; f < trainer->config.features; f++)
		rank.dataset.feature[f] = trainer->data.feature[f];
	for (int s = 0; s < TRAINER_DATA_SHARDS; s++)
		trainer->shard[s].network.interrupt = (Interrupt) {calls->may_go_on, calls->context};
	return rank;
}
