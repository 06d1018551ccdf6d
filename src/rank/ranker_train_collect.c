/*
 * ranker_train_collect.c
 *	  The examples that rankers are fitted to: their candidates' features are found
 *	  once, standardised and kept in 8 bits.
 */
#include "rank/ranker_train.h"

#include <math.h>
#include <string.h>

#include "rank/ranker_train_internal.h"

#define STATISTICS_EXAMPLES 2000	/* of all shards */
#define SMALLEST_DEVIATION 1e-3

/* Bytes that are taken at once. */
#define CHUNK_BYTES (1 << 17)

/* A shard's sums of the features, for their mean and deviation. */
typedef struct Statistics
{
	double		rows;
	double		sum[RANK_FEATURES];
	double		square[RANK_FEATURES];
} Statistics;

#define STATISTICS_DOUBLES ((int32_t) (sizeof(Statistics) / sizeof(double)))

int32_t
ranker_board_width(void)
{
	int32_t		gradient = (int32_t) ((ranker_count() * sizeof(float) + sizeof(double) - 1) /
									  sizeof(double));

	return gradient > STATISTICS_DOUBLES ? gradient : STATISTICS_DOUBLES;
}

/* How many examples are of a shard. */
static int32_t
shard_examples(const RankerSource *source, int32_t shard)
{
	return (source->examples - shard + SHARDS - 1) / SHARDS;
}

RankerExamples *
ranker_examples_create(const RankerSource *source, const Sharing *sharing,
					   const Allocator *allocator)
{
	RankerExamples *examples = ALLOCATE(allocator, RankerExamples, 1);
	size_t		rows = RANKER_BATCH * CANDIDATES_MAX;
	size_t		chunks = source->memory / SHARDS / CHUNK_BYTES;
	size_t		largest = RANKER_LIST_BYTES(CANDIDATES_MAX, CANDIDATES_MAX);

	memset(examples, 0, sizeof(*examples));
	examples->source = *source;
	examples->allocator = *allocator;
	for (int32_t s = 0; s < SHARDS; s++)
	{
		Shard	   *shard = &examples->shard[s];
		int32_t		count = shard_examples(source, s);
		size_t		most = (size_t) count * largest / (CHUNK_BYTES - largest) + 1;

		examples->most_chunks = (int32_t) (chunks < 1 ? 1 : chunks < most ? chunks : most);
		if (!shards_mine(sharing, s))
			continue;
		shard->list = ALLOCATE(allocator, List, count);
		shard->order = ALLOCATE(allocator, int32_t, count);
		shard->chunk = ALLOCATE(allocator, int8_t *, examples->most_chunks);
	}
	ranker_bind(&examples->gradient, ALLOCATE(allocator, float, ranker_count()));
	examples->first = ALLOCATE(allocator, float, ranker_count());
	examples->second = ALLOCATE(allocator, float, ranker_count());
	examples->features = ALLOCATE(allocator, float, rows * RANK_FEATURES);
	examples->weight2 = ALLOCATE(allocator, float, RANKER_HIDDEN * RANKER_HIDDEN);
	examples->hidden1 = ALLOCATE(allocator, float, rows * RANKER_HIDDEN);
	examples->hidden2 = ALLOCATE(allocator, float, rows * RANKER_HIDDEN);
	examples->d_hidden1 = ALLOCATE(allocator, float, rows * RANKER_HIDDEN);
	examples->d_hidden2 = ALLOCATE(allocator, float, rows * RANKER_HIDDEN);
	examples->score = ALLOCATE(allocator, float, rows);
	return examples;
}

/* The candidates of the e-th example of a shard, into examples->features. */
static int32_t
read_example(RankerExamples *examples, int32_t shard, int32_t e, int32_t *target)
{
	const RankerSource *source = &examples->source;

	return source->example(source->context, e * SHARDS + shard, examples->features, target);
}

/* Add the features of the first examples of a shard. */
static NnStatus
add_statistics(Statistics *statistics, RankerExamples *examples, int32_t shard,
			   const Interrupt *interrupt)
{
	int32_t		most = shard_examples(&examples->source, shard);
	int32_t		count = most < STATISTICS_EXAMPLES / SHARDS ? most : STATISTICS_EXAMPLES / SHARDS;

	memset(statistics, 0, sizeof(*statistics));
	for (int32_t e = 0; e < count; e++)
	{
		int32_t		target;
		int32_t		rows = read_example(examples, shard, e, &target);

		if (!interrupt_go_on(interrupt))
			return NN_CANCELLED;
		for (int32_t r = 0; r < rows; r++)
		{
			const float *x = examples->features + (size_t) r * RANK_FEATURES;

			for (int32_t f = 0; f < RANK_FEATURES; f++)
			{
				statistics->sum[f] += x[f];
				statistics->square[f] += (double) x[f] * x[f];
			}
		}
		statistics->rows += rows;
	}
	return NN_OK;
}

/* Mean and deviation of each feature over the candidates of some examples. */
static NnStatus
find_statistics(Ranker *ranker, RankerExamples *examples, Sharing *sharing)
{
	Statistics	all;

	for (int32_t s = 0; s < SHARDS; s++)
	{
		if (shards_mine(sharing, s) &&
			add_statistics((Statistics *) shards_doubles(sharing, s), examples, s,
						   &sharing->interrupt) != NN_OK)
			return NN_CANCELLED;
	}
	shards_sum_doubles(sharing, (double *) &all, STATISTICS_DOUBLES);
	for (int32_t f = 0; f < RANK_FEATURES; f++)
	{
		double		rows = fmax(all.rows, 1);
		double		mean = all.sum[f] / rows;
		double		variance = all.square[f] / rows - mean * mean;

		ranker->mean[f] = (float) mean;
		ranker->scale[f] = (float) (1 / (sqrt(variance > 0 ? variance : 0) +
										 SMALLEST_DEVIATION));
	}
	return NN_OK;
}

/* Room for so many bytes of features, or NULL: there is no more. */
static int8_t *
take_bytes(RankerExamples *examples, Shard *shard, size_t bytes)
{
	int8_t	   *taken;

	if (shard->used_chunks == 0 || shard->used_bytes + bytes > CHUNK_BYTES)
	{
		if (shard->used_chunks == examples->most_chunks)
			return NULL;
		if (shard->used_chunks == shard->chunks)
			shard->chunk[shard->chunks++] = ALLOCATE(&examples->allocator, int8_t, CHUNK_BYTES);
		shard->used_chunks++;
		shard->used_bytes = 0;
	}
	taken = shard->chunk[shard->used_chunks - 1] + shard->used_bytes;
	shard->used_bytes += bytes;
	return taken;
}

/* Write a list's standardised features as it keeps them. */
static void
keep_features(int8_t *to, const float *features, int32_t rows, int32_t seen)
{
	const Kernels *kernels = kernels_best();

	kernels->to_codes(to, features + LENGTH, RANKER_SHARED, 1 / RANKER_FEATURE_STEP);
	to += RANKER_SHARED;
	for (int32_t r = 0; r < seen; r++, to += RANKER_SEEN)
		kernels->to_codes(to, features + (size_t) r * RANK_FEATURES, RANKER_SEEN,
						  1 / RANKER_FEATURE_STEP);
	for (int32_t r = 0; r < rows; r++, to += RANKER_REST)
		kernels->to_codes(to, features + (size_t) r * RANK_FEATURES + LAST_ADJACENT,
						  RANKER_REST, 1 / RANKER_FEATURE_STEP);
}

/* Keep the lists of a shard that have their targets. */
static NnStatus
collect_shard(RankerExamples *examples, int32_t number, const Ranker *ranker,
			  const Interrupt *interrupt)
{
	const RankerSource *source = &examples->source;
	Shard	   *shard = &examples->shard[number];
	int32_t		lists = 0;

	shard->used_chunks = 0;
	memset(shard->examples, 0, sizeof(shard->examples));
	memset(shard->lists, 0, sizeof(shard->lists));
	for (int32_t e = 0; e < shard_examples(source, number); e++)
	{
		bool		held_out = source->held_out != NULL && source->held_out[e * SHARDS + number];
		int32_t		target;
		int32_t		rows = read_example(examples, number, e, &target);
		int32_t		seen = ranker_count_seen(examples->features, rows);
		int8_t	   *features = NULL;

		if (!interrupt_go_on(interrupt))
			return NN_CANCELLED;
		if (target >= 0 && (features = take_bytes(examples, shard, RANKER_LIST_BYTES(rows, seen))) == NULL)
			break;
		shard->examples[held_out]++;
		if (target < 0)
			continue;
		shard->lists[held_out]++;
		shard->list[lists++] = (List) {features, rows, seen, target, held_out};
		ranker_standardise(ranker, examples->features, rows);
		keep_features(features, examples->features, rows, seen);
	}
	return NN_OK;
}

NnStatus
ranker_collect(RankerExamples *examples, Ranker *ranker, Sharing *sharing)
{
	double		all[SHARDS][4];

	if (find_statistics(ranker, examples, sharing) != NN_OK)
		return NN_CANCELLED;
	for (int32_t s = 0; s < SHARDS; s++)
	{
		const Shard *shard = &examples->shard[s];
		double	   *out = shards_doubles(sharing, s);

		if (!shards_mine(sharing, s))
			continue;
		if (collect_shard(examples, s, ranker, &sharing->interrupt) != NN_OK)
			return NN_CANCELLED;
		/* each shard writes numbers of its own, so that the sums tell them all */
		memset(out, 0, sizeof(all));
		for (int i = 0; i < 2; i++)
		{
			out[s * 4 + i] = shard->examples[i];
			out[s * 4 + 2 + i] = shard->lists[i];
		}
	}
	shards_sum_doubles(sharing, &all[0][0], SHARDS * 4);
	memset(examples->examples, 0, sizeof(examples->examples));
	for (int32_t s = 0; s < SHARDS; s++)
	{
		for (int i = 0; i < 2; i++)
		{
			examples->examples[i] += (int32_t) all[s][i];
			examples->lists[s][i] = (int32_t) all[s][2 + i];
		}
	}
	return NN_OK;
}
