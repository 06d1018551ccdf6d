/*
 * new_version.c
 *	  A training that is finished -> a stored version.
 */
#include "train/training.h"

#include <math.h>

#include "utils/json.h"

#include "memory.h"
#include "model/model.h"
#include "store/description.h"

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
		append_json_number(&json, "mrr", report->mrr);
		append_json_number(&json, "learning_rate", report->learning_rate);
		appendStringInfoChar(&json, '}');
	}
	appendStringInfoChar(&json, ']');
	return json.data;
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
		.update_of = options->base == NULL ? 0 : options->base->id,
		.source = training->source->relation,
		.options = options_to_json(options, false),
		.vocabulary = description_vocabulary(&training->model),
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
	return version_store(catalog, &version, image, bytes);
}
