/*
 * candidates.c
 *	  The items that may come next after a history.
 *
 * The history is read (history.h), the counts are asked what speaks for which
 * item (evidence.h), the best by each kind of evidence become candidates, here,
 * and get their features (features.h).
 */
#include "rank/candidates.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define KEEP_HISTORY 60			/* candidates of each kind */
#define KEEP_TRANSITIONS 30
#define KEEP_NEIGHBOURS 30
#define KEEP_RARE 15
#define KEEP_HOPS 20
#define KEEP_CATEGORY 20
#define KEEP_OTHER_CATEGORY 10
#define KEEP_UNTOUCHED 20		/* of the newest item's category */
#define KEEP_OTHER_UNTOUCHED 10	/* of another one */
#define KEEP_MOST 30			/* of those that are chosen by their evidence */

#define UNTOUCHED_LOOKED 256	/* items of a category among which they are looked for */

#define OTHER_CATEGORY_ITEMS 10 /* newest history items that may bring another category */

_Static_assert(KEEP_TRANSITIONS <= KEEP_MOST && KEEP_NEIGHBOURS <= KEEP_MOST &&
			   KEEP_RARE <= KEEP_MOST && KEEP_HOPS <= KEEP_MOST, "the best would not find room");
_Static_assert(KEEP_CATEGORY <= COUNTS_MAX_CATEGORY_TOP &&
			   KEEP_OTHER_CATEGORY <= COUNTS_MAX_CATEGORY_TOP, "no such lists are kept");
_Static_assert(KEEP_HISTORY + KEEP_TRANSITIONS + KEEP_NEIGHBOURS + KEEP_RARE + KEEP_HOPS +
			   KEEP_CATEGORY + KEEP_OTHER_CATEGORY + KEEP_UNTOUCHED + KEEP_OTHER_UNTOUCHED +
			   COUNTS_MAX_POPULAR + CANDIDATES_NETWORK <= CANDIDATES_MAX, "candidates would be passed over");

/* Of count items outside the history, by number and what is known of each. */
typedef struct Ranking
{
	int32_t		count;
	int32_t		number[KEYS_MAX];
	float		value[KEYS_MAX];
	int32_t		place[KEYS_MAX];	/* of the best, to work with */
} Ranking;

struct CandidateWork
{
	HistoryFacts		history;
	Own			own;
	EvidenceTable evidence;
	FeatureWork features;
	Ranking		ranking;
};

CandidateWork *
candidates_place(Arena *arena)
{
	return ARENA_TAKE(arena, CandidateWork, 1);
}

void
candidates_start(CandidateWork *work)
{
	evidence_start(&work->evidence);
	features_start(&work->features);
}

/*
 * Keep an item by its number.  Most of what its features are made from is in no
 * cache: memory fetches it, while others are chosen.
 */
static inline void
keep_number(EvidenceTable *table, const Counts *counts, int32_t number)
{
	int32_t		item = table->item[number];

	table->keep[number] = true;
	if (item >= counts->sizes.items)
		return;
	__builtin_prefetch(&counts->item[item]);
	__builtin_prefetch(&counts->seen[item]);
	__builtin_prefetch(&counts->item_category[item]);
	__builtin_prefetch(&counts->posting_start[item]);
}

/* Keep an item, with or without evidence. */
static void
keep_item(EvidenceTable *table, const Counts *counts, int32_t item)
{
	int32_t		number = evidence_number(table, item);

	if (number >= 0)
		keep_number(table, counts, number);
}

/* Keep those with most, the lower item first among equals. */
static void
keep_most(EvidenceTable *table, const Counts *counts, Ranking *ranking, int32_t most)
{
	const Kernels *kernels = kernels_best();
	float		threshold = FLT_MIN;
	Scored		heap[KEEP_MOST];
	TopK		top = {.k = most, .heap = heap};
	int32_t		found;

	if (ranking->count > most)
		threshold = fmaxf(threshold, kernels->kth_largest(ranking->value, ranking->count, most));
	found = kernels->find_at_least(ranking->place, ranking->value, ranking->count, threshold);
	if (found <= most)
	{
		for (int32_t f = 0; f < found; f++)
			keep_number(table, counts, ranking->number[ranking->place[f]]);
		return;
	}
	for (int32_t f = 0; f < found; f++)
	{
		int32_t		at = ranking->place[f];

		topk_offer(&top, (Scored) {table->item[ranking->number[at]], ranking->value[at]});
	}
	for (int32_t i = 0; i < top.count; i++)
		keep_item(table, counts, heap[i].item);
}

/* Keep the items outside the history that have most of what evidence has at an offset. */
static void
keep_best(EvidenceTable *table, const Counts *counts, Ranking *ranking, size_t offset, int32_t most)
{
	ranking->count = 0;
	for (int32_t d = 0; d < table->described_count; d++)
	{
		const Evidence *evidence = &table->found[table->described[d]];
		float		value = *(const float *) ((const char *) evidence + offset);

		ranking->number[ranking->count] = table->described[d];
		ranking->value[ranking->count] = value;
		ranking->count += evidence->place < 0 && value > 0;
	}
	keep_most(table, counts, ranking, most);
}

/* Keep those that most transitions of transitions lead to.  seen: items of the history, the first ones. */
static void
keep_best_hops(EvidenceTable *table, const Counts *counts, Ranking *ranking, int32_t seen,
			   int32_t most)
{
	ranking->count = 0;
	for (int32_t i = seen; i < table->items.count; i++)
	{
		ranking->number[ranking->count] = i;
		ranking->value[ranking->count] = table->hop[i];
		ranking->count += table->hop[i] > 0;
	}
	keep_most(table, counts, ranking, most);
}

static void
keep_category(EvidenceTable *table, const Counts *counts, int32_t category, int32_t count)
{
	int64_t		start = counts->category_top_start[category];
	int64_t		end = counts->category_top_start[category + 1];

	for (int64_t i = start; category > 0 && i < end && i < start + count; i++)
		keep_item(table, counts, counts->category_top[i]);
}

/* Whether nobody has touched an item, but for the events of an example that come after its history. */
static bool
is_untouched(const CandidateWork *work, const Counts *counts, int32_t item)
{
	return counts->item[item].events == 0 ||
		(work->own.count > 0 && own_item_support(&work->own, counts, item) == 0);
}

/*
 * Keep items of a category that can be sold and that nobody has touched.  The
 * counts cannot tell them apart; so that none is passed over for ever, where in
 * their list the search begins goes by the newest item (a hash by Fibonacci's
 * number, Knuth, "The Art of Computer Programming" 3, 6.4).
 */
static void
keep_untouched(CandidateWork *work, const Counts *counts, int32_t category, int32_t count)
{
	int64_t		start = counts->sale_start[category];
	int64_t		length = counts->sale_start[category + 1] - start;
	uint32_t	first = (uint32_t) work->history.last_item * UINT32_C(2654435769);
	int32_t		untouched = counts->untouched[category];
	int32_t		kept[KEEP_UNTOUCHED];
	int32_t		found = 0;

	if (category == 0 || (untouched == 0 && work->own.count == 0))
		return;
	for (int64_t i = 0; i < length && i < UNTOUCHED_LOOKED; i++)
	{
		int32_t		item = counts->sale[start + (first + i) % length];

		if (!is_untouched(work, counts, item))
			continue;
		/* what only the example itself has touched is one more of them */
		untouched += counts->item[item].events > 0;
		if (found < count)
			kept[found++] = item;
	}
	for (int32_t i = 0; i < found; i++)
	{
		int32_t		number = evidence_number(&work->evidence, kept[i]);

		if (number < work->history.distinct)	/* of the history, or no room for it */
			continue;
		keep_number(&work->evidence, counts, number);
		evidence_at(&work->evidence, number)->untouched = untouched;
	}
}

/* Choose the candidates. */
static void
choose(CandidateWork *work, const Counts *counts, const NetworkOpinion *network)
{
	EvidenceTable *table = &work->evidence;
	const HistoryFacts *history = &work->history;
	int32_t		other = 0;

	for (int32_t i = 0; i < history->distinct && i < KEEP_HISTORY; i++)
		keep_item(table, counts, history->item[i].item);
	keep_best(table, counts, &work->ranking, offsetof(Evidence, strength), KEEP_TRANSITIONS);
	keep_best(table, counts, &work->ranking, offsetof(Evidence, near[1]), KEEP_NEIGHBOURS);
	keep_best(table, counts, &work->ranking, offsetof(Evidence, near[2]), KEEP_RARE);
	keep_best_hops(table, counts, &work->ranking, history->distinct, KEEP_HOPS);
	keep_category(table, counts, history->last_category, KEEP_CATEGORY);
	for (int32_t i = 1; i < history->distinct && i < OTHER_CATEGORY_ITEMS && other == 0; i++)
	{
		if (history->item[i].category != history->last_category)
			other = history->item[i].category;
	}
	keep_category(table, counts, other, KEEP_OTHER_CATEGORY);
	keep_untouched(work, counts, history->last_category, KEEP_UNTOUCHED);
	keep_untouched(work, counts, other, KEEP_OTHER_UNTOUCHED);
	for (int32_t i = 0; i < counts->sizes.popular; i++)
		keep_item(table, counts, counts->popular[i]);
	for (int32_t i = 0; network != NULL && i < network->count; i++)
	{
		int32_t		number = evidence_number(table, network->best[i].item);

		if (number < 0)
			continue;
		keep_number(table, counts, number);
		evidence_at(table, number)->network_rank = i + 1;
	}
}

/* The newest position in the history with an item of a category, which there is. */
static int32_t
newest_of_category(const HistoryFacts *history, int32_t category)
{
	int32_t		i = 0;

	while (i < history->distinct - 1 && history->item[i].category != category)
		i++;
	return history->item[i].last;
}

/* A candidate with these features, and what speaks most for it. */
static Candidate
explain(const Evidence *evidence, const float *x, const Counts *counts,
		const HistoryFacts *history)
{
	Candidate	result = {
		evidence->item, REASON_POPULAR, history->end - 1, evidence->network_rank, -INFINITY
	};

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
	else if (evidence->untouched > 0)
	{
		result.reason = REASON_CATEGORY;
		result.related = newest_of_category(history, counts->item_category[evidence->item]);
	}
	else if (evidence->network_rank > 0)
		result.reason = REASON_NETWORK;
	return result;
}

void
candidates_ask_network(Candidate *candidate, int32_t count, const NetworkOpinion *network)
{
	int32_t		item[CANDIDATES_MAX];
	int32_t		number[CANDIDATES_MAX];
	float		logit[CANDIDATES_MAX];
	int32_t		known = 0;

	for (int32_t c = 0; c < count; c++)
	{
		if (candidate[c].item >= network->items)
			continue;
		item[known] = candidate[c].item;
		number[known++] = c;
	}
	if (known == 0)
		return;
	network->kernels->score_chosen(logit, network->weight, item, network->representation, known,
								   network->columns);
	for (int32_t i = 0; i < known; i++)
		candidate[number[i]].log_probability =
			copies_log_sum(&network->copies, item[i],
						   logit[i] + network->bias[item[i]] - network->log_normaliser);
}

/*
 * Whether the counts know an item well enough: of what is not in the history, an
 * example's own sequence alone says nothing, nor do fewer sequences than wanted.
 */
static bool
is_supported(const CandidateWork *work, const Counts *counts, int32_t number)
{
	const EvidenceTable *table = &work->evidence;
	int32_t		item = table->item[number];

	return number < work->history.distinct ||
		(table->is_described[number] && table->found[number].untouched > 0) ||
		(item < counts->sizes.items &&
		 own_item_support(&work->own, counts, item) >= counts->sizes.min_support);
}

/* Have memory fetch what their features are made from and could not be found before. */
static void
fetch_ahead(const EvidenceTable *table, const Counts *counts)
{
	for (int32_t i = 0; i < table->items.count; i++)
	{
		int32_t		item = table->item[i];
		int64_t		end;

		if (!table->keep[i] || item >= counts->sizes.items)
			continue;
		/* the lists are read from their end */
		end = counts->posting_start[item + 1];
		__builtin_prefetch(&counts->category[counts->item_category[item]]);
		if (end > counts->posting_start[item])
		{
			__builtin_prefetch(&counts->posting[end - 1]);
			__builtin_prefetch(&counts->posting_time[end - 1]);
		}
	}
}

void
candidates_choose(CandidateWork *work, const Counts *counts, const RankHistory *history,
				  const NetworkOpinion *network)
{
	EvidenceTable *table = &work->evidence;

	keys_clear(&table->items);
	own_read(&work->own, counts, history);
	history_facts_read(&work->history, &table->items, counts, history);
	evidence_collect(table, counts, &work->own, history, &work->history);
	choose(work, counts, network);

	work->features.counts = counts;
	work->features.own = &work->own;
	work->features.events = history;
	work->features.history = &work->history;
}

void
candidates_choose_again(CandidateWork *work, const RankHistory *history,
						const NetworkOpinion *network)
{
	EvidenceTable *table = &work->evidence;
	const Counts *counts = work->features.counts;
	KeyTable   *items = &work->features.table.categories;	/* not in use before features_of_history() */
	double		now = work->history.now;

	keys_clear(items);
	history_facts_read(&work->history, items, counts, history);
	work->features.events = history;
	/* the counts have times in single precision */
	if ((float) work->history.now == (float) now)
		work->history.now = now;
	else
		evidence_move(table, counts, history, &work->history);
	memset(table->keep, 0, (size_t) table->items.count * sizeof(bool));
	for (int32_t d = 0; d < table->described_count; d++)
	{
		table->found[table->described[d]].network_rank = 0;
		table->found[table->described[d]].untouched = 0;
	}
	choose(work, counts, network);
}

bool
candidates_have(const CandidateWork *work, int32_t item)
{
	int32_t		number = keys_find(&work->evidence.items, item);

	return number >= 0 && work->evidence.keep[number] &&
		is_supported(work, work->features.counts, number);
}

int32_t
candidates_describe(CandidateWork *work, const NetworkOpinion *network, Candidate *candidate,
					float *features)
{
	EvidenceTable *table = &work->evidence;
	const Counts *counts = work->features.counts;
	float		shared[RANK_FEATURES];
	int32_t		count = 0;

	fetch_ahead(table, counts);
	work->features.neighbour_share = 1 / (table->neighbour_sum + 0.1f);
	features_of_history(shared, &work->features);
	for (int32_t i = 0; i < table->items.count && count < CANDIDATES_MAX; i++)
	{
		const Evidence *evidence;
		float	   *x = features + (size_t) count * RANK_FEATURES;

		if (!table->keep[i] || !is_supported(work, counts, i))
			continue;
		evidence = evidence_settle(table, i);
		/* in two parts that are so short that they take no call */
		memcpy(x, shared, LAST_ADJACENT * sizeof(float));
		memset(x + LAST_ADJACENT, 0, (RANK_FEATURES - LAST_ADJACENT) * sizeof(float));
		features_of_item(x, &work->features, evidence);
		candidate[count++] = explain(evidence, x, counts, &work->history);
	}
	features_finish(features, count);
	if (network != NULL)
		candidates_ask_network(candidate, count, network);
	return count;
}

int32_t
candidates_find(CandidateWork *work, const Counts *counts, const RankHistory *history,
				const NetworkOpinion *network, Candidate *candidate, float *features)
{
	candidates_choose(work, counts, history, network);
	return candidates_describe(work, network, candidate, features);
}
