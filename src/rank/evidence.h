/*
 * evidence.h
 *	  What the counts say of the items that may come next: transitions,
 *	  transitions of transitions, and neighbour sequences.
 */
#ifndef RANK_EVIDENCE_H
#define RANK_EVIDENCE_H

#include "rank/history.h"
#include "rank/own.h"

#define EVIDENCE_TRANSITION_ITEMS 6	/* newest history items whose transitions count */
#define EVIDENCE_REACH 20		/* events of a neighbour around the common item */

/* Kinds of transitions: from the last item, and from all. */
#define EVIDENCE_LAST 5
#define EVIDENCE_ALL 6

/* Evidence for an item. */
typedef struct Evidence
{
	int32_t		item;
	int32_t		place;			/* in the history's items, or -1 */
	int32_t		neighbour;		/* number of the last one that has it; 0: none */
	int32_t		neighbours;		/* that have it */
	bool		keep;			/* it is a candidate */
	float		last[EVIDENCE_LAST];		/* transitions from the last item */
	float		all[EVIDENCE_ALL];			/* transitions from all */
	float		strength;		/* of transitions, to choose by */
	float		strongest;		/* of one item's transitions */
	int32_t		related;		/* position of that item */
	float		hops[2];
	float		near[3];		/* neighbours: plain, near, rare */
	int32_t		network_rank;	/* from 1; 0: none */
	int32_t		untouched;		/* nobody has touched it, nor so many of its category; 0: it
								 * is not one of these */
} Evidence;

/* A neighbour sequence. */
typedef struct Neighbour
{
	int32_t		sequence;
	int32_t		position;		/* of the newest common item */
	float		similarity;
	float		rarity;
} Neighbour;

/* The evidence of one call. */
typedef struct EvidenceTable
{
	KeyTable	items;
	Evidence	found[KEYS_MAX];	/* by their numbers, those of the history first */
	KeyTable	sequences;
	Neighbour	neighbour[KEYS_MAX];	/* likewise */
	float		nearness[EVIDENCE_REACH + 1];	/* weight by distance */
	float		neighbour_sum;	/* of the similarities of those that count */
} EvidenceTable;

/* Prepare a table, once. */
extern void evidence_start(EvidenceTable *table);

/* The evidence for an item, new if there is none; NULL: there is no more room. */
extern Evidence *evidence_find(EvidenceTable *table, int32_t item);

/* Collect the evidence of a history that was read into table->items. */
extern void evidence_collect(EvidenceTable *table, const Counts *counts, const Own *own,
							 const RankHistory *events, const HistoryFacts *history);

/* Have what was collected be of the same history at another time. */
extern void evidence_move(EvidenceTable *table, const Counts *counts, const RankHistory *events,
						  const HistoryFacts *history);

#endif							/* RANK_EVIDENCE_H */
