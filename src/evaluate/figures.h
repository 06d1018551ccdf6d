/*
 * figures.h
 *	  What a method comes to over its cases.
 */
#ifndef RECSEQ_FIGURES_H
#define RECSEQ_FIGURES_H

#include "postgres.h"

#include "rank/rank.h"

/*
 * A mean over cases, and what its variance takes.  The cases of one sequence are
 * not independent: the sum of the squared sums over each of them is what the
 * variance of the mean is estimated from.
 */
typedef struct Mean
{
	double		sum;
	double		of_sequence;	/* sum over the cases of the current sequence */
	double		squares;		/* sum over sequences of their sums squared */
	double		products;		/* and of their sums times their cases */
} Mean;

/* What a method comes to, over all cases or those with an unseen target. */
typedef struct Figures
{
	int64		cases;
	int64		of_sequence;	/* cases of the current sequence */
	int64		sequences;		/* that have a case */
	double		squares;		/* sum over sequences of their cases squared */
	Mean		hit;
	Mean		reciprocal_rank;
	Mean		ndcg;
	uint8	   *shown;			/* a bit an item: among some first k */
	int64		items_shown;	/* bits that are set */
	int64		shows;			/* items of all first k */
	double		popularity;		/* sum over them */
} Figures;

/* None so far, of so many items; in the current context. */
extern Figures figures_begin(int32 items);

/* What a case counts: differences may be below 0. */
typedef struct CaseValue
{
	double		hit;
	double		reciprocal_rank;
	double		ndcg;
} CaseValue;

/* What a rank (0: a miss) is worth where the first k are recommended. */
extern CaseValue case_value(int32 rank, int32 k);

/* Add a case. */
extern void figures_add(Figures *figures, CaseValue value);

/*
 * Add what is recommended in it, the first k of what a method ranked.  Popularity
 * is that among what the baselines learned from.
 */
extern void figures_add_shown(Figures *figures, const Ranking *ranking, int32 k,
							  const Baselines *baselines);

/* The cases that follow are of another sequence. */
extern void figures_end_sequence(Figures *figures);

/* A mean; there are cases. */
extern double mean_value(const Figures *figures, const Mean *mean);

#endif							/* RECSEQ_FIGURES_H */
