/*
 * launcher.c
 *	  The process that works the queue of a database.
 *
 * Every database that has unfinished jobs has a launcher, a dynamic background
 * worker, which starts a process (worker.c) for each job in its turn, sees what
 * became of those that are gone, stops those that run for too long, and leaves
 * when there is no unfinished job any more.  Whoever queues a job wakes the
 * launcher, or registers one.  The postmaster starts a launcher again that dies,
 * also after a crash; after a start of the server or a promotion somebody must
 * wake it: where recseq is preloaded, the starter does.  Nobody can wake it when
 * a prepared transaction is committed; so a job that is not committed keeps it,
 * and it looks again.
 *
 * A launcher connects as the bootstrap superuser and runs nothing but the
 * statements of queue.c, as the owner of recseq's tables.  A job's process
 * connects as the role that queued it.
 *
 * Each attempt to start a job is counted before its process is asked for, so
 * that none goes uncounted however it ends: a job that is started again and
 * again without coming to a checkpoint waits longer each time, and has failed
 * after the fifth.
 */
#include "jobs/launcher.h"

#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "jobs/board.h"
#include "jobs/process.h"
#include "jobs/queue.h"
#include "compat.h"
#include "guc.h"
#include "store/as_owner.h"

/* After which a launcher looks again what has kept a job from starting. */
#define RETRY_MS 10000

/* After which the postmaster starts a launcher again that was terminated. */
#define RESTART_SECONDS 5

/* The delay, in seconds, before the third attempt; each after that waits so many times as long. */
#define FIRST_DELAY 1
#define DELAY_FACTOR 4

/* A process that the launcher asks for, or has asked for, and that has not taken over yet. */
typedef struct Starting
{
	JobStart	start;
	BackgroundWorkerHandle *handle;	/* NULL: not asked for yet */
} Starting;

static List *starting = NIL;

static bool connected = false;

/* When to look again, whether or not anybody asks for it. */
static TimestampTz next_look;

PGDLLEXPORT void recseq_launcher_main(Datum database);

/* ---------------------------------------------------------------- asking for processes */

bool
launcher_register(Oid database, BackgroundWorkerHandle **handle)
{
	BackgroundWorker worker;

	process_describe(&worker, "recseq launcher", "recseq_launcher_main");
	worker.bgw_restart_time = RESTART_SECONDS;
	worker.bgw_main_arg = ObjectIdGetDatum(database);
	if (handle != NULL)
		worker.bgw_notify_pid = MyProcPid;
	return RegisterDynamicBackgroundWorker(&worker, handle);
}

bool
launcher_wake(void)
{
	return board_wake_launcher() || launcher_register(MyDatabaseId, NULL);
}

/* Ask for the process of a job that is on the board. */
static bool
register_job(Starting *process)
{
	BackgroundWorker worker;
	MemoryContext context = MemoryContextSwitchTo(TopMemoryContext);
	bool		registered;

	StaticAssertStmt(sizeof(process->start) <= sizeof(worker.bgw_extra),
					 "a JobStart must fit what a background worker is told");
	process_describe(&worker, "recseq job", "recseq_job_main");
	snprintf(worker.bgw_name, BGW_MAXLEN, "recseq job " INT64_FORMAT, process->start.job);
	memcpy(worker.bgw_extra, &process->start, sizeof(process->start));
	worker.bgw_notify_pid = MyProcPid;
	registered = RegisterDynamicBackgroundWorker(&worker, &process->handle);
	MemoryContextSwitchTo(context);
	return registered;
}

/* ---------------------------------------------------------------- what became of them */

/* Seconds until a job is started again that has been started so often in vain. */
static int
delay(int attempts)
{
	int			seconds = FIRST_DELAY;

	/* what has gone wrong once need not do so again */
	if (attempts <= 1)
		return 0;
	for (int i = 2; i < attempts; i++)
		seconds *= DELAY_FACTOR;
	return seconds;
}

/*
 * How a job ends whose process is gone without having ended it.  state NULL: it
 * does not, and is to be started again.
 */
static JobEnd
end_of(const JobExit *gone, int attempts)
{
	JobEnd		end = {0};

	if (gone->stop == JOB_OVERDUE)
		end = (JobEnd) {"failed", ERRCODE_QUERY_CANCELED, "ran for longer than recseq.job_timeout"};
	else if (gone->sqlerrcode != 0)
	{
		end.state = gone->sqlerrcode == ERRCODE_QUERY_CANCELED ? "cancelled" : "failed";
		end.sqlerrcode = gone->sqlerrcode;
		end.error = gone->error;
	}
	else if (gone->stop == JOB_CANCELLED)
		end = (JobEnd) {
			"cancelled", ERRCODE_QUERY_CANCELED,
			"its process was terminated, since it did not stop when it was cancelled"
		};
	else if (attempts >= QUEUE_MAX_ATTEMPTS)
		end = (JobEnd) {
			"failed", ERRCODE_OPERATOR_INTERVENTION,
			psprintf("interrupted %d times without a new checkpoint; the server's log may say why",
					 attempts)
		};
	return end;
}

/* See to a job whose process is gone.  False: later, since somebody else does. */
static bool
settle(const Caller *caller, const JobExit *gone)
{
	int			attempts = 0;
	QueueLock	lock = queue_lock(caller, gone->job, &attempts);
	JobEnd		end;

	if (lock != QUEUE_LOCKED)
		return lock == QUEUE_ENDED;
	end = end_of(gone, attempts);
	if (end.state != NULL)
	{
		queue_end(caller, gone->job, &end);
		ereport(LOG,
				(errmsg("recseq job " INT64_FORMAT ": was interrupted and is %s: %s", gone->job,
						end.state, end.error)));
	}
	else
	{
		int			seconds = delay(attempts);

		queue_again(caller, gone->job, seconds);
		ereport(LOG,
				(errmsg("recseq job " INT64_FORMAT ": was interrupted and is queued again, to be started in %d s",
						gone->job, seconds)));
	}
	return true;
}

/* Processes that took their job over and are gone. */
static void
settle_exits(const Caller *caller)
{
	JobExit    *exits = palloc(sizeof(JobExit) * MAX_JOBS);
	int			count = board_exits(exits);

	for (int i = 0; i < count; i++)
	{
		if (settle(caller, &exits[i]))
			board_forget(exits[i].job);
	}
	pfree(exits);
}

/* Processes that were asked for and have gone before they took over. */
static void
settle_starting(const Caller *caller)
{
	ListCell   *cell;

	foreach(cell, starting)
	{
		Starting   *process = lfirst(cell);
		pid_t		pid;

		if (!board_has_process(process->start.job))
		{
			if (GetBackgroundWorkerPid(process->handle, &pid) != BGWH_STOPPED)
				continue;
			if (board_strike_out(&process->start))
				settle(caller, &(JobExit) {.job = process->start.job});
		}
		starting = foreach_delete_current(starting, cell);
		pfree(process->handle);
		pfree(process);
	}
}

/* Jobs that run by their rows, and of which the board knows nothing: those of a server that has stopped. */
static void
settle_orphans(const Caller *caller)
{
	int64		running[2 * MAX_JOBS];
	int64		known[MAX_JOBS];
	int			count = queue_running(caller, running, lengthof(running));
	/* after the rows: what has begun to run meanwhile was on the board before */
	int			known_count = board_jobs(known);

	for (int i = 0; i < count; i++)
	{
		bool		found = false;

		for (int j = 0; j < known_count && !found; j++)
			found = known[j] == running[i];
		if (!found)
			settle(caller, &(JobExit) {.job = running[i]});
	}
}

/* ---------------------------------------------------------------- starting jobs */

/* Whether a role exists, and may log in. */
static bool
find_role(Oid role, bool *may_login)
{
	HeapTuple	tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(role));

	if (!HeapTupleIsValid(tuple))
		return false;
	*may_login = ((Form_pg_authid) GETSTRUCT(tuple))->rolcanlogin;
	ReleaseSysCache(tuple);
	return true;
}

/* Why a queued job cannot be started, or NULL. */
static const char *
find_problem(const QueuedJob *job)
{
	bool		may_login;

	if (!find_role(job->owner, &may_login))
		return psprintf("its owner, the role with OID %u, does not exist any more", job->owner);
	if (!find_role(job->login, &may_login))
		return psprintf("the role with OID %u, which queued it, does not exist any more",
						job->login);
	if (!may_login)
		return psprintf("role \"%s\", which queued it, is not permitted to log in",
						GetUserNameFromId(job->login, false));
	if (!job->may_connect)
		return psprintf("role \"%s\", which queued it, is not permitted to connect to the database",
						GetUserNameFromId(job->login, false));
	if (!job->by_definer && !member_can_set_role(job->login, job->owner))
		return psprintf("role \"%s\", which queued it, is not permitted to become its owner any more",
						GetUserNameFromId(job->login, false));
	return NULL;
}

/* Note that a job's process is to be asked for.  False: no more may run. */
static bool
plan_start(const Caller *caller, const QueuedJob *job)
{
	MemoryContext context = MemoryContextSwitchTo(TopMemoryContext);
	Starting   *process = palloc0(sizeof(Starting));
	int64		attempt;

	process->start = (JobStart) {.database = MyDatabaseId, .login = job->login, .job = job->job};
	/* listed before it is entered, so that an error between the two leaves no entry */
	starting = lappend(starting, process);
	attempt = process->start.attempt = board_enter(job->job);
	if (attempt == 0)
	{
		starting = list_delete_last(starting);
		pfree(process);
	}
	MemoryContextSwitchTo(context);
	if (attempt != 0)
		queue_note_attempt(caller, job->job);
	return attempt != 0;
}

/* Plan the start of the next job of an owner.  False: it has none. */
static bool
plan_next(const Caller *caller, Oid owner)
{
	int64		known[MAX_JOBS];
	int			count = board_jobs(known);
	QueuedJob	job;
	const char *problem;

	/*
	 * Without those on the board: their rows must not be locked here, since
	 * their processes pass over locked rows, too.
	 */
	if (!queue_lock_next(caller, owner, known, count, &job))
		return false;
	problem = find_problem(&job);
	if (problem == NULL)
		return plan_start(caller, &job);
	queue_end(caller, job.job, &(JobEnd) {
		"failed", ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION, problem
	});
	return true;
}

/* Enter as many jobs as may run, one of each owner in turn. */
static void
plan_starts(const Caller *caller)
{
	List	   *owners;
	bool		found = true;

	if (!board_has_room())
		return;
	owners = queue_owners_in_turn(caller);
	for (int round = 0; found; round++)
	{
		ListCell   *cell;

		/* so many that cannot be started are enough for one transaction */
		if (round == MAX_JOBS)
		{
			next_look = GetCurrentTimestamp();
			return;
		}
		found = false;
		foreach(cell, owners)
		{
			if (!board_has_room())
				return;
			found = plan_next(caller, lfirst_oid(cell)) || found;
		}
	}
}

/*
 * Ask for the processes of the jobs that were entered; returns the jobs, as
 * Starting, for which none could be had.  After the transaction that read the
 * queue: a process passes over a row that is still locked.
 */
static List *
start_planned(void)
{
	List	   *refused = NIL;
	ListCell   *cell;

	foreach(cell, starting)
	{
		Starting   *process = lfirst(cell);

		if (process->handle != NULL || register_job(process))
			continue;
		board_strike_out(&process->start);
		ereport(LOG,
				(errmsg("recseq job " INT64_FORMAT ": could not register background worker",
						process->start.job),
				 errhint("You might need to increase max_worker_processes.")));
		starting = foreach_delete_current(starting, cell);
		refused = lappend(refused, process);
	}
	return refused;
}

/* ---------------------------------------------------------------- the queue */

/* Run a function on recseq's tables as their owner, in a transaction. */
static void
in_transaction(void (*function) (const Catalog *catalog, const Caller *caller, void *context),
			   void *context)
{
	Catalog		catalog;

	process_begin("working the queue of jobs");
	if (catalog_open_extension(&catalog))
	{
		Caller		caller = as_owner_begin(&catalog);

		function(&catalog, &caller, context);
		as_owner_end(&caller);
	}
	process_commit();
}

/* Sets *context, a bool, to whether there are unfinished jobs. */
static void
work(const Catalog *catalog, const Caller *caller, void *context)
{
	settle_exits(caller);
	settle_starting(caller);
	settle_orphans(caller);
	plan_starts(caller);
	next_look = Min(next_look, queue_next_attempt(caller));
	queue_forget_old(caller);
	*(bool *) context = queue_has_unfinished(catalog);
}

/* context: what start_planned() returned. */
static void
take_back_attempts(const Catalog *catalog, const Caller *caller, void *context)
{
	ListCell   *cell;

	foreach(cell, (List *) context)
		queue_take_back_attempt(caller, ((Starting *) lfirst(cell))->start.job);
}

/* Do what there is to do; returns whether there are unfinished jobs. */
static bool
work_queue(void)
{
	bool		unfinished = false;
	List	   *refused;

	board_begin_look();
	next_look = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), RETRY_MS);
	in_transaction(work, &unfinished);
	board_announce();
	refused = start_planned();
	if (refused != NIL)
	{
		in_transaction(take_back_attempts, refused);
		list_free_deep(refused);
	}
	return unfinished;
}

/* ---------------------------------------------------------------- the process */

/* The launcher exits, for whatever reason. */
static void
abandon(int code, Datum arg)
{
	ListCell   *cell;

	foreach(cell, starting)
		board_strike_out(&((Starting *) lfirst(cell))->start);
	board_abandon_post();
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

/* Wait until somebody asks for a look, or it is time for one. */
static void
wait_for_work(void)
{
	TimestampTz until = Min(next_look, board_stop_overdue());
	long		timeout = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), until);

	WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, timeout,
			  PG_WAIT_EXTENSION);
}

/* Entry point. */
void
recseq_launcher_main(Datum database)
{
	pqsignal(SIGTERM, die);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	on_proc_exit(give_up_unless_connected, (Datum) 0);
	before_shmem_exit(abandon, (Datum) 0);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(database), InvalidOid, 0);
	connected = true;
	/* what it runs is qualified; this is for what that runs */
	SetConfigOption("search_path", "", PGC_SUSET, PGC_S_SESSION);
	/* each look finds a few rows by an index, also before anybody has analyzed the table */
	SetConfigOption("enable_seqscan", "off", PGC_SUSET, PGC_S_SESSION);
	if (!board_take_post())
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
		if (!work_queue() && board_leave_post())
			proc_exit(0);
		wait_for_work();
	}
}
