/*
 * sort.h
 *	  Sorting, and walking through data, so that the caller can end it.
 *
 * qsort() cannot be left: sorting a hundred million items would keep a cancel
 * waiting for half a minute.
 */
#ifndef RANK_SORT_H
#define RANK_SORT_H

#include <stdint.h>

#include "nn/status.h"

/* Steps of a loop between two questions: less than a millisecond of light work. */
#define STEPS_A_QUESTION 16384

/* Whether a loop may go on at its step `step`; asks at each STEPS_A_QUESTION-th. */
static inline bool
step_go_on(const Interrupt *interrupt, int64_t step)
{
	return step % STEPS_A_QUESTION != 0 || interrupt_go_on(interrupt);
}

/* A comparison, as qsort takes it. */
typedef int (*Compare) (const void *a, const void *b);

/*
 * Sort as qsort does.  spare: room for as many elements; its contents are lost.
 * Cancelled, the order is any.
 */
extern NnStatus sort_elements(void *base, void *spare, size_t count, size_t size,
							  Compare compare, const Interrupt *interrupt);

#endif							/* RANK_SORT_H */
