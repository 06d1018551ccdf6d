/*
 * training.c
 *	  A training in its phases.
 *
 * Who owns which memory: the dataset is read into the context that a training is
 * begun in; the trainer gets one block that it lays out itself, shared with
 * workers; the model points into both.  Nothing is written to the database
 * before it is stored (new_version.c).
 */
#include "train/training.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/lsyscache.h"

#include "data/arrays.h"
#include "guc.h"
#include "memory.h"
#include "model/model.h"
#include "train/second_stage.h"
#include "train/untouched.h"

/* A worker takes milliseconds to start: too long where there is little to share. */
#define WINDOWS_PER_WORKER 5000

/*
 * The softmax over all items costs in proportion to their number, a sampled one
 * does not: with more items than these it is the default.
 */
#define MOST_ITEMS_OF_FULL_SOFTMAX 20000

/* ---------------------------------------------------------------- progress */

static void
report_minibatch(void *context, int64_t windows, double loss)
{
	progress_windows(((Training *) context)->progress, windows, loss);
}

static void
report_epoch(void *context, const EpochReport *report)
{
	Training   *training = context;
	int32		epochs = training->options.trainer.epochs;
	double		left = seconds_since(training->start) / report->epoch *
		(epochs - report->epoch) + training->expected;

	if (recseq_progress)
	{
		if (report->validation_windows > 0)
			ereport(NOTICE,
					(errmsg("epoch %d of %d: loss %.4f, validation loss %.4f, hit rate at %d %.4f, MRR at %d %.4f%s, learning rate %g, %.1f s, at most %.0f s left",
							report->epoch, epochs, report->loss,
							report->validation_loss,
							TRAINER_HIT_RATE_K, report->hit_rate,
							TRAINER_MRR_K, report->mrr,
							report->best ? " (best so far)" : "", report->learning_rate,
							seconds_since(training->epoch_start), left)));
		else
			ereport(NOTICE,
					(errmsg("epoch %d of %d: loss %.4f, no validation, learning rate %g, %.1f s, %.0f s left",
							report->epoch, epochs, report->loss,
							report->learning_rate,
							seconds_since(training->epoch_start), left)));
	}
	INSTR_TIME_SET_CURRENT(training->epoch_start);
	training->report = *report;
	progress_report(training->progress, report);
}

/* ---------------------------------------------------------------- begin */

/*
 * How many of the sequences, which come in order, are for training: but for the
 * share of those of two and more items that is held out.
 */
static int32
training_share(const SourceData *source, double validation_fraction)
{
	const int64 *start = source->data.start;
	int32		training = source->data.sequences;
	int32		validation = Min((int32) (source->sequences * validation_fraction),
								 source->sequences - 1);

	while (validation > 0)
	{
		training--;
		if (start[training + 1] - start[training] > 1)
			validation--;
	}
	return training;
}

SourceData *
train_read(const TrainOptions *options)
{
	DatasetOptions reading = {
		.features = options->features,
		.purchases = &options->purchases,
		.min_length = 1,
		.seed = options->trainer.seed,
		.split = options->split
	};
	SourceData *source = dataset_read(options->source, &reading);

	if (options->base != NULL && source->sequences == 0)
	{
		ereport(NOTICE,
				(errmsg("source \"%s\" has no new sequence: model \"%s\" stays as it is",
						get_rel_name(options->source), options->model)));
		return NULL;
	}
	if (source->rows == 0)
		ereport(ERROR,
				(errcode(ERRCODE_NO_DATA_FOUND),
				 errmsg("source \"%s\" has no rows", get_rel_name(options->source)),
				 errhint("A source has one row a sequence. With row security, only the rows that you may see count.")));
	if (source->sequences == 0)
		ereport(ERROR,
				(errcode(ERRCODE_NO_DATA_FOUND),
				 errmsg("source \"%s\" has no sequence of two or more items",
						get_rel_name(options->source)),
				 errhint("A model learns from what follows what: every row is one sequence, oldest item first.")));
	if (options->base != NULL)
		base_extend_source(options->base, source);
	return source;
}

/* What is known of the items that there are: by the catalog, or else by the version to go on from. */
static Products *
read_products(const TrainOptions *options, SourceData *source)
{
	Size		before = MemoryContextMemAllocated(CurrentMemoryContext, true);
	Products   *products = NULL;

	if (OidIsValid(options->catalog))
		products = products_read(options->catalog, source);
	else if (options->base != NULL)
		products = products_of_model(options->base->model, source);
	source->bytes += MemoryContextMemAllocated(CurrentMemoryContext, true) - before;
	return products;
}

/* How many workers may help. */
static int32
workers_allowed(const TrainOptions *options)
{
	if (options->workers < 0)
		return recseq_max_training_workers;
	return Min(options->workers, recseq_max_training_workers);
}

/* How many of them it is worth while to start for so many windows. */
static int32
workers_for(const TrainOptions *options, int64 windows)
{
	return (int32) Min(workers_allowed(options), windows / WINDOWS_PER_WORKER);
}

/* Allocate and lay out the trainer's block. */
static void
place_trainer(Training *training, const TrainerSizes *sizes)
{
	const TrainOptions *options = &training->options;
	Arena		arena = {0};
	Size		limit = (Size) recseq_max_training_memory * 1024;

	trainer_place(&training->trainer, &arena, &options->config, &options->trainer, sizes);
	if (arena.used > limit || arena.used + training->source->bytes > limit)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("training would need %zu MB of memory",
						arena.used / (1024 * 1024) + training->source->bytes / (1024 * 1024)),
				 errdetail("\"recseq.max_training_memory\" is %d MB.",
						   recseq_max_training_memory / 1024),
				 errhint("Raise it, or lower \"batch_size\", \"max_length\", \"units\" or \"item_dim\".")));
	training->memory = parallel_allocate(arena.used, workers_for(options, sizes->training_windows));
	arena = (Arena) {training->memory.block, 0};
	trainer_place(&training->trainer, &arena, &options->config, &options->trainer, sizes);
}

/* Whether there is a second stage to fit: an update has one already. */
static bool
fits_second_stage(const Training *training)
{
	/* what is held out within sequences would be in the counts */
	return training->options.ranker && training->options.base == NULL &&
		training->source->data.held_out == NULL;
}

Training *
training_begin(const TrainOptions *options, SourceData *source)
{
	Training   *training = palloc0(sizeof(Training));
	Config	   *config = &training->options.config;
	TrainerSizes sizes;

	training->options = *options;
	training->progress = progress_begin(options->model, options->job, options->trainer.epochs);
	INSTR_TIME_SET_CURRENT(training->start);
	if (source == NULL)
		source = train_read(options);
	training->source = source;
	training->products = read_products(options, source);
	training->options.features = array_of_names(source->feature_name, source->data.features);
	config->items = source->items.count;
	config->features = source->data.features;
	for (int f = 0; f < config->features; f++)
		config->feature_values[f] = source->feature_values[f].count + 1;
	if (training->options.trainer.loss == LOSS_BY_ITEMS)
		training->options.trainer.loss = config->items > MOST_ITEMS_OF_FULL_SOFTMAX
			? LOSS_SAMPLED_SOFTMAX : LOSS_SOFTMAX;
	if (config_problem(config) != NULL)
		elog(ERROR, "invalid configuration: %s", config_problem(config));

	sizes = trainer_sizes(&source->data,
						  training_share(source, options->validation_fraction),
						  config, &training->options.trainer);
	place_trainer(training, &sizes);
	trainer_start(&training->trainer, &source->data);
	if (options->base != NULL)
		base_set_weights(options->base, source, &training->trainer);
	if (fits_second_stage(training))
		training->expected = second_stage_seconds(source, workers_allowed(options));
	progress_expect(training->progress, training->expected);
	INSTR_TIME_SET_CURRENT(training->epoch_start);
	progress_epoch(training->progress, 0, sizes.training_windows);
	return training;
}

/* ---------------------------------------------------------------- run */

/* What the processes that train know besides the trainer's block. */
typedef struct TrainingDetails
{
	Config		config;
	TrainerOptions options;
	TrainerSizes sizes;
	int32		epochs;			/* to train, at most */
} TrainingDetails;

/* ParallelFunction: a process's part. */
static NnStatus
training_part(const ParallelPart *part)
{
	const TrainingDetails *details = part->details;
	Training   *training = part->leader;
	TrainerCalls calls = {
		.context = training,
		.may_go_on = parallel_may_go_on,
		.barrier = part->barrier,
		.barrier_context = part->barrier_context
	};
	Trainer		trainer;
	Arena		arena = {part->block, 0};

	if (training != NULL)
	{
		calls.minibatch_done = report_minibatch;
		calls.epoch_done = report_epoch;
		return trainer_run(&training->trainer, part->rank, part->ranks, &calls,
						   details->epochs);
	}
	trainer_place(&trainer, &arena, &details->config, &details->options, &details->sizes);
	return trainer_run(&trainer, part->rank, part->ranks, &calls, details->epochs);
}

PGDLLEXPORT void recseq_train_worker(dsm_segment *seg, shm_toc *toc);

/* Entry point of a worker. */
void
recseq_train_worker(dsm_segment *seg, shm_toc *toc)
{
	parallel_worker(toc, training_part);
}

bool
training_try(Training *training, int32 epochs)
{
	const Trainer *trainer = &training->trainer;
	TrainingDetails details = {trainer->config, trainer->options, trainer->sizes, epochs};

	return parallel_run("recseq_train_worker", training_part, &training->memory,
						workers_for(&training->options, trainer->sizes.training_windows),
						&details, sizeof(details), training) != NN_DIVERGED;
}

void
training_run(Training *training, int32 epochs)
{
	if (!training_try(training, epochs))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("training diverged: the loss is not a finite number any more"),
				 errhint("Lower \"learning_rate\" or \"clip_norm\".")));
}

double
training_seconds(const Training *training)
{
	return training->seconds + seconds_since(training->start);
}

bool
training_resume(Training *training, double seconds)
{
	int32		epochs = trainer_resume(&training->trainer);

	if (epochs < 0)
		return false;
	training->seconds = seconds;
	progress_epoch(training->progress, epochs, training->trainer.sizes.training_windows);
	return true;
}

uint32
training_checksum(const Training *training)
{
	const char *options = options_to_json(&training->options, false);
	uint32		format = TRAINER_FORMAT;
	uint32		checksum = crc32c(0, &format, sizeof(format));

	checksum = crc32c(checksum, options, strlen(options));
	return dataset_checksum(training->source, checksum);
}

/* ---------------------------------------------------------------- finish */

/* Items by falling count, the lower index first among equals. */
static int
compare_counts(const void *a, const void *b, void *context)
{
	const int32 *count = context;
	int32		x = *(const int32 *) a;
	int32		y = *(const int32 *) b;

	CHECK_FOR_INTERRUPTS();
	if (count[x] != count[y])
		return count[x] > count[y] ? -1 : 1;
	return (x > y) - (x < y);
}

int32 *
items_by_count(const int32 *count, int32 items)
{
	int32	   *popular = huge_array(int32, items);

	for (int32 i = 0; i < items; i++)
		popular[i] = i;
	qsort_arg(popular, items, sizeof(int32), compare_counts, (void *) count);
	return popular;
}

/* The trained model, with what the data tells of each item. */
static Model
make_model(const Trainer *trainer, SourceData *source, const Products *products, Base *base)
{
	Model		model = {.config = trainer->config, .params = trainer->params};
	int32		columns = config_output_dim(&trainer->config);
	Arena		measure = {0};
	Arena		place = {0};

	if (products != NULL)
		untouched_join(&model, source, products, trainer->sizes.training_sequences, base);
	model.items = source->items;
	model.item_count = source->item_count;
	model.popular = items_by_count(source->item_count, source->items.count);
	coded_weights_place(&model.index, &measure, source->items.count, columns);
	place.base = allocate_aligned(measure.used);
	coded_weights_place(&model.index, &place, source->items.count, columns);
	coded_weights_build(&model.index, model.params.output_weight, columns);

	for (int f = 0; f < source->data.features; f++)
	{
		model.feature_values[f] = source->feature_values[f];
		memcpy(model.feature_name[f], source->feature_name[f], MODEL_FEATURE_NAME);
		model.item_feature[f] = source->item_feature[f];
	}
	return model;
}

void
training_finish(Training *training)
{
	const TrainOptions *options = &training->options;
	Model	   *model = &training->model;

	progress_phase(training->progress, PROGRESS_RANKING);
	training->result = trainer_finish(&training->trainer);
	*model = make_model(&training->trainer, training->source, training->products,
						options->base);
	training->options.config = model->config;
	if (options->base != NULL)
		base_set_rank_stage(options->base, training->source, model);
	else if (fits_second_stage(training))
	{
		double		hit_rate;

		model->purchases = options->purchases;
		hit_rate = second_stage_fit(model, training->source, &(SecondStageOptions) {
			.first_unseen = training->trainer.sizes.training_sequences,
			.min_support = options->min_support,
			.seed = options->trainer.seed,
			.workers = workers_allowed(options),
			.progress = training->progress
		});
		if (!isnan(hit_rate))
			training->result.best.hit_rate = hit_rate;
	}
	training->seconds = training_seconds(training);
}

void
training_end(Training *training)
{
	if (training->memory.segment != NULL)
		dsm_detach(training->memory.segment);
}
