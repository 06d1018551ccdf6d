/*
 * launcher.c
 *	  The processes that work the queues of jobs.
 *
 * Every database that has unfinished jobs has a launcher, a dynamic background
 * worker, which starts a process (job_worker.c) for each job in its turn,
 * notices when one is gone without having ended its job, and leaves when there
 * is no unfinished job any more.  Whoever queues a job wakes the launcher, or
 * registers one.  The postmaster starts a launcher again that dies, also after
 * a crash; after a start of the server or a promotion somebody must wake it:
 * where recseq is preloaded, the starter does, which calls at every database.
 *
 * A launcher connects as the bootstrap superuser and runs nothing but the
 * statements below, as the owner of recseq's tables.  A job's process connects
 * as the role that queued it.
 *
 * The board, in shared memory, says which process is the launcher of which
 * database and which runs which job.  A job is entered by the launcher, taken
 * over by its process, and struck out when that exits.  What is true of a job
 * is in its row: it becomes "running" by the hand of its process, and becomes
 * "queued" again by that of the launcher once the process is not on the board.
 */
#include "jobs/launcher.h"

#include <signal.h>

#include "access/genam.h"
#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/condition_variable.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "store/catalog.h"
#include "guc.h"
#include "jobs/jobs.h"
#include "segment.h"

#define BOARD_NAME "recseq jobs"
#define MAX_LAUNCHERS 64		/* databases with unfinished jobs */

/* A job that is interrupted so often without a new checkpoint has failed. */
#define MAX_INTERRUPTIONS 5

/* After which a launcher looks again what has kept a job from starting. */
#define RETRY_MS 10000

/* After which the postmaster starts a launcher again that was terminated. */
#define RESTART_SECONDS 5

/* How long the starter gives a launcher to find that it is not needed. */
#define LOOK_MS 1000

typedef struct LauncherEntry
{
	Oid			database;		/* InvalidOid: the entry is free */
	Latch	   *latch;
	bool		work;			/* woken since it last read the queue */
} LauncherEntry;

typedef struct JobEntry
{
	Oid			database;		/* InvalidOid: the entry is free */
	int64		job;
	int64		attempt;		/* number of this attempt to start it */
	int			pid;			/* 0: its process has not taken over yet */
} JobEntry;

typedef struct Board
{
	LWLock		lock;			/* of all but ended */
	ConditionVariable ended;	/* a job's process has exited */
	int64		attempts;		/* to start jobs, so far */
	LauncherEntry launchers[MAX_LAUNCHERS];
	JobEntry	jobs[MAX_JOBS];
} Board;

/* A process that the launcher asks for, or has asked for, and that has not taken over yet. */
typedef struct Starting
{
	JobStart	start;
	BackgroundWorkerHandle *handle;	/* NULL: not asked for yet */
} Starting;

static Board *board = NULL;

/* Of a launcher. */
static bool connected = false;

/* The entry of this process, if it is a launcher, or of its job. */
static LauncherEntry *my_launcher = NULL;
static JobEntry *my_job = NULL;

static List *starting = NIL;

PGDLLEXPORT void recseq_launcher_main(Datum database);
PGDLLEXPORT void recseq_starter_main(Datum unused);

/* ---------------------------------------------------------------- the board */

static void
board_init(void *memory)
{
	Board	   *created = memory;

	ConditionVariableInit(&created->ended);
	created->attempts = 0;
	for (int i = 0; i < MAX_LAUNCHERS; i++)
		created->launchers[i].database = InvalidOid;
	for (int i = 0; i < MAX_JOBS; i++)
		created->jobs[i].database = InvalidOid;
}

void
launcher_attach(void)
{
	if (board != NULL)
		return;
	board = segment_named(BOARD_NAME, sizeof(Board), board_init);
}

/* The launcher of a database, or (InvalidOid) a free entry, or NULL.  Under the lock. */
static LauncherEntry *
find_launcher(Oid database)
{
	for (int i = 0; i < MAX_LAUNCHERS; i++)
	{
		if (board->launchers[i].database == database)
			return &board->launchers[i];
	}
	return NULL;
}

/* A job of this database, or NULL.  Under the lock. */
static JobEntry *
find_job(int64 job)
{
	for (int i = 0; i < MAX_JOBS; i++)
	{
		if (board->jobs[i].database == MyDatabaseId && board->jobs[i].job == job)
			return &board->jobs[i];
	}
	return NULL;
}

/* The entry of an attempt whose process has not taken over, or NULL.  Under the lock. */
static JobEntry *
find_start(const JobStart *start)
{
	JobEntry   *entry = find_job(start->job);

	return entry != NULL && entry->pid == 0 && entry->attempt == start->attempt ? entry : NULL;
}

/* Under the lock. */
static void
wake(LauncherEntry *launcher)
{
	launcher->work = true;
	SetLatch(launcher->latch);
}

bool
launcher_has_process(int64 job)
{
	JobEntry   *entry;
	bool		found;

	launcher_attach();
	LWLockAcquire(&board->lock, LW_SHARED);
	entry = find_job(job);
	found = entry != NULL && entry->pid != 0;
	LWLockRelease(&board->lock);
	return found;
}

bool
launcher_interrupt(int64 job)
{
	JobEntry   *entry;
	bool		found;

	launcher_attach();
	LWLockAcquire(&board->lock, LW_SHARED);
	entry = find_job(job);
	/* nobody leaves the board, and so its process, without the lock */
	found = entry != NULL && entry->pid != 0 && kill(entry->pid, SIGINT) == 0;
	LWLockRelease(&board->lock);
	return found;
}

void
launcher_wait(long timeout)
{
	launcher_attach();
	ConditionVariableTimedSleep(&board->ended, timeout, PG_WAIT_EXTENSION);
}

void
launcher_stop_waiting(void)
{
	ConditionVariableCancelSleep();
}

/* ---------------------------------------------------------------- starting processes */

static void
describe_worker(BackgroundWorker *worker, const char *type, const char *function)
{
	memset(worker, 0, sizeof(*worker));
	worker->bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker->bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker->bgw_restart_time = BGW_NEVER_RESTART;
	strlcpy(worker->bgw_name, type, BGW_MAXLEN);
	strlcpy(worker->bgw_type, type, BGW_MAXLEN);
	strlcpy(worker->bgw_library_name, "$libdir/recseq", BGW_MAXLEN);
	strlcpy(worker->bgw_function_name, function, BGW_MAXLEN);
}

/* Ask for a launcher of a database. */
static bool
register_launcher(Oid database, BackgroundWorkerHandle **handle)
{
	BackgroundWorker worker;

	describe_worker(&worker, "recseq launcher", "recseq_launcher_main");
	worker.bgw_restart_time = RESTART_SECONDS;
	worker.bgw_main_arg = ObjectIdGetDatum(database);
	if (handle != NULL)
		worker.bgw_notify_pid = MyProcPid;
	return RegisterDynamicBackgroundWorker(&worker, handle);
}

bool
launcher_wake(void)
{
	LauncherEntry *launcher;

	launcher_attach();
	LWLockAcquire(&board->lock, LW_EXCLUSIVE);
	launcher = find_launcher(MyDatabaseId);
	if (launcher != NULL)
		wake(launcher);
	LWLockRelease(&board->lock);
	return launcher != NULL || register_launcher(MyDatabaseId, NULL);
}

/* Ask for the process of a job that is on the board. */
static bool
register_job(Starting *process)
{
	BackgroundWorker worker;
	MemoryContext context = MemoryContextSwitchTo(TopMemoryContext);
	bool		registered;

	describe_worker(&worker, "recseq job", "recseq_job_main");
	snprintf(worker.bgw_name, BGW_MAXLEN, "recseq job " INT64_FORMAT, process->start.job);
	memcpy(worker.bgw_extra, &process->start, sizeof(process->start));
	worker.bgw_notify_pid = MyProcPid;
	registered = RegisterDynamicBackgroundWorker(&worker, &process->handle);
	MemoryContextSwitchTo(context);
	return registered;
}

/* ---------------------------------------------------------------- a job's process */

/* The process of a job exits, its transaction has ended. */
static void
leave_board(int code, Datum arg)
{
	if (my_job == NULL)
		return;
	LWLockAcquire(&board->lock, LW_EXCLUSIVE);
	my_job->database = InvalidOid;
	my_job = NULL;
	/* the limit counts the jobs of all databases */
	for (int i = 0; i < MAX_LAUNCHERS; i++)
	{
		if (OidIsValid(board->launchers[i].database))
			wake(&board->launchers[i]);
	}
	LWLockRelease(&board->lock);
	ConditionVariableBroadcast(&board->ended);
}

void
launcher_watch_me(void)
{
	/* registered before connecting, so called after the transaction is aborted */
	before_shmem_exit(leave_board, (Datum) 0);
}

bool
launcher_take_over(const JobStart *start)
{
	JobEntry   *entry;

	launcher_attach();
	LWLockAcquire(&board->lock, LW_EXCLUSIVE);
	entry = find_start(start);
	if (entry != NULL)
	{
		entry->pid = MyProcPid;
		my_job = entry;
	}
	LWLockRelease(&board->lock);
	return my_job != NULL;
}

/* ---------------------------------------------------------------- the queue */

/* Enter a job, if it is not there and the limit allows; returns the number of the attempt, or 0. */
static int64
enter_job(int64 job)
{
	JobEntry   *free_entry = NULL;
	int			running = 0;
	int64		attempt = 0;

	LWLockAcquire(&board->lock, LW_EXCLUSIVE);
	for (int i = 0; i < MAX_JOBS; i++)
	{
		if (OidIsValid(board->jobs[i].database))
			running++;
		else
			free_entry = &board->jobs[i];
	}
	if (find_job(job) != NULL || running >= recseq_max_jobs)
		free_entry = NULL;
	if (free_entry != NULL)
	{
		free_entry->database = MyDatabaseId;
		free_entry->job = job;
		free_entry->attempt = attempt = ++board->attempts;
		free_entry->pid = 0;
	}
	LWLockRelease(&board->lock);
	return attempt;
}

/* Strike out a job whose process has not taken over; false: it has, or had. */
static bool
strike_out_job(const JobStart *start)
{
	JobEntry   *entry;

	LWLockAcquire(&board->lock, LW_EXCLUSIVE);
	entry = find_start(start);
	if (entry != NULL)
		entry->database = InvalidOid;
	LWLockRelease(&board->lock);
	return entry != NULL;
}

/*
 * A job's process has gone without having ended it.  If somebody else has the
 * row locked, to cancel the job, it is left to the next look at the queue.
 */
static void
requeue_job(const Caller *caller, int64 job)
{
	Oid			types[] = {INT8OID};
	Datum		values[] = {Int64GetDatum(job)};

	if (catalog_run(caller, "SELECT interruptions FROM %s.recseq_job"
					" WHERE job OPERATOR(pg_catalog.=) $1"
					" AND state OPERATOR(pg_catalog.=) ANY (ARRAY['queued', 'running'])"
					" FOR UPDATE SKIP LOCKED", lengthof(values), types, values, NULL) == 0)
		return;
	if (DatumGetInt32(catalog_first_row(1)) + 1 >= MAX_INTERRUPTIONS)
	{
		job_end(caller, job, "failed",
				psprintf("interrupted %d times without a new checkpoint; the server's log may say why",
						 MAX_INTERRUPTIONS));
		return;
	}
	catalog_run(caller, "UPDATE %s.recseq_job SET state = 'queued',"
				" interruptions = interruptions OPERATOR(pg_catalog.+) 1"
				" WHERE job OPERATOR(pg_catalog.=) $1", lengthof(values), types, values, NULL);
	ereport(LOG,
			(errmsg("job " INT64_FORMAT " was interrupted and is queued again", job)));
}

/* See what became of the processes that were asked for. */
static void
check_starting(const Caller *caller)
{
	ListCell   *cell;

	foreach(cell, starting)
	{
		Starting   *process = lfirst(cell);
		pid_t		pid;

		if (!launcher_has_process(process->start.job))
		{
			if (GetBackgroundWorkerPid(process->handle, &pid) != BGWH_STOPPED)
				continue;
			if (strike_out_job(&process->start))
				requeue_job(caller, process->start.job);
		}
		starting = foreach_delete_current(starting, cell);
		pfree(process->handle);
		pfree(process);
	}
}

/* Why a queued job cannot be started by these roles, or NULL. */
static const char *
role_problem(Oid owner, Oid login)
{
	HeapTuple	tuple;
	bool		may_login;

	if (!SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(owner)))
		return psprintf("its owner, the role with OID %u, does not exist any more", owner);
	tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(login));
	if (!HeapTupleIsValid(tuple))
		return psprintf("the role with OID %u, which queued it, does not exist any more", login);
	may_login = ((Form_pg_authid) GETSTRUCT(tuple))->rolcanlogin;
	ReleaseSysCache(tuple);
	return may_login ? NULL
		: psprintf("role \"%s\", which queued it, is not permitted to log in",
				   GetUserNameFromId(login, false));
}

/* Note that a job's process is to be asked for, if the job can be entered. */
static void
plan_start(int64 job, Oid login)
{
	MemoryContext context = MemoryContextSwitchTo(TopMemoryContext);
	Starting   *process = palloc0(sizeof(Starting));

	process->start = (JobStart) {.database = MyDatabaseId, .login = login, .job = job};
	starting = lappend(starting, process);
	process->start.attempt = enter_job(job);
	if (process->start.attempt == 0)
	{
		starting = list_delete_last(starting);
		pfree(process);
	}
	MemoryContextSwitchTo(context);
}

/* The jobs of this database that are on the board, as bigint[]. */
static Datum
entered_jobs(void)
{
	Datum		jobs[MAX_JOBS];
	int			count = 0;

	LWLockAcquire(&board->lock, LW_SHARED);
	for (int i = 0; i < MAX_JOBS; i++)
	{
		if (board->jobs[i].database == MyDatabaseId)
			jobs[count++] = Int64GetDatum(board->jobs[i].job);
	}
	LWLockRelease(&board->lock);
	return PointerGetDatum(construct_array(jobs, count, INT8OID, sizeof(int64),
										   FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/*
 * Enter jobs in their turn, as many as may run.  Rows that somebody else has
 * locked, to cancel the job, are passed over: they must not hold up the others.
 * Those of jobs that have been entered must not be locked here, since their
 * processes pass over locked rows, too.
 */
static void
plan_starts(const Caller *caller)
{
	Oid			types[] = {INT8ARRAYOID};
	Datum		values[] = {entered_jobs()};
	uint64		count = catalog_run(caller, "SELECT job, owner, login FROM %s.recseq_job"
									" WHERE state OPERATOR(pg_catalog.=) 'queued'"
									" AND job OPERATOR(pg_catalog.<>) ALL ($1)"
									" ORDER BY job FOR UPDATE SKIP LOCKED",
									lengthof(values), types, values, NULL);
	SPITupleTable *table = SPI_tuptable;

	for (uint64 i = 0; i < count; i++)
	{
		bool		isnull;
		HeapTuple	row = table->vals[i];
		int64		job = DatumGetInt64(SPI_getbinval(row, table->tupdesc, 1, &isnull));
		Oid			owner = DatumGetObjectId(SPI_getbinval(row, table->tupdesc, 2, &isnull));
		Oid			login = DatumGetObjectId(SPI_getbinval(row, table->tupdesc, 3, &isnull));
		const char *problem = role_problem(owner, login);

		if (problem != NULL)
			job_end(caller, job, "failed", problem);
		else
			plan_start(job, login);
	}
}

/*
 * Ask for the processes of the jobs that were entered.  After the transaction
 * that read the queue: a process passes over a row that is still locked.
 */
static void
start_planned(void)
{
	ListCell   *cell;

	foreach(cell, starting)
	{
		Starting   *process = lfirst(cell);

		if (process->handle != NULL || register_job(process))
			continue;
		strike_out_job(&process->start);
		ereport(LOG,
				(errmsg("could not register background worker for job " INT64_FORMAT,
						process->start.job),
				 errhint("You might need to increase max_worker_processes.")));
		starting = foreach_delete_current(starting, cell);
		pfree(process);
	}
}

/* Queue the jobs again whose process is gone. */
static void
requeue_orphans(const Caller *caller)
{
	uint64		count = catalog_run(caller, "SELECT job FROM %s.recseq_job"
									" WHERE state OPERATOR(pg_catalog.=) 'running'",
									0, NULL, NULL, NULL);
	SPITupleTable *table = SPI_tuptable;

	for (uint64 i = 0; i < count; i++)
	{
		bool		isnull;
		int64		job = DatumGetInt64(SPI_getbinval(table->vals[i], table->tupdesc, 1,
													  &isnull));

		if (!launcher_has_process(job))
			requeue_job(caller, job);
	}
}

/* Do what there is to do; returns whether there are unfinished jobs. */
static bool
work_queue(void)
{
	Catalog		catalog;
	bool		unfinished = false;

	LWLockAcquire(&board->lock, LW_EXCLUSIVE);
	my_launcher->work = false;
	LWLockRelease(&board->lock);

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	pgstat_report_activity(STATE_RUNNING, "working the queue of jobs");
	if (catalog_open_extension(&catalog))
	{
		Caller		caller = catalog_become_owner(&catalog);

		check_starting(&caller);
		requeue_orphans(&caller);
		plan_starts(&caller);
		jobs_forget_old(&caller);
		unfinished = jobs_unfinished(&caller) > 0;
		catalog_become_caller(&caller);
	}
	PopActiveSnapshot();
	CommitTransactionCommand();
	start_planned();
	pgstat_report_activity(STATE_IDLE, NULL);
	return unfinished;
}

/* ---------------------------------------------------------------- the launcher */

/* Become the launcher of this database, if it has none. */
static bool
take_post(void)
{
	LauncherEntry *other;

	launcher_attach();
	LWLockAcquire(&board->lock, LW_EXCLUSIVE);
	other = find_launcher(MyDatabaseId);
	if (other != NULL)
		wake(other);
	else
		my_launcher = find_launcher(InvalidOid);
	if (my_launcher != NULL)
	{
		my_launcher->database = MyDatabaseId;
		my_launcher->latch = MyLatch;
	}
	LWLockRelease(&board->lock);
	if (other == NULL && my_launcher == NULL)
		ereport(LOG,
				(errmsg("more than %d databases have jobs", MAX_LAUNCHERS),
				 errhint("Call recseq_resume_jobs() when the jobs of others are done.")));
	return my_launcher != NULL;
}

/* Leave the board, unless there is work again. */
static bool
leave_post(void)
{
	bool		left;

	LWLockAcquire(&board->lock, LW_EXCLUSIVE);
	left = !my_launcher->work;
	if (left)
	{
		my_launcher->database = InvalidOid;
		my_launcher = NULL;
	}
	LWLockRelease(&board->lock);
	return left;
}

/* The launcher exits, for whatever reason. */
static void
abandon_post(int code, Datum arg)
{
	ListCell   *cell;

	if (my_launcher == NULL)
		return;
	foreach(cell, starting)
		strike_out_job(&((Starting *) lfirst(cell))->start);
	LWLockAcquire(&board->lock, LW_EXCLUSIVE);
	my_launcher->database = InvalidOid;
	LWLockRelease(&board->lock);
}

/*
 * A launcher that cannot connect, because its database is gone or takes no
 * connections, must not be started again: exit with 0, whatever the code was.
 */
static void
give_up_unless_connected(int code, Datum arg)
{
	if (!connected)
		proc_exit(0);
}

/* Entry point of a launcher. */
void
recseq_launcher_main(Datum database)
{
	pqsignal(SIGTERM, die);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	on_proc_exit(give_up_unless_connected, (Datum) 0);
	before_shmem_exit(abandon_post, (Datum) 0);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(database), InvalidOid, 0);
	connected = true;
	/* what it runs is qualified; this is for what that runs */
	SetConfigOption("search_path", "", PGC_SUSET, PGC_S_OVERRIDE);
	if (!take_post())
		proc_exit(0);
	for (;;)
	{
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
		if (!work_queue() && leave_post())
			proc_exit(0);
		WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, RETRY_MS,
				  PG_WAIT_EXTENSION);
	}
}

/* ---------------------------------------------------------------- the starter */

void
launcher_register_starter(void)
{
	BackgroundWorker worker;

	describe_worker(&worker, "recseq starter", "recseq_starter_main");
	RegisterBackgroundWorker(&worker);
}

/* The databases that take connections. */
static List *
list_databases(void)
{
	List	   *databases = NIL;
	MemoryContext context = CurrentMemoryContext;
	Relation	rel;
	TableScanDesc scan;
	HeapTuple	tuple;

	StartTransactionCommand();
	rel = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(rel, 0, NULL);
	while (HeapTupleIsValid(tuple = heap_getnext(scan, ForwardScanDirection)))
	{
		Form_pg_database database = (Form_pg_database) GETSTRUCT(tuple);
		MemoryContext transaction = MemoryContextSwitchTo(context);

		if (database->datallowconn)
			databases = lappend_oid(databases, database->oid);
		MemoryContextSwitchTo(transaction);
	}
	table_endscan(scan);
	table_close(rel, AccessShareLock);
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
	return databases;
}

/* Wait until a latch is set, or for that many milliseconds. */
static void
wait_for_latch(long timeout)
{
	WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, timeout,
			  PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

/*
 * Entry point of the starter.  It calls at one database after the other, so
 * that it does not take all background workers at once.
 */
void
recseq_starter_main(Datum unused)
{
	ListCell   *cell;

	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	foreach(cell, list_databases())
	{
		BackgroundWorkerHandle *handle;
		pid_t		pid;

		while (!register_launcher(lfirst_oid(cell), &handle))
			wait_for_latch(RETRY_MS);
		/* what is still there after a while has work to do */
		WaitForBackgroundWorkerStartup(handle, &pid);
		for (int waited = 0; waited < LOOK_MS &&
			 GetBackgroundWorkerPid(handle, &pid) != BGWH_STOPPED; waited += LOOK_MS / 20)
			wait_for_latch(LOOK_MS / 20);
		pfree(handle);
	}
	proc_exit(0);
}
