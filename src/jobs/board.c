/*
 * board.c
 *	  Who works on what.
 *
 * What is true of a job is in its row; what is here does not outlive the
 * server, and is needed for what a row cannot know: whether its process lives,
 * and which one that is.
 *
 * One lock guards all entries.  Nobody leaves the board, and so its process,
 * without it: a pid that is read under the lock is that of a process that runs.
 */
#include "jobs/board.h"

#include <signal.h>

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/condition_variable.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "utils/timestamp.h"

#include "guc.h"
#include "segment.h"

#define BOARD_NAME "recseq jobs"
#define MAX_LAUNCHERS 64		/* databases with unfinished jobs */

/* How long a process that was told to stop may take before it is terminated. */
#define GRACE_MS 10000

typedef struct LauncherEntry
{
	Oid			database;		/* InvalidOid: the entry is free */
	Latch	   *latch;
	bool		work;			/* woken since it last looked */
} LauncherEntry;

typedef enum JobState
{
	ENTRY_FREE,
	ENTRY_ENTERED,				/* its process has not taken over yet */
	ENTRY_RUNNING,
	ENTRY_GONE					/* its process has exited */
} JobState;

typedef struct JobEntry
{
	JobState	state;
	Oid			database;
	int64		job;
	int64		attempt;		/* number of this attempt to start it */
	int			pid;			/* while it is running */
	TimestampTz due;			/* to be stopped then; or, if it was told to, terminated */
	JobStop		stop;
	int			sqlerrcode;		/* as in JobExit */
	char		error[BOARD_ERROR_LENGTH];
} JobEntry;

typedef struct Board
{
	LWLock		lock;			/* of all but ended */
	ConditionVariable ended;	/* a job's process has exited, or a job has ended */
	int64		attempts;		/* to start jobs, so far */
	LauncherEntry launchers[MAX_LAUNCHERS];
	JobEntry	jobs[MAX_JOBS];
} Board;

static Board *board = NULL;

/* The entry of this process, if it is a launcher, or of its job. */
static LauncherEntry *my_launcher = NULL;
static JobEntry *my_job = NULL;

static void
init_board(void *memory)
{
	Board	   *created = memory;

	ConditionVariableInit(&created->ended);
	created->attempts = 0;
	for (int i = 0; i < MAX_LAUNCHERS; i++)
		created->launchers[i].database = InvalidOid;
	for (int i = 0; i < MAX_JOBS; i++)
		created->jobs[i].state = ENTRY_FREE;
}

void
board_attach(void)
{
	if (board == NULL)
		board = segment_named(BOARD_NAME, sizeof(Board), init_board);
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

static bool
is_here(const JobEntry *entry)
{
	return entry->state != ENTRY_FREE && entry->database == MyDatabaseId;
}

/* A job of this database, or NULL.  Under the lock. */
static JobEntry *
find_job(int64 job)
{
	for (int i = 0; i < MAX_JOBS; i++)
	{
		if (is_here(&board->jobs[i]) && board->jobs[i].job == job)
			return &board->jobs[i];
	}
	return NULL;
}

/* A job of this database that has a process, or NULL.  Under the lock. */
static JobEntry *
find_running(int64 job)
{
	JobEntry   *entry = find_job(job);

	return entry != NULL && entry->state == ENTRY_RUNNING ? entry : NULL;
}

/* The entry of an attempt whose process has not taken over, or NULL.  Under the lock. */
static JobEntry *
find_start(const JobStart *start)
{
	JobEntry   *entry = find_job(start->job);

	return entry != NULL && entry->state == ENTRY_ENTERED && entry->attempt == start->attempt
		? entry : NULL;
}

/* Under the lock. */
static void
wake(LauncherEntry *launcher)
{
	launcher->work = true;
	SetLatch(launcher->latch);
}

/* ---------------------------------------------------------------- for all */

bool
board_wake_launcher(void)
{
	LauncherEntry *launcher;

	board_attach();
	LWLockAcquire(&board->lock, LW_EXCLUSIVE);
	launcher = find_launcher(MyDatabaseId);
	if (launcher != NULL)
		wake(launcher);
	LWLockRelease(&board->lock);
	return launcher != NULL;
}

bool
board_has_process(int64 job)
{
	bool		found;

	board_attach();
	LWLockAcquire(&board->lock, LW_SHARED);
	found = find_running(job) != NULL;
	LWLockRelease(&board->lock);
	return found;
}

/* Tell a process to stop; from now on it has so long to do it.  Under the lock. */
static bool
stop(JobEntry *entry, JobStop why, int signal_number)
{
	if (entry->stop == JOB_NOT_STOPPED || signal_number == SIGTERM)
		entry->due = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), GRACE_MS);
	if (entry->stop == JOB_NOT_STOPPED)
		entry->stop = why;
	return kill(entry->pid, signal_number) == 0;
}

bool
board_cancel(int64 job)
{
	JobEntry   *entry;
	bool		told;

	board_attach();
	LWLockAcquire(&board->lock, LW_EXCLUSIVE);
	entry = find_running(job);
	told = entry != NULL && stop(entry, JOB_CANCELLED, SIGINT);
	LWLockRelease(&board->lock);
	return told;
}

void
board_wait(long timeout)
{
	board_attach();
	ConditionVariableTimedSleep(&board->ended, timeout, PG_WAIT_EXTENSION);
}

void
board_stop_waiting(void)
{
	ConditionVariableCancelSleep();
}

/* ---------------------------------------------------------------- for launchers */

bool
board_take_post(void)
{
	LauncherEntry *other;

	board_attach();
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

void
board_begin_look(void)
{
	LWLockAcquire(&board->lock, LW_EXCLUSIVE);
	my_launcher->work = false;
	LWLockRelease(&board->lock);
}

bool
board_leave_post(void)
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

void
board_abandon_post(void)
{
	if (my_launcher == NULL)
		return;
	LWLockAcquire(&board->lock, LW_EXCLUSIVE);
	my_launcher->database = InvalidOid;
	my_launcher = NULL;
	LWLockRelease(&board->lock);
}

/* Whether one more job, of whatever database, may run.  Under the lock. */
static bool
has_room(void)
{
	int			running = 0;

	for (int i = 0; i < MAX_JOBS; i++)
	{
		if (board->jobs[i].state == ENTRY_ENTERED || board->jobs[i].state == ENTRY_RUNNING)
			running++;
	}
	return running < recseq_max_jobs;
}

bool
board_has_room(void)
{
	bool		room;

	LWLockAcquire(&board->lock, LW_SHARED);
	room = has_room();
	LWLockRelease(&board->lock);
	return room;
}

/*
 * An entry for a job: a free one, or else one of a job that is gone, which its
 * launcher has not struck out (where its database was dropped, none ever will).
 * Under the lock.
 */
static JobEntry *
find_place(void)
{
	JobEntry   *place = NULL;

	for (int i = 0; i < MAX_JOBS; i++)
	{
		if (board->jobs[i].state == ENTRY_FREE)
			return &board->jobs[i];
		if (board->jobs[i].state == ENTRY_GONE)
			place = &board->jobs[i];
	}
	return place;
}

int64
board_enter(int64 job)
{
	int64		attempt = 0;

	LWLockAcquire(&board->lock, LW_EXCLUSIVE);
	if (has_room() && find_job(job) == NULL)
	{
		attempt = ++board->attempts;
		*find_place() = (JobEntry) {
			.state = ENTRY_ENTERED,
			.database = MyDatabaseId,
			.job = job,
			.attempt = attempt,
			.due = DT_NOEND,
			.stop = JOB_NOT_STOPPED
		};
	}
	LWLockRelease(&board->lock);
	return attempt;
}

bool
board_strike_out(const JobStart *start)
{
	JobEntry   *entry;

	LWLockAcquire(&board->lock, LW_EXCLUSIVE);
	entry = find_start(start);
	if (entry != NULL)
		entry->state = ENTRY_FREE;
	LWLockRelease(&board->lock);
	return entry != NULL;
}

void
board_forget(int64 job)
{
	JobEntry   *entry;

	LWLockAcquire(&board->lock, LW_EXCLUSIVE);
	entry = find_job(job);
	if (entry != NULL && entry->state == ENTRY_GONE)
		entry->state = ENTRY_FREE;
	LWLockRelease(&board->lock);
}

int
board_jobs(int64 *jobs)
{
	int			count = 0;

	LWLockAcquire(&board->lock, LW_SHARED);
	for (int i = 0; i < MAX_JOBS; i++)
	{
		if (is_here(&board->jobs[i]))
			jobs[count++] = board->jobs[i].job;
	}
	LWLockRelease(&board->lock);
	return count;
}

int
board_exits(JobExit *exits)
{
	int			count = 0;

	LWLockAcquire(&board->lock, LW_SHARED);
	for (int i = 0; i < MAX_JOBS; i++)
	{
		const JobEntry *entry = &board->jobs[i];
		JobExit    *gone = &exits[count];

		if (!is_here(entry) || entry->state != ENTRY_GONE)
			continue;
		*gone = (JobExit) {
			.job = entry->job,
			.stop = entry->stop,
			.sqlerrcode = entry->sqlerrcode
		};
		strlcpy(gone->error, entry->error, sizeof(gone->error));
		count++;
	}
	LWLockRelease(&board->lock);
	return count;
}

TimestampTz
board_stop_overdue(void)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz next = DT_NOEND;

	LWLockAcquire(&board->lock, LW_EXCLUSIVE);
	for (int i = 0; i < MAX_JOBS; i++)
	{
		JobEntry   *entry = &board->jobs[i];

		if (!is_here(entry) || entry->state != ENTRY_RUNNING)
			continue;
		/* who catches the cancel and goes on cannot do so with a termination */
		if (entry->due <= now)
			stop(entry, JOB_OVERDUE, entry->stop == JOB_NOT_STOPPED ? SIGINT : SIGTERM);
		next = Min(next, entry->due);
	}
	LWLockRelease(&board->lock);
	return next;
}

void
board_announce(void)
{
	ConditionVariableBroadcast(&board->ended);
}

/* ---------------------------------------------------------------- for the process of a job */

/* The process of a job exits, its transaction has ended. */
static void
leave(int code, Datum arg)
{
	if (my_job == NULL)
		return;
	LWLockAcquire(&board->lock, LW_EXCLUSIVE);
	my_job->state = ENTRY_GONE;
	my_job = NULL;
	/* the limit counts the jobs of all databases */
	for (int i = 0; i < MAX_LAUNCHERS; i++)
	{
		if (OidIsValid(board->launchers[i].database))
			wake(&board->launchers[i]);
	}
	LWLockRelease(&board->lock);
	board_announce();
}

void
board_watch_me(void)
{
	/* registered before connecting, so called after the transaction is aborted */
	before_shmem_exit(leave, (Datum) 0);
}

bool
board_take_over(const JobStart *start)
{
	JobEntry   *entry;

	board_attach();
	LWLockAcquire(&board->lock, LW_EXCLUSIVE);
	entry = find_start(start);
	if (entry != NULL)
	{
		entry->state = ENTRY_RUNNING;
		entry->pid = MyProcPid;
		my_job = entry;
	}
	LWLockRelease(&board->lock);
	return my_job != NULL;
}

void
board_limit(double seconds)
{
	TimestampTz due = seconds == 0 ? DT_NOEND
		: TimestampTzPlusMilliseconds(GetCurrentTimestamp(), (int64) (1000 * seconds));

	LWLockAcquire(&board->lock, LW_EXCLUSIVE);
	/* else it has been told to stop, and is due for that */
	if (my_job->stop == JOB_NOT_STOPPED)
		my_job->due = due;
	LWLockRelease(&board->lock);
	/* which sleeps until the first one is due */
	board_wake_launcher();
}

JobStop
board_my_stop(void)
{
	JobStop		why;

	LWLockAcquire(&board->lock, LW_SHARED);
	why = my_job->stop;
	LWLockRelease(&board->lock);
	return why;
}

void
board_note_error(int sqlerrcode, const char *message)
{
	int			length = pg_mbcliplen(message, strlen(message), BOARD_ERROR_LENGTH - 1);

	LWLockAcquire(&board->lock, LW_EXCLUSIVE);
	my_job->sqlerrcode = sqlerrcode;
	memcpy(my_job->error, message, length);
	my_job->error[length] = '\0';
	LWLockRelease(&board->lock);
}
