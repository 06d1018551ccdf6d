/*
 * candidates.c
 *	  The items that may come next after a history, and what speaks for each.
 *
 * Evidence is collected item by item in a small hash table; then the best by
 * each kind of evidence become candidates and get their features.  For training
 * examples, what the rest of the example's own sequence has put into the counts
 * is subtracted wherever a count is read.
 */
#include "rank/candidates.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TABLE_SLOTS 8192		/* of the hash tables; a power of two */
#define MAX_FOUND 4000			/* items with evidence; more are passed over */

#define TRANSITION_ITEMS 6		/* newest history items whose transitions count */
#define HOP_ITEMS 3				/* likewise, of two hops */
#define HOP_PAIRS 25			/* strongest pairs followed in each hop */
#define NEIGHBOUR_ITEMS 15		/* newest history items that find neighbours */
#define NEIGHBOURS_MAX 60		/* closest neighbours that count */
#define NEIGHBOUR_REACH 20		/* events of a neighbour around the common item */
#define NEIGHBOUR_NEAR 3.0f		/* events over which nearness to it fades */
#define NEIGHBOUR_MEMORY 0.05f	/* share of the span in which a neighbour's time fades */

#define KEEP_HISTORY 60			/* candidates of each kind */
#define KEEP_TRANSITIONS 30
#define KEEP_NEIGHBOURS 30
#define KEEP_RARE 15
#define KEEP_HOPS 20
#define KEEP_CATEGORY 20
#define KEEP_OTHER_CATEGORY 10

#define SESSION_GAP 0.5f		/* hours: a longer one begins a new session */
#define AT_ONCE (1.0f / 3600)	/* hours */
#define NEVER 5.0f				/* feature value of a logarithm of steps without any */

/* An item of the history. */
typedef struct HistoryItem
{
	int32_t		item;
	int32_t		category;
	int32_t		first;			/* positions */
	int32_t		last;
	int32_t		last_cart;		/* -1: none, as the next */
	int32_t		last_buy;
	int32_t		carts;
	int32_t		buys;
	bool		newest_is_buy;
	bool		unbought;
	int32_t		unbought_place; /* among the unbought, oldest cart first; -1 */
	int32_t		followed;		/* times it followed the last item */
	float		followed_when;
} HistoryItem;

/* Evidence for an item. */
typedef struct Evidence
{
	int32_t		item;
	int32_t		place;			/* in the history's items, or -1 */
	int32_t		neighbour;		/* number of the last one that has it; 0: none */
	bool		keep;
	float		last[5];		/* transitions from the last item */
	float		all[6];			/* transitions from all */
	float		strength;		/* of transitions, to choose by */
	float		strongest;		/* of one item's transitions */
	int32_t		related;		/* position of that item */
	float		hops[2];
	float		near[3];		/* neighbours: plain, near, rare */
	int32_t		network_rank;	/* from 1; 0: none */
} Evidence;

/* A neighbour sequence. */
typedef struct Neighbour
{
	int32_t		sequence;
	int32_t		position;		/* of the newest common item */
	float		similarity;
	float		rarity;
} Neighbour;

/* What the rest of the own sequence has put into the counts. */
typedef struct OwnPair
{
	uint64_t	key;
	PairWeights weights;
} OwnPair;

#define MAX_OWN_PAIRS (CANDIDATES_MAX_OWN * COUNTS_REACH * 2)

typedef struct OwnTable
{
	int32_t		count;
	OwnPair		pair[MAX_OWN_PAIRS];
} OwnTable;

typedef struct Own
{
	int64_t		first;			/* token after the history */
	int32_t		count;			/* tokens; 0: nothing to leave out */
	OwnTable	items;			/* pairs */
	OwnTable	item_sums;
	OwnTable	categories;
	OwnTable	category_sums;
} Own;

/* Probabilities of a category after those of the history. */
typedef struct CategoryOutlook
{
	int32_t		category;
	float		after_last;
	float		after_all;
	float		weight;			/* of the history's items of it */
	float		share;
} CategoryOutlook;

#define MAX_OUTLOOKS 64			/* kept for one history */

/* Numbers the keys of one call, in the order of their arrival. */
typedef struct KeyTable
{
	uint32_t	generation;		/* of the call */
	uint32_t	stamp[TABLE_SLOTS]; /* generation in which the slot was filled */
	int32_t		number[TABLE_SLOTS];
	int32_t		count;
	int32_t		key[MAX_FOUND];
} KeyTable;

struct CandidateWork
{
	KeyTable	items;
	Evidence	found[MAX_FOUND];	/* by their numbers */
	KeyTable	sequences;
	Neighbour	neighbour[MAX_FOUND];	/* likewise */
	float		nearness[NEIGHBOUR_REACH + 1];	/* weight by distance */
	int32_t		distinct;
	HistoryItem history[CANDIDATES_HISTORY];
	int32_t		outlooks;
	CategoryOutlook outlook[MAX_OUTLOOKS];
	Own			own;
};

CandidateWork *
candidates_place(Arena *arena)
{
	return ARENA_TAKE(arena, CandidateWork, 1);
}

void
candidates_start(CandidateWork *work)
{
	memset(&work->items, 0, sizeof(work->items));
	memset(&work->sequences, 0, sizeof(work->sequences));
	for (int32_t d = 0; d <= NEIGHBOUR_REACH; d++)
		work->nearness[d] = expf(-(float) d / NEIGHBOUR_NEAR);
}

static inline uint32_t
slot_of(int32_t key)
{
	return ((uint32_t) key * UINT32_C(2654435769)) >> 19;	/* 13 bits: TABLE_SLOTS */
}

/* Forget all keys. */
static void
clear_keys(KeyTable *table)
{
	table->generation++;
	table->count = 0;
}

/* The number of a key; *added: it is new.  -1: there is no more room. */
static int32_t
number_key(KeyTable *table, int32_t key, bool *added)
{
	uint32_t	slot = slot_of(key);

	*added = false;
	for (; table->stamp[slot] == table->generation; slot = (slot + 1) % TABLE_SLOTS)
	{
		if (table->key[table->number[slot]] == key)
			return table->number[slot];
	}
	if (table->count == MAX_FOUND)
		return -1;
	*added = true;
	table->stamp[slot] = table->generation;
	table->number[slot] = table->count;
	table->key[table->count] = key;
	return table->count++;
}

/* The evidence for an item, new if there is none; NULL: there is no more room. */
static Evidence *
find_evidence(CandidateWork *work, int32_t item)
{
	bool		added;
	int32_t		number = number_key(&work->items, item, &added);

	if (added)
	{
		memset(&work->found[number], 0, sizeof(Evidence));
		work->found[number].item = item;
		work->found[number].place = -1;
	}
	return number < 0 ? NULL : &work->found[number];
}

/* Likewise for a neighbour sequence. */
static Neighbour *
find_neighbour(CandidateWork *work, int32_t sequence, int32_t position)
{
	bool		added;
	int32_t		number = number_key(&work->sequences, sequence, &added);

	if (added)
		work->neighbour[number] = (Neighbour) {sequence, position, 0, 0};
	return number < 0 ? NULL : &work->neighbour[number];
}

/* ---------------------------------------------------------------- own sequence */

static inline uint64_t
pair_key(int32_t a, int32_t b)
{
	return (uint64_t) (uint32_t) a << 32 | (uint32_t) b;
}

static void
own_add(OwnTable *table, uint64_t key, PairWeights weights)
{
	table->pair[table->count++] = (OwnPair) {key, weights};
}

static int
compare_keys(const void *a, const void *b)
{
	uint64_t	x = ((const OwnPair *) a)->key;
	uint64_t	y = ((const OwnPair *) b)->key;

	return (x > y) - (x < y);
}

static void
own_sort(OwnTable *table)
{
	int32_t		distinct = 0;

	qsort(table->pair, (size_t) table->count, sizeof(OwnPair), compare_keys);
	for (int32_t i = 0; i < table->count; i++)
	{
		if (distinct > 0 && table->pair[distinct - 1].key == table->pair[i].key)
		{
			PairWeights *sum = &table->pair[distinct - 1].weights;
			const PairWeights *more = &table->pair[i].weights;

			sum->adjacent += more->adjacent;
			sum->after += more->after;
			sum->both += more->both;
			sum->bought += more->bought;
		}
		else
			table->pair[distinct++] = table->pair[i];
	}
	table->count = distinct;
}

/* Weights without those of the own sequence. */
static PairWeights
without_own(PairWeights weights, const OwnTable *table, uint64_t key)
{
	OwnPair		wanted = {.key = key};
	const OwnPair *own;

	if (table->count == 0)
		return weights;
	own = bsearch(&wanted, table->pair, (size_t) table->count, sizeof(OwnPair), compare_keys);
	if (own != NULL)
	{
		weights.adjacent -= own->weights.adjacent;
		weights.after -= own->weights.after;
		weights.both -= own->weights.both;
		weights.bought -= own->weights.bought;
	}
	return weights;
}

/* Collect what the events after the history have put into the counts. */
static void
read_own(Own *own, const Counts *counts, const RankHistory *history)
{
	int64_t		start;
	int64_t		end;

	own->first = 0;
	own->count = 0;
	own->items.count = own->item_sums.count = 0;
	own->categories.count = own->category_sums.count = 0;
	if (history->own_sequence < 0)
		return;
	start = counts->sequence_start[history->own_sequence];
	end = counts->sequence_start[history->own_sequence + 1];
	own->first = start + history->length;
	own->count = (int32_t) (end - own->first);
	for (int64_t j = own->first; j < end; j++)
	{
		for (int64_t i = j - COUNTS_REACH > start ? j - COUNTS_REACH : start; i < j; i++)
		{
			int32_t		a = counts->token[i];
			int32_t		b = counts->token[j];
			float		weight = 1.0f / (float) (j - i);
			int32_t		ca = counts->item_category[a];
			bool		bought = counts->token_bought[i] && counts->token_bought[j];
			PairWeights forward = {j - i == 1, weight, weight, bought};
			PairWeights backward = {0, 0, weight, bought};
			PairWeights category = {0, weight, 0, 0};

			if (a == b)
				continue;
			own_add(&own->items, pair_key(a, b), forward);
			own_add(&own->items, pair_key(b, a), backward);
			own_add(&own->item_sums, (uint64_t) a, forward);
			own_add(&own->item_sums, (uint64_t) b, backward);
			own_add(&own->categories, pair_key(ca, counts->item_category[b]), category);
			own_add(&own->category_sums, (uint64_t) ca, category);
		}
	}
	own_sort(&own->items);
	own_sort(&own->item_sums);
	own_sort(&own->categories);
	own_sort(&own->category_sums);
}

/* Sums of an item's pairs, without the own ones. */
static PairWeights
item_sum(const CandidateWork *work, const Counts *counts, int32_t item)
{
	return without_own(counts->item_pairs.sum[item], &work->own.item_sums, (uint64_t) item);
}

/* How often an item occurs, likewise. */
static float
item_events(const CandidateWork *work, const Counts *counts, int32_t item)
{
	float		events = counts->item[item].events;

	for (int64_t t = work->own.first; t < work->own.first + work->own.count; t++)
		events -= counts->token[t] == item;
	return events;
}

/* The tally of an item, without the events after the history. */
static Tally
item_tally(const CandidateWork *work, const Counts *counts, int32_t item, bool in_history)
{
	Tally		tally = counts->item[item];
	bool		own = false;

	for (int64_t t = work->own.first; t < work->own.first + work->own.count; t++)
	{
		float		age = (counts->span[0] - counts->token_time[t]) / counts->span[0];

		if (counts->token[t] != item)
			continue;
		own = true;
		tally.events--;
		tally.bought -= counts->token_bought[t];
		tally.short_recent -= exp2f(-age / (float) COUNTS_SHORT_HALF_LIFE);
		tally.long_recent -= exp2f(-age / (float) COUNTS_LONG_HALF_LIFE);
	}
	if (own && !in_history)
		tally.sequences--;
	tally.short_recent = fmaxf(tally.short_recent, 0);
	tally.long_recent = fmaxf(tally.long_recent, 0);
	return tally;
}

/* ---------------------------------------------------------------- history */

/* What is known of the history as a whole. */
typedef struct Context
{
	int32_t		from;			/* first position that is looked at */
	int32_t		end;			/* position after the last */
	int32_t		last_item;
	int32_t		last_category;
	double		now;
	bool		kinds;
	bool		times;
	int32_t		last_place;		/* position of the last item's cart */
	int32_t		unbought;
	int32_t		buys;
	int32_t		carts;
	int32_t		newest_buy;		/* position; -1 */
	int32_t		first_unbought; /* items; -1 */
	int32_t		next_unbought;
	int32_t		last_unbought;
	int32_t		session_start;	/* position */
	int32_t		bought_at_once;
	int32_t		run;
} Context;

static inline bool
is_bought(const RankHistory *history, int32_t t)
{
	return history->bought != NULL && history->bought[t];
}

static inline int32_t
category_of(const RankHistory *history, int32_t t)
{
	return history->category != NULL ? history->category[t] : 0;
}

/* The distinct items of the history, newest first, each as evidence. */
static void
read_history(CandidateWork *work, const RankHistory *history, const Context *context)
{
	work->distinct = 0;
	for (int32_t t = context->end - 1; t >= context->from; t--)
	{
		Evidence   *evidence = find_evidence(work, history->item[t]);
		HistoryItem *seen;

		if (evidence->place < 0)
		{
			evidence->place = work->distinct++;
			seen = &work->history[evidence->place];
			*seen = (HistoryItem) {
				.item = history->item[t], .category = category_of(history, t),
				.last = t, .last_cart = -1, .last_buy = -1,
				.newest_is_buy = is_bought(history, t), .unbought_place = -1
			};
		}
		seen = &work->history[evidence->place];
		seen->first = t;
		if (is_bought(history, t))
		{
			seen->buys++;
			seen->last_buy = seen->last_buy > t ? seen->last_buy : t;
		}
		else
		{
			seen->carts++;
			seen->last_cart = seen->last_cart > t ? seen->last_cart : t;
		}
	}
}

/* Number the unbought items by their last cart, oldest first. */
static void
order_unbought(CandidateWork *work, Context *context)
{
	int32_t		order[CANDIDATES_HISTORY];
	int32_t		first = -1;
	int32_t		last = -1;
	int32_t		next = -1;
	int32_t		last_item_first = 0;

	for (int32_t i = 0; i < work->distinct; i++)
	{
		if (work->history[i].item == context->last_item)
			last_item_first = work->history[i].first;
	}
	for (int32_t i = 0; i < work->distinct; i++)
	{
		HistoryItem *seen = &work->history[i];
		int32_t		at = context->unbought;

		context->buys += seen->buys;
		context->carts += seen->carts;
		if (seen->last_buy > context->newest_buy)
			context->newest_buy = seen->last_buy;
		if (!context->kinds)
			continue;
		seen->unbought = seen->buys == 0 || !seen->newest_is_buy;
		if (!seen->unbought)
			continue;
		for (; at > 0 && work->history[order[at - 1]].last_cart > seen->last_cart; at--)
			order[at] = order[at - 1];
		order[at] = i;
		context->unbought++;
		if (first < 0 || seen->last < work->history[first].last)
			first = i;
		if (last < 0 || seen->last > work->history[last].last)
			last = i;
		if (seen->last > last_item_first &&
			(next < 0 || seen->last < work->history[next].last))
			next = i;
	}
	for (int32_t u = 0; u < context->unbought; u++)
		work->history[order[u]].unbought_place = u;
	context->first_unbought = first < 0 ? -1 : work->history[first].item;
	context->last_unbought = last < 0 ? -1 : work->history[last].item;
	context->next_unbought = next < 0 ? -1 : work->history[next].item;
}

/* When the history ends: where times are not known, when the counts do. */
static double
time_of_call(const Counts *counts, const RankHistory *history)
{
	if (history->hours != NULL)
		return history->hours[history->length - 1];
	if (history->own_sequence >= 0)
		return counts->token_time[counts->sequence_start[history->own_sequence] +
								  history->length - 1];
	return counts->span[0];
}

static Context
read_context(CandidateWork *work, const Counts *counts, const RankHistory *history)
{
	int32_t		end = history->length;
	Context		context = {
		.end = end,
		.from = end > CANDIDATES_HISTORY ? end - CANDIDATES_HISTORY : 0,
		.last_item = history->item[end - 1],
		.last_category = category_of(history, end - 1),
		.now = time_of_call(counts, history),
		.kinds = history->bought != NULL,
		.times = history->hours != NULL,
		.newest_buy = -1,
		.session_start = end - 1,
		.run = 1
	};

	read_history(work, history, &context);
	order_unbought(work, &context);
	for (int32_t i = 0; i < work->distinct; i++)
	{
		const HistoryItem *seen = &work->history[i];

		if (seen->item == context.last_item)
			context.last_place = seen->last_cart >= 0 ? seen->last_cart : seen->last;
		context.bought_at_once += context.times && seen->last_buy >= 0 &&
			context.now - history->hours[seen->last_buy] < AT_ONCE;
	}
	while (context.times && context.session_start > context.from &&
		   history->hours[context.session_start] -
		   history->hours[context.session_start - 1] < SESSION_GAP)
		context.session_start--;
	while (context.run < end - context.from &&
		   history->item[end - 1 - context.run] == context.last_item)
		context.run++;
	for (int32_t t = end - 1; t > context.from; t--)
	{
		if (history->item[t - 1] == context.last_item)
		{
			HistoryItem *seen = &work->history[find_evidence(work, history->item[t])->place];

			seen->followed++;
			if (seen->followed == 1)
				seen->followed_when = 1.0f / (float) (end - t);
		}
	}
	return context;
}

/* ---------------------------------------------------------------- evidence */

/* Weight of the history's r-th newest item. */
static inline float
recency_weight(int32_t r)
{
	return 1.0f / (float) (1 + r);
}

static void
follow_transitions(CandidateWork *work, const Counts *counts)
{
	for (int32_t r = 0; r < work->distinct && r < TRANSITION_ITEMS; r++)
	{
		int32_t		from = work->history[r].item;
		float		w = recency_weight(r);
		int64_t		count;
		const Pair *pair;
		PairWeights sum;

		if (from >= counts->sizes.items)
			continue;
		sum = item_sum(work, counts, from);
		pair = pair_range(&counts->item_pairs, from, &count);
		for (int64_t i = 0; i < count; i++, pair++)
		{
			PairWeights weights = without_own(pair->weights, &work->own.items,
											  pair_key(from, pair->to));
			Evidence   *evidence;
			float		after;
			float		both;
			float		before;

			if (weights.both < 1e-4f || (evidence = find_evidence(work, pair->to)) == NULL)
				continue;
			after = weights.after / (sum.after + 1);
			both = weights.both / (sum.both + 1);
			before = (weights.both - weights.after) / (sum.both - sum.after + 1);
			evidence->all[0] += w * after;
			evidence->all[1] += w * before;
			evidence->all[2] += w * both;
			evidence->all[3] += w * weights.both /
				sqrtf((sum.both + 1) * (item_events(work, counts, pair->to) + 1));
			evidence->all[4] = fmaxf(evidence->all[4], both);
			evidence->all[5] += w * weights.bought;
			evidence->strength += w * (after + both / 2);
			if (w * (after + both / 2) > evidence->strongest)
			{
				evidence->strongest = w * (after + both / 2);
				evidence->related = work->history[r].last;
			}
			if (r == 0)
			{
				evidence->last[0] = weights.adjacent / (sum.adjacent + 1);
				evidence->last[1] = after;
				evidence->last[2] = before;
				evidence->last[3] = both;
				evidence->last[4] = weights.bought / (sum.bought + 1);
			}
		}
	}
}

/* The share of a pair among those of its first item; 0 if it is only the own. */
static float
share_of_both(const CandidateWork *work, const Pair *pair, int32_t from, float sum)
{
	float		both = without_own(pair->weights, &work->own.items,
								   pair_key(from, pair->to)).both;

	return both < 1e-4f ? 0 : both / (sum + 1);
}

static void
follow_two_hops(CandidateWork *work, const Counts *counts)
{
	for (int32_t r = 0; r < work->distinct && r < HOP_ITEMS; r++)
	{
		int32_t		from = work->history[r].item;
		float		w = recency_weight(r);
		float		sum;
		int64_t		count;
		const Pair *first;

		if (from >= counts->sizes.items)
			continue;
		sum = item_sum(work, counts, from).both;
		first = pair_range(&counts->item_pairs, from, &count);
		for (int64_t i = 0; i < count && i < HOP_PAIRS; i++, first++)
		{
			float		one = share_of_both(work, first, from, sum);
			float		middle = item_sum(work, counts, first->to).both;
			int64_t		seconds;
			const Pair *second = pair_range(&counts->item_pairs, first->to, &seconds);

			for (int64_t j = 0; one > 0 && j < seconds && j < HOP_PAIRS; j++, second++)
			{
				float		two = share_of_both(work, second, first->to, middle);
				Evidence   *evidence;

				if (second->to == from || two == 0 ||
					(evidence = find_evidence(work, second->to)) == NULL)
					continue;
				evidence->hops[1] += w * one * two;
				if (r == 0)
					evidence->hops[0] += one * two;
			}
		}
	}
}

/* Whether a sequence is the visitor's own: the history begins just so. */
static bool
is_own_beginning(const Counts *counts, int32_t sequence, const RankHistory *history)
{
	int64_t		start = counts->sequence_start[sequence];
	int64_t		length = counts->sequence_start[sequence + 1] - start;

	return length <= history->length &&
		memcmp(counts->token + start, history->item, (size_t) length * sizeof(int32_t)) == 0;
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
read_neighbour(CandidateWork *work, const Counts *counts, int32_t number, double now)
{
	const Neighbour *neighbour = &work->neighbour[number - 1];
	int64_t		start = counts->sequence_start[neighbour->sequence];
	int32_t		length = (int32_t) (counts->sequence_start[neighbour->sequence + 1] - start);
	int32_t		low = neighbour->position > NEIGHBOUR_REACH
		? neighbour->position - NEIGHBOUR_REACH : 0;
	int32_t		high = neighbour->position + NEIGHBOUR_REACH < length
		? neighbour->position + NEIGHBOUR_REACH : length;
	double		age = fabs(counts->token_time[start + neighbour->position] - now);
	float		fading = expf(-(float) age / (NEIGHBOUR_MEMORY * counts->span[0]));

	for (int32_t t = low; t < high; t++)
	{
		Evidence   *evidence = find_evidence(work, counts->token[start + t]);
		int32_t		distance = t > neighbour->position ? t - neighbour->position
			: neighbour->position - t;

		if (evidence == NULL || evidence->neighbour == number)
			continue;
		evidence->neighbour = number;
		evidence->near[0] += neighbour->similarity;
		evidence->near[1] += neighbour->similarity * fading * work->nearness[distance];
		evidence->near[2] += neighbour->rarity;
	}
}

/* Find the closest sequences; returns the sum of their similarities. */
static float
ask_neighbours(CandidateWork *work, const Counts *counts, const RankHistory *history,
			   double now)
{
	int32_t		asked = work->distinct < NEIGHBOUR_ITEMS ? work->distinct : NEIGHBOUR_ITEMS;
	int32_t		kept = 0;
	float		sum = 0;

	clear_keys(&work->sequences);
	for (int32_t r = 0; r < asked; r++)
	{
		int32_t		item = work->history[r].item;
		float		w = 1.0f - (float) r / (float) (asked + 1);
		float		rarity;

		if (item >= counts->sizes.items)
			continue;
		rarity = logf(((float) counts->sizes.sequences + 1) / (counts->item[item].sequences + 1));
		for (int64_t p = counts->posting_start[item + 1] - 1;
			 p >= counts->posting_start[item]; p--)
		{
			const Posting *posting = &counts->posting[p];
			Neighbour  *neighbour;

			if (posting->sequence == history->own_sequence)
				continue;
			neighbour = find_neighbour(work, posting->sequence, posting->position);
			if (neighbour == NULL)
				continue;
			neighbour->similarity += w * w;
			neighbour->rarity += w * w * rarity;
		}
	}
	for (int32_t n = 0; n < work->sequences.count; n++)
	{
		Neighbour  *neighbour = &work->neighbour[n];
		float		length = (float) (counts->sequence_start[neighbour->sequence + 1] -
									  counts->sequence_start[neighbour->sequence]);

		neighbour->similarity /= sqrtf(length + 1);
		neighbour->rarity /= sqrtf(length + 1);
	}
	if (work->sequences.count > NEIGHBOURS_MAX)
		qsort(work->neighbour, (size_t) work->sequences.count, sizeof(Neighbour),
			  compare_neighbours);
	for (int32_t n = 0; n < work->sequences.count && kept < NEIGHBOURS_MAX; n++)
	{
		if (history->own_sequence < 0 &&
			is_own_beginning(counts, work->neighbour[n].sequence, history))
			continue;
		read_neighbour(work, counts, n + 1, now);
		sum += work->neighbour[n].similarity;
		kept++;
	}
	return sum;
}

/* ---------------------------------------------------------------- choice */

/* Keep an item, with or without evidence. */
static void
keep_item(CandidateWork *work, int32_t item)
{
	Evidence   *evidence = find_evidence(work, item);

	if (evidence != NULL)
		evidence->keep = true;
}

/* Keep the items outside the history that have most of one kind of evidence. */
static void
keep_best(CandidateWork *work, size_t offset, int32_t count)
{
	Scored		heap[KEEP_TRANSITIONS];
	TopK		top = {.k = count, .heap = heap};

	for (int32_t i = 0; i < work->items.count; i++)
	{
		const Evidence *evidence = &work->found[i];
		float		value = *(const float *) ((const char *) evidence + offset);

		if (evidence->place < 0 && value > 0 && value >= topk_threshold(&top))
			topk_offer(&top, (Scored) {evidence->item, value});
	}
	for (int32_t i = 0; i < top.count; i++)
		keep_item(work, heap[i].item);
}

static void
keep_category(CandidateWork *work, const Counts *counts, int32_t category, int32_t count)
{
	int64_t		start = counts->category_top_start[category];
	int64_t		end = counts->category_top_start[category + 1];

	for (int64_t i = start; category > 0 && i < end && i < start + count; i++)
		keep_item(work, counts->category_top[i]);
}

static void
choose(CandidateWork *work, const Counts *counts, const Context *context,
	   const NetworkOpinion *network)
{
	int32_t		other = 0;

	for (int32_t i = 0; i < work->distinct && i < KEEP_HISTORY; i++)
		keep_item(work, work->history[i].item);
	keep_best(work, offsetof(Evidence, strength), KEEP_TRANSITIONS);
	keep_best(work, offsetof(Evidence, near[1]), KEEP_NEIGHBOURS);
	keep_best(work, offsetof(Evidence, near[2]), KEEP_RARE);
	keep_best(work, offsetof(Evidence, hops[1]), KEEP_HOPS);
	keep_category(work, counts, context->last_category, KEEP_CATEGORY);
	for (int32_t i = 1; i < work->distinct && i < 10 && other == 0; i++)
	{
		if (work->history[i].category != context->last_category)
			other = work->history[i].category;
	}
	keep_category(work, counts, other, KEEP_OTHER_CATEGORY);
	for (int32_t i = 0; i < counts->sizes.popular; i++)
		keep_item(work, counts->popular[i]);
	for (int32_t i = 0; network != NULL && i < network->count; i++)
	{
		Evidence   *evidence = find_evidence(work, network->best[i].item);

		if (evidence == NULL)
			continue;
		evidence->keep = true;
		evidence->network_rank = i + 1;
	}
}

/* ---------------------------------------------------------------- features */

/* ln(1 + value); exact to what features need, and faster than log1pf */
static inline float
log_of_1_plus(float value)
{
	return value == 0 ? 0 : logf(1 + value);
}

/* ln(1 + value / unit) */
static inline float
scaled_log(float value, float unit)
{
	return value > 0 ? logf(1 + value / unit) : 0;
}

/* Features of an item in the history. */
static void
describe_history_item(float *x, const HistoryItem *seen, int32_t place,
					  const RankHistory *history, const Context *context)
{
	float		last_step = (float) (context->end - 1);
	int32_t		cart_place = seen->last_cart >= 0 ? seen->last_cart : seen->last;
	int32_t		distance = cart_place - context->last_place;
	bool		is_last = seen->item == context->last_item;

	x[IN_HISTORY] = 1;
	x[RECENCY] = recency_weight(place);
	x[LOG_RECENCY] = log_of_1_plus((float) place);
	x[IS_LAST] = is_last;
	x[FIRST_SEEN] = log_of_1_plus(last_step - (float) seen->first);
	x[TIMES] = log_of_1_plus((float) (seen->carts + seen->buys)) - logf(2);
	x[STEPS_SINCE] = log_of_1_plus(last_step - (float) seen->last);
	x[FOLLOWED_LAST] = log_of_1_plus((float) seen->followed);
	x[FOLLOWED_LAST_WHEN] = seen->followed_when;
	x[SHARE_OF_HISTORY] = (float) (seen->carts + seen->buys) /
		(float) (context->end - context->from);
	if (!is_last && distance > 0)
		x[AFTER_LAST] = 1.0f / (float) distance;
	if (!is_last && distance < 0)
		x[BEFORE_LAST] = -1.0f / (float) distance;
	if (context->kinds)
	{
		x[CARTS] = log_of_1_plus((float) seen->carts);
		x[BUYS] = log_of_1_plus((float) seen->buys);
		x[NEWEST_IS_BUY] = seen->newest_is_buy;
		x[UNBOUGHT] = seen->unbought;
		x[FIRST_UNBOUGHT] = seen->item == context->first_unbought;
		x[NEXT_UNBOUGHT] = seen->item == context->next_unbought;
		x[LAST_UNBOUGHT] = seen->item == context->last_unbought;
		if (seen->unbought_place >= 0)
		{
			x[UNBOUGHT_FROM_OLDEST] = recency_weight(seen->unbought_place);
			x[UNBOUGHT_FROM_NEWEST] = 1.0f / (float) (context->unbought - seen->unbought_place);
		}
		x[STEPS_SINCE_CART] = seen->last_cart >= 0
			? log_of_1_plus(last_step - (float) seen->last_cart) : NEVER;
		x[STEPS_SINCE_BUY] = seen->last_buy >= 0
			? log_of_1_plus(last_step - (float) seen->last_buy) : NEVER;
		x[IN_BASKET] = seen->last_cart > context->newest_buy;
	}
	if (context->times)
	{
		float		since = context->now - history->hours[seen->last];

		x[HOURS_SINCE] = log_of_1_plus(fmaxf(since, 0));
		x[HOURS_SINCE_FIRST] = log_of_1_plus(fmaxf(context->now - history->hours[seen->first], 0));
		x[SAME_INSTANT] = since < AT_ONCE;
		x[IN_SESSION] = seen->last >= context->session_start;
		if (seen->last_buy >= 0)
		{
			float		since_buy = fmaxf(context->now - history->hours[seen->last_buy], 0);

			x[BOUGHT_NOW] = since_buy < AT_ONCE;
			x[HOURS_SINCE_BUY] = log_of_1_plus(since_buy);
		}
	}
}

/* The gap before the t-th newest event, as a feature. */
static float
gap_feature(const RankHistory *history, const Context *context, int32_t t)
{
	int32_t		at = context->end - t;

	if (!context->times || at < 1)
		return 0;
	return log_of_1_plus(fmaxf(history->hours[at] - history->hours[at - 1], 0) * 60) * 0.2f;
}

/* Kind of the t-th newest event: 1 or -1; 0 if there is none. */
static float
kind_feature(const RankHistory *history, const Context *context, int32_t t)
{
	if (!context->kinds || t > context->end)
		return 0;
	return history->bought[context->end - t] ? 1 : -1;
}

/* Features of the history, the same for all candidates. */
static void
describe_context(float *x, const CandidateWork *work, const RankHistory *history,
				 const Context *context)
{
	float		events = (float) (context->end - context->from);

	x[LENGTH] = log_of_1_plus((float) context->end);
	x[DISTINCT] = log_of_1_plus((float) work->distinct);
	x[LAST_IS_BUY] = is_bought(history, context->end - 1);
	x[COUNT_UNBOUGHT] = log_of_1_plus((float) context->unbought);
	x[BUY_SHARE] = (float) context->buys / events;
	x[GAP] = gap_feature(history, context, 1);
	x[LAST_REPEATS] = context->run > 1;
	x[REPEAT_SHARE] = (events - (float) work->distinct) / events;
	x[SECOND_KIND] = kind_feature(history, context, 2);
	x[THIRD_KIND] = kind_feature(history, context, 3);
	x[RUN] = log_of_1_plus((float) context->run);
	x[SECOND_GAP] = gap_feature(history, context, 2);
	x[SESSION_LENGTH] = context->times
		? log_of_1_plus((float) (context->end - 1 - context->session_start)) : 0;
	x[BOUGHT_AT_ONCE] = log_of_1_plus((float) context->bought_at_once);
	x[CART_SHARE] = context->kinds ? (float) context->carts / events : 0;
}

/* Probability of a category after another, smoothed by its share of all events. */
static float
category_probability(const CandidateWork *work, const Counts *counts, int32_t from,
					 int32_t to)
{
	const float prior = 5;
	int64_t		count;
	const Pair *pair = pair_range(&counts->category_pairs, from, &count);
	PairWeights sum = without_own(counts->category_pairs.sum[from],
								  &work->own.category_sums, (uint64_t) from);
	float		after = 0;

	for (int64_t i = 0; i < count; i++)
	{
		if (pair[i].to == to)
		{
			after = without_own(pair[i].weights, &work->own.categories,
								pair_key(from, to)).after;
			break;
		}
	}
	return (after + prior * counts->category[to].events /
			fmaxf((float) counts->sizes.tokens, 1)) / (sum.after + prior);
}

/* The outlook for a category, computed once a history. */
static CategoryOutlook
category_outlook(CandidateWork *work, const Counts *counts, const Context *context,
				 int32_t category)
{
	CategoryOutlook outlook = {.category = category};
	float		weight_sum = 0;

	for (int32_t i = 0; i < work->outlooks; i++)
	{
		if (work->outlook[i].category == category)
			return work->outlook[i];
	}
	outlook.after_last = category_probability(work, counts, context->last_category, category);
	for (int32_t r = 0; r < work->distinct; r++)
	{
		float		w = recency_weight(r);

		if (r < TRANSITION_ITEMS)
		{
			outlook.after_all += w * category_probability(work, counts,
														  work->history[r].category, category);
			weight_sum += w;
		}
		if (work->history[r].category == category)
		{
			outlook.weight += w;
			outlook.share += 1.0f / (float) work->distinct;
		}
	}
	outlook.after_all /= weight_sum;
	if (work->outlooks < MAX_OUTLOOKS)
		work->outlook[work->outlooks++] = outlook;
	return outlook;
}

/*
 * Sequences with an item about the time of the history's end.  Of the own
 * sequence only the history counts, as when it has not gone on yet.
 */
static float
events_about_now(const CandidateWork *work, const Counts *counts,
				 const RankHistory *history, const HistoryItem *seen, int32_t item, double now)
{
	float		reach = 1.5f * counts->span[0] / COUNTS_PERIODS;
	float		events = 0;

	for (int64_t p = counts->posting_start[item + 1] - 1; p >= counts->posting_start[item]; p--)
	{
		const Posting *posting = &counts->posting[p];
		int64_t		start = counts->sequence_start[posting->sequence];
		int64_t		token = start + posting->position;

		/* sequences come in the order of their ends */
		if (counts->token_time[counts->sequence_start[posting->sequence + 1] - 1] < now - reach)
			break;
		if (work->own.count > 0 && posting->sequence == history->own_sequence &&
			token >= work->own.first)
		{
			if (seen == NULL)
				continue;
			token = start + seen->last;
		}
		events += fabs(counts->token_time[token] - now) <= reach;
	}
	return events;
}

/* Popularity and category of an item that the counts know. */
static void
describe_known_item(float *x, CandidateWork *work, const Counts *counts,
					const RankHistory *history, const Context *context,
					const Evidence *evidence, const Tally *tally)
{
	const HistoryItem *seen = evidence->place >= 0 ? &work->history[evidence->place] : NULL;
	const Seen *known = &counts->seen[evidence->item];
	bool		own_last = work->own.count > 0 && known->last_sequence == history->own_sequence;
	bool		own_first = work->own.count > 0 && known->first_sequence == history->own_sequence;
	float		last = own_last ? known->other_last : known->last;
	float		first = own_first ? known->other_first : known->first;
	float		about_now = events_about_now(work, counts, history, seen, evidence->item,
										 context->now);
	int32_t		c = counts->item_category[evidence->item];
	const Tally *category = &counts->category[c];
	CategoryOutlook outlook;
	float		period_events = 0;
	int32_t		period = counts_period(counts, (float) context->now);

	if (seen != NULL && context->times)
	{
		last = fmaxf(last, history->hours[seen->last]);
		first = fminf(first, history->hours[seen->first]);
	}
	x[POPULARITY] = log_of_1_plus(tally->events);
	x[POPULARITY_SHORT] = scaled_log(tally->short_recent, 0.3f);
	x[POPULARITY_LONG] = scaled_log(tally->long_recent, 0.5f);
	x[POPULARITY_NOW] = log_of_1_plus(about_now);
	x[BOUGHT_RATE] = tally->bought / (tally->events + 2);
	x[REPEAT_RATE] = logf((tally->events + 1) / (tally->sequences + 1));
	x[LAST_SEEN] = log_of_1_plus(40 * fminf(1, fmaxf(0, (context->now - last) / counts->span[0])));
	x[FIRST_KNOWN] = log_of_1_plus(10 * fminf(1, fmaxf(0, (context->now - first) / counts->span[0])));
	if (c == 0)
	{
		x[NO_CATEGORY] = 1;
		return;
	}
	outlook = category_outlook(work, counts, context, c);
	for (int32_t p = period > 0 ? period - 1 : 0; p <= period + 1 && p < COUNTS_PERIODS; p++)
		period_events += counts->category_period[(size_t) c * COUNTS_PERIODS + p];
	x[SAME_CATEGORY] = c == context->last_category;
	x[SHARE_OF_CATEGORY] = scaled_log(tally->events / (category->events + 5), 0.01f);
	x[CATEGORY_AFTER_LAST] = scaled_log(outlook.after_last, 0.002f);
	x[CATEGORY_AFTER_ALL] = scaled_log(outlook.after_all, 0.002f);
	x[CATEGORY_WEIGHT] = log_of_1_plus(outlook.weight);
	x[CATEGORY_SHARE] = outlook.share;
	x[CATEGORY_NOW] = scaled_log(outlook.after_all * about_now / (period_events + 3), 0.001f);
	x[CATEGORY_RECENT] = scaled_log(outlook.after_all * (tally->long_recent + 0.05f) /
									(category->long_recent + 1), 0.0005f);
	x[CATEGORY_REPEAT_RATE] = logf((category->events + 1) / (category->sequences + 1));
	x[CATEGORY_BOUGHT_RATE] = category->bought / (category->events + 5);
}

/* Features of the evidence. */
static void
describe_evidence(float *x, const Evidence *evidence, const Tally *tally,
				  float neighbour_sum)
{
	for (int i = 0; i < 5; i++)
		x[LAST_ADJACENT + i] = scaled_log(evidence->last[i], 0.01f);
	for (int i = 0; i < 5; i++)
		x[ALL_AFTER + i] = scaled_log(evidence->all[i], 0.01f);
	x[ALL_BOUGHT] = log_of_1_plus(evidence->all[5]);
	x[LAST_TWO_HOPS] = scaled_log(evidence->hops[0], 0.003f);
	x[ALL_TWO_HOPS] = scaled_log(evidence->hops[1], 0.003f);
	x[NEIGHBOURS] = scaled_log(evidence->near[0], 0.05f);
	x[NEIGHBOURS_NEAR] = scaled_log(evidence->near[1], 0.01f);
	x[NEIGHBOURS_RARE] = scaled_log(evidence->near[2], 0.3f);
	x[NEIGHBOURS_PER_EVENT] = scaled_log(evidence->near[0] / (tally->events + 3), 0.005f);
	x[NEIGHBOURS_SHARE] = scaled_log(evidence->near[0] / (neighbour_sum + 0.1f), 0.01f);
}

/* A candidate with these features: what speaks most for it, and what the network says. */
static Candidate
explain(const Evidence *evidence, const float *x, const Context *context,
		const NetworkOpinion *network)
{
	Candidate	result = {
		evidence->item, REASON_POPULAR, context->end - 1, evidence->network_rank, -INFINITY
	};

	if (network != NULL && evidence->item < network->items)
		result.log_probability = opinion_log_probability(network, evidence->item);
	if (evidence->place >= 0)
		result.reason = REASON_SEEN;
	else if (evidence->strength > 0)
	{
		result.reason = REASON_FOLLOWS;
		result.related = evidence->related;
	}
	else if (evidence->near[0] > 0)
		result.reason = REASON_SIMILAR;
	else if (x[SAME_CATEGORY] > 0)
		result.reason = REASON_CATEGORY;
	else if (evidence->network_rank > 0)
		result.reason = REASON_NETWORK;
	return result;
}

int32_t
candidates_find(CandidateWork *work, const Counts *counts, const RankHistory *history,
				const NetworkOpinion *network, Candidate *candidate, float *features)
{
	Context		context;
	float		shared[RANK_FEATURES] = {0};
	float		neighbour_sum;
	int32_t		count = 0;

	clear_keys(&work->items);
	work->outlooks = 0;
	read_own(&work->own, counts, history);
	context = read_context(work, counts, history);
	follow_transitions(work, counts);
	follow_two_hops(work, counts);
	neighbour_sum = ask_neighbours(work, counts, history, context.now);
	choose(work, counts, &context, network);
	describe_context(shared, work, history, &context);

	for (int32_t i = 0; i < work->items.count && count < CANDIDATES_MAX; i++)
	{
		const Evidence *evidence = &work->found[i];
		bool		in_history = evidence->place >= 0;
		bool		known = evidence->item < counts->sizes.items &&
			counts->item[evidence->item].events > 0;
		float	   *x = features + (size_t) count * RANK_FEATURES;
		Tally		tally = {0};

		if (!evidence->keep)
			continue;
		if (known)
			tally = item_tally(work, counts, evidence->item, in_history);
		if (!in_history && tally.events < 0.5f)
			continue;			/* only its own sequence knows it */
		memcpy(x, shared, sizeof(shared));
		if (in_history)
			describe_history_item(x, &work->history[evidence->place], evidence->place,
								  history, &context);
		describe_evidence(x, evidence, &tally, neighbour_sum);
		if (known)
			describe_known_item(x, work, counts, history, &context, evidence, &tally);
		else
			x[NO_CATEGORY] = 1;
		candidate[count++] = explain(evidence, x, &context, network);
	}
	return count;
}
