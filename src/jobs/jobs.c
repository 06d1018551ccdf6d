/*
 * jobs.c
 *	  Training as a job: what is called in SQL, and the rows of jobs.
 *
 * A job is the call of recseq_train_async itself, kept for later: its arguments
 * by name, who called it, and the settings that decide what a query means.  The
 * row is written in the caller's transaction, and the launcher is woken when
 * that commits.
 *
 * Jobs are the owner's: members of the role may cancel them, and they and
 * members of pg_read_all_stats may see them.
 */
#include "jobs/jobs.h"

#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "guc.h"
#include "jobs/launcher.h"
#include "train/options.h"
#include "data/source.h"

/* While somebody waits, how often a row is read if nobody says that a job has ended. */
#define LOOK_AGAIN_MS 1000

/* This transaction has queued a job. */
static bool queued = false;

/* ---------------------------------------------------------------- rows */

int64
jobs_unfinished(const Caller *caller)
{
	catalog_run(caller, "SELECT pg_catalog.count(*) FROM %s.recseq_job"
				" WHERE state OPERATOR(pg_catalog.=) ANY (ARRAY['queued', 'running'])",
				0, NULL, NULL, NULL);
	return DatumGetInt64(catalog_first_row(1));
}

void
jobs_forget_old(const Caller *caller)
{
	Oid			types[] = {INT4OID};
	Datum		values[] = {Int32GetDatum(recseq_job_retention)};

	if (recseq_job_retention >= 0)
		catalog_run(caller, "DELETE FROM %s.recseq_job WHERE ended OPERATOR(pg_catalog.<)"
					" (pg_catalog.now() OPERATOR(pg_catalog.-) pg_catalog.make_interval(mins => $1))",
					lengthof(values), types, values, NULL);
}

Job *
job_begin(const Catalog *catalog, int64 number)
{
	MemoryContext context = CurrentMemoryContext;
	Caller		caller = catalog_become_owner(catalog);
	Oid			types[] = {INT8OID};
	Datum		values[] = {Int64GetDatum(number)};
	Job		   *job = NULL;

	if (catalog_run(&caller, "UPDATE %1$s.recseq_job SET state = 'running',"
					" started = COALESCE(started, pg_catalog.clock_timestamp())"
					" WHERE job OPERATOR(pg_catalog.=) (SELECT job FROM %1$s.recseq_job"
					"  WHERE job OPERATOR(pg_catalog.=) $1 AND state OPERATOR(pg_catalog.=) 'queued'"
					"  FOR UPDATE SKIP LOCKED)"
					" RETURNING owner, source, seconds, checkpoint, checkpoint_crc, data_crc,"
					" source_name, options, settings, model", lengthof(values), types, values, NULL) > 0)
	{
		job = MemoryContextAlloc(context, sizeof(Job));
		*job = (Job) {
			.job = number,
			.owner = DatumGetObjectId(catalog_first_row(1)),
			.source = DatumGetObjectId(catalog_first_row(2)),
			.seconds = DatumGetFloat8(catalog_first_row(3)),
			.checkpoint = DatumGetInt64(catalog_first_row_or(4, Int64GetDatum(0))),
			.checkpoint_crc = (uint32) DatumGetInt64(catalog_first_row_or(5, Int64GetDatum(0))),
			.data_crc = (uint32) DatumGetInt64(catalog_first_row_or(6, Int64GetDatum(0))),
			.source_name = catalog_first_row_text(7, context),
			.options = catalog_first_row_text(8, context),
			.settings = catalog_first_row_text(9, context),
			.model = catalog_first_row_text(10, context)
		};
	}
	catalog_become_caller(&caller);
	return job;
}

void
job_for_each_member(const char *json, MemberFunction function, void *context)
{
	MemoryContext caller = CurrentMemoryContext;
	Oid			types[] = {TEXTOID};
	Datum		values[] = {CStringGetTextDatum(json)};
	SPITupleTable *table;

	SPI_connect();
	if (SPI_execute_with_args("SELECT key, value FROM"
							  " pg_catalog.jsonb_each_text($1::pg_catalog.jsonb)",
							  lengthof(values), types, values, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read a JSON object");
	table = SPI_tuptable;
	for (uint64 i = 0; i < table->numvals; i++)
	{
		char	   *name = SPI_getvalue(table->vals[i], table->tupdesc, 1);
		char	   *value = SPI_getvalue(table->vals[i], table->tupdesc, 2);
		MemoryContext procedure = MemoryContextSwitchTo(caller);

		function(context, name, value);
		MemoryContextSwitchTo(procedure);
	}
	SPI_finish();
}

void
job_end(const Caller *caller, int64 job, const char *state, const char *error)
{
	Oid			types[] = {INT8OID, TEXTOID, TEXTOID};
	Datum		values[] = {
		Int64GetDatum(job), CStringGetTextDatum(state),
		error == NULL ? (Datum) 0 : CStringGetTextDatum(error)
	};
	const char *nulls = error == NULL ? "  n" : "   ";

	catalog_run(caller, "DELETE FROM %1$s.recseq_checkpoint c USING %1$s.recseq_job j"
				" WHERE j.job OPERATOR(pg_catalog.=) $1 AND c.id OPERATOR(pg_catalog.=) j.checkpoint",
				1, types, values, NULL);
	catalog_run(caller, "UPDATE %s.recseq_job SET state = $2, error = $3, checkpoint = NULL,"
				" checkpoint_crc = NULL, data_crc = NULL, ended = pg_catalog.clock_timestamp()"
				" WHERE job OPERATOR(pg_catalog.=) $1"
				" AND state OPERATOR(pg_catalog.=) ANY (ARRAY['queued', 'running'])",
				lengthof(values), types, values, nulls);
}

/* ---------------------------------------------------------------- queueing */

/* XactCallback: have the queue worked once the job is there for others. */
static void
end_transaction(XactEvent event, void *arg)
{
	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT &&
		event != XACT_EVENT_PREPARE)
		return;
	if (event == XACT_EVENT_COMMIT && queued && !launcher_wake())
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
	launcher_attach();
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

/* Complain about a source that no job can read. */
static void
check_source(const TrainOptions *options)
{
	/* columns and their types */
	(void) source_open(options->source, options->features, false);
	if (get_rel_persistence(options->source) == RELPERSISTENCE_TEMP)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is a temporary relation", get_rel_name(options->source)),
				 errhint("A job runs in a session of its own, which cannot see it. Use a permanent table or view, or recseq_train.")));
}

/* Insert a job; returns its number. */
static int64
insert_job(const Catalog *catalog, const TrainOptions *options, const char *arguments)
{
	Oid			owner = GetUserId();
	char	   *source = source_name(options->source);
	Caller		caller = catalog_become_owner(catalog);
	Oid			types[] = {TEXTOID, OIDOID, OIDOID, OIDOID, TEXTOID, TEXTOID, INT4OID};
	Datum		values[] = {
		CStringGetTextDatum(options->model),
		ObjectIdGetDatum(owner),
		ObjectIdGetDatum(GetSessionUserId()),
		ObjectIdGetDatum(options->source),
		CStringGetTextDatum(source),
		CStringGetTextDatum(arguments),
		Int32GetDatum(options->trainer.epochs)
	};
	int64		job;

	/*
	 * The limits of recseq are carried over only where this session has changed
	 * them; else those apply that are in force when the job runs.
	 */
	catalog_run(&caller, "INSERT INTO %s.recseq_job (model, owner, login, source,"
				" source_name, options, epochs, state, queued, settings)"
				" SELECT $1, $2, $3, $4, $5, $6::pg_catalog.jsonb, $7, 'queued',"
				" pg_catalog.clock_timestamp(), pg_catalog.jsonb_object_agg(name, setting)"
				" FROM pg_catalog.pg_settings"
				" WHERE name OPERATOR(pg_catalog.=) ANY"
				" (ARRAY['search_path', 'row_security', 'DateStyle', 'IntervalStyle', 'TimeZone'])"
				" OR name OPERATOR(pg_catalog.~~) 'recseq.%%'"
				" AND context OPERATOR(pg_catalog.=) ANY (ARRAY['user', 'superuser'])"
				" AND source OPERATOR(pg_catalog.=) ANY (ARRAY['client', 'session'])"
				" RETURNING job", lengthof(values), types, values, NULL);
	job = DatumGetInt64(catalog_first_row(1));
	catalog_become_caller(&caller);
	return job;
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

	version_check_storable(&catalog, options.model, "recseq_train_async()");
	check_login();
	check_source(&options);
	job = insert_job(&catalog, &options, options_to_json(&options, true));
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
 * The state of a job as it is now, whatever the snapshot of the statement, and
 * its owner.
 */
static char *
job_state(const Catalog *catalog, int64 job, Oid *owner)
{
	MemoryContext context = CurrentMemoryContext;
	Caller		caller;
	Oid			types[] = {INT8OID};
	Datum		values[] = {Int64GetDatum(job)};
	char	   *query;
	char	   *state;

	/* with read_only, a query sees what the active snapshot shows */
	PushActiveSnapshot(GetLatestSnapshot());
	caller = catalog_become_owner(catalog);
	query = psprintf("SELECT state, owner FROM %s.recseq_job"
					 " WHERE job OPERATOR(pg_catalog.=) $1", caller.schema);
	if (SPI_execute_with_args(query, lengthof(values), types, values, NULL, true, 1) !=
		SPI_OK_SELECT || SPI_processed == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("job " INT64_FORMAT " does not exist", job),
				 errhint("The view recseq_jobs shows which there are.")));
	state = MemoryContextStrdup(context, SPI_getvalue(SPI_tuptable->vals[0],
													  SPI_tuptable->tupdesc, 1));
	*owner = DatumGetObjectId(catalog_first_row(2));
	catalog_become_caller(&caller);
	PopActiveSnapshot();
	return state;
}

/* Complain unless the caller may change the job, or just see it. */
static void
check_owner(int64 job, Oid owner, bool see)
{
	if (!has_privs_of_role(GetUserId(), owner) &&
		!(see && has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS)))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of job " INT64_FORMAT, job)));
}

static bool
is_unfinished(const char *state)
{
	return strcmp(state, "queued") == 0 || strcmp(state, "running") == 0;
}

/*
 * Cancel a job that has no process: it is queued, or it was running and is
 * about to be queued again.  False: it is neither.
 */
static bool
cancel_without_process(const Catalog *catalog, int64 job)
{
	Caller		caller = catalog_become_owner(catalog);
	Oid			types[] = {INT8OID, BOOLOID};
	Datum		values[] = {Int64GetDatum(job), BoolGetDatum(!launcher_has_process(job))};
	bool		cancelled;

	/* locks the row, so that no process begins meanwhile */
	cancelled = catalog_run(&caller, "SELECT FROM %s.recseq_job WHERE job OPERATOR(pg_catalog.=) $1"
							" AND (state OPERATOR(pg_catalog.=) 'queued'"
							"  OR state OPERATOR(pg_catalog.=) 'running' AND $2) FOR UPDATE",
							lengthof(values), types, values, NULL) > 0;
	if (cancelled)
		job_end(&caller, job, "cancelled", "cancelled before it was started");
	catalog_become_caller(&caller);
	return cancelled;
}

PG_FUNCTION_INFO_V1(recseq_cancel);

/* recseq_cancel(job bigint): false if it has ended already. */
Datum
recseq_cancel(PG_FUNCTION_ARGS)
{
	int64		job = PG_GETARG_INT64(0);
	Catalog		catalog = catalog_open(fcinfo);
	Oid			owner;
	char	   *state;

	PreventCommandIfReadOnly("recseq_cancel()");
	state = job_state(&catalog, job, &owner);
	check_owner(job, owner, false);
	if (is_unfinished(state))
		wake_launcher();
	while (is_unfinished(state))
	{
		CHECK_FOR_INTERRUPTS();
		if (launcher_interrupt(job) || cancel_without_process(&catalog, job))
			PG_RETURN_BOOL(true);
		state = job_state(&catalog, job, &owner);
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
	Oid			owner;
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
	PreventCommandDuringRecovery("recseq_wait()");
	state = job_state(&catalog, job, &owner);
	check_owner(job, owner, true);
	if (is_unfinished(state))
		wake_launcher();
	while (is_unfinished(state))
	{
		long		seconds;
		int			microseconds;

		TimestampDifference(GetCurrentTimestamp(), until, &seconds, &microseconds);
		if (seconds == 0 && microseconds == 0)
			break;
		launcher_wait(seconds > 0 ? LOOK_AGAIN_MS : microseconds / 1000 + 1);
		CHECK_FOR_INTERRUPTS();
		state = job_state(&catalog, job, &owner);
	}
	launcher_stop_waiting();
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

	PreventCommandDuringRecovery("recseq_resume_jobs()");
	caller = catalog_become_owner(&catalog);
	unfinished = jobs_unfinished(&caller);
	catalog_become_caller(&caller);
	if (unfinished > 0)
		wake_launcher();
	PG_RETURN_INT64(unfinished);
}

PG_FUNCTION_INFO_V1(recseq_job_has_process);

/* recseq_job_has_process(job bigint) */
Datum
recseq_job_has_process(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(launcher_has_process(PG_GETARG_INT64(0)));
}
