/*
 * rank_stage.h
 *	  The second stage of a model: what the data says by counting, rankers that
 *	  choose among candidates, and what the network's vote is worth there.
 */
#ifndef RANK_STAGE_H
#define RANK_STAGE_H

#include "rank/counts.h"
#include "rank/ranker.h"
#include "rank/vote.h"

/* Which ranker a history is for. */
enum
{
	RANKER_PLAIN,				/* its kinds and times of events are not known */
	RANKER_FULL,				/* all that the counts know of is known */
	RANKERS
};

typedef struct RankStage
{
	bool		present;
	bool		kinds;			/* the counts know which events are purchases */
	bool		times;			/* and when they were */
	Vote		vote[RANKERS];
	float		missed[RANKERS];	/* probability that the next item is no candidate */
	Ranker		ranker[RANKERS];
	Counts		counts;
} RankStage;

/* The ranker for a history. */
static inline int
rank_stage_choose(const RankStage *stage, const RankHistory *history)
{
	bool		known = (stage->kinds || stage->times) &&
		(!stage->kinds || history->bought != NULL) &&
		(!stage->times || history->hours != NULL);

	return known ? RANKER_FULL : RANKER_PLAIN;
}

#endif							/* RANK_STAGE_H */
