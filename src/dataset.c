/*
 * dataset.c
 *	  A relation of sequences as arrays of tokens.
 *
 * The relation is read through SPI with a cursor, as the caller and with the
 * caller's snapshot: privileges and row security apply, and nothing is held in
 * memory but the tokens.  Ids are numbered in order of appearance while they
 * are read; then ids and sequences are put in orders that depend on the
 * contents alone, so that the same data gives the same model however the rows
 * are stored.
 */
#include "dataset.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "arrays.h"
#include "recseq.h"

/*
 * Rows of the relation that are fetched at once: as many as bring about so many
 * bytes, since one row may be a million items.
 */
#define MAX_FETCH_ROWS 1000
#define FETCH_BYTES (1024 * 1024)

#define FIRST_TOKENS 8192		/* tokens to make room for at first */

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

static inline bool
id_equal(Id a, Id b)
{
	if (a.text != NULL)
		return a.length == b.length && memcmp(a.text, b.text, a.length) == 0;
	return a.integer == b.integer;
}

#define SH_PREFIX idtable
#define SH_ELEMENT_TYPE IdEntry
#define SH_KEY_TYPE Id
#define SH_KEY key
#define SH_HASH_KEY(table, key) id_hash(key)
#define SH_EQUAL(table, a, b) id_equal(a, b)
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

/* ---------------------------------------------------------------- columns */

/* A column of the source that is read; attribute 0: there is none. */
typedef struct SourceColumn
{
	const char *name;
	AttrNumber	attribute;		/* of the relation */
	int			field;			/* of the query, from 1 */
	IdKind		kind;			/* of an array of ids */
} SourceColumn;

typedef struct SourceColumns
{
	char	   *relation;		/* qualified, quoted */
	SourceColumn items;
	SourceColumn times;
	SourceColumn id;			/* names a row in messages */
	int			features;
	SourceColumn feature[CONFIG_MAX_FEATURES];
} SourceColumns;

/* Find a column by name; returns its type, or InvalidOid. */
static Oid
find_column(TupleDesc tupdesc, const char *name, SourceColumn *column)
{
	column->name = name;
	for (int i = 0; i < tupdesc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(tupdesc, i);

		if (!attribute->attisdropped && strcmp(NameStr(attribute->attname), name) == 0)
		{
			column->attribute = attribute->attnum;
			return attribute->atttypid;
		}
	}
	return InvalidOid;
}

/* Find a column that must be an array of ids, if it is there. */
static bool
find_id_column(TupleDesc tupdesc, const char *name, SourceColumn *column)
{
	Oid			type = find_column(tupdesc, name, column);

	if (type == InvalidOid)
		return false;
	if (!id_kind_of_type(array_element_type(type), &column->kind))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of the source has type %s", name,
						format_type_be(type)),
				 errhint("It must be integer[], bigint[] or text[], one element an event, oldest first.")));
	return true;
}

/* Find the columns that the option "features" names. */
static void
find_features(TupleDesc tupdesc, ArrayType *features, SourceColumns *columns)
{
	IdArray		names;

	if (features == NULL)
	{
		if (find_id_column(tupdesc, "categories", &columns->feature[0]))
			columns->features = 1;
		return;
	}
	names = ids_of_array_without_nulls(features, "features");
	if (names.count > CONFIG_MAX_FEATURES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"features\" names %d columns", names.count),
				 errhint("At most %d are possible.", CONFIG_MAX_FEATURES)));
	for (int i = 0; i < names.count; i++)
	{
		char	   *name = pnstrdup(names.ids[i].text, names.ids[i].length);

		for (int j = 0; j < i; j++)
		{
			if (strcmp(name, columns->feature[j].name) == 0)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("\"features\" names column \"%s\" twice", name)));
		}
		if (strcmp(name, "items") == 0 ||
			!find_id_column(tupdesc, name, &columns->feature[i]))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("the source has no feature column \"%s\"", name),
					 errhint("Each name in \"features\" must be a column of the source that is an array parallel to \"items\".")));
		columns->features++;
	}
}

/* Whether a column has a meaning already. */
static bool
column_is_taken(const SourceColumns *columns, Form_pg_attribute attribute)
{
	const char *name = NameStr(attribute->attname);

	if (strcmp(name, "items") == 0 || strcmp(name, "categories") == 0 ||
		strcmp(name, "events") == 0 || strcmp(name, "times") == 0)
		return true;
	for (int f = 0; f < columns->features; f++)
	{
		if (columns->feature[f].attribute == attribute->attnum)
			return true;
	}
	return false;
}

static void
find_columns(Oid relation, ArrayType *features, SourceColumns *columns)
{
	Relation	rel = try_relation_open(relation, AccessShareLock);
	TupleDesc	tupdesc;
	Oid			type;

	if (rel == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", relation),
				 errhint("A source is a relation with one row a sequence.")));
	tupdesc = RelationGetDescr(rel);
	if (rel->rd_rel->relkind != RELKIND_RELATION &&
		rel->rd_rel->relkind != RELKIND_PARTITIONED_TABLE &&
		rel->rd_rel->relkind != RELKIND_VIEW &&
		rel->rd_rel->relkind != RELKIND_MATVIEW &&
		rel->rd_rel->relkind != RELKIND_FOREIGN_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a table or a view", RelationGetRelationName(rel)),
				 errhint("A source is a relation with one row a sequence.")));
	memset(columns, 0, sizeof(*columns));
	columns->relation = quote_qualified_identifier(get_namespace_name(RelationGetNamespace(rel)),
												   RelationGetRelationName(rel));
	if (!find_id_column(tupdesc, "items", &columns->items))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("relation \"%s\" has no column \"items\"",
						RelationGetRelationName(rel)),
				 errhint("A source has one row a sequence, with the column \"items\" (integer[], bigint[] or text[], oldest first).")));
	find_features(tupdesc, features, columns);

	type = find_column(tupdesc, "times", &columns->times);
	if (type != InvalidOid && array_element_type(type) != TIMESTAMPTZOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"times\" of the source has type %s", format_type_be(type)),
				 errhint("It must be timestamptz[], parallel to \"items\".")));

	for (int i = 0; i < tupdesc->natts && columns->id.attribute == 0; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(tupdesc, i);

		if (!attribute->attisdropped && !column_is_taken(columns, attribute))
			find_column(tupdesc, pstrdup(NameStr(attribute->attname)), &columns->id);
	}
	relation_close(rel, AccessShareLock);
}

/* Append a column to the query, if there is one, and note its field. */
static void
select_column(StringInfo query, SourceColumn *column, int *fields)
{
	if (column->attribute == 0)
		return;
	column->field = ++(*fields);
	appendStringInfo(query, "%s%s", *fields > 1 ? ", " : "",
					 quote_identifier(column->name));
}

static char *
make_query(SourceColumns *columns)
{
	StringInfoData query;
	int			fields = 0;

	initStringInfo(&query);
	appendStringInfoString(&query, "SELECT ");
	select_column(&query, &columns->items, &fields);
	select_column(&query, &columns->times, &fields);
	select_column(&query, &columns->id, &fields);
	for (int f = 0; f < columns->features; f++)
		select_column(&query, &columns->feature[f], &fields);
	appendStringInfo(&query, " FROM %s", columns->relation);
	return query.data;
}

/* ---------------------------------------------------------------- rows */

/* What is read of the relation so far; ids by order of appearance. */
typedef struct Reading
{
	SourceColumns columns;
	int32		min_length;
	int64		rows;
	IdSet		items;
	IdSet		feature[CONFIG_MAX_FEATURES];
	int64		tokens;
	int64		token_room;
	int32	   *item;			/* [tokens] */
	int32	   *value[CONFIG_MAX_FEATURES];	/* [tokens] 0: none, else index + 1 */
	int32		sequences;
	int32		sequence_room;
	int64	   *start;			/* [sequences + 1] */
	TimestampTz *last_time;		/* [sequences] */
} Reading;

/* One row: its id for messages. */
typedef struct SourceRow
{
	const Reading *reading;
	HeapTuple	tuple;
	TupleDesc	tupdesc;
} SourceRow;

/* Sets the context of an error to the row that is read. */
static void
row_error_context(void *arg)
{
	const SourceRow *row = arg;
	const SourceColumn *id = &row->reading->columns.id;
	char	   *value = NULL;

	if (id->field > 0)
		value = SPI_getvalue(row->tuple, row->tupdesc, id->field);
	if (value != NULL)
		errcontext("row of %s with \"%s\" = %s", row->reading->columns.relation,
				   id->name, value);
	else
		errcontext("row " INT64_FORMAT " of %s", row->reading->rows,
				   row->reading->columns.relation);
}

/* The array in a field, or NULL. */
static ArrayType *
row_array(const SourceRow *row, const SourceColumn *column)
{
	bool		isnull;
	Datum		datum = SPI_getbinval(row->tuple, row->tupdesc, column->field, &isnull);

	return isnull ? NULL : DatumGetArrayTypeP(datum);
}

static void
check_length(const SourceColumn *column, int length, int items)
{
	if (length != items)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("\"%s\" has %d elements, but \"items\" has %d",
						column->name, length, items),
				 errhint("Arrays that run parallel to \"items\" must have one element for each item.")));
}

/* The time of the last event of the row. */
static TimestampTz
read_last_time(const SourceRow *row, int items)
{
	const SourceColumn *column = &row->reading->columns.times;
	ArrayType  *array = row_array(row, column);
	int			index = items;
	Datum		last;
	bool		isnull;

	if (array == NULL || array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("\"%s\" must not be or contain null", column->name),
				 errhint("Leave the column \"times\" out of the source if times are not known.")));
	check_one_dimension(array, column->name);
	check_length(column, ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)), items);
	index += ARR_LBOUND(array)[0] - 1;
	last = array_get_element(PointerGetDatum(array), 1, &index, -1,
							 sizeof(TimestampTz), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &isnull);
	return DatumGetTimestampTz(last);
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
		for (int f = 0; f < reading->columns.features; f++)
			reading->value[f] = repalloc_huge(reading->value[f],
											  sizeof(int32) * reading->token_room);
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
		reading->last_time = repalloc_huge(reading->last_time, sizeof(TimestampTz) *
										   reading->sequence_room);
	}
}

/* Number the values of feature f of a row. */
static void
read_feature(Reading *reading, const SourceRow *row, int f, int length)
{
	const SourceColumn *column = &reading->columns.feature[f];
	ArrayType  *array = row_array(row, column);
	int32	   *value = reading->value[f] + reading->tokens;
	IdArray		ids;

	if (array == NULL)
	{
		memset(value, 0, sizeof(int32) * length);
		return;
	}
	ids = ids_of_array(array, column->name);
	check_length(column, ids.count, length);
	for (int i = 0; i < length; i++)
	{
		bool		none = ids.nulls[i] ||
			(column->kind == ID_INTEGER && ids.ids[i].integer == 0);

		value[i] = none ? 0 : idset_number(&reading->feature[f], ids.ids[i]) + 1;
	}
}

/* Add one row; temporary: a context that is reset afterwards. */
static void
read_row(Reading *reading, SourceRow *row, MemoryContext temporary)
{
	MemoryContext permanent = MemoryContextSwitchTo(temporary);
	ErrorContextCallback context = {error_context_stack, row_error_context, row};
	ArrayType  *array;
	IdArray		items;
	TimestampTz last_time = 0;

	reading->rows++;
	error_context_stack = &context;
	array = row_array(row, &reading->columns.items);
	if (array == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("\"items\" must not be null"),
				 errhint("Leave such rows out with WHERE items IS NOT NULL.")));
	items = ids_of_array_without_nulls(array, "items");
	if (items.count >= reading->min_length)
	{
		if (reading->columns.times.field > 0 && items.count > 0)
			last_time = read_last_time(row, items.count);
		MemoryContextSwitchTo(permanent);
		make_room(reading, items.count);
		for (int i = 0; i < items.count; i++)
			reading->item[reading->tokens + i] = idset_number(&reading->items, items.ids[i]);
		for (int f = 0; f < reading->columns.features; f++)
		{
			MemoryContextSwitchTo(temporary);
			read_feature(reading, row, f, items.count);
		}
		reading->last_time[reading->sequences++] = last_time;
		reading->tokens += items.count;
		reading->start[reading->sequences] = reading->tokens;
	}
	error_context_stack = context.previous;
	MemoryContextSwitchTo(permanent);
}

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

static void
read_rows(Reading *reading)
{
	MemoryContext permanent = CurrentMemoryContext;
	MemoryContext temporary = AllocSetContextCreate(permanent, "recseq row",
													ALLOCSET_DEFAULT_SIZES);
	SPIPlanPtr	plan;
	Portal		portal;
	long		rows = 1;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	plan = SPI_prepare(make_query(&reading->columns), 0, NULL);
	if (plan == NULL)
		elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
	portal = SPI_cursor_open(NULL, plan, NULL, NULL, true);
	for (;;)
	{
		SPI_cursor_fetch(portal, true, rows);
		if (SPI_processed == 0)
			break;
		for (uint64 i = 0; i < SPI_processed; i++)
		{
			SourceRow	row = {reading, SPI_tuptable->vals[i], SPI_tuptable->tupdesc};
			MemoryContext procedure = MemoryContextSwitchTo(permanent);

			CHECK_FOR_INTERRUPTS();
			read_row(reading, &row, temporary);
			MemoryContextReset(temporary);
			MemoryContextSwitchTo(procedure);
		}
		if (MemoryContextMemAllocated(SPI_tuptable->tuptabcxt, true) > FETCH_BYTES)
			rows = Max(rows / 2, 1);
		else
			rows = Min(rows * 2, MAX_FETCH_ROWS);
		SPI_freetuptable(SPI_tuptable);
		check_memory(permanent);
	}
	SPI_cursor_close(portal);
	SPI_finish();
	MemoryContextDelete(temporary);
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
	for (int f = 0; result == 0 && f < reading->columns.features; f++)
		result = memcmp(reading->value[f] + reading->start[x],
						reading->value[f] + reading->start[y],
						lengths[0] * sizeof(int32));
	return result;
}

/* Put ids in the order of their vocabularies and sequences in theirs. */
static void
arrange(SourceData *source, Reading *reading, uint64 seed)
{
	SequenceOrder order = {reading, huge_array(int64, reading->sequences + 1)};
	int32	   *sequence = huge_array(int32, reading->sequences + 1);
	int64	   *start = huge_array(int64, reading->sequences + 1);
	int32	   *item = huge_array(int32, reading->tokens + 1);
	int32	   *place = idset_finish(&reading->items, &source->items);

	for (int64 t = 0; t < reading->tokens; t++)
		reading->item[t] = place[reading->item[t]];
	pfree(place);
	for (int f = 0; f < reading->columns.features; f++)
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
		order.key[s] = reading->columns.times.field > 0 ? reading->last_time[s]
			: (int64) hash_bytes_extended((unsigned char *) (reading->item + reading->start[s]),
										  (int) (sequence_length(reading, s) * sizeof(int32)),
										  seed);
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
	source->data.features = reading->columns.features;
	for (int f = 0; f < reading->columns.features; f++)
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

SourceData *
dataset_read(Oid relation, ArrayType *features, int32 min_length, uint64 seed)
{
	SourceData *source = palloc0(sizeof(SourceData));
	Reading    *reading = palloc0(sizeof(Reading));

	find_columns(relation, features, &reading->columns);
	reading->min_length = min_length;
	reading->token_room = FIRST_TOKENS;
	reading->item = huge_array(int32, reading->token_room);
	reading->sequence_room = FIRST_TOKENS;
	reading->start = huge_array(int64, reading->sequence_room + 1);
	reading->start[0] = 0;
	reading->last_time = huge_array(TimestampTz, reading->sequence_room);
	idset_create(&reading->items, reading->columns.items.kind);
	for (int f = 0; f < reading->columns.features; f++)
	{
		reading->value[f] = huge_array(int32, reading->token_room);
		idset_create(&reading->feature[f], reading->columns.feature[f].kind);
		if (strlcpy(source->feature_name[f], reading->columns.feature[f].name,
					MODEL_FEATURE_NAME) >= MODEL_FEATURE_NAME)
			elog(ERROR, "column name is too long");
	}

	read_rows(reading);
	source->rows = reading->rows;
	arrange(source, reading, seed);
	describe_items(source);
	return source;
}
