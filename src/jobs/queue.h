/*
 * queue.h
 *	  The rows of jobs.
 *
 * A job belongs to a role, its owner.  Where a function takes a Caller, it runs
 * within as_owner_begin().
 */
#ifndef RECSEQ_QUEUE_H
#define RECSEQ_QUEUE_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

#include "store/as_owner.h"
#include "train/options.h"

/* A job is not started more often than that without coming to a new checkpoint. */
#define QUEUE_MAX_ATTEMPTS 5

/* A job that its process has begun to run; all in the context of the call. */
typedef struct Job
{
	int64		job;
	Oid			owner;			/* whose rights it has */
	bool		by_definer;		/* the session user need not be able to become the owner */
	const char *model;
	Oid			source;
	const char *source_name;	/* as it was then */
	const char *options;		/* JSON object of the arguments but the source */
	const char *settings;		/* JSON object */
	int64		checkpoint;		/* 0: none */
	uint32		checkpoint_crc;
	uint32		data_crc;
	double		seconds;		/* that led to the checkpoint */
} Job;

/* A queued job, as its launcher sees it. */
typedef struct QueuedJob
{
	int64		job;
	Oid			owner;
	Oid			login;			/* role that its process connects as */
	bool		by_definer;
	bool		may_connect;	/* that role may, to this database */
	int			attempts;		/* to start it, since the last checkpoint */
} QueuedJob;

/* How a job ends. */
typedef struct JobEnd
{
	const char *state;
	int			sqlerrcode;		/* 0: it is done */
	const char *error;			/* NULL: it is done */
} JobEnd;

/* ------------------------------------------------ for all */

/* Insert a job of the current user; returns its number. */
extern int64 queue_insert(const Catalog *catalog, const TrainOptions *options,
						  const char *arguments);

/* Complain if the current user has as many unfinished jobs as a role may have. */
extern void queue_check_limit(const Catalog *catalog);

/* The number of jobs that have not ended, or whether there are any. */
extern int64 queue_count_unfinished(const Caller *caller);

/* Also where they are not committed: nobody says so when a prepared transaction is. */
extern bool queue_has_unfinished(const Catalog *catalog);

/*
 * The state of a job as it is now, whatever the snapshot of the statement, and
 * its owner.  NULL: there is no such job.
 */
extern char *queue_state(const Catalog *catalog, int64 job, Oid *owner);

/* Cancel a job that is queued or, if that is given, running.  False: it is not. */
extern bool queue_cancel(const Catalog *catalog, int64 job, bool running);

/* A job that has not ended ends, and its checkpoint goes. */
extern void queue_end(const Caller *caller, int64 job, const JobEnd *end);

/* ------------------------------------------------ for launchers */

/* Forget the jobs that ended longer ago than recseq.job_retention. */
extern void queue_forget_old(const Caller *caller);

/* Up to that many jobs that are running; returns how many. */
extern int	queue_running(const Caller *caller, int64 *jobs, int max);

/*
 * The owners of queued jobs, in their turn: first who has the fewest running,
 * then whose job was started least recently.
 */
extern List *queue_owners_in_turn(const Caller *caller);

/*
 * Lock the next job of an owner that may be started now and is none of those
 * given.  Rows that somebody else has locked, to cancel the job, are passed
 * over: they must not hold up the others.  False: there is none.
 */
extern bool queue_lock_next(const Caller *caller, Oid owner, const int64 *but, int count,
							QueuedJob *next);

/* When the first of the jobs may be started again that have to wait until then. */
extern TimestampTz queue_next_attempt(const Caller *caller);

/* Note that a process is asked for; or that none could be had, after all. */
extern void queue_note_attempt(const Caller *caller, int64 job);
extern void queue_take_back_attempt(const Caller *caller, int64 job);

/*
 * Lock a job that has not ended, unless somebody else has, to cancel it; then it
 * is left to the next look.
 */
typedef enum QueueLock
{
	QUEUE_LOCKED,
	QUEUE_BUSY,
	QUEUE_ENDED
} QueueLock;

extern QueueLock queue_lock(const Caller *caller, int64 job, int *attempts);

/* Queue it again, to be started after so many seconds. */
extern void queue_again(const Caller *caller, int64 job, int delay);

/* ------------------------------------------------ for the process of a job */

/*
 * A queued job begins to run.  NULL: it is not queued any more, or somebody is
 * about to cancel it.
 */
extern Job *queue_begin(const Catalog *catalog, int64 job);

#endif							/* RECSEQ_QUEUE_H */
