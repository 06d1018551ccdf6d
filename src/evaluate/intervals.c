/*
 * intervals.c
 *	  Confidence intervals of what a method comes to: they hold 95 %.
 */
#include "evaluate/intervals.h"

#include <math.h>

/* The 97.5 % quantile of the normal distribution. */
#define NORMAL_QUANTILE 1.959963984540054

/*
 * Variance of a mean over cases that come in independent groups, the sequences:
 * the sum of (sum of the group - mean * cases of the group) squared, over cases
 * squared.  With one case a sequence it is that of independent cases.
 */
static double
mean_variance(const Figures *figures, const Mean *mean)
{
	double		value = mean_value(figures, mean);
	double		squares = mean->squares - 2 * value * mean->products +
		value * value * figures->squares;

	return Max(squares, 0) / ((double) figures->cases * (double) figures->cases);
}

/* Normal interval, within what the values are. */
static void
normal_interval(const Figures *figures, const Mean *mean, double least,
				double *low, double *high)
{
	double		value = mean_value(figures, mean);
	double		half = NORMAL_QUANTILE * sqrt(mean_variance(figures, mean));

	*low = Max(value - half, least);
	*high = Min(value + half, 1);
}

void
mean_interval(const Figures *figures, const Mean *mean, double *low, double *high)
{
	normal_interval(figures, mean, 0, low, high);
}

bool
difference_interval(const Figures *figures, const Mean *mean, double *low, double *high)
{
	if (figures->sequences < 2)
		return false;
	normal_interval(figures, mean, -1, low, high);
	return true;
}

/*
 * Wilson's interval of a share: E. B. Wilson, "Probable inference, the law of
 * succession, and statistical inference", JASA 22 (1927).  n is the number of
 * independent cases that would have the same variance.
 */
void
share_interval(const Figures *figures, const Mean *mean, double *low, double *high)
{
	double		p = mean_value(figures, mean);
	double		variance = mean_variance(figures, mean);
	double		n = variance > 0 ? Min(p * (1 - p) / variance, (double) figures->cases)
		: (double) figures->sequences;
	double		z2 = NORMAL_QUANTILE * NORMAL_QUANTILE;
	double		middle = (p + z2 / (2 * n)) / (1 + z2 / n);
	double		half = NORMAL_QUANTILE / (1 + z2 / n) *
		sqrt(p * (1 - p) / n + z2 / (4 * n * n));

	*low = Max(middle - half, 0);
	*high = Min(middle + half, 1);
}
