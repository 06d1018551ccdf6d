/*
 * difference.h
 *	  Gradients against central finite differences of a function in double
 *	  precision, which are good to about nine digits.
 */
#ifndef DIFFERENCE_H
#define DIFFERENCE_H

#include "fixture.h"
#include "tap.h"

#define DIFFERENCE_STEP 1e-5	/* of the finite differences */
#define DIFFERENCE_TOLERANCE 5e-5	/* of the largest value of an array */
#define DIFFERENCE_SAMPLES 24	/* coordinates tried of each array */

/* A scalar function of a double array, and what else it reads. */
typedef double (*Scalar) (const double *values, const void *context);

static inline double
difference_at(Scalar function, const void *context, double *values, size_t at)
{
	double		kept = values[at];
	double		above;
	double		below;

	values[at] = kept + DIFFERENCE_STEP;
	above = function(values, context);
	values[at] = kept - DIFFERENCE_STEP;
	below = function(values, context);
	values[at] = kept;
	return (above - below) / (2 * DIFFERENCE_STEP);
}

/* Along a direction that changes all of values[0 .. count - 1]. */
static inline double
difference_along(Scalar function, const void *context, double *values, size_t count,
				 const double *direction)
{
	double		result[2];

	for (int side = 0; side < 2; side++)
	{
		for (size_t i = 0; i < count; i++)
			values[i] += (side == 0 ? DIFFERENCE_STEP : -DIFFERENCE_STEP) * direction[i];
		result[side] = function(values, context);
		for (size_t i = 0; i < count; i++)
			values[i] -= (side == 0 ? DIFFERENCE_STEP : -DIFFERENCE_STEP) * direction[i];
	}
	return (result[0] - result[1]) / (2 * DIFFERENCE_STEP);
}

/*
 * Check the gradient of part[0 .. count - 1], which lies in the array `values`
 * that the function reads: some coordinates, or all where they are few, and one
 * random direction through all of them.
 */
static inline void __attribute__((format(printf, 8, 9)))
check_gradient(const float *gradient, Scalar function, const void *context,
			   double *values, size_t offset, size_t count, Rng *rng,
			   const char *format, ...)
{
	char		name[200];
	va_list		args;
	size_t		samples = count < DIFFERENCE_SAMPLES ? count : DIFFERENCE_SAMPLES;
	float		got[DIFFERENCE_SAMPLES + 1];
	double		want[DIFFERENCE_SAMPLES + 1];
	double	   *direction = NEW(double, offset + count);
	double		dot = 0;

	va_start(args, format);
	vsnprintf(name, sizeof(name), format, args);
	va_end(args);
	for (size_t i = 0; i < samples; i++)
	{
		size_t		at = count == samples ? i : rng_below(rng, (uint32_t) count);

		got[i] = gradient[at];
		want[i] = difference_at(function, context, values, offset + at);
	}
	for (size_t i = 0; i < offset + count; i++)
		direction[i] = i < offset ? 0 : (2 * rng_uniform(rng) - 1) / sqrt((double) count);
	for (size_t i = 0; i < count; i++)
		dot += gradient[i] * direction[offset + i];
	got[samples] = (float) dot;
	want[samples] = difference_along(function, context, values, offset + count,
									 direction);
	ok_close(got, want, samples + 1, DIFFERENCE_TOLERANCE, 1e-3, "%s", name);
	free(direction);
}

#endif							/* DIFFERENCE_H */
