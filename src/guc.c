/*
 * guc.c
 *	  The settings of the extension: which there are, their defaults and bounds.
 */
#include "guc.h"

#include <limits.h>

#include "utils/guc.h"

#include "compat.h"

#define DAY_MINUTES (24 * 60)
#define MINUTE_SECONDS 60

/* Set to their defaults when they are defined. */
bool		recseq_progress;
int			recseq_cache_size;
int			recseq_shared_cache_size;
int			recseq_max_call_memory;
int			recseq_max_training_memory;
int			recseq_max_training_workers;
int			recseq_max_jobs;
int			recseq_max_jobs_per_role;
int			recseq_job_timeout;
int			recseq_job_retention;

void
guc_define(void)
{
	DefineCustomBoolVariable("recseq.progress",
							 "Reports each epoch of training with a notice.",
							 NULL,
							 &recseq_progress,
							 true,
							 PGC_USERSET,
							 0,
							 NULL,
							 NULL,
							 NULL);
	DefineCustomIntVariable("recseq.cache_size",
							"Sets the memory of its own that a backend uses for loaded models.",
							"That is the working memory of shared models and the whole of the others. The models used least recently make room for others.",
							&recseq_cache_size,
							512 * 1024,
							1024,
							MAX_KILOBYTES,
							PGC_SUSET,
							GUC_UNIT_KB,
							NULL,
							NULL,
							NULL);
	DefineCustomIntVariable("recseq.shared_cache_size",
							"Sets the memory that loaded models shared by all backends may use.",
							"Models that do not fit are loaded by each backend for itself, as all are if this is 0.",
							&recseq_shared_cache_size,
							512 * 1024,
							0,
							MAX_KILOBYTES,
							PGC_SUSET,
							GUC_UNIT_KB,
							NULL,
							NULL,
							NULL);
	DefineCustomIntVariable("recseq.max_call_memory",
							"Sets the memory that one call that answers from a model may use.",
							"A batch of histories takes as many rows at a time as fit.",
							&recseq_max_call_memory,
							256 * 1024,
							1024,
							MAX_KILOBYTES,
							PGC_SUSET,
							GUC_UNIT_KB,
							NULL,
							NULL,
							NULL);
	DefineCustomIntVariable("recseq.max_training_memory",
							"Sets the memory that training a model may use.",
							NULL,
							&recseq_max_training_memory,
							2 * 1024 * 1024,
							1024,
							MAX_KILOBYTES,
							PGC_SUSET,
							GUC_UNIT_KB,
							NULL,
							NULL,
							NULL);
	DefineCustomIntVariable("recseq.max_training_workers",
							"Sets the number of parallel workers that may join in training a model.",
							"The result does not depend on it.",
							&recseq_max_training_workers,
							1,
							0,
							MAX_TRAINING_WORKERS,
							PGC_SUSET,
							0,
							NULL,
							NULL,
							NULL);
	DefineCustomIntVariable("recseq.max_jobs",
							"Sets the number of jobs that run at once in the cluster.",
							"The others wait. 0: no job starts.",
							&recseq_max_jobs,
							1,
							0,
							MAX_JOBS,
							PGC_SIGHUP,
							0,
							NULL,
							NULL,
							NULL);
	DefineCustomIntVariable("recseq.max_jobs_per_role",
							"Sets the number of jobs that a role may have in a database that have not ended.",
							"Those that run are counted as well as those that wait.",
							&recseq_max_jobs_per_role,
							100,
							0,
							INT_MAX,
							PGC_SUSET,
							0,
							NULL,
							NULL,
							NULL);
	DefineCustomIntVariable("recseq.job_timeout",
							"Sets the time that a job may run.",
							"A job that has run for longer fails. 0: no limit.",
							&recseq_job_timeout,
							DAY_MINUTES * MINUTE_SECONDS,
							0,
							INT_MAX,
							PGC_SUSET,
							GUC_UNIT_S,
							NULL,
							NULL,
							NULL);
	DefineCustomIntVariable("recseq.job_retention",
							"Sets the time for which jobs that have ended are shown.",
							"-1: for ever.",
							&recseq_job_retention,
							30 * DAY_MINUTES,
							-1,
							INT_MAX,
							PGC_SIGHUP,
							GUC_UNIT_MIN,
							NULL,
							NULL,
							NULL);
	MarkGUCPrefixReserved("recseq");
}
