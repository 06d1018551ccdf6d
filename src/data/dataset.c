/*
 * dataset.c
 *	  A relation of sequences as arrays of tokens.
 *
 * Ids are numbered in order of appearance while rows are read; then ids and
 * sequences are put in orders that depend on the contents alone, so that the
 * same data gives the same model however the rows are stored.
 *
 * Who calls decides how much there is to read, so memory is counted before it
 * is taken.  Arrays are put in order one by one, each freed as soon as its
 * ordered copy is there.
 */
#include "data/dataset.h"

#include "common/hashfn.h"
#include "miscadmin.h"

#include "data/idset.h"
#include "data/source.h"
#include "memory.h"
#include "model/model.h"

#define FIRST_TOKENS 8192		/* tokens to make room for at first */
#define FIRST_IDS 1024			/* ids, likewise */
#define CHECKSUM_BYTES (1024 * 1024)	/* between two checks for interrupts */

/* ---------------------------------------------------------------- rows */

/* What is read of the relation so far; ids by order of appearance. */
typedef struct Reading
{
	Source		source;
	const DatasetOptions *options;
	Budget		budget;			/* its context owns it all */
	IdSet		items;
	IdSet		feature[CONFIG_MAX_FEATURES];
	IdSet		ids;
	int64		tokens;
	int64		token_room;
	int32	   *item;			/* [tokens] */
	int32	   *value[CONFIG_MAX_FEATURES];	/* [tokens] 0: none, else index + 1 */
	bool	   *bought;			/* [tokens] */
	TimestampTz *time;			/* [tokens] */
	bool		any_bought;
	int32		sequences;
	int32		longer_sequences;	/* of two and more items */
	int32		sequence_room;
	int64	   *start;			/* [sequences + 1] */
	int32	   *id;				/* [sequences] index in ids, or -1; NULL: not read */
} Reading;

/* Give the arrays of tokens another size. */
static void
resize_tokens(Reading *reading, int64 room)
{
	const Budget *budget = &reading->budget;
	int64		old = reading->token_room;

	reading->item = budget_resize_array(budget, int32, reading->item, old, room);
	for (int f = 0; f < reading->source.features; f++)
		reading->value[f] = budget_resize_array(budget, int32, reading->value[f], old, room);
	reading->bought = budget_resize_array(budget, bool, reading->bought, old, room);
	reading->time = budget_resize_array(budget, TimestampTz, reading->time, old, room);
	reading->token_room = room;
}

/* Make room for the tokens of one more sequence. */
static void
make_room(Reading *reading, int length)
{
	int64		room = reading->token_room;

	while (reading->tokens + length > room)
		room *= 2;
	if (room > reading->token_room)
		resize_tokens(reading, room);
	if (reading->sequences == reading->sequence_room)
	{
		if (reading->sequence_room >= PG_INT32_MAX / 2)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("source has more than %d sequences", reading->sequence_room)));
		reading->start = budget_resize_array(&reading->budget, int64, reading->start,
											 reading->sequence_room + 1,
											 (Size) reading->sequence_room * 2 + 1);
		if (reading->id != NULL)
			reading->id = budget_resize_array(&reading->budget, int32, reading->id,
											  reading->sequence_room,
											  (Size) reading->sequence_room * 2);
		reading->sequence_room *= 2;
	}
}

static void
read_items(Reading *reading, const SourceRow *row, int length)
{
	int32	   *item = reading->item + reading->tokens;
	IdReader	reader = ids_start(&row->items);

	for (int i = 0; i < length; i++)
	{
		Id			id;

		ids_next(&reader, &id);
		item[i] = idset_number(&reading->items, id);
	}
}

static void
read_feature(Reading *reading, const SourceRow *row, int f, int length)
{
	int32	   *value = reading->value[f] + reading->tokens;
	IdReader	reader = ids_start(&row->feature[f]);

	for (int i = 0; i < length; i++)
	{
		Id			id;

		value[i] = row->has_feature[f] && ids_next_value(&reader, &id)
			? idset_number(&reading->feature[f], id) + 1 : 0;
	}
}

static void
read_events(Reading *reading, const SourceRow *row, int length)
{
	IdReader	reader = ids_start(&row->events);

	for (int i = 0; i < length; i++)
	{
		bool		bought = row->events.count > 0 &&
			ids_next_is_purchase(&reader, reading->options->purchases);

		reading->bought[reading->tokens + i] = bought;
		reading->any_bought |= bought;
		reading->time[reading->tokens + i] = row->times != NULL ? row->times[i] : 0;
	}
}

static int32
read_id(Reading *reading, const SourceRow *row)
{
	char	   *id = source_row_id(row);

	return id == NULL ? -1
		: idset_number(&reading->ids, (Id) {.text = id, .length = strlen(id)});
}

/* SourceRowFunction: add a row, if it is long enough. */
static void
read_row(void *context, const SourceRow *row)
{
	Reading    *reading = context;
	const Split *split = reading->options->split;
	int			length = split == NULL ? row->items.count
		: split_known_events(split, row->times, row->items.count);

	if (length < reading->options->min_length)
		return;
	make_room(reading, length);
	read_items(reading, row, length);
	for (int f = 0; f < reading->source.features; f++)
		read_feature(reading, row, f, length);
	read_events(reading, row, length);
	if (reading->id != NULL)
		reading->id[reading->sequences] = read_id(reading, row);
	reading->tokens += length;
	reading->start[++reading->sequences] = reading->tokens;
	reading->longer_sequences += length > 1;
}

/* ---------------------------------------------------------------- order */

typedef struct SequenceOrder
{
	const Reading *reading;
	int64	   *key;			/* [sequences] */
} SequenceOrder;

static inline int64
sequence_length(const Reading *reading, int32 s)
{
	return reading->start[s + 1] - reading->start[s];
}

static inline TimestampTz
last_time(const Reading *reading, int32 s)
{
	return sequence_length(reading, s) > 0 ? reading->time[reading->start[s + 1] - 1] : 0;
}

static int
compare_times(const Reading *reading, int32 x, int32 y)
{
	return memcmp(reading->time + reading->start[x], reading->time + reading->start[y],
				  sequence_length(reading, x) * sizeof(TimestampTz));
}

/* By key, then by contents, the times before the last one too: see SourceData. */
static int
compare_sequences(const void *a, const void *b, void *context)
{
	const SequenceOrder *order = context;
	const Reading *reading = order->reading;
	int32		x = *(const int32 *) a;
	int32		y = *(const int32 *) b;
	int64		lengths[2] = {sequence_length(reading, x), sequence_length(reading, y)};
	int			result;

	CHECK_FOR_INTERRUPTS();
	if (order->key[x] != order->key[y])
		return order->key[x] < order->key[y] ? -1 : 1;
	if (lengths[0] != lengths[1])
		return lengths[0] < lengths[1] ? -1 : 1;
	result = memcmp(reading->item + reading->start[x], reading->item + reading->start[y],
					lengths[0] * sizeof(int32));
	if (result == 0 && reading->id != NULL)
	{
		result = compare_times(reading, x, y);
		if (result == 0 && reading->id[x] != reading->id[y])
			return reading->id[x] < reading->id[y] ? -1 : 1;
	}
	if (result == 0)
		result = memcmp(reading->bought + reading->start[x],
						reading->bought + reading->start[y], lengths[0] * sizeof(bool));
	for (int f = 0; result == 0 && f < reading->source.features; f++)
		result = memcmp(reading->value[f] + reading->start[x],
						reading->value[f] + reading->start[y],
						lengths[0] * sizeof(int32));
	if (result == 0)
		result = compare_times(reading, x, y);
	return result;
}

/* The oldest and the newest of the times that are finite. */
static void
find_span(const Reading *reading, TimestampTz *oldest, TimestampTz *newest)
{
	*oldest = DT_NOEND;
	*newest = DT_NOBEGIN;
	for (int64 t = 0; t < reading->tokens; t++)
	{
		CHECK_FOR_INTERRUPTS();
		if (TIMESTAMP_NOT_FINITE(reading->time[t]))
			continue;
		*oldest = Min(*oldest, reading->time[t]);
		*newest = Max(*newest, reading->time[t]);
	}
	if (*oldest > *newest)
		*oldest = *newest = 0;
}

/* Times as hours since the oldest, in the order of the sequences. */
static double *
arrange_hours(Reading *reading, const int32 *sequence, const int64 *start, TimestampTz *origin)
{
	double	   *hours = budget_array(&reading->budget, double, reading->tokens + 1);
	TimestampTz newest;

	find_span(reading, origin, &newest);
	for (int32 s = 0; s < reading->sequences; s++)
	{
		const TimestampTz *time = reading->time + reading->start[sequence[s]];
		int64		length = sequence_length(reading, sequence[s]);

		for (int64 i = 0; i < length; i++)
		{
			CHECK_FOR_INTERRUPTS();
			hours[start[s] + i] = hours_between(*origin, Max(*origin, Min(newest, time[i])));
		}
	}
	return hours;
}

/* A copy of an array of tokens, of that size each, in the order of the sequences. */
static void *
arrange_tokens(Reading *reading, const int32 *sequence, const int64 *start,
			   const void *tokens, Size size)
{
	char	   *result = budget_take(&reading->budget, (reading->tokens + 1) * size);

	for (int32 s = 0; s < reading->sequences; s++)
	{
		CHECK_FOR_INTERRUPTS();
		memcpy(result + start[s] * size,
			   (const char *) tokens + reading->start[sequence[s]] * size,
			   sequence_length(reading, sequence[s]) * size);
	}
	return result;
}

/* Number the ids by the order of their vocabularies. */
static void
number_by_vocabulary(SourceData *source, Reading *reading)
{
	int32	   *place = idset_finish(&reading->items, &source->items);

	for (int64 t = 0; t < reading->tokens; t++)
	{
		CHECK_FOR_INTERRUPTS();
		reading->item[t] = place[reading->item[t]];
	}
	pfree(place);
	for (int f = 0; f < reading->source.features; f++)
	{
		int32	   *value = reading->value[f];

		place = idset_finish(&reading->feature[f], &source->feature_values[f]);
		for (int64 t = 0; t < reading->tokens; t++)
		{
			CHECK_FOR_INTERRUPTS();
			value[t] = value[t] == 0 ? 0 : place[value[t] - 1] + 1;
		}
		pfree(place);
	}
	if (reading->id != NULL)
	{
		place = idset_finish(&reading->ids, &source->ids);
		for (int32 s = 0; s < reading->sequences; s++)
		{
			CHECK_FOR_INTERRUPTS();
			if (reading->id[s] >= 0)
				reading->id[s] = place[reading->id[s]];
		}
		pfree(place);
	}
}

/* The sequences in their order: [sequences]. */
static int32 *
sort_sequences(Reading *reading)
{
	SequenceOrder order = {
		reading, budget_array(&reading->budget, int64, reading->sequences + 1)
	};
	int32	   *sequence = budget_array(&reading->budget, int32, reading->sequences + 1);

	for (int32 s = 0; s < reading->sequences; s++)
	{
		CHECK_FOR_INTERRUPTS();
		sequence[s] = s;
		order.key[s] = reading->source.times.field > 0 ? last_time(reading, s)
			: (int64) hash_bytes_extended((unsigned char *) (reading->item + reading->start[s]),
										  (int) (sequence_length(reading, s) * sizeof(int32)),
										  reading->options->seed);
	}
	qsort_arg(sequence, reading->sequences, sizeof(int32), compare_sequences, &order);
	pfree(order.key);
	return sequence;
}

/* Put ids in the order of their vocabularies and sequences in theirs. */
static void
arrange(SourceData *source, Reading *reading)
{
	int32	   *sequence;
	int64	   *start;

	resize_tokens(reading, reading->tokens + 1);
	number_by_vocabulary(source, reading);
	sequence = sort_sequences(reading);
	start = budget_array(&reading->budget, int64, reading->sequences + 1);
	start[0] = 0;
	for (int32 s = 0; s < reading->sequences; s++)
		start[s + 1] = start[s] + sequence_length(reading, sequence[s]);

	source->data.sequences = reading->sequences;
	source->data.start = start;
	source->data.item = arrange_tokens(reading, sequence, start, reading->item, sizeof(int32));
	pfree(reading->item);
	source->data.features = reading->source.features;
	for (int f = 0; f < reading->source.features; f++)
	{
		source->data.feature[f] = arrange_tokens(reading, sequence, start, reading->value[f],
												 sizeof(int32));
		pfree(reading->value[f]);
	}
	if (reading->any_bought)
		source->bought = arrange_tokens(reading, sequence, start, reading->bought, sizeof(bool));
	pfree(reading->bought);
	if (reading->source.times.field > 0)
		source->hours = arrange_hours(reading, sequence, start, &source->origin);
	pfree(reading->time);
	if (reading->id != NULL)
	{
		source->id = budget_array(&reading->budget, int32, reading->sequences + 1);
		for (int32 s = 0; s < reading->sequences; s++)
			source->id[s] = reading->id[sequence[s]];
		pfree(reading->id);
	}
	pfree(reading->start);
	pfree(sequence);
}

/* An array of zeros, one an item. */
static int32 *
zero_of_items(const SourceData *source, const Budget *budget)
{
	int32	   *result = budget_array(budget, int32, source->items.count + 1);

	memset(result, 0, sizeof(int32) * source->items.count);
	return result;
}

/* What is known of each item: how often it occurs, and its newest features. */
static void
describe_items(SourceData *source, const Budget *budget)
{
	Dataset    *data = &source->data;
	int64		tokens = data->start[data->sequences];

	source->item_count = zero_of_items(source, budget);
	for (int64 t = 0; t < tokens; t++)
	{
		CHECK_FOR_INTERRUPTS();
		source->item_count[data->item[t]]++;
	}
	for (int f = 0; f < data->features; f++)
	{
		source->item_feature[f] = zero_of_items(source, budget);
		for (int64 t = 0; t < tokens; t++)
		{
			CHECK_FOR_INTERRUPTS();
			if (data->feature[f][t] != 0)
				source->item_feature[f][data->item[t]] = data->feature[f][t];
		}
	}
}

const int32 *
dataset_item_category(const SourceData *source, int32 *categories)
{
	Budget		budget = budget_of_training();

	if (source->data.features > 0)
	{
		*categories = source->feature_values[0].count + 1;
		return source->item_feature[0];
	}
	*categories = 1;
	return zero_of_items(source, &budget);
}

/* Begin to read; all in the current context. */
static Reading *
begin_reading(Oid relation, const DatasetOptions *options)
{
	Reading    *reading = palloc0(sizeof(Reading));
	Budget	   *budget = &reading->budget;

	reading->source = source_open(relation, options->features, false);
	reading->options = options;
	reading->budget = budget_of_training();
	reading->token_room = FIRST_TOKENS;
	reading->item = budget_array(budget, int32, FIRST_TOKENS);
	reading->bought = budget_array(budget, bool, FIRST_TOKENS);
	reading->time = budget_array(budget, TimestampTz, FIRST_TOKENS);
	reading->sequence_room = FIRST_TOKENS;
	reading->start = budget_array(budget, int64, FIRST_TOKENS + 1);
	reading->start[0] = 0;
	idset_create(&reading->items, reading->source.items.kind, FIRST_IDS, budget);
	if (options->ids)
	{
		reading->id = budget_array(budget, int32, FIRST_TOKENS);
		idset_create(&reading->ids, ID_TEXT, FIRST_IDS, budget);
	}
	for (int f = 0; f < reading->source.features; f++)
	{
		reading->value[f] = budget_array(budget, int32, FIRST_TOKENS);
		idset_create(&reading->feature[f], reading->source.feature[f].kind, FIRST_IDS, budget);
	}
	return reading;
}

SourceData *
dataset_read(Oid relation, const DatasetOptions *options)
{
	Size		before = MemoryContextMemAllocated(CurrentMemoryContext, true);
	SourceData *source = palloc0(sizeof(SourceData));
	Reading    *reading = begin_reading(relation, options);
	const Budget *budget = &reading->budget;
	const Split *split = options->split;

	source->relation = reading->source.relation;
	for (int f = 0; f < reading->source.features; f++)
	{
		if (strlcpy(source->feature_name[f], reading->source.feature[f].column.name,
					MODEL_FEATURE_NAME) >= MODEL_FEATURE_NAME)
			elog(ERROR, "column name is too long");
	}
	source_for_each(&reading->source, budget, read_row, reading);
	source->rows = reading->source.rows;
	source->sequences = reading->longer_sequences;
	arrange(source, reading);
	describe_items(source, budget);
	if (split != NULL && split->protocol == SPLIT_RANDOM_WINDOWS)
	{
		bool	   *held_out = budget_array(budget, bool, reading->tokens + 1);

		split_held_out(split, &source->data, source->hours, source->origin, held_out);
		source->data.held_out = held_out;
	}
	pfree(reading);
	source->bytes = MemoryContextMemAllocated(CurrentMemoryContext, true) - before;
	return source;
}

/* Extend a CRC-32C by an array, which may be gigabytes. */
static uint32
checksum_array(uint32 checksum, const void *array, Size bytes)
{
	for (Size done = 0; done < bytes; done += CHECKSUM_BYTES)
	{
		CHECK_FOR_INTERRUPTS();
		checksum = crc32c(checksum, (const char *) array + done,
						  Min(bytes - done, CHECKSUM_BYTES));
	}
	return checksum;
}

static uint32
vocabulary_checksum(const Vocabulary *vocabulary, uint32 checksum)
{
	Size		count = vocabulary->count;

	checksum = crc32c(checksum, &vocabulary->kind, sizeof(vocabulary->kind));
	checksum = crc32c(checksum, &vocabulary->count, sizeof(vocabulary->count));
	if (vocabulary->kind == ID_INTEGER)
		return checksum_array(checksum, vocabulary->integers, count * sizeof(int64));
	checksum = checksum_array(checksum, vocabulary->offsets, (count + 1) * sizeof(uint64_t));
	return checksum_array(checksum, vocabulary->bytes, vocabulary->offsets[count]);
}

uint32
dataset_checksum(const SourceData *source, uint32 checksum)
{
	const Dataset *data = &source->data;
	Size		tokens = data->start[data->sequences];

	checksum = vocabulary_checksum(&source->items, checksum);
	checksum = checksum_array(checksum, data->start, (data->sequences + (Size) 1) * sizeof(int64));
	checksum = checksum_array(checksum, data->item, tokens * sizeof(int32));
	for (int f = 0; f < data->features; f++)
	{
		checksum = vocabulary_checksum(&source->feature_values[f], checksum);
		checksum = checksum_array(checksum, data->feature[f], tokens * sizeof(int32));
	}
	if (source->bought != NULL)
		checksum = checksum_array(checksum, source->bought, tokens * sizeof(bool));
	if (source->hours != NULL)
		checksum = checksum_array(checksum, source->hours, tokens * sizeof(double));
	return crc32c(checksum, &source->origin, sizeof(source->origin));
}
