/*
 * train.c
 *	  recseq_train: a training in one statement.
 */
#include "train/train.h"

#include "access/htup_details.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "results.h"
#include "train/training.h"

/* Columns of the row. */
enum
{
	COLUMN_MODEL,
	COLUMN_VERSION,
	COLUMN_SEQUENCES,
	COLUMN_WINDOWS,
	COLUMN_ITEMS,
	COLUMN_EPOCHS,
	COLUMN_BEST_EPOCH,
	COLUMN_VAL_LOSS,
	COLUMN_HIT_RATE,
	COLUMN_SECONDS,
	COLUMNS
};

/* Fill in what was learned. */
static void
train_and_store(const Catalog *catalog, const TrainOptions *options, SourceData *source,
				Datum *values, bool *nulls)
{
	Training   *training = training_begin(options, source);
	const TrainerResult *result = &training->result;
	int32		version;

	training_run(training, options->trainer.epochs);
	training_finish(training);
	version = training_store(training, catalog);

	values[COLUMN_MODEL] = CStringGetTextDatum(options->model);
	values[COLUMN_VERSION] = Int32GetDatum(version);
	values[COLUMN_SEQUENCES] = Int64GetDatum(training->source->sequences);
	values[COLUMN_WINDOWS] = Int64GetDatum(training->trainer.sizes.training_windows);
	values[COLUMN_ITEMS] = Int32GetDatum(training->options.config.items);
	values[COLUMN_EPOCHS] = Int32GetDatum(result->epochs);
	values[COLUMN_BEST_EPOCH] = Int32GetDatum(result->best.epoch);
	results_set_double(values, nulls, COLUMN_VAL_LOSS, result->best.validation_loss);
	results_set_double(values, nulls, COLUMN_HIT_RATE, result->best.hit_rate);
	values[COLUMN_SECONDS] = Float8GetDatum(training->seconds);
	training_end(training);
}

/* Likewise where there was nothing new to learn: the version that answers on. */
static void
describe_base(const TrainOptions *options, Datum *values, bool *nulls)
{
	values[COLUMN_MODEL] = CStringGetTextDatum(options->model);
	values[COLUMN_VERSION] = Int32GetDatum(options->base->version);
	values[COLUMN_SEQUENCES] = Int64GetDatum(0);
	values[COLUMN_WINDOWS] = Int64GetDatum(0);
	values[COLUMN_ITEMS] = Int32GetDatum(options->base->model->config.items);
	values[COLUMN_EPOCHS] = Int32GetDatum(0);
	nulls[COLUMN_BEST_EPOCH] = nulls[COLUMN_VAL_LOSS] = nulls[COLUMN_HIT_RATE] = true;
	values[COLUMN_SECONDS] = Float8GetDatum(0);
}

Datum
train(FunctionCallInfo fcinfo, const Catalog *catalog, const TrainOptions *options)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context;
	SourceData *source;
	TupleDesc	tupdesc;
	Datum		values[COLUMNS];
	bool		nulls[COLUMNS] = {false};
	HeapTuple	tuple;

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	context = AllocSetContextCreate(caller, "recseq training", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	source = train_read(options);
	if (source == NULL)
		describe_base(options, values, nulls);
	else
		train_and_store(catalog, options, source, values, nulls);
	MemoryContextSwitchTo(caller);
	tuple = heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls);
	MemoryContextDelete(context);
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

	options = train_options(fcinfo->args);
	version_check_storable(&catalog, options.model, "recseq_train()");
	return train(fcinfo, &catalog, &options);
}
