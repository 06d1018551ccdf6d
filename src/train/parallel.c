/*
 * parallel.c
 *	  Work that this backend and parallel workers do alike: training a network
 *	  (training.c), and fitting a second stage (second_stage.c).
 *
 * What is shared lies in a segment of dynamic shared memory.  The leader lays it
 * out and fills it, then enters parallel mode and launches workers, who attach
 * to the segment and lay their own views over it.  From then on all do the same,
 * each its part, and meet at barriers.  Only the leader reports progress, and
 * nobody touches the database; that comes after parallel mode.
 *
 * PostgreSQL's parallel infrastructure carries settings, user and errors over:
 * a worker that fails or is terminated raises an error in the leader at its
 * next interrupt check, also while it waits; and workers end when the leader's
 * transaction does, however it ends.
 *
 * Without a segment (not enough shared memory), or without workers (none
 * allowed or free), the leader does it all, with the same result to the bit.
 */
#include "train/parallel.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "port/atomics.h"
#include "storage/condition_variable.h"
#include "storage/ipc.h"
#include "storage/pmsignal.h"
#include "storage/s_lock.h"
#include "utils/memutils.h"

#include "memory.h"
#include "segment.h"

/* Of the table of contents. */
#define SHARED_KEY 1
#define DETAILS_KEY 2

/*
 * How often a waiting process looks before it sleeps.  Phases of a minibatch
 * end within microseconds of each other, and waking a sleeper takes tens.
 */
#define SPINS 4000

/* What the leader and the workers share besides the block and the details. */
typedef struct ParallelShared
{
	dsm_handle	segment;
	/* the barrier */
	pg_atomic_uint32 members;	/* 0: not known yet */
	pg_atomic_uint32 arrived;
	pg_atomic_uint32 phase;
	ConditionVariable changed;	/* members or phase */
} ParallelShared;

/* ---------------------------------------------------------------- memory */

ParallelMemory
parallel_allocate(Size bytes, int workers)
{
	ParallelMemory	memory = {0};

	if (workers > 0)
		memory.segment = segment_create(bytes);
	if (memory.segment != NULL)
		memory.block = dsm_segment_address(memory.segment);
	else
		memory.block = allocate_aligned(bytes);
	return memory;
}

/* ---------------------------------------------------------------- barrier */

/* Wait until a counter is no longer that value. */
static void
wait_for_change(ParallelShared *shared, pg_atomic_uint32 *counter, uint32 value)
{
	for (int i = 0; i < SPINS; i++)
	{
		if (pg_atomic_read_u32(counter) != value)
		{
			/* what others wrote before they changed it is read after it */
			pg_read_barrier();
			return;
		}
		SPIN_DELAY();
	}
	ConditionVariablePrepareToSleep(&shared->changed);
	while (pg_atomic_read_u32(counter) == value)
		ConditionVariableSleep(&shared->changed, PG_WAIT_EXTENSION);
	ConditionVariableCancelSleep();
	pg_read_barrier();
}

/*
 * ParallelPart.barrier: wait for all members.  PostgreSQL's Barrier would do, but
 * it sleeps at once.
 */
static void
wait_for_all(void *context)
{
	ParallelShared *shared = context;
	uint32		phase = pg_atomic_read_u32(&shared->phase);

	CHECK_FOR_INTERRUPTS();
	/* this is a full memory barrier: what each wrote is there for all who go on */
	if (pg_atomic_add_fetch_u32(&shared->arrived, 1) == pg_atomic_read_u32(&shared->members))
	{
		/* before the phase, since the next barrier may begin right after it */
		pg_atomic_write_u32(&shared->arrived, 0);
		pg_atomic_add_fetch_u32(&shared->phase, 1);
		ConditionVariableBroadcast(&shared->changed);
	}
	else
		wait_for_change(shared, &shared->phase, phase);
}

/* ---------------------------------------------------------------- workers */

bool
parallel_may_go_on(void *context)
{
	CHECK_FOR_INTERRUPTS();
	if (!PostmasterIsAlive())
		proc_exit(1);
	return true;
}

void
parallel_worker(shm_toc *toc, ParallelFunction function)
{
	ParallelShared *shared = shm_toc_lookup(toc, SHARED_KEY, false);
	dsm_segment *segment = dsm_attach(shared->segment);
	ParallelPart part = {
		.rank = ParallelWorkerNumber + 1,
		.details = shm_toc_lookup(toc, DETAILS_KEY, false),
		.barrier = wait_for_all,
		.barrier_context = shared
	};

	if (segment == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("could not map dynamic shared memory segment")));
	part.block = dsm_segment_address(segment);
	wait_for_change(shared, &shared->members, 0);
	part.ranks = (int32) pg_atomic_read_u32(&shared->members);
	function(&part);
	dsm_detach(segment);
}

/* Make what is shared, for workers to come. */
static ParallelShared *
share(ParallelContext *pcxt, const ParallelMemory *memory, const void *details, Size bytes)
{
	ParallelShared *shared;
	void	   *copy;

	shm_toc_estimate_chunk(&pcxt->estimator, sizeof(ParallelShared));
	shm_toc_estimate_chunk(&pcxt->estimator, bytes);
	shm_toc_estimate_keys(&pcxt->estimator, 2);
	InitializeParallelDSM(pcxt);
	shared = shm_toc_allocate(pcxt->toc, sizeof(ParallelShared));
	shared->segment = dsm_segment_handle(memory->segment);
	pg_atomic_init_u32(&shared->members, 0);
	pg_atomic_init_u32(&shared->arrived, 0);
	pg_atomic_init_u32(&shared->phase, 0);
	ConditionVariableInit(&shared->changed);
	shm_toc_insert(pcxt->toc, SHARED_KEY, shared);
	copy = shm_toc_allocate(pcxt->toc, bytes);
	memcpy(copy, details, bytes);
	shm_toc_insert(pcxt->toc, DETAILS_KEY, copy);
	return shared;
}

NnStatus
parallel_run(const char *entry, ParallelFunction function, const ParallelMemory *memory,
			 int workers, const void *details, Size bytes, void *leader)
{
	ParallelPart part = {
		.ranks = 1,
		.block = memory->block,
		.details = details,
		.leader = leader
	};
	ParallelContext *pcxt;
	ParallelShared *shared;
	NnStatus	status;

	if (memory->segment == NULL)
		return function(&part);

	EnterParallelMode();
	pcxt = CreateParallelContext("recseq", entry, workers);
	shared = share(pcxt, memory, details, bytes);
	LaunchParallelWorkers(pcxt);
	WaitForParallelWorkersToAttach(pcxt);

	part.ranks = pcxt->nworkers_launched + 1;
	part.barrier = wait_for_all;
	part.barrier_context = shared;
	pg_atomic_write_u32(&shared->members, (uint32) part.ranks);
	ConditionVariableBroadcast(&shared->changed);
	status = function(&part);

	WaitForParallelWorkersToFinish(pcxt);
	DestroyParallelContext(pcxt);
	ExitParallelMode();
	return status;
}
