/*
 * postings.h
 *	  The newest sequences that each item is in.
 */
#ifndef RANK_POSTINGS_H
#define RANK_POSTINGS_H

#include "nn/batch.h"
#include "nn/status.h"

/* Kept of each item: the newest sequences with it. */
#define POSTINGS_MAX 150

/* An item's last event in a sequence. */
typedef struct Posting
{
	int32_t		sequence;
	int32_t		position;
} Posting;

/*
 * Where the list of each item begins, if no item keeps more than POSTINGS_MAX:
 * start[items + 1].  last: [items], to work with, as below.
 */
extern NnStatus postings_measure(int64_t *start, int32_t *last, const Dataset *dataset,
								 int32_t items, const Interrupt *interrupt);

/*
 * Write the lists, the newest sequence last, to posting[start[items]].  room:
 * [items], to work with.
 */
extern NnStatus postings_list(Posting *posting, const int64_t *start, int64_t *room,
							  int32_t *last, const Dataset *dataset, int32_t items,
							  const Interrupt *interrupt);

#endif							/* RANK_POSTINGS_H */
