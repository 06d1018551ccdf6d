/*
 * description.c
 *	  What an exported model says of itself, besides its image.
 *
 * It comes from whoever hands in the value, so nothing of it is believed.  The
 * tables below say which fields there are, of which type and in which range;
 * what the image knows as well must agree with it.  What is refused here could
 * not have been written by recseq_export_model().
 */
#include "store/description.h"

#include <float.h>
#include <math.h>

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/jsonb.h"

#include "data/arrays.h"
#include "model/model.h"
#include "store/fields.h"

/* A curve of the most epochs, and what else there is, take a third of it. */
#define MAX_DESCRIPTION_BYTES (4 * 1024 * 1024)

#define FIELD(field, kind) {.name = field, .type = kind}

static const Field description_fields[] = {
	FIELD("encoding", FIELD_TEXT),
	FIELD("version", FIELD_OBJECT)
};

/* The columns of recseq_version. */
static const Field version_fields[] = {
	{"id", FIELD_BIGINT, REQUIRED, 0, (double) PG_INT64_MAX},
	FIELD("model", FIELD_TEXT),
	{"version", FIELD_INTEGER, REQUIRED, 1, PG_INT32_MAX},
	FIELD("created", FIELD_TEXT),
	FIELD("trained_by", FIELD_TEXT),
	FIELD("source", FIELD_TEXT),
	FIELD("options", FIELD_OBJECT),
	FIELD("vocabulary", FIELD_OBJECT),
	{"sequences", FIELD_INTEGER, REQUIRED, 0, MAX_COUNT},
	{"windows", FIELD_INTEGER, REQUIRED, 0, MAX_COUNT},
	{"epochs", FIELD_INTEGER, REQUIRED, 1, VERSION_MAX_EPOCHS},
	{"best_epoch", FIELD_INTEGER, REQUIRED, 0, VERSION_MAX_EPOCHS},
	{"val_loss", FIELD_NUMBER, NULLABLE, 0, FLT_MAX},
	{"hit_rate", FIELD_NUMBER, NULLABLE, 0, 1},
	{"seconds", FIELD_NUMBER, REQUIRED, 0, MAX_COUNT},
	{"bytes", FIELD_INTEGER, REQUIRED, 1, MAX_COUNT},
	FIELD("curve", FIELD_ARRAY),
	{"update_of", FIELD_BIGINT, NULLABLE, 0, (double) PG_INT64_MAX}
};

/* The options of recseq_train, as it stores them, with the ranges that it has for them. */
static const Field option_fields[] = {
	{"features", FIELD_TEXTS, REQUIRED, 0, CONFIG_MAX_FEATURES},
	{"purchases", FIELD_TEXTS, REQUIRED, 0, VERSION_MAX_PURCHASES},
	FIELD("ranker", FIELD_BOOLEAN),
	{"min_support", FIELD_INTEGER, REQUIRED, 1, COUNTS_MOST_SUPPORT},
	{"units", FIELD_INTEGER, REQUIRED, 1, CONFIG_MAX_UNITS},
	{"layers", FIELD_INTEGER, REQUIRED, 1, CONFIG_MAX_LAYERS},
	FIELD("bidirectional", FIELD_BOOLEAN),
	FIELD("attention", FIELD_BOOLEAN),
	{"item_dim", FIELD_INTEGER, REQUIRED, 1, CONFIG_MAX_DIM},
	{"feature_dim", FIELD_INTEGER, REQUIRED, 1, CONFIG_MAX_DIM},
	FIELD("tied", FIELD_BOOLEAN),
	{"scale", FIELD_NUMBER, REQUIRED, 0, CONFIG_MAX_SCALE},
	FIELD("residual", FIELD_BOOLEAN),
	FIELD("copy", FIELD_BOOLEAN),
	{"dropout", FIELD_SHARE, REQUIRED, 0, 1},
	{"embedding_dropout", FIELD_SHARE, REQUIRED, 0, 1},
	{"item_dropout", FIELD_SHARE, REQUIRED, 0, 1},
	FIELD("loss", FIELD_TEXT),
	{"negatives", FIELD_INTEGER, REQUIRED, 1, VERSION_MAX_NEGATIVES},
	{"epochs", FIELD_INTEGER, REQUIRED, 1, VERSION_MAX_EPOCHS},
	{"batch_size", FIELD_INTEGER, REQUIRED, 1, VERSION_MAX_BATCH_SIZE},
	{"learning_rate", FIELD_NUMBER, REQUIRED, VERSION_MIN_LEARNING_RATE, VERSION_MAX_LEARNING_RATE},
	{"decay", FIELD_NUMBER, REQUIRED, VERSION_MIN_DECAY, 1},
	{"decay_epochs", FIELD_INTEGER, REQUIRED, 0, VERSION_MAX_EPOCHS},
	{"clip_norm", FIELD_NUMBER, REQUIRED, 0, VERSION_MAX_CLIP_NORM},
	{"patience", FIELD_INTEGER, REQUIRED, 0, VERSION_MAX_EPOCHS},
	{"validation_fraction", FIELD_NUMBER, REQUIRED, 0, VERSION_MAX_VALIDATION},
	FIELD("validation_metric", FIELD_TEXT),
	{"max_length", FIELD_INTEGER, REQUIRED, 1, CONFIG_MAX_LENGTH},
	{"seed", FIELD_BIGINT, REQUIRED, (double) PG_INT64_MIN, (double) PG_INT64_MAX},
	{"update_of", FIELD_INTEGER, OPTIONAL, 1, PG_INT32_MAX},
	{.name = "held_out", .type = FIELD_TEXT, .presence = OPTIONAL}
};

static const Field curve_fields[] = {
	{"epoch", FIELD_INTEGER, REQUIRED, 1, VERSION_MAX_EPOCHS},
	{"loss", FIELD_NUMBER, NULLABLE, -FLT_MAX, FLT_MAX},
	{"val_loss", FIELD_NUMBER, NULLABLE, 0, FLT_MAX},
	{"hit_rate", FIELD_NUMBER, NULLABLE, 0, 1},
	{"mrr", FIELD_NUMBER, NULLABLE, 0, 1},
	{"learning_rate", FIELD_NUMBER, NULLABLE, 0, FLT_MAX}
};

static char *
to_text(JsonbContainer *json)
{
	return JsonbToCString(NULL, json, json->header & JB_CMASK);
}

/* ---------------------------------------------------------------- relations */

/* Check that an array of texts has these, in this order. */
static void
check_texts(JsonbContainer *object, const char *name, int32 count,
			Id (*text_at) (const Model *model, int32 i), const Model *model)
{
	JsonbContainer *array = field_container(object, name);

	if (JsonContainerSize(array) != count)
		fields_complain(name);
	for (int32 i = 0; i < count; i++)
	{
		JsonbValue *element = getIthJsonbValueFromContainer(array, i);
		Id			expected = text_at(model, i);

		if (element->val.string.len != expected.length ||
			memcmp(element->val.string.val, expected.text, expected.length) != 0)
			fields_complain(name);
	}
}

static Id
feature_name_at(const Model *model, int32 f)
{
	return (Id) {.text = model->feature_name[f], .length = strlen(model->feature_name[f])};
}

static Id
purchase_at(const Model *model, int32 i)
{
	return id_at(&model->purchases, i);
}

/* Check that an option is one of so many names. */
static void
check_name(JsonbContainer *options, const char *option, const char *const *names, int count)
{
	char	   *name = field_text(options, option);

	for (int i = 0; i < count; i++)
	{
		if (strcmp(name, names[i]) == 0)
			return;
	}
	fields_complain(option);
}

/* Check the options, among themselves and against the image. */
static void
check_options(JsonbContainer *options, const Model *model)
{
	const Config *config = &model->config;
	const struct
	{
		const char *name;
		double		value;
	}			numbers[] = {
		{"units", config->units},
		{"layers", config->layers},
		{"item_dim", config->item_dim},
		{"feature_dim", config->feature_dim},
		{"max_length", config->max_length}
	};
	const struct
	{
		const char *name;
		bool		value;
	}			booleans[] = {
		{"bidirectional", config->bidirectional},
		{"attention", config->attention},
		{"tied", config->tied}
	};

	fields_check(options, option_fields, lengthof(option_fields));
	check_name(options, "loss", loss_names, LOSSES);
	check_name(options, "validation_metric", metric_names, VALIDATION_METRICS);
	for (int i = 0; i < lengthof(numbers); i++)
	{
		if (field_number(options, numbers[i].name) != numbers[i].value)
			fields_complain(numbers[i].name);
	}
	for (int i = 0; i < lengthof(booleans); i++)
	{
		if (field_boolean(options, booleans[i].name) != booleans[i].value)
			fields_complain(booleans[i].name);
	}
	if (model->rank.present && !field_boolean(options, "ranker"))
		fields_complain("ranker");
	if (model->rank.present &&
		field_number(options, "min_support") != model->rank.counts.sizes.min_support)
		fields_complain("min_support");
	check_texts(options, "features", config->features, feature_name_at, model);
	/* the network alone has no use for them */
	if (model->rank.present)
		check_texts(options, "purchases", model->purchases.count, purchase_at, model);
}

/* Check the curve, of at most that many epochs. */
static void
check_curve(JsonbContainer *curve, int32 epochs)
{
	int			count = JsonContainerSize(curve);
	double		last = 0;

	if (count > epochs)
		fields_complain("curve");
	for (int i = 0; i < count; i++)
	{
		JsonbValue *epoch = getIthJsonbValueFromContainer(curve, i);

		if (epoch->type != jbvBinary || !JsonContainerIsObject(epoch->val.binary.data))
			fields_complain("curve");
		fields_check(epoch->val.binary.data, curve_fields, lengthof(curve_fields));
		if (field_number(epoch->val.binary.data, "epoch") <= last ||
			field_number(epoch->val.binary.data, "epoch") > epochs)
			fields_complain("epoch");
		last = field_number(epoch->val.binary.data, "epoch");
	}
}

/* Check that the vocabulary says what the image says. */
static void
check_vocabulary(JsonbContainer *vocabulary, const char *expected)
{
	Jsonb	   *image = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(expected)));

	if (compareJsonbContainers(vocabulary, &image->root) != 0)
		fields_complain("vocabulary");
}

/* ---------------------------------------------------------------- texts of the image */

/*
 * Whether a text is valid in the encoding of this database; only_ascii: in any
 * encoding.
 */
static bool
is_valid(const char *text, Size length, bool only_ascii)
{
	for (Size i = 0; only_ascii && i < length; i++)
	{
		if (IS_HIGHBIT_SET(text[i]))
			return false;
	}
	return pg_verify_mbstr(GetDatabaseEncoding(), text, (int) length, true);
}

static bool
texts_are_valid(const Vocabulary *vocabulary, bool only_ascii)
{
	if (vocabulary->kind != ID_TEXT)
		return true;
	for (int32 i = 0; i < vocabulary->count; i++)
	{
		if (!is_valid(vocabulary->bytes + vocabulary->offsets[i],
					  vocabulary->offsets[i + 1] - vocabulary->offsets[i], only_ascii))
			return false;
	}
	return true;
}

/* Complain about texts in the image that this database cannot hold. */
static void
check_image_texts(const Model *model, const char *encoding)
{
	bool		only_ascii = strcmp(encoding, GetDatabaseEncodingName()) != 0;
	bool		valid = texts_are_valid(&model->items, only_ascii) &&
		texts_are_valid(&model->purchases, only_ascii);

	for (int f = 0; f < model->config.features; f++)
		valid = valid && texts_are_valid(&model->feature_values[f], only_ascii) &&
			is_valid(model->feature_name[f], strlen(model->feature_name[f]), only_ascii);
	if (!valid)
		ereport(ERROR,
				(errcode(ERRCODE_CHARACTER_NOT_IN_REPERTOIRE),
				 errmsg("the exported model has texts that are not valid in this database"),
				 errdetail("They are in encoding \"%s\"; that of this database is \"%s\".",
						   encoding, GetDatabaseEncodingName()),
				 errhint("Import it into a database of the encoding it comes from.")));
}

/* ---------------------------------------------------------------- reading */

char *
description_vocabulary(const Model *model)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfo(&json, "{\"items\": %d", model->items.count);
	for (int f = 0; f < model->config.features; f++)
	{
		appendStringInfoString(&json, ", ");
		escape_json(&json, model->feature_name[f]);
		appendStringInfo(&json, ": %d", model->feature_values[f].count);
	}
	appendStringInfoChar(&json, '}');
	return json.data;
}

/* The options without the number of a version that is not of this database. */
static char *
options_to_store(JsonbContainer *options)
{
	Datum		without = DirectFunctionCall2(jsonb_delete,
											  DirectFunctionCall1(jsonb_in, CStringGetDatum(to_text(options))),
											  CStringGetTextDatum("update_of"));

	return to_text(&DatumGetJsonbP(without)->root);
}

/* The description as JSON; an error if it is none, or no object. */
static JsonbContainer *
parse(const char *json, Size bytes)
{
	char	   *terminated;
	Jsonb	   *description;

	if (bytes > MAX_DESCRIPTION_BYTES)
		fields_complain("description");
	terminated = pnstrdup(json, bytes);
	description = DatumGetJsonbP(DirectFunctionCall1(jsonb_in,
													 CStringGetDatum(pg_any_to_server(terminated, strlen(terminated), PG_UTF8))));
	if (!JB_ROOT_IS_OBJECT(description))
		fields_complain("description");
	return &description->root;
}

NewVersion
description_read(const char *json, Size bytes, const Model *model, Size image_bytes)
{
	JsonbContainer *description = parse(json, bytes);
	JsonbContainer *row;
	const char *encoding;
	NewVersion	version;

	fields_check(description, description_fields, lengthof(description_fields));
	encoding = field_text(description, "encoding");
	if (pg_char_to_encoding(encoding) < 0)
		fields_complain("encoding");
	check_image_texts(model, encoding);
	row = field_container(description, "version");
	fields_check(row, version_fields, lengthof(version_fields));
	version = (NewVersion) {
		.model = field_text(row, "model"),
		.source = field_text(row, "source"),
		.options = options_to_store(field_container(row, "options")),
		.vocabulary = description_vocabulary(model),
		.sequences = (int64) field_number(row, "sequences"),
		.windows = (int64) field_number(row, "windows"),
		.epochs = (int32) field_number(row, "epochs"),
		.best_epoch = (int32) field_number(row, "best_epoch"),
		.seconds = field_number(row, "seconds"),
		.val_loss = field_number(row, "val_loss"),
		.hit_rate = field_number(row, "hit_rate"),
		.curve = to_text(field_container(row, "curve"))
	};
	if (field_number(row, "bytes") != (double) image_bytes)
		fields_complain("bytes");
	if (version.best_epoch > version.epochs)
		fields_complain("best_epoch");
	if (version.epochs > field_number(field_container(row, "options"), "epochs"))
		fields_complain("epochs");
	check_options(field_container(row, "options"), model);
	check_vocabulary(field_container(row, "vocabulary"), version.vocabulary);
	check_curve(field_container(row, "curve"), version.epochs);
	return version;
}
