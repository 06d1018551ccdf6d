/*
 * fields.c
 *	  JSON objects of a description that nobody vouches for.
 */
#include "store/fields.h"

#include <math.h>

#include "utils/builtins.h"
#include "utils/numeric.h"

#include "model/model.h"
#include "store/versions.h"

void
fields_complain(const char *field)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
			 errmsg("the exported model %s", codec_message(CODEC_INCONSISTENT)),
			 errdetail("What it says of \"%s\" cannot be.", field),
			 errhint("Pass the value that recseq_export_model returned, byte for byte.")));
}

static double
number_of(const JsonbValue *value)
{
	return DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
											  NumericGetDatum(value->val.numeric)));
}

static bool
is_text(const JsonbValue *value)
{
	return value->type == jbvString && value->val.string.len <= VERSION_MAX_TEXT;
}

static bool
is_array_of_texts(const JsonbValue *value, const Field *field)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	element;

	if (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data) ||
		JsonContainerSize(value->val.binary.data) > field->high)
		return false;
	iterator = JsonbIteratorInit(value->val.binary.data);
	while ((token = JsonbIteratorNext(&iterator, &element, true)) != WJB_DONE)
	{
		if (token == WJB_ELEM && !is_text(&element))
			return false;
	}
	return true;
}

static bool
is_bigint(const JsonbValue *value)
{
	char	   *text = DatumGetCString(DirectFunctionCall1(numeric_out,
														   NumericGetDatum(value->val.numeric)));
	char	   *end;

	errno = 0;
	(void) strtoll(text, &end, 10);
	return errno == 0 && *end == '\0';
}

static bool
is_number(const JsonbValue *value, const Field *field)
{
	double		number;

	if (value->type != jbvNumeric)
		return false;
	number = number_of(value);
	return number >= field->low && number <= field->high &&
		(field->type != FIELD_INTEGER || number == floor(number)) &&
		(field->type != FIELD_BIGINT || is_bigint(value)) &&
		(field->type != FIELD_SHARE || (float) number < field->high);
}

static bool
fits(const JsonbValue *value, const Field *field)
{
	if (value->type == jbvNull)
		return field->presence == NULLABLE;
	switch (field->type)
	{
		case FIELD_TEXT:
			return is_text(value);
		case FIELD_TEXTS:
			return is_array_of_texts(value, field);
		case FIELD_BOOLEAN:
			return value->type == jbvBool;
		case FIELD_INTEGER:
		case FIELD_BIGINT:
		case FIELD_NUMBER:
		case FIELD_SHARE:
			return is_number(value, field);
		case FIELD_OBJECT:
			return value->type == jbvBinary && JsonContainerIsObject(value->val.binary.data);
		case FIELD_ARRAY:
			return value->type == jbvBinary && JsonContainerIsArray(value->val.binary.data);
	}
	return false;
}

/* A member of an object; false: there is none of that name. */
static bool
find_member(JsonbContainer *object, const char *name, JsonbValue *value)
{
	return getKeyJsonValueFromContainer(object, name, strlen(name), value) != NULL;
}

void
fields_check(JsonbContainer *object, const Field *fields, int count)
{
	int			known = 0;

	for (int i = 0; i < count; i++)
	{
		JsonbValue	value;

		if (!find_member(object, fields[i].name, &value))
		{
			if (fields[i].presence != OPTIONAL)
				fields_complain(fields[i].name);
			continue;
		}
		known++;
		if (!fits(&value, &fields[i]))
			fields_complain(fields[i].name);
	}
	if (JsonContainerSize(object) != known)
		fields_complain("other fields");
}

/* ---------------------------------------------------------------- what has been checked */

static JsonbValue
member(JsonbContainer *object, const char *name)
{
	JsonbValue	value;

	if (!find_member(object, name, &value))
		fields_complain(name);
	return value;
}

JsonbContainer *
field_container(JsonbContainer *object, const char *name)
{
	return member(object, name).val.binary.data;
}

char *
field_text(JsonbContainer *object, const char *name)
{
	JsonbValue	value = member(object, name);

	return pnstrdup(value.val.string.val, value.val.string.len);
}

double
field_number(JsonbContainer *object, const char *name)
{
	JsonbValue	value = member(object, name);

	return value.type == jbvNull ? NAN : number_of(&value);
}

bool
field_boolean(JsonbContainer *object, const char *name)
{
	return member(object, name).val.boolean;
}
