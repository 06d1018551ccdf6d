/*
 * history.c
 *	  A history, from ids to the numbers that a model knows them by.
 *
 * A history may be of any length, but only its end decides what is answered:
 * the network reads the newest max_length events, the second stage the newest
 * CANDIDATES_HISTORY, and its beginning only to know the visitor's own sequence
 * again (candidates.c).  So of a very long one the middle is left out, where no
 * sequence of the counts is long enough to reach into it; of all the rest no
 * more is kept than which items it has.
 */
#include "serve/history.h"

#include "nn/nn.h"

/* Up to so many events everything is kept, without a look at the counts. */
#define WHOLE_EVENTS 10000

/* Which events are kept: the beginning and the end, one after the other. */
typedef struct Kept
{
	int32		events;			/* of the whole history */
	int32		head;
	int32		tail;
} Kept;

/* The length of the longest sequence that the counts have. */
static int64
longest_sequence(const Counts *counts)
{
	int64		longest = 0;

	for (int32 s = 0; s < counts->sizes.sequences; s++)
		longest = Max(longest, counts->sequence_start[s + 1] - counts->sequence_start[s]);
	return longest;
}

static Kept
choose_events(const Model *model, int32 events)
{
	Kept		kept = {.events = events, .tail = Min(events, model->config.max_length)};

	if (!model->rank.present)
		return kept;
	kept.tail = Max(kept.tail, Min(events, CANDIDATES_HISTORY));
	kept.head = events - kept.tail;
	if (events > WHOLE_EVENTS)
		kept.head = (int32) Min(kept.head, longest_sequence(&model->rank.counts));
	return kept;
}

static inline int32
kept_count(const Kept *kept)
{
	return kept->head + kept->tail;
}

/* Of so many of the newest events the unknown items may be answered. */
static int32
numbered_events(const Model *model)
{
	return Max(model->rank.present ? CANDIDATES_HISTORY : 0,
			   model->config.copy ? model->config.max_length : 0);
}

static Size
bytes_of_kept(const Model *model, const Kept *kept)
{
	Size		bytes_of_event = sizeof(int32) * (2 + model->config.features) +
		sizeof(bool) + sizeof(double);

	return bytes_of_event * kept_count(kept) +
		sizeof(int32) * Min(kept->events, model->config.items) +
		sizeof(UnknownItem) * numbered_events(model);
}

Size
history_bytes(const Model *model, int32 events)
{
	Kept		kept = choose_events(model, events);

	return bytes_of_kept(model, &kept);
}

/* An array of zeros, one a kept event. */
#define kept_array(type, kept) \
	((type *) MemoryContextAllocExtended(CurrentMemoryContext, \
										 sizeof(type) * (Size) Max(kept_count(kept), 1), \
										 MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO))

/* The number of an item that the model does not know, from 0. */
static int32
number_unknown(History *history, const Id *id)
{
	UnknownItem *added = &history->unknown[history->unknown_items];

	for (int32 u = 0; u < history->unknown_items; u++)
	{
		if (same_id(&history->unknown[u].id, id))
			return u;
	}
	added->id = *id;
	if (id->text != NULL)
		added->id.text = pnstrdup(id->text, id->length);
	return history->unknown_items++;
}

/* Note that an item of the model is in the history. */
static void
mark(const HistoryReader *reader, History *history, int32 item)
{
	if (exclusion_test(reader->marked, item))
		return;
	exclusion_set(reader->marked, item);
	history->seen[history->seen_items++] = item;
}

/*
 * The numbers of the kept events' items.  Unknown ones have numbers of their
 * own where they may be answered, else the first of these.
 */
static int32 *
number_items(const HistoryReader *reader, const Events *events, const Kept *kept,
			 History *history)
{
	const Model *model = &reader->call->cached->model;
	ModelIds	ids = model_ids_start(reader->call, &events->items, &model->items, "items");
	int32	   *numbers = kept_array(int32, kept);
	int32		first_asked = kept->events - numbered_events(model);

	history->seen = huge_array(int32, Max(Min(kept->events, model->config.items), 1));
	history->unknown = palloc0(sizeof(UnknownItem) * Max(numbered_events(model), 1));
	for (int32 i = 0; i < kept->events; i++)
	{
		Id			id;
		int32		number;

		model_ids_next(&ids, &id);
		number = find_id(&model->items, &id);
		if (number >= 0)
			mark(reader, history, number);
		else
			number = model->config.items +
				(i >= first_asked ? number_unknown(history, &id) : 0);
		if (i < kept->head)
			numbers[i] = number;
		else if (i >= kept->events - kept->tail)
			numbers[kept->head + i - (kept->events - kept->tail)] = number;
	}
	for (int32 i = 0; i < history->seen_items; i++)
		reader->marked[history->seen[i] / 8] = 0;
	return numbers;
}

bool
feature_is_kind(const Model *model, int f)
{
	return strcmp(model->feature_name[f], "events") == 0;
}

/* The values of a feature of the kept events; 0, as those of the beginning: not known. */
static int32 *
number_feature(const HistoryReader *reader, const IdArray *values, int f, const Kept *kept,
			   const int32 *item)
{
	const Model *model = &reader->call->cached->model;
	int32	   *numbers = kept_array(int32, kept);
	ModelIds	ids;

	if (values != NULL)
	{
		ids = model_ids_start(reader->call, values, &model->feature_values[f],
							  model->feature_name[f]);
		ids_skip(&ids.reader, kept->events - kept->tail);
	}
	for (int32 i = kept->head; i < kept_count(kept); i++)
	{
		if (values != NULL)
			numbers[i] = model_ids_next_value(&ids);
		else if (item[i] < model->config.items && !feature_is_kind(model, f))
			numbers[i] = model->item_feature[f][item[i]];
	}
	return numbers;
}

/* Which of the kept events are purchases. */
static bool *
read_kinds(const Model *model, const IdArray *kinds, const Kept *kept)
{
	bool	   *bought = kept_array(bool, kept);
	IdReader	reader = ids_start(kinds);

	ids_skip(&reader, kept->events - kept->tail);
	for (int32 i = kept->head; i < kept_count(kept); i++)
		bought[i] = ids_next_is_purchase(&reader, &model->purchases);
	return bought;
}

static double *
read_times(const Model *model, const TimestampTz *times, const Kept *kept)
{
	double	   *hours = kept_array(double, kept);
	int32		skipped = kept->events - kept_count(kept);

	for (int32 i = kept->head; i < kept_count(kept); i++)
		hours[i] = hours_between(model->origin, times[skipped + i]);
	return hours;
}

/* The history as the second stage reads it.  item, category: of the kept events. */
static void
read_rank_history(const Model *model, const Events *events, const Kept *kept,
				  const int32 *item, const int32 *category, History *history)
{
	int32		count = kept_count(kept);

	history->rank = (RankHistory) {
		.length = count, .item = item, .category = category, .own_sequence = -1
	};
	if (events->kinds != NULL && model->rank.kinds)
		history->rank.bought = read_kinds(model, events->kinds, kept);
	if (events->times != NULL && model->rank.times)
		history->rank.hours = read_times(model, events->times, kept);
}

History
history_read(const HistoryReader *reader, const Events *events)
{
	const Model *model = &reader->call->cached->model;
	const Config *config = &model->config;
	Kept		kept = choose_events(model, events->items.count);
	History		history = {.events = kept.events, .length = Min(kept.events, config->max_length)};
	int32		first = kept_count(&kept) - history.length;
	int32	   *category = NULL;
	int32	   *item;

	budget_check(reader->budget, bytes_of_kept(model, &kept));
	item = number_items(reader, events, &kept, &history);
	history.item = item + first;
	for (int f = 0; f < config->features; f++)
	{
		const IdArray *values = events->feature[f] == NULL && feature_is_kind(model, f) ? events->kinds : events->feature[f];
		int32	   *numbers = number_feature(reader, values, f, &kept, item);

		history.feature[f] = numbers + first;
		if (f == CATEGORY_FEATURE)
			category = numbers;
	}
	for (int32 i = Max(kept_count(&kept) - numbered_events(model), 0); i < kept_count(&kept); i++)
	{
		if (item[i] >= config->items)
			history.unknown[item[i] - config->items].category = category != NULL ? category[i] : 0;
	}
	if (model->rank.present)
		read_rank_history(model, events, &kept, item, category, &history);
	return history;
}

/* An argument that is an array. */
static ArrayType *
array_argument(FunctionCallInfo fcinfo, int argument, const Budget *budget)
{
	return array_of_datum(PG_GETARG_DATUM(argument), budget);
}

History
history_of_arguments(const HistoryReader *reader, FunctionCallInfo fcinfo,
					 const HistoryArguments *arguments)
{
	const Budget *budget = reader->budget;
	Events		events = {.items = {.kind = reader->call->cached->model.items.kind}};
	IdArray		categories;
	IdArray		kinds;
	int			count;

	if (!PG_ARGISNULL(arguments->items))
		events.items = ids_of_array_without_nulls(array_argument(fcinfo, arguments->items, budget),
												  "items");
	if (!PG_ARGISNULL(arguments->categories))
	{
		check_has_categories(reader->call, "categories");
		categories = ids_of_array(array_argument(fcinfo, arguments->categories, budget),
								  "categories");
		check_parallel("categories", categories.count, events.items.count,
					   "Pass one category for each item; null where it is not known.");
		events.feature[CATEGORY_FEATURE] = &categories;
	}
	if (!PG_ARGISNULL(arguments->events))
	{
		kinds = ids_of_array(array_argument(fcinfo, arguments->events, budget), "events");
		check_parallel("events", kinds.count, events.items.count,
					   "Pass one kind of event for each item; null where it is not known.");
		events.kinds = &kinds;
	}
	if (arguments->times >= 0 && !PG_ARGISNULL(arguments->times))
	{
		events.times = times_of_array(array_argument(fcinfo, arguments->times, budget), "times",
									  &count);
		check_parallel("times", count, events.items.count, "Pass one time for each item.");
	}
	return history_read(reader, &events);
}
