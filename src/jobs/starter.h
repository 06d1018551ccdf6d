/*
 * starter.h
 *	  The process that looks for jobs when the server starts.
 */
#ifndef RECSEQ_STARTER_H
#define RECSEQ_STARTER_H

/* Have it run after the start; while the library is preloaded. */
extern void starter_register(void);

#endif							/* RECSEQ_STARTER_H */
