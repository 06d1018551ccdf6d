/*
 * progress.h
 *	  How far each training is, for all backends to see.
 */
#ifndef RECSEQ_PROGRESS_H
#define RECSEQ_PROGRESS_H

#include "postgres.h"

#include "portability/instr_time.h"

#include "nn/nn.h"

typedef enum ProgressPhase
{
	PROGRESS_READING,
	PROGRESS_TRAINING,
	PROGRESS_RANKING,			/* the second stage is fitted */
	PROGRESS_STORING
} ProgressPhase;

typedef struct ProgressSlot ProgressSlot;

/*
 * Show a training of this backend until the current memory context is reset;
 * job: 0 outside of jobs.  NULL, which the functions below take, where too many
 * are shown already.
 */
extern ProgressSlot *progress_begin(const char *model, int64 job, int32 epochs);

/* What comes after the epochs is expected to take so many seconds. */
extern void progress_expect(ProgressSlot *slot, double seconds);

extern void progress_phase(ProgressSlot *slot, ProgressPhase phase);

/* An epoch of that many windows begins; done: those before it. */
extern void progress_epoch(ProgressSlot *slot, int32 done, int64 windows);

/* So many windows of the epoch are done, with that mean loss. */
extern void progress_windows(ProgressSlot *slot, int64 windows, double loss);

/* That share of the second stage's fit is done. */
extern void progress_second_stage(ProgressSlot *slot, double share);

/* The epoch is done. */
extern void progress_report(ProgressSlot *slot, const EpochReport *report);

static inline double
seconds_since(instr_time start)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, start);
	return INSTR_TIME_GET_DOUBLE(now);
}

#endif							/* RECSEQ_PROGRESS_H */
