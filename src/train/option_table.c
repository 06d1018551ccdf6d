/*
 * option_table.c
 *	  Of every option its name, its type, which values it may have and where it is
 *	  kept.  Defaults are those of the SQL function, which is where users look for
 *	  them.
 */
#include "train/option_table.h"

#include "catalog/pg_type.h"

#include "guc.h"
#include "rank/rank.h"

const Oid option_sql_types[] = {
	[OPTION_BOOLEAN] = BOOLOID,
	[OPTION_INTEGER] = INT4OID,
	[OPTION_LIMIT] = INT4OID,
	[OPTION_SEED] = INT8OID,
	[OPTION_REAL] = FLOAT8OID,
	[OPTION_SHARE] = FLOAT8OID,
	[OPTION_FLOAT] = FLOAT8OID,
	[OPTION_CHOICE] = TEXTOID,
	[OPTION_COLUMNS] = TEXTARRAYOID,
	[OPTION_KINDS] = TEXTARRAYOID,
	[OPTION_RELATION] = REGCLASSOID
};

#define OPTION(option, kind, place, ...) \
	{.name = option, .type = kind, .field = offsetof(TrainOptions, place), __VA_ARGS__}
#define RANGE(least, most) .low = least, .high = most

const Option option_table[] = {
	OPTION("features", OPTION_COLUMNS, features),
	OPTION("units", OPTION_INTEGER, config.units, RANGE(1, CONFIG_MAX_UNITS)),
	OPTION("layers", OPTION_INTEGER, config.layers, RANGE(1, CONFIG_MAX_LAYERS)),
	OPTION("bidirectional", OPTION_BOOLEAN, config.bidirectional),
	OPTION("attention", OPTION_BOOLEAN, config.attention),
	OPTION("item_dim", OPTION_INTEGER, config.item_dim, RANGE(1, CONFIG_MAX_DIM)),
	OPTION("feature_dim", OPTION_INTEGER, config.feature_dim, RANGE(1, CONFIG_MAX_DIM)),
	OPTION("tied", OPTION_BOOLEAN, config.tied),
	OPTION("scale", OPTION_FLOAT, config.scale, RANGE(0, CONFIG_MAX_SCALE)),
	OPTION("residual", OPTION_BOOLEAN, config.residual),
	OPTION("copy", OPTION_BOOLEAN, config.copy),
	OPTION("dropout", OPTION_SHARE, config.dropout, RANGE(0, 1)),
	OPTION("embedding_dropout", OPTION_SHARE, config.embedding_dropout, RANGE(0, 1)),
	OPTION("item_dropout", OPTION_SHARE, trainer.item_dropout, RANGE(0, 1)),
	OPTION("loss", OPTION_CHOICE, trainer.loss, .names = loss_names, .choices = LOSSES,
		   .may_be_null = true),
	OPTION("negatives", OPTION_INTEGER, trainer.negatives, RANGE(1, VERSION_MAX_NEGATIVES)),
	OPTION("epochs", OPTION_INTEGER, trainer.epochs, RANGE(1, VERSION_MAX_EPOCHS)),
	OPTION("batch_size", OPTION_INTEGER, trainer.batch_size, RANGE(1, VERSION_MAX_BATCH_SIZE)),
	OPTION("learning_rate", OPTION_FLOAT, trainer.learning_rate,
		   RANGE(VERSION_MIN_LEARNING_RATE, VERSION_MAX_LEARNING_RATE)),
	OPTION("decay", OPTION_FLOAT, trainer.decay, RANGE(VERSION_MIN_DECAY, 1)),
	OPTION("decay_epochs", OPTION_LIMIT, trainer.decay_epochs, RANGE(0, VERSION_MAX_EPOCHS)),
	OPTION("clip_norm", OPTION_FLOAT, trainer.clip_norm, RANGE(0, VERSION_MAX_CLIP_NORM)),
	OPTION("patience", OPTION_INTEGER, trainer.patience, RANGE(0, VERSION_MAX_EPOCHS)),
	OPTION("validation_fraction", OPTION_REAL, validation_fraction, RANGE(0, VERSION_MAX_VALIDATION)),
	OPTION("validation_metric", OPTION_CHOICE, trainer.metric, .names = metric_names,
		   .choices = VALIDATION_METRICS),
	OPTION("max_length", OPTION_INTEGER, config.max_length, RANGE(1, CONFIG_MAX_LENGTH)),
	OPTION("seed", OPTION_SEED, trainer.seed),
	OPTION("workers", OPTION_LIMIT, workers, RANGE(0, MAX_TRAINING_WORKERS), .not_learned = true),
	OPTION("purchases", OPTION_KINDS, purchases),
	OPTION("ranker", OPTION_BOOLEAN, ranker),
	OPTION("min_support", OPTION_INTEGER, min_support, RANGE(1, COUNTS_MOST_SUPPORT)),
	OPTION("activate", OPTION_CHOICE, activate, .names = activation_names, .choices = ACTIVATIONS,
		   .not_learned = true),
	OPTION("catalog", OPTION_RELATION, catalog, .not_learned = true)
};

const int	option_count = lengthof(option_table);

StaticAssertDecl(sizeof(Loss) == sizeof(int) && sizeof(ValidationMetric) == sizeof(int) &&
				  sizeof(Activation) == sizeof(int),
				 "a choice is kept as an int");

const Option *
find_option(const char *name, Size length)
{
	for (int i = 0; i < lengthof(option_table); i++)
	{
		if (strlen(option_table[i].name) == length && memcmp(option_table[i].name, name, length) == 0)
			return &option_table[i];
	}
	return NULL;
}
