/*
 * rank_fit_internal.h
 *	  Shared by the files of a fit of the second stage (rank_fit*.c); nobody else
 *	  includes it.
 */
#ifndef NN_RANK_FIT_INTERNAL_H
#define NN_RANK_FIT_INTERNAL_H

#include "model/both_stages.h"
#include "model/rank_fit.h"
#include "rank/ranker_train.h"

#define RANK_FIT_PERIOD_SHARE 0.1	/* a period's, of the time that the data spans */

#define RANK_FIT_EPOCHS 5
#define RANK_FIT_TRIAL_EPOCHS 2 /* of the fit that is measured */

/* Examples that the network is asked about, at most. */
#define RANK_FIT_MOST_ASKED 4000

/* How far a fit is. */
typedef struct FitProgress
{
	double		total;			/* cost */
	double		before;			/* of the parts that are done */
	double		cost;			/* of the part that runs */
	double		questions;		/* whether it may go on, in all of it */
	double		asked;
} FitProgress;

typedef struct Opinion Opinion;

/* The part of a fit that one process has. */
typedef struct Fitting
{
	FitProgress progress;
	RankFitData *data;
	const RankFitCalls *calls;
	Sharing		sharing;
	Dataset		dataset;
	int			rankers;		/* that are fitted */
	int			which;			/* of them */
	RankerExamples *examples[RANKERS];
	AnswerScratch answer_scratch;
	Model		model;			/* the network alone */
	Infer		infer;
	Candidate  *candidate;		/* CANDIDATES_MAX */
	double		asking;			/* about how many opinions all processes ask for */
	int32_t		opinions[SHARDS];	/* of this process's shards */
	Opinion    *opinion[SHARDS];	/* [opinions] each */
} Fitting;

/* ---------------------------------------------------------------- rank_fit_begin.c */

/* The most examples of a kind for so many windows; without times there is but one kind. */
extern int32_t rank_fit_most_examples(int64_t windows, bool times);

/* ---------------------------------------------------------------- rank_fit_data.c */

/* Doubles a shard that the sums of a fit need. */
extern int32_t rank_fit_board_width(void);

/* Lay out the board, for one process or for all. */
extern Sharing rank_fit_place_board(Arena *arena);

/* ---------------------------------------------------------------- rank_fit_progress.c */

/* MayGoOn of a Fitting, which reports how far the fit is. */
extern bool rank_fit_go_on(void *fitting);

/* A part of the fit begins, in which it is asked so often whether it may go on. */
extern void rank_fit_begin_part(Fitting *fitting, double cost, double questions);

/* What the parts of a fit cost; asking: examples to measure by. */
extern double rank_fit_opinions_cost(double asking, int32_t items);
extern double rank_fit_collecting_cost(double examples, bool facts);
extern double rank_fit_training_cost(double examples, int32_t epochs);
extern double rank_fit_measuring_cost(double asking);

extern RankFitScale rank_fit_scale(const RankFitSizes *sizes);

/* Report that so many of the counts are made. */
extern void rank_fit_report_counts(const RankFit *fit, const RankFitScale *scale, int32_t done);

/* The fit runs, and its counts are made. */
extern void rank_fit_begin_progress(Fitting *fitting);

/* ---------------------------------------------------------------- rank_fit_run.c */

/*
 * The candidates of an example, into fitting->candidate, with their features, as the
 * ranker fitting->which reads them; none, and *target -1, where what came next is not
 * among them.  opinion: NULL where the network is not asked.  Returns how many.
 */
extern int32_t rank_fit_find_candidates(Fitting *fitting, const RankExample *example,
										const NetworkOpinion *opinion, float *features,
										int32_t *target);

/* ---------------------------------------------------------------- rank_fit_vote.c */

/* Ask the network about the first examples of each shard that were held out from it. */
extern NnStatus rank_fit_collect_opinions(Fitting *fitting);

/*
 * Measure a ranker that has not seen the examples held out: the worth of the
 * network's vote, and what both come to.  *hit_rate as of rank_fit_run().
 */
extern NnStatus rank_fit_measure(RankStage *stage, Fitting *fitting, const Ranker *ranker,
								 double *hit_rate);

#endif							/* NN_RANK_FIT_INTERNAL_H */
