/*
 * forget.c
 *	  recseq_forget: a visitor's sequences are taken out of all versions of a model.
 *
 * A version has no ids of visitors.  So who is to be forgotten is told by the events:
 * a stored sequence goes whose events are all among them.  What is counted is counted
 * again without it; the weights, of the network and of the rankers, stay as they are.
 * The image of a version has a key of its own, by which it is cached, and so the new
 * image gets a new one; the version stays what it was called.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "data/arrays.h"
#include "guc.h"
#include "results.h"
#include "store/image.h"
#include "store/owner.h"
#include "store/versions.h"
#include "train/parallel.h"
#include "train/second_stage.h"
#include "train/training.h"

/* Arguments of recseq_forget, as sql/versions.sql declares them. */
enum
{
	ARG_MODEL,
	ARG_ITEMS,
	ARG_TIMES
};

/* Columns of its result. */
enum
{
	COLUMN_VERSION,
	COLUMN_SEQUENCES,
	COLUMN_EVENTS,
	COLUMN_ITEMS_LEFT,
	COLUMNS
};

/* The events of a visitor. */
typedef struct Person
{
	IdArray		items;
	const TimestampTz *times;	/* [items.count], or NULL: not known */
} Person;

/* What a version loses. */
typedef struct Forgotten
{
	bool	   *removed;		/* [sequences] */
	int32		sequences;
	int64		events;
	int32		items_left;		/* that nobody else had */
} Forgotten;

/* ---------------------------------------------------------------- whose */

/* The item that an id of whatever type means in a version, or -1. */
static int32
find_item(const Vocabulary *items, Id id)
{
	char		text[MAXINT8LEN + 1];

	if (items->kind == ID_TEXT && id.text == NULL)
	{
		id.length = snprintf(text, sizeof(text), INT64_FORMAT, id.integer);
		id.text = text;
	}
	else if (items->kind == ID_INTEGER && id.text != NULL)
	{
		if (!integer_of_text(&id, &id.integer))
			return -1;
		id.text = NULL;
	}
	return find_id(items, &id);
}

/* The items of the events, [items.count]. */
static int32 *
find_items(const Person *person, const Model *model)
{
	int32	   *item = huge_array(int32, person->items.count + 1);
	IdReader	reader = ids_start(&person->items);

	for (int i = 0; i < person->items.count; i++)
	{
		Id			id;

		item[i] = ids_next(&reader, &id) ? find_item(&model->items, id) : -1;
	}
	return item;
}

/* The events of an item, linked by their places. */
typedef struct Events
{
	int32	   *first;			/* [items of the counts] or -1 */
	int32	   *next;			/* [events] or -1 */
} Events;

static Events
list_events(const int32 *item, int count, int32 items)
{
	Events		events = {huge_array(int32, items + 1), huge_array(int32, count + 1)};

	for (int32 i = 0; i < items; i++)
		events.first[i] = -1;
	for (int e = 0; e < count; e++)
	{
		if (item[e] < 0 || item[e] >= items)
			continue;
		events.next[e] = events.first[item[e]];
		events.first[item[e]] = e;
	}
	return events;
}

/* Whether an event of a sequence is one of the visitor's. */
static bool
is_theirs(const Person *person, const Model *model, const Events *events, int64 token)
{
	const Counts *counts = &model->rank.counts;

	for (int32 e = events->first[counts->token[token]]; e >= 0; e = events->next[e])
	{
		if (fabs(hours_between(model->origin, person->times[e]) - counts->token_time[token]) <=
			SAME_TIME_HOURS)
			return true;
	}
	return false;
}

/* By the times of the events. */
static void
find_by_times(const Person *person, const Model *model, const int32 *item, bool *removed)
{
	const Counts *counts = &model->rank.counts;
	Events		events = list_events(item, person->items.count, counts->sizes.items);

	for (int32 s = 0; s < counts->sizes.sequences; s++)
	{
		int64		t = counts->sequence_start[s];
		int64		end = counts->sequence_start[s + 1];

		CHECK_FOR_INTERRUPTS();
		removed[s] = t < end;
		for (; removed[s] && t < end; t++)
			removed[s] = is_theirs(person, model, &events, t);
	}
}

/* Whether a sequence stands in the events, one after the other. */
static bool
stands_in(const Counts *counts, int32 s, const int32 *item, int count)
{
	const int32 *token = counts->token + counts->sequence_start[s];
	int64		length = counts->sequence_start[s + 1] - counts->sequence_start[s];

	for (int at = 0; at + length <= count; at++)
	{
		CHECK_FOR_INTERRUPTS();
		if (memcmp(item + at, token, sizeof(int32) * length) == 0)
			return true;
	}
	return false;
}

/* Where times are not known: the longest sequence that stands in the events. */
static void
find_by_items(const Person *person, const Model *model, const int32 *item, bool *removed)
{
	const Counts *counts = &model->rank.counts;
	int64		longest = 0;
	int32		found = -1;

	for (int32 s = 0; s < counts->sizes.sequences; s++)
	{
		int64		length = counts->sequence_start[s + 1] - counts->sequence_start[s];

		removed[s] = false;
		if (length > longest && stands_in(counts, s, item, person->items.count))
		{
			longest = length;
			found = s;
		}
	}
	if (found >= 0)
		removed[found] = true;
}

static Forgotten
find_gone(const Person *person, const Model *model)
{
	const Counts *counts = &model->rank.counts;
	Forgotten		gone = {.removed = huge_array(bool, counts->sizes.sequences + 1)};
	int32	   *item = find_items(person, model);

	if (!model->rank.times)
		find_by_items(person, model, item, gone.removed);
	else if (person->times != NULL)
		find_by_times(person, model, item, gone.removed);
	else
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("\"times\" must not be null for a model that knows when events were"),
				 errhint("Visitors are told apart by their items and times.")));
	for (int32 s = 0; s < counts->sizes.sequences; s++)
	{
		if (!gone.removed[s])
			continue;
		gone.sequences++;
		gone.events += counts->sequence_start[s + 1] - counts->sequence_start[s];
	}
	return gone;
}

/* ---------------------------------------------------------------- without */

/* How often each item occurs without what is removed. */
static int32 *
count_items(const Model *model, Forgotten *gone)
{
	const Counts *counts = &model->rank.counts;
	int32	   *count = huge_array(int32, model->config.items + 1);

	memcpy(count, model->item_count, sizeof(int32) * model->config.items);
	for (int32 s = 0; s < counts->sizes.sequences; s++)
	{
		for (int64 t = counts->sequence_start[s]; gone->removed[s] && t < counts->sequence_start[s + 1]; t++)
		{
			int32	   *of_item = &count[counts->token[t]];

			*of_item = Max(*of_item - 1, 0);
			gone->items_left += *of_item == 0;
		}
	}
	return count;
}

/* The image of a version without what is removed, in the current context. */
static char *
write_without(const Model *model, Forgotten *gone, Size *bytes)
{
	Allocator	allocator = {second_stage_allocate, CurrentMemoryContext};
	Interrupt	interrupt = {parallel_may_go_on, NULL};
	Model		without = *model;
	int32	   *count = count_items(model, gone);
	char	   *image;

	without.item_count = count;
	without.popular = items_by_count(count, model->config.items);
	counts_without(&without.rank.counts, &model->rank.counts, gone->removed, model->rank.kinds,
				   model->unavailable, &allocator, &allocator, &interrupt);
	*bytes = codec_bytes(&without);
	image = allocate_aligned(*bytes);
	codec_write(&without, image);
	return image;
}

/* Take a visitor out of a version and add a row, if it has anything of them. */
static bool
forget_version(const Catalog *catalog, const Caller *caller, const Results *results,
			   const Person *person, int64 id, int32 version)
{
	Datum		values[COLUMNS] = {0};
	bool		nulls[COLUMNS] = {false};
	Image		image;
	Model		model;
	Forgotten		gone;
	char	   *without;
	Size		bytes;

	/* a version that was stored since the statement began is one of them */
	PushActiveSnapshot(GetLatestSnapshot());
	image = image_load(catalog, id);
	PopActiveSnapshot();
	codec_bind(&model, image.bytes, image.length);
	if (!model.rank.present)
		return false;
	gone = find_gone(person, &model);
	if (gone.sequences == 0)
		return false;
	if (gone.sequences == model.rank.counts.sizes.sequences)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("version %d was trained on nothing else", version),
				 errhint("Remove it with recseq_drop_model().")));
	without = write_without(&model, &gone, &bytes);
	version_replace_image(catalog, caller, id, without, bytes);
	values[COLUMN_VERSION] = Int32GetDatum(version);
	values[COLUMN_SEQUENCES] = Int32GetDatum(gone.sequences);
	values[COLUMN_EVENTS] = Int64GetDatum(gone.events);
	values[COLUMN_ITEMS_LEFT] = Int32GetDatum(gone.items_left);
	results_add(results, values, nulls);
	return true;
}

/* All versions of a model, oldest first.  Returns from how many the visitor was taken. */
static int
forget_model(const Catalog *catalog, const Caller *caller, const Results *results,
			 const Person *person, const char *model)
{
	Oid			types[] = {TEXTOID};
	Datum		names[] = {CStringGetTextDatum(model)};
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "recseq forget",
												  ALLOCSET_DEFAULT_SIZES);
	int32		found = (int32) as_owner_run(caller, "SELECT id, version FROM %s.recseq_version"
											 " WHERE model OPERATOR(pg_catalog.=) $1 ORDER BY version",
											 lengthof(names), types, names, NULL);
	SPITupleTable *table = SPI_tuptable;
	int			forgotten = 0;

	for (int32 i = 0; i < found; i++)
	{
		bool		isnull;
		int64		id = DatumGetInt64(SPI_getbinval(table->vals[i], table->tupdesc, 1, &isnull));
		int32		version = DatumGetInt32(SPI_getbinval(table->vals[i], table->tupdesc, 2, &isnull));
		MemoryContext caller_context = MemoryContextSwitchTo(context);

		forgotten += forget_version(catalog, caller, results, person, id, version);
		MemoryContextSwitchTo(caller_context);
		MemoryContextReset(context);
	}
	return forgotten;
}

static Person
read_person(FunctionCallInfo fcinfo, const Budget *budget)
{
	Person		person = {0};
	int			count;

	if (PG_ARGISNULL(ARG_MODEL) || PG_ARGISNULL(ARG_ITEMS))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("\"model\" and \"items\" must not be null")));
	person.items = ids_of_array_without_nulls(array_of_datum(PG_GETARG_DATUM(ARG_ITEMS), budget),
											  "items");
	if (PG_ARGISNULL(ARG_TIMES))
		return person;
	person.times = times_of_array(array_of_datum(PG_GETARG_DATUM(ARG_TIMES), budget), "times", &count);
	check_parallel("times", count, person.items.count, "Pass one time for each item.");
	return person;
}

PG_FUNCTION_INFO_V1(recseq_forget);

/* recseq_forget(model, items, times), for items of type bigint[] and text[]. */
Datum
recseq_forget(PG_FUNCTION_ARGS)
{
	Results		results = results_begin(fcinfo);
	Catalog		catalog = catalog_open(fcinfo);
	Budget		budget = budget_of_call(CurrentMemoryContext);
	Person		person = read_person(fcinfo, &budget);
	char	   *model = text_to_cstring(PG_GETARG_TEXT_PP(ARG_MODEL));
	Caller		caller;
	int			forgotten;

	PreventCommandIfReadOnly("recseq_forget()");
	PreventCommandIfParallelMode("recseq_forget()");
	caller = as_owner_begin(&catalog);
	owner_lock_existing_model(&caller, model);
	forgotten = forget_model(&catalog, &caller, &results, &person, model);
	as_owner_end(&caller);
	if (forgotten > 0)
		ereport(NOTICE,
				(errmsg("the weights of the network and of the rankers were learned with these events, and stay until the next training"),
				 errhint("Train on a source without them, and drop the versions before.")));
	return (Datum) 0;
}
