/*
 * split.h
 *	  Which events of a source are learned from, and which are to be predicted.
 */
#ifndef RECSEQ_SPLIT_H
#define RECSEQ_SPLIT_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "nn/nn.h"

typedef enum SplitProtocol
{
	SPLIT_LEAVE_ONE_OUT,		/* the last event of each sequence is held out, if
								 * enough events are before it */
	SPLIT_TEMPORAL,				/* those from a time on are */
	SPLIT_RANDOM_WINDOWS		/* a random share of those with a history are */
} SplitProtocol;

typedef struct Split
{
	SplitProtocol protocol;
	int32		min_history;	/* SPLIT_LEAVE_ONE_OUT: events before one held out, 1
								 * or more */
	TimestampTz cut;			/* SPLIT_TEMPORAL: the first time held out */
	double		share;			/* SPLIT_RANDOM_WINDOWS: held out, 0 to below 1 */
	uint64		seed;			/* likewise */
} Split;

/* The protocol of that name; an error if there is none. */
extern SplitProtocol split_protocol(const char *name);

/* What is held out, as a text that is the same for the same events of any source. */
extern char *split_describe(const Split *split);

/*
 * How many of a row's events may be read to learn from; all where only windows
 * are held out (split_held_out).  times: [events], or NULL: not known.
 */
extern int	split_known_events(const Split *split, const TimestampTz *times, int events);

/*
 * Whether each event of a dataset is held out: held_out[tokens].  hours:
 * [tokens] since the origin, or NULL: times are not known.
 */
extern void split_held_out(const Split *split, const Dataset *data, const double *hours,
						   TimestampTz origin, bool *held_out);

#endif							/* RECSEQ_SPLIT_H */
