/*
 * trainer_checkpoint.c
 *	  What a trainer goes on from, in another process and later.
 */
#include "nn/trainer_internal.h"

int
trainer_pieces(Trainer *trainer, TrainerPiece *pieces)
{
	size_t		bytes = trainer->params.count * sizeof(float);
	int			count = 0;

	pieces[count++] = (TrainerPiece) {trainer->shared, sizeof(*trainer->shared)};
	pieces[count++] = (TrainerPiece) {trainer->curve,
		(size_t) trainer->options.epochs * sizeof(EpochReport)};
	pieces[count++] = (TrainerPiece) {trainer->params.block, bytes};
	pieces[count++] = (TrainerPiece) {trainer->first.block, bytes};
	pieces[count++] = (TrainerPiece) {trainer->second.block, bytes};
	if (trainer->best != NULL)
		pieces[count++] = (TrainerPiece) {trainer->best, bytes};
	return count;
}

int32_t
trainer_resume(Trainer *trainer)
{
	const TrainerShared *shared = trainer->shared;
	int32_t		epochs = shared->report.epoch;

	if (epochs < 0 || epochs > trainer->options.epochs || shared->step < 0 ||
		shared->step > (int64_t) epochs * trainer->sizes.training_groups)
		return -1;
	/* the order that the epochs have left, and every row paid up */
	for (int32_t epoch = 1; epoch <= epochs; epoch++)
		trainer_shuffle(trainer, epoch);
	for (int t = 0; t < trainer->touched.tables; t++)
		lazy_rows_start(&trainer->touched.table[t], shared->step);
	drift_start(&trainer->touched.drift, shared->step);
	return epochs;
}
