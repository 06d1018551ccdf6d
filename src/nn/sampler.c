/*
 * sampler.c
 *	  Draws items at random in proportion to a power of their frequency.
 */
#include "nn/sampler.h"

#include <math.h>

void
sampler_start(Sampler *sampler, const int32_t *count)
{
	double		sum = 0;

	for (int32_t i = 0; i < sampler->items; i++)
		sampler->cumulative[i] = sum += pow((double) count[i] + 1, SAMPLER_POWER);
}

int32_t
sampler_draw(const Sampler *sampler, Rng *rng)
{
	double		sum = sampler->cumulative[sampler->items - 1];
	double		at = (double) (rng_next(rng) >> 11) * 0x1p-53 * sum;
	int32_t		low = 0;
	int32_t		high = sampler->items - 1;

	while (low < high)
	{
		int32_t		middle = low + (high - low) / 2;

		if (sampler->cumulative[middle] > at)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

double
sampler_probability(const Sampler *sampler, int32_t item)
{
	double		below = item > 0 ? sampler->cumulative[item - 1] : 0;

	return (sampler->cumulative[item] - below) / sampler->cumulative[sampler->items - 1];
}
