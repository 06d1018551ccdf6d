/*
 * baselines.h
 *	  The simple methods that a model must beat, fitted by counting.
 *
 * Every method ranks items for a history.  What a method does not score comes
 * after what it does, by popularity, as a shop would fill its page.
 */
#ifndef RANK_BASELINES_H
#define RANK_BASELINES_H

#include "nn/arena.h"
#include "nn/batch.h"
#include "nn/status.h"
#include "nn/topk.h"

/* Neighbours, and the recent sequences they are chosen from. */
#define VSKNN_SAMPLE 1000
#define VSKNN_NEIGHBOURS 100
#define STAN_SAMPLE 5000
#define STAN_NEIGHBOURS 500

/*
 * Decays of STAN.  The first and the third are the defaults of the public
 * implementation (session-rec); the second is the longest that the paper tries,
 * since what a shop sold months ago still says more than nothing.
 */
#define STAN_HISTORY_DECAY 1.02	/* lambda 1: positions from the end of the history */
#define STAN_TIME_DECAY 2400.0	/* lambda 2: hours between the sequences */
#define STAN_NEIGHBOUR_DECAY 2.05	/* lambda 3: positions in the neighbour */

typedef enum Baseline
{
	BASELINE_RECENCY,			/* the items of the history, newest first */
	BASELINE_POPULARITY,		/* the most frequent items */
	BASELINE_CATEGORY,			/* those of the last item's category */
	BASELINE_MARKOV,			/* what most often followed the last item */
	BASELINE_VSKNN,				/* what similar sequences have */
	BASELINE_STAN,				/* the same, near in time and in place */
	BASELINES					/* how many there are */
} Baseline;

/* What the methods learn from. */
typedef struct BaselineData
{
	const Dataset *dataset;		/* sequences, the newest last */
	const bool *held_out;		/* [tokens] events that nothing is learned from */
	const double *hours;		/* [tokens] time of each event, or NULL */
	int32_t		items;			/* in the dataset */
	const int32_t *category;	/* [tokens] 0: none; NULL: there are no categories */
	int32_t		categories;		/* the highest of them */
	Interrupt	interrupt;		/* asked while they learn */
} BaselineData;

/* An item of a sequence, and where the sequence has it last (from 0). */
typedef struct SessionItem
{
	int32_t		item;
	int32_t		position;
} SessionItem;

typedef struct Baselines
{
	int32_t		items;
	int32_t		sequences;
	/* what was learned */
	int64_t    *count;			/* [items] events */
	Scored	   *popular;		/* [items] most frequent first, with their counts */
	int32_t		known;			/* items with a count */
	int32_t		categories;
	int32_t    *category_start; /* [categories + 2] */
	int32_t    *in_category;	/* [items] of each category, most frequent first */
	int64_t    *follower_start; /* [items + 1] */
	int32_t    *follower;		/* [tokens] the item after each event of an item */
	int64_t    *session_start;	/* [sequences + 1] */
	SessionItem *session_item;	/* [tokens] each item of a sequence once */
	int32_t    *session_length; /* [sequences] events */
	double	   *session_hours;	/* [sequences] newest event; NULL: times are not known */
	int64_t    *posting_start;	/* [items + 1] */
	int32_t    *posting;		/* [tokens] the sequences that have an item */
	/* the history that is asked about */
	int32_t		length;			/* its events */
	int32_t		sequence;		/* its number, or -1 */
	int32_t		category;		/* of its last item, 0: none */
	double		hours;			/* time of its last event */
	SessionItem *distinct;		/* [longest] its items, each once, newest first */
	int32_t		distinct_count;
	int32_t    *place;			/* [items] in distinct, from 1; 0: not in the history */
	/* scores of the method asked last */
	double	   *score;			/* [items] above 0 for those in `scored`, else 0 */
	int32_t    *scored;			/* [items] */
	int32_t		scored_count;
	/* neighbours */
	double	   *weight;			/* [longest] of the items in `distinct` */
	double	   *similarity;		/* [sequences] above 0 for candidates, else 0 */
	int32_t    *candidate;		/* [sequences] */
	TopK		recent;
	TopK		nearest;
} Baselines;

/* The first items by some method. */
typedef struct Ranking
{
	TopK		top;			/* sorted */
	int32_t		own;			/* the first so many are the method's; popularity
								 * ranks the others */
} Ranking;

/* Lay out the baselines for data of this size. */
extern void baselines_place(Baselines *baselines, Arena *arena, const BaselineData *data);

/* Learn from the data. */
extern NnStatus baselines_fit(Baselines *baselines, const BaselineData *data);

/*
 * Set the history that is asked about: `length` events, oldest first, of items
 * in the dataset.  sequence: its own number in the dataset, which is then no
 * neighbour of it, or -1.  category: of its last event, or 0.  hours: the time
 * of its last event, if the data has times.
 */
extern void baselines_ask(Baselines *baselines, const int32_t *item, int32_t length,
						  int32_t sequence, int32_t category, double hours);

/* Score items by a method. */
extern void baselines_score(Baselines *baselines, Baseline method);

/*
 * The first ranking->top.k items by the scores; unseen: only those that are not
 * in the history.
 */
extern void baselines_rank(Baselines *baselines, bool unseen, Ranking *ranking);

/*
 * The rank of an item, from 1, or 0 if the ranking does not have it: others of
 * an equal score stand above it.
 */
extern int32_t ranking_find(const Ranking *ranking, int32_t item);

#endif							/* RANK_BASELINES_H */
