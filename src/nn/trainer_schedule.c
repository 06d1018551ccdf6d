/*
 * trainer_schedule.c
 *	  After an epoch: is it the best so far, does the learning rate fall, and does
 *	  training go on?
 */
#include "nn/trainer_internal.h"

#include <math.h>

/* Whether an epoch is better than the best so far. */
static bool
is_better(const EpochReport *report, const EpochReport *best, ValidationMetric metric)
{
	if (best->epoch == 0)
		return true;
	switch (metric)
	{
		case VALIDATION_MRR:
			return report->mrr > best->mrr;
		case VALIDATION_HIT_RATE:
			return report->hit_rate > best->hit_rate;
		case VALIDATION_LOSS:
			return report->validation_loss < best->validation_loss;
	}
	return false;
}

void
trainer_judge_epoch(Trainer *trainer)
{
	TrainerShared *shared = trainer->shared;
	const TrainerOptions *options = &trainer->options;
	EpochReport *report = &shared->report;
	bool		validated = report->validation_windows > 0;

	shared->diverged = !isfinite(report->loss) ||
		(validated && !isfinite(report->validation_loss));
	report->best = !validated || is_better(report, &shared->best, options->metric);
	if (options->decay_epochs > 0 && report->epoch % options->decay_epochs == 0)
		shared->learning_rate *= options->decay;
	if (report->best)
	{
		shared->best = *report;
		shared->stalled = 0;
		return;
	}
	if (++shared->stalled % TRAINER_STALLS_TO_HALVE == 0 && options->decay_epochs == 0)
		shared->learning_rate /= 2;
	shared->stop = options->patience > 0 && shared->stalled >= options->patience;
}

bool
trainer_done(const Trainer *trainer)
{
	return trainer->shared->stop ||
		trainer->shared->report.epoch >= trainer->options.epochs;
}
