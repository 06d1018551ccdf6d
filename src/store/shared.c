/*
 * shared.c
 *	  Loaded models that all backends share.
 *
 * A small directory in shared memory says which version lies in which pinned
 * segment of dynamic shared memory.  It needs no shared_preload_libraries: the
 * first backend that asks creates it.  Whoever loads a version fills a segment
 * and publishes it; others attach to it.  A segment never changes once it is
 * published, so reading it needs no lock; the directory has one lightweight
 * lock, held for the time of a look-up.
 *
 * The total is limited by recseq.shared_cache_size.  What is forgotten, because
 * room was needed or because the version was dropped, stays mapped in the
 * backends that use it until their next call, which notices by the directory's
 * generation.
 */
#include "store/shared.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/lwlock.h"
#include "utils/memutils.h"

#include "guc.h"
#include "segment.h"

#define DIRECTORY_NAME "recseq models"
#define MAX_SHARED_MODELS 64

typedef struct SharedModel
{
	SharedKey	key;
	dsm_handle	segment;		/* DSM_HANDLE_INVALID: free */
	Size		bytes;
	pg_atomic_uint64 used;		/* clock of the last attach */
} SharedModel;

typedef struct Directory
{
	LWLock		lock;			/* of models */
	pg_atomic_uint64 clock;
	pg_atomic_uint32 generation;
	SharedModel models[MAX_SHARED_MODELS];
} Directory;

static Directory *directory = NULL;

/* Versions that the current transaction has dropped. */
static List *forgotten = NIL;

static void
directory_init(void *memory)
{
	Directory  *created = memory;

	pg_atomic_init_u64(&created->clock, 0);
	pg_atomic_init_u32(&created->generation, 0);
	for (int i = 0; i < MAX_SHARED_MODELS; i++)
	{
		created->models[i].segment = DSM_HANDLE_INVALID;
		pg_atomic_init_u64(&created->models[i].used, 0);
	}
}

/* Find or create the directory. */
static void
directory_attach(void)
{
	if (directory != NULL)
		return;
	directory = segment_named(DIRECTORY_NAME, sizeof(Directory), directory_init);
}

/* The place of a version in the directory, or NULL.  Under the lock. */
static SharedModel *
find_model(SharedKey key)
{
	for (int i = 0; i < MAX_SHARED_MODELS; i++)
	{
		SharedModel *model = &directory->models[i];

		if (model->segment != DSM_HANDLE_INVALID &&
			model->key.database == key.database &&
			model->key.table == key.table && model->key.id == key.id)
			return model;
	}
	return NULL;
}

/* Free a place.  Under the lock. */
static void
forget(SharedModel *model)
{
	dsm_unpin_segment(model->segment);
	model->segment = DSM_HANDLE_INVALID;
	pg_atomic_add_fetch_u32(&directory->generation, 1);
}

dsm_segment *
shared_attach(SharedKey key)
{
	SharedModel *model;
	dsm_segment *segment = NULL;

	if (recseq_shared_cache_size == 0)
		return NULL;
	directory_attach();
	/* until the segment is mapped: whoever forgets it meanwhile would have it freed */
	LWLockAcquire(&directory->lock, LW_SHARED);
	model = find_model(key);
	if (model != NULL)
	{
		pg_atomic_write_u64(&model->used, pg_atomic_add_fetch_u64(&directory->clock, 1));
		segment = dsm_attach(model->segment);
	}
	LWLockRelease(&directory->lock);
	if (segment != NULL)
		dsm_pin_mapping(segment);
	return segment;
}

/*
 * A free place for that many bytes, or NULL if they exceed the limit by
 * themselves.  Under the lock.
 */
static SharedModel *
make_room(Size bytes)
{
	Size		limit = (Size) recseq_shared_cache_size * 1024;

	if (bytes > limit)
		return NULL;
	for (;;)
	{
		SharedModel *free_place = NULL;
		SharedModel *oldest = NULL;
		Size		total = bytes;

		for (int i = 0; i < MAX_SHARED_MODELS; i++)
		{
			SharedModel *model = &directory->models[i];

			if (model->segment == DSM_HANDLE_INVALID)
			{
				free_place = model;
				continue;
			}
			total += model->bytes;
			if (oldest == NULL ||
				pg_atomic_read_u64(&model->used) < pg_atomic_read_u64(&oldest->used))
				oldest = model;
		}
		if (free_place != NULL && total <= limit)
			return free_place;
		forget(oldest);
	}
}

bool
shared_publish(SharedKey key, dsm_segment *segment)
{
	Size		bytes = dsm_segment_map_length(segment);
	SharedModel *model = NULL;

	directory_attach();
	/* looking for it and entering it as one: of two backends that load it, one publishes it */
	LWLockAcquire(&directory->lock, LW_EXCLUSIVE);
	if (find_model(key) == NULL)
		model = make_room(bytes);
	if (model != NULL)
	{
		dsm_pin_segment(segment);
		model->key = key;
		model->segment = dsm_segment_handle(segment);
		model->bytes = bytes;
		pg_atomic_write_u64(&model->used, pg_atomic_add_fetch_u64(&directory->clock, 1));
	}
	LWLockRelease(&directory->lock);
	return model != NULL;
}

bool
shared_exists(SharedKey key)
{
	bool		exists;

	directory_attach();
	LWLockAcquire(&directory->lock, LW_SHARED);
	exists = find_model(key) != NULL;
	LWLockRelease(&directory->lock);
	return exists;
}

uint32
shared_generation(void)
{
	directory_attach();
	return pg_atomic_read_u32(&directory->generation);
}

/* Forget the dropped versions, now that nobody can find them any more. */
static void
end_transaction(XactEvent event, void *arg)
{
	ListCell   *cell;

	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT &&
		event != XACT_EVENT_PREPARE)
		return;
	/* versions whose drop is prepared stay until room is needed */
	if (event == XACT_EVENT_COMMIT && forgotten != NIL)
	{
		/* exclusive, since places are freed */
		LWLockAcquire(&directory->lock, LW_EXCLUSIVE);
		foreach(cell, forgotten)
		{
			SharedModel *model = find_model(*(SharedKey *) lfirst(cell));

			if (model != NULL)
				forget(model);
		}
		LWLockRelease(&directory->lock);
	}
	/* its memory goes with the transaction */
	forgotten = NIL;
}

void
shared_forget_on_commit(SharedKey key)
{
	static bool registered = false;
	MemoryContext context = MemoryContextSwitchTo(TopTransactionContext);
	SharedKey  *copy = palloc(sizeof(SharedKey));

	directory_attach();
	if (!registered)
	{
		RegisterXactCallback(end_transaction, NULL);
		registered = true;
	}
	*copy = key;
	forgotten = lappend(forgotten, copy);
	MemoryContextSwitchTo(context);
}
