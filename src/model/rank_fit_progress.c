/*
 * rank_fit_progress.c
 *	  What a fit of the second stage costs, and how far it is.
 */
#include "model/rank_fit.h"

#include <math.h>

#include "model/rank_fit_internal.h"
#include "nn/nn.h"

/*
 * What the parts of a fit cost a process, an example, in microseconds where this
 * was written.  Once a fit runs only their proportions count.
 */
#define COUNTING_COST 0.5		/* a token, in each of the counts */
#define OPINION_COST 60.0
#define OPINION_ITEM_COST 2e-3	/* and for each item */
#define CHOOSING_COST 50.0
#define DESCRIBING_COST 15.0	/* for each ranker */
#define TRAINING_COST 4.5		/* of an epoch, likewise */
#define MEASURING_COST 60.0		/* likewise */

#define MICROSECONDS 1e6

static int
count_rankers(bool facts)
{
	return facts ? RANKERS : 1;
}

/* Counting is done by one process. */
static double
counting_cost(const RankFitScale *scale)
{
	return COUNTING_COST * (double) scale->tokens * (scale->times ? RANK_FIT_PERIODS + 1 : 1);
}

double
rank_fit_opinions_cost(double asking, int32_t items)
{
	return (OPINION_COST + OPINION_ITEM_COST * items) * asking;
}

double
rank_fit_collecting_cost(double examples, bool facts)
{
	return (CHOOSING_COST + DESCRIBING_COST * count_rankers(facts)) * examples;
}

double
rank_fit_training_cost(double examples, int32_t epochs)
{
	return TRAINING_COST * epochs * examples;
}

double
rank_fit_measuring_cost(double asking)
{
	return MEASURING_COST * asking;
}

/* What all but counting costs; asking: examples to measure by. */
static double
fitting_cost(const RankFitScale *scale, double examples, double asking)
{
	int32_t		epochs = RANK_FIT_EPOCHS + (asking > 0 ? RANK_FIT_TRIAL_EPOCHS : 0);

	return rank_fit_opinions_cost(asking, scale->items) +
		rank_fit_collecting_cost(examples, scale->facts) +
		count_rankers(scale->facts) *
		(rank_fit_training_cost(examples, epochs) + rank_fit_measuring_cost(asking));
}

/* The same before the examples are drawn. */
static double
expected_cost(const RankFitScale *scale)
{
	int64_t		windows = scale->tokens - scale->sequences;
	double		most = rank_fit_most_examples(windows, scale->times);
	double		examples = fmin((double) windows, most);

	if (scale->times)
		examples += fmin((double) windows * RANK_FIT_PERIOD_SHARE * RANK_FIT_PERIODS, most);
	return fitting_cost(scale, examples, fmin(examples, RANK_FIT_MOST_ASKED));
}

double
rank_fit_seconds(const RankFitScale *scale, int32_t ranks)
{
	return (counting_cost(scale) + expected_cost(scale) / ranks) / MICROSECONDS;
}

RankFitScale
rank_fit_scale(const RankFitSizes *sizes)
{
	return (RankFitScale) {
		.sequences = sizes->sequences,
		.tokens = sizes->tokens,
		.items = sizes->config.items,
		.facts = sizes->kinds || sizes->times,
		.times = sizes->times
	};
}

void
rank_fit_report_counts(const RankFit *fit, const RankFitScale *scale, int32_t done)
{
	double		counting = counting_cost(scale);
	int32_t		all = scale->times ? RANK_FIT_PERIODS + 1 : 1;

	if (fit->progress != NULL)
		fit->progress(fit->progress_context,
					  counting * done / all / (counting + expected_cost(scale) / fit->ranks));
}

void
rank_fit_begin_progress(Fitting *fitting)
{
	const RankFitSizes *sizes = &fitting->data->sizes;
	RankFitScale scale = rank_fit_scale(sizes);
	/* the others wait as long for what one process does */
	double		counting = counting_cost(&scale) * fitting->calls->ranks;

	fitting->progress = (FitProgress) {
		.total = counting + fitting_cost(&scale, sizes->examples, fitting->asking),
		.cost = counting
	};
}

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
