/*
 * trainer_schedule.c
 *	  After an epoch: is it the best so far, does the learning rate fall, and does
 *	  training go on?
 */
#include "nn/trainer_internal.h"

#include <math.h>

void
trainer_judge_epoch(Trainer *trainer)
{
	TrainerShared *shared = trainer->shared;
	EpochReport *report = &shared->report;
	bool		validated = report->validation_windows > 0;

	shared->diverged = !isfinite(report->loss) ||
		(validated && !isfinite(report->validation_loss));
	report->best = !validated || report->validation_loss < shared->best_loss;
	if (report->best)
	{
		shared->best = *report;
		shared->best_loss = report->validation_loss;
		shared->stalled = 0;
		return;
	}
	if (++shared->stalled % TRAINER_STALLS_TO_HALVE == 0)
		shared->learning_rate /= 2;
	shared->stop = trainer->options.patience > 0 &&
		shared->stalled >= trainer->options.patience;
}

bool
trainer_done(const Trainer *trainer)
{
	return trainer->shared->stop ||
		trainer->shared->report.epoch >= trainer->options.epochs;
}
