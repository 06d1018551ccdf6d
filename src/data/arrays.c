/*
 * arrays.c
 *	  SQL arrays of ids.
 */
#include "data/arrays.h"

#include <ctype.h>

#include "access/detoast.h"
#include "catalog/pg_type.h"
#include "common/int.h"
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

ArrayType *
array_of_datum(Datum datum, const Budget *budget)
{
	/* the value itself, and beside it what was stored, while it is decompressed */
	if (VARATT_IS_EXTENDED(DatumGetPointer(datum)))
		budget_check(budget, toast_raw_datum_size(datum) + toast_datum_size(datum));
	return DatumGetArrayTypeP(datum);
}

/* Bytes of an element of a type; -1: a text; an error if it is no id. */
static int
width_of_type(Oid type, IdKind *kind, const char *what)
{
	if (!id_kind_of_type(type, kind))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("\"%s\" has elements of type %s", what, format_type_be(type)),
				 errhint("Ids are integers or texts.")));
	return get_typlen(type);
}

IdArray
ids_of_array(ArrayType *array, const char *what)
{
	IdArray		result = {
		.count = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)),
		.elements = ARR_DATA_PTR(array),
		.known = ARR_NULLBITMAP(array)
	};

	check_one_dimension(array, what);
	result.width = width_of_type(ARR_ELEMTYPE(array), &result.kind, what);
	return result;
}

IdArray
ids_of_array_without_nulls(ArrayType *array, const char *what)
{
	IdArray		result = ids_of_array(array, what);
	int			i = 0;

	if (!array_contains_nulls(array))
	{
		result.known = NULL;
		return result;
	}
	while ((result.known[i / 8] & (1 << (i % 8))) != 0)
		i++;
	ereport(ERROR,
			(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			 errmsg("\"%s\" must not contain nulls", what),
			 errdetail("Element %d is null.", i + 1),
			 errhint("array_remove(%s, NULL) leaves them out.", what)));
}

Id
id_of_datum(Datum datum, Oid type, const char *what)
{
	IdKind		kind;
	text	   *value;

	switch (width_of_type(type, &kind, what))
	{
		case sizeof(int16):
			return (Id) {.integer = DatumGetInt16(datum)};
		case sizeof(int32):
			return (Id) {.integer = DatumGetInt32(datum)};
		case sizeof(int64):
			return (Id) {.integer = DatumGetInt64(datum)};
		default:
			value = DatumGetTextPP(datum);
			return (Id) {.text = VARDATA_ANY(value), .length = VARSIZE_ANY_EXHDR(value)};
	}
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

/* As strtoll reads it, but of a text that has no end and is not copied. */
bool
integer_of_text(const Id *id, int64 *value)
{
	const char *at = id->text;
	const char *end = id->text + id->length;
	bool		negative;

	while (at < end && isspace((unsigned char) *at))
		at++;
	negative = at < end && *at == '-';
	if (at < end && (*at == '-' || *at == '+'))
		at++;
	if (at == end)
		return false;
	*value = 0;
	for (; at < end; at++)
	{
		int			digit = *at - '0';

		/* towards the sign: the least number has no positive counterpart */
		if (digit < 0 || digit > 9 ||
			pg_mul_s64_overflow(*value, 10, value) ||
			(negative ? pg_sub_s64_overflow(*value, digit, value)
			 : pg_add_s64_overflow(*value, digit, value)))
			return false;
	}
	return true;
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
