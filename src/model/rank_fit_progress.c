/*
 * rank_fit_progress.c
 *	  What a fit of the second stage costs, and how far it is.
 */
#include "model/rank_fit.h"

#include <math.h>

#include "model/rank_fit_internal.h"
#include "nn/nn.h"

#define MICROSECONDS 1e6
#define COUNTING_COST 0.6		/* a token */

bool
rank_fit_go_on(void *context)
{
	Fitting    *fitting = context;
	const RankFitCalls *calls = fitting->calls;
	FitProgress *progress = &fitting->progress;

	progress->asked++;
	if (calls->progress != NULL)
		calls->progress(calls->progress_context,
						(progress->before + progress->cost *
						 fmin(progress->asked / progress->questions, 1)) / progress->total);
	return interrupt_go_on(&calls->interrupt);
}

void
rank_fit_begin_part(Fitting *fitting, double cost, double questions)
{
	FitProgress *progress = &fitting->progress;

	progress->before += progress->cost;
	progress->cost = cost;
	progress->questions = fmax(questions, 1);
	progress->asked = 0;
}

double
rank_fit_cost(double examples, double asking, bool facts)
{
	double		epochs = RANK_FIT_EPOCHS + (asking > 0 ? RANK_FIT_TRIAL_EPOCHS : 0);
	double		rankers = facts ? 2 : 1;

	return RANK_FIT_OPINION_COST * asking + rankers *
		((RANK_FIT_COLLECTING_COST + RANK_FIT_TRAINING_COST * epochs) * examples +
		 RANK_FIT_MEASURING_COST * asking);
}

double
rank_fit_seconds(int32_t sequences, int64_t tokens, bool facts, bool times, int32_t ranks)
{
	double		windows = (double) (tokens - sequences);
	double		most = rank_fit_most_examples(tokens - sequences, times);
	double		examples = fmin(windows, most) +
		(times ? fmin(windows * RANK_FIT_PERIOD_SHARE * RANK_FIT_PERIODS, most) : 0);
	double		counting = COUNTING_COST * (double) tokens *
		(times ? RANK_FIT_PERIODS + 1 : 1);

	return (counting +
			rank_fit_cost(examples, fmin(examples, RANK_FIT_MOST_ASKED), facts) / ranks) /
		MICROSECONDS;
}
