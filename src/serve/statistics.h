/*
 * statistics.h
 *	  How often and how fast each version answers: what pg_stat_recseq shows.
 */
#ifndef RECSEQ_STATISTICS_H
#define RECSEQ_STATISTICS_H

#include "postgres.h"

#include "portability/instr_time.h"

#include "store/shared.h"

/* Count a call that has answered with so many rows, and began then.  hit: the model was loaded before it. */
extern void statistics_count_call(SharedKey key, instr_time start, int64 rows, bool hit);

/* Count that a backend has loaded a version, and began then.  attached: it is one that others had loaded. */
extern void statistics_count_load(SharedKey key, instr_time start, bool attached);

#endif							/* RECSEQ_STATISTICS_H */
