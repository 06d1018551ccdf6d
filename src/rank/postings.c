/*
 * postings.c
 *	  The newest sequences that each item is in.
 */
#include "rank/postings.h"

#include <string.h>

#include "rank/sort.h"

/* No item has been seen in any sequence yet. */
static void
forget_sequences(int32_t *last, int32_t items)
{
	memset(last, 0xFF, (size_t) items * sizeof(int32_t));	/* -1 */
}

NnStatus
postings_measure(int64_t *start, int32_t *last, const Dataset *dataset, int32_t items,
				 const Interrupt *interrupt)
{
	memset(start, 0, ((size_t) items + 1) * sizeof(int64_t));
	forget_sequences(last, items);
	for (int32_t s = 0; s < dataset->sequences; s++)
	{
		for (int64_t t = dataset->start[s]; t < dataset->start[s + 1]; t++)
		{
			int32_t		item = dataset->item[t];

			if (!step_go_on(interrupt, t))
				return NN_CANCELLED;
			if (last[item] != s && start[item + 1] < POSTINGS_MAX)
				start[item + 1]++;
			last[item] = s;
		}
	}
	for (int32_t i = 0; i < items; i++)
		start[i + 1] += start[i];
	return NN_OK;
}

NnStatus
postings_list(Posting *posting, const int64_t *start, int64_t *room, int32_t *last,
			  const Dataset *dataset, int32_t items, const Interrupt *interrupt)
{
	memcpy(room, start + 1, (size_t) items * sizeof(int64_t));
	forget_sequences(last, items);

	/* backwards: the first time that an item is met in a sequence is its last event there */
	for (int32_t s = dataset->sequences - 1; s >= 0; s--)
	{
		for (int64_t t = dataset->start[s + 1] - 1; t >= dataset->start[s]; t--)
		{
			int32_t		item = dataset->item[t];

			if (!step_go_on(interrupt, t))
				return NN_CANCELLED;
			if (last[item] != s && room[item] > start[item])
				posting[--room[item]] = (Posting) {s, (int32_t) (t - dataset->start[s])};
			last[item] = s;
		}
	}
	return NN_OK;
}
