/*
 * evidence.c
 *	  What the counts say of the items that may come next.
 *
 * Evidence is collected item by item in a small hash table.  What an example's
 * own sequence has put into the counts is left out wherever one is read (own.h).
 * The loops are bounded by the constants below, whatever the history and the
 * counts: nobody needs to be asked whether to go on.
 */
#include "rank/evidence.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define HOP_ITEMS 3				/* newest history items with transitions of transitions */
#define HOP_PAIRS 25			/* strongest pairs followed in each hop */
#define NEIGHBOUR_ITEMS 15		/* newest history items that find neighbours */
#define NEIGHBOURS_MAX 60		/* closest neighbours that count */
#define NEIGHBOUR_NEAR 3.0f		/* events over which nearness to it fades */
#define NEIGHBOUR_MEMORY 0.05f	/* share of the span in which a neighbour's time fades */

/* A pair of less is what subtracting the own sequence from it has left of nothing. */
#define LEAST_WEIGHT 1e-4f

/* What transitions and neighbours can find at most has room, so that none is passed over. */
_Static_assert(NEIGHBOUR_ITEMS * POSTINGS_MAX <= KEYS_MAX, "neighbours would be passed over");
_Static_assert(CANDIDATES_HISTORY + EVIDENCE_TRANSITION_ITEMS * PAIRS_MAX +
			   HOP_ITEMS * HOP_PAIRS * HOP_PAIRS <= KEYS_MAX, "two hops would be passed over");
_Static_assert(HOP_PAIRS <= PAIRS_MAX, "no such pairs are kept");

void
evidence_start(EvidenceTable *table)
{
	memset(&table->items, 0, sizeof(table->items));
	memset(&table->sequences, 0, sizeof(table->sequences));
	for (int32_t d = 0; d <= EVIDENCE_REACH; d++)
		table->nearness[d] = expf(-(float) d / NEIGHBOUR_NEAR);
}

/* A neighbour sequence, new if it is not there; NULL: there is no more room. */
static Neighbour *
find_neighbour(EvidenceTable *table, int32_t sequence, int32_t position)
{
	bool		added;
	int32_t		number = keys_number(&table->sequences, sequence, &added);

	if (added)
		table->neighbour[number] = (Neighbour) {sequence, position, 0, 0};
	return number < 0 ? NULL : &table->neighbour[number];
}

/* ---------------------------------------------------------------- transitions */

static void
follow_transitions(EvidenceTable *table, const Counts *counts, const Own *own,
				   const HistoryFacts *history)
{
	const PairTable *pairs = &counts->item_pairs;

	for (int32_t r = 0; r < history->distinct && r < EVIDENCE_TRANSITION_ITEMS; r++)
	{
		int32_t		from = history->item[r].item;
		float		w = history_recency_weight(r);
		PairWeights sum;
		PairWeights share;		/* what one of each weight is of them all */
		float		share_before;

		if (from >= counts->sizes.items)
			continue;
		for (int64_t i = pairs->start[from]; i < pairs->start[from + 1]; i++)
			__builtin_prefetch(&counts->item[pairs->pair[i].to]);
		sum = own_item_sum(own, counts, from);
		share = (PairWeights) {
			1 / (sum.adjacent + 1), 1 / (sum.after + 1), 1 / (sum.both + 1), 1 / (sum.bought + 1)
		};
		share_before = 1 / (sum.both - sum.after + 1);
		for (int64_t i = pairs->start[from]; i < pairs->start[from + 1]; i++)
		{
			PairWeights weights = own_pair(&own->items, counts, pairs, from, i);
			int32_t		to = pairs->pair[i].to;
			Evidence   *evidence;
			float		after = weights.after * share.after;
			float		both = weights.both * share.both;
			float		before = (weights.both - weights.after) * share_before;

			if (weights.both < LEAST_WEIGHT || (evidence = evidence_find(table, to)) == NULL)
				continue;
			evidence->all[0] += w * after;
			evidence->all[1] += w * before;
			evidence->all[2] += w * both;
			evidence->all[3] += w * weights.both /
				sqrtf((sum.both + 1) * ((float) own_item_events(own, counts, to) + 1));
			evidence->all[4] = evidence->all[4] > both ? evidence->all[4] : both;
			evidence->all[5] += w * weights.bought;
			evidence->strength += w * (after + both / 2);
			if (w * (after + both / 2) > evidence->strongest)
			{
				evidence->strongest = w * (after + both / 2);
				evidence->related = history->item[r].last;
			}
			if (r == 0)
			{
				evidence->last[0] = weights.adjacent * share.adjacent;
				evidence->last[1] = after;
				evidence->last[2] = before;
				evidence->last[3] = both;
				evidence->last[4] = weights.bought * share.bought;
			}
		}
	}
}

/* How much pair number i weighs; 0: it is not to be counted. */
static inline float
weight_of_both(const Counts *counts, const Own *own, int32_t row, int64_t i)
{
	float		both = own_pair(&own->items, counts, &counts->item_pairs, row, i).both;

	return both < LEAST_WEIGHT ? 0 : both;
}

/* Where the pairs that are followed from a row end. */
static inline int64_t
end_of_hops(const PairTable *pairs, int32_t row)
{
	int64_t		start = pairs->start[row];
	int64_t		end = pairs->start[row + 1];

	return end - start > HOP_PAIRS ? start + HOP_PAIRS : end;
}

/*
 * Have memory fetch the rows that the pairs of a row lead to: where they begin
 * first, then what is there, so that the one needs not wait for the other.
 */
static void
fetch_rows(const Counts *counts, int32_t row)
{
	const PairTable *pairs = &counts->item_pairs;

	if (row >= counts->sizes.items)
		return;
	for (int64_t i = pairs->start[row]; i < end_of_hops(pairs, row); i++)
	{
		__builtin_prefetch(&pairs->start[pairs->pair[i].to]);
		__builtin_prefetch(&pairs->sum[pairs->pair[i].to]);
	}
	for (int64_t i = pairs->start[row]; i < end_of_hops(pairs, row); i++)
	{
		int32_t		to = pairs->pair[i].to;
		const char *first = (const char *) &pairs->pair[pairs->start[to]];
		const char *end = (const char *) &pairs->pair[end_of_hops(pairs, to)];

		for (; first < end; first += ARENA_ALIGNMENT)
			__builtin_prefetch(first);
	}
}

/* Follow the second hops of an item; factor: what one of their weights is worth. */
static void
follow_second_hops(EvidenceTable *table, const Counts *counts, const Own *own, int32_t from,
				   int32_t middle, float factor)
{
	const PairTable *pairs = &counts->item_pairs;
	int64_t		end = end_of_hops(pairs, middle);

	for (int64_t j = pairs->start[middle]; j < end; j++)
	{
		int32_t		to = pairs->pair[j].to;
		float		both = weight_of_both(counts, own, middle, j);
		int32_t		number;

		if (to != from && both > 0 && (number = evidence_number(table, to)) >= 0)
			table->hop[number] += factor * both;
	}
}

/* Transitions of transitions: much is added up there, for many items that have no other evidence. */
static void
follow_two_hops(EvidenceTable *table, const Counts *counts, const Own *own,
				const HistoryFacts *history)
{
	const PairTable *pairs = &counts->item_pairs;

	table->last_hops = 0;
	for (int32_t r = 0; r < history->distinct && r < HOP_ITEMS; r++)
	{
		int32_t		from = history->item[r].item;
		float		w = history_recency_weight(r);
		float		sum;

		if (from >= counts->sizes.items)
			continue;
		sum = own_item_sum(own, counts, from).both;
		if (r + 1 < history->distinct && r + 1 < HOP_ITEMS)
			fetch_rows(counts, history->item[r + 1].item);
		for (int64_t i = pairs->start[from]; i < end_of_hops(pairs, from); i++)
		{
			int32_t		middle = pairs->pair[i].to;
			float		one = w * weight_of_both(counts, own, from, i) / (sum + 1);

			if (one > 0)
				follow_second_hops(table, counts, own, from, middle,
								   one / (own_item_sum(own, counts, middle).both + 1));
		}
		if (r == 0)
		{
			/* the newest item is the last one, and its weight is 1 */
			table->last_hops = table->items.count;
			memcpy(table->last_hop, table->hop, (size_t) table->last_hops * sizeof(float));
		}
	}
}

/* ---------------------------------------------------------------- neighbours */

/* Whether a sequence is the visitor's own: the history begins just so. */
static bool
is_own_beginning(const Counts *counts, int32_t sequence, const RankHistory *events)
{
	int64_t		start = counts->sequence_start[sequence];
	int64_t		length = counts->sequence_start[sequence + 1] - start;

	return length <= events->length &&
		memcmp(counts->token + start, events->item, (size_t) length * sizeof(int32_t)) == 0;
}

/* Closest first, the newer sequence first among equals. */
static int
compare_neighbours(const void *a, const void *b)
{
	const Neighbour *x = a;
	const Neighbour *y = b;

	if (x->similarity != y->similarity)
		return x->similarity > y->similarity ? -1 : 1;
	return (x->sequence < y->sequence) - (x->sequence > y->sequence);
}

/* Add what neighbour number 1, 2, ... has around the common item. */
static void
read_neighbour(EvidenceTable *table, const Counts *counts, int32_t number, double now)
{
	const Neighbour *neighbour = &table->neighbour[number - 1];
	int64_t		start = counts->sequence_start[neighbour->sequence];
	int32_t		length = (int32_t) (counts->sequence_start[neighbour->sequence + 1] - start);
	int32_t		low = neighbour->position > EVIDENCE_REACH
		? neighbour->position - EVIDENCE_REACH : 0;
	int32_t		high = neighbour->position + EVIDENCE_REACH < length
		? neighbour->position + EVIDENCE_REACH : length;
	double		age = fabs(counts->token_time[start + neighbour->position] - now);
	float		fading = expf(-(float) age / (NEIGHBOUR_MEMORY * counts->span[0]));

	for (int32_t t = low; t < high; t++)
	{
		Evidence   *evidence = evidence_find(table, counts->token[start + t]);
		int32_t		distance = t > neighbour->position ? t - neighbour->position
			: neighbour->position - t;

		if (evidence == NULL || evidence->neighbour == number)
			continue;
		evidence->neighbour = number;
		evidence->neighbours++;
		evidence->near[0] += neighbour->similarity;
		evidence->near[1] += neighbour->similarity * fading * table->nearness[distance];
		evidence->near[2] += neighbour->rarity;
	}
}

/* Read the closest sequences, which come first. */
static void
read_neighbours(EvidenceTable *table, const Counts *counts, const RankHistory *events,
				const HistoryFacts *history)
{
	int32_t		kept = 0;

	table->neighbour_sum = 0;
	for (int32_t n = 0; n < table->sequences.count && kept < NEIGHBOURS_MAX; n++)
	{
		if (events->own_sequence < 0 &&
			is_own_beginning(counts, table->neighbour[n].sequence, events))
			continue;
		read_neighbour(table, counts, n + 1, history->now);
		table->neighbour_sum += table->neighbour[n].similarity;
		kept++;
	}
}

/* Find the sequences that have items of the history, and put the closest first. */
static void
find_neighbours(EvidenceTable *table, const Counts *counts, const RankHistory *events,
				const HistoryFacts *history)
{
	int32_t		asked = history->distinct < NEIGHBOUR_ITEMS ? history->distinct : NEIGHBOUR_ITEMS;

	keys_clear(&table->sequences);
	for (int32_t r = 0; r < asked; r++)
	{
		int32_t		item = history->item[r].item;
		float		w = 1.0f - (float) r / (float) (asked + 1);
		float		rarity;

		if (item >= counts->sizes.items)
			continue;
		rarity = logf(((float) counts->sizes.sequences + 1) / ((float) counts->item[item].sequences + 1));
		for (int64_t p = counts->posting_start[item + 1] - 1;
			 p >= counts->posting_start[item]; p--)
		{
			const Posting *posting = &counts->posting[p];
			Neighbour  *neighbour;

			if (posting->sequence == events->own_sequence)
				continue;
			__builtin_prefetch(&counts->sequence_start[posting->sequence]);
			neighbour = find_neighbour(table, posting->sequence, posting->position);
			if (neighbour == NULL)
				continue;
			neighbour->similarity += w * w;
			neighbour->rarity += w * w * rarity;
		}
	}
	for (int32_t n = 0; n < table->sequences.count; n++)
	{
		Neighbour  *neighbour = &table->neighbour[n];
		int64_t		start = counts->sequence_start[neighbour->sequence];
		float		length = (float) (counts->sequence_start[neighbour->sequence + 1] - start);
		float		share = 1 / sqrtf(length + 1);

		__builtin_prefetch(&counts->token[start]);
		__builtin_prefetch(&counts->token_time[start + neighbour->position]);
		neighbour->similarity *= share;
		neighbour->rarity *= share;
	}
	if (table->sequences.count > NEIGHBOURS_MAX)
		qsort(table->neighbour, (size_t) table->sequences.count, sizeof(Neighbour),
			  compare_neighbours);
}

/* Take back what too few neighbours say. */
static void
drop_unsupported(EvidenceTable *table, int64_t min_support)
{
	for (int32_t d = 0; d < table->described_count; d++)
	{
		Evidence   *evidence = &table->found[table->described[d]];

		if (evidence->neighbours < min_support)
			memset(evidence->near, 0, sizeof(evidence->near));
	}
}

void
evidence_collect(EvidenceTable *table, const Counts *counts, const Own *own,
				 const RankHistory *events, const HistoryFacts *history)
{
	table->described_count = 0;
	for (int32_t place = 0; place < history->distinct; place++)
	{
		/* the history has numbered them */
		table->item[place] = history->item[place].item;
		table->keep[place] = false;
		table->hop[place] = 0;
		table->is_described[place] = false;
		evidence_at(table, place)->place = place;
	}
	fetch_rows(counts, history->item[0].item);
	follow_transitions(table, counts, own, history);
	follow_two_hops(table, counts, own, history);
	find_neighbours(table, counts, events, history);
	read_neighbours(table, counts, events, history);
	if (counts->sizes.min_support > 1)
		drop_unsupported(table, counts->sizes.min_support);
}

void
evidence_move(EvidenceTable *table, const Counts *counts, const RankHistory *events,
			  const HistoryFacts *history)
{
	for (int32_t d = 0; d < table->described_count; d++)
	{
		Evidence   *evidence = &table->found[table->described[d]];

		evidence->neighbour = evidence->neighbours = 0;
		memset(evidence->near, 0, sizeof(evidence->near));
	}
	read_neighbours(table, counts, events, history);
	if (counts->sizes.min_support > 1)
		drop_unsupported(table, counts->sizes.min_support);
}
