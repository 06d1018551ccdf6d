/*
 * guc.h
 *	  The settings of the extension.
 */
#ifndef RECSEQ_GUC_H
#define RECSEQ_GUC_H

#include "postgres.h"

#define MAX_TRAINING_WORKERS 64
#define MAX_JOBS 64

extern bool recseq_progress;		/* recseq.progress */
extern int	recseq_cache_size;		/* recseq.cache_size, kB */
extern int	recseq_shared_cache_size;	/* recseq.shared_cache_size, kB; 0: none */
extern int	recseq_max_call_memory; /* recseq.max_call_memory, kB */
extern int	recseq_max_training_memory; /* recseq.max_training_memory, kB */
extern int	recseq_max_training_workers;	/* recseq.max_training_workers */
extern int	recseq_max_jobs;		/* recseq.max_jobs */
extern int	recseq_max_jobs_per_role;	/* recseq.max_jobs_per_role */
extern int	recseq_job_timeout;		/* recseq.job_timeout, seconds; 0: no limit */
extern int	recseq_job_retention;	/* recseq.job_retention, minutes; -1: for ever */

/* Define them; _PG_init calls it. */
extern void guc_define(void);

#endif							/* RECSEQ_GUC_H */
