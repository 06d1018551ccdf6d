/*
 * functions.c
 *	  Training as a job: what is called in SQL.
 *
 * A job is the call of recseq_train_async itself, kept for later: its arguments
 * by name, who called it, and the settings that decide what a query means.  The
 * row is written in the caller's transaction, and the launcher is woken when
 * that commits.
 *
 * Jobs are the owner's: members of the role may cancel them, and they and
 * members of pg_read_all_stats may see them.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "jobs/board.h"
#include "jobs/launcher.h"
#include "jobs/queue.h"
#include "train/options.h"
#include "data/products.h"
#include "data/source.h"
#include "compat.h"

/* While somebody waits, how often a row is read if nobody says that a job has ended. */
#define LOOK_AGAIN_MS 1000

/* This transaction has queued a job. */
static bool queued = false;

/*
 * Complain within what somebody else's command runs as the owner of a table, for
 * the expressions of its indexes, say: what is done to a job outlives the
 * command, and is done in the name of the session user.
 */
static void
check_unrestricted(const char *function)
{
	if (InSecurityRestrictedOperation())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("cannot execute %s within security-restricted operation", function)));
}

/* ---------------------------------------------------------------- queueing */

/*
 * XactCallback: have the queue worked once the job is there for others; from
 * PREPARE TRANSACTION on, after which no callback comes.
 */
static void
end_transaction(XactEvent event, void *arg)
{
	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT &&
		event != XACT_EVENT_PREPARE)
		return;
	if (event != XACT_EVENT_ABORT && queued && !launcher_wake())
		ereport(WARNING,
				(errmsg("the job is queued, but no background worker could be registered to start it"),
				 errhint("Call recseq_resume_jobs() later. You might need to increase max_worker_processes.")));
	queued = false;
}

static void
wake_at_commit(void)
{
	static bool registered = false;

	if (!registered)
	{
		RegisterXactCallback(end_transaction, NULL);
		registered = true;
	}
	/* no error may be raised while a transaction commits */
	board_attach();
	queued = true;
}

/* Complain unless a job's process could connect as the session user. */
static void
check_login(void)
{
	Oid			login = GetSessionUserId();
	HeapTuple	tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(login));
	bool		may = HeapTupleIsValid(tuple) &&
		((Form_pg_authid) GETSTRUCT(tuple))->rolcanlogin;

	if (HeapTupleIsValid(tuple))
		ReleaseSysCache(tuple);
	if (!may)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
				 errmsg("role \"%s\" is not permitted to log in", GetUserNameFromId(login, false)),
				 errhint("A job connects as the session user. Log in as another role, and use SET ROLE.")));
}

static void
check_permanent(Oid relation)
{
	if (get_rel_persistence(relation) == RELPERSISTENCE_TEMP)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is a temporary relation", get_rel_name(relation)),
				 errhint("A job runs in a session of its own, which cannot see it. Use a permanent table or view, or recseq_train.")));
}

/* Complain about a source or a catalog that no job can read. */
static void
check_source(const TrainOptions *options)
{
	/* columns and their types */
	(void) source_open(options->source, options->features, false);
	check_permanent(options->source);
	if (OidIsValid(options->catalog))
	{
		relation_close(relation_open_to_read(options->catalog, CATALOG_HINT), NoLock);
		check_permanent(options->catalog);
	}
}

PG_FUNCTION_INFO_V1(recseq_train_async);

/*
 * recseq_train_async(source regclass, model text, options ...): queues a
 * training; the arguments are those of recseq_train.
 */
Datum
recseq_train_async(PG_FUNCTION_ARGS)
{
	Catalog		catalog = catalog_open(fcinfo);
	TrainOptions options = train_options(fcinfo->args);
	int64		job;

	check_unrestricted("recseq_train_async()");
	version_check_storable(&catalog, options.model, "recseq_train_async()");
	check_login();
	check_source(&options);
	queue_check_limit(&catalog);
	job = queue_insert(&catalog, &options, options_to_json(&options, true));
	wake_at_commit();
	PG_RETURN_INT64(job);
}

/* ---------------------------------------------------------------- cancelling and waiting */

/* A queued or running job needs somebody who works its queue. */
static void
wake_launcher(void)
{
	if (!launcher_wake())
		ereport(WARNING,
				(errmsg("could not register background worker for the queue of jobs"),
				 errhint("You might need to increase max_worker_processes.")));
}

/*
 * The state of a job; an error if there is none that the caller may see or
 * (change) cancel.
 */
static char *
check_job(const Catalog *catalog, int64 job, bool change)
{
	Oid			owner;
	char	   *state = queue_state(catalog, job, &owner);
	bool		mine = state != NULL && has_privs_of_role(GetUserId(), owner);

	/* as recseq_jobs shows them */
	if (state == NULL || (!mine && !has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS)))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("job " INT64_FORMAT " does not exist", job),
				 errhint("The view recseq_jobs shows which there are.")));
	if (change && !mine)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of job " INT64_FORMAT, job)));
	return state;
}

static bool
is_unfinished(const char *state)
{
	return strcmp(state, "queued") == 0 || strcmp(state, "running") == 0;
}

PG_FUNCTION_INFO_V1(recseq_cancel);

/* recseq_cancel(job bigint): false if it has ended already. */
Datum
recseq_cancel(PG_FUNCTION_ARGS)
{
	int64		job = PG_GETARG_INT64(0);
	Catalog		catalog = catalog_open(fcinfo);
	char	   *state;

	check_unrestricted("recseq_cancel()");
	PreventCommandIfReadOnly("recseq_cancel()");
	state = check_job(&catalog, job, true);
	if (is_unfinished(state))
		wake_launcher();
	while (is_unfinished(state))
	{
		CHECK_FOR_INTERRUPTS();
		/* with no process it is queued, or was running and is about to be queued again */
		if (board_cancel(job) || queue_cancel(&catalog, job, !board_has_process(job)))
			PG_RETURN_BOOL(true);
		state = check_job(&catalog, job, true);
	}
	PG_RETURN_BOOL(false);
}

PG_FUNCTION_INFO_V1(recseq_wait);

/* recseq_wait(job bigint, timeout interval): the job's state then. */
Datum
recseq_wait(PG_FUNCTION_ARGS)
{
	int64		job;
	TimestampTz until = DT_NOEND;
	Catalog		catalog = catalog_open(fcinfo);
	char	   *state;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	job = PG_GETARG_INT64(0);
	if (!PG_ARGISNULL(1))
		until = DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval,
														TimestampTzGetDatum(GetCurrentTimestamp()),
														PG_GETARG_DATUM(1)));
	if (queued)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot wait for a job in a transaction that has queued one"),
				 errhint("Jobs start after the commit: wait in the next transaction.")));
	check_unrestricted("recseq_wait()");
	PreventCommandDuringRecovery("recseq_wait()");
	state = check_job(&catalog, job, false);
	if (is_unfinished(state))
		wake_launcher();
	while (is_unfinished(state))
	{
		long		seconds;
		int			microseconds;

		TimestampDifference(GetCurrentTimestamp(), until, &seconds, &microseconds);
		if (seconds == 0 && microseconds == 0)
			break;
		board_wait(seconds > 0 ? LOOK_AGAIN_MS : microseconds / 1000 + 1);
		CHECK_FOR_INTERRUPTS();
		state = check_job(&catalog, job, false);
	}
	board_stop_waiting();
	PG_RETURN_TEXT_P(cstring_to_text(state));
}

PG_FUNCTION_INFO_V1(recseq_resume_jobs);

/* recseq_resume_jobs(): the number of jobs that have not ended. */
Datum
recseq_resume_jobs(PG_FUNCTION_ARGS)
{
	Catalog		catalog = catalog_open(fcinfo);
	Caller		caller;
	int64		unfinished;

	check_unrestricted("recseq_resume_jobs()");
	PreventCommandDuringRecovery("recseq_resume_jobs()");
	caller = as_owner_begin(&catalog);
	unfinished = queue_count_unfinished(&caller);
	as_owner_end(&caller);
	if (unfinished > 0)
		wake_launcher();
	PG_RETURN_INT64(unfinished);
}

PG_FUNCTION_INFO_V1(recseq_job_has_process);

/* recseq_job_has_process(job bigint) */
Datum
recseq_job_has_process(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(board_has_process(PG_GETARG_INT64(0)));
}
