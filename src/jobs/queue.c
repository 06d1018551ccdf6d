/*
 * queue.c
 *	  The rows of jobs.
 *
 * What the launcher asks at each of its looks costs the same whatever the number
 * of jobs that wait: it finds one row by an index, for each owner and for each
 * process that is free.
 */
#include "jobs/queue.h"

#include "access/genam.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "data/source.h"
#include "guc.h"

#define UNFINISHED "state OPERATOR(pg_catalog.=) ANY (ARRAY['queued', 'running'])"

/* ---------------------------------------------------------------- for all */

int64
queue_insert(const Catalog *catalog, const TrainOptions *options, const char *arguments)
{
	Oid			owner = GetUserId();
	bool		by_definer = InLocalUserIdChange();
	char	   *source = relation_name(options->source);
	Caller		caller = as_owner_begin(catalog);
	Oid			types[] = {TEXTOID, OIDOID, OIDOID, OIDOID, TEXTOID, TEXTOID, INT4OID, BOOLOID};
	Datum		values[] = {
		CStringGetTextDatum(options->model),
		ObjectIdGetDatum(owner),
		ObjectIdGetDatum(GetSessionUserId()),
		ObjectIdGetDatum(options->source),
		CStringGetTextDatum(source),
		CStringGetTextDatum(arguments),
		Int32GetDatum(options->trainer.epochs),
		BoolGetDatum(by_definer)
	};
	int64		job;

	/*
	 * The limits of recseq are carried over only where this session has changed
	 * them; else those apply that are in force when the job runs.
	 */
	as_owner_run(&caller, "INSERT INTO %s.recseq_job (model, owner, login, source,"
				 " source_name, options, epochs, by_definer, state, queued, settings)"
				 " SELECT $1, $2, $3, $4, $5, $6::pg_catalog.jsonb, $7, $8, 'queued',"
				 " pg_catalog.clock_timestamp(), pg_catalog.jsonb_object_agg(name, setting)"
				 " FROM pg_catalog.pg_settings"
				 " WHERE name OPERATOR(pg_catalog.=) ANY"
				 " (ARRAY['search_path', 'row_security', 'DateStyle', 'IntervalStyle', 'TimeZone'])"
				 " OR name OPERATOR(pg_catalog.~~) 'recseq.%%'"
				 " AND context OPERATOR(pg_catalog.=) ANY (ARRAY['user', 'superuser'])"
				 " AND source OPERATOR(pg_catalog.=) ANY (ARRAY['client', 'session'])"
				 " RETURNING job", lengthof(values), types, values, NULL);
	job = DatumGetInt64(as_owner_column(1));
	as_owner_end(&caller);
	return job;
}

/*
 * Count unfinished jobs, of one owner if that is valid, up to so many; also those
 * that other transactions have queued and not committed.
 */
static int
count_uncommitted_too(const Catalog *catalog, Oid of_owner, int most)
{
	Relation	rel = table_open(get_relname_relid("recseq_job", catalog->schema),
								 AccessShareLock);
	AttrNumber	owner = get_attnum(RelationGetRelid(rel), "owner");
	SnapshotData dirty;
	ScanKeyData key;
	SysScanDesc scan;
	int			count = 0;

	InitDirtySnapshot(dirty);
	ScanKeyInit(&key, owner, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(of_owner));
	scan = systable_beginscan(rel, get_relname_relid("recseq_job_unfinished", catalog->schema),
							  true, &dirty, OidIsValid(of_owner) ? 1 : 0, &key);
	while (count < most && HeapTupleIsValid(systable_getnext(scan)))
		count++;
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return count;
}

/* Else a role could have as many jobs from each of its sessions. */
void
queue_check_limit(const Catalog *catalog)
{
	int			count = count_uncommitted_too(catalog, GetUserId(), recseq_max_jobs_per_role);

	if (count >= recseq_max_jobs_per_role)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("role \"%s\" has %d jobs that have not ended, as many as a role may have",
						GetUserNameFromId(GetUserId(), false), count),
				 errhint("Wait for some of them, or cancel them. A superuser may raise recseq.max_jobs_per_role.")));
}

int64
queue_count_unfinished(const Caller *caller)
{
	as_owner_run(caller, "SELECT pg_catalog.count(*) FROM %s.recseq_job WHERE " UNFINISHED,
				 0, NULL, NULL, NULL);
	return DatumGetInt64(as_owner_column(1));
}

bool
queue_has_unfinished(const Catalog *catalog)
{
	return count_uncommitted_too(catalog, InvalidOid, 1) > 0;
}

char *
queue_state(const Catalog *catalog, int64 job, Oid *owner)
{
	MemoryContext context = CurrentMemoryContext;
	Caller		caller;
	Oid			types[] = {INT8OID};
	Datum		values[] = {Int64GetDatum(job)};
	char	   *query;
	char	   *state = NULL;

	/* with read_only, a query sees what the active snapshot shows */
	PushActiveSnapshot(GetLatestSnapshot());
	caller = as_owner_begin(catalog);
	query = psprintf("SELECT state, owner FROM %s.recseq_job"
					 " WHERE job OPERATOR(pg_catalog.=) $1", caller.schema);
	if (SPI_execute_with_args(query, lengthof(values), types, values, NULL, true, 1) !=
		SPI_OK_SELECT)
		elog(ERROR, "could not read the row of a job");
	if (SPI_processed > 0)
	{
		state = as_owner_text(1, context);
		/* a superuser may still cancel it */
		*owner = DatumGetObjectId(as_owner_column_or(2, ObjectIdGetDatum(InvalidOid)));
	}
	as_owner_end(&caller);
	PopActiveSnapshot();
	return state;
}

bool
queue_cancel(const Catalog *catalog, int64 job, bool running)
{
	static const JobEnd end = {
		"cancelled", ERRCODE_QUERY_CANCELED, "cancelled before it was started"
	};
	Caller		caller = as_owner_begin(catalog);
	Oid			types[] = {INT8OID, BOOLOID};
	Datum		values[] = {Int64GetDatum(job), BoolGetDatum(running)};
	bool		cancelled;

	/* locks the row, so that no process begins meanwhile */
	cancelled = as_owner_run(&caller, "SELECT FROM %s.recseq_job WHERE job OPERATOR(pg_catalog.=) $1"
							 " AND (state OPERATOR(pg_catalog.=) 'queued'"
							 "  OR state OPERATOR(pg_catalog.=) 'running' AND $2) FOR UPDATE",
							 lengthof(values), types, values, NULL) > 0;
	if (cancelled)
		queue_end(&caller, job, &end);
	as_owner_end(&caller);
	return cancelled;
}

void
queue_end(const Caller *caller, int64 job, const JobEnd *end)
{
	Oid			types[] = {INT8OID, TEXTOID, TEXTOID, TEXTOID};
	Datum		values[] = {Int64GetDatum(job), CStringGetTextDatum(end->state), 0, 0};
	const char *nulls = end->error == NULL ? "  nn" : "    ";

	if (end->error != NULL)
	{
		values[2] = CStringGetTextDatum(unpack_sql_state(end->sqlerrcode));
		values[3] = CStringGetTextDatum(end->error);
	}
	as_owner_run(caller, "DELETE FROM %1$s.recseq_checkpoint c USING %1$s.recseq_job j"
				 " WHERE j.job OPERATOR(pg_catalog.=) $1 AND c.id OPERATOR(pg_catalog.=) j.checkpoint",
				 1, types, values, NULL);
	as_owner_run(caller, "UPDATE %s.recseq_job SET state = $2, sqlstate = $3, error = $4,"
				 " checkpoint = NULL, checkpoint_crc = NULL, data_crc = NULL,"
				 " ended = pg_catalog.clock_timestamp()"
				 " WHERE job OPERATOR(pg_catalog.=) $1 AND " UNFINISHED,
				 lengthof(values), types, values, nulls);
}

/* ---------------------------------------------------------------- for launchers */

void
queue_forget_old(const Caller *caller)
{
	Oid			types[] = {INT4OID};
	Datum		values[] = {Int32GetDatum(recseq_job_retention)};

	if (recseq_job_retention >= 0)
		as_owner_run(caller, "DELETE FROM %s.recseq_job WHERE ended OPERATOR(pg_catalog.<)"
					 " (pg_catalog.now() OPERATOR(pg_catalog.-) pg_catalog.make_interval(mins => $1))",
					 lengthof(values), types, values, NULL);
}

int
queue_running(const Caller *caller, int64 *jobs, int max)
{
	Oid			types[] = {INT4OID};
	Datum		values[] = {Int32GetDatum(max)};
	int			count = as_owner_run(caller, "SELECT job FROM %s.recseq_job"
									 " WHERE state OPERATOR(pg_catalog.=) 'running' LIMIT $1",
									 lengthof(values), types, values, NULL);

	for (int i = 0; i < count; i++)
	{
		bool		isnull;

		jobs[i] = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1,
											  &isnull));
	}
	return count;
}

List *
queue_owners_in_turn(const Caller *caller)
{
	List	   *owners = NIL;

	/* the recursion goes from one owner to the next in the index, past the jobs of each */
	uint64		count = as_owner_run(caller,
									 "WITH RECURSIVE waiting (owner) AS ("
									 " (SELECT owner FROM %1$s.recseq_job"
									 "  WHERE state OPERATOR(pg_catalog.=) 'queued' ORDER BY owner LIMIT 1)"
									 " UNION ALL"
									 " SELECT (SELECT j.owner FROM %1$s.recseq_job j"
									 "  WHERE j.state OPERATOR(pg_catalog.=) 'queued'"
									 "  AND j.owner OPERATOR(pg_catalog.>) w.owner ORDER BY j.owner LIMIT 1)"
									 " FROM waiting w WHERE w.owner IS NOT NULL)"
									 " SELECT owner FROM waiting w WHERE owner IS NOT NULL"
									 " ORDER BY (SELECT pg_catalog.count(*) FROM %1$s.recseq_job r"
									 "  WHERE r.state OPERATOR(pg_catalog.=) 'running'"
									 "  AND r.owner OPERATOR(pg_catalog.=) w.owner),"
									 " (SELECT t.tried FROM %1$s.recseq_job t"
									 "  WHERE t.owner OPERATOR(pg_catalog.=) w.owner AND t.tried IS NOT NULL"
									 "  ORDER BY t.tried DESC LIMIT 1) NULLS FIRST,"
									 " (SELECT q.job FROM %1$s.recseq_job q"
									 "  WHERE q.owner OPERATOR(pg_catalog.=) w.owner"
									 "  AND q.state OPERATOR(pg_catalog.=) 'queued'"
									 "  ORDER BY q.not_before, q.job LIMIT 1)", 0, NULL, NULL, NULL);

	for (uint64 i = 0; i < count; i++)
	{
		bool		isnull;

		owners = lappend_oid(owners,
							 DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[i],
															SPI_tuptable->tupdesc, 1, &isnull)));
	}
	return owners;
}

/* Numbers of jobs as bigint[]. */
static Datum
job_array(const int64 *jobs, int count)
{
	Datum	   *values = palloc(sizeof(Datum) * Max(count, 1));

	for (int i = 0; i < count; i++)
		values[i] = Int64GetDatum(jobs[i]);
	return PointerGetDatum(construct_array(values, count, INT8OID, sizeof(int64),
										   FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

bool
queue_lock_next(const Caller *caller, Oid owner, const int64 *but, int count, QueuedJob *next)
{
	/* the time as a value, not a function, so that the index ends where it has come */
	Oid			types[] = {OIDOID, INT8ARRAYOID, TIMESTAMPTZOID};
	Datum		values[] = {
		ObjectIdGetDatum(owner), job_array(but, count),
		TimestampTzGetDatum(GetCurrentTimestamp())
	};

	if (as_owner_run(caller, "SELECT job, login, by_definer, attempts,"
					 " pg_catalog.has_database_privilege(login, d.oid, 'CONNECT')"
					 " FROM %s.recseq_job j, pg_catalog.pg_database d"
					 " WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()"
					 " AND state OPERATOR(pg_catalog.=) 'queued' AND owner OPERATOR(pg_catalog.=) $1"
					 " AND not_before OPERATOR(pg_catalog.<=) $3"
					 " AND job OPERATOR(pg_catalog.<>) ALL ($2)"
					 " ORDER BY not_before, job LIMIT 1 FOR UPDATE OF j SKIP LOCKED",
					 lengthof(values), types, values, NULL) == 0)
		return false;
	/* a null, which it should not have, is an error for the job and not for the launcher */
	*next = (QueuedJob) {
		.job = DatumGetInt64(as_owner_column(1)),
		.owner = owner,
		.login = DatumGetObjectId(as_owner_column_or(2, ObjectIdGetDatum(InvalidOid))),
		.by_definer = DatumGetBool(as_owner_column_or(3, BoolGetDatum(false))),
		.attempts = DatumGetInt32(as_owner_column_or(4, Int32GetDatum(0))),
		.may_connect = DatumGetBool(as_owner_column_or(5, BoolGetDatum(false)))
	};
	return true;
}

TimestampTz
queue_next_attempt(const Caller *caller)
{
	Oid			types[] = {TIMESTAMPTZOID};
	Datum		values[] = {TimestampTzGetDatum(GetCurrentTimestamp())};

	if (as_owner_run(caller, "SELECT not_before FROM %s.recseq_job"
					 " WHERE state OPERATOR(pg_catalog.=) 'queued'"
					 " AND not_before OPERATOR(pg_catalog.>) '-infinity'"
					 " AND not_before OPERATOR(pg_catalog.>) $1"
					 " ORDER BY not_before LIMIT 1", lengthof(values), types, values, NULL) == 0)
		return DT_NOEND;
	return DatumGetTimestampTz(as_owner_column(1));
}

void
queue_note_attempt(const Caller *caller, int64 job)
{
	Oid			types[] = {INT8OID};
	Datum		values[] = {Int64GetDatum(job)};

	as_owner_run(caller, "UPDATE %s.recseq_job"
				 " SET attempts = COALESCE(attempts, 0) OPERATOR(pg_catalog.+) 1,"
				 " tried = pg_catalog.clock_timestamp()"
				 " WHERE job OPERATOR(pg_catalog.=) $1", lengthof(values), types, values, NULL);
}

void
queue_take_back_attempt(const Caller *caller, int64 job)
{
	Oid			types[] = {INT8OID};
	Datum		values[] = {Int64GetDatum(job)};

	as_owner_run(caller, "UPDATE %1$s.recseq_job SET attempts = attempts OPERATOR(pg_catalog.-) 1"
				 " WHERE job OPERATOR(pg_catalog.=) (SELECT job FROM %1$s.recseq_job"
				 "  WHERE job OPERATOR(pg_catalog.=) $1 AND attempts OPERATOR(pg_catalog.>) 0"
				 "  FOR UPDATE SKIP LOCKED)", lengthof(values), types, values, NULL);
}

QueueLock
queue_lock(const Caller *caller, int64 job, int *attempts)
{
	Oid			types[] = {INT8OID};
	Datum		values[] = {Int64GetDatum(job)};

	if (as_owner_run(caller, "SELECT attempts FROM %s.recseq_job"
					 " WHERE job OPERATOR(pg_catalog.=) $1 AND " UNFINISHED
					 " FOR UPDATE SKIP LOCKED", lengthof(values), types, values, NULL) > 0)
	{
		*attempts = DatumGetInt32(as_owner_column_or(1, Int32GetDatum(0)));
		return QUEUE_LOCKED;
	}
	return as_owner_run(caller, "SELECT FROM %s.recseq_job"
						" WHERE job OPERATOR(pg_catalog.=) $1 AND " UNFINISHED,
						lengthof(values), types, values, NULL) > 0 ? QUEUE_BUSY : QUEUE_ENDED;
}

void
queue_again(const Caller *caller, int64 job, int delay)
{
	Oid			types[] = {INT8OID, INT4OID};
	Datum		values[] = {Int64GetDatum(job), Int32GetDatum(delay)};

	as_owner_run(caller, "UPDATE %s.recseq_job SET state = 'queued',"
				 " not_before = CASE WHEN $2 OPERATOR(pg_catalog.=) 0 THEN '-infinity'"
				 "  ELSE pg_catalog.clock_timestamp() OPERATOR(pg_catalog.+)"
				 "   pg_catalog.make_interval(secs => $2) END"
				 " WHERE job OPERATOR(pg_catalog.=) $1", lengthof(values), types, values, NULL);
}

/* ---------------------------------------------------------------- for the process of a job */

Job *
queue_begin(const Catalog *catalog, int64 number)
{
	MemoryContext context = CurrentMemoryContext;
	Caller		caller = as_owner_begin(catalog);
	Oid			types[] = {INT8OID};
	Datum		values[] = {Int64GetDatum(number)};
	Job		   *job = NULL;

	if (as_owner_run(&caller, "UPDATE %1$s.recseq_job SET state = 'running',"
					 " started = COALESCE(started, pg_catalog.clock_timestamp())"
					 " WHERE job OPERATOR(pg_catalog.=) (SELECT job FROM %1$s.recseq_job"
					 "  WHERE job OPERATOR(pg_catalog.=) $1 AND state OPERATOR(pg_catalog.=) 'queued'"
					 "  FOR UPDATE SKIP LOCKED)"
					 " RETURNING owner, source, seconds, checkpoint, checkpoint_crc, data_crc,"
					 " source_name, options, settings, model, by_definer",
					 lengthof(values), types, values, NULL) > 0)
	{
		job = MemoryContextAlloc(context, sizeof(Job));
		*job = (Job) {
			.job = number,
			.owner = DatumGetObjectId(as_owner_column(1)),
			.source = DatumGetObjectId(as_owner_column(2)),
			.seconds = DatumGetFloat8(as_owner_column(3)),
			.checkpoint = DatumGetInt64(as_owner_column_or(4, Int64GetDatum(0))),
			.checkpoint_crc = (uint32) DatumGetInt64(as_owner_column_or(5, Int64GetDatum(0))),
			.data_crc = (uint32) DatumGetInt64(as_owner_column_or(6, Int64GetDatum(0))),
			.source_name = as_owner_text(7, context),
			.options = as_owner_text(8, context),
			.settings = as_owner_text(9, context),
			.model = as_owner_text(10, context),
			.by_definer = DatumGetBool(as_owner_column(11))
		};
	}
	as_owner_end(&caller);
	return job;
}
