/*
 * space.c
 *	  The options that recseq_tune draws its trials from.
 */
#include "train/space.h"

#include <math.h>

#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/numeric.h"

#include "nn/nn.h"

/* Options that decide what trials are judged by, so they cannot differ between trials. */
static const char *const fixed_options[] = {
	"purchases", "validation_fraction", "epochs", "seed"
};

/* A member of an object as a number; an error if it is none. */
static double
number_member(const JsonbValue *object, const char *member, const char *option)
{
	JsonbValue *value = getKeyJsonValueFromContainer(object->val.binary.data, member,
													 (int) strlen(member), NULL);

	if (value == NULL || value->type != jbvNumeric)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the range of \"%s\" has no number \"%s\"", option, member),
				 errhint("A range is an object like {\"min\": 0.001, \"max\": 0.01, \"log\": true}.")));
	return DatumGetFloat8(DirectFunctionCall1(numeric_float8,
											  NumericGetDatum(value->val.numeric)));
}

/* A number from a range as JSON: an integer if both ends are, else three digits. */
static char *
draw_from_range(const JsonbValue *range, const char *option, Rng *rng)
{
	double		low = number_member(range, "min", option);
	double		high = number_member(range, "max", option);
	JsonbValue *log = getKeyJsonValueFromContainer(range->val.binary.data, "log", 3, NULL);
	bool		logarithmic = log != NULL && log->type == jbvBool && log->val.boolean;
	bool		integral = low == rint(low) && high == rint(high);
	double		uniform = rng_uniform(rng);
	double		value;

	if (!(low <= high) || (logarithmic && low <= 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the range of \"%s\" is %g to %g", option, low, high),
				 errhint("\"min\" must not be above \"max\", and must be positive with \"log\".")));
	if (logarithmic)
		value = low * pow((high + integral) / low, uniform);
	else
		value = low + uniform * (high + integral - low);
	if (integral)
		return psprintf("%.0f", Min(floor(value), high));
	return psprintf("%.3g", Min(Max(value, low), high));
}

/* A value of an option as JSON. */
static char *
draw(const JsonbValue *choices, const char *option, Rng *rng)
{
	if (choices->type == jbvBinary && JsonContainerIsObject(choices->val.binary.data))
		return draw_from_range(choices, option, rng);
	if (choices->type == jbvBinary && JsonContainerIsArray(choices->val.binary.data) &&
		JsonContainerSize(choices->val.binary.data) > 0)
	{
		uint32		count = JsonContainerSize(choices->val.binary.data);
		JsonbValue *choice = getIthJsonbValueFromContainer(choices->val.binary.data,
														   rng_below(rng, count));
		Jsonb	   *json = JsonbValueToJsonb(choice);

		return JsonbToCString(NULL, &json->root, VARSIZE(json));
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("the space of \"%s\" is neither a range nor a list of values", option),
			 errhint("Write {\"min\": 0.1, \"max\": 0.5} or [32, 64, 128].")));
}

static void
check_searchable(const char *option)
{
	for (int i = 0; i < lengthof(fixed_options); i++)
	{
		if (strcmp(option, fixed_options[i]) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("option \"%s\" cannot be searched", option),
					 errhint("It decides what trials are compared by. Give it in \"options\".")));
	}
}

void
space_check(Jsonb *space)
{
	if (!JB_ROOT_IS_OBJECT(space))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"space\" must be a JSON object"),
				 errhint("Its members are options of recseq_train, with ranges or lists of values.")));
}

Jsonb *
space_draw(Jsonb *space, Jsonb *options, uint64 seed, int32 number)
{
	Rng			rng = rng_stream(seed, RNG_SEARCH, number);
	JsonbIterator *iterator = JsonbIteratorInit(&space->root);
	JsonbIteratorToken token;
	JsonbValue	key;
	StringInfoData drawn;

	initStringInfo(&drawn);
	appendStringInfoChar(&drawn, '{');
	while ((token = JsonbIteratorNext(&iterator, &key, true)) != WJB_DONE)
	{
		JsonbValue	choices;
		char	   *option;
		char	   *value;

		if (token != WJB_KEY)
			continue;
		JsonbIteratorNext(&iterator, &choices, true);
		option = pnstrdup(key.val.string.val, key.val.string.len);
		check_searchable(option);
		value = draw(&choices, option, &rng);
		if (number == 1)
			continue;			/* only checked */
		if (drawn.len > 1)
			appendStringInfoString(&drawn, ", ");
		escape_json(&drawn, option);
		appendStringInfo(&drawn, ": %s", value);
	}
	appendStringInfoChar(&drawn, '}');
	return DatumGetJsonbP(DirectFunctionCall2(jsonb_concat, JsonbPGetDatum(options),
											  DirectFunctionCall1(jsonb_in,
																  CStringGetDatum(drawn.data))));
}
