/*
 * jobs.h
 *	  The rows of jobs.
 */
#ifndef RECSEQ_JOBS_H
#define RECSEQ_JOBS_H

#include "postgres.h"

#include "store/as_owner.h"

/* A job that its process has begun to run; all in the context of the call. */
typedef struct Job
{
	int64		job;
	Oid			owner;			/* whose rights it has */
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

/* The number of jobs that are queued or running. */
extern int64 jobs_unfinished(const Caller *caller);

/* Forget the jobs that ended longer ago than recseq.job_retention. */
extern void jobs_forget_old(const Caller *caller);

/*
 * A queued job begins to run.  NULL: it is not queued any more, or somebody is
 * about to cancel it.
 */
extern Job *job_begin(const Catalog *catalog, int64 job);

/* Call a function with each member of a JSON object; value: NULL for null. */
typedef void (*MemberFunction) (void *context, const char *name, const char *value);
extern void job_for_each_member(const char *json, MemberFunction function, void *context);

/* A job that has not ended ends, and its checkpoint goes; error: NULL for none. */
extern void job_end(const Caller *caller, int64 job, const char *state, const char *error);

#endif							/* RECSEQ_JOBS_H */
