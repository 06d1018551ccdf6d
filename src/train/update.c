/*
 * update.c
 *	  recseq_update: training that goes on from the active version (base_items.c) with
 *	  new sequences.
 */
#include "train/train.h"

#include "utils/builtins.h"

#include "data/arrays.h"
#include "serve/cache.h"

/* Arguments of recseq_update by number, as sql/versions.sql declares them. */
enum
{
	ARG_MODEL,
	ARG_SOURCE,
	FIRST_OPTION
};

/* The others are options of recseq_train. */
static const char *const option_names[] = {
	"epochs", "learning_rate", "validation_fraction", "activate", "workers", "catalog"
};

/*
 * The arguments of recseq_train that made a version, with those that
 * recseq_update is given in their place.
 */
static NullableDatum *
arguments_of_update(FunctionCallInfo fcinfo, const Catalog *catalog, int64 id)
{
	Jsonb	   *description = jsonb_of_text(version_describe(catalog, id));
	JsonbValue *options = getKeyJsonValueFromContainer(&description->root, "options",
													   (int) strlen("options"), NULL);
	NullableDatum *arguments = train_arguments(catalog, PG_GETARG_OID(ARG_SOURCE),
											   JsonbValueToJsonb(options), true);

	for (int i = 0; i < lengthof(option_names); i++)
		train_arguments_set(arguments, option_names[i], fcinfo->args[FIRST_OPTION + i]);
	return arguments;
}

PG_FUNCTION_INFO_V1(recseq_update);

/*
 * recseq_update(model text, source regclass, ...): see sql/versions.sql for the
 * arguments and the columns of the row it returns.
 */
Datum
recseq_update(PG_FUNCTION_ARGS)
{
	Catalog		catalog = catalog_open(fcinfo);
	char	   *model;
	CachedModel *cached;
	Base		base = {0};
	TrainOptions options;
	int64		id;

	if (PG_ARGISNULL(ARG_MODEL) || PG_ARGISNULL(ARG_SOURCE))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("\"model\" and \"source\" must not be null")));
	model = text_to_cstring(PG_GETARG_TEXT_PP(ARG_MODEL));
	version_check_storable(&catalog, model, "recseq_update()");
	id = catalog_find(&catalog, model, 0);
	cached = cache_get(&catalog, id);
	cache_pin(cached);
	base.model = &cached->model;
	base.id = id;
	base.version = catalog_version_number(&catalog, id);
	options = train_options(arguments_of_update(fcinfo, &catalog, id));
	options.model = model;
	options.base = &base;
	options.config = cached->model.config;	/* the weights are of this form */
	options.features = array_of_names(cached->model.feature_name,
									  cached->model.config.features);
	return train(fcinfo, &catalog, &options);
}
