/*
 * ranker_train_collect.c
 *	  The examples that rankers are fitted to: their candidates' features are found
 *	  once, standardised and kept in 8 bits.
 */
#include "rank/ranker_train.h"

#include <math.h>
#include <string.h>

#include "rank/ranker_train_internal.h"

#define STATISTICS_EXAMPLES 1000	/* of all shards */
#define SMALLEST_DEVIATION 1e-3

/* Bytes that are taken at once; what a list leaves of the last ones, and a wrong guess of its size, may cost so much. */
#define CHUNK_BYTES (1 << 17)
#define FILLED_SHARE 0.9

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

/* Rankers that examples are collected for. */
typedef struct Collecting
{
	RankerExamples *const *examples;
	Ranker *const *rankers;
	int32_t		count;
	RankerInput input[RANKERS];
	Statistics	statistics[RANKERS][SHARDS];	/* of this process's shards */
} Collecting;

/* The candidates of an example. */
static void
find_candidates(Collecting *collecting, int32_t example)
{
	const RankerSource *source = &collecting->examples[0]->source;

	source->example(source->context, example, collecting->input);
}

static void
add_statistics(Statistics *statistics, const RankerInput *input)
{
	for (int32_t r = 0; r < input->rows; r++)
	{
		const float *x = input->features + (size_t) r * RANK_FEATURES;

		for (int32_t f = 0; f < RANK_FEATURES; f++)
		{
			statistics->sum[f] += x[f];
			statistics->square[f] += (double) x[f] * x[f];
		}
	}
	statistics->rows += input->rows;
}

/* Add up the features of the first examples of a shard, and how much room they take. */
static NnStatus
find_statistics(Collecting *collecting, int32_t shard, const Interrupt *interrupt)
{
	int32_t		most = shard_examples(&collecting->examples[0]->source, shard);
	int32_t		count = most < STATISTICS_EXAMPLES / SHARDS ? most : STATISTICS_EXAMPLES / SHARDS;

	for (int i = 0; i < collecting->count; i++)
		collecting->examples[i]->shard[shard].example_bytes = 0;
	for (int32_t e = 0; e < count; e++)
	{
		if (!interrupt_go_on(interrupt))
			return NN_CANCELLED;
		find_candidates(collecting, e * SHARDS + shard);
		for (int i = 0; i < collecting->count; i++)
		{
			const RankerInput *input = &collecting->input[i];

			add_statistics(&collecting->statistics[i][shard], input);
			if (input->target >= 0)
				collecting->examples[i]->shard[shard].example_bytes +=
					(double) RANKER_LIST_BYTES(input->rows,
											   ranker_count_seen(input->features, input->rows)) / count;
		}
	}
	return NN_OK;
}

/* Mean and deviation of each feature over the candidates of some examples. */
static void
set_scale(Ranker *ranker, const Statistics *statistics, Sharing *sharing)
{
	Statistics	all;

	for (int32_t s = 0; s < SHARDS; s++)
	{
		if (shards_mine(sharing, s))
			memcpy(shards_doubles(sharing, s), &statistics[s], sizeof(Statistics));
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

/* How many examples of a shard there is room for. */
static int32_t
examples_with_room(const RankerExamples *examples, int32_t number)
{
	double		room = FILLED_SHARE * (double) examples->most_chunks * CHUNK_BYTES;
	double		bytes = examples->shard[number].example_bytes;
	int32_t		all = shard_examples(&examples->source, number);

	return bytes * all > room ? (int32_t) (room / bytes) : all;
}

/* Keep an example, if its target is a candidate; false: there is no more room. */
static bool
keep_example(RankerExamples *examples, int32_t number, const Ranker *ranker,
			 const RankerInput *input, bool held_out)
{
	Shard	   *shard = &examples->shard[number];
	int32_t		seen = ranker_count_seen(input->features, input->rows);
	int8_t	   *features = NULL;

	if (input->target >= 0)
	{
		features = take_bytes(examples, shard, RANKER_LIST_BYTES(input->rows, seen));
		if (features == NULL)
			return false;
	}
	shard->examples[held_out]++;
	if (input->target < 0)
		return true;
	shard->list[shard->lists[0] + shard->lists[1]] =
		(List) {features, input->rows, seen, input->target, held_out};
	shard->lists[held_out]++;
	ranker_standardise(ranker, input->features, input->rows);
	keep_features(features, input->features, input->rows, seen);
	return true;
}

/* Keep the lists of a shard that have their targets. */
static NnStatus
collect_shard(Collecting *collecting, int32_t number, const Interrupt *interrupt)
{
	const RankerSource *source = &collecting->examples[0]->source;
	int32_t		room[RANKERS];

	for (int i = 0; i < collecting->count; i++)
	{
		RankerExamples *examples = collecting->examples[i];
		Shard	   *shard = &examples->shard[number];

		shard->used_chunks = 0;
		memset(shard->examples, 0, sizeof(shard->examples));
		memset(shard->lists, 0, sizeof(shard->lists));
		room[i] = examples_with_room(examples, number);
	}
	for (int32_t o = 0; o < source->examples; o++)
	{
		int32_t		e = source->order != NULL ? source->order[o] : o;
		bool		held_out = source->held_out != NULL && source->held_out[e];

		if (e % SHARDS != number)
			continue;
		if (!interrupt_go_on(interrupt))
			return NN_CANCELLED;
		find_candidates(collecting, e);
		for (int i = 0; i < collecting->count; i++)
		{
			if (e / SHARDS < room[i] &&
				!keep_example(collecting->examples[i], number, collecting->rankers[i],
							  &collecting->input[i], held_out))
				room[i] = 0;
		}
	}
	return NN_OK;
}

/* Tell all processes how many lists each shard has. */
static void
share_numbers(RankerExamples *examples, Sharing *sharing)
{
	double		all[SHARDS][4];

	for (int32_t s = 0; s < SHARDS; s++)
	{
		const Shard *shard = &examples->shard[s];
		double	   *out = shards_doubles(sharing, s);

		if (!shards_mine(sharing, s))
			continue;
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
}

NnStatus
ranker_collect(RankerExamples *const *examples, Ranker *const *rankers, int32_t count,
			   Sharing *sharing)
{
	Collecting	collecting = {.examples = examples, .rankers = rankers, .count = count};

	for (int i = 0; i < count; i++)
		collecting.input[i].features = examples[i]->features;
	for (int32_t s = 0; s < SHARDS; s++)
	{
		if (shards_mine(sharing, s) &&
			find_statistics(&collecting, s, &sharing->interrupt) != NN_OK)
			return NN_CANCELLED;
	}
	for (int i = 0; i < count; i++)
		set_scale(rankers[i], collecting.statistics[i], sharing);
	for (int32_t s = 0; s < SHARDS; s++)
	{
		if (shards_mine(sharing, s) &&
			collect_shard(&collecting, s, &sharing->interrupt) != NN_OK)
			return NN_CANCELLED;
	}
	for (int i = 0; i < count; i++)
		share_numbers(examples[i], sharing);
	return NN_OK;
}
