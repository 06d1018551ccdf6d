/*
 * train.c
 *	  recseq_train: a relation -> the network's trainer -> a stored version.
 *
 * Phases, and who owns which memory: the dataset is read into a context of the
 * call; the trainer gets one block that it lays out itself, shared with workers; the image of the
 * best weights is written and stored, and the contexts are deleted.  Nothing is
 * written to the database before the last phase.  A job goes through the same
 * phases, in transactions of its own (jobs.c).
 */
#include "train/train.h"

#include <math.h>

#include "access/htup_details.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "serve/cache.h"
#include "model/codec.h"
#include "model/crc32c.h"
#include "guc.h"
#include "memory.h"
#include "model/rank_fit.h"
#include "nn/rng.h"
#include "results.h"
#include "data/source.h"
#include "train/update.h"

/* Arguments of recseq_train by number, as sql/functions.sql declares them. */
enum
{
	ARG_SOURCE,
	ARG_MODEL,
	ARG_FEATURES,
	ARG_UNITS,
	ARG_LAYERS,
	ARG_BIDIRECTIONAL,
	ARG_ATTENTION,
	ARG_ITEM_DIM,
	ARG_FEATURE_DIM,
	ARG_TIED,
	ARG_DROPOUT,
	ARG_ITEM_DROPOUT,
	ARG_LOSS,
	ARG_NEGATIVES,
	ARG_EPOCHS,
	ARG_BATCH_SIZE,
	ARG_LEARNING_RATE,
	ARG_CLIP_NORM,
	ARG_PATIENCE,
	ARG_VALIDATION_FRACTION,
	ARG_MAX_LENGTH,
	ARG_SEED,
	ARG_WORKERS,
	ARG_PURCHASES,
	ARG_RANKER,
	ARG_ACTIVATE
};

#define MAX_EPOCHS 10000
#define MAX_BATCH_SIZE 65536
#define MAX_NEGATIVES 65536

/* A worker takes milliseconds to start: too long where there is little to share. */
#define WINDOWS_PER_WORKER 5000

/* Names of the losses, by enum Loss. */
static const char *const loss_names[] = {"softmax", "sampled_softmax", "bpr_max"};

/* ---------------------------------------------------------------- options */

static void
check_not_null(FunctionCallInfo fcinfo, int arg, const char *name)
{
	if (PG_ARGISNULL(arg))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("option \"%s\" must not be null", name),
				 errhint("Leave it out to use its default.")));
}

static int32
int_option(FunctionCallInfo fcinfo, int arg, const char *name, int32 low, int32 high)
{
	int32		value;

	check_not_null(fcinfo, arg, name);
	value = PG_GETARG_INT32(arg);
	if (value < low || value > high)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" is %d", name, value),
				 errhint("It must be between %d and %d.", low, high)));
	return value;
}

/*
 * A real option in low .. high, or below high where that is excluded, also after
 * it is rounded to the precision that the network has.
 */
static double
real_option(FunctionCallInfo fcinfo, int arg, const char *name, double low,
			double high, bool high_excluded)
{
	double		value;

	check_not_null(fcinfo, arg, name);
	value = PG_GETARG_FLOAT8(arg);
	if (!(value >= low && value <= high) || (high_excluded && (float) value >= high))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" is %g", name, value),
				 high_excluded
				 ? errhint("It must be at least %g and less than %g.", low, high)
				 : errhint("It must be between %g and %g.", low, high)));
	return value;
}

static bool
bool_option(FunctionCallInfo fcinfo, int arg, const char *name)
{
	check_not_null(fcinfo, arg, name);
	return PG_GETARG_BOOL(arg);
}

static Loss
loss_option(FunctionCallInfo fcinfo)
{
	char	   *name;

	check_not_null(fcinfo, ARG_LOSS, "loss");
	name = text_to_cstring(PG_GETARG_TEXT_PP(ARG_LOSS));
	for (int i = 0; i < lengthof(loss_names); i++)
	{
		if (strcmp(name, loss_names[i]) == 0)
			return (Loss) i;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("option \"loss\" is \"%s\"", name),
			 errhint("It must be \"softmax\", \"sampled_softmax\" or \"bpr_max\".")));
}

TrainOptions
train_options(FunctionCallInfo fcinfo)
{
	TrainOptions options = {0};
	Config	   *config = &options.config;
	TrainerOptions *trainer = &options.trainer;

	if (PG_ARGISNULL(ARG_SOURCE))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("\"source\" must not be null"),
				 errhint("Name the table or view with one row a sequence.")));
	options.source = PG_GETARG_OID(ARG_SOURCE);
	check_not_null(fcinfo, ARG_MODEL, "model");
	options.model = text_to_cstring(PG_GETARG_TEXT_PP(ARG_MODEL));
	if (!PG_ARGISNULL(ARG_FEATURES))
		options.features = PG_GETARG_ARRAYTYPE_P(ARG_FEATURES);

	config->units = int_option(fcinfo, ARG_UNITS, "units", 1, CONFIG_MAX_UNITS);
	config->layers = int_option(fcinfo, ARG_LAYERS, "layers", 1, CONFIG_MAX_LAYERS);
	config->bidirectional = bool_option(fcinfo, ARG_BIDIRECTIONAL, "bidirectional");
	config->attention = bool_option(fcinfo, ARG_ATTENTION, "attention");
	config->item_dim = int_option(fcinfo, ARG_ITEM_DIM, "item_dim", 1, CONFIG_MAX_DIM);
	config->feature_dim = int_option(fcinfo, ARG_FEATURE_DIM, "feature_dim",
									 1, CONFIG_MAX_DIM);
	config->tied = bool_option(fcinfo, ARG_TIED, "tied");
	config->dropout = (float) real_option(fcinfo, ARG_DROPOUT, "dropout", 0, 1, true);
	config->max_length = int_option(fcinfo, ARG_MAX_LENGTH, "max_length",
									1, CONFIG_MAX_LENGTH);

	trainer->item_dropout = (float) real_option(fcinfo, ARG_ITEM_DROPOUT, "item_dropout",
												0, 1, true);
	trainer->loss = loss_option(fcinfo);
	trainer->negatives = int_option(fcinfo, ARG_NEGATIVES, "negatives", 1, MAX_NEGATIVES);
	trainer->epochs = int_option(fcinfo, ARG_EPOCHS, "epochs", 1, MAX_EPOCHS);
	trainer->batch_size = int_option(fcinfo, ARG_BATCH_SIZE, "batch_size",
									 1, MAX_BATCH_SIZE);
	trainer->learning_rate = (float) real_option(fcinfo, ARG_LEARNING_RATE, "learning_rate",
												 1e-8, 10, false);
	trainer->clip_norm = (float) real_option(fcinfo, ARG_CLIP_NORM, "clip_norm", 0, 1e6, false);
	trainer->patience = int_option(fcinfo, ARG_PATIENCE, "patience", 0, MAX_EPOCHS);
	options.validation_fraction = real_option(fcinfo, ARG_VALIDATION_FRACTION,
											  "validation_fraction", 0, 0.9, false);
	check_not_null(fcinfo, ARG_SEED, "seed");
	trainer->seed = (uint64_t) PG_GETARG_INT64(ARG_SEED);
	check_not_null(fcinfo, ARG_PURCHASES, "purchases");
	options.purchases = vocabulary_of_texts(PG_GETARG_ARRAYTYPE_P(ARG_PURCHASES), "purchases");
	options.ranker = bool_option(fcinfo, ARG_RANKER, "ranker");
	options.workers = recseq_max_training_workers;
	if (!PG_ARGISNULL(ARG_WORKERS))
		options.workers = Min(int_option(fcinfo, ARG_WORKERS, "workers", 0,
										 MAX_TRAINING_WORKERS),
							  recseq_max_training_workers);
	options.activate = catalog_activate_argument(fcinfo, ARG_ACTIVATE);
	return options;
}

/* All options as a JSON object. */
static char *
options_to_json(const TrainOptions *options, const SourceData *source)
{
	const Config *config = &options->config;
	const TrainerOptions *trainer = &options->trainer;
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoString(&json, "{\"features\": [");
	for (int f = 0; f < source->data.features; f++)
	{
		if (f > 0)
			appendStringInfoString(&json, ", ");
		escape_json(&json, source->feature_name[f]);
	}
	appendStringInfoString(&json, "], \"purchases\": [");
	for (int i = 0; i < options->purchases.count; i++)
	{
		Id			kind = id_at(&options->purchases, i);

		if (i > 0)
			appendStringInfoString(&json, ", ");
		escape_json(&json, pnstrdup(kind.text, kind.length));
	}
	appendStringInfo(&json, "], \"ranker\": %s, \"units\": %d, \"layers\": %d, \"bidirectional\": %s,"
					 " \"attention\": %s, \"item_dim\": %d, \"feature_dim\": %d, \"tied\": %s,"
					 " \"dropout\": %g, \"item_dropout\": %g,"
					 " \"loss\": \"%s\", \"negatives\": %d, \"epochs\": %d, \"batch_size\": %d,"
					 " \"learning_rate\": %g, \"clip_norm\": %g, \"patience\": %d,"
					 " \"validation_fraction\": %g, \"max_length\": %d, \"seed\": " INT64_FORMAT,
					 options->ranker ? "true" : "false",
					 config->units, config->layers,
					 config->bidirectional ? "true" : "false",
					 config->attention ? "true" : "false",
					 config->item_dim, config->feature_dim,
					 config->tied ? "true" : "false",
					 config->dropout, trainer->item_dropout,
					 loss_names[trainer->loss], trainer->negatives,
					 trainer->epochs, trainer->batch_size,
					 trainer->learning_rate, trainer->clip_norm, trainer->patience,
					 options->validation_fraction, config->max_length,
					 (int64) trainer->seed);
	if (options->base != NULL)
		appendStringInfo(&json, ", \"update_of\": %d", options->base->version);
	appendStringInfoChar(&json, '}');
	return json.data;
}

/* The sizes of the vocabularies as a JSON object. */
static char *
vocabulary_to_json(const SourceData *source)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfo(&json, "{\"items\": %d", source->items.count);
	for (int f = 0; f < source->data.features; f++)
	{
		appendStringInfoString(&json, ", ");
		escape_json(&json, source->feature_name[f]);
		appendStringInfo(&json, ": %d", source->feature_values[f].count);
	}
	appendStringInfoChar(&json, '}');
	return json.data;
}

/* A member of a JSON object; NAN: null. */
static void
append_json_number(StringInfo json, const char *name, double value)
{
	appendStringInfo(json, ", \"%s\": ", name);
	if (isfinite(value))
		appendStringInfo(json, "%.6g", value);
	else
		appendStringInfoString(json, "null");
}

/* The training curve as a JSON array, an object an epoch. */
static char *
curve_to_json(const TrainerResult *result)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '[');
	for (int32 i = 0; i < result->epochs; i++)
	{
		const EpochReport *report = &result->curve[i];

		appendStringInfo(&json, "%s{\"epoch\": %d", i > 0 ? ", " : "", report->epoch);
		append_json_number(&json, "loss", report->loss);
		append_json_number(&json, "val_loss", report->validation_loss);
		append_json_number(&json, "hit_rate", report->hit_rate);
		append_json_number(&json, "learning_rate", report->learning_rate);
		appendStringInfoChar(&json, '}');
	}
	appendStringInfoChar(&json, ']');
	return json.data;
}

/* ---------------------------------------------------------------- training */

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
		(epochs - report->epoch);

	if (recseq_progress)
	{
		if (report->validation_windows > 0)
			ereport(NOTICE,
					(errmsg("epoch %d of %d: loss %.4f, validation loss %.4f%s, hit rate at %d %.4f, learning rate %g, %.1f s, at most %.0f s left",
							report->epoch, epochs, report->loss,
							report->validation_loss, report->best ? " (best)" : "",
							TRAINER_HIT_RATE_K, report->hit_rate, report->learning_rate,
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

static int32 *
sort_by_popularity(const SourceData *source)
{
	int32	   *popular = huge_array(int32, source->items.count);

	for (int32 i = 0; i < source->items.count; i++)
		popular[i] = i;
	qsort_arg(popular, source->items.count, sizeof(int32), compare_counts,
			  source->item_count);
	return popular;
}

void *
allocate_in(void *context, size_t bytes)
{
	MemoryContext caller;
	void	   *memory;

	if (MemoryContextMemAllocated((MemoryContext) context, true) + bytes >
		(Size) recseq_max_training_memory * 1024)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("the second stage would need more than %d MB of memory",
						recseq_max_training_memory / 1024),
				 errdetail("That is the value of \"recseq.max_training_memory\"."),
				 errhint("Raise it, or train with \"ranker => false\".")));
	caller = MemoryContextSwitchTo((MemoryContext) context);
	memory = allocate_aligned(bytes);
	MemoryContextSwitchTo(caller);
	return memory;
}

/* Fit the second stage of a model whose network is trained. */
static void
fit_ranker(Training *training)
{
	const TrainOptions *options = &training->options;
	const SourceData *source = training->source;
	Model	   *model = &training->model;
	EpochReport *best = &training->result.best;
	instr_time	start;
	MemoryContext temporary = AllocSetContextCreate(CurrentMemoryContext, "recseq ranker",
													ALLOCSET_DEFAULT_SIZES);
	EventData	events = {&source->data, source->bought, source->hours};
	double		hit_rate;
	Infer		infer;
	RankFit		fit = {
		.events = &events,
		.items = source->items.count,
		.infer = &infer,
		.first_unseen = training->trainer.sizes.training_sequences,
		.seed = options->trainer.seed,
		.lasting = {allocate_in, CurrentMemoryContext},
		.temporary = {allocate_in, temporary},
		.interrupt = {team_may_go_on, NULL}
	};

	fit.item_category = dataset_item_category(source, &fit.categories);
	model->purchases = options->purchases;
	model->origin = source->origin;
	model_create_infer(&infer, model, 1);
	INSTR_TIME_SET_CURRENT(start);
	if (recseq_progress)
		ereport(NOTICE,
				(errmsg("fitting the second stage")));
	rank_fit(&model->rank, &fit, &hit_rate);
	MemoryContextDelete(temporary);
	if (!isnan(hit_rate))
		best->hit_rate = hit_rate;
	if (recseq_progress && !isnan(hit_rate))
		ereport(NOTICE,
				(errmsg("second stage: hit rate at %d %.4f, %.1f s", RANK_HIT_RATE_K, hit_rate,
						seconds_since(start))));
}

/* The trained model, with what the data tells of each item. */
static Model
make_model(const Trainer *trainer, const SourceData *source)
{
	Model		model = {
		.config = trainer->config,
		.params = trainer->params,
		.items = source->items,
		.item_count = source->item_count,
		.popular = sort_by_popularity(source)
	};
	int32		columns = config_output_dim(&trainer->config);
	Arena		measure = {0};
	Arena		place = {0};

	scan_place(&model.index, &measure, source->items.count, columns);
	place.base = allocate_aligned(measure.used);
	scan_place(&model.index, &place, source->items.count, columns);
	scan_build(&model.index, trainer->params.output_weight, columns);

	for (int f = 0; f < source->data.features; f++)
	{
		model.feature_values[f] = source->feature_values[f];
		memcpy(model.feature_name[f], source->feature_name[f], MODEL_FEATURE_NAME);
		model.item_feature[f] = source->item_feature[f];
	}
	return model;
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

/* Allocate and lay out the trainer's block. */
static void
place_trainer(Training *training, const TrainerSizes *sizes)
{
	const TrainOptions *options = &training->options;
	Arena		arena = {0};
	Size		limit = (Size) recseq_max_training_memory * 1024;

	trainer_place(&training->trainer, &arena, &options->config, &options->trainer, sizes);
	if (arena.used > limit)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("training would need %zu MB of memory", arena.used / (1024 * 1024)),
				 errdetail("\"recseq.max_training_memory\" is %d MB.",
						   recseq_max_training_memory / 1024),
				 errhint("Raise it, or lower \"batch_size\", \"max_length\", \"units\" or \"item_dim\".")));
	training->memory = team_allocate(arena.used, options->workers);
	arena = (Arena) {training->memory.block, 0};
	trainer_place(&training->trainer, &arena, &options->config, &options->trainer, sizes);
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
	config->items = source->items.count;
	config->features = source->data.features;
	for (int f = 0; f < config->features; f++)
		config->feature_values[f] = source->feature_values[f].count + 1;
	if (config_problem(config) != NULL)
		elog(ERROR, "invalid configuration: %s", config_problem(config));

	sizes = trainer_sizes(&source->data,
						  training_share(source, options->validation_fraction),
						  config, &options->trainer);
	training->options.workers = Min(options->workers,
									sizes.training_windows / WINDOWS_PER_WORKER);
	place_trainer(training, &sizes);
	trainer_start(&training->trainer, &source->data);
	if (options->base != NULL)
		base_set_weights(options->base, source, &training->trainer);
	INSTR_TIME_SET_CURRENT(training->epoch_start);
	progress_epoch(training->progress, 0, sizes.training_windows);
	return training;
}

bool
training_try(Training *training, int32 epochs)
{
	TrainerCalls calls = {
		.context = training,
		.may_go_on = team_may_go_on,
		.minibatch_done = report_minibatch,
		.epoch_done = report_epoch
	};

	return team_run(&training->trainer, &training->memory, training->options.workers,
					&calls, epochs) != NN_DIVERGED;
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
	const char *options = options_to_json(&training->options, training->source);
	uint32		format = TRAINER_FORMAT;
	uint32		checksum = crc32c(0, &format, sizeof(format));

	checksum = crc32c(checksum, options, strlen(options));
	return dataset_checksum(training->source, checksum);
}

void
training_finish(Training *training)
{
	progress_phase(training->progress, PROGRESS_RANKING);
	training->result = trainer_finish(&training->trainer);
	training->model = make_model(&training->trainer, training->source);
	if (training->options.base != NULL)
		base_set_rank_stage(training->options.base, training->source, &training->model);
	/* what is held out within sequences would be in the counts */
	else if (training->options.ranker && training->source->data.held_out == NULL)
		fit_ranker(training);
	training->seconds = training_seconds(training);
}

int32
training_store(const Training *training, const Catalog *catalog)
{
	const TrainOptions *options = &training->options;
	const TrainerResult *result = &training->result;
	Size		bytes = codec_bytes(&training->model);
	char	   *image = allocate_aligned(bytes);
	NewVersion	version = {
		.model = options->model,
		.activate = options->activate,
		.hit_rate_to_reach = options->base != NULL && !isnan(options->base->hit_rate)
			? &options->base->hit_rate : NULL,
		.source = source_name(options->source),
		.options = options_to_json(options, training->source),
		.vocabulary = vocabulary_to_json(training->source),
		.curve = curve_to_json(result),
		.sequences = training->source->sequences,
		.windows = training->trainer.sizes.training_windows,
		.epochs = result->epochs,
		.best_epoch = result->best.epoch,
		.val_loss = result->best.validation_loss,
		.hit_rate = result->best.hit_rate,
		.seconds = training->seconds
	};

	progress_phase(training->progress, PROGRESS_STORING);
	codec_write(&training->model, image);
	return catalog_store(catalog, &version, image, bytes);
}

void
training_end(Training *training)
{
	if (training->memory.segment != NULL)
		dsm_detach(training->memory.segment);
}

Datum
train(FunctionCallInfo fcinfo, const Catalog *catalog, const TrainOptions *options)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context;
	Training   *training;
	const TrainerResult *result;
	int32		version;
	TupleDesc	tupdesc;
	Datum		values[10];
	bool		nulls[10] = {false};
	HeapTuple	tuple;

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	context = AllocSetContextCreate(caller, "recseq training", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	training = training_begin(options, NULL);
	training_run(training, options->trainer.epochs);
	training_finish(training);
	version = training_store(training, catalog);

	MemoryContextSwitchTo(caller);
	result = &training->result;
	values[0] = CStringGetTextDatum(options->model);
	values[1] = Int32GetDatum(version);
	values[2] = Int64GetDatum(training->source->sequences);
	values[3] = Int64GetDatum(training->trainer.sizes.training_windows);
	values[4] = Int32GetDatum(training->options.config.items);
	values[5] = Int32GetDatum(result->epochs);
	values[6] = Int32GetDatum(result->best.epoch);
	results_set_double(values, nulls, 7, result->best.validation_loss);
	results_set_double(values, nulls, 8, result->best.hit_rate);
	values[9] = Float8GetDatum(training->seconds);
	training_end(training);
	MemoryContextDelete(context);
	tuple = heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls);
	PG_RETURN_DATUM(HeapTupleGetDatum(tuple));
}

PG_FUNCTION_INFO_V1(recseq_train);

/*
 * recseq_train(source regclass, model text, options ...): see sql/functions.sql
 * for the options, their ranges and the columns of the row it returns.
 */
Datum
recseq_train(PG_FUNCTION_ARGS)
{
	Catalog		catalog = catalog_open(fcinfo);
	TrainOptions options;

	options = train_options(fcinfo);
	catalog_check_trainable(&catalog, options.model, "recseq_train()");
	return train(fcinfo, &catalog, &options);
}
