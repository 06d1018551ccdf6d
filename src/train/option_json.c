/*
 * option_json.c
 *	  The options of a training as JSON, in which a version and a job keep them,
 *	  and from there as SQL.  What JSON leaves out is as recseq_train has it by
 *	  default.
 */
#include "train/option_table.h"

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
#include "json.h"
#include "names.h"

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
	int			count = FIRST_OPTION + option_count;
	Oid		   *types = palloc(sizeof(Oid) * count);
	HeapTuple	tuple;
	Datum		defaults;
	bool		isnull;
	List	   *expressions;

	types[ARG_SOURCE] = REGCLASSOID;
	types[ARG_MODEL] = TEXTOID;
	for (int i = 0; i < option_count; i++)
		types[FIRST_OPTION + i] = option_sql_types[option_table[i].type];
	tuple = SearchSysCache1(PROCOID,
							ObjectIdGetDatum(LookupFuncName(name, count, types, false)));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for recseq_train");
	defaults = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_proargdefaults, &isnull);
	expressions = isnull ? NIL : castNode(List, stringToNode(TextDatumGetCString(defaults)));
	ReleaseSysCache(tuple);
	if (list_length(expressions) != count - ARG_MODEL)
		elog(ERROR, "recseq_train has no default for an option");
	return expressions;
}

/* All arguments but the source as they are by default. */
static NullableDatum *
default_arguments(const Catalog *catalog, Oid source)
{
	int			count = FIRST_OPTION + option_count;
	NullableDatum *arguments = palloc0(sizeof(NullableDatum) * count);
	List	   *defaults = read_defaults(catalog);

	arguments[ARG_SOURCE].value = ObjectIdGetDatum(source);
	for (int i = ARG_MODEL; i < count; i++)
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
	Oid			type = option_sql_types[option->type];
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
			arguments[FIRST_OPTION + (option - option_table)] = value_to_argument(&value, option);
	}
	return arguments;
}

void
train_arguments_set(NullableDatum *arguments, const char *option, NullableDatum value)
{
	const Option *found = find_option(option, strlen(option));

	if (found == NULL)
		elog(ERROR, "recseq_train has no option \"%s\"", option);
	arguments[FIRST_OPTION + (found - option_table)] = value;
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
	for (int i = 0; i < option_count; i++)
	{
		if (option_table[i].not_learned && !all)
			continue;
		appendStringInfo(&json, "%s\"%s\": ", json.len == 0 ? "{" : ", ", option_table[i].name);
		append_value(&json, &option_table[i], options);
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
										 option_sql_types[option->type]));
	}
	appendStringInfoChar(&sql, ')');
	return sql.data;
}
