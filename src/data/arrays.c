/*
 * arrays.c
 *	  SQL arrays of ids.
 */
#include "data/arrays.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

bool
id_kind_of_type(Oid element_type, IdKind *kind)
{
	switch (element_type)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
			*kind = ID_INTEGER;
			return true;
		case TEXTOID:
		case VARCHAROID:
			*kind = ID_TEXT;
			return true;
		default:
			return false;
	}
}

Oid
array_element_type(Oid type)
{
	return get_element_type(getBaseType(type));
}

void
check_one_dimension(ArrayType *array, const char *what)
{
	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("\"%s\" must be a one-dimensional array", what),
				 errdetail("It has %d dimensions.", ARR_NDIM(array)),
				 errhint("Pass one history a call, or one a row of a relation.")));
}

void
check_parallel(const char *what, int count, int items, const char *hint)
{
	if (count != items)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("\"%s\" has %d elements, but \"items\" has %d", what, count, items),
				 errhint("%s", hint)));
}

IdArray
ids_of_array(ArrayType *array, const char *what)
{
	Oid			type = ARR_ELEMTYPE(array);
	IdArray		result = {0};
	Datum	   *elements;
	int16		length;
	bool		by_value;
	char		alignment;

	check_one_dimension(array, what);
	if (!id_kind_of_type(type, &result.kind))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("\"%s\" has elements of type %s", what, format_type_be(type)),
				 errhint("Ids are integers or texts.")));
	get_typlenbyvalalign(type, &length, &by_value, &alignment);
	deconstruct_array(array, type, length, by_value, alignment,
					  &elements, &result.nulls, &result.count);
	result.ids = palloc0(sizeof(Id) * Max(result.count, 1));
	for (int i = 0; i < result.count; i++)
	{
		Id		   *id = &result.ids[i];

		if (result.nulls[i])
			continue;
		switch (type)
		{
			case INT2OID:
				id->integer = DatumGetInt16(elements[i]);
				break;
			case INT4OID:
				id->integer = DatumGetInt32(elements[i]);
				break;
			case INT8OID:
				id->integer = DatumGetInt64(elements[i]);
				break;
			default:
				id->text = VARDATA_ANY(DatumGetPointer(elements[i]));
				id->length = VARSIZE_ANY_EXHDR(DatumGetPointer(elements[i]));
		}
	}
	pfree(elements);
	return result;
}

IdArray
ids_of_array_without_nulls(ArrayType *array, const char *what)
{
	IdArray		result = ids_of_array(array, what);

	for (int i = 0; i < result.count; i++)
	{
		if (result.nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("\"%s\" must not contain nulls", what),
					 errdetail("Element %d is null.", i + 1),
					 errhint("array_remove(%s, NULL) leaves them out.", what)));
	}
	return result;
}

ArrayType *
array_of_names(const char (*names)[MODEL_FEATURE_NAME], int count)
{
	Datum		datums[CONFIG_MAX_FEATURES];

	for (int i = 0; i < count; i++)
		datums[i] = CStringGetTextDatum(names[i]);
	return construct_array(datums, count, TEXTOID, -1, false, TYPALIGN_INT);
}

const TimestampTz *
times_of_array(ArrayType *array, const char *what, int *count)
{
	check_one_dimension(array, what);
	if (ARR_ELEMTYPE(array) != TIMESTAMPTZOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("\"%s\" has elements of type %s", what,
						format_type_be(ARR_ELEMTYPE(array))),
				 errhint("It must be timestamptz[].")));
	if (array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("\"%s\" must not contain nulls", what),
				 errhint("Leave \"%s\" out if times are not known.", what)));
	*count = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	return (const TimestampTz *) ARR_DATA_PTR(array);
}

bool
same_id(const Id *a, const Id *b)
{
	if (a->text != NULL)
		return a->length == b->length && memcmp(a->text, b->text, a->length) == 0;
	return a->integer == b->integer;
}

Id
id_at(const Vocabulary *vocabulary, int32 index)
{
	uint64		start;

	if (vocabulary->kind == ID_INTEGER)
		return (Id) {.integer = vocabulary->integers[index]};
	start = vocabulary->offsets[index];
	return (Id) {
		.text = vocabulary->bytes + start,
		.length = vocabulary->offsets[index + 1] - start
	};
}

int32
find_id(const Vocabulary *vocabulary, const Id *id)
{
	if (vocabulary->kind == ID_INTEGER)
		return vocabulary_find_integer(vocabulary, id->integer);
	return vocabulary_find_text(vocabulary, id->text, id->length);
}

bool
integer_of_text(const Id *id, int64 *value)
{
	char	   *text = pnstrdup(id->text, id->length);
	char	   *end;

	errno = 0;
	*value = strtoll(text, &end, 10);
	return end != text && *end == '\0' && errno != ERANGE;
}

bool
id_to_datum(Id id, Oid type, const char *wide_ids_hint, Datum *datum)
{
	if (id.text != NULL)
	{
		if (type != TEXTOID)
			return false;
		*datum = PointerGetDatum(cstring_to_text_with_len(id.text, (int) id.length));
		return true;
	}
	switch (type)
	{
		case INT4OID:
			if (id.integer < PG_INT32_MIN || id.integer > PG_INT32_MAX)
				ereport(ERROR,
						(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
						 errmsg("id " INT64_FORMAT " is out of range for type integer", id.integer),
						 errhint("%s", wide_ids_hint)));
			*datum = Int32GetDatum((int32) id.integer);
			return true;
		case INT8OID:
			*datum = Int64GetDatum(id.integer);
			return true;
		case TEXTOID:
			*datum = CStringGetTextDatum(psprintf(INT64_FORMAT, id.integer));
			return true;
		default:
			return false;
	}
}
