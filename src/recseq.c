/*
 * recseq.c
 *	  Module entry, and BLAS held to one thread.
 *
 * Where things are:
 *
 *	jobs/		training as a job: the rows of jobs, the launcher, the process of a job
 *	evaluate/	recseq_evaluate, recseq_backtest, recseq_assign
 *	train/		recseq_train, recseq_update, recseq_tune; the trainer in this backend
 *				and in parallel workers; options; progress
 *	serve/		recseq_recommend, recseq_recommend_batch, recseq_similar_items; the
 *				models that this backend has loaded
 *	store/		models as rows, in memory that all backends share, and as one value
 *	data/		a relation of sequences -> arrays of tokens, read through SPI as the
 *				caller, so that privileges and row security apply
 *	guc.c, memory.h, segment.c, results.c, compat.h	settings, memory beyond 1 GB,
 *				shared memory, rows of results, differences between PostgreSQL
 *				versions
 *	model/		plain C: both stages together: image, answer, fit of the second stage
 *	rank/		plain C: the second stage: counts, candidates, ranker, baselines
 *	nn/			plain C and CBLAS: the network and its trainer
 *
 * A folder uses those below it in this list, never one above it.
 *
 * Memory: training takes one block of at most recseq.max_training_memory, and
 * the dataset; both go with the statement.  Loaded models are shared by all
 * backends, in dynamic shared memory of at most recseq.shared_cache_size.  A
 * backend's working memory for them, and models that cannot be shared, take at
 * most recseq.cache_size, in children of CacheMemoryContext.
 *
 * Locks: reading takes AccessShareLock on the source and on recseq's tables.
 * Storing a version takes RowExclusiveLock on those tables and locks the
 * model's row until the transaction ends; training itself holds no lock that
 * anybody waits for.  A job locks the extension before its tables, as DROP
 * EXTENSION does.
 *
 * Cancelled or killed: training asks for interrupts every few milliseconds and
 * writes nothing before it is done, so a cancelled or killed one leaves
 * nothing.  What it then writes is part of the caller's transaction.  A job
 * commits what it has after each epoch.
 */
#include "postgres.h"

#include <dlfcn.h>

#include "fmgr.h"
#include "miscadmin.h"

#include "guc.h"
#include "jobs/starter.h"

PG_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);

/*
 * Hold OpenBLAS to this thread.  Its threaded build starts threads when it is
 * loaded, with signals unblocked, and a handler of PostgreSQL's must never run
 * on one of them.  The serial build, which recseq is linked with where there
 * is one, does not have these functions or ignores them; other BLAS libraries
 * do not have them either.
 */
static void
hold_blas_to_one_thread(void)
{
	void		(*set_threads) (int);
	int			(*shutdown) (void);

	*(void **) &set_threads = dlsym(RTLD_DEFAULT, "openblas_set_num_threads");
	*(void **) &shutdown = dlsym(RTLD_DEFAULT, "blas_thread_shutdown_");
	if (set_threads != NULL)
		set_threads(1);
	if (shutdown != NULL)
		shutdown();
}

void
_PG_init(void)
{
	hold_blas_to_one_thread();

	guc_define();
	if (process_shared_preload_libraries_in_progress)
		starter_register();
}
