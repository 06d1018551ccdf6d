/*
 * shards.c
 *	  Work that several processes share, with the same result to the bit for any
 *	  number of them.
 */
#include "rank/shards.h"

#include <string.h>

#include "nn/lazy_adam.h"

void
shards_place(Sharing *sharing, Arena *arena, int32_t width)
{
	sharing->width = width;
	sharing->board = ARENA_TAKE(arena, double, (size_t) 2 * SHARDS * (size_t) width);
}

bool
shards_mine(const Sharing *sharing, int32_t shard)
{
	return shard_rank(shard, SHARDS, sharing->ranks) == sharing->rank;
}

double *
shards_doubles(const Sharing *sharing, int32_t shard)
{
	return sharing->board + (size_t) (sharing->side * SHARDS + shard) * (size_t) sharing->width;
}

float *
shards_floats(const Sharing *sharing, int32_t shard)
{
	return (float *) shards_doubles(sharing, shard);
}

/* What was written to this side is all there; the next is written to the other. */
static void
wait_for_all(Sharing *sharing)
{
	if (sharing->barrier != NULL)
		sharing->barrier(sharing->barrier_context);
}

void
shards_sum_doubles(Sharing *sharing, double *sum, int32_t count)
{
	wait_for_all(sharing);
	memset(sum, 0, (size_t) count * sizeof(double));
	for (int32_t s = 0; s < SHARDS; s++)
	{
		const double *part = shards_doubles(sharing, s);

		for (int32_t i = 0; i < count; i++)
			sum[i] += part[i];
	}
	sharing->side = 1 - sharing->side;
}

void
shards_sum_floats(Sharing *sharing, float *sum, int32_t count)
{
	wait_for_all(sharing);
	memset(sum, 0, (size_t) count * sizeof(float));
	for (int32_t s = 0; s < SHARDS; s++)
	{
		const float *part = shards_floats(sharing, s);

		for (int32_t i = 0; i < count; i++)
			sum[i] += part[i];
	}
	sharing->side = 1 - sharing->side;
}
