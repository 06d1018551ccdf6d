/*
 * chunks.c
 *	  Many bytes as rows of (id, chunk, data).
 */
#include "store/chunks.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

/* Columns by number, as sql/types_and_tables.sql creates them. */
enum
{
	CHUNK_ID = 1,
	CHUNK_CHUNK,
	CHUNK_DATA
};

int64
chunks_new_id(void)
{
	int64		id;

	if (!pg_strong_random(&id, sizeof(id)))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate random values")));
	return id & PG_INT64_MAX;
}

int32
chunks_write(const Caller *caller, const char *table, int64 id, int32 first,
			 const void *from, Size bytes)
{
	char	   *statement = psprintf("INSERT INTO %%s.%s (id, chunk, data) VALUES ($1, $2, $3)",
									 table);
	Oid			types[] = {INT8OID, INT4OID, BYTEAOID};
	bytea	   *data = palloc(VARHDRSZ + Min(bytes, CHUNK_BYTES));
	int32		number = first;

	for (Size done = 0; done < bytes; done += CHUNK_BYTES)
	{
		Size		length = Min(bytes - done, CHUNK_BYTES);
		Datum		values[] = {
			Int64GetDatum(id), Int32GetDatum(number++), PointerGetDatum(data)
		};

		CHECK_FOR_INTERRUPTS();
		SET_VARSIZE(data, VARHDRSZ + length);
		memcpy(VARDATA(data), (const char *) from + done, length);
		as_owner_run(caller, statement, lengthof(values), types, values, NULL);
	}
	pfree(data);
	return number;
}

bool
chunks_read(Oid table, Oid index, int64 id, char *to, Size bytes)
{
	Relation	rel = table_open(table, AccessShareLock);
	Relation	key_index = index_open(index, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	Size		read = 0;
	int32		next = 0;

	ScanKeyInit(&key, CHUNK_ID, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(id));
	/* the statement's snapshot, not a newer one: MVCC decides which version it sees */
	scan = systable_beginscan_ordered(rel, key_index, GetActiveSnapshot(), 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext_ordered(scan, ForwardScanDirection)))
	{
		bool		no_number;
		bool		no_data;
		Datum		number = heap_getattr(tuple, CHUNK_CHUNK, RelationGetDescr(rel), &no_number);
		Datum		stored = heap_getattr(tuple, CHUNK_DATA, RelationGetDescr(rel), &no_data);
		bytea	   *data;
		Size		length;

		CHECK_FOR_INTERRUPTS();
		if (no_number || no_data || DatumGetInt32(number) != next++)
			break;
		data = DatumGetByteaPP(stored);
		length = VARSIZE_ANY_EXHDR(data);
		if (length > bytes - read)
			break;
		memcpy(to + read, VARDATA_ANY(data), length);
		read += length;
		if ((Pointer) data != DatumGetPointer(stored))
			pfree(data);
	}
	systable_endscan_ordered(scan);
	index_close(key_index, AccessShareLock);
	table_close(rel, AccessShareLock);
	return read == bytes;
}
