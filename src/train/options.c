/*
 * options.c
 *	  Options of recseq_train as a JSON object.
 *
 * Names, types and defaults of the options are those of the SQL function, so
 * they are written down only once.
 */
#include "train/options.h"

#include "access/htup_details.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_func.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/syscache.h"

#include "compat.h"
#include "data/source.h"

/* The first arguments of recseq_train, which are no options. */
enum
{
	ARG_SOURCE,
	ARG_MODEL,
	FIRST_OPTION
};

/* What the catalog says of recseq_train, or of a function with the same arguments. */
typedef struct TrainFunction
{
	int			arguments;
	Oid		   *types;			/* [arguments] */
	char	  **names;			/* [arguments] */
	List	   *defaults;		/* expressions, of the last arguments */
} TrainFunction;

static TrainFunction
read_function(Oid oid)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(oid));
	TrainFunction function;
	Datum		defaults;
	char	   *modes;
	bool		isnull;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", oid);
	function.arguments = ((Form_pg_proc) GETSTRUCT(tuple))->pronargs;
	get_func_arg_info(tuple, &function.types, &function.names, &modes);
	defaults = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_proargdefaults, &isnull);
	function.defaults = isnull ? NIL : castNode(List, stringToNode(TextDatumGetCString(defaults)));
	ReleaseSysCache(tuple);
	return function;
}

static TrainFunction
train_function(const Catalog *catalog)
{
	List	   *name = list_make2(makeString(get_namespace_name(catalog->schema)),
								  makeString("recseq_train"));

	return read_function(LookupFuncName(name, -1, NULL, false));
}

/* The number of the option of that name; if there is none -1, or an error. */
static int
find_option(const TrainFunction *function, const JsonbValue *key, bool unknown_ok)
{
	for (int i = FIRST_OPTION; i < function->arguments; i++)
	{
		if (strlen(function->names[i]) == key->val.string.len &&
			memcmp(function->names[i], key->val.string.val, key->val.string.len) == 0)
			return i;
	}
	if (unknown_ok)
		return -1;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("recseq_train has no option \"%.*s\"", key->val.string.len,
					key->val.string.val),
			 errhint("The members of \"options\" are options of recseq_train.")));
}

static void
option_error_context(void *name)
{
	errcontext("option \"%s\"", (const char *) name);
}

/* A value that is no array and no object as text; NULL: null. */
static char *
scalar_to_text(const JsonbValue *value)
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
		text = scalar_to_text(&value);
		state = accumArrayResult(state, text == NULL ? (Datum) 0 : text_to_datum(text, element_type),
								 text == NULL, element_type, CurrentMemoryContext);
	}
	return makeArrayResult(state, CurrentMemoryContext);
}

/* A value as an argument of a type. */
static NullableDatum
value_to_argument(const JsonbValue *value, Oid type, char *name)
{
	ErrorContextCallback callback = {error_context_stack, option_error_context, name};
	NullableDatum argument = {0};

	error_context_stack = &callback;
	if (value->type == jbvBinary && JsonContainerIsArray(value->val.binary.data) &&
		OidIsValid(get_element_type(type)))
		argument.value = array_to_datum(value->val.binary.data, get_element_type(type));
	else
	{
		char	   *text = scalar_to_text(value);

		argument.isnull = text == NULL;
		if (text != NULL)
			argument.value = text_to_datum(text, type);
	}
	error_context_stack = callback.previous;
	return argument;
}

/* The default of an argument. */
static NullableDatum
default_argument(const TrainFunction *function, int argument)
{
	int			first = function->arguments - list_length(function->defaults);
	Node	   *expression = list_nth(function->defaults, argument - first);
	Const	   *value = (Const *) eval_const_expressions(NULL, expression);

	if (!IsA(value, Const))
		elog(ERROR, "the default of \"%s\" is no constant", function->names[argument]);
	return (NullableDatum) {.value = value->constvalue, .isnull = value->constisnull};
}

/* Go on to the next member of a JSON object; false: there is none. */
static bool
next_member(JsonbIterator **iterator, JsonbValue *key, JsonbValue *value)
{
	JsonbIteratorToken token;

	while ((token = JsonbIteratorNext(iterator, key, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
		{
			JsonbIteratorNext(iterator, value, true);
			return true;
		}
	}
	return false;
}

Jsonb *
jsonb_of_text(const char *json)
{
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(json)));
}

static void
check_is_object(Jsonb *options)
{
	if (!JB_ROOT_IS_OBJECT(options))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("options are a JSON object"),
				 errhint("Its members are options of recseq_train, as in {\"units\": 64}.")));
}

FunctionCallInfo
options_to_call(const Catalog *catalog, Oid source, Jsonb *options, bool unknown_ok)
{
	TrainFunction function = train_function(catalog);
	FunctionCallInfo call = palloc0(SizeForFunctionCallInfo(function.arguments));
	JsonbIterator *iterator;
	JsonbValue	key;
	JsonbValue	value;

	check_is_object(options);
	InitFunctionCallInfoData(*call, NULL, function.arguments, InvalidOid, NULL, NULL);
	call->args[ARG_SOURCE].value = ObjectIdGetDatum(source);
	for (int i = ARG_MODEL; i < function.arguments; i++)
		call->args[i] = default_argument(&function, i);
	iterator = JsonbIteratorInit(&options->root);
	while (next_member(&iterator, &key, &value))
	{
		int			i = find_option(&function, &key, unknown_ok);

		if (i >= 0)
			call->args[i] = value_to_argument(&value, function.types[i], function.names[i]);
	}
	return call;
}

/*
 * A value of a type as text.  *plain: SQL and JSON write it so; else it is to be
 * quoted.
 */
static char *
datum_to_text(Datum value, Oid type, bool *plain)
{
	Oid			output;
	bool		varlena;

	*plain = type == BOOLOID || type == INT4OID || type == INT8OID || type == FLOAT8OID;
	if (type == BOOLOID)
		return DatumGetBool(value) ? "true" : "false";
	getTypeOutputInfo(type, &output, &varlena);
	return OidOutputFunctionCall(output, value);
}

char *
options_of_call(FunctionCallInfo fcinfo)
{
	TrainFunction function = read_function(fcinfo->flinfo->fn_oid);
	StringInfoData json;

	initStringInfo(&json);
	for (int i = ARG_MODEL; i < PG_NARGS(); i++)
	{
		bool		plain = true;
		char	   *text = PG_ARGISNULL(i) ? "null"
			: datum_to_text(PG_GETARG_DATUM(i), function.types[i], &plain);

		appendStringInfoString(&json, i == ARG_MODEL ? "{" : ", ");
		escape_json(&json, function.names[i]);
		appendStringInfoString(&json, ": ");
		if (plain)
			appendStringInfoString(&json, text);
		else
			escape_json(&json, text);
	}
	appendStringInfoChar(&json, '}');
	return json.data;
}

/* A value of a type as an SQL literal. */
static char *
argument_to_sql(NullableDatum argument, Oid type)
{
	bool		plain;
	char	   *text;

	if (argument.isnull)
		return "NULL";
	text = datum_to_text(argument.value, type, &plain);
	return plain ? text : quote_literal_cstr(text);
}

char *
options_to_sql(const Catalog *catalog, Oid source, Jsonb *options)
{
	TrainFunction function = train_function(catalog);
	char	   *relation = source_name(source);
	JsonbIterator *iterator;
	JsonbValue	key;
	JsonbValue	value;
	StringInfoData sql;

	check_is_object(options);
	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT * FROM %s(%s",
					 quote_qualified_identifier(get_namespace_name(catalog->schema),
												"recseq_train"),
					 quote_literal_cstr(relation));
	iterator = JsonbIteratorInit(&options->root);
	while (next_member(&iterator, &key, &value))
	{
		int			i = find_option(&function, &key, false);

		appendStringInfo(&sql, ", %s => %s", quote_identifier(function.names[i]),
						 argument_to_sql(value_to_argument(&value, function.types[i],
														   function.names[i]),
										 function.types[i]));
	}
	appendStringInfoChar(&sql, ')');
	return sql.data;
}
