/*
 * intervals.h
 *	  Confidence intervals of what a method comes to: they hold 95 %.
 */
#ifndef RECSEQ_INTERVALS_H
#define RECSEQ_INTERVALS_H

#include "evaluate/figures.h"

/* Normal interval of a mean of what is 0 to 1. */
extern void mean_interval(const Figures *figures, const Mean *mean, double *low, double *high);

/*
 * The same of differences, -1 to 1.  False: one sequence alone does not say how
 * sequences vary, nor does none.
 */
extern bool difference_interval(const Figures *figures, const Mean *mean,
								double *low, double *high);

/* Of a mean of zeros and ones. */
extern void share_interval(const Figures *figures, const Mean *mean, double *low, double *high);

#endif							/* RECSEQ_INTERVALS_H */
