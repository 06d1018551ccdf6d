/*
 * rng.h
 *	  Random numbers that depend on the seed and on what they are for, never on
 *	  who draws them first: every use opens its own stream.
 *
 * SplitMix64: Steele, Lea and Flood, "Fast splittable pseudorandom number
 * generators", OOPSLA 2014.
 */
#ifndef NN_RNG_H
#define NN_RNG_H

#include <stdint.h>

typedef struct Rng
{
	uint64_t	state;
} Rng;

/* Uniform over all 64-bit numbers. */
static inline uint64_t
rng_next(Rng *rng)
{
	uint64_t	z = (rng->state += UINT64_C(0x9E3779B97F4A7C15));

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

/* The stream of numbers for one purpose, at one place of it. */
static inline Rng
rng_stream(uint64_t seed, uint64_t purpose, uint64_t place)
{
	Rng			rng = {seed};

	rng.state = rng_next(&rng) ^ purpose;
	rng.state = rng_next(&rng) ^ place;
	rng.state = rng_next(&rng);
	return rng;
}

/* Uniform in [0, 1), 24 bits. */
static inline float
rng_uniform(Rng *rng)
{
	return (float) (rng_next(rng) >> 40) * 0x1p-24f;
}

/* Uniform in 0 .. bound - 1; bound > 0 (multiply-shift; bias below 2^-32). */
static inline uint32_t
rng_below(Rng *rng, uint32_t bound)
{
	return (uint32_t) (((rng_next(rng) >> 32) * bound) >> 32);
}

/* Purposes: one a use, so that no two uses share a stream. */
enum
{
	RNG_INITIAL_WEIGHTS = 1,
	RNG_SHUFFLE,
	RNG_DROPOUT,
	RNG_ITEM_DROPOUT,
	RNG_NEGATIVES,
	RNG_RANKER,
	RNG_RANKER_EXAMPLES,
	RNG_TEST_WINDOWS,
	RNG_SEARCH,
	RNG_EMBEDDING_DROPOUT,
	RNG_RANKER_ROWS
};

#endif							/* NN_RNG_H */
