/*
 * rules.c
 *	  The argument "rules".
 */
#include "serve/rules.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"

#include "json.h"

#define MAX_FACTOR 1e6

static const char *const rule_hint =
	"Rules are boost_items, boost_categories, diversity, max_per_category, promoted and promoted_share.";

/* What the rules are read from. */
typedef struct RulesReader
{
	const ModelCall *call;
	const Budget *budget;
} RulesReader;

static bool
is_key(const JsonbValue *key, const char *name)
{
	return key->val.string.len == (int) strlen(name) &&
		memcmp(key->val.string.val, name, key->val.string.len) == 0;
}

/* A number within limits; the lower one itself is none of them where `above`. */
static double
read_number(const JsonbValue *value, const char *rule, double low, bool above, double high)
{
	double		number = value->type != jbvNumeric ? high + 1
		: DatumGetFloat8(DirectFunctionCall1(numeric_float8, NumericGetDatum(value->val.numeric)));

	if (number < low || (above && number == low) || !(number <= high))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rule \"%s\" has a value that is no number from %g to %g", rule, low, high),
				 above ? errhint("It must be more than %g.", low) : 0));
	return number;
}

/* The members of a value that must be an object, or the elements of one that must be an array. */
static JsonbIterator *
iterate(const JsonbValue *value, const char *rule, bool object)
{
	if (value->type != jbvBinary ||
		JsonContainerIsObject(value->val.binary.data) != object)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 object ? errmsg("rule \"%s\" must be a JSON object of ids with their factors", rule)
				 : errmsg("rule \"%s\" must be a JSON array of ids", rule),
				 object ? errhint("Write {\"17\": 1.5, \"42\": 0.5}.") : errhint("Write [17, 42].")));
	return JsonbIteratorInit(value->val.binary.data);
}

/* The index of an id, a text or a number of JSON, in a vocabulary; -1: unknown there. */
static int32
find_json_id(const RulesReader *reader, const JsonbValue *json, const Vocabulary *vocabulary,
			 const char *rule)
{
	Id			id = {0};

	if (json->type == jbvString)
	{
		id.text = json->val.string.val;
		id.length = json->val.string.len;
	}
	else if (json->type == jbvNumeric)
	{
		id.text = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(json->val.numeric)));
		id.length = strlen(id.text);
	}
	else
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rule \"%s\" has an element that is no id", rule),
				 errhint("Write [17, 42], or [\"a\", \"b\"].")));
	model_id_check(reader->call, vocabulary, rule, &id);
	return find_id(vocabulary, &id);
}

static int
compare_items(const void *a, const void *b)
{
	int32		x = *(const int32 *) a;
	int32		y = *(const int32 *) b;

	return (x > y) - (x < y);
}

static void
read_boost_items(const RulesReader *reader, const JsonbValue *value, Rules *rules)
{
	const char *rule = "boost_items";
	JsonbIterator *iterator = iterate(value, rule, true);
	JsonbValue	key;
	JsonbValue	factor;

	rules->boost = budget_array(reader->budget, Scored,
								JsonContainerSize(value->val.binary.data) + 1);
	while (jsonb_next_member(&iterator, &key, &factor))
	{
		Scored		boost = {
			find_json_id(reader, &key, &reader->call->cached->model.items, rule),
			(float) read_number(&factor, rule, 0, true, MAX_FACTOR)
		};

		CHECK_FOR_INTERRUPTS();
		if (boost.item >= 0)
			rules->boost[rules->boosts++] = boost;
	}
	/* item is the first field */
	qsort(rules->boost, rules->boosts, sizeof(Scored), compare_items);
}

static void
read_boost_categories(const RulesReader *reader, const JsonbValue *value, Rules *rules)
{
	const char *rule = "boost_categories";
	const Model *model = &reader->call->cached->model;
	JsonbIterator *iterator = iterate(value, rule, true);
	JsonbValue	key;
	JsonbValue	factor;
	int32		values;

	check_has_categories(reader->call, rule);
	values = model->config.feature_values[CATEGORY_FEATURE];
	rules->category_factor = budget_array(reader->budget, float, values);
	for (int32 v = 0; v < values; v++)
		rules->category_factor[v] = 1;
	while (jsonb_next_member(&iterator, &key, &factor))
	{
		int32		found = find_json_id(reader, &key, &model->feature_values[CATEGORY_FEATURE], rule);
		double		number = read_number(&factor, rule, 0, true, MAX_FACTOR);

		CHECK_FOR_INTERRUPTS();
		if (found >= 0)
			rules->category_factor[found + 1] = (float) number;
	}
}

static void
read_promoted(const RulesReader *reader, const JsonbValue *value, Rules *rules)
{
	JsonbIterator *iterator = iterate(value, "promoted", false);
	JsonbIteratorToken token;
	JsonbValue	element;

	rules->promoted = budget_array(reader->budget, int32,
								   JsonContainerSize(value->val.binary.data) + 1);
	while ((token = JsonbIteratorNext(&iterator, &element, true)) != WJB_DONE)
	{
		int32		item;

		CHECK_FOR_INTERRUPTS();
		if (token != WJB_ELEM)
			continue;
		item = find_json_id(reader, &element, &reader->call->cached->model.items, "promoted");
		if (item >= 0)
			rules->promoted[rules->promoted_items++] = item;
	}
	qsort(rules->promoted, rules->promoted_items, sizeof(int32), compare_items);
}

static void
read_rule(const RulesReader *reader, const JsonbValue *key, const JsonbValue *value, Rules *rules)
{
	if (is_key(key, "boost_items"))
		read_boost_items(reader, value, rules);
	else if (is_key(key, "boost_categories"))
		read_boost_categories(reader, value, rules);
	else if (is_key(key, "promoted"))
		read_promoted(reader, value, rules);
	else if (is_key(key, "promoted_share"))
		rules->promoted_share = read_number(value, "promoted_share", 0, false, 1);
	else if (is_key(key, "diversity"))
		rules->diversity = read_number(value, "diversity", 0, false, 1);
	else if (is_key(key, "max_per_category"))
	{
		check_has_categories(reader->call, "max_per_category");
		rules->max_per_category = (int32) read_number(value, "max_per_category", 1, false,
													  PG_INT32_MAX);
	}
	else
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there is no rule \"%.*s\"", key->val.string.len, key->val.string.val),
				 errhint("%s", rule_hint)));
	rules->given = true;
}

Rules
rules_read(FunctionCallInfo fcinfo, int argument, const ModelCall *call, const Budget *budget)
{
	RulesReader reader = {call, budget};
	Rules		rules = {.promoted_share = -1};
	JsonbIterator *iterator;
	Jsonb	   *json;
	JsonbValue	key;
	JsonbValue	value;

	if (PG_ARGISNULL(argument))
		return (Rules) {0};
	json = PG_GETARG_JSONB_P(argument);
	if (!JB_ROOT_IS_OBJECT(json))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"rules\" must be a JSON object"),
				 errhint("%s", rule_hint)));
	iterator = JsonbIteratorInit(&json->root);
	while (jsonb_next_member(&iterator, &key, &value))
		read_rule(&reader, &key, &value, &rules);
	if ((rules.promoted == NULL) != (rules.promoted_share < 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the rules \"promoted\" and \"promoted_share\" go together"),
				 errhint("Write {\"promoted\": [17, 42], \"promoted_share\": 0.2}.")));
	rules.promoted_share = Max(rules.promoted_share, 0);
	return rules;
}
