/*
 * worker.c
 *	  The process of a job: training in transactions of its own.
 *
 * Who it is: the process connects as the session user of the call and acts as
 * its current user.  Where these differ it is as within a SECURITY DEFINER
 * function: whatever a view or function of the source does, it cannot become
 * the session user, nor anybody else.  recseq's own statements run as the owner
 * of its tables (catalog.h), and run nothing of the user's.
 *
 * What it does: one transaction takes the job over, one reads the source, and
 * then one for each epoch trains and stores a checkpoint; the last one stores
 * the version and ends the job.  Nothing but memory lives longer than a
 * transaction, so training holds no lock and no snapshot for long.
 *
 * How it ends: an error, a cancel, or its time limit, ends the job.  If that
 * cannot be stored, the launcher does it, to whom the error is left on the board.
 * If the process goes otherwise (it is terminated, the server stops or crashes),
 * the row still says "running", and the launcher has it go on from the checkpoint.
 */
#include "postgres.h"

#include <math.h>
#include <signal.h>

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "storage/ipc.h"
#include "storage/lmgr.h"
#include "tcop/tcopprot.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "jobs/board.h"
#include "jobs/process.h"
#include "jobs/queue.h"
#include "train/options.h"
#include "train/training.h"
#include "store/checkpoint.h"
#include "data/source.h"
#include "compat.h"
#include "guc.h"
#include "json.h"

/*
 * What is kept of each part of an error.  A function of the source's says how
 * long it is, and the view recseq_jobs is for others, too.
 */
#define ERROR_PART_BYTES 2000

static JobStart start;

PGDLLEXPORT void recseq_job_main(Datum unused);

/* ---------------------------------------------------------------- transactions */

/*
 * Complain if the job's roles are not any more what they must be.  Asked again
 * in each transaction: a job may run for hours after a right was taken away.
 */
static void
check_roles(const Job *job)
{
	Oid			login = GetSessionUserId();

	if (login != start.login)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
				 errmsg("the session of the job has changed its session_authorization"),
				 errhint("A function that the source calls must not do that.")));
	if (!SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(job->owner)))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("the owner of the job, the role with OID %u, does not exist any more",
						job->owner)));
	if (!job->by_definer && !member_can_set_role(login, job->owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("role \"%s\" is not permitted to become role \"%s\" any more",
						GetUserNameFromId(login, false), GetUserNameFromId(job->owner, false)),
				 errdetail("It was when it queued the job.")));
}

/* Begin a transaction as the job's owner; where it is the session user, that needs no care. */
static void
begin_transaction(const Job *job, const char *activity)
{
	process_begin(activity);
	check_roles(job);
	if (job->owner != GetSessionUserId())
		SetUserIdAndSecContext(job->owner, SECURITY_LOCAL_USERID_CHANGE);
}

/* recseq's tables, in the current transaction. */
static Catalog
open_catalog(void)
{
	Catalog		catalog;

	if (!catalog_open_extension(&catalog))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("extension \"recseq\" does not exist")));
	return catalog;
}

/* ---------------------------------------------------------------- what was called */

/* Put the settings in force that were so for the call. */
static void
apply_settings(const Job *job)
{
	JsonbIterator *iterator = JsonbIteratorInit(&jsonb_of_text(job->settings)->root);
	JsonbValue	name;
	JsonbValue	value;

	/* nobody but recseq_train_async writes them, so who queued it could set them */
	while (jsonb_next_member(&iterator, &name, &value))
		set_config_option(pnstrdup(name.val.string.val, name.val.string.len),
						  jsonb_scalar_text(&value), PGC_SUSET, PGC_S_SESSION,
						  GUC_ACTION_SET, true, WARNING, false);
}

/* Complain if the owner has lost the right to train in jobs. */
static void
check_privilege(const Job *job, const Catalog *catalog)
{
	Caller		caller = as_owner_begin(catalog);
	Oid			types[] = {OIDOID, OIDOID};
	Datum		values[] = {ObjectIdGetDatum(job->owner), ObjectIdGetDatum(catalog->schema)};
	bool		granted;

	granted = as_owner_run(&caller, "SELECT FROM pg_catalog.pg_proc"
						   " WHERE proname OPERATOR(pg_catalog.=) 'recseq_train_async'"
						   " AND pronamespace OPERATOR(pg_catalog.=) $2"
						   " AND pg_catalog.has_function_privilege($1, oid, 'EXECUTE')",
						   lengthof(values), types, values, NULL) > 0;
	as_owner_end(&caller);
	if (!granted)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for function recseq_train_async"),
				 errdetail("Role \"%s\" had it when the job was queued.",
						   GetUserNameFromId(job->owner, false))));
}

/*
 * Complain if the source is not the relation that it was.  Keeps it from being
 * renamed or dropped until the transaction ends.
 */
static void
check_source(const Job *job)
{
	const char *name;

	LockRelationOid(job->source, AccessShareLock);
	name = relation_name(job->source);
	if (name == NULL || strcmp(name, job->source_name) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("source %s is not the relation any more that it was when the job was queued",
						job->source_name),
				 name == NULL ? errdetail("That relation was dropped.")
				 : errdetail("That relation is now %s.", name),
				 errhint("Queue the job again.")));
}

/* ---------------------------------------------------------------- checkpoints */

pg_noreturn static void
complain_about_end(const Job *job)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("job " INT64_FORMAT " was ended by another process", job->job)));
}

/* Note in the job's row what the checkpoint is; an error if the job has ended. */
static void
update_job(const Caller *caller, const Job *job, const Training *training)
{
	const EpochReport *report = &training->report;
	Oid			types[] = {INT8OID, INT8OID, INT8OID, INT8OID, INT4OID, FLOAT8OID, FLOAT8OID,
		FLOAT8OID, FLOAT8OID, FLOAT8OID};
	Datum		values[] = {
		Int64GetDatum(job->job),
		Int64GetDatum(job->checkpoint),
		Int64GetDatum(job->checkpoint_crc),
		Int64GetDatum(job->data_crc),
		Int32GetDatum(report->epoch),
		Float8GetDatum(report->loss),
		Float8GetDatum(training_seconds(training)),
		Float8GetDatum(report->validation_loss),
		Float8GetDatum(report->hit_rate),
		Float8GetDatum(report->mrr)
	};

	if (as_owner_run(caller, "UPDATE %s.recseq_job SET checkpoint = $2, checkpoint_crc = $3,"
					 " data_crc = $4, epoch = $5, loss = $6, seconds = $7, val_loss = $8,"
					 " hit_rate = $9, mrr = $10, attempts = 0"
					 " WHERE job OPERATOR(pg_catalog.=) $1 AND state OPERATOR(pg_catalog.=) 'running'",
					 lengthof(values), types, values,
					 isnan(report->validation_loss) ? "       nnn" : "          ") == 0)
		complain_about_end(job);
}

/* Replace the checkpoint by one of what is trained by now. */
static void
store_checkpoint(Job *job, Training *training)
{
	Catalog		catalog = open_catalog();
	Caller		caller = as_owner_begin(&catalog);
	int64		before = job->checkpoint;
	TrainerPiece pieces[TRAINER_MAX_PIECES];
	int			count = trainer_pieces(&training->trainer, pieces);

	job->checkpoint = checkpoint_store(&caller, pieces, count, &job->checkpoint_crc);
	update_job(&caller, job, training);
	if (before != 0)
		checkpoint_delete(&caller, before);
	as_owner_end(&caller);
}

/* Note that the job goes on, or (notice) why it begins again. */
static void
note_resumption(const Caller *caller, const Job *job, const char *notice)
{
	Oid			types[] = {INT8OID, TEXTOID};
	Datum		values[] = {
		Int64GetDatum(job->job), notice == NULL ? (Datum) 0 : CStringGetTextDatum(notice)
	};

	as_owner_run(caller, "UPDATE %s.recseq_job"
				 " SET resumed = resumed OPERATOR(pg_catalog.+) ($2 IS NULL)::pg_catalog.int4,"
				 " notice = COALESCE($2, notice)"
				 " WHERE job OPERATOR(pg_catalog.=) $1", lengthof(values), types, values,
				 notice == NULL ? " n" : "  ");
}

/* Go on from the checkpoint; if the data is not what it was, begin again. */
static void
resume(const Job *job, Training *training, uint32 data_crc)
{
	Catalog		catalog = open_catalog();
	Caller		caller = as_owner_begin(&catalog);
	TrainerPiece pieces[TRAINER_MAX_PIECES];
	int			count = trainer_pieces(&training->trainer, pieces);

	if (data_crc != job->data_crc)
		note_resumption(&caller, job, "began again after an interruption, since the source had changed, or recseq");
	else if (checkpoint_load(&caller, job->checkpoint, pieces, count, job->checkpoint_crc) &&
			 training_resume(training, job->seconds))
		note_resumption(&caller, job, NULL);
	else
	{
		note_resumption(&caller, job, "began again after an interruption, since the checkpoint was damaged");
		trainer_start(&training->trainer, &training->source->data);
	}
	as_owner_end(&caller);
}

/* ---------------------------------------------------------------- the job */

/* Take the job over; all in the current context.  NULL: see queue_begin(). */
static Job *
begin_job(int64 number)
{
	MemoryContext context = CurrentMemoryContext;
	Catalog		catalog;
	Job		   *job;

	/* this may wait for others, too; the settings of the job may give it more or less */
	board_limit(recseq_job_timeout);
	process_begin("recseq job: starting");
	catalog = open_catalog();
	MemoryContextSwitchTo(context);
	job = queue_begin(&catalog, number);
	if (job != NULL)
		apply_settings(job);
	process_commit();
	if (job != NULL && recseq_job_timeout > 0)
		board_limit(Max(recseq_job_timeout - job->seconds, 1));
	MemoryContextSwitchTo(context);
	return job;
}

/* Read the source, and the checkpoint, if there is one; all in the current context. */
static Training *
begin_training(Job *job)
{
	MemoryContext context = CurrentMemoryContext;
	Catalog		catalog;
	TrainOptions options;
	Training   *training;
	uint32		data_crc;

	begin_transaction(job, "recseq job: reading the source");
	ereport(LOG,
			(errmsg("recseq job " INT64_FORMAT ": %s model \"%s\" on %s as \"%s\"", job->job,
					job->checkpoint == 0 ? "trains" : "goes on training", job->model,
					job->source_name, GetUserNameFromId(job->owner, false)),
			 errhidestmt(true)));
	catalog = open_catalog();
	MemoryContextSwitchTo(context);
	check_privilege(job, &catalog);
	check_source(job);
	options = train_options(train_arguments(&catalog, job->source, jsonb_of_text(job->options),
											true));
	options.model = job->model;
	options.job = job->job;
	version_check_storable(&catalog, options.model, "recseq_train_async()");
	training = training_begin(&options, NULL);
	if (training->memory.segment != NULL)
		dsm_pin_mapping(training->memory.segment);
	data_crc = training_checksum(training);
	if (job->checkpoint != 0)
		resume(job, training, data_crc);
	job->data_crc = data_crc;
	process_commit();
	MemoryContextSwitchTo(context);
	return training;
}

/* Store the version, which ends the job; returns its number. */
static int32
finish_job(const Job *job, Training *training)
{
	Catalog		catalog;
	Caller		caller;
	int32		version;
	Oid			types[] = {INT8OID, INT4OID, FLOAT8OID};
	Datum		values[3];

	training_finish(training);
	catalog = open_catalog();
	values[0] = Int64GetDatum(job->job);
	version = training_store(training, &catalog);
	values[1] = Int32GetDatum(version);
	values[2] = Float8GetDatum(training->seconds);
	caller = as_owner_begin(&catalog);
	if (as_owner_run(&caller, "UPDATE %s.recseq_job SET version = $2, seconds = $3"
					 " WHERE job OPERATOR(pg_catalog.=) $1 AND state OPERATOR(pg_catalog.=) 'running'",
					 lengthof(values), types, values, NULL) == 0)
		complain_about_end(job);
	queue_end(&caller, job->job, &(JobEnd) {.state = "done"});
	as_owner_end(&caller);
	return version;
}

static void
run_job(int64 number)
{
	MemoryContext context = CurrentMemoryContext;
	Job		   *job = begin_job(number);
	Training   *training;
	int32		version;

	if (job == NULL)
		return;
	training = begin_training(job);
	while (!trainer_done(&training->trainer))
	{
		begin_transaction(job, "recseq job: training");
		training_run(training, 1);
		store_checkpoint(job, training);
		process_commit();
	}
	begin_transaction(job, "recseq job: storing the version");
	MemoryContextSwitchTo(context);
	version = finish_job(job, training);
	process_commit();
	ereport(LOG,
			(errmsg("recseq job " INT64_FORMAT ": done, version %d of model \"%s\" after %.1f s", job->job,
					version, job->model, training->seconds),
			 errhidestmt(true)));
}

/* Append a part of an error, if there is one. */
static void
append_part(StringInfo text, const char *label, const char *part)
{
	int			length;

	if (part == NULL)
		return;
	length = pg_mbcliplen(part, strlen(part), ERROR_PART_BYTES);
	appendStringInfoString(text, label);
	appendBinaryStringInfo(text, part, length);
	if (part[length] != '\0')
		appendStringInfoString(text, "...");
}

/* What an error says, as the server's log has it. */
static char *
error_text(const ErrorData *error)
{
	StringInfoData text;

	initStringInfo(&text);
	append_part(&text, "", error->message);
	append_part(&text, "\nDETAIL:  ", error->detail);
	append_part(&text, "\nHINT:  ", error->hint);
	append_part(&text, "\nCONTEXT:  ", error->context);
	return text.data;
}

/* The job has failed, or was cancelled. */
static void
end_job(int64 job, const ErrorData *error)
{
	bool		cancelled = error->sqlerrcode == ERRCODE_QUERY_CANCELED;
	bool		overdue = cancelled && board_my_stop() == JOB_OVERDUE;
	JobEnd		end = {
		.state = cancelled && !overdue ? "cancelled" : "failed",
		.sqlerrcode = error->sqlerrcode,
		.error = overdue ? "ran for longer than recseq.job_timeout" : error_text(error)
	};
	Catalog		catalog;
	Caller		caller;

	process_begin("recseq job: ending");
	catalog = open_catalog();
	caller = as_owner_begin(&catalog);
	queue_end(&caller, job, &end);
	as_owner_end(&caller);
	process_commit();
	/* why is in the log already */
	ereport(LOG,
			(errmsg("recseq job " INT64_FORMAT ": %s, SQLSTATE %s", job, end.state,
					unpack_sql_state(end.sqlerrcode)),
			 errhidestmt(true)));
}

/* Entry point of a job's process. */
void
recseq_job_main(Datum unused)
{
	MemoryContext context;

	memcpy(&start, MyBgworkerEntry->bgw_extra, sizeof(start));
	pqsignal(SIGTERM, die);
	board_watch_me();
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(start.database, start.login, 0);
	if (!board_take_over(&start))
		proc_exit(0);
	context = AllocSetContextCreate(TopMemoryContext, "recseq job", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		run_job(start.job);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		/* a second cancel must not keep the first one from being noted */
		pqsignal(SIGINT, SIG_IGN);
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		EmitErrorReport();
		FlushErrorState();
		AbortCurrentTransaction();
		QueryCancelPending = false;
		MemoryContextSwitchTo(context);
		board_note_error(error->sqlerrcode, error->message);
		end_job(start.job, error);
	}
	PG_END_TRY();
	proc_exit(0);
}
