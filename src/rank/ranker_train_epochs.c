/*
 * ranker_train_epochs.c
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
#include "nn/rng.h"
#include "rank/ranker_train_internal.h"

#define SMALLEST_BATCH 1		/* lists of a shard in one step: of few lists less, ... */
#define STEPS_AN_EPOCH 100		/* ... so that there are so many steps, */
#define STEPS 300				/* and epochs enough for so many */
#define MOST_EPOCHS 40
#define LEARNING_RATE 2e-3
#define WARM_UP 100				/* steps, but no more than a third of all */
#define WEIGHT_DECAY 1e-4f

static int32_t
between(int32_t value, int32_t low, int32_t high)
{
	return value < low ? low : value > high ? high : value;
}

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
lists_of(const RankerFit *fit, int32_t shard)
{
	const int32_t *lists = fit->examples->lists[shard];

	return lists[0] + (fit->all ? lists[1] : 0);
}

int32_t
ranker_lists_in_step(const RankerFit *fit, int32_t shard, int32_t step)
{
	return between(lists_of(fit, shard) - step * fit->batch, 0, fit->batch);
}

/* Put the lists of a shard that are learned from in a new order. */
static void
shuffle(const RankerFit *fit, int32_t number, int32_t epoch)
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

/* Step number `number`, from 1, which is the step-th of its epoch, from 0. */
static void
train_step(const RankerFit *fit, int32_t step, int64_t number, Sharing *sharing)
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
		lists += ranker_lists_in_step(fit, s, step);
	for (int32_t in = 0; in < RANKER_HIDDEN; in++)
	{
		for (int32_t out = 0; out < RANKER_HIDDEN; out++)
			work->weight2[out * RANKER_HIDDEN + in] = ranker->weight2[in * RANKER_HIDDEN + out];
	}
	for (int32_t s = 0; s < SHARDS; s++)
	{
		if (!shards_mine(sharing, s))
			continue;
		ranker_shard_gradient(fit, s, step, number, lists);
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
static RankerFit
plan_fit(const RankerExamples *examples, bool all, int32_t epochs)
{
	RankerFit			fit = {.examples = (RankerExamples *) examples, .all = all};
	int32_t		most = 0;

	for (int32_t s = 0; s < SHARDS; s++)
		most = lists_of(&fit, s) > most ? lists_of(&fit, s) : most;
	fit.batch = between(most / STEPS_AN_EPOCH, SMALLEST_BATCH, RANKER_BATCH);
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
	RankerFit			fit = plan_fit(examples, all, epochs);
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
