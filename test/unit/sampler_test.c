/*
 * sampler_test.c
 *	  Items are drawn as often as the sampler says.
 */
#include "nn/sampler.h"

#include "fixture.h"
#include "tap.h"

#define DRAWS 400000

static void
check_sampler(const char *title, int32_t items, const int32_t *counts)
{
	Sampler		sampler = {.items = items, .cumulative = NEW(double, items)};
	int32_t    *drawn = NEW(int32_t, items);
	Rng			rng = test_rng(1);
	double		all = 0;
	double		sum = 0;
	bool		stated = true;
	double		farthest = 0;	/* in standard deviations */

	for (int32_t i = 0; i < items; i++)
	{
		all += pow(counts[i] + 1.0, SAMPLER_POWER);
		drawn[i] = 0;
	}
	sampler_start(&sampler, counts);
	for (int n = 0; n < DRAWS; n++)
	{
		int32_t		item = sampler_draw(&sampler, &rng);

		if (item < 0 || item >= items)
		{
			ok(false, "%s: item %d is drawn", title, item);
			break;
		}
		drawn[item]++;
	}
	for (int32_t i = 0; i < items; i++)
	{
		double		p = pow(counts[i] + 1.0, SAMPLER_POWER) / all;
		double		deviation = sqrt(DRAWS * p * (1 - p));

		stated = stated && fabs(sampler_probability(&sampler, i) - p) < 1e-12;
		sum += sampler_probability(&sampler, i);
		if (fabs(drawn[i] - DRAWS * p) > farthest * deviation)
			farthest = fabs(drawn[i] - DRAWS * p) / deviation;
	}
	ok(stated && fabs(sum - 1) < 1e-9, "%s: probabilities", title);
	if (!ok(farthest < 5, "%s: items are drawn as often", title))
		diag("%g standard deviations off", farthest);
	free(sampler.cumulative);
	free(drawn);
}

int
main(void)
{
	int32_t		counts[100];

	for (int32_t i = 0; i < 100; i++)
		counts[i] = i * i % 37;
	check_sampler("many items", 100, counts);
	check_sampler("one item", 1, (int32_t[]) {0});
	check_sampler("two items", 2, (int32_t[]) {0, 5000});
	check_sampler("none ever seen", 7, (int32_t[7]) {0});
	return done_testing();
}
