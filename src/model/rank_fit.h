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
 *
 * One process begins: it counts, and draws the examples.  Then it runs the fit,
 * alone or with others that map a copy of what it has made ready; the result is
 * the same to the bit (rank/shards.h).
 */
#ifndef NN_RANK_FIT_H
#define NN_RANK_FIT_H

#include "model/parts.h"
#include "rank/rank_stage.h"
#include "rank/shards.h"

#define RANK_HIT_RATE_K 5

/* Newest periods that examples come from. */
#define RANK_FIT_PERIODS 3

/* The counts of everything; those before come the counts of what was before a period. */
#define RANK_FIT_ALL_COUNTS RANK_FIT_PERIODS

/* Told the share of a fit that is done. */
typedef void (*RankFitProgress) (void *context, double share);

/* What a fit begins with. */
typedef struct RankFit
{
	const EventData *events;
	int32_t		items;
	int32_t		categories;
	const int32_t *item_category;	/* [items] */
	int32_t		min_support;	/* sequences that evidence takes to count, at least 1 */
	const Model *model;			/* network and its index */
	int32_t		first_unseen;	/* the network was not trained on sequences from here on */
	uint64_t	seed;
	size_t		memory;			/* bytes that features of examples may take */
	Allocator	lasting;		/* for the counts */
	Allocator	temporary;		/* until the fit is over */
	Interrupt	interrupt;
	int32_t		ranks;			/* processes that are expected to run it */
	RankFitProgress progress;	/* as in RankFitCalls */
	void	   *progress_context;
} RankFit;

/* Event number `position` of a sequence, to be found from those before it. */
typedef struct RankExample
{
	int32_t		sequence;
	int32_t		position;
	int32_t		counts;			/* which of RankFitData.counts */
} RankExample;

/* Decides the layout of a fit's data. */
typedef struct RankFitSizes
{
	Config		config;
	uint64_t	seed;
	size_t		memory;
	int32_t		sequences;
	int64_t		tokens;
	bool		kinds;			/* which events are purchases is known */
	bool		times;
	int32_t		examples;
	CountsSizes counts[RANK_FIT_PERIODS + 1];	/* without times only of everything */
} RankFitSizes;

/* What is read while the fit runs, and the board of its sums. */
typedef struct RankFitData
{
	RankFitSizes sizes;
	int64_t    *start;			/* [sequences + 1] */
	int32_t    *item;			/* [tokens] */
	int32_t    *feature[CONFIG_MAX_FEATURES];	/* [tokens] each */
	bool	   *bought;			/* [tokens] */
	double	   *hours;			/* [tokens] */
	RankExample *example;		/* in random order */
	bool	   *held_out;		/* [examples] from the network */
	Counts		counts[RANK_FIT_PERIODS + 1];
	Params		params;
	CodedWeights	index;
	double	   *board;
} RankFitData;

/* What the time of a fit depends on. */
typedef struct RankFitScale
{
	int32_t		sequences;
	int64_t		tokens;
	int32_t		items;
	bool		facts;			/* kinds or times of events are known */
	bool		times;
} RankFitScale;

/* About how many seconds a fit, with its counts, will take so many processes. */
extern double rank_fit_seconds(const RankFitScale *scale, int32_t ranks);

/* Count, into stage->counts, and draw the examples. */
extern NnStatus rank_fit_begin(RankFitData *data, RankStage *stage, const RankFit *fit);

/* Lay out the data of a fit: measure, then once in each process. */
extern void rank_fit_place(RankFitData *data, Arena *arena, const RankFitSizes *sizes);

/* Copy all but the board into data that is laid out for it. */
extern void rank_fit_copy(const RankFitData *to, const RankFitData *from);

/* How one of the processes runs a fit. */
typedef struct RankFitCalls
{
	int32_t		rank;			/* from 0 */
	int32_t		ranks;
	Interrupt	interrupt;		/* as in Sharing */
	RankFitProgress progress;	/* NULL: not asked for */
	void	   *progress_context;
	void		(*barrier) (void *barrier_context); /* wait for all; NULL: one process */
	void	   *barrier_context;
	Allocator	lasting;		/* for the rankers */
	Allocator	temporary;
} RankFitCalls;

/*
 * Fit the rankers.  *hit_rate: share of the examples from sequences that were
 * held out whose target is among the best RANK_HIT_RATE_K, measured before the
 * rankers learn from these, too; NAN without such examples.
 */
extern NnStatus rank_fit_run(RankStage *stage, RankFitData *data, const RankFitCalls *calls,
							 double *hit_rate);

#endif							/* NN_RANK_FIT_H */
