/*
 * sampler.h
 *	  Draws items at random in proportion to a power of their frequency.
 */
#ifndef NN_SAMPLER_H
#define NN_SAMPLER_H

#include "nn/rng.h"

/*
 * Frequencies raised to this power: between uniform (0) and popularity (1), as
 * in word2vec (Mikolov et al., NeurIPS 2013) and GRU4Rec.
 */
#define SAMPLER_POWER 0.75

typedef struct Sampler
{
	int32_t		items;
	double	   *cumulative;		/* [items]; the last is the sum of all */
} Sampler;

/*
 * Fill cumulative[items] from how often each item occurs; every item counts
 * once more, so that each can be drawn.
 */
extern void sampler_start(Sampler *sampler, const int32_t *count);

/* Draw an item. */
extern int32_t sampler_draw(const Sampler *sampler, Rng *rng);

/* Probability that a draw gives the item. */
extern double sampler_probability(const Sampler *sampler, int32_t item);

#endif							/* NN_SAMPLER_H */
