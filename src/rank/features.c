/*
 * features.c
 *	  What the ranker reads of a candidate.
 */
#include "rank/features.h"

#include <math.h>
#include <string.h>

#include "nn/kernels.h"

#define NEVER 5.0f				/* value of a logarithm of steps without any */

/* The evidence's arrays are in the order of the features that are made of them. */
_Static_assert(LAST_BOUGHT == LAST_ADJACENT + EVIDENCE_LAST - 1, "features of the last item's transitions");
_Static_assert(ALL_BOUGHT == ALL_AFTER + EVIDENCE_ALL - 1, "features of all items' transitions");

/*
 * 1: a feature is the logarithm of what features_of_item() leaves there, 1 where it
 * does not apply.  They are taken together, in vectors.
 */
static const float is_logarithm[RANK_FEATURES - LAST_ADJACENT] = {
	[0 ... POPULARITY_NOW - LAST_ADJACENT] = 1,
	[REPEAT_RATE - LAST_ADJACENT ... FIRST_KNOWN - LAST_ADJACENT] = 1,
	[SHARE_OF_CATEGORY - LAST_ADJACENT ... CATEGORY_WEIGHT - LAST_ADJACENT] = 1,
	[CATEGORY_NOW - LAST_ADJACENT ... CATEGORY_RECENT - LAST_ADJACENT] = 1,
	[CATEGORY_REPEAT_RATE - LAST_ADJACENT] = 1,
	[UNTOUCHED - LAST_ADJACENT] = 1
};

/* ln(1 + value); exact to what features need, and faster than log1pf */
static inline float
log_of_1_plus(float value)
{
	return value == 0 ? 0 : logf(1 + value);
}

/* 1 + value / unit, to take the logarithm of; 1 for what subtracting has left of nothing */
static inline float
scaled(float value, float unit)
{
	return value > 0 ? 1 + value / unit : 1;
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
	memset(&work->categories.to, 0, sizeof(work->categories.to));
}

/* Find the pairs of the newest history items' categories. */
static void
read_category_pairs(FeatureWork *work)
{
	const HistoryFacts *history = work->history;
	const PairTable *pairs = &work->counts->category_pairs;
	CategoryPairs *categories = &work->categories;

	keys_clear(&categories->to);
	for (int32_t r = 0; r < history->distinct && r < EVIDENCE_TRANSITION_ITEMS; r++)
	{
		int32_t		from = history->item[r].category;
		int32_t		row = 0;

		while (history->item[row].category != from)
			row++;
		categories->row[r] = row;
		for (int64_t i = pairs->start[from]; row == r && i < pairs->start[from + 1]; i++)
		{
			bool		added;
			int32_t		number = keys_number(&categories->to, pairs->pair[i].to, &added);

			if (number < 0)
				break;
			if (added)
				memset(categories->pair[number], 0xFF, sizeof(categories->pair[0]));	/* -1 */
			categories->pair[number][r] = i;
		}
	}
}

void
features_of_history(float *x, FeatureWork *work)
{
	const RankHistory *events = work->events;
	const HistoryFacts *history = work->history;
	float		length = (float) (history->end - history->from);

	memset(x, 0, RANK_FEATURES * sizeof(float));
	memcpy(x + LAST_ADJACENT, is_logarithm, sizeof(is_logarithm));
	work->outlooks = 0;
	read_category_pairs(work);
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

/* Probability of a category after that of the r-th newest item, smoothed by its share of all events. */
static float
category_probability(const FeatureWork *work, int32_t r, int32_t to)
{
	const float prior = 5;
	const Counts *counts = work->counts;
	const PairTable *pairs = &counts->category_pairs;
	int32_t		from = work->history->item[r].category;
	PairWeights sum = own_left_out(&work->own->category_sums, (uint64_t) from, pairs->sum[from]);
	int32_t		number = keys_find(&work->categories.to, to);
	int64_t		i = number < 0 ? -1 : work->categories.pair[number][work->categories.row[r]];
	float		after = 0;

	if (i >= 0)
		after = own_pair(&work->own->categories, counts, pairs, from, i).after;
	return (after + prior * (float) counts->category[to].events /
			fmaxf((float) counts->sizes.tokens, 1)) / (sum.after + prior);
}

/* The outlook for a category. */
static CategoryOutlook
make_outlook(const FeatureWork *work, int32_t category)
{
	const HistoryFacts *history = work->history;
	CategoryOutlook outlook = {.category = category};
	float		weight_sum = 0;

	for (int32_t r = 0; r < history->distinct; r++)
	{
		float		w = history_recency_weight(r);

		if (r < EVIDENCE_TRANSITION_ITEMS)
		{
			float		after = category_probability(work, r, category);

			/* the newest item is the last one */
			if (r == 0)
				outlook.after_last = after;
			outlook.after_all += w * after;
			weight_sum += w;
		}
		if (history->item[r].category == category)
		{
			outlook.weight += w;
			outlook.share += 1.0f / (float) history->distinct;
		}
	}
	outlook.after_all /= weight_sum;
	return outlook;
}

/* The same, made once a history. */
static const CategoryOutlook *
category_outlook(FeatureWork *work, int32_t category)
{
	CategoryOutlook *outlook = work->outlook;

	for (; outlook < work->outlook + work->outlooks; outlook++)
	{
		if (outlook->category == category)
			return outlook;
	}
	if (work->outlooks < MAX_OUTLOOKS)
		work->outlooks++;
	else
		outlook--;				/* in place of the last one */
	*outlook = make_outlook(work, category);
	return outlook;
}

/* Sequences with an item about the time of the history's end. */
static int32_t
events_about_now(const FeatureWork *work, int32_t item)
{
	const Counts *counts = work->counts;
	double		now = work->history->now;
	float		reach = reach_of_now(counts);
	int32_t		events = 0;

	/* only the times are read: what the list points at is somewhere in memory */
	for (int64_t p = counts->posting_start[item]; p < counts->posting_start[item + 1]; p++)
		events += fabs(counts->posting_time[p] - now) <= reach;
	return events;
}

/*
 * What the events after the history have added to these: of the own sequence only
 * the history counts, as when it has not gone on yet.
 */
static int32_t
own_about_now(const FeatureWork *work, const HistoryItem *seen, int32_t item)
{
	const Counts *counts = work->counts;
	double		now = work->history->now;
	float		reach = reach_of_now(counts);
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
	return (fabs(counts->posting_time[p] - now) <= reach) -
		(seen != NULL && fabs(counts->token_time[start + seen->last] - now) <= reach);
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
	int32_t		c = counts->item_category[evidence->item];
	const Tally *category = &counts->category[c];
	const CategoryOutlook *outlook;
	int64_t		period_events = 0;
	int32_t		period = counts_period(counts, (float) history->now);

	if (seen != NULL && history->times)
	{
		last = fmaxf(last, events->hours[seen->last]);
		first = fminf(first, events->hours[seen->first]);
	}
	x[POPULARITY] = 1 + (float) tally->events;
	x[POPULARITY_SHORT] = scaled(tally->short_recent, 0.3f);
	x[POPULARITY_LONG] = scaled(tally->long_recent, 0.5f);
	x[POPULARITY_NOW] = 1 + about_now;
	x[BOUGHT_RATE] = (float) tally->bought / (float) (tally->events + 2);
	x[REPEAT_RATE] = (float) (tally->events + 1) / (float) (tally->sequences + 1);
	x[LAST_SEEN] = 1 + 40 * fminf(1, fmaxf(0, (history->now - last) / counts->span[0]));
	x[FIRST_KNOWN] = 1 + 10 * fminf(1, fmaxf(0, (history->now - first) / counts->span[0]));
	if (c == 0)
	{
		x[NO_CATEGORY] = 1;
		return;
	}
	outlook = category_outlook(work, c);
	for (int32_t p = period > 0 ? period - 1 : 0; p <= period + 1 && p < COUNTS_PERIODS; p++)
		period_events += counts->category_period[(size_t) c * COUNTS_PERIODS + p];
	x[SAME_CATEGORY] = c == history->last_category;
	x[SHARE_OF_CATEGORY] = scaled((float) tally->events / (float) (category->events + 5), 0.01f);
	x[CATEGORY_AFTER_LAST] = scaled(outlook->after_last, 0.002f);
	x[CATEGORY_AFTER_ALL] = scaled(outlook->after_all, 0.002f);
	x[CATEGORY_WEIGHT] = 1 + outlook->weight;
	x[CATEGORY_SHARE] = outlook->share;
	x[CATEGORY_NOW] = scaled(outlook->after_all * about_now / (float) (period_events + 3), 0.001f);
	x[CATEGORY_RECENT] = scaled(outlook->after_all * (tally->long_recent + 0.05f) /
									(category->long_recent + 1), 0.0005f);
	x[CATEGORY_REPEAT_RATE] = (float) (category->events + 1) / (float) (category->sequences + 1);
	x[CATEGORY_BOUGHT_RATE] = (float) category->bought / (float) (category->events + 5);
}

/* Features of the evidence. */
static void
describe_evidence(float *x, const Evidence *evidence, const Tally *tally,
				  float neighbour_sum)
{
	for (int i = 0; i < EVIDENCE_LAST; i++)
		x[LAST_ADJACENT + i] = scaled(evidence->last[i], 0.01f);
	for (int i = 0; i <= ALL_MAXIMUM - ALL_AFTER; i++)
		x[ALL_AFTER + i] = scaled(evidence->all[i], 0.01f);
	x[ALL_BOUGHT] = 1 + evidence->all[ALL_BOUGHT - ALL_AFTER];
	x[LAST_TWO_HOPS] = scaled(evidence->hops[0], 0.003f);
	x[ALL_TWO_HOPS] = scaled(evidence->hops[1], 0.003f);
	x[NEIGHBOURS] = scaled(evidence->near[0], 0.05f);
	x[NEIGHBOURS_NEAR] = scaled(evidence->near[1], 0.01f);
	x[NEIGHBOURS_RARE] = scaled(evidence->near[2], 0.3f);
	x[NEIGHBOURS_PER_EVENT] = scaled(evidence->near[0] / (float) (tally->events + 3), 0.005f);
	x[NEIGHBOURS_SHARE] = scaled(evidence->near[0] / (neighbour_sum + 0.1f), 0.01f);
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
		tally = own_item_tally(work->own, counts, evidence->item, in_history);
	if (in_history)
		describe_history_item(x, &work->history->item[evidence->place], evidence->place,
							  work->events, work->history);
	describe_evidence(x, evidence, &tally, work->neighbour_sum);
	if (evidence->untouched > 0)
		x[UNTOUCHED] = scaled(1.0f / (float) evidence->untouched, 0.01f);
	if (known)
		describe_known_item(x, work, evidence, &tally);
	else
		x[NO_CATEGORY] = 1;
}

void
features_finish(float *features, int32_t rows)
{
	kernels_best()->logarithms(features + LAST_ADJACENT, RANK_FEATURES, rows, is_logarithm,
							   RANK_FEATURES - LAST_ADJACENT);
}
