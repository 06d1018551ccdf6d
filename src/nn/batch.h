/*
 * batch.h
 *	  From sequences to minibatches of windows, without padding.
 *
 * A window is a prefix of a sequence (its newest max_length items) and the item
 * that follows.  Windows that start at the same token form a group and travel
 * together: what depends on a position alone is computed once for all of them.
 */
#ifndef NN_BATCH_H
#define NN_BATCH_H

#include "nn/arena.h"
#include "nn/config.h"

/* Sequences of tokens, one after the other, oldest token first. */
typedef struct Dataset
{
	int32_t		sequences;
	const int64_t *start;		/* [sequences + 1] first token of each */
	const int32_t *item;		/* [tokens] 0 .. items and on; from `items` on: unknown */
	int32_t		features;
	const int32_t *feature[CONFIG_MAX_FEATURES];	/* [tokens] each */
	const bool *held_out;		/* [tokens] is no target of a window; NULL: none is */
} Dataset;

/* Windows first_length .. last_length, all of which start at token `start`. */
typedef struct WindowGroup
{
	int64_t		start;
	int32_t		first_length;
	int32_t		last_length;
} WindowGroup;

static inline int32_t
group_windows(const WindowGroup *group)
{
	return group->last_length - group->first_length + 1;
}

/*
 * Rows of different lengths, longest first, stored step by step: the rows that
 * are longer than p at position p, then those at p + 1.  So the rows of a step
 * are always the first ones, and no step holds padding.
 */
typedef struct Layout
{
	int32_t		rows;
	int32_t		steps;			/* length of the longest row */
	int32_t    *length;			/* [rows] */
	int32_t    *active;			/* [steps] rows longer than p */
	int32_t    *offset;			/* [steps + 1] token of row 0 at p */
} Layout;

static inline int32_t
layout_tokens(const Layout *layout)
{
	return layout->offset[layout->steps];
}

/* How large a batch may be. */
typedef struct BatchCapacity
{
	int32_t		windows;
	int32_t		max_length;
} BatchCapacity;

typedef struct Batch
{
	int32_t		unknown;		/* how an unknown item is read */
	Layout		sequence;		/* a row a group */
	Layout		window;			/* a row a window */
	int32_t    *item;			/* [sequence tokens] */
	int32_t    *feature[CONFIG_MAX_FEATURES];	/* [sequence tokens] each */
	int32_t    *copied;			/* [sequence tokens] the items, also unknown ones, that may
								 * be copied; NULL unless the network copies */
	int64_t    *row_start;		/* [groups] first token in the dataset */
	int32_t    *window_sequence;	/* [windows] row of its group */
	int32_t    *window_chosen;	/* [windows] place of its group in the choice */
	int32_t    *target;			/* [windows] the item that follows */
} Batch;

/* Lay out a batch of up to that capacity. */
extern void batch_place(Batch *batch, Arena *arena, const Config *config,
						const BatchCapacity *capacity);

/* The windows of a sequence: one for each token that follows another and is a target. */
extern int64_t batch_count_windows(const Dataset *dataset, int32_t sequence);

/*
 * Cut sequence number `sequence` into groups of at most group_limit windows.
 * Writes to groups unless it is NULL; returns how many there are.  A sequence
 * of fewer than two tokens has none.
 */
extern int64_t batch_cut_sequence(const Dataset *dataset, int32_t sequence,
								  int32_t max_length, int32_t group_limit,
								  WindowGroup *groups);

/*
 * The group of one window that reads the newest max_length tokens of a
 * sequence, and whose target, if any, lies behind it.
 */
extern WindowGroup batch_history(const Dataset *dataset, int32_t sequence,
						   int32_t max_length);

/*
 * Fill the batch from the groups chosen[0 .. count - 1], in the order of their
 * length; window_chosen tells which window is whose.  Without targets a
 * group's windows need no token behind them.
 */
extern void batch_fill(Batch *batch, const Dataset *dataset, const WindowGroup *groups,
					   const int64_t *chosen, int32_t count, bool with_targets);

#endif							/* NN_BATCH_H */
