/*
 * sort.c
 *	  Sorting that the caller can end: runs of a bounded length by qsort, then
 *	  merged, two by two.
 */
#include "rank/sort.h"

#include <stdlib.h>
#include <string.h>

/* Elements that qsort gets at once: about a millisecond. */
#define RUN 8192

/* Merge from[0 .. middle - 1] and from[middle .. count - 1], each in order, into `to`. */
static NnStatus
merge(char *to, const char *from, size_t middle, size_t count, size_t size,
	  Compare compare, const Interrupt *interrupt)
{
	size_t		left = 0;
	size_t		right = middle;

	for (size_t i = 0; i < count; i++)
	{
		bool		take_left = right == count ||
			(left < middle && compare(from + left * size, from + right * size) <= 0);

		if (!step_go_on(interrupt, (int64_t) i))
			return NN_CANCELLED;
		memcpy(to + i * size, from + (take_left ? left++ : right++) * size, size);
	}
	return NN_OK;
}

NnStatus
sort_elements(void *base, void *spare, size_t count, size_t size, Compare compare,
			  const Interrupt *interrupt)
{
	char	   *from = base;
	char	   *to = spare;

	for (size_t first = 0; first < count; first += RUN)
	{
		qsort(from + first * size, count - first < RUN ? count - first : RUN, size, compare);
		if (!interrupt_go_on(interrupt))
			return NN_CANCELLED;
	}
	for (size_t run = RUN; run < count; run *= 2)
	{
		char	   *merged = to;

		for (size_t first = 0; first < count; first += 2 * run)
		{
			size_t		left = count - first;

			if (merge(to + first * size, from + first * size, left < run ? left : run,
					  left < 2 * run ? left : 2 * run, size, compare, interrupt) != NN_OK)
				return NN_CANCELLED;
		}
		to = from;
		from = merged;
	}
	if (from != (char *) base)
		memcpy(base, from, count * size);
	return NN_OK;
}
