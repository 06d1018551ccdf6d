/*
 * features.c
 *	  What the ranker reads of a candidate.
 */
#include "rank/features.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "nn/kernels.h"

#define NEVER 5.0f				/* value of a logarithm of steps without any */

/* The evidence's arrays are in the order of the features that are made of them. */
_Static_assert(LAST_BOUGHT == LAST_ADJACENT + EVIDENCE_LAST - 1, "features of the last item's transitions");
_Static_assert(ALL_BOUGHT == ALL_AFTER + EVIDENCE_ALL - 1, "features of all items' transitions");

_Static_assert(LAST_TWO_HOPS == ALL_BOUGHT + 1 && NEIGHBOURS == LAST_TWO_HOPS + 2 &&
			   offsetof(Evidence, near) + 3 * sizeof(float) ==
			   (NEIGHBOURS_RARE + 1 - LAST_ADJACENT) * sizeof(float), "features of the evidence");

/*
 * Many features are ln(1 + factor x what features_of_item() leaves there), or 0
 * where that is not above 0, as what subtracting has left of nothing.  They are
 * taken together, in vectors.  0: the feature is what is there.
 */
static const float log_factor[RANK_FEATURES - LAST_ADJACENT] = {
	[LAST_ADJACENT - LAST_ADJACENT ... LAST_BOUGHT - LAST_ADJACENT] = 1 / 0.01f,
	[ALL_AFTER - LAST_ADJACENT ... ALL_MAXIMUM - LAST_ADJACENT] = 1 / 0.01f,
	[ALL_BOUGHT - LAST_ADJACENT] = 1,
	[LAST_TWO_HOPS - LAST_ADJACENT] = 1 / 0.003f,
	[ALL_TWO_HOPS - LAST_ADJACENT] = 1 / 0.003f,
	[NEIGHBOURS - LAST_ADJACENT] = 1 / 0.05f,
	[NEIGHBOURS_NEAR - LAST_ADJACENT] = 1 / 0.01f,
	[NEIGHBOURS_RARE - LAST_ADJACENT] = 1 / 0.3f,
	[NEIGHBOURS_PER_EVENT - LAST_ADJACENT] = 1 / 0.005f,
	[NEIGHBOURS_SHARE - LAST_ADJACENT] = 1 / 0.01f,
	[POPULARITY - LAST_ADJACENT] = 1,
	[POPULARITY_SHORT - LAST_ADJACENT] = 1 / 0.3f,
	[POPULARITY_LONG - LAST_ADJACENT] = 1 / 0.5f,
	[POPULARITY_NOW - LAST_ADJACENT] = 1,
	[REPEAT_RATE - LAST_ADJACENT] = 1,
	[LAST_SEEN - LAST_ADJACENT] = 40,
	[FIRST_KNOWN - LAST_ADJACENT] = 10,
	[SHARE_OF_CATEGORY - LAST_ADJACENT] = 1 / 0.01f,
	[CATEGORY_AFTER_LAST - LAST_ADJACENT] = 1 / 0.002f,
	[CATEGORY_AFTER_ALL - LAST_ADJACENT] = 1 / 0.002f,
	[CATEGORY_WEIGHT - LAST_ADJACENT] = 1,
	[CATEGORY_NOW - LAST_ADJACENT] = 1 / 0.001f,
	[CATEGORY_RECENT - LAST_ADJACENT] = 1 / 0.0005f,
	[CATEGORY_REPEAT_RATE - LAST_ADJACENT] = 1,
	[UNTOUCHED - LAST_ADJACENT] = 1 / 0.01f
};

/* ln(1 + value); exact to what features need, and faster than log1pf */
static inline float
log_of_1_plus(float value)
{
	return value == 0 ? 0 : logf(1 + value);
}

/* Features of an item in the history. */
static void
describe_history_item(float *x, const HistoryItem *seen, int32_t place,
					  const RankHistory *events, const HistoryFacts *history)
{
	float		last_step = (float) (history->end - 1);
	int32_t		cart_place = seen->last_cart >= 0 ? seen->last_cart : seen->last;
	int32_t		distance = cart_place - history->last_place;
	bool		is_last = seen->item == history->last_item;

	x[IN_HISTORY] = 1;
	x[RECENCY] = history_recency_weight(place);
	x[LOG_RECENCY] = log_of_1_plus((float) place);
	x[IS_LAST] = is_last;
	x[FIRST_SEEN] = log_of_1_plus(last_step - (float) seen->first);
	x[TIMES] = log_of_1_plus((float) (seen->carts + seen->buys)) - logf(2);
	x[STEPS_SINCE] = log_of_1_plus(last_step - (float) seen->last);
	x[FOLLOWED_LAST] = log_of_1_plus((float) seen->followed);
	x[FOLLOWED_LAST_WHEN] = seen->followed_when;
	x[SHARE_OF_HISTORY] = (float) (seen->carts + seen->buys) /
		(float) (history->end - history->from);
	if (!is_last && distance > 0)
		x[AFTER_LAST] = 1.0f / (float) distance;
	if (!is_last && distance < 0)
		x[BEFORE_LAST] = -1.0f / (float) distance;
	if (history->kinds)
	{
		x[CARTS] = log_of_1_plus((float) seen->carts);
		x[BUYS] = log_of_1_plus((float) seen->buys);
		x[NEWEST_IS_BUY] = seen->newest_is_buy;
		x[UNBOUGHT] = seen->unbought;
		x[FIRST_UNBOUGHT] = seen->item == history->first_unbought;
		x[NEXT_UNBOUGHT] = seen->item == history->next_unbought;
		x[LAST_UNBOUGHT] = seen->item == history->last_unbought;
		if (seen->unbought_place >= 0)
		{
			x[UNBOUGHT_FROM_OLDEST] = history_recency_weight(seen->unbought_place);
			x[UNBOUGHT_FROM_NEWEST] = 1.0f / (float) (history->unbought - seen->unbought_place);
		}
		x[STEPS_SINCE_CART] = seen->last_cart >= 0
			? log_of_1_plus(last_step - (float) seen->last_cart) : NEVER;
		x[STEPS_SINCE_BUY] = seen->last_buy >= 0
			? log_of_1_plus(last_step - (float) seen->last_buy) : NEVER;
		x[IN_BASKET] = seen->last_cart > history->newest_buy;
	}
	if (history->times)
	{
		float		since = history->now - events->hours[seen->last];

		x[HOURS_SINCE] = log_of_1_plus(fmaxf(since, 0));
		x[HOURS_SINCE_FIRST] = log_of_1_plus(fmaxf(history->now - events->hours[seen->first], 0));
		x[SAME_INSTANT] = since < HISTORY_AT_ONCE;
		x[IN_SESSION] = seen->last >= history->session_start;
		if (seen->last_buy >= 0)
		{
			float		since_buy = fmaxf(history->now - events->hours[seen->last_buy], 0);

			x[BOUGHT_NOW] = since_buy < HISTORY_AT_ONCE;
			x[HOURS_SINCE_BUY] = log_of_1_plus(since_buy);
		}
	}
}

/* The gap before the t-th newest event, as a feature. */
static float
gap_feature(const RankHistory *events, const HistoryFacts *history, int32_t t)
{
	int32_t		at = history->end - t;

	if (!history->times || at < 1)
		return 0;
	return log_of_1_plus(fmaxf(events->hours[at] - events->hours[at - 1], 0) * 60) * 0.2f;
}

/* Kind of the t-th newest event: 1 or -1; 0 if there is none. */
static float
kind_feature(const RankHistory *events, const HistoryFacts *history, int32_t t)
{
	if (!history->kinds || t > history->end)
		return 0;
	return events->bought[history->end - t] ? 1 : -1;
}

/* How far from the time of the history's end is about it. */
static inline float
reach_of_now(const Counts *counts)
{
	return 1.5f * counts->span[0] / COUNTS_PERIODS;
}

void
features_start(FeatureWork *work)
{
	memset(&work->table.categories, 0, sizeof(work->table.categories));
}

/* The outlook of a category, new if there is none. */
static CategoryOutlook *
find_outlook(CategoryTable *table, int32_t category)
{
	bool		added;
	int32_t		number = keys_number(&table->categories, category, &added);
	CategoryOutlook *outlook = number < 0 ? &table->other : &table->outlook[number];

	if (added || number < 0)
		memset(outlook, 0, sizeof(*outlook));
	return outlook;
}

/* Read what the pairs of a category of the history say; w: of its items among the newest. */
static void
read_category_pairs(FeatureWork *work, int32_t from, float w)
{
	const float prior = 5;
	const PairTable *pairs = &work->counts->category_pairs;
	Smoothing  *smoothing = &work->table.smoothing;
	PairWeights sum = own_left_out(&work->own->category_sums, (uint64_t) from, pairs->sum[from]);
	float		share = 1 / (sum.after + prior);
	bool		is_last = from == work->history->last_category;

	smoothing->after_all += w * share * prior;
	smoothing->weight_sum += w;
	if (is_last)
		smoothing->after_last = share * prior;
	for (int64_t i = pairs->start[from]; i < pairs->start[from + 1]; i++)
	{
		CategoryOutlook *outlook = find_outlook(&work->table, pairs->pair[i].to);
		float		after = share * own_pair(&work->own->categories, work->counts, pairs, from, i).after;

		outlook->after_all += w * after;
		if (is_last)
			outlook->after_last = after;
	}
}

/* Read what the history says of categories: of the newest items also by their pairs. */
static void
read_categories(FeatureWork *work)
{
	const HistoryFacts *history = work->history;
	CategoryTable *table = &work->table;

	keys_clear(&table->categories);
	table->smoothing = (Smoothing) {0};
	for (int32_t r = 0; r < history->distinct; r++)
	{
		CategoryOutlook *outlook = find_outlook(table, history->item[r].category);

		outlook->weight += history_recency_weight(r);
		outlook->share += 1.0f / (float) history->distinct;
	}
	for (int32_t r = 0; r < history->distinct && r < EVIDENCE_TRANSITION_ITEMS; r++)
	{
		int32_t		from = history->item[r].category;
		int32_t		first = 0;
		float		w = 0;

		while (history->item[first].category != from)
			first++;
		if (first < r)
			continue;			/* its pairs have been read */
		for (int32_t i = r; i < history->distinct && i < EVIDENCE_TRANSITION_ITEMS; i++)
			w += history->item[i].category == from ? history_recency_weight(i) : 0;
		read_category_pairs(work, from, w);
	}
}

void
features_of_history(float *x, FeatureWork *work)
{
	const RankHistory *events = work->events;
	const HistoryFacts *history = work->history;
	float		length = (float) (history->end - history->from);

	memset(x, 0, RANK_FEATURES * sizeof(float));
	work->now_low = (float) (history->now - reach_of_now(work->counts));
	work->now_high = (float) (history->now + reach_of_now(work->counts));
	read_categories(work);
	x[LENGTH] = log_of_1_plus((float) history->end);
	x[DISTINCT] = log_of_1_plus((float) history->distinct);
	x[LAST_IS_BUY] = history_is_bought(events, history->end - 1);
	x[COUNT_UNBOUGHT] = log_of_1_plus((float) history->unbought);
	x[BUY_SHARE] = (float) history->buys / length;
	x[GAP] = gap_feature(events, history, 1);
	x[LAST_REPEATS] = history->run > 1;
	x[REPEAT_SHARE] = (length - (float) history->distinct) / length;
	x[SECOND_KIND] = kind_feature(events, history, 2);
	x[THIRD_KIND] = kind_feature(events, history, 3);
	x[RUN] = log_of_1_plus((float) history->run);
	x[SECOND_GAP] = gap_feature(events, history, 2);
	x[SESSION_LENGTH] = history->times
		? log_of_1_plus((float) (history->end - 1 - history->session_start)) : 0;
	x[BOUGHT_AT_ONCE] = log_of_1_plus((float) history->bought_at_once);
	x[CART_SHARE] = history->kinds ? (float) history->carts / length : 0;
}

/* Complete the outlook of a category. */
static void
make_outlook(const FeatureWork *work, int32_t c, CategoryOutlook *outlook)
{
	const Counts *counts = work->counts;
	const Tally *tally = &counts->category[c];
	const Smoothing *smoothing = &work->table.smoothing;
	int32_t		period = counts_period(counts, (float) work->history->now);
	float		share = (float) tally->events / fmaxf((float) counts->sizes.tokens, 1);
	int64_t		period_events = 0;

	for (int32_t p = period > 0 ? period - 1 : 0; p <= period + 1 && p < COUNTS_PERIODS; p++)
		period_events += counts->category_period[(size_t) c * COUNTS_PERIODS + p];
	outlook->made = true;
	outlook->after_last += share * smoothing->after_last;
	outlook->after_all = (outlook->after_all + share * smoothing->after_all) / smoothing->weight_sum;
	outlook->per_event = 1 / (float) (tally->events + 5);
	outlook->per_event_now = outlook->after_all / (float) (period_events + 3);
	outlook->per_recent_event = outlook->after_all / (tally->long_recent + 1);
	outlook->repeats = (float) (tally->events - tally->sequences) / (float) (tally->sequences + 1);
	outlook->bought_rate = (float) tally->bought * outlook->per_event;
}

/* The same, made once a history. */
static const CategoryOutlook *
category_outlook(FeatureWork *work, int32_t category)
{
	CategoryOutlook *outlook = find_outlook(&work->table, category);

	if (!outlook->made)
		make_outlook(work, category, outlook);
	return outlook;
}

/* Sequences with an item about the time of the history's end. */
static int32_t
events_about_now(const FeatureWork *work, int32_t item)
{
	const Counts *counts = work->counts;
	int64_t		start = counts->posting_start[item];

	/* only the times are read: what the list points at is somewhere in memory */
	return kernels_best()->count_within(counts->posting_time + start,
										(int32_t) (counts->posting_start[item + 1] - start),
										work->now_low, work->now_high);
}

static inline bool
is_about_now(const FeatureWork *work, float time)
{
	return time >= work->now_low && time <= work->now_high;
}

/*
 * What the events after the history have added to these: of the own sequence only
 * the history counts, as when it has not gone on yet.
 */
static int32_t
own_about_now(const FeatureWork *work, const HistoryItem *seen, int32_t item)
{
	const Counts *counts = work->counts;
	int64_t		p = counts->posting_start[item + 1] - 1;
	int64_t		start;

	if (work->own->count == 0)
		return 0;
	while (p >= counts->posting_start[item] &&
		   counts->posting[p].sequence > work->events->own_sequence)
		p--;
	if (p < counts->posting_start[item] ||
		counts->posting[p].sequence != work->events->own_sequence)
		return 0;
	start = counts->sequence_start[work->events->own_sequence];
	if (start + counts->posting[p].position < work->own->first)
		return 0;
	return is_about_now(work, counts->posting_time[p]) -
		(seen != NULL && is_about_now(work, counts->token_time[start + seen->last]));
}

/* Hours as a share of the time that the data spans. */
static inline float
share_of_span(double hours, float per_span)
{
	float		share = (float) hours * per_span;

	return share < 0 ? 0 : share < 1 ? share : 1;
}

/* Popularity and category of an item that the counts know. */
static void
describe_known_item(float *x, FeatureWork *work, const Evidence *evidence,
					const Tally *tally)
{
	const Counts *counts = work->counts;
	const RankHistory *events = work->events;
	const HistoryFacts *history = work->history;
	const HistoryItem *seen = evidence->place >= 0 ? &history->item[evidence->place] : NULL;
	const Seen *known = &counts->seen[evidence->item];
	bool		own_last = work->own->count > 0 && known->last_sequence == events->own_sequence;
	bool		own_first = work->own->count > 0 && known->first_sequence == events->own_sequence;
	float		last = own_last ? known->other_last : known->last;
	float		first = own_first ? known->other_first : known->first;
	float		about_now = (float) (events_about_now(work, evidence->item) -
									 own_about_now(work, seen, evidence->item));
	float		per_span = 1 / counts->span[0];
	int32_t		c = counts->item_category[evidence->item];
	const CategoryOutlook *outlook;

	if (seen != NULL && history->times)
	{
		last = fmaxf(last, events->hours[seen->last]);
		first = fminf(first, events->hours[seen->first]);
	}
	x[POPULARITY] = (float) tally->events;
	x[POPULARITY_SHORT] = tally->short_recent;
	x[POPULARITY_LONG] = tally->long_recent;
	x[POPULARITY_NOW] = about_now;
	x[BOUGHT_RATE] = (float) tally->bought / (float) (tally->events + 2);
	x[REPEAT_RATE] = (float) (tally->events - tally->sequences) / (float) (tally->sequences + 1);
	x[LAST_SEEN] = share_of_span(history->now - last, per_span);
	x[FIRST_KNOWN] = share_of_span(history->now - first, per_span);
	if (c == 0)
	{
		x[NO_CATEGORY] = 1;
		return;
	}
	outlook = category_outlook(work, c);
	x[SAME_CATEGORY] = c == history->last_category;
	x[SHARE_OF_CATEGORY] = (float) tally->events * outlook->per_event;
	x[CATEGORY_AFTER_LAST] = outlook->after_last;
	x[CATEGORY_AFTER_ALL] = outlook->after_all;
	x[CATEGORY_WEIGHT] = outlook->weight;
	x[CATEGORY_SHARE] = outlook->share;
	x[CATEGORY_NOW] = about_now * outlook->per_event_now;
	x[CATEGORY_RECENT] = (tally->long_recent + 0.05f) * outlook->per_recent_event;
	x[CATEGORY_REPEAT_RATE] = outlook->repeats;
	x[CATEGORY_BOUGHT_RATE] = outlook->bought_rate;
}

/* Features of the evidence. */
static void
describe_evidence(float *x, const Evidence *evidence, const Tally *tally,
				  float neighbour_share)
{
	memcpy(x + LAST_ADJACENT, evidence, (NEIGHBOURS_RARE + 1 - LAST_ADJACENT) * sizeof(float));
	x[NEIGHBOURS_PER_EVENT] = evidence->near[0] / (float) (tally->events + 3);
	x[NEIGHBOURS_SHARE] = evidence->near[0] * neighbour_share;
}

void
features_of_item(float *x, FeatureWork *work, const Evidence *evidence)
{
	const Counts *counts = work->counts;
	bool		in_history = evidence->place >= 0;
	bool		known = evidence->untouched > 0 ||
		(evidence->item < counts->sizes.items && counts->item[evidence->item].events > 0);
	Tally		tally = {0};

	if (known)
	{
		tally = counts->item[evidence->item];
		if (work->own->count > 0)
			own_leave_out_of_tally(&tally, work->own, counts, evidence->item, in_history);
	}
	if (in_history)
		describe_history_item(x, &work->history->item[evidence->place], evidence->place,
							  work->events, work->history);
	describe_evidence(x, evidence, &tally, work->neighbour_share);
	if (evidence->untouched > 0)
		x[UNTOUCHED] = 1.0f / (float) evidence->untouched;
	if (known)
		describe_known_item(x, work, evidence, &tally);
	else
		x[NO_CATEGORY] = 1;
}

void
features_finish(float *features, int32_t rows)
{
	kernels_best()->logarithms(features + LAST_ADJACENT, RANK_FEATURES, rows, log_factor,
							   RANK_FEATURES - LAST_ADJACENT);
}
