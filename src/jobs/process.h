/*
 * process.h
 *	  What the processes of recseq have in common: how they are described, and
 *	  transactions of their own.
 */
#ifndef RECSEQ_PROCESS_H
#define RECSEQ_PROCESS_H

#include "postgres.h"

#include "postmaster/bgworker.h"

/* A process of that type, which runs that function of the library. */
extern void process_describe(BackgroundWorker *worker, const char *type, const char *function);

/*
 * Begin a transaction as the session user, with a snapshot.  What a role or
 * database was given by ALTER ... SET, or a function of the user's has set,
 * does not change what kind of transaction it is.
 */
extern void process_begin(const char *activity);

extern void process_commit(void);

#endif							/* RECSEQ_PROCESS_H */
