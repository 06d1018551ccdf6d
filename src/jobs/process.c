/*
 * process.c
 *	  What the processes of recseq have in common.
 */
#include "jobs/process.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"

#include "compat.h"

/*
 * Settings without which a process could not do its work, or could not even say
 * that it has failed.  Each can be given to a role by whoever has that role, and
 * to the session by any function that a source calls.
 */
static const struct
{
	const char *name;
	const char *value;
}			needed[] = {
	{"default_transaction_read_only", "off"},
	{"default_transaction_deferrable", "off"},
	/* a serialization failure must not cost the work of hours */
	{"default_transaction_isolation", "read committed"},
	{"lock_timeout", "0"},
#if PG_VERSION_NUM >= 170000
	{"transaction_timeout", "0"},
#endif
	/* an error must reach who notes it */
	{"exit_on_error", "off"},
	{"role", "none"}
};

void
process_describe(BackgroundWorker *worker, const char *type, const char *function)
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

void
process_begin(const char *activity)
{
	SetUserIdAndSecContext(GetSessionUserId(), 0);
	for (int i = 0; i < lengthof(needed); i++)
		SetConfigOption(needed[i].name, needed[i].value, PGC_SUSET, PGC_S_SESSION);
	SetCurrentStatementStartTimestamp();
	pgstat_report_activity(STATE_RUNNING, activity);
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
}

void
process_commit(void)
{
	PopActiveSnapshot();
	CommitTransactionCommand();
	pgstat_report_activity(STATE_IDLE, NULL);
}
