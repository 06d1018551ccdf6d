/*
 * evidence.h
 *	  What the counts say of the items that may come next: transitions,
 *	  transitions of transitions, and neighbour sequences.
 */
#ifndef RANK_EVIDENCE_H
#define RANK_EVIDENCE_H

#include <string.h>

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
	/* numbers, in the order of the features that they are */
	float		last[EVIDENCE_LAST];		/* transitions from the last item */
	float		all[EVIDENCE_ALL];			/* transitions from all */
	float		hops[2];		/* from the last item, and from all: evidence_settle() */
	float		near[3];		/* neighbours: plain, near, rare */
	int32_t		item;
	int32_t		place;			/* in the history's items, or -1 */
	int32_t		neighbour;		/* number of the last one that has it; 0: none */
	int32_t		neighbours;		/* that have it */
	float		strength;		/* of transitions, to choose by */
	float		strongest;		/* of one item's transitions */
	int32_t		related;		/* position of that item */
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
	/* by the items' numbers, those of the history first */
	int32_t		item[KEYS_MAX];
	bool		keep[KEYS_MAX]; /* it is a candidate */
	float		hop[KEYS_MAX];	/* transitions of transitions, from all */
	float		last_hop[KEYS_MAX]; /* [last_hops] from the last item; 0 of the others */
	int32_t		last_hops;
	/* all else; most items have nothing of it */
	bool		is_described[KEYS_MAX];
	Evidence	found[KEYS_MAX];
	int32_t		described[KEYS_MAX];	/* numbers of those that have */
	int32_t		described_count;
	KeyTable	sequences;
	Neighbour	neighbour[KEYS_MAX];	/* likewise */
	float		nearness[EVIDENCE_REACH + 1];	/* weight by distance */
	float		neighbour_sum;	/* of the similarities of those that count */
} EvidenceTable;

/* Prepare a table, once. */
extern void evidence_start(EvidenceTable *table);

/* The number of an item, new if it has none; -1: there is no more room. */
static inline int32_t
evidence_number(EvidenceTable *table, int32_t item)
{
	bool		added;
	int32_t		number = keys_number(&table->items, item, &added);

	if (added)
	{
		table->item[number] = item;
		table->keep[number] = false;
		table->hop[number] = 0;
		table->is_described[number] = false;
	}
	return number;
}

/* The evidence of a number besides transitions of transitions, new if there is none. */
static inline Evidence *
evidence_at(EvidenceTable *table, int32_t number)
{
	Evidence   *evidence = &table->found[number];

	if (!table->is_described[number])
	{
		memset(evidence, 0, sizeof(*evidence));
		evidence->item = table->item[number];
		evidence->place = -1;
		table->is_described[number] = true;
		table->described[table->described_count++] = number;
	}
	return evidence;
}

/* The same, of an item; NULL: there is no more room. */
static inline Evidence *
evidence_find(EvidenceTable *table, int32_t item)
{
	int32_t		number = evidence_number(table, item);

	return number < 0 ? NULL : evidence_at(table, number);
}

/* All evidence of a number, once it is collected. */
static inline const Evidence *
evidence_settle(EvidenceTable *table, int32_t number)
{
	Evidence   *evidence = evidence_at(table, number);

	evidence->hops[0] = number < table->last_hops ? table->last_hop[number] : 0;
	evidence->hops[1] = table->hop[number];
	return evidence;
}

/* Collect the evidence of a history that was read into table->items. */
extern void evidence_collect(EvidenceTable *table, const Counts *counts, const Own *own,
							 const RankHistory *events, const HistoryFacts *history);

/* Have what was collected be of the same history at another time. */
extern void evidence_move(EvidenceTable *table, const Counts *counts, const RankHistory *events,
						  const HistoryFacts *history);

#endif							/* RANK_EVIDENCE_H */
