/*
 * segment.c
 *	  Shared memory: large segments that may not be had, and small named ones.
 *
 * dsm_create raises an error where /dev/shm is too small, so it is called in a
 * subtransaction, whose end must not unmap the segment.
 */
#include "segment.h"

#include "access/xact.h"
#include "storage/lwlock.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#if PG_VERSION_NUM >= 170000
#include "storage/dsm_registry.h"
#else
#include "storage/shmem.h"
#endif

dsm_segment *
segment_create(Size bytes)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	dsm_segment *volatile segment = NULL;

	if (IsInParallelMode())
		return NULL;
	BeginInternalSubTransaction(NULL);
	PG_TRY();
	{
		segment = dsm_create(bytes, DSM_CREATE_NULL_IF_MAXSEGMENTS);
		if (segment != NULL)
			dsm_pin_mapping(segment);
		ReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
		if (error->sqlerrcode == ERRCODE_QUERY_CANCELED ||
			error->sqlerrcode == ERRCODE_ADMIN_SHUTDOWN)
			ReThrowError(error);
		FreeErrorData(error);
		segment = NULL;
	}
	PG_END_TRY();
	if (segment != NULL)
		dsm_unpin_mapping(segment);
	return segment;
}

/* Sets up what follows the lock of the struct that segment_named() creates. */
static void (*init_rest) (void *memory);

static void
init_with_lock(void *memory)
{
	LWLockInitialize(memory, LWLockNewTrancheId());
	init_rest(memory);
}

void *
segment_named(const char *name, Size bytes, void (*init) (void *memory))
{
	void	   *memory;
	bool		found;

	init_rest = init;
#if PG_VERSION_NUM >= 170000
	memory = GetNamedDSMSegment(name, bytes, init_with_lock, &found);
#else
	/* two backends that ask first at the same time: one creates it, the other waits for it */
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	memory = ShmemInitStruct(name, bytes, &found);
	if (!found)
		init_with_lock(memory);
	LWLockRelease(AddinShmemInitLock);
#endif
	/* the number is the cluster's, the name each backend's own */
	LWLockRegisterTranche(((LWLock *) memory)->tranche, "recseq");
	return memory;
}
