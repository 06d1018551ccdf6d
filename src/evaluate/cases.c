/*
 * cases.c
 *	  The events of a source that are to be predicted.
 */
#include "evaluate/cases.h"

#include "miscadmin.h"

#include "data/arrays.h"
#include "data/source.h"
#include "memory.h"

/* The number in the model of each id of the source; -1: unknown there. */
static int32 *
map_ids(const Vocabulary *from, const Vocabulary *to, const char *what)
{
	int32	   *map = huge_array(int32, from->count + 1);

	if (from->kind != to->kind && from->count > 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of the source has %s, but the model knows %s", what,
						from->kind == ID_TEXT ? "texts" : "integers",
						to->kind == ID_TEXT ? "texts" : "integers"),
				 errhint("Evaluate on a source like the one that the model was trained on.")));
	for (int32 i = 0; i < from->count; i++)
	{
		Id			id = id_at(from, i);

		CHECK_FOR_INTERRUPTS();
		map[i] = find_id(to, &id);
	}
	return map;
}

/* Number the model's items: as the source does, and on from there. */
static void
number_items(Cases *cases)
{
	int32		model_items = cases->model->config.items;

	cases->items = cases->source->items.count;
	cases->from_model = huge_array(int32, model_items);
	memset(cases->from_model, -1, sizeof(int32) * model_items);
	for (int32 i = 0; i < cases->source->items.count; i++)
	{
		if (cases->to_model[i] >= 0)
			cases->from_model[cases->to_model[i]] = i;
	}
	for (int32 i = 0; i < model_items; i++)
	{
		if (cases->from_model[i] < 0)
			cases->from_model[i] = cases->items++;
	}
}

/*
 * The features to read: the model's, and "categories" for the baselines where
 * the source has them.
 */
static ArrayType *
features_to_read(Cases *cases)
{
	const Model *model = cases->model;
	char		names[CONFIG_MAX_FEATURES][MODEL_FEATURE_NAME];
	int			features = model->config.features;

	cases->category = NO_CATEGORY;
	for (int f = 0; f < features; f++)
	{
		strlcpy(names[f], model->feature_name[f], MODEL_FEATURE_NAME);
		if (strcmp(model->feature_name[f], "categories") == 0)
			cases->category = f;
	}
	if (cases->category == NO_CATEGORY && features < CONFIG_MAX_FEATURES &&
		source_open(cases->options->source, NULL, false).features > 0)
	{
		cases->category = features;
		strlcpy(names[features++], "categories", MODEL_FEATURE_NAME);
	}
	return array_of_names(names, features);
}

static void
allocate_work(Cases *cases)
{
	const Budget *budget = &cases->budget;
	const Dataset *data = &cases->source->data;
	int64		longest = 1;

	for (int32 s = 0; s < data->sequences; s++)
		longest = Max(longest, data->start[s + 1] - data->start[s]);
	for (int f = 0; f < cases->model->config.features; f++)
		cases->feature[f] = budget_array(budget, int32, longest);
	cases->ranked = budget_array(budget, int32, longest);
	cases->hours = budget_array(budget, double, longest);
}

void
cases_read(Cases *cases, const EvaluateOptions *options, const Model *model)
{
	DatasetOptions reading = {
		.purchases = model->rank.present ? &model->purchases : &(Vocabulary) {.kind = ID_TEXT},
		.min_length = 1,
		.ids = options->each_case
	};
	SourceData *source;
	bool	   *held_out;

	*cases = (Cases) {.options = options, .model = model, .budget = budget_of_training()};
	reading.features = features_to_read(cases);
	source = dataset_read(options->source, &reading);
	cases->source = source;
	held_out = budget_array(&cases->budget, bool, source->data.start[source->data.sequences] + 1);
	split_held_out(&options->split, &source->data, source->hours, source->origin, held_out);
	cases->held_out = held_out;
	cases->to_model = map_ids(&cases->source->items, &model->items, "items");
	for (int f = 0; f < model->config.features; f++)
		cases->value_to_model[f] = map_ids(&cases->source->feature_values[f],
										   &model->feature_values[f], model->feature_name[f]);
	number_items(cases);
	allocate_work(cases);
}

void
cases_number_sequence(Cases *cases, int32 s)
{
	const Model *model = cases->model;
	const Config *config = &model->config;
	const SourceData *source = cases->source;
	const Dataset *data = &source->data;
	double		offset = hours_between(model->origin, source->origin);
	int64		start = data->start[s];
	int64		length = data->start[s + 1] - start;

	for (int64 i = 0; i < length; i++)
	{
		int32		index = cases->to_model[data->item[start + i]];

		cases->ranked[i] = index >= 0 ? index : config->items + data->item[start + i];
		if (source->hours != NULL)
			cases->hours[i] = source->hours[start + i] + offset;
	}
	for (int f = 0; f < config->features; f++)
	{
		for (int64 i = 0; i < length; i++)
		{
			int32		value = data->feature[f][start + i];

			cases->feature[f][i] = value == 0 ? 0
				: cases->value_to_model[f][value - 1] + 1;
		}
	}
}

bool
cases_find(const Cases *cases, int32 sequence, int64 token, Case *found)
{
	const EvaluateOptions *options = cases->options;
	const SourceData *source = cases->source;
	int64		start = source->data.start[sequence];
	int64		length = token - start;

	if (!cases->held_out[token] || length < options->split.min_history ||
		length > options->max_history)
		return false;
	*found = (Case) {
		.sequence = sequence,
		.token = token,
		.target = source->data.item[token],
		.history = {
			.length = (int32) length,
			.item = cases->ranked,
			.category = cases->model->config.features > 0 ? cases->feature[0] : NULL,
			.bought = source->bought == NULL ? NULL : source->bought + start,
			.hours = source->hours == NULL ? NULL : cases->hours,
			.own_sequence = -1
		}
	};
	return true;
}
