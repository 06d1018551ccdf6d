/*
 * board.h
 *	  Who works on what: in shared memory, the launcher of each database and the
 *	  process of each job that runs.
 *
 * A job is entered by its launcher (one that finds no free entry, or as many
 * jobs as may run, waits), taken over by its process, and gone when that exits,
 * for whatever reason.  It is then the launcher that sees what became of it and
 * strikes it out.  All jobs below are those of the current database.
 */
#ifndef RECSEQ_BOARD_H
#define RECSEQ_BOARD_H

#include "postgres.h"

#include "datatype/timestamp.h"

#define BOARD_ERROR_LENGTH 160	/* bytes of an error's text, with its end */

/* An attempt to start a job, as its process is told. */
typedef struct JobStart
{
	Oid			database;
	Oid			login;			/* role to connect as */
	int64		job;
	int64		attempt;		/* its number */
} JobStart;

/* Why a job's process was told to stop. */
typedef enum JobStop
{
	JOB_NOT_STOPPED,
	JOB_CANCELLED,
	JOB_OVERDUE					/* ran for longer than recseq.job_timeout */
} JobStop;

/* A process of a job that is gone. */
typedef struct JobExit
{
	int64		job;
	JobStop		stop;
	int			sqlerrcode;		/* of the error that ended it; 0: not known */
	char		error[BOARD_ERROR_LENGTH];
} JobExit;

/* Before the functions below raise no error. */
extern void board_attach(void);

/* ------------------------------------------------ for all */

/* Wake the launcher.  False: there is none. */
extern bool board_wake_launcher(void);

/* Whether a process runs a job. */
extern bool board_has_process(int64 job);

/* Tell the process that runs a job to cancel it.  False: there is none. */
extern bool board_cancel(int64 job);

/*
 * Wait until some job ends, or for that many milliseconds.  The first call
 * returns at once, so that a job that has ended meanwhile is noticed: look, and
 * call it again.  At last call board_stop_waiting.
 */
extern void board_wait(long timeout);
extern void board_stop_waiting(void);

/* ------------------------------------------------ for launchers */

/* Become the launcher.  False: there is one, which is woken, or no entry is free. */
extern bool board_take_post(void);

/* Begin to look what there is to do: what happens from now on asks for another look. */
extern void board_begin_look(void);

/* Leave, unless there is work again. */
extern bool board_leave_post(void);

/* Leave in any case. */
extern void board_abandon_post(void);

/* Whether one more job may run. */
extern bool board_has_room(void);

/* Enter a job, if one more may run and it is not there; returns the number of the attempt, or 0. */
extern int64 board_enter(int64 job);

/* Strike out a job whose process has not taken over; false: it has. */
extern bool board_strike_out(const JobStart *start);

/* Strike out a job whose process is gone. */
extern void board_forget(int64 job);

/* All jobs on the board; returns how many, at most MAX_JOBS. */
extern int	board_jobs(int64 *jobs);

/* Those whose process is gone; returns how many, at most MAX_JOBS. */
extern int	board_exits(JobExit *exits);

/*
 * Stop the processes that have run for too long, and terminate those that have
 * been told to stop and have not.  Returns when to call it again.
 */
extern TimestampTz board_stop_overdue(void);

/* Tell those who wait that jobs have ended. */
extern void board_announce(void);

/* ------------------------------------------------ for the process of a job */

/* Before it connects: see to it that its end is noticed. */
extern void board_watch_me(void);

/* This process runs that job from now on.  False: nobody wants it to. */
extern bool board_take_over(const JobStart *start);

/* It may run for that many seconds from now on; 0: for ever. */
extern void board_limit(double seconds);

/* Why it was told to stop. */
extern JobStop board_my_stop(void);

/* Leave word of the error that ends it, in case that it cannot be stored. */
extern void board_note_error(int sqlerrcode, const char *message);

#endif							/* RECSEQ_BOARD_H */
