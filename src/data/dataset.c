/*
 * dataset.c
 *	  A relation of sequences as arrays of tokens.
 *
 * Ids are numbered in order of appearance while rows are read; then ids and
 * sequences are put in orders that depend on the contents alone, so that the
 * same data gives the same model however the rows are stored.
 */
#include "data/dataset.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "model/crc32c.h"
#include "guc.h"
#include "memory.h"
#include "data/source.h"
#include "data/split.h"

#define FIRST_TOKENS 8192		/* tokens to make room for at first */
#define CHECK_MEMORY_EVERY 1000	/* sequences */

/* ---------------------------------------------------------------- ids */

typedef struct IdEntry
{
	Id		key;
	int32		index;			/* in order of appearance */
	char		status;
} IdEntry;

static inline uint32
id_hash(Id key)
{
	if (key.text != NULL)
		return hash_bytes((const unsigned char *) key.text, (int) key.length);
	return hash_bytes((const unsigned char *) &key.integer, sizeof(key.integer));
}

#define SH_PREFIX idtable
#define SH_ELEMENT_TYPE IdEntry
#define SH_KEY_TYPE Id
#define SH_KEY key
#define SH_HASH_KEY(table, key) id_hash(key)
#define SH_EQUAL(table, a, b) same_id(&(a), &(b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* The ids of one column, while they are collected. */
typedef struct IdSet
{
	IdKind		kind;
	MemoryContext context;		/* owns it all, texts too */
	idtable_hash *table;
	Id		   *keys;			/* [count] by index */
	int32		count;
	int32		room;
} IdSet;

static void
idset_create(IdSet *set, IdKind kind)
{
	set->kind = kind;
	set->context = CurrentMemoryContext;
	set->table = idtable_create(set->context, 1024, NULL);
	set->count = 0;
	set->room = 1024;
	set->keys = huge_array(Id, set->room);
}

/* The index of an id; a new one is added, a text copied. */
static int32
idset_number(IdSet *set, Id key)
{
	bool		found;
	IdEntry    *entry = idtable_insert(set->table, key, &found);

	if (found)
		return entry->index;
	if (set->count == CONFIG_MAX_VALUES - 1)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("source has more than %d different ids in one column",
						CONFIG_MAX_VALUES - 1)));
	if (set->count == set->room)
	{
		set->room *= 2;
		set->keys = repalloc_huge(set->keys, sizeof(Id) * set->room);
	}
	if (key.text != NULL)
	{
		char	   *copy = MemoryContextAlloc(set->context, key.length + 1);

		memcpy(copy, key.text, key.length);
		entry->key.text = copy;
	}
	entry->index = set->count;
	set->keys[set->count++] = entry->key;
	return entry->index;
}

static int
compare_ids(const void *a, const void *b, void *context)
{
	const Id *x = &((const IdSet *) context)->keys[*(const int32 *) a];
	const Id *y = &((const IdSet *) context)->keys[*(const int32 *) b];

	CHECK_FOR_INTERRUPTS();
	if (x->text != NULL)
		return vocabulary_compare_text(x->text, x->length, y->text, y->length);
	return (x->integer > y->integer) - (x->integer < y->integer);
}

/*
 * Make the vocabulary of the ids, in its order.  Returns the place of each
 * index in it.
 */
static int32 *
idset_finish(IdSet *set, Vocabulary *vocabulary)
{
	int32	   *order = huge_array(int32, set->count + 1);
	int32	   *place = huge_array(int32, set->count + 1);

	for (int32 i = 0; i < set->count; i++)
		order[i] = i;
	qsort_arg(order, set->count, sizeof(int32), compare_ids, set);
	for (int32 i = 0; i < set->count; i++)
		place[order[i]] = i;

	memset(vocabulary, 0, sizeof(*vocabulary));
	vocabulary->kind = set->kind;
	vocabulary->count = set->count;
	if (set->kind == ID_INTEGER)
	{
		int64	   *integers = huge_array(int64, set->count + 1);

		for (int32 i = 0; i < set->count; i++)
			integers[i] = set->keys[order[i]].integer;
		vocabulary->integers = integers;
	}
	else
	{
		uint64_t   *offsets = huge_array(uint64_t, set->count + 1);
		Size		bytes = 0;
		char	   *text;

		for (int32 i = 0; i < set->count; i++)
		{
			offsets[i] = bytes;
			bytes += set->keys[order[i]].length;
		}
		offsets[set->count] = bytes;
		text = huge_array(char, bytes + 1);
		for (int32 i = 0; i < set->count; i++)
			memcpy(text + offsets[i], set->keys[order[i]].text,
				   set->keys[order[i]].length);
		vocabulary->offsets = offsets;
		vocabulary->bytes = text;
	}
	pfree(order);
	return place;
}

Vocabulary
vocabulary_of_texts(ArrayType *texts, const char *what)
{
	IdArray		ids = ids_of_array_without_nulls(texts, what);
	IdSet		set;
	Vocabulary	vocabulary;

	idset_create(&set, ID_TEXT);
	for (int i = 0; i < ids.count; i++)
		idset_number(&set, ids.ids[i]);
	pfree(idset_finish(&set, &vocabulary));
	return vocabulary;
}

/* ---------------------------------------------------------------- rows */

/* What is read of the relation so far; ids by order of appearance. */
typedef struct Reading
{
	Source		source;
	const DatasetOptions *options;
	MemoryContext context;		/* owns it all */
	IdSet		items;
	IdSet		feature[CONFIG_MAX_FEATURES];
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
} Reading;

/* Complain if what has been read takes more memory than training may use. */
static void
check_memory(MemoryContext context)
{
	if (MemoryContextMemAllocated(context, true) > (Size) recseq_max_training_memory * 1024)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("the source needs more than %d MB of memory",
						recseq_max_training_memory / 1024),
				 errdetail("That is the value of \"recseq.max_training_memory\"."),
				 errhint("Raise it, or pass a view with fewer sequences.")));
}

/* Make room for the tokens of one more sequence. */
static void
make_room(Reading *reading, int length)
{
	if (reading->tokens + length > reading->token_room)
	{
		while (reading->tokens + length > reading->token_room)
			reading->token_room *= 2;
		reading->item = repalloc_huge(reading->item, sizeof(int32) * reading->token_room);
		for (int f = 0; f < reading->source.features; f++)
			reading->value[f] = repalloc_huge(reading->value[f],
											  sizeof(int32) * reading->token_room);
		reading->bought = repalloc_huge(reading->bought, sizeof(bool) * reading->token_room);
		reading->time = repalloc_huge(reading->time,
									  sizeof(TimestampTz) * reading->token_room);
	}
	if (reading->sequences == reading->sequence_room)
	{
		if (reading->sequence_room >= PG_INT32_MAX / 2)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("source has more than %d sequences", reading->sequence_room)));
		reading->sequence_room *= 2;
		reading->start = repalloc_huge(reading->start, sizeof(int64) *
									   (reading->sequence_room + 1));
	}
}

/* SourceRowFunction: add a row, if it is long enough. */
static void
read_row(void *context, const SourceRow *row)
{
	Reading    *reading = context;
	const Split *split = reading->options->split;
	int			length = split == NULL ? row->items.count : split_known_events(split, row);

	if (length < reading->options->min_length)
		return;
	make_room(reading, length);
	for (int i = 0; i < length; i++)
		reading->item[reading->tokens + i] = idset_number(&reading->items, row->items.ids[i]);
	for (int f = 0; f < reading->source.features; f++)
	{
		int32	   *value = reading->value[f] + reading->tokens;

		for (int i = 0; i < length; i++)
			value[i] = !row->has_feature[f] || is_no_value(&row->feature[f], i) ? 0
				: idset_number(&reading->feature[f], row->feature[f].ids[i]) + 1;
	}
	for (int i = 0; i < length; i++)
	{
		bool		bought = i < row->events.count &&
			is_purchase(reading->options->purchases, &row->events, i);

		reading->bought[reading->tokens + i] = bought;
		reading->any_bought |= bought;
		reading->time[reading->tokens + i] = row->times != NULL ? row->times[i] : 0;
	}
	reading->tokens += length;
	reading->start[++reading->sequences] = reading->tokens;
	reading->longer_sequences += length > 1;
	if (reading->sequences % CHECK_MEMORY_EVERY == 0)
		check_memory(reading->context);
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

/* By key, then by contents. */
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
	if (result == 0)
		result = memcmp(reading->bought + reading->start[x],
						reading->bought + reading->start[y], lengths[0] * sizeof(bool));
	for (int f = 0; result == 0 && f < reading->source.features; f++)
		result = memcmp(reading->value[f] + reading->start[x],
						reading->value[f] + reading->start[y],
						lengths[0] * sizeof(int32));
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
		if (TIMESTAMP_NOT_FINITE(reading->time[t]))
			continue;
		*oldest = Min(*oldest, reading->time[t]);
		*newest = Max(*newest, reading->time[t]);
	}
	if (*oldest > *newest)
		*oldest = *newest = 0;
}

/* Kinds and times of the events, in the order of the sequences. */
static void
arrange_events(SourceData *source, Reading *reading, const int32 *sequence,
			   const int64 *start)
{
	TimestampTz newest;

	find_span(reading, &source->origin, &newest);
	if (reading->any_bought)
		source->bought = huge_array(bool, reading->tokens);
	if (reading->source.times.field > 0)
		source->hours = huge_array(double, reading->tokens + 1);
	for (int32 s = 0; s < reading->sequences; s++)
	{
		int64		from = reading->start[sequence[s]];
		int64		length = sequence_length(reading, sequence[s]);

		CHECK_FOR_INTERRUPTS();
		if (source->bought != NULL)
			memcpy(source->bought + start[s], reading->bought + from, length * sizeof(bool));
		for (int64 i = 0; source->hours != NULL && i < length; i++)
			source->hours[start[s] + i] =
				hours_between(source->origin,
							  Max(source->origin, Min(newest, reading->time[from + i])));
	}
	pfree(reading->bought);
	pfree(reading->time);
}

/* Put ids in the order of their vocabularies and sequences in theirs. */
static void
arrange(SourceData *source, Reading *reading)
{
	SequenceOrder order = {reading, huge_array(int64, reading->sequences + 1)};
	int32	   *sequence = huge_array(int32, reading->sequences + 1);
	int64	   *start = huge_array(int64, reading->sequences + 1);
	int32	   *item = huge_array(int32, reading->tokens + 1);
	int32	   *place = idset_finish(&reading->items, &source->items);

	for (int64 t = 0; t < reading->tokens; t++)
		reading->item[t] = place[reading->item[t]];
	pfree(place);
	for (int f = 0; f < reading->source.features; f++)
	{
		int32	   *value = reading->value[f];

		place = idset_finish(&reading->feature[f], &source->feature_values[f]);
		for (int64 t = 0; t < reading->tokens; t++)
			value[t] = value[t] == 0 ? 0 : place[value[t] - 1] + 1;
		pfree(place);
	}

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

	start[0] = 0;
	for (int32 s = 0; s < reading->sequences; s++)
	{
		int64		length = sequence_length(reading, sequence[s]);

		CHECK_FOR_INTERRUPTS();
		memcpy(item + start[s], reading->item + reading->start[sequence[s]],
			   length * sizeof(int32));
		start[s + 1] = start[s] + length;
	}
	source->data.sequences = reading->sequences;
	source->data.start = start;
	source->data.item = item;
	source->data.features = reading->source.features;
	for (int f = 0; f < reading->source.features; f++)
	{
		int32	   *value = huge_array(int32, reading->tokens + 1);

		for (int32 s = 0; s < reading->sequences; s++)
		{
			CHECK_FOR_INTERRUPTS();
			memcpy(value + start[s], reading->value[f] + reading->start[sequence[s]],
				   sequence_length(reading, sequence[s]) * sizeof(int32));
		}
		source->data.feature[f] = value;
		pfree(reading->value[f]);
	}
	arrange_events(source, reading, sequence, start);
	pfree(reading->item);
	pfree(reading->start);
	pfree(sequence);
	pfree(order.key);
}

/* What is known of each item: how often it occurs, and its newest features. */
static void
describe_items(SourceData *source)
{
	Dataset    *data = &source->data;
	int64		tokens = data->start[data->sequences];

	source->item_count = huge_array(int32, source->items.count + 1);
	memset(source->item_count, 0, sizeof(int32) * source->items.count);
	for (int64 t = 0; t < tokens; t++)
		source->item_count[data->item[t]]++;
	for (int f = 0; f < data->features; f++)
	{
		int32	   *newest = huge_array(int32, source->items.count + 1);

		memset(newest, 0, sizeof(int32) * source->items.count);
		for (int64 t = 0; t < tokens; t++)
		{
			if (data->feature[f][t] != 0)
				newest[data->item[t]] = data->feature[f][t];
		}
		source->item_feature[f] = newest;
	}
}

const int32 *
dataset_item_category(const SourceData *source, int32 *categories)
{
	int32	   *none;

	if (source->data.features > 0)
	{
		*categories = source->feature_values[0].count + 1;
		return source->item_feature[0];
	}
	*categories = 1;
	none = huge_array(int32, source->items.count);
	memset(none, 0, sizeof(int32) * source->items.count);
	return none;
}

SourceData *
dataset_read(Oid relation, const DatasetOptions *options)
{
	SourceData *source = palloc0(sizeof(SourceData));
	Reading    *reading = palloc0(sizeof(Reading));

	reading->source = source_open(relation, options->features, false);
	reading->options = options;
	reading->context = CurrentMemoryContext;
	reading->token_room = FIRST_TOKENS;
	reading->item = huge_array(int32, reading->token_room);
	reading->sequence_room = FIRST_TOKENS;
	reading->start = huge_array(int64, reading->sequence_room + 1);
	reading->start[0] = 0;
	reading->bought = huge_array(bool, reading->token_room);
	reading->time = huge_array(TimestampTz, reading->token_room);
	idset_create(&reading->items, reading->source.items.kind);
	for (int f = 0; f < reading->source.features; f++)
	{
		reading->value[f] = huge_array(int32, reading->token_room);
		idset_create(&reading->feature[f], reading->source.feature[f].kind);
		if (strlcpy(source->feature_name[f], reading->source.feature[f].name,
					MODEL_FEATURE_NAME) >= MODEL_FEATURE_NAME)
			elog(ERROR, "column name is too long");
	}

	source_for_each(&reading->source, read_row, reading);
	check_memory(reading->context);
	source->rows = reading->source.rows;
	source->sequences = reading->longer_sequences;
	arrange(source, reading);
	describe_items(source);
	if (options->split != NULL && options->split->protocol == SPLIT_RANDOM_WINDOWS)
		source->data.held_out = split_held_out(options->split, source);
	return source;
}

static uint32
vocabulary_checksum(const Vocabulary *vocabulary, uint32 checksum)
{
	Size		count = vocabulary->count;

	checksum = crc32c(checksum, &vocabulary->kind, sizeof(vocabulary->kind));
	checksum = crc32c(checksum, &vocabulary->count, sizeof(vocabulary->count));
	if (vocabulary->kind == ID_INTEGER)
		return crc32c(checksum, vocabulary->integers, count * sizeof(int64));
	checksum = crc32c(checksum, vocabulary->offsets, (count + 1) * sizeof(uint64_t));
	return crc32c(checksum, vocabulary->bytes, vocabulary->offsets[count]);
}

uint32
dataset_checksum(const SourceData *source, uint32 checksum)
{
	const Dataset *data = &source->data;
	Size		tokens = data->start[data->sequences];

	checksum = vocabulary_checksum(&source->items, checksum);
	checksum = crc32c(checksum, data->start, (data->sequences + (Size) 1) * sizeof(int64));
	checksum = crc32c(checksum, data->item, tokens * sizeof(int32));
	for (int f = 0; f < data->features; f++)
	{
		checksum = vocabulary_checksum(&source->feature_values[f], checksum);
		checksum = crc32c(checksum, data->feature[f], tokens * sizeof(int32));
	}
	if (source->bought != NULL)
		checksum = crc32c(checksum, source->bought, tokens * sizeof(bool));
	if (source->hours != NULL)
		checksum = crc32c(checksum, source->hours, tokens * sizeof(double));
	return crc32c(checksum, &source->origin, sizeof(source->origin));
}
