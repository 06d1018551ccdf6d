/*
 * starter.c
 *	  The process that looks for jobs when the server starts.
 *
 * Where recseq is preloaded, it calls at every database after a start of the
 * server or a promotion: a launcher finds whether there is something to do.
 */
#include "jobs/starter.h"

#include "postgres.h"

#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"

#include "jobs/launcher.h"
#include "jobs/process.h"

/* After which it asks again for a launcher that could not be had. */
#define RETRY_MS 10000

/* How long a launcher may take to find that it is not needed. */
#define LOOK_MS 1000

PGDLLEXPORT void recseq_starter_main(Datum unused);

void
starter_register(void)
{
	BackgroundWorker worker;

	process_describe(&worker, "recseq starter", "recseq_starter_main");
	RegisterBackgroundWorker(&worker);
}

/* The databases that take connections. */
static List *
list_databases(void)
{
	List	   *databases = NIL;
	MemoryContext context = CurrentMemoryContext;
	Relation	rel;
	TableScanDesc scan;
	HeapTuple	tuple;

	StartTransactionCommand();
	rel = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(rel, 0, NULL);
	while (HeapTupleIsValid(tuple = heap_getnext(scan, ForwardScanDirection)))
	{
		Form_pg_database database = (Form_pg_database) GETSTRUCT(tuple);
		MemoryContext transaction = MemoryContextSwitchTo(context);

		if (database->datallowconn)
			databases = lappend_oid(databases, database->oid);
		MemoryContextSwitchTo(transaction);
	}
	table_endscan(scan);
	table_close(rel, AccessShareLock);
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
	return databases;
}

/* Wait until a latch is set, or for that many milliseconds. */
static void
wait_for_latch(long timeout)
{
	WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, timeout,
			  PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

/*
 * Entry point of the starter.  It calls at one database after the other, so
 * that it does not take all background workers at once.
 */
void
recseq_starter_main(Datum unused)
{
	ListCell   *cell;

	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	foreach(cell, list_databases())
	{
		BackgroundWorkerHandle *handle;
		pid_t		pid;

		while (!launcher_register(lfirst_oid(cell), &handle))
			wait_for_latch(RETRY_MS);
		/* what is still there after a while has work to do */
		WaitForBackgroundWorkerStartup(handle, &pid);
		for (int waited = 0; waited < LOOK_MS &&
			 GetBackgroundWorkerPid(handle, &pid) != BGWH_STOPPED; waited += LOOK_MS / 20)
			wait_for_latch(LOOK_MS / 20);
		pfree(handle);
	}
	proc_exit(0);
}
