/*
 * launcher.h
 *	  The processes that work the queues of jobs.
 */
#ifndef RECSEQ_LAUNCHER_H
#define RECSEQ_LAUNCHER_H

#include "postgres.h"

/*
 * Have the queue of this database worked.  False: there is no process for it
 * now.  Raises no error once launcher_attach() has been called.
 */
extern bool launcher_wake(void);
extern void launcher_attach(void);

/* Whether a process runs a job of this database. */
extern bool launcher_has_process(int64 job);

/* Interrupt the process that runs a job of this database.  False: there is none. */
extern bool launcher_interrupt(int64 job);

/*
 * Wait until a job ends, or for that many milliseconds.  The first call returns
 * at once, so that a job that has ended meanwhile is noticed: look, and call it
 * again.  At last call launcher_stop_waiting.
 */
extern void launcher_wait(long timeout);
extern void launcher_stop_waiting(void);

/* Register the process that looks for jobs when the server starts. */
extern void launcher_register_starter(void);

/* An attempt to start a job, as its process is told; at most BGW_EXTRALEN bytes. */
typedef struct JobStart
{
	Oid			database;
	Oid			login;			/* role to connect as */
	int64		job;
	int64		attempt;		/* its number */
} JobStart;

/* Before a job's process connects: see to it that its end is noticed. */
extern void launcher_watch_me(void);

/* This process runs that job from now on.  False: nobody wants it to. */
extern bool launcher_take_over(const JobStart *start);

#endif							/* RECSEQ_LAUNCHER_H */
