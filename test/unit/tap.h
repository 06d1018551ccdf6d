/*
 * tap.h
 *	  Just enough of the Test Anything Protocol: numbered results, diagnostics,
 *	  the plan at the end.
 */
#ifndef TAP_H
#define TAP_H

#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

static int	tap_run;
static int	tap_failed;

/* Report one check; returns whether it passed. */
static inline bool __attribute__((format(printf, 2, 3)))
ok(bool passed, const char *format, ...)
{
	va_list		args;

	tap_run++;
	tap_failed += !passed;
	printf("%s %d - ", passed ? "ok" : "not ok", tap_run);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
	return passed;
}

static inline void __attribute__((format(printf, 1, 2)))
diag(const char *format, ...)
{
	va_list		args;

	fputs("# ", stdout);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
}

/* Print the plan; what main() returns. */
static inline int
done_testing(void)
{
	printf("1..%d\n", tap_run);
	return tap_failed > 0 || tap_run == 0;
}

/* The largest |got - want| of an array; INFINITY where one is not a number. */
static inline double
worst_difference(const float *got, const double *want, size_t count)
{
	double		worst = 0;

	for (size_t i = 0; i < count; i++)
	{
		double		difference = fabs((double) got[i] - want[i]);

		if (!(difference <= worst))
			worst = isnan(difference) ? INFINITY : difference;
	}
	return worst;
}

/*
 * Check an array against what is wanted: no difference may exceed tolerance
 * times the largest value wanted (or times floor_size, where that is larger).
 */
static inline bool __attribute__((format(printf, 6, 7)))
ok_close(const float *got, const double *want, size_t count, double tolerance,
		 double floor_size, const char *format, ...)
{
	char		name[200];
	va_list		args;
	double		size = floor_size;
	double		worst = worst_difference(got, want, count);

	va_start(args, format);
	vsnprintf(name, sizeof(name), format, args);
	va_end(args);
	for (size_t i = 0; i < count; i++)
		size = fabs(want[i]) > size ? fabs(want[i]) : size;
	if (!ok(worst <= tolerance * size, "%s", name))
	{
		diag("largest difference %g, largest value %g, tolerance %g",
			 worst, size, tolerance);
		return false;
	}
	return true;
}

#endif							/* TAP_H */
