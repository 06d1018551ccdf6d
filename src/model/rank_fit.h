/*
 * rank_fit.h
 *	  Makes the second stage of a model from the data that the network was
 *	  trained on.
 *
 * The rankers learn from examples of two kinds.  Where times are known, from
 * the events of the newest periods, with counts of what was before the period:
 * as it is when a model answers about days that it was not trained on.  And
 * from the last events of each sequence, with counts of everything but what
 * these events put there: as it is for a visitor who goes on at once.
 *
 * What the network was not trained on is kept from a first, short fit as well.
 * It tells what the network's vote is worth, how often the next item is no
 * candidate, and how good the answers are.  The rankers that are kept learn
 * from all.
 */
#ifndef NN_RANK_FIT_H
#define NN_RANK_FIT_H

#include "model/infer.h"
#include "rank/rank_stage.h"

#define RANK_HIT_RATE_K 5

typedef struct RankFit
{
	const EventData *events;
	int32_t		items;
	int32_t		categories;
	const int32_t *item_category;	/* [items] */
	Infer	   *infer;			/* of the trained network, for one history */
	int32_t		first_unseen;	/* the network was not trained on sequences from here on */
	uint64_t	seed;
	Allocator	lasting;		/* for the counts and rankers */
	Allocator	temporary;
	Interrupt	interrupt;
} RankFit;

/*
 * *hit_rate: share of the examples from sequences that were held out whose
 * target is among the best RANK_HIT_RATE_K, measured before the rankers learn
 * from these, too; NAN without such examples.
 */
extern NnStatus rank_fit(RankStage *stage, const RankFit *fit, double *hit_rate);

#endif							/* NN_RANK_FIT_H */
