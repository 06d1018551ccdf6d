/*
 * shared.h
 *	  Loaded models that all backends share.
 */
#ifndef RECSEQ_SHARED_H
#define RECSEQ_SHARED_H

#include "postgres.h"

#include "storage/dsm.h"

/* Which version, in which database. */
typedef struct SharedKey
{
	Oid			database;
	Oid			table;			/* recseq_chunk, which holds the image */
	int64		id;
} SharedKey;

/*
 * The segment of a version that another backend, or this one, has published;
 * mapped until it is detached, or NULL.
 */
extern dsm_segment *shared_attach(SharedKey key);

/*
 * Publish a segment: it stays when this backend ends.  Makes room by forgetting
 * those used least recently.  False: it is too large for
 * recseq.shared_cache_size, or somebody was faster.
 */
extern bool shared_publish(SharedKey key, dsm_segment *segment);

/*
 * Forget a version when the current transaction commits; its memory is freed
 * when the last backend that has it mapped lets go.
 */
extern void shared_forget_on_commit(SharedKey key);

/* Changes whenever a version is forgotten. */
extern uint32 shared_generation(void);

/* Whether a version is still published. */
extern bool shared_exists(SharedKey key);

#endif							/* RECSEQ_SHARED_H */
