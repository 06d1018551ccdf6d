/*
 * option_arguments.c
 *	  The options of a training from the arguments of a call.
 */
#include "train/option_table.h"

#include "utils/builtins.h"

#include "data/idset.h"
#include "names.h"

static const char *
quoted_option(const Option *option)
{
	return psprintf("option \"%s\"", option->name);
}

static int32
read_integer(const Option *option, int32 value)
{
	if (value < option->low || value > option->high)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" is %d", option->name, value),
				 errhint("It must be between %.0f and %.0f.", option->low, option->high)));
	return value;
}

static double
read_real(const Option *option, double value)
{
	bool		below = option->type == OPTION_SHARE;

	if (!(value >= option->low && value <= option->high) ||
		(below && (float) value >= option->high))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" is %g", option->name, value),
				 below
				 ? errhint("It must be at least %g and less than %g.", option->low, option->high)
				 : errhint("It must be between %g and %g.", option->low, option->high)));
	return value;
}

/* Kinds of events; no more and no longer than a model's description has room for. */
static Vocabulary
read_kinds(const Option *option, ArrayType *array)
{
	Vocabulary	kinds = vocabulary_of_texts(array, option->name);

	if (kinds.count > VERSION_MAX_PURCHASES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" has %d kinds of events", option->name, kinds.count),
				 errhint("At most %d are possible.", VERSION_MAX_PURCHASES)));
	for (int32 i = 0; i < kinds.count; i++)
	{
		if (id_at(&kinds, i).length > VERSION_MAX_TEXT)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("option \"%s\" has a kind of event of %zu bytes", option->name,
							id_at(&kinds, i).length),
					 errhint("At most %d are possible.", VERSION_MAX_TEXT)));
	}
	return kinds;
}

static void
read_option(const Option *option, NullableDatum argument, TrainOptions *options)
{
	char	   *field = (char *) options + option->field;
	Datum		value = argument.value;

	if (argument.isnull)
	{
		if (option->type == OPTION_LIMIT || option->may_be_null)
			*(int32 *) field = -1;
		else if (option->type != OPTION_COLUMNS && option->type != OPTION_RELATION)
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("option \"%s\" must not be null", option->name),
					 errhint("Leave it out to use its default.")));
		return;
	}
	switch (option->type)
	{
		case OPTION_BOOLEAN:
			*(bool *) field = DatumGetBool(value);
			break;
		case OPTION_INTEGER:
		case OPTION_LIMIT:
			*(int32 *) field = read_integer(option, DatumGetInt32(value));
			break;
		case OPTION_SEED:
			*(uint64 *) field = (uint64) DatumGetInt64(value);
			break;
		case OPTION_REAL:
			*(double *) field = read_real(option, DatumGetFloat8(value));
			break;
		case OPTION_SHARE:
		case OPTION_FLOAT:
			*(float *) field = (float) read_real(option, DatumGetFloat8(value));
			break;
		case OPTION_CHOICE:
			*(int *) field = place_of_name(quoted_option(option), TextDatumGetCString(value),
										   option->names, option->choices);
			break;
		case OPTION_COLUMNS:
			*(ArrayType **) field = DatumGetArrayTypeP(value);
			break;
		case OPTION_KINDS:
			*(Vocabulary *) field = read_kinds(option, DatumGetArrayTypeP(value));
			break;
		case OPTION_RELATION:
			*(Oid *) field = DatumGetObjectId(value);
			break;
	}
}

TrainOptions
train_options(const NullableDatum *arguments)
{
	TrainOptions options = {0};

	if (arguments[ARG_SOURCE].isnull)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("\"source\" must not be null"),
				 errhint("Name the table or view with one row a sequence.")));
	options.source = DatumGetObjectId(arguments[ARG_SOURCE].value);
	if (arguments[ARG_MODEL].isnull)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("option \"model\" must not be null"),
				 errhint("Leave it out to use its default.")));
	options.model = TextDatumGetCString(arguments[ARG_MODEL].value);
	for (int i = 0; i < option_count; i++)
		read_option(&option_table[i], arguments[FIRST_OPTION + i], &options);
	if (!options.config.tied)
	{
		/* these are of a network that scores items by the embeddings it reads */
		options.config.scale = 0;
		options.config.residual = false;
		options.config.copy = false;
	}
	if (options.trainer.decay_epochs < 0)
		options.trainer.decay_epochs = (options.trainer.epochs + 1) / 2;
	if (options.trainer.loss == LOSS_BPR_MAX)
		options.config.copy = false;	/* of a network whose scores are probabilities */
	return options;
}
