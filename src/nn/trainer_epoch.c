/*
 * trainer_epoch.c
 *	  Fits the parameters of a network to a dataset.
 *
 * A minibatch goes through these phases; between two of them all ranks wait for
 * each other, since each phase reads what others wrote in the one before:
 *
 *	prepare		each data shard: its windows; rank 0: the negatives
 *	touch		rows of tables that the minibatch reads are paid up (lazy_adam.h)
 *	forward		each data shard: network -> representations
 *	loss		softmax over all items: each item shard finds its part of every
 *				window's normaliser; the parts are put together; then each finds
 *				its rows' gradient and its share of the representations' gradient
 *	backward	each data shard: gradient of the core and of the embeddings' output
 *	assemble	sums over the data shards, in their order
 *	measure		squares, for the norm of the whole gradient
 *	step		Adam
 *
 * With a sampled loss, this is part of forward and backward, and all three
 * are one phase.
 *
 * Each phase is in the file of its name: trainer_forward.c (prepare, touch,
 * forward, backward), trainer_loss.c, trainer_step.c (assemble, measure, step).
 *
 * Whoever writes a parameter or its gradient is decided by its place, not by
 * the number of ranks.  All memory is the shared block that trainer_place lays
 * out; a rank that leaves early leaves nothing behind.
 */
#include "nn/trainer_internal.h"

#include <math.h>
#include <string.h>

#include "nn/metrics.h"

/* Sum of the losses of the windows that have a target; counts them. */
static double
sum_loss(const Rank *rank, int64_t *count)
{
	const Trainer *trainer = rank->trainer;
	double		loss = 0;

	for (int32_t w = 0; w < rank->windows; w++)
	{
		loss += (double) trainer->windows.loss[w];
		*count += trainer_has_target(trainer, w);
	}
	return loss;
}

static NnStatus
compute_loss(Rank *rank)
{
	return trainer_is_dense(&rank->trainer->options) ? trainer_softmax_loss(rank)
		: trainer_sampled_loss(rank);
}

/* One minibatch from order[*next]; adds to *loss and *count. */
static NnStatus
train_minibatch(Rank *rank, int64_t *next, double *loss, int64_t *count)
{
	Trainer    *trainer = rank->trainer;

	trainer_share_out(rank, trainer->data.order, next, trainer->sizes.training_groups);
	trainer_prepare(rank, trainer->data.order, true);
	/* who touches or scores rows reads the batches and targets of all data shards */
	trainer_wait(rank);
	if (trainer->touched.tables > 0)
	{
		trainer_touch(rank);
		/* any data shard may read any row */
		trainer_wait(rank);
	}
	if (compute_loss(rank) != NN_OK)
		return NN_CANCELLED;
	/* whoever owns a parameter adds up what all shards have found for it */
	trainer_wait(rank);
	*loss += sum_loss(rank, count);
	trainer_assemble(rank);
	if (!trainer_go_on(rank))
		return NN_CANCELLED;
	/* the core's gradient is assembled by other parts than it is measured by */
	trainer_wait(rank);
	trainer_measure(rank);
	if (!trainer_go_on(rank))
		return NN_CANCELLED;
	/* the norm is that of the whole gradient */
	trainer_wait(rank);
	trainer_step(rank);
	trainer_advance(rank);
	/* the next minibatch reads all parameters, and draws by the number of its step */
	trainer_wait(rank);
	return NN_OK;
}

/* Loss and hit rate over the validation windows that are judged, into the shared report. */
static NnStatus
validate(Rank *rank)
{
	Trainer    *trainer = rank->trainer;
	size_t		stride = (size_t) trainer->options.batch_size;
	int64_t		next = 0;
	double		loss = 0;
	int64_t		count = 0;
	int64_t		windows = 0;
	int64_t		hits = 0;			/* a target outside the vocabulary is none */
	double		reciprocal = 0;

	while (next < trainer->sizes.judged_groups)
	{
		trainer_share_out(rank, trainer->data.validation_order, &next,
						  trainer->sizes.judged_groups);
		trainer_prepare(rank, trainer->data.validation_order, false);
		if (trainer_rank_targets(rank) != NN_OK)
			return NN_CANCELLED;
		/* a target's rank is the sum over all item shards */
		trainer_wait(rank);
		loss += sum_loss(rank, &count);
		for (int32_t w = 0; w < rank->windows; w++)
		{
			int32_t		above = trainer->config.copy ? trainer->softmax.copied_above[w] : 0;

			for (int32_t s = 0; s < TRAINER_ITEM_SHARDS; s++)
				above += trainer->softmax.above[s * stride + w];
			if (!trainer_has_target(trainer, w))
				continue;
			hits += metrics_hit(above + 1, TRAINER_HIT_RATE_K);
			reciprocal += metrics_reciprocal_rank(above + 1, TRAINER_MRR_K);
		}
		windows += rank->windows;
		/* the next minibatch overwrites what the ranks have just read */
		trainer_wait(rank);
	}
	if (rank->rank == 0)
	{
		trainer->shared->report.validation_windows = count;
		trainer->shared->report.validation_loss = count > 0 ? loss / (double) count : NAN;
		trainer->shared->report.hit_rate = windows > 0
			? (double) hits / (double) windows : NAN;
		trainer->shared->report.mrr = windows > 0 ? reciprocal / (double) windows : NAN;
	}
	return NN_OK;
}

/* Copy this rank's share of the parameters. */
static void
copy_parameters(const Rank *rank, float *to, const float *from)
{
	DenseRange	all = {.count = rank->trainer->params.count};

	for (int32_t s = 0; s < TRAINER_ITEM_SHARDS; s++)
	{
		size_t		start = trainer_dense_shard_start(&all, s);

		if (trainer_is_mine(rank, s, TRAINER_ITEM_SHARDS))
			memcpy(to + start, from + start,
				   (trainer_dense_shard_start(&all, s + 1) - start) * sizeof(float));
	}
}

void
trainer_shuffle(Trainer *trainer, int32_t epoch)
{
	Rng			rng = rng_stream(trainer->options.seed, RNG_SHUFFLE, (uint64_t) epoch);

	for (int64_t i = trainer->sizes.training_groups - 1; i > 0; i--)
	{
		int64_t		j = (int64_t) (rng_next(&rng) % (uint64_t) (i + 1));
		int64_t		other = trainer->data.order[j];

		trainer->data.order[j] = trainer->data.order[i];
		trainer->data.order[i] = other;
	}
}

/* One pass over the training windows, and one over those for validation. */
static NnStatus
run_epoch(Rank *rank, int32_t epoch)
{
	Trainer    *trainer = rank->trainer;
	TrainerShared *shared = trainer->shared;
	double		loss = 0;
	int64_t		count = 0;
	int64_t		next = 0;

	if (rank->rank == 0)
		trainer_shuffle(trainer, epoch);
	/* all ranks read the order */
	trainer_wait(rank);
	while (next < trainer->sizes.training_groups)
	{
		if (train_minibatch(rank, &next, &loss, &count) != NN_OK)
			return NN_CANCELLED;
		if (rank->rank == 0 && rank->calls->minibatch_done != NULL)
			rank->calls->minibatch_done(rank->calls->context, count, loss / (double) count);
	}
	if (rank->rank == 0)
		shared->report = (EpochReport) {
			.epoch = epoch,
			.loss = count > 0 ? loss / (double) count : NAN,
			.learning_rate = shared->learning_rate
		};
	trainer_pay_all(rank);
	if (validate(rank) != NN_OK)
		return NN_CANCELLED;
	if (rank->rank == 0)
	{
		trainer_judge_epoch(trainer);
		trainer->curve[epoch - 1] = shared->report;
		if (!shared->diverged && rank->calls->epoch_done != NULL)
			rank->calls->epoch_done(rank->calls->context, &shared->report);
	}
	/* all ranks go by the verdict */
	trainer_wait(rank);
	if (shared->report.best && trainer->best != NULL)
		copy_parameters(rank, trainer->best, trainer->params.block);
	return shared->diverged ? NN_DIVERGED : NN_OK;
}

double
trainer_hit_rate(Trainer *trainer, const TrainerCalls *calls)
{
	Rank		rank = trainer_take_rank(trainer, calls, 0, 1);
	EpochReport *report = &trainer->shared->report;
	double		hit_rate = validate(&rank) == NN_OK ? report->hit_rate : NAN;

	memset(report, 0, sizeof(*report));
	return hit_rate;
}

NnStatus
trainer_run(Trainer *trainer, int32_t rank_number, int32_t ranks,
			const TrainerCalls *calls, int32_t epochs)
{
	Rank		rank = trainer_take_rank(trainer, calls, rank_number, ranks);
	int32_t		epoch = trainer->shared->report.epoch;
	int32_t		last = epochs < trainer->options.epochs - epoch ? epoch + epochs
		: trainer->options.epochs;

	while (epoch < last && !trainer->shared->stop)
	{
		NnStatus	status = run_epoch(&rank, ++epoch);

		if (status != NN_OK)
			return status;
	}
	return NN_OK;
}

TrainerResult
trainer_finish(Trainer *trainer)
{
	const TrainerShared *shared = trainer->shared;

	if (trainer->best != NULL)
		memcpy(trainer->params.block, trainer->best, trainer->params.count * sizeof(float));
	return (TrainerResult) {shared->report.epoch, shared->best, trainer->curve};
}
