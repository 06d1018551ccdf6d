/*
 * statistics.c
 *	  How often and how fast each version answers: a table in shared memory behind
 *	  the view pg_stat_recseq.
 *
 * Whoever counts holds the table's lock shared and adds atomically, so calls that
 * answer at the same time do not wait for each other.  The lock is exclusive for
 * entering a version, which happens once, and for a reset.  An entry is looked
 * for from where the id of its version, a random number, says.  Where all places
 * are taken, the version that was used least recently gives way.
 *
 * Names are not kept here: who may see them is decided where the view looks them
 * up (store/visible.c).
 */
#include "serve/statistics.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/lwlock.h"
#include "utils/timestamp.h"

#include "results.h"
#include "segment.h"

#define TABLE_NAME "recseq statistics"
#define MAX_ENTRIES 128
#define NANOSECONDS_PER_MILLISECOND 1e6

/* What is counted. */
typedef enum Counter
{
	CALLS,
	ROWS,
	TIME,						/* of calls, nanoseconds */
	HITS,						/* calls that found the model loaded in their backend */
	ATTACHES,					/* loads of a model that is in shared memory already */
	LOADS,						/* from the tables */
	LOAD_TIME,					/* of both, nanoseconds */
	COUNTERS
} Counter;

typedef struct Entry
{
	SharedKey	key;			/* database 0: free */
	TimestampTz since;
	pg_atomic_uint64 counter[COUNTERS];
	pg_atomic_uint64 longest;	/* call, nanoseconds */
	pg_atomic_uint64 used;		/* TimestampTz: the end of the last call, or load */
} Entry;

typedef struct Table
{
	LWLock		lock;
	Entry		entries[MAX_ENTRIES];
} Table;

/* What happened, to be added. */
typedef struct Event
{
	uint64		counter[COUNTERS];
	bool		is_call;
} Event;

/* Columns of recseq_get_statistics(). */
enum
{
	COLUMN_DATID,
	COLUMN_VERSION_ID,
	COLUMN_CALLS,
	COLUMN_ROWS,
	COLUMN_TOTAL_TIME,
	COLUMN_MAX_TIME,
	COLUMN_HITS,
	COLUMN_ATTACHES,
	COLUMN_LOADS,
	COLUMN_LOAD_TIME,
	COLUMN_LAST_USED,
	COLUMN_STATS_SINCE,
	COLUMNS
};

static Table *table = NULL;

static void
init_table(void *memory)
{
	Table	   *created = memory;

	for (int i = 0; i < MAX_ENTRIES; i++)
	{
		Entry	   *entry = &created->entries[i];

		entry->key.database = InvalidOid;
		for (int c = 0; c < COUNTERS; c++)
			pg_atomic_init_u64(&entry->counter[c], 0);
		pg_atomic_init_u64(&entry->longest, 0);
		pg_atomic_init_u64(&entry->used, 0);
	}
}

static void
attach(void)
{
	if (table == NULL)
		table = segment_named(TABLE_NAME, sizeof(Table), init_table);
}

/* ---------------------------------------------------------------- writing */

/* The entry of a version, or NULL.  Under the lock. */
static Entry *
find_entry(SharedKey key)
{
	for (int i = 0; i < MAX_ENTRIES; i++)
	{
		Entry	   *entry = &table->entries[((uint64) key.id + i) % MAX_ENTRIES];

		if (entry->key.database == key.database && entry->key.table == key.table &&
			entry->key.id == key.id)
			return entry;
	}
	return NULL;
}

/* Make an entry for a version.  Under the lock, exclusively. */
static Entry *
enter(SharedKey key)
{
	Entry	   *place = NULL;

	for (int i = 0; i < MAX_ENTRIES; i++)
	{
		Entry	   *entry = &table->entries[((uint64) key.id + i) % MAX_ENTRIES];

		if (entry->key.database == InvalidOid)
		{
			place = entry;
			break;
		}
		if (place == NULL ||
			pg_atomic_read_u64(&entry->used) < pg_atomic_read_u64(&place->used))
			place = entry;
	}
	place->key = key;
	place->since = GetCurrentTimestamp();
	for (int c = 0; c < COUNTERS; c++)
		pg_atomic_write_u64(&place->counter[c], 0);
	pg_atomic_write_u64(&place->longest, 0);
	return place;
}

/* Under the lock, shared or exclusively. */
static void
add(Entry *entry, const Event *event)
{
	uint64		longest = pg_atomic_read_u64(&entry->longest);

	for (int c = 0; c < COUNTERS; c++)
	{
		if (event->counter[c] != 0)
			pg_atomic_fetch_add_u64(&entry->counter[c], (int64) event->counter[c]);
	}
	/* longest is what another backend has made it meanwhile, where it cannot be exchanged */
	while (event->is_call && event->counter[TIME] > longest &&
		   !pg_atomic_compare_exchange_u64(&entry->longest, &longest, event->counter[TIME]))
		;
	pg_atomic_write_u64(&entry->used, (uint64) GetCurrentTimestamp());
}

static void
count(SharedKey key, const Event *event)
{
	Entry	   *entry;

	attach();
	LWLockAcquire(&table->lock, LW_SHARED);
	entry = find_entry(key);
	if (entry != NULL)
		add(entry, event);
	LWLockRelease(&table->lock);
	if (entry != NULL)
		return;
	LWLockAcquire(&table->lock, LW_EXCLUSIVE);
	entry = find_entry(key);
	add(entry != NULL ? entry : enter(key), event);
	LWLockRelease(&table->lock);
}

static uint64
nanoseconds_since(instr_time start)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, start);
	return (uint64) (INSTR_TIME_GET_DOUBLE(now) * 1e9);
}

void
statistics_count_call(SharedKey key, instr_time start, int64 rows, bool hit)
{
	count(key, &(Event) {
		.counter = {
			[CALLS] = 1,
			[ROWS] = (uint64) rows,
			[TIME] = nanoseconds_since(start),
			[HITS] = hit ? 1 : 0
		},
		.is_call = true
	});
}

void
statistics_count_load(SharedKey key, instr_time start, bool attached)
{
	count(key, &(Event) {
		.counter = {
			[ATTACHES] = attached ? 1 : 0,
			[LOADS] = attached ? 0 : 1,
			[LOAD_TIME] = nanoseconds_since(start)
		}
	});
}

/* ---------------------------------------------------------------- reading */

static void
add_row(const Results *results, Entry *entry)
{
	Datum		values[COLUMNS];
	bool		nulls[COLUMNS] = {false};
	uint64		counter[COUNTERS];

	for (int c = 0; c < COUNTERS; c++)
		counter[c] = pg_atomic_read_u64(&entry->counter[c]);
	values[COLUMN_DATID] = ObjectIdGetDatum(entry->key.database);
	values[COLUMN_VERSION_ID] = Int64GetDatum(entry->key.id);
	values[COLUMN_CALLS] = Int64GetDatum((int64) counter[CALLS]);
	values[COLUMN_ROWS] = Int64GetDatum((int64) counter[ROWS]);
	values[COLUMN_TOTAL_TIME] = Float8GetDatum((double) counter[TIME] / NANOSECONDS_PER_MILLISECOND);
	values[COLUMN_MAX_TIME] = Float8GetDatum((double) pg_atomic_read_u64(&entry->longest) /
											 NANOSECONDS_PER_MILLISECOND);
	values[COLUMN_HITS] = Int64GetDatum((int64) counter[HITS]);
	values[COLUMN_ATTACHES] = Int64GetDatum((int64) counter[ATTACHES]);
	values[COLUMN_LOADS] = Int64GetDatum((int64) counter[LOADS]);
	values[COLUMN_LOAD_TIME] = Float8GetDatum((double) counter[LOAD_TIME] /
											  NANOSECONDS_PER_MILLISECOND);
	values[COLUMN_LAST_USED] = TimestampTzGetDatum((TimestampTz) pg_atomic_read_u64(&entry->used));
	values[COLUMN_STATS_SINCE] = TimestampTzGetDatum(entry->since);
	results_add(results, values, nulls);
}

PG_FUNCTION_INFO_V1(recseq_get_statistics);

/* recseq_get_statistics(): what the view pg_stat_recseq shows. */
Datum
recseq_get_statistics(PG_FUNCTION_ARGS)
{
	Results		results = results_begin(fcinfo);

	attach();
	LWLockAcquire(&table->lock, LW_SHARED);
	for (int i = 0; i < MAX_ENTRIES; i++)
	{
		if (table->entries[i].key.database != InvalidOid)
			add_row(&results, &table->entries[i]);
	}
	LWLockRelease(&table->lock);
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(recseq_reset_statistics);

/* pg_stat_recseq_reset(): forgets the entries of this database. */
Datum
recseq_reset_statistics(PG_FUNCTION_ARGS)
{
	attach();
	LWLockAcquire(&table->lock, LW_EXCLUSIVE);
	for (int i = 0; i < MAX_ENTRIES; i++)
	{
		if (table->entries[i].key.database == MyDatabaseId)
			table->entries[i].key.database = InvalidOid;
	}
	LWLockRelease(&table->lock);
	PG_RETURN_VOID();
}
