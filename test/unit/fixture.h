/*
 * fixture.h
 *	  What several tests need: memory that shows stray reads and writes, random
 *	  values, random datasets, and a network with a batch in it.
 */
#ifndef FIXTURE_H
#define FIXTURE_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/batch.h"
#include "nn/network.h"
#include "nn/params.h"
#include "nn/rng.h"

/* A quiet NaN as a float, far outside every array as an index. */
#define POISON UINT32_C(0x7FC00000)

static inline void
poison(void *memory, size_t bytes)
{
	uint32_t   *words = memory;

	for (size_t i = 0; i < bytes / sizeof(uint32_t); i++)
		words[i] = POISON;
}

/*
 * Memory of exactly that size, so that a sanitizer sees what lies outside, full
 * of poison, so that a result shows what was read before it was written.
 */
static inline void *
test_alloc(size_t bytes)
{
	void	   *memory;

	if (posix_memalign(&memory, ARENA_ALIGNMENT, bytes) != 0)
	{
		fputs("out of memory\n", stderr);
		exit(1);
	}
	poison(memory, bytes);
	return memory;
}

#define NEW(type, count) ((type *) test_alloc((size_t) (count) * sizeof(type)))

/* Memory that an Allocator gives, freed all at once. */
typedef struct Pool
{
	void	   *block[512];
	int			blocks;
} Pool;

static inline void *
pool_allocate(void *context, size_t bytes)
{
	Pool	   *pool = context;

	if (pool->blocks == (int) (sizeof(pool->block) / sizeof(pool->block[0])))
	{
		fputs("the pool is full\n", stderr);
		exit(1);
	}
	return pool->block[pool->blocks++] = test_alloc(bytes);
}

static inline void
pool_free(Pool *pool)
{
	while (pool->blocks > 0)
		free(pool->block[--pool->blocks]);
}

/* ------------------------------------------------------------------ random */

/* The tests' own streams; the library has no such purpose. */
static inline Rng
test_rng(uint64_t seed)
{
	return rng_stream(seed, 1000, 0);
}

static inline void
fill_random(float *values, size_t count, float range, Rng *rng)
{
	for (size_t i = 0; i < count; i++)
		values[i] = (2 * rng_uniform(rng) - 1) * range;
}

static inline float *
new_random(size_t count, float range, Rng *rng)
{
	float	   *values = NEW(float, count);

	fill_random(values, count, range, rng);
	return values;
}

static inline float *
new_zeros(size_t count)
{
	float	   *values = NEW(float, count);

	memset(values, 0, count * sizeof(float));
	return values;
}

static inline double *
new_doubles(const float *values, size_t count)
{
	double	   *copy = NEW(double, count);

	for (size_t i = 0; i < count; i++)
		copy[i] = values[i];
	return copy;
}

/* ---------------------------------------------------------------- datasets */

typedef struct TestData
{
	Dataset		dataset;
	int64_t    *start;
	int32_t    *item;
	int32_t    *feature[CONFIG_MAX_FEATURES];
} TestData;

/* Room for sequences of the lengths given; tokens are for the caller to set. */
static inline TestData
data_with_lengths(const Config *config, const int32_t *lengths, int32_t sequences)
{
	TestData	data = {0};

	data.start = NEW(int64_t, sequences + 1);
	data.start[0] = 0;
	for (int32_t s = 0; s < sequences; s++)
		data.start[s + 1] = data.start[s] + lengths[s];
	data.item = NEW(int32_t, data.start[sequences]);
	for (int32_t f = 0; f < config->features; f++)
		data.feature[f] = NEW(int32_t, data.start[sequences]);
	data.dataset = (Dataset) {
		.sequences = sequences,
		.start = data.start,
		.item = data.item,
		.features = config->features
	};
	for (int32_t f = 0; f < config->features; f++)
		data.dataset.feature[f] = data.feature[f];
	return data;
}

/* Random tokens, one in eight of them unknown where that is wanted. */
static inline void
data_fill_random(TestData *data, const Config *config, bool unknown, Rng *rng)
{
	for (int64_t t = 0; t < data->start[data->dataset.sequences]; t++)
	{
		data->item[t] = (int32_t) rng_below(rng, (uint32_t) config->items);
		if (unknown && rng_below(rng, 8) == 0)
			data->item[t] = config->items;
		for (int32_t f = 0; f < config->features; f++)
			data->feature[f][t] =
				(int32_t) rng_below(rng, (uint32_t) config->feature_values[f]);
	}
}

/* Random sequences of shortest .. longest tokens. */
static inline TestData
data_random(const Config *config, int32_t sequences, int32_t shortest,
			int32_t longest, bool unknown, Rng *rng)
{
	int32_t    *lengths = NEW(int32_t, sequences);
	TestData	data;

	for (int32_t s = 0; s < sequences; s++)
		lengths[s] = shortest +
			(int32_t) rng_below(rng, (uint32_t) (longest - shortest + 1));
	data = data_with_lengths(config, lengths, sequences);
	data_fill_random(&data, config, unknown, rng);
	free(lengths);
	return data;
}

static inline void
data_free(TestData *data)
{
	free(data->start);
	free(data->item);
	for (int32_t f = 0; f < CONFIG_MAX_FEATURES; f++)
		free(data->feature[f]);
}

/* All groups of a dataset; *count of them. */
static inline WindowGroup *
cut_all(const Dataset *dataset, int32_t max_length, int32_t group_limit,
		int64_t *count)
{
	WindowGroup *groups;
	int64_t		total = 0;

	for (int32_t s = 0; s < dataset->sequences; s++)
		total += batch_cut_sequence(dataset, s, max_length, group_limit, NULL);
	groups = NEW(WindowGroup, total);
	*count = 0;
	for (int32_t s = 0; s < dataset->sequences; s++)
		*count += batch_cut_sequence(dataset, s, max_length, group_limit,
									 groups + *count);
	return groups;
}

/* ------------------------------------------------- one batch, and a network */

/* All windows of a dataset in one batch, its groups in random order. */
typedef struct TestBatch
{
	Batch		batch;
	BatchCapacity capacity;
	void	   *memory;
	WindowGroup *groups;
	int64_t    *chosen;
	int64_t		count;			/* groups */
} TestBatch;

static inline TestBatch
test_batch(const Config *config, const Dataset *dataset, int32_t group_limit, Rng *rng)
{
	TestBatch	test = {0};
	Arena		arena = {0};

	test.groups = cut_all(dataset, config->max_length, group_limit, &test.count);
	test.chosen = NEW(int64_t, test.count);
	test.capacity.max_length = config->max_length;
	for (int64_t i = 0; i < test.count; i++)
	{
		int64_t		j = (int64_t) rng_below(rng, (uint32_t) (i + 1));

		test.chosen[i] = test.chosen[j];
		test.chosen[j] = i;
		test.capacity.windows += group_windows(&test.groups[i]);
	}
	batch_place(&test.batch, &arena, config, &test.capacity);
	arena.base = test.memory = test_alloc(arena.used);
	arena.used = 0;
	batch_place(&test.batch, &arena, config, &test.capacity);
	batch_fill(&test.batch, dataset, test.groups, test.chosen, (int32_t) test.count,
			   true);
	return test;
}

static inline void
test_batch_free(TestBatch *test)
{
	free(test->memory);
	free(test->groups);
	free(test->chosen);
}

/* The token of the dataset that window w begins at. */
static inline int64_t
window_start(const TestBatch *test, int32_t w)
{
	return test->groups[test->chosen[test->batch.window_chosen[w]]].start;
}

static inline void *
network_new(Network *network, const Config *config, const Kernels *kernels,
			const BatchCapacity *capacity, bool trains)
{
	Arena		arena = {0};

	network_place(network, &arena, config, kernels, capacity, trains);
	arena.base = test_alloc(arena.used);
	arena.used = 0;
	network_place(network, &arena, config, kernels, capacity, trains);
	return arena.base;
}

/*
 * Random parameters, far larger than the initial ones, so that no part of the
 * network works in its linear range only; padding is 0.
 */
static inline void
params_random(Params *params, const Config *config, Rng *rng)
{
	ParamsView	views[PARAMS_MAX_VIEWS];
	size_t		count;
	int			length = params_views(config, views, &count);

	memset(params->block, 0, count * sizeof(float));
	for (int i = 0; i < length; i++)
	{
		bool		embedding = strstr(views[i].name, "embedding") != NULL;
		float		range = embedding || views[i].columns == 1 ? 1.0f
			: 1.5f / sqrtf((float) views[i].columns);

		fill_random(params->block + views[i].offset, views[i].rows * views[i].columns,
					range, rng);
	}
}

#endif							/* FIXTURE_H */
