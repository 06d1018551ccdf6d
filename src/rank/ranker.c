/*
 * ranker.c
 *	  From the features of candidates to their probabilities.
 */
#include "rank/ranker.h"

#include <math.h>
#include <string.h>

#include "nn/adam.h"
#include "nn/matrix.h"
#include "nn/rng.h"

#define BATCH 64				/* examples of one step; of few examples less, ... */
#define SMALLEST_BATCH 8
#define STEPS_AN_EPOCH 100		/* ... so that there are so many steps, */
#define STEPS 300				/* and epochs enough for so many */
#define MOST_EPOCHS 40
#define LEARNING_RATE 2e-3
#define WARM_UP 100				/* steps, but no more than a third of all */
#define WEIGHT_DECAY 1e-4f
#define FEATURE_LIMIT 5.0f		/* standardised features are held within +- this */
#define STATISTICS_EXAMPLES 2000
#define SMALLEST_DEVIATION 1e-3

/* What ranker_train works with. */
typedef struct TrainingMemory
{
	int32_t    *order;			/* examples */
	float	   *gradient;		/* ranker_count(), as the next two */
	float	   *first;
	float	   *second;
	float	   *features;		/* (batch + 1) x CANDIDATES_MAX x RANK_FEATURES */
	float	   *hidden1;		/* batch x CANDIDATES_MAX x RANKER_HIDDEN, as all below */
	float	   *hidden2;
	float	   *d_hidden1;
	float	   *d_hidden2;
	float	   *score;			/* batch x CANDIDATES_MAX */
	double	   *sum;			/* features */
	double	   *square;			/* features */
} TrainingMemory;

static size_t
lay_out(Ranker *ranker, float *block)
{
	Arena		arena = {(char *) block, 0};

	ranker->block = block;
	ranker->mean = ARENA_TAKE(&arena, float, RANK_FEATURES);
	ranker->scale = ARENA_TAKE(&arena, float, RANK_FEATURES);
	ranker->weight1 = ARENA_TAKE(&arena, float, RANKER_HIDDEN * RANK_FEATURES);
	ranker->bias1 = ARENA_TAKE(&arena, float, RANKER_HIDDEN);
	ranker->weight2 = ARENA_TAKE(&arena, float, RANKER_HIDDEN * RANKER_HIDDEN);
	ranker->bias2 = ARENA_TAKE(&arena, float, RANKER_HIDDEN);
	ranker->weight3 = ARENA_TAKE(&arena, float, RANKER_HIDDEN);
	ranker->bias3 = ARENA_TAKE(&arena, float, 1);
	ranker->count = arena.used / sizeof(float);
	return ranker->count;
}

size_t
ranker_count(void)
{
	Ranker		ranker;

	return lay_out(&ranker, NULL);
}

void
ranker_bind(Ranker *ranker, float *block)
{
	lay_out(ranker, block);
}

static void
standardise(const Ranker *ranker, float *features, int32_t rows)
{
	for (int32_t r = 0; r < rows; r++)
	{
		float	   *x = features + (size_t) r * RANK_FEATURES;

		for (int32_t f = 0; f < RANK_FEATURES; f++)
		{
			float		value = (x[f] - ranker->mean[f]) * ranker->scale[f];

			value = value > FEATURE_LIMIT ? FEATURE_LIMIT : value;
			x[f] = value < -FEATURE_LIMIT ? -FEATURE_LIMIT : value;
		}
	}
}

/* out = relu(in x weight^T + bias) */
static void
dense_relu(float *out, const float *in, const float *weight, const float *bias,
		   int32_t rows, int32_t columns)
{
	matrix_multiply_transposed(out, in, weight, rows, RANKER_HIDDEN, columns, 0.0f);
	for (int32_t r = 0; r < rows; r++)
	{
		float	   *row = out + (size_t) r * RANKER_HIDDEN;

		for (int32_t h = 0; h < RANKER_HIDDEN; h++)
		{
			float		value = row[h] + bias[h];

			row[h] = value > 0 ? value : 0;
		}
	}
}

/* Scores of standardised features. */
static void
forward(const Ranker *ranker, const float *features, int32_t rows, float *hidden1,
		float *hidden2, float *score)
{
	dense_relu(hidden1, features, ranker->weight1, ranker->bias1, rows, RANK_FEATURES);
	dense_relu(hidden2, hidden1, ranker->weight2, ranker->bias2, rows, RANKER_HIDDEN);
	for (int32_t r = 0; r < rows; r++)
	{
		float		sum = ranker->bias3[0];

		for (int32_t h = 0; h < RANKER_HIDDEN; h++)
			sum += hidden2[(size_t) r * RANKER_HIDDEN + h] * ranker->weight3[h];
		score[r] = sum;
	}
}

void
ranker_softmax(float *score, int32_t count)
{
	float		top = -INFINITY;
	float		sum = 0;

	for (int32_t i = 0; i < count; i++)
		top = fmaxf(top, score[i]);
	for (int32_t i = 0; i < count; i++)
		sum += score[i] = expf(score[i] - top);
	for (int32_t i = 0; i < count; i++)
		score[i] /= sum;
}

void
ranker_scores(const Ranker *ranker, float *features, int32_t count, float *scratch,
			  float *score)
{
	standardise(ranker, features, count);
	forward(ranker, features, count, scratch, scratch + (size_t) count * RANKER_HIDDEN, score);
}

/* ---------------------------------------------------------------- training */

static int32_t
between(int32_t value, int32_t low, int32_t high)
{
	return value < low ? low : value > high ? high : value;
}

/* How many examples a step takes. */
static int32_t
batch_size(int32_t examples)
{
	return between(examples / STEPS_AN_EPOCH, SMALLEST_BATCH, BATCH);
}

static void
place(TrainingMemory *memory, Arena *arena, int32_t examples)
{
	size_t		rows = (size_t) batch_size(examples) * CANDIDATES_MAX;

	memory->order = ARENA_TAKE(arena, int32_t, examples);
	memory->gradient = ARENA_TAKE(arena, float, ranker_count());
	memory->first = ARENA_TAKE(arena, float, ranker_count());
	memory->second = ARENA_TAKE(arena, float, ranker_count());
	memory->features = ARENA_TAKE(arena, float, (rows + CANDIDATES_MAX) * RANK_FEATURES);
	memory->hidden1 = ARENA_TAKE(arena, float, rows * RANKER_HIDDEN);
	memory->hidden2 = ARENA_TAKE(arena, float, rows * RANKER_HIDDEN);
	memory->d_hidden1 = ARENA_TAKE(arena, float, rows * RANKER_HIDDEN);
	memory->d_hidden2 = ARENA_TAKE(arena, float, rows * RANKER_HIDDEN);
	memory->score = ARENA_TAKE(arena, float, rows);
	memory->sum = ARENA_TAKE(arena, double, RANK_FEATURES);
	memory->square = ARENA_TAKE(arena, double, RANK_FEATURES);
}

void
ranker_place_training(Arena *arena, void **memory, int32_t examples)
{
	TrainingMemory *placed = ARENA_TAKE(arena, TrainingMemory, 1);
	TrainingMemory measured;

	place(placed != NULL ? placed : &measured, arena, examples);
	*memory = placed;
}

/* Mean and deviation of each feature over the candidates of some examples. */
static void
find_statistics(Ranker *ranker, const RankerTraining *training, TrainingMemory *memory)
{
	int32_t		examples = training->examples < STATISTICS_EXAMPLES
		? training->examples : STATISTICS_EXAMPLES;
	int64_t		rows = 0;

	memset(memory->sum, 0, RANK_FEATURES * sizeof(double));
	memset(memory->square, 0, RANK_FEATURES * sizeof(double));
	for (int32_t e = 0; e < examples && interrupt_go_on(&training->interrupt); e++)
	{
		int32_t		target;
		int32_t		count = training->example(training->context, memory->order[e],
											  memory->features, &target);

		for (int32_t i = 0; i < count; i++)
		{
			const float *x = memory->features + (size_t) i * RANK_FEATURES;

			for (int32_t f = 0; f < RANK_FEATURES; f++)
			{
				memory->sum[f] += x[f];
				memory->square[f] += (double) x[f] * x[f];
			}
		}
		rows += count;
	}
	for (int32_t f = 0; f < RANK_FEATURES; f++)
	{
		double		mean = rows > 0 ? memory->sum[f] / (double) rows : 0;
		double		variance = rows > 0 ? memory->square[f] / (double) rows - mean * mean : 0;

		ranker->mean[f] = (float) mean;
		ranker->scale[f] = (float) (1 / (sqrt(variance > 0 ? variance : 0) +
										 SMALLEST_DEVIATION));
	}
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

	memset(ranker->block, 0, ranker->count * sizeof(float));
	initialise(ranker->weight1, RANKER_HIDDEN * RANK_FEATURES, RANK_FEATURES, &rng);
	initialise(ranker->bias1, RANKER_HIDDEN, RANK_FEATURES, &rng);
	initialise(ranker->weight2, RANKER_HIDDEN * RANKER_HIDDEN, RANKER_HIDDEN, &rng);
	initialise(ranker->bias2, RANKER_HIDDEN, RANKER_HIDDEN, &rng);
	initialise(ranker->weight3, RANKER_HIDDEN, RANKER_HIDDEN, &rng);
}

/* Through a relu layer: d_out becomes the gradient before it; NULL: not wanted. */
static void
dense_relu_backward(float *d_in, float *d_out, const float *out, const float *in,
					const float *weight, float *d_weight, float *d_bias,
					int32_t rows, int32_t columns)
{
	for (size_t i = 0; i < (size_t) rows * RANKER_HIDDEN; i++)
		d_out[i] = out[i] > 0 ? d_out[i] : 0;
	matrix_transposed_multiply(d_weight, d_out, in, RANKER_HIDDEN, columns, rows, 0.0f);
	matrix_add_rows(d_bias, d_out, rows, RANKER_HIDDEN);
	if (d_in != NULL)
		matrix_multiply(d_in, d_out, weight, rows, columns, RANKER_HIDDEN, 0.0f);
}

/* Gradient of the mean cross-entropy; d_score: gradient of the scores. */
static void
backward(const Ranker *ranker, Ranker *gradient, TrainingMemory *memory,
		 const float *d_score, int32_t rows)
{
	memset(gradient->block, 0, gradient->count * sizeof(float));
	for (int32_t r = 0; r < rows; r++)
	{
		const float *hidden = memory->hidden2 + (size_t) r * RANKER_HIDDEN;
		float	   *d = memory->d_hidden2 + (size_t) r * RANKER_HIDDEN;

		for (int32_t h = 0; h < RANKER_HIDDEN; h++)
		{
			gradient->weight3[h] += d_score[r] * hidden[h];
			d[h] = d_score[r] * ranker->weight3[h];
		}
		gradient->bias3[0] += d_score[r];
	}
	dense_relu_backward(memory->d_hidden1, memory->d_hidden2, memory->hidden2,
						memory->hidden1, ranker->weight2, gradient->weight2,
						gradient->bias2, rows, RANKER_HIDDEN);
	dense_relu_backward(NULL, memory->d_hidden1, memory->hidden1, memory->features,
						ranker->weight1, gradient->weight1, gradient->bias1,
						rows, RANK_FEATURES);
}

/* One step with examples order[from .. to - 1]; returns how many it can learn from. */
static int32_t
train_step(Ranker *ranker, const RankerTraining *training, TrainingMemory *memory,
		   int32_t from, int32_t to, int64_t number, int64_t steps)
{
	const Kernels *kernels = kernels_best();
	size_t		trained = ranker->count - (size_t) (ranker->weight1 - ranker->block);
	size_t		skip = ranker->count - trained;
	double		rate = LEARNING_RATE * fmin(1, (double) number / fmin(WARM_UP, steps / 3.0)) *
		(0.5 * (1 + cos(M_PI * (double) number / (double) steps)) + 0.01);
	int32_t		first_row[BATCH + 1] = {0};
	int32_t		target[BATCH];
	int32_t		lists = 0;
	Ranker		gradient;
	AdamStep	constants;

	ranker_bind(&gradient, memory->gradient);
	for (int32_t e = from; e < to; e++)
	{
		int32_t		row = first_row[lists];
		int32_t		count = training->example(training->context, memory->order[e],
											  memory->features + (size_t) row * RANK_FEATURES,
											  &target[lists]);

		if (target[lists] >= 0)
			first_row[++lists] = row + count;
	}
	if (lists == 0)
		return 0;
	standardise(ranker, memory->features, first_row[lists]);
	forward(ranker, memory->features, first_row[lists], memory->hidden1, memory->hidden2,
			memory->score);
	for (int32_t l = 0; l < lists; l++)
	{
		float	   *score = memory->score + first_row[l];
		int32_t		count = first_row[l + 1] - first_row[l];

		ranker_softmax(score, count);
		score[target[l]] -= 1;
		for (int32_t i = 0; i < count; i++)
			score[i] /= (float) lists;
	}
	backward(ranker, &gradient, memory, memory->score, first_row[lists]);
	for (size_t i = skip; i < ranker->count; i++)
		ranker->block[i] *= 1 - (float) rate * WEIGHT_DECAY;
	constants = adam_step(number, (float) rate, 0, 0);
	kernels->adam(ranker->block + skip, memory->gradient + skip, memory->first + skip,
				  memory->second + skip, trained, &constants);
	return lists;
}

NnStatus
ranker_train(Ranker *ranker, const RankerTraining *training, void *raw, float *missed)
{
	TrainingMemory *memory = raw;
	int32_t		batch = batch_size(training->examples);
	int32_t		batches = (training->examples + batch - 1) / batch;
	int32_t		epochs = between(batches > 0 ? STEPS / batches : 0, training->epochs,
								 MOST_EPOCHS);
	int64_t		steps = (int64_t) batches * epochs;
	int64_t		number = 0;
	int32_t		lists = 0;

	for (int32_t e = 0; e < training->examples; e++)
		memory->order[e] = e;
	initialise_ranker(ranker, training->seed);
	memset(memory->first, 0, ranker->count * sizeof(float));
	memset(memory->second, 0, ranker->count * sizeof(float));
	for (int32_t epoch = 0; epoch < epochs; epoch++)
	{
		Rng			rng = rng_stream(training->seed, RNG_RANKER, (uint64_t) epoch + 1);

		for (int32_t e = training->examples - 1; e > 0; e--)
		{
			int32_t		other = (int32_t) rng_below(&rng, (uint32_t) e + 1);
			int32_t		swapped = memory->order[e];

			memory->order[e] = memory->order[other];
			memory->order[other] = swapped;
		}
		lists = 0;
		if (epoch == 0)
			find_statistics(ranker, training, memory);
		for (int32_t first = 0; first < training->examples; first += batch)
		{
			int32_t		to = first + batch < training->examples ? first + batch
				: training->examples;

			if (!interrupt_go_on(&training->interrupt))
				return NN_CANCELLED;
			lists += train_step(ranker, training, memory, first, to, ++number, steps);
		}
	}
	*missed = training->examples > 0 ? 1 - (float) lists / (float) training->examples : 1;
	return NN_OK;
}
