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

#include "model/model.h"
#include "store/chunks.h"

/* Add a piece to a checksum. */
static uint32
checksum_piece(uint32 checksum, const TrainerPiece *piece)
{
	for (Size done = 0; done < piece->bytes; done += CHUNK_BYTES)
	{
		CHECK_FOR_INTERRUPTS();
		checksum = crc32c(checksum, (char *) piece->at + done,
						  Min(piece->bytes - done, CHUNK_BYTES));
	}
	return checksum;
}

int64
checkpoint_store(const Caller *caller, const TrainerPiece *pieces, int count,
				 uint32 *checksum)
{
	int64		id = chunks_new_id();
	int32		number = 0;

	*checksum = 0;
	for (int i = 0; i < count; i++)
	{
		number = chunks_write(caller, "recseq_checkpoint", id, number,
							  pieces[i].at, pieces[i].bytes);
		*checksum = checksum_piece(*checksum, &pieces[i]);
	}
	return id;
}

/* Fetch a chunk of that many bytes; false: there is no such chunk. */
static bool
load_chunk(const Caller *caller, int64 id, int32 number, char *to, Size length)
{
	Oid			types[] = {INT8OID, INT4OID};
	Datum		values[] = {Int64GetDatum(id), Int32GetDatum(number)};
	Datum		stored;
	bytea	   *data;
	bool		fits;

	if (as_owner_run(caller, "SELECT data FROM %s.recseq_checkpoint"
					 " WHERE id OPERATOR(pg_catalog.=) $1 AND chunk OPERATOR(pg_catalog.=) $2",
					 lengthof(values), types, values, NULL) == 0)
		return false;
	stored = as_owner_column(1);
	data = DatumGetByteaPP(stored);
	fits = VARSIZE_ANY_EXHDR(data) == length;
	if (fits)
		memcpy(to, VARDATA_ANY(data), length);
	if ((Pointer) data != DatumGetPointer(stored))
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
			CHECK_FOR_INTERRUPTS();
			if (!load_chunk(caller, id, number++, (char *) pieces[i].at + done,
							Min(pieces[i].bytes - done, CHUNK_BYTES)))
				return false;
		}
		found = checksum_piece(found, &pieces[i]);
	}
	return found == checksum;
}

void
checkpoint_delete(const Caller *caller, int64 id)
{
	Oid			types[] = {INT8OID};
	Datum		values[] = {Int64GetDatum(id)};

	as_owner_run(caller, "DELETE FROM %s.recseq_checkpoint WHERE id OPERATOR(pg_catalog.=) $1",
				 lengthof(values), types, values, NULL);
}
