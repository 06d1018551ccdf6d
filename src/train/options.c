/*
 * options.c
 *	  The options of a training, as arguments of a call and as JSON.
 *
 * One table says of every option its name, its type, which values it may have
 * and where it is kept.  Its order is that of the arguments of recseq_train.
 * Defaults are those of the SQL function, which is where users look for them.
 */
#include "train/options.h"

#include "access/htup_details.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_func.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/syscache.h"

#include "data/arrays.h"
#include "data/dataset.h"
#include "data/idset.h"
#include "data/source.h"
#include "guc.h"
#include "json.h"
#include "names.h"
#include "rank/rank.h"

/* The arguments of recseq_train: two that are no options, then all that are. */
enum
{
	ARG_SOURCE,
	ARG_MODEL,
	FIRST_OPTION
};

typedef enum OptionType
{
	OPTION_BOOLEAN,				/* bool */
	OPTION_INTEGER,				/* int32 */
	OPTION_LIMIT,				/* int32; null: -1, none */
	OPTION_SEED,				/* uint64 */
	OPTION_REAL,				/* double */
	OPTION_SHARE,				/* float, 0 to below 1, also after it is rounded to one */
	OPTION_FLOAT,				/* float */
	OPTION_CHOICE,				/* an enum, by name; null, where it may be: -1 */
	OPTION_COLUMNS,				/* ArrayType *; null: NULL */
	OPTION_KINDS,				/* Vocabulary of texts */
	OPTION_RELATION				/* Oid; null: InvalidOid */
} OptionType;

static const Oid sql_types[] = {
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

typedef struct Option
{
	const char *name;
	OptionType	type;
	Size		field;			/* offset in TrainOptions */
	double		low;			/* of numbers */
	double		high;
	const char *const *names;	/* of choices, by enum */
	int			choices;
	bool		may_be_null;	/* of choices */
	bool		not_learned;	/* has no part in what the weights are */
} Option;

#define OPTION(option, kind, place, ...) \
	{.name = option, .type = kind, .field = offsetof(TrainOptions, place), __VA_ARGS__}
#define RANGE(least, most) .low = least, .high = most

static const Option table[] = {
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

#define ARGUMENTS (FIRST_OPTION + lengthof(table))

StaticAssertDecl(sizeof(Loss) == sizeof(int) && sizeof(ValidationMetric) == sizeof(int) &&
				  sizeof(Activation) == sizeof(int),
				 "a choice is kept as an int");

/* ---------------------------------------------------------------- arguments */

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
	for (int i = 0; i < lengthof(table); i++)
		read_option(&table[i], arguments[FIRST_OPTION + i], &options);
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

/* ---------------------------------------------------------------- defaults */

/*
 * The expressions of the defaults of recseq_train, which belong to its last
 * arguments.  It is looked up by all of its types: anybody who may create
 * functions in its schema may make others of that name.
 */
static List *
read_defaults(const Catalog *catalog)
{
	List	   *name = list_make2(makeString(get_namespace_name(catalog->schema)),
								  makeString("recseq_train"));
	Oid			types[ARGUMENTS] = {[ARG_SOURCE] = REGCLASSOID, [ARG_MODEL] = TEXTOID};
	HeapTuple	tuple;
	Datum		defaults;
	bool		isnull;
	List	   *expressions;

	for (int i = 0; i < lengthof(table); i++)
		types[FIRST_OPTION + i] = sql_types[table[i].type];
	tuple = SearchSysCache1(PROCOID,
							ObjectIdGetDatum(LookupFuncName(name, ARGUMENTS, types, false)));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for recseq_train");
	defaults = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_proargdefaults, &isnull);
	expressions = isnull ? NIL : castNode(List, stringToNode(TextDatumGetCString(defaults)));
	ReleaseSysCache(tuple);
	if (list_length(expressions) != ARGUMENTS - ARG_MODEL)
		elog(ERROR, "recseq_train has no default for an option");
	return expressions;
}

/* All arguments but the source as they are by default. */
static NullableDatum *
default_arguments(const Catalog *catalog, Oid source)
{
	NullableDatum *arguments = palloc0(sizeof(NullableDatum) * ARGUMENTS);
	List	   *defaults = read_defaults(catalog);

	arguments[ARG_SOURCE].value = ObjectIdGetDatum(source);
	for (int i = ARG_MODEL; i < ARGUMENTS; i++)
	{
		Const	   *value = (Const *) eval_const_expressions(NULL,
															 list_nth(defaults, i - ARG_MODEL));

		if (!IsA(value, Const))
			elog(ERROR, "a default of recseq_train is no constant");
		arguments[i] = (NullableDatum) {.value = value->constvalue, .isnull = value->constisnull};
	}
	return arguments;
}

/* ---------------------------------------------------------------- from JSON */

/* The option of that name; NULL: there is none. */
static const Option *
find_option(const char *name, Size length)
{
	for (int i = 0; i < lengthof(table); i++)
	{
		if (strlen(table[i].name) == length && memcmp(table[i].name, name, length) == 0)
			return &table[i];
	}
	return NULL;
}

static void
option_error_context(void *name)
{
	errcontext("option \"%s\"", (const char *) name);
}

char *
jsonb_scalar_text(const JsonbValue *value)
{
	switch (value->type)
	{
		case jbvNull:
			return NULL;
		case jbvString:
			return pnstrdup(value->val.string.val, value->val.string.len);
		case jbvNumeric:
			return DatumGetCString(DirectFunctionCall1(numeric_out,
													   NumericGetDatum(value->val.numeric)));
		case jbvBool:
			return value->val.boolean ? "true" : "false";
		default:
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("an option is a number, a string, a boolean or an array of these")));
	}
}

/* A text as a value of a type. */
static Datum
text_to_datum(char *text, Oid type)
{
	Oid			input;
	Oid			parameter;

	getTypeInputInfo(type, &input, &parameter);
	return OidInputFunctionCall(input, text, parameter, -1);
}

static Datum
array_to_datum(JsonbContainer *array, Oid element_type)
{
	JsonbIterator *iterator = JsonbIteratorInit(array);
	ArrayBuildState *state = initArrayResult(element_type, CurrentMemoryContext, false);
	JsonbIteratorToken token;
	JsonbValue	value;

	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		char	   *text;

		if (token != WJB_ELEM)
			continue;
		text = jsonb_scalar_text(&value);
		state = accumArrayResult(state, text == NULL ? (Datum) 0 : text_to_datum(text, element_type),
								 text == NULL, element_type, CurrentMemoryContext);
	}
	return makeArrayResult(state, CurrentMemoryContext);
}

/* A member of the JSON object as the argument of its option. */
static NullableDatum
value_to_argument(const JsonbValue *value, const Option *option)
{
	ErrorContextCallback callback = {
		error_context_stack, option_error_context, unconstify(char *, option->name)
	};
	Oid			type = sql_types[option->type];
	Oid			element_type = get_element_type(type);
	NullableDatum argument = {0};

	error_context_stack = &callback;
	if (value->type == jbvBinary && JsonContainerIsArray(value->val.binary.data) &&
		OidIsValid(element_type))
		argument.value = array_to_datum(value->val.binary.data, element_type);
	else
	{
		char	   *text = jsonb_scalar_text(value);

		argument.isnull = text == NULL;
		if (text != NULL)
			argument.value = text_to_datum(text, type);
	}
	error_context_stack = callback.previous;
	return argument;
}

Jsonb *
jsonb_of_text(const char *json)
{
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(json)));
}

static JsonbIterator *
iterate_members(Jsonb *options)
{
	if (!JB_ROOT_IS_OBJECT(options))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("options are a JSON object"),
				 errhint("Its members are options of recseq_train, as in {\"units\": 64}.")));
	return JsonbIteratorInit(&options->root);
}

/* Whether a member is what options_to_json() notes of a version beside its options. */
static bool
is_note(const JsonbValue *key)
{
	static const char *const notes[] = {"update_of", "held_out"};

	for (int i = 0; i < lengthof(notes); i++)
	{
		if (key->val.string.len == strlen(notes[i]) &&
			memcmp(key->val.string.val, notes[i], key->val.string.len) == 0)
			return true;
	}
	return false;
}

/* The option of a member; if there is none NULL, or an error. */
static const Option *
option_of_member(const JsonbValue *key, bool unknown_ok)
{
	const Option *option = find_option(key->val.string.val, key->val.string.len);

	if (option == NULL && !unknown_ok && !is_note(key))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("recseq_train has no option \"%.*s\"", key->val.string.len,
						key->val.string.val),
				 errhint("The members of \"options\" are options of recseq_train.")));
	return option;
}

NullableDatum *
train_arguments(const Catalog *catalog, Oid source, Jsonb *options, bool unknown_ok)
{
	NullableDatum *arguments = default_arguments(catalog, source);
	JsonbIterator *iterator = iterate_members(options);
	JsonbValue	key;
	JsonbValue	value;

	while (jsonb_next_member(&iterator, &key, &value))
	{
		const Option *option = option_of_member(&key, unknown_ok);

		if (option != NULL)
			arguments[FIRST_OPTION + (option - table)] = value_to_argument(&value, option);
	}
	return arguments;
}

void
train_arguments_set(NullableDatum *arguments, const char *option, NullableDatum value)
{
	const Option *found = find_option(option, strlen(option));

	if (found == NULL)
		elog(ERROR, "recseq_train has no option \"%s\"", option);
	arguments[FIRST_OPTION + (found - table)] = value;
}

/* ---------------------------------------------------------------- to JSON */

/* A text as the next element of a JSON array. */
static void
append_text(StringInfo json, const Id *text)
{
	if (json->data[json->len - 1] != '[')
		appendStringInfoString(json, ", ");
	escape_json(json, pnstrdup(text->text, text->length));
}

static void
append_columns(StringInfo json, ArrayType *columns)
{
	IdArray		names;
	IdReader	reader;

	if (columns == NULL)
	{
		appendStringInfoString(json, "null");
		return;
	}
	names = ids_of_array_without_nulls(columns, "features");
	reader = ids_start(&names);
	appendStringInfoChar(json, '[');
	for (int i = 0; i < names.count; i++)
	{
		Id			name;

		ids_next(&reader, &name);
		append_text(json, &name);
	}
	appendStringInfoChar(json, ']');
}

static void
append_kinds(StringInfo json, const Vocabulary *kinds)
{
	appendStringInfoChar(json, '[');
	for (int32 i = 0; i < kinds->count; i++)
	{
		Id			kind = id_at(kinds, i);

		append_text(json, &kind);
	}
	appendStringInfoChar(json, ']');
}

/* A relation by its name, as regclass reads it. */
static void
append_relation(StringInfo json, Oid relation)
{
	const char *name = relation_name(relation);

	if (name == NULL)
		appendStringInfoString(json, "null");
	else
		escape_json(json, name);
}

/* An option as a JSON value that is read as the same one again, to the bit. */
static void
append_value(StringInfo json, const Option *option, const TrainOptions *options)
{
	const char *field = (const char *) options + option->field;
	char		number[Max(FLOAT_SHORTEST_DECIMAL_LEN, DOUBLE_SHORTEST_DECIMAL_LEN)];

	switch (option->type)
	{
		case OPTION_BOOLEAN:
			appendStringInfoString(json, *(const bool *) field ? "true" : "false");
			break;
		case OPTION_LIMIT:
			if (*(const int32 *) field < 0)
			{
				appendStringInfoString(json, "null");
				break;
			}
			/* FALLTHROUGH */
		case OPTION_INTEGER:
			appendStringInfo(json, "%d", *(const int32 *) field);
			break;
		case OPTION_SEED:
			appendStringInfo(json, INT64_FORMAT, (int64) *(const uint64 *) field);
			break;
		case OPTION_REAL:
			double_to_shortest_decimal_buf(*(const double *) field, number);
			appendStringInfoString(json, number);
			break;
		case OPTION_SHARE:
		case OPTION_FLOAT:
			float_to_shortest_decimal_buf(*(const float *) field, number);
			appendStringInfoString(json, number);
			break;
		case OPTION_CHOICE:
			if (option->may_be_null && *(const int *) field < 0)
				appendStringInfoString(json, "null");
			else
				appendStringInfo(json, "\"%s\"", option->names[*(const int *) field]);
			break;
		case OPTION_COLUMNS:
			append_columns(json, *(ArrayType *const *) field);
			break;
		case OPTION_KINDS:
			append_kinds(json, (const Vocabulary *) field);
			break;
		case OPTION_RELATION:
			append_relation(json, *(const Oid *) field);
			break;
	}
}

char *
options_to_json(const TrainOptions *options, bool all)
{
	StringInfoData json;

	initStringInfo(&json);
	for (int i = 0; i < lengthof(table); i++)
	{
		if (table[i].not_learned && !all)
			continue;
		appendStringInfo(&json, "%s\"%s\": ", json.len == 0 ? "{" : ", ", table[i].name);
		append_value(&json, &table[i], options);
	}
	if (options->base != NULL)
		appendStringInfo(&json, ", \"update_of\": %d", options->base->version);
	if (options->split != NULL)
	{
		appendStringInfoString(&json, ", \"held_out\": ");
		escape_json(&json, split_describe(options->split));
	}
	appendStringInfoChar(&json, '}');
	return json.data;
}

/* ---------------------------------------------------------------- to SQL */

/* An argument as an SQL literal of exactly its type. */
static char *
argument_to_sql(NullableDatum argument, Oid type)
{
	const char *cast = format_type_extended(type, -1, FORMAT_TYPE_FORCE_QUALIFY);
	Oid			output;
	bool		varlena;

	if (argument.isnull)
		return psprintf("NULL::%s", cast);
	if (type == INT4OID)		/* as it is written */
		return psprintf("%d", DatumGetInt32(argument.value));
	if (type == BOOLOID)
		return pstrdup(DatumGetBool(argument.value) ? "true" : "false");
	getTypeOutputInfo(type, &output, &varlena);
	return psprintf("%s::%s", quote_literal_cstr(OidOutputFunctionCall(output, argument.value)),
					cast);
}

char *
options_to_sql(const Catalog *catalog, Oid source, Jsonb *options)
{
	JsonbIterator *iterator = iterate_members(options);
	JsonbValue	key;
	JsonbValue	value;
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT * FROM %s(%s::pg_catalog.regclass",
					 quote_qualified_identifier(get_namespace_name(catalog->schema),
												"recseq_train"),
					 quote_literal_cstr(relation_name(source)));
	while (jsonb_next_member(&iterator, &key, &value))
	{
		const Option *option = option_of_member(&key, false);

		appendStringInfo(&sql, ", %s => %s", option->name,
						 argument_to_sql(value_to_argument(&value, option),
										 sql_types[option->type]));
	}
	appendStringInfoChar(&sql, ')');
	return sql.data;
}
