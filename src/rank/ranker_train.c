/*
 * ranker_train.c
 *	  Fits rankers to examples: histories of which it is known what came next.
 *
 * A step takes a few lists of candidates of every shard.  Each process holds the
 * ranker and Adam's moments for itself and takes the same step, so that only the
 * gradient is shared, and one barrier a step is enough.
 */
#include "rank/ranker_train.h"

#include <math.h>
#include <string.h>

#include "nn/adam.h"
#include "nn/matrix.h"
#include "nn/rng.h"

#define BATCH 6					/* lists of a shard in one step; of few lists less, ... */
#define SMALLEST_BATCH 1
#define STEPS_AN_EPOCH 100		/* ... so that there are so many steps, */
#define STEPS 300				/* and epochs enough for so many */
#define MOST_EPOCHS 40
#define LEARNING_RATE 2e-3
#define WARM_UP 100				/* steps, but no more than a third of all */
#define WEIGHT_DECAY 1e-4f
#define STATISTICS_EXAMPLES 2000	/* of all shards */
#define SMALLEST_DEVIATION 1e-3

/* Standardised features in 8 bits: far finer than what they tell. */
#define FEATURE_STEP (RANKER_FEATURE_LIMIT / INT8_MAX)

/* Bytes that are taken at once. */
#define CHUNK_BYTES (1 << 17)

/* Bytes of a list's features. */
#define LIST_BYTES(rows, seen) \
	(RANKER_SHARED + (size_t) (seen) * RANKER_SEEN + (size_t) (rows) * RANKER_REST)

/* A list of candidates. */
typedef struct List
{
	const int8_t *features;		/* RANKER_SHARED; seen x RANKER_SEEN; rows x RANKER_REST */
	int32_t		rows;
	int32_t		seen;
	int32_t		target;
	bool		held_out;
} List;

/* The examples of a shard whose target is a candidate. */
typedef struct Shard
{
	int32_t		examples[2];	/* whether found or not: not held out, and held out */
	int32_t		lists[2];		/* of these, with the target */
	List	   *list;
	int32_t    *order;			/* lists that are learned from */
	int8_t	  **chunk;
	int32_t		chunks;			/* that were taken */
	int32_t		used_chunks;
	size_t		used_bytes;		/* of the last of them */
} Shard;

struct RankerExamples
{
	RankerSource source;
	Allocator	allocator;
	int32_t		most_chunks;	/* of a shard */
	Shard		shard[SHARDS];	/* filled in: those of this process */
	int32_t		lists[SHARDS][2];	/* of all shards */
	int32_t		examples[2];	/* likewise, in sum */
	/* to work with */
	Ranker		gradient;
	float	   *first;			/* ranker_count(), as the next */
	float	   *second;
	RankerList	input[BATCH];	/* into features */
	float	   *features;		/* BATCH x CANDIDATES_MAX x RANK_FEATURES */
	float		unseen[RANKER_SEEN];
	float	   *weight2;		/* hidden x hidden, outputs first */
	float	   *hidden1;		/* BATCH x CANDIDATES_MAX x RANKER_HIDDEN, as the next three */
	float	   *hidden2;
	float	   *d_hidden1;
	float	   *d_hidden2;
	float	   *score;			/* BATCH x CANDIDATES_MAX */
};

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

static int32_t
between(int32_t value, int32_t low, int32_t high)
{
	return value < low ? low : value > high ? high : value;
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
	size_t		rows = BATCH * CANDIDATES_MAX;
	size_t		chunks = source->memory / SHARDS / CHUNK_BYTES;
	size_t		largest = LIST_BYTES(CANDIDATES_MAX, CANDIDATES_MAX);

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

/* ---------------------------------------------------------------- collecting */

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

	kernels->to_codes(to, features + LENGTH, RANKER_SHARED, 1 / FEATURE_STEP);
	to += RANKER_SHARED;
	for (int32_t r = 0; r < seen; r++, to += RANKER_SEEN)
		kernels->to_codes(to, features + (size_t) r * RANK_FEATURES, RANKER_SEEN,
						  1 / FEATURE_STEP);
	for (int32_t r = 0; r < rows; r++, to += RANKER_REST)
		kernels->to_codes(to, features + (size_t) r * RANK_FEATURES + LAST_ADJACENT,
						  RANKER_REST, 1 / FEATURE_STEP);
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
		if (target >= 0 && (features = take_bytes(examples, shard, LIST_BYTES(rows, seen))) == NULL)
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

/* ---------------------------------------------------------------- training */

/* A fit of a ranker. */
typedef struct Fit
{
	Ranker	   *ranker;
	RankerExamples *examples;
	bool		all;			/* those held out, too */
	int32_t		batch;			/* lists of a shard in one step */
	int32_t		epoch_steps;
	int32_t		epochs;
	int64_t		steps;			/* of all epochs */
} Fit;

/* The weights begin here in a ranker's block, behind mean and scale. */
static size_t
weights_place(const Ranker *ranker)
{
	return (size_t) (ranker->weight1 - ranker->block);
}

/* Uniform within 1 / sqrt(inputs), as is usual for such layers. */
static void
initialise(float *values, size_t count, int32_t inputs, Rng *rng)
{
	float		range = 1 / sqrtf((float) inputs);

	for (size_t i = 0; i < count; i++)
		values[i] = (2 * rng_uniform(rng) - 1) * range;
}

static void
initialise_ranker(Ranker *ranker, uint64_t seed)
{
	Rng			rng = rng_stream(seed, RNG_RANKER, 0);
	size_t		place = weights_place(ranker);

	memset(ranker->block + place, 0, (ranker->count - place) * sizeof(float));
	initialise(ranker->weight1, RANKER_HIDDEN * RANK_FEATURES, RANK_FEATURES, &rng);
	initialise(ranker->bias1, RANKER_HIDDEN, RANK_FEATURES, &rng);
	initialise(ranker->weight2, RANKER_HIDDEN * RANKER_HIDDEN, RANKER_HIDDEN, &rng);
	initialise(ranker->bias2, RANKER_HIDDEN, RANKER_HIDDEN, &rng);
	initialise(ranker->weight3, RANKER_HIDDEN, RANKER_HIDDEN, &rng);
}

/* Lists of a shard that are learned from. */
static int32_t
lists_of(const Fit *fit, int32_t shard)
{
	const int32_t *lists = fit->examples->lists[shard];

	return lists[0] + (fit->all ? lists[1] : 0);
}

/* Lists of a shard in step number `step` of an epoch, from 0. */
static int32_t
lists_in_step(const Fit *fit, int32_t shard, int32_t step)
{
	return between(lists_of(fit, shard) - step * fit->batch, 0, fit->batch);
}

/* Put the lists of a shard that are learned from in a new order. */
static void
shuffle(const Fit *fit, int32_t number, int32_t epoch)
{
	Shard	   *shard = &fit->examples->shard[number];
	Rng			rng = rng_stream(fit->examples->source.seed, RNG_RANKER,
								 (uint64_t) epoch * SHARDS + (uint64_t) number + 1);
	int32_t		count = 0;

	for (int32_t l = 0; l < shard->lists[0] + shard->lists[1]; l++)
	{
		if (fit->all || !shard->list[l].held_out)
			shard->order[count++] = l;
	}
	for (int32_t i = count - 1; i > 0; i--)
	{
		int32_t		other = (int32_t) rng_below(&rng, (uint32_t) i + 1);
		int32_t		swapped = shard->order[i];

		shard->order[i] = shard->order[other];
		shard->order[other] = swapped;
	}
}

/* d = 0 where the activation is */
static void
mask(float *d, const float *activation, int32_t rows)
{
	for (size_t i = 0; i < (size_t) rows * RANKER_HIDDEN; i++)
		d[i] = activation[i] > 0 ? d[i] : 0;
}

/* d_weight (columns x hidden) += in (rows x columns)^T d (rows x hidden) */
static void
add_weight_gradient(float *d_weight, const float *in, size_t in_row, const float *d,
					int32_t rows, int32_t columns)
{
	Product		product = {
		.out = d_weight, .out_row = RANKER_HIDDEN, .add = true,
		.a = in, .a_row = 1, .a_column = in_row,
		.b = d, .b_row = RANKER_HIDDEN,
		.rows = columns, .columns = RANKER_HIDDEN, .depth = rows
	};

	kernels_best()->multiply(&product);
}

/* Gradient of the first layer, from that of what it gives for a list. */
static void
first_layer_backward(Ranker *gradient, const RankerList *list, const float *unseen,
					 const float *d)
{
	float	   *seen_weight = gradient->weight1;
	float	   *shared_weight = seen_weight + RANKER_SEEN * RANKER_HIDDEN;
	float	   *rest_weight = shared_weight + RANKER_SHARED * RANKER_HIDDEN;
	float		seen[RANKER_HIDDEN] = {0};	/* sums over the rows */
	float		others[RANKER_HIDDEN] = {0};

	matrix_add_rows(seen, d, list->seen, RANKER_HIDDEN);
	matrix_add_rows(others, d + (size_t) list->seen * RANKER_HIDDEN, list->rows - list->seen,
					RANKER_HIDDEN);
	add_weight_gradient(seen_weight, list->seen_features, list->seen_row, d, list->seen,
						RANKER_SEEN);
	add_weight_gradient(seen_weight, unseen, 0, others, 1, RANKER_SEEN);
	matrix_add_rows(others, seen, 1, RANKER_HIDDEN);
	add_weight_gradient(shared_weight, list->shared, 0, others, 1, RANKER_SHARED);
	matrix_add_rows(gradient->bias1, others, 1, RANKER_HIDDEN);
	add_weight_gradient(rest_weight, list->rest, list->rest_row, d, list->rows, RANKER_REST);
}

/* Gradient of the mean cross-entropy, from that of the scores. */
static void
backward(const Ranker *ranker, RankerExamples *work, int32_t lists, int32_t rows)
{
	Ranker	   *gradient = &work->gradient;
	Product		to_hidden1 = {
		/* rows x hidden = (rows x hidden) (hidden x hidden) */
		.out = work->d_hidden1, .out_row = RANKER_HIDDEN,
		.a = work->d_hidden2, .a_row = RANKER_HIDDEN, .a_column = 1,
		.b = work->weight2, .b_row = RANKER_HIDDEN,
		.rows = rows, .columns = RANKER_HIDDEN, .depth = RANKER_HIDDEN
	};

	memset(gradient->block, 0, gradient->count * sizeof(float));
	for (int32_t r = 0; r < rows; r++)
	{
		const float *hidden = work->hidden2 + (size_t) r * RANKER_HIDDEN;
		float	   *d = work->d_hidden2 + (size_t) r * RANKER_HIDDEN;

		for (int32_t h = 0; h < RANKER_HIDDEN; h++)
		{
			gradient->weight3[h] += work->score[r] * hidden[h];
			d[h] = work->score[r] * ranker->weight3[h];
		}
		gradient->bias3[0] += work->score[r];
	}
	mask(work->d_hidden2, work->hidden2, rows);
	add_weight_gradient(gradient->weight2, work->hidden1, RANKER_HIDDEN, work->d_hidden2, rows,
						RANKER_HIDDEN);
	matrix_add_rows(gradient->bias2, work->d_hidden2, rows, RANKER_HIDDEN);
	kernels_best()->multiply(&to_hidden1);
	mask(work->d_hidden1, work->hidden1, rows);
	rows = 0;
	for (int32_t l = 0; l < lists; l++)
	{
		first_layer_backward(gradient, &work->input[l], work->unseen,
							 work->d_hidden1 + (size_t) rows * RANKER_HIDDEN);
		rows += work->input[l].rows;
	}
}

/* The features of a list, at `to`; returns where the next one's begin. */
static float *
read_list(RankerList *input, const List *list, float *to)
{
	size_t		count = LIST_BYTES(list->rows, list->seen);

	kernels_best()->from_codes(to, list->features, count, FEATURE_STEP);
	*input = (RankerList) {
		.rows = list->rows,
		.seen = list->seen,
		.shared = to,
		.seen_features = to + RANKER_SHARED,
		.seen_row = RANKER_SEEN,
		.rest = to + RANKER_SHARED + (size_t) list->seen * RANKER_SEEN,
		.rest_row = RANKER_REST
	};
	return to + count;
}

/* The gradient of a shard's lists in a step of `lists` lists, into work->gradient. */
static void
shard_gradient(const Fit *fit, int32_t number, int32_t step, int32_t lists)
{
	RankerExamples *work = fit->examples;
	const Shard *shard = &work->shard[number];
	const int32_t *order = shard->order + step * fit->batch;
	int32_t		count = lists_in_step(fit, number, step);
	float	   *features = work->features;
	int32_t		rows = 0;

	for (int32_t l = 0; l < count; l++)
	{
		features = read_list(&work->input[l], &shard->list[order[l]], features);
		ranker_first_layer(fit->ranker, &work->input[l], work->unseen,
						   work->hidden1 + (size_t) rows * RANKER_HIDDEN);
		rows += work->input[l].rows;
	}
	ranker_other_layers(fit->ranker, rows, work->hidden1, work->hidden2, work->score);
	/* gradients of the step's mean cross-entropy by the scores take their place */
	rows = 0;
	for (int32_t l = 0; l < count; l++)
	{
		float	   *score = work->score + rows;

		ranker_softmax(score, work->input[l].rows);
		score[shard->list[order[l]].target] -= 1;
		for (int32_t i = 0; i < work->input[l].rows; i++)
			score[i] /= (float) lists;
		rows += work->input[l].rows;
	}
	backward(fit->ranker, work, count, rows);
}

/* Step number `number`, from 1, which is the step-th of its epoch, from 0. */
static void
train_step(const Fit *fit, int32_t step, int64_t number, Sharing *sharing)
{
	RankerExamples *work = fit->examples;
	Ranker	   *ranker = fit->ranker;
	size_t		place = weights_place(ranker);
	size_t		weights = ranker->count - place;
	double		done = (double) number / (double) fit->steps;
	double		rate = LEARNING_RATE *
		fmin(1, (double) number / fmin(WARM_UP, (double) fit->steps / 3)) *
		(0.5 * (1 + cos(M_PI * done)) + 0.01);
	AdamStep	constants = adam_step(number, (float) rate, 0, 0);
	int32_t		lists = 0;

	for (int32_t s = 0; s < SHARDS; s++)
		lists += lists_in_step(fit, s, step);
	for (int32_t in = 0; in < RANKER_HIDDEN; in++)
	{
		for (int32_t out = 0; out < RANKER_HIDDEN; out++)
			work->weight2[out * RANKER_HIDDEN + in] = ranker->weight2[in * RANKER_HIDDEN + out];
	}
	for (int32_t s = 0; s < SHARDS; s++)
	{
		if (!shards_mine(sharing, s))
			continue;
		shard_gradient(fit, s, step, lists);
		memcpy(shards_floats(sharing, s), work->gradient.block + place,
			   weights * sizeof(float));
	}
	shards_sum_floats(sharing, work->gradient.block + place, (int32_t) weights);
	for (size_t i = place; i < ranker->count; i++)
		ranker->block[i] *= 1 - (float) rate * WEIGHT_DECAY;
	kernels_best()->adam(ranker->block + place, work->gradient.block + place,
						 work->first + place, work->second + place, weights, &constants);
}

/* A fit in so many epochs or more, for a ranker to be named. */
static Fit
plan_fit(const RankerExamples *examples, bool all, int32_t epochs)
{
	Fit			fit = {.examples = (RankerExamples *) examples, .all = all};
	int32_t		most = 0;

	for (int32_t s = 0; s < SHARDS; s++)
		most = lists_of(&fit, s) > most ? lists_of(&fit, s) : most;
	fit.batch = between(most / STEPS_AN_EPOCH, SMALLEST_BATCH, BATCH);
	fit.epoch_steps = (most + fit.batch - 1) / fit.batch;
	fit.epochs = between(fit.epoch_steps > 0 ? STEPS / fit.epoch_steps : 0, epochs, MOST_EPOCHS);
	fit.steps = (int64_t) fit.epoch_steps * fit.epochs;
	return fit;
}

int64_t
ranker_steps(const RankerExamples *examples, bool all, int32_t epochs)
{
	return plan_fit(examples, all, epochs).steps;
}

NnStatus
ranker_train(Ranker *ranker, RankerExamples *examples, bool all, int32_t epochs,
			 Sharing *sharing, float *missed)
{
	Fit			fit = plan_fit(examples, all, epochs);
	int32_t		tried = examples->examples[0] + (all ? examples->examples[1] : 0);
	int32_t		lists = 0;
	int64_t		number = 0;

	fit.ranker = ranker;
	initialise_ranker(ranker, examples->source.seed);
	ranker_unseen(ranker, examples->unseen);
	memset(examples->first, 0, ranker->count * sizeof(float));
	memset(examples->second, 0, ranker->count * sizeof(float));
	for (int32_t epoch = 0; epoch < fit.epochs; epoch++)
	{
		for (int32_t s = 0; s < SHARDS; s++)
		{
			if (shards_mine(sharing, s))
				shuffle(&fit, s, epoch);
		}
		for (int32_t step = 0; step < fit.epoch_steps; step++)
		{
			if (!interrupt_go_on(&sharing->interrupt))
				return NN_CANCELLED;
			train_step(&fit, step, ++number, sharing);
		}
	}
	for (int32_t s = 0; s < SHARDS; s++)
		lists += lists_of(&fit, s);
	*missed = tried > 0 ? 1 - (float) lists / (float) tried : 1;
	return NN_OK;
}
