/*
 * chunks.h
 *	  Many bytes as rows of (id, chunk, data).
 */
#ifndef RECSEQ_CHUNKS_H
#define RECSEQ_CHUNKS_H

#include "postgres.h"

#include "store/as_owner.h"

/*
 * Bytes in one row: a bytea doubles when it is dumped, so it must stay far
 * below 1 GB, and a chunk is held in memory twice while it is written.
 */
#define CHUNK_BYTES (4 * 1024 * 1024)

/*
 * A new id.  Loaded models are found by theirs, so it must not come again, not
 * even where the tables are emptied and filled from elsewhere.
 */
extern int64 chunks_new_id(void);

/*
 * Write bytes to a table of recseq's (a literal name) as the chunks of an id, numbered from
 * `first`.  Returns the number of the chunk that would come next.
 */
extern int32 chunks_write(const Caller *caller, const char *table, int64 id, int32 first,
						  const void *from, Size bytes);

/*
 * Read the chunks of an id, from number 0, which must have that many bytes,
 * from a table of that layout through its primary key, under the active
 * snapshot.  False: they have not.
 */
extern bool chunks_read(Oid table, Oid index, int64 id, char *to, Size bytes);

#endif							/* RECSEQ_CHUNKS_H */
