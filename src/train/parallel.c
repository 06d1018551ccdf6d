/*
 * parallel.c
 *	  Runs a trainer in this backend and in parallel workers.
 *
 * The trainer's block lies in a segment of dynamic shared memory.  The leader
 * lays it out and fills it, then enters parallel mode and launches workers, who
 * attach to the segment and lay their own views over it.  From then on all do
 * the same (nn/trainer.h) and meet at barriers.  Only the leader reports
 * progress, and nobody touches the database; that comes after parallel mode.
 *
 * PostgreSQL's parallel infrastructure carries settings, user and errors over:
 * a worker that fails or is terminated raises an error in the leader at its
 * next interrupt check, also while it waits; and workers end when the leader's
 * transaction does, however it ends.
 *
 * Without a segment (not enough shared memory), or without workers (none
 * allowed or free), the leader trains alone, with the same result to the bit.
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

#define SHARED_KEY 1			/* of the table of contents */

/*
 * How often a waiting process looks before it sleeps.  Phases of a minibatch
 * end within microseconds of each other, and waking a sleeper takes tens.
 */
#define SPINS 4000

/* What the leader and the workers share besides the trainer's block. */
typedef struct ParallelTraining
{
	dsm_handle	segment;
	Config		config;
	TrainerOptions options;
	TrainerSizes sizes;
	int32		epochs;			/* to train, at most */
	/* the barrier */
	pg_atomic_uint32 members;	/* 0: not known yet */
	pg_atomic_uint32 arrived;
	pg_atomic_uint32 phase;
	ConditionVariable changed;	/* members or phase */
} ParallelTraining;

PGDLLEXPORT void recseq_train_worker(dsm_segment *seg, shm_toc *toc);

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
wait_for_change(ParallelTraining *shared, pg_atomic_uint32 *counter, uint32 value)
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
 * TrainerCalls.barrier: wait for all members.  PostgreSQL's Barrier would do, but
 * it sleeps at once.
 */
static void
wait_for_all(void *context)
{
	ParallelTraining *shared = context;
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

/* Entry point of a worker. */
void
recseq_train_worker(dsm_segment *seg, shm_toc *toc)
{
	ParallelTraining *shared = shm_toc_lookup(toc, SHARED_KEY, false);
	dsm_segment *segment = dsm_attach(shared->segment);
	/* it reports nothing */
	TrainerCalls calls = {
		.context = shared,
		.may_go_on = parallel_may_go_on,
		.barrier = wait_for_all
	};
	Trainer		trainer;
	Arena		arena = {0};

	if (segment == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("could not map dynamic shared memory segment")));
	arena.base = dsm_segment_address(segment);
	trainer_place(&trainer, &arena, &shared->config, &shared->options, &shared->sizes);
	wait_for_change(shared, &shared->members, 0);
	trainer_run(&trainer, ParallelWorkerNumber + 1,
				(int32) pg_atomic_read_u32(&shared->members), &calls, shared->epochs);
	dsm_detach(segment);
}

/* The leader's calls: its own, and the barrier that it shares. */
typedef struct Leader
{
	ParallelTraining *shared;
	const TrainerCalls *calls;
} Leader;

static bool
leader_may_go_on(void *context)
{
	const TrainerCalls *calls = ((Leader *) context)->calls;

	return calls->may_go_on(calls->context);
}

static void
leader_minibatch_done(void *context, int64_t windows, double loss)
{
	const TrainerCalls *calls = ((Leader *) context)->calls;

	calls->minibatch_done(calls->context, windows, loss);
}

static void
leader_epoch_done(void *context, const EpochReport *report)
{
	const TrainerCalls *calls = ((Leader *) context)->calls;

	calls->epoch_done(calls->context, report);
}

static void
leader_barrier(void *context)
{
	wait_for_all(((Leader *) context)->shared);
}

NnStatus
parallel_run(Trainer *trainer, const ParallelMemory *memory, int workers,
		 const TrainerCalls *calls, int32 epochs)
{
	ParallelContext *pcxt;
	ParallelTraining *shared;
	NnStatus	status;
	Leader		leader = {.calls = calls};
	TrainerCalls leader_calls = {
		.context = &leader,
		.may_go_on = leader_may_go_on,
		.minibatch_done = leader_minibatch_done,
		.epoch_done = leader_epoch_done,
		.barrier = leader_barrier
	};

	if (memory->segment == NULL)
		return trainer_run(trainer, 0, 1, calls, epochs);

	EnterParallelMode();
	pcxt = CreateParallelContext("recseq", "recseq_train_worker", workers);
	shm_toc_estimate_chunk(&pcxt->estimator, sizeof(ParallelTraining));
	shm_toc_estimate_keys(&pcxt->estimator, 1);
	InitializeParallelDSM(pcxt);
	shared = shm_toc_allocate(pcxt->toc, sizeof(ParallelTraining));
	shared->segment = dsm_segment_handle(memory->segment);
	shared->config = trainer->config;
	shared->options = trainer->options;
	shared->sizes = trainer->sizes;
	shared->epochs = epochs;
	pg_atomic_init_u32(&shared->members, 0);
	pg_atomic_init_u32(&shared->arrived, 0);
	pg_atomic_init_u32(&shared->phase, 0);
	ConditionVariableInit(&shared->changed);
	shm_toc_insert(pcxt->toc, SHARED_KEY, shared);
	LaunchParallelWorkers(pcxt);
	WaitForParallelWorkersToAttach(pcxt);

	leader.shared = shared;
	pg_atomic_write_u32(&shared->members, (uint32) pcxt->nworkers_launched + 1);
	ConditionVariableBroadcast(&shared->changed);
	status = trainer_run(trainer, 0, pcxt->nworkers_launched + 1, &leader_calls, epochs);

	WaitForParallelWorkersToFinish(pcxt);
	DestroyParallelContext(pcxt);
	ExitParallelMode();
	return status;
}
