/*
 * checkpoint.c
 *	  What an interrupted job goes on from, as rows.
 *
 * The trainer's pieces are written one after the other, each in chunks, from
 * where they are and back to there: no copy of the whole is made.
 */
#include "store/checkpoint.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"

#include "model/crc32c.h"

/* As for the chunks of an image; a checkpoint is never dumped. */
#define CHUNK_BYTES (4 * 1024 * 1024)

int64
checkpoint_store(const Caller *caller, const TrainerPiece *pieces, int count,
				 uint32 *checksum)
{
	int64		id = catalog_new_id();
	Oid			types[] = {INT8OID, INT4OID, BYTEAOID};
	bytea	   *data = palloc(VARHDRSZ + CHUNK_BYTES);
	int32		number = 0;

	*checksum = 0;
	for (int i = 0; i < count; i++)
	{
		for (Size done = 0; done < pieces[i].bytes; done += CHUNK_BYTES)
		{
			Size		length = Min(pieces[i].bytes - done, CHUNK_BYTES);
			Datum		values[] = {
				Int64GetDatum(id), Int32GetDatum(number++), PointerGetDatum(data)
			};

			CHECK_FOR_INTERRUPTS();
			SET_VARSIZE(data, VARHDRSZ + length);
			memcpy(VARDATA(data), (char *) pieces[i].at + done, length);
			*checksum = crc32c(*checksum, VARDATA(data), length);
			catalog_run(caller, "INSERT INTO %s.recseq_checkpoint (id, chunk, data)"
						" VALUES ($1, $2, $3)", lengthof(values), types, values, NULL);
		}
	}
	pfree(data);
	return id;
}

/* Fetch a chunk of that many bytes; false: there is no such chunk. */
static bool
load_chunk(const Caller *caller, int64 id, int32 number, char *to, Size length)
{
	Oid			types[] = {INT8OID, INT4OID};
	Datum		values[] = {Int64GetDatum(id), Int32GetDatum(number)};
	bytea	   *data;
	bool		fits;

	if (catalog_run(caller, "SELECT data FROM %s.recseq_checkpoint"
					" WHERE id OPERATOR(pg_catalog.=) $1 AND chunk OPERATOR(pg_catalog.=) $2",
					lengthof(values), types, values, NULL) == 0)
		return false;
	data = DatumGetByteaPP(catalog_first_row(1));
	fits = VARSIZE_ANY_EXHDR(data) == length;
	if (fits)
		memcpy(to, VARDATA_ANY(data), length);
	if ((Pointer) data != DatumGetPointer(catalog_first_row(1)))
		pfree(data);
	SPI_freetuptable(SPI_tuptable);
	return fits;
}

bool
checkpoint_load(const Caller *caller, int64 id, const TrainerPiece *pieces, int count,
				uint32 checksum)
{
	int32		number = 0;
	uint32		found = 0;

	for (int i = 0; i < count; i++)
	{
		for (Size done = 0; done < pieces[i].bytes; done += CHUNK_BYTES)
		{
			Size		length = Min(pieces[i].bytes - done, CHUNK_BYTES);
			char	   *to = (char *) pieces[i].at + done;

			CHECK_FOR_INTERRUPTS();
			if (!load_chunk(caller, id, number++, to, length))
				return false;
			found = crc32c(found, to, length);
		}
	}
	return found == checksum;
}

void
checkpoint_delete(const Caller *caller, int64 id)
{
	Oid			types[] = {INT8OID};
	Datum		values[] = {Int64GetDatum(id)};

	catalog_run(caller, "DELETE FROM %s.recseq_checkpoint WHERE id OPERATOR(pg_catalog.=) $1",
				lengthof(values), types, values, NULL);
}
