/*
 * selection.c
 *	  Which items may be answered, as the caller says.
 *
 * What holds for every history of a call is read once: a bit an item of the
 * model.  Items of a history that the model does not know have no bit, and are
 * looked up by their ids.
 */
#include "serve/selection.h"

#include "nn/nn.h"

/* Arguments, from the first on. */
enum
{
	ARG_EXCLUDE_SEEN,
	ARG_EXCLUDE,
	ARG_ONLY_CATEGORIES,
	ARG_ONLY_ITEMS,
	ARG_UNKNOWN_ITEMS
};

/* Room at first for ids that the model does not know. */
#define FIRST_IDS 64

/* What a selection is read from. */
typedef struct SelectionReader
{
	FunctionCallInfo fcinfo;
	int			first;
	const ModelCall *call;
	const Budget *budget;
} SelectionReader;

/* Whether an argument that is a boolean is given, and true. */
static bool
is_true(const SelectionReader *reader, int argument)
{
	NullableDatum value = reader->fcinfo->args[reader->first + argument];

	return !value.isnull && DatumGetBool(value.value);
}

/* An argument that is an array of ids; false: it is null. */
static bool
ids_argument(const SelectionReader *reader, int argument, const char *what, IdArray *ids)
{
	NullableDatum value = reader->fcinfo->args[reader->first + argument];

	if (value.isnull)
		return false;
	*ids = ids_of_array(array_of_datum(value.value, reader->budget), what);
	return true;
}

/* A bit an item, all alike. */
static uint8 *
all_items(const SelectionReader *reader, bool excluded)
{
	Size		bytes = exclusion_bytes(reader->call->cached->model.config.items);

	return memset(budget_take(reader->budget, bytes), excluded ? 0xff : 0, bytes);
}

/*
 * Exclude the items of an array, or no longer.  Returns the ids that the model
 * does not know, where they matter.
 */
static const IdSet *
read_named(const SelectionReader *reader, Selection *selection, const IdArray *named,
		   const char *what, bool exclude)
{
	const Vocabulary *items = &reader->call->cached->model.items;
	ModelIds	ids = model_ids_start(reader->call, named, items, what);
	IdSet	   *unknown = palloc0(sizeof(IdSet));

	if (selection->unknown_items)
		idset_create(unknown, items->kind, FIRST_IDS, reader->budget);
	for (int i = 0; i < named->count; i++)
	{
		Id			id;
		int32		item;

		if (!model_ids_next(&ids, &id))
			continue;
		item = find_id(items, &id);
		if (item < 0)
		{
			if (selection->unknown_items)
				idset_number(unknown, id);
		}
		else if (exclude)
			exclusion_set(selection->excluded, item);
		else
			exclusion_clear(selection->excluded, item);
	}
	return unknown;
}

/* Exclude all items but those of the categories. */
static void
read_categories(const SelectionReader *reader, Selection *selection, const IdArray *categories)
{
	const Model *model = &reader->call->cached->model;
	bool	   *wanted = model_categories_named(reader->call, categories, "only_categories",
												reader->budget);

	for (int32 i = 0; i < model->config.items; i++)
	{
		if (!wanted[model->item_feature[CATEGORY_FEATURE][i]])
			exclusion_set(selection->excluded, i);
	}
	selection->wanted = wanted;
}

Selection
selection_read(FunctionCallInfo fcinfo, int first, const ModelCall *call, const Budget *budget)
{
	SelectionReader reader = {fcinfo, first, call, budget};
	Selection	selection = {
		.exclude_seen = is_true(&reader, ARG_EXCLUDE_SEEN),
		.unknown_items = is_true(&reader, ARG_UNKNOWN_ITEMS)
	};
	IdArray		exclude;
	IdArray		categories;
	IdArray		only;
	bool		excluding = ids_argument(&reader, ARG_EXCLUDE, "exclude", &exclude);
	bool		keeping = ids_argument(&reader, ARG_ONLY_ITEMS, "only_items", &only);
	bool		by_category = ids_argument(&reader, ARG_ONLY_CATEGORIES, "only_categories",
										   &categories);

	if (excluding || keeping || by_category)
		selection.excluded = all_items(&reader, keeping);
	if (keeping)
		selection.only = read_named(&reader, &selection, &only, "only_items", false);
	if (excluding)
		selection.exclude = read_named(&reader, &selection, &exclude, "exclude", true);
	if (by_category)
		read_categories(&reader, &selection, &categories);
	return selection;
}

/* Whether an item of a history that the model does not know may be answered. */
static bool
may_answer_unknown(const Selection *selection, const UnknownItem *unknown)
{
	return selection->unknown_items && !selection->exclude_seen &&
		(selection->exclude == NULL || idset_find(selection->exclude, unknown->id) < 0) &&
		(selection->only == NULL || idset_find(selection->only, unknown->id) >= 0) &&
		(selection->wanted == NULL || selection->wanted[unknown->category]);
}

void
selection_apply(const Selection *selection, Request *request)
{
	const History *history = &request->history;

	for (int32 u = 0; u < history->unknown_items; u++)
		request->unknown_excluded[u] = !may_answer_unknown(selection, &history->unknown[u]);
	request->question.unknown_excluded = request->unknown_excluded;
	request->question.excluded = selection->excluded;
	if (!selection->exclude_seen)
		return;
	request->question.excluded = request->seen;
	if (selection->excluded == NULL)
		return;
	memcpy(request->excluded, selection->excluded,
		   exclusion_bytes(request->call.cached->model.config.items));
	for (int32 i = 0; i < history->seen_items; i++)
		exclusion_set(request->excluded, history->seen[i]);
	request->question.excluded = request->excluded;
}
