/*
 * launcher.h
 *	  The process that works the queue of a database.
 */
#ifndef RECSEQ_LAUNCHER_H
#define RECSEQ_LAUNCHER_H

#include "postgres.h"

#include "postmaster/bgworker.h"

/*
 * Have the queue of this database worked.  False: there is no process for it
 * now.  Raises no error once board_attach() has been called.
 */
extern bool launcher_wake(void);

/*
 * Ask for a launcher of a database; handle: NULL, or where to put what its
 * registrant can watch it by.
 */
extern bool launcher_register(Oid database, BackgroundWorkerHandle **handle);

#endif							/* RECSEQ_LAUNCHER_H */
