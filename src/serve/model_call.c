/*
 * model_call.c
 *	  What the functions that answer from a model have in common.
 */
#include "serve/model_call.h"

#include "utils/builtins.h"
#include "utils/regproc.h"

#include "serve/statistics.h"

enum
{
	ARG_K = 1,
	ARG_MODEL
};

ModelCall
model_call_begin(FunctionCallInfo fcinfo)
{
	ModelCall	call;
	int32		k;

	if (PG_ARGISNULL(ARG_MODEL) || PG_ARGISNULL(ARG_K))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("\"model\" and \"k\" must not be null"),
				 errhint("Leave them out to use their defaults.")));
	k = PG_GETARG_INT32(ARG_K);
	if (k < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"k\" is %d", k),
				 errhint("It is the number of items to recommend, 0 or more.")));
	call = model_call_without_k(fcinfo, ARG_MODEL);
	call.k = k;
	return call;
}

void
check_has_arguments(FunctionCallInfo fcinfo, int arguments)
{
	if (PG_NARGS() < arguments)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the definition of function %s has %d arguments, but the library of recseq expects %d",
						format_procedure(fcinfo->flinfo->fn_oid), PG_NARGS(), arguments),
				 errhint("The library is newer than the extension: run ALTER EXTENSION recseq UPDATE.")));
}

ModelCall
model_call_without_k(FunctionCallInfo fcinfo, int argument)
{
	Catalog		catalog = catalog_open(fcinfo);
	ModelCall	call = {0};

	INSTR_TIME_SET_CURRENT(call.start);
	if (PG_ARGISNULL(argument))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("\"model\" must not be null"),
				 errhint("Leave it out to use its default.")));
	call.model_name = text_to_cstring(PG_GETARG_TEXT_PP(argument));
	call.version = catalog_find(&catalog, call.model_name,
								catalog_version_argument(fcinfo, argument + 1));
	call.cached = cache_get(&catalog, call.version);
	return call;
}

void
model_call_end(const ModelCall *call, int64 rows)
{
	statistics_count_call(call->cached->key, call->start, rows, call->cached->found);
}

void
check_has_categories(const ModelCall *call, const char *argument)
{
	if (call->cached->model.config.features == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is given, but model \"%s\" knows no categories",
						argument, call->model_name),
				 errhint("Train it on a source with a column \"categories\", or leave the argument out.")));
}

ModelIds
model_ids_start(const ModelCall *call, const IdArray *array, const Vocabulary *vocabulary,
				const char *what)
{
	if (array->kind == ID_INTEGER && vocabulary->kind == ID_TEXT)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("\"%s\" contains integers, but the ids of model \"%s\" are texts",
						what, call->model_name),
				 errhint("Pass text[].")));
	return (ModelIds) {ids_start(array), call, vocabulary, what};
}

void
model_id_check(const ModelCall *call, const Vocabulary *vocabulary, const char *what, Id *id)
{
	int64		value;

	if (id->text == NULL || vocabulary->kind == ID_TEXT)
		return;
	if (!integer_of_text(id, &value))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("\"%s\" contains \"%.*s\", but the ids of model \"%s\" are integers",
						what, (int) id->length, id->text, call->model_name),
				 errhint("Pass integer[] or bigint[].")));
	*id = (Id) {.integer = value};
}

bool
model_ids_next(ModelIds *ids, Id *id)
{
	if (!ids_next(&ids->reader, id))
		return false;
	model_id_check(ids->call, ids->vocabulary, ids->what, id);
	return true;
}

int32
model_ids_next_value(ModelIds *ids)
{
	Id			id;

	if (!model_ids_next(ids, &id) || (id.text == NULL && id.integer == 0))
		return 0;
	return find_id(ids->vocabulary, &id) + 1;
}

bool *
model_categories_named(const ModelCall *call, const IdArray *array, const char *what,
					   const Budget *budget)
{
	const Model *model = &call->cached->model;
	int32		values;
	ModelIds	ids;
	bool	   *named;

	check_has_categories(call, what);
	values = model->config.feature_values[CATEGORY_FEATURE];
	ids = model_ids_start(call, array, &model->feature_values[CATEGORY_FEATURE], what);
	named = budget_array(budget, bool, values);
	memset(named, 0, values);
	for (int i = 0; i < array->count; i++)
		named[model_ids_next_value(&ids)] = true;
	named[0] = false;
	return named;
}
