/*
 * slow_features.h
 *	  The features of a candidate again, in double precision, from the events
 *	  themselves: each by its definition, with loops over all of the data.
 *
 * An example's own sequence is left out by not looking at its events after the
 * history; but for the totals of categories, which are those of all data (one
 * sequence is little in them).  Nothing is shared with the library but the
 * names of the features and the constants of counts.h.
 */
#ifndef SLOW_FEATURES_H
#define SLOW_FEATURES_H

#include <math.h>
#include <string.h>

#include "rank/candidates.h"

#define SLOW_ITEMS 64
#define SLOW_SEQUENCES 256

typedef struct SlowFeatures
{
	const EventData *data;
	const int32_t *item_category;
	int32_t		items;
	RankHistory history;
	/* the history's distinct items, newest first */
	int32_t		distinct;
	int32_t		item[CANDIDATES_HISTORY];
	double		now;
	double		span;
} SlowFeatures;

/* Whether a token is before what comes after the history. */
static inline bool
slow_visible(const SlowFeatures *slow, int32_t s, int64_t t)
{
	return s != slow->history.own_sequence ||
		t < slow->data->dataset->start[s] + slow->history.length;
}

static inline double
slow_time(const SlowFeatures *slow, int64_t t)
{
	return slow->data->hours != NULL ? slow->data->hours[t] : 1;
}

static inline bool
slow_data_bought(const SlowFeatures *slow, int64_t t)
{
	return slow->data->bought != NULL && slow->data->bought[t];
}

static inline bool
slow_bought(const SlowFeatures *slow, int32_t p)
{
	return slow->history.bought != NULL && slow->history.bought[p];
}

static inline double
slow_log(double value, double unit)
{
	return value > 0 ? log1p(value / unit) : 0;
}

/* Weights of pairs of `a`, or of its category, with `b`, or with all (-1). */
typedef struct SlowPair
{
	double		adjacent;
	double		after;
	double		before;
	double		bought;
} SlowPair;

static inline SlowPair
slow_pair(const SlowFeatures *slow, int32_t a, int32_t b, bool categories)
{
	const Dataset *dataset = slow->data->dataset;
	SlowPair	sum = {0};

	for (int32_t s = 0; s < dataset->sequences; s++)
	{
		for (int64_t i = dataset->start[s]; i < dataset->start[s + 1]; i++)
		{
			for (int64_t j = i + 1; j <= i + PAIRS_REACH && j < dataset->start[s + 1]; j++)
			{
				int32_t		x = dataset->item[i];
				int32_t		y = dataset->item[j];
				double		weight = 1.0 / (double) (j - i);
				bool		bought = slow_data_bought(slow, i) && slow_data_bought(slow, j);

				if (x == y || !slow_visible(slow, s, i) || !slow_visible(slow, s, j))
					continue;
				if (categories)
				{
					x = slow->item_category[x];
					y = slow->item_category[y];
				}
				if (x == a && (b < 0 || y == b))
				{
					sum.after += weight;
					sum.adjacent += j - i == 1;
					sum.bought += bought;
				}
				if (y == a && (b < 0 || x == b) && !categories)
				{
					sum.before += weight;
					sum.bought += bought;
				}
			}
		}
	}
	return sum;
}

/* How often an item, or all of a category, occurs; all: after the history too. */
typedef struct SlowTally
{
	double		events;
	double		bought;
	double		sequences;
	double		short_recent;
	double		long_recent;
} SlowTally;

static inline SlowTally
slow_tally(const SlowFeatures *slow, int32_t item, bool all)
{
	const Dataset *dataset = slow->data->dataset;
	SlowTally	tally = {0};

	for (int32_t s = 0; s < dataset->sequences; s++)
	{
		bool		has = false;

		for (int64_t t = dataset->start[s]; t < dataset->start[s + 1]; t++)
		{
			double		age = (slow->span - slow_time(slow, t)) / slow->span;

			if (dataset->item[t] != item || (!all && !slow_visible(slow, s, t)))
				continue;
			has = true;
			tally.events++;
			tally.bought += slow_data_bought(slow, t);
			tally.short_recent += exp2(-age / COUNTS_SHORT_HALF_LIFE);
			tally.long_recent += exp2(-age / COUNTS_LONG_HALF_LIFE);
		}
		tally.sequences += has;
	}
	return tally;
}

static inline SlowTally
slow_category_tally(const SlowFeatures *slow, int32_t category)
{
	SlowTally	sum = {0};

	for (int32_t i = 0; i < slow->items; i++)
	{
		SlowTally	tally = slow_tally(slow, i, true);

		if (slow->item_category[i] != category)
			continue;
		sum.events += tally.events;
		sum.bought += tally.bought;
		sum.sequences += tally.sequences;
		sum.short_recent += tally.short_recent;
		sum.long_recent += tally.long_recent;
	}
	return sum;
}

static inline int
slow_period(const SlowFeatures *slow, double time)
{
	double		period = (slow->span - time) / slow->span * COUNTS_PERIODS;

	return period <= 0 ? 0 : period >= COUNTS_PERIODS ? COUNTS_PERIODS - 1 : (int) period;
}

static inline SlowFeatures
slow_features_begin(const EventData *data, const int32_t *item_category, int32_t items,
					const RankHistory *history)
{
	const Dataset *dataset = data->dataset;
	SlowFeatures slow = {data, item_category, items, *history, 0, {0}, 0, 1};

	for (int64_t t = 0; t < dataset->start[dataset->sequences]; t++)
		slow.span = fmax(slow.span, slow_time(&slow, t));
	slow.now = history->hours != NULL ? history->hours[history->length - 1]
		: history->own_sequence >= 0
		? slow_time(&slow, dataset->start[history->own_sequence] + history->length - 1)
		: slow.span;
	for (int32_t p = history->length - 1; p >= 0; p--)
	{
		bool		again = false;

		for (int32_t r = 0; r < slow.distinct; r++)
			again |= slow.item[r] == history->item[p];
		if (!again)
			slow.item[slow.distinct++] = history->item[p];
	}
	return slow;
}

/* ---------------------------------------------------------------- the history */

/* The last position of an item of the history, of a kind (0: none, 1: a purchase, -1: any); or -1. */
static inline int32_t
slow_last(const SlowFeatures *slow, int32_t item, int kind)
{
	for (int32_t p = slow->history.length - 1; p >= 0; p--)
	{
		if (slow->history.item[p] == item && (kind < 0 || slow_bought(slow, p) == kind))
			return p;
	}
	return -1;
}

static inline int32_t
slow_times(const SlowFeatures *slow, int32_t item, int kind)
{
	int32_t		times = 0;

	for (int32_t p = 0; p < slow->history.length; p++)
		times += slow->history.item[p] == item && (kind < 0 || slow_bought(slow, p) == kind);
	return times;
}

/* Never bought, or taken up again since. */
static inline bool
slow_unbought(const SlowFeatures *slow, int32_t item)
{
	return slow->history.bought != NULL && !slow_bought(slow, slow_last(slow, item, -1));
}

static inline int32_t
slow_first(const SlowFeatures *slow, int32_t item)
{
	int32_t		p = 0;

	while (slow->history.item[p] != item)
		p++;
	return p;
}

static inline void
slow_history_features(double *x, const SlowFeatures *slow)
{
	const RankHistory *history = &slow->history;
	int32_t		length = history->length;
	int32_t		last = length - 1;
	int32_t		run = 1;
	int32_t		unbought = 0;
	int32_t		at_once = 0;
	int32_t		buys = 0;
	int32_t		session = last;

	while (run < length && history->item[last - run] == history->item[last])
		run++;
	for (int32_t r = 0; r < slow->distinct; r++)
	{
		int32_t		buy = slow_last(slow, slow->item[r], 1);

		unbought += slow_unbought(slow, slow->item[r]);
		at_once += history->hours != NULL && buy >= 0 && slow->now - history->hours[buy] < 1.0 / 3600;
	}
	for (int32_t p = 0; p < length; p++)
		buys += slow_bought(slow, p);
	while (history->hours != NULL && session > 0 &&
		   history->hours[session] - history->hours[session - 1] < 0.5)
		session--;
	x[LENGTH] = log1p(length);
	x[DISTINCT] = log1p(slow->distinct);
	x[LAST_IS_BUY] = slow_bought(slow, last);
	x[COUNT_UNBOUGHT] = log1p(unbought);
	x[BUY_SHARE] = (double) buys / length;
	x[LAST_REPEATS] = run > 1;
	x[REPEAT_SHARE] = (double) (length - slow->distinct) / length;
	x[RUN] = log1p(run);
	x[BOUGHT_AT_ONCE] = log1p(at_once);
	if (history->hours != NULL)
	{
		x[GAP] = length < 2 ? 0 : 0.2 * log1p(60 * (history->hours[last] - history->hours[last - 1]));
		x[SECOND_GAP] = length < 3 ? 0
			: 0.2 * log1p(60 * (history->hours[last - 1] - history->hours[last - 2]));
		x[SESSION_LENGTH] = log1p(last - session);
	}
	if (history->bought != NULL)
	{
		x[SECOND_KIND] = length < 2 ? 0 : history->bought[last - 1] ? 1 : -1;
		x[THIRD_KIND] = length < 3 ? 0 : history->bought[last - 2] ? 1 : -1;
		x[CART_SHARE] = (double) (length - buys) / length;
	}
}

/* Where an item's last event is that is no purchase, or its last. */
static inline int32_t
slow_cart_place(const SlowFeatures *slow, int32_t item)
{
	int32_t		cart = slow_last(slow, item, 0);

	return cart >= 0 ? cart : slow_last(slow, item, -1);
}

/* Which of the unbought items this one is: first, last, or the next after the last item's first event. */
static inline void
slow_unbought_features(double *x, const SlowFeatures *slow, int32_t item)
{
	int32_t		last_item = slow->history.item[slow->history.length - 1];
	int32_t		before = 0;		/* unbought with an older last cart */
	int32_t		all = 0;
	bool		first = true;
	bool		next = true;
	bool		last = true;

	if (!slow_unbought(slow, item))
		return;
	for (int32_t r = 0; r < slow->distinct; r++)
	{
		int32_t		other = slow->item[r];

		if (!slow_unbought(slow, other))
			continue;
		all++;
		before += slow_last(slow, other, 0) < slow_last(slow, item, 0);
		first &= slow_last(slow, other, -1) >= slow_last(slow, item, -1);
		last &= slow_last(slow, other, -1) <= slow_last(slow, item, -1);
		next &= slow_last(slow, other, -1) <= slow_first(slow, last_item) ||
			slow_last(slow, other, -1) >= slow_last(slow, item, -1);
	}
	x[UNBOUGHT] = 1;
	x[FIRST_UNBOUGHT] = first;
	x[LAST_UNBOUGHT] = last;
	x[NEXT_UNBOUGHT] = next && slow_last(slow, item, -1) > slow_first(slow, last_item);
	x[UNBOUGHT_FROM_OLDEST] = 1.0 / (1 + before);
	x[UNBOUGHT_FROM_NEWEST] = 1.0 / (all - before);
}

static inline void
slow_item_features(double *x, const SlowFeatures *slow, int32_t item)
{
	const RankHistory *history = &slow->history;
	int32_t		last = history->length - 1;
	int32_t		last_item = history->item[last];
	int32_t		place = 0;
	int32_t		at = slow_last(slow, item, -1);
	int32_t		cart = slow_last(slow, item, 0);
	int32_t		buy = slow_last(slow, item, 1);
	int32_t		distance = slow_cart_place(slow, item) - slow_cart_place(slow, last_item);
	int32_t		newest_buy = -1;

	while (slow->item[place] != item)
		place++;
	x[IN_HISTORY] = 1;
	x[RECENCY] = 1.0 / (1 + place);
	x[LOG_RECENCY] = log1p(place);
	x[IS_LAST] = item == last_item;
	x[FIRST_SEEN] = log1p(last - slow_first(slow, item));
	x[TIMES] = log1p(slow_times(slow, item, -1)) - log(2);
	x[STEPS_SINCE] = log1p(last - at);
	x[SHARE_OF_HISTORY] = (double) slow_times(slow, item, -1) / history->length;
	if (item != last_item && distance != 0)
		x[distance > 0 ? AFTER_LAST : BEFORE_LAST] = 1.0 / abs(distance);
	for (int32_t p = last; p > 0; p--)
	{
		if (history->item[p] != item || history->item[p - 1] != last_item)
			continue;
		if (x[FOLLOWED_LAST] == 0)
			x[FOLLOWED_LAST_WHEN] = 1.0 / (history->length - p);
		x[FOLLOWED_LAST]++;
	}
	x[FOLLOWED_LAST] = log1p(x[FOLLOWED_LAST]);
	if (history->bought != NULL)
	{
		for (int32_t p = 0; p <= last; p++)
			newest_buy = history->bought[p] ? p : newest_buy;
		x[CARTS] = log1p(slow_times(slow, item, 0));
		x[BUYS] = log1p(slow_times(slow, item, 1));
		x[NEWEST_IS_BUY] = history->bought[at];
		slow_unbought_features(x, slow, item);
		x[STEPS_SINCE_CART] = cart >= 0 ? log1p(last - cart) : 5;
		x[STEPS_SINCE_BUY] = buy >= 0 ? log1p(last - buy) : 5;
		x[IN_BASKET] = cart > newest_buy;
	}
	if (history->hours != NULL)
	{
		double		since = slow->now - history->hours[at];

		x[HOURS_SINCE] = log1p(since);
		x[HOURS_SINCE_FIRST] = log1p(slow->now - history->hours[slow_first(slow, item)]);
		x[SAME_INSTANT] = since < 1.0 / 3600;
		x[IN_SESSION] = at >= last - (int32_t) lround(expm1(x[SESSION_LENGTH]));
		if (buy >= 0)
		{
			x[BOUGHT_NOW] = slow->now - history->hours[buy] < 1.0 / 3600;
			x[HOURS_SINCE_BUY] = log1p(slow->now - history->hours[buy]);
		}
	}
}

/* ---------------------------------------------------------------- evidence */

static inline void
slow_transition_features(double *x, const SlowFeatures *slow, int32_t item)
{
	double		hops[2] = {0};
	double		all[6] = {0};

	for (int32_t r = 0; r < slow->distinct && r < 6 && item < slow->items; r++)
	{
		SlowPair	pair = slow_pair(slow, slow->item[r], item, false);
		SlowPair	sum = slow_pair(slow, slow->item[r], -1, false);
		double		both = (pair.after + pair.before) / (sum.after + sum.before + 1);
		double		w = 1.0 / (1 + r);

		if (slow->item[r] >= slow->items || slow->item[r] == item)
			continue;
		all[0] += w * pair.after / (sum.after + 1);
		all[1] += w * pair.before / (sum.before + 1);
		all[2] += w * both;
		all[3] += w * (pair.after + pair.before) /
			sqrt((sum.after + sum.before + 1) * (slow_tally(slow, item, false).events + 1));
		all[4] = fmax(all[4], both);
		all[5] += w * pair.bought;
		if (r == 0)
		{
			x[LAST_ADJACENT] = slow_log(pair.adjacent / (sum.adjacent + 1), 0.01);
			x[LAST_AFTER] = slow_log(pair.after / (sum.after + 1), 0.01);
			x[LAST_BEFORE] = slow_log(pair.before / (sum.before + 1), 0.01);
			x[LAST_BOTH] = slow_log(both, 0.01);
			x[LAST_BOUGHT] = slow_log(pair.bought / (sum.bought + 1), 0.01);
		}
		for (int32_t middle = 0; r < 3 && middle < slow->items; middle++)
		{
			SlowPair	one = slow_pair(slow, slow->item[r], middle, false);
			SlowPair	two = slow_pair(slow, middle, item, false);
			SlowPair	of_middle = slow_pair(slow, middle, -1, false);
			double		both_hops;

			if (middle == slow->item[r] || middle == item)
				continue;
			both_hops = (one.after + one.before) / (sum.after + sum.before + 1) *
				(two.after + two.before) / (of_middle.after + of_middle.before + 1);
			hops[1] += w * both_hops;
			hops[0] += r == 0 ? both_hops : 0;
		}
	}
	for (int i = 0; i < 5; i++)
		x[ALL_AFTER + i] = slow_log(all[i], 0.01);
	x[ALL_BOUGHT] = log1p(all[5]);
	x[LAST_TWO_HOPS] = slow_log(hops[0], 0.003);
	x[ALL_TWO_HOPS] = slow_log(hops[1], 0.003);
}

/* VSKNN; no more sequences than are all neighbours, none that is cut short. */
static inline void
slow_neighbour_features(double *x, const SlowFeatures *slow, int32_t item)
{
	const Dataset *dataset = slow->data->dataset;
	int32_t		asked = slow->distinct < 15 ? slow->distinct : 15;
	double		near[3] = {0};
	double		sum = 0;
	double		events = slow_tally(slow, item, false).events;

	for (int32_t s = 0; s < dataset->sequences; s++)
	{
		int64_t		start = dataset->start[s];
		int64_t		end = dataset->start[s + 1];
		int64_t		common = -1;
		int64_t		found = -1;
		double		similarity = 0;
		double		rarity = 0;

		for (int32_t r = 0; r < asked && s != slow->history.own_sequence; r++)
		{
			double		w = 1 - (double) r / (asked + 1);
			int64_t		last = -1;

			for (int64_t t = start; t < end; t++)
				last = dataset->item[t] == slow->item[r] ? t : last;
			if (last < 0)
				continue;
			common = common < 0 ? last : common;
			similarity += w * w / sqrt((double) (end - start) + 1);
			rarity += w * w / sqrt((double) (end - start) + 1) *
				log((dataset->sequences + 1.0) /
					(slow_tally(slow, slow->item[r], true).sequences + 1));
		}
		if (common < 0)
			continue;
		sum += similarity;
		for (int64_t t = end - 1; t >= start; t--)
			found = dataset->item[t] == item ? t : found;
		if (found < 0)
			continue;
		near[0] += similarity;
		near[1] += similarity * exp(-fabs(slow_time(slow, common) - slow->now) / (0.05 * slow->span)) *
			exp(-fabs((double) (found - common)) / 3);
		near[2] += rarity;
	}
	x[NEIGHBOURS] = slow_log(near[0], 0.05);
	x[NEIGHBOURS_NEAR] = slow_log(near[1], 0.01);
	x[NEIGHBOURS_RARE] = slow_log(near[2], 0.3);
	x[NEIGHBOURS_PER_EVENT] = slow_log(near[0] / (events + 3), 0.005);
	x[NEIGHBOURS_SHARE] = slow_log(near[0] / (sum + 0.1), 0.01);
}

/* ---------------------------------------------------------------- popularity */

/* Sequences whose last event of the item, before what comes after the history, is about now. */
static inline double
slow_about_now(const SlowFeatures *slow, int32_t item)
{
	const Dataset *dataset = slow->data->dataset;
	double		reach = 1.5 * slow->span / COUNTS_PERIODS;
	double		about = 0;

	for (int32_t s = 0; s < dataset->sequences; s++)
	{
		int64_t		last = -1;

		for (int64_t t = dataset->start[s]; t < dataset->start[s + 1]; t++)
			last = dataset->item[t] == item && slow_visible(slow, s, t) ? t : last;
		about += last >= 0 && fabs(slow_time(slow, last) - slow->now) <= reach;
	}
	return about;
}

/* Probability of a category after another. */
static inline double
slow_category_after(const SlowFeatures *slow, int32_t from, int32_t to)
{
	const Dataset *dataset = slow->data->dataset;

	return (slow_pair(slow, from, to, true).after +
			5 * slow_category_tally(slow, to).events / (double) dataset->start[dataset->sequences]) /
		(slow_pair(slow, from, -1, true).after + 5);
}

static inline int32_t
slow_history_category(const SlowFeatures *slow, int32_t item)
{
	return slow->history.category[slow_last(slow, item, -1)];
}

static inline void
slow_category_features(double *x, const SlowFeatures *slow, int32_t item, const SlowTally *tally)
{
	const Dataset *dataset = slow->data->dataset;
	const RankHistory *history = &slow->history;
	int32_t		c = slow->item_category[item];
	int32_t		last_category = history->category[history->length - 1];
	SlowTally	category = slow_category_tally(slow, c);
	int			period = slow_period(slow, slow->now);
	double		period_events = 0;
	double		after_all = 0;
	double		weights = 0;
	double		weight = 0;
	double		share = 0;

	for (int32_t r = 0; r < slow->distinct; r++)
	{
		int32_t		seen = slow_history_category(slow, slow->item[r]);
		double		w = 1.0 / (1 + r);

		if (r < 6)
		{
			after_all += w * slow_category_after(slow, seen, c);
			weights += w;
		}
		weight += seen == c ? w : 0;
		share += seen == c ? 1.0 / slow->distinct : 0;
	}
	after_all /= weights;
	for (int64_t t = 0; t < dataset->start[dataset->sequences]; t++)
		period_events += slow->item_category[dataset->item[t]] == c &&
			abs(slow_period(slow, slow_time(slow, t)) - period) <= 1;
	x[SAME_CATEGORY] = c == last_category;
	x[SHARE_OF_CATEGORY] = slow_log(tally->events / (category.events + 5), 0.01);
	x[CATEGORY_AFTER_LAST] = slow_log(slow_category_after(slow, last_category, c), 0.002);
	x[CATEGORY_AFTER_ALL] = slow_log(after_all, 0.002);
	x[CATEGORY_WEIGHT] = log1p(weight);
	x[CATEGORY_SHARE] = share;
	x[CATEGORY_NOW] = slow_log(after_all * slow_about_now(slow, item) / (period_events + 3), 0.001);
	x[CATEGORY_RECENT] = slow_log(after_all * (tally->long_recent + 0.05) /
								  (category.long_recent + 1), 0.0005);
	x[CATEGORY_REPEAT_RATE] = log((category.events + 1) / (category.sequences + 1));
	x[CATEGORY_BOUGHT_RATE] = category.bought / (category.events + 5);
}

static inline void
slow_popularity_features(double *x, const SlowFeatures *slow, int32_t item)
{
	const Dataset *dataset = slow->data->dataset;
	SlowTally	tally = slow_tally(slow, item, false);
	double		last = -INFINITY;
	double		first = INFINITY;

	for (int32_t s = 0; s < dataset->sequences; s++)
	{
		for (int64_t t = dataset->start[s]; t < dataset->start[s + 1]; t++)
		{
			if (dataset->item[t] != item || s == slow->history.own_sequence)
				continue;
			last = fmax(last, slow_time(slow, t));
			first = fmin(first, slow_time(slow, t));
		}
	}
	/* the history tells for itself, if it knows times */
	for (int32_t p = 0; slow->history.hours != NULL && p < slow->history.length; p++)
	{
		if (slow->history.item[p] != item)
			continue;
		last = fmax(last, slow->history.hours[p]);
		first = fmin(first, slow->history.hours[p]);
	}
	x[POPULARITY] = log1p(tally.events);
	x[POPULARITY_SHORT] = slow_log(tally.short_recent, 0.3);
	x[POPULARITY_LONG] = slow_log(tally.long_recent, 0.5);
	x[POPULARITY_NOW] = log1p(slow_about_now(slow, item));
	x[BOUGHT_RATE] = tally.bought / (tally.events + 2);
	x[REPEAT_RATE] = log((tally.events + 1) / (tally.sequences + 1));
	x[LAST_SEEN] = log1p(40 * fmin(1, fmax(0, (slow->now - last) / slow->span)));
	x[FIRST_KNOWN] = log1p(10 * fmin(1, fmax(0, (slow->now - first) / slow->span)));
	if (slow->item_category[item] == 0)
		x[NO_CATEGORY] = 1;
	else
		slow_category_features(x, slow, item, &tally);
}

/* Whether nobody has touched an item; here all can be sold. */
static inline bool
slow_untouched(const SlowFeatures *slow, int32_t item)
{
	return item < slow->items && slow_tally(slow, item, false).events == 0 &&
		slow_last(slow, item, -1) < 0;
}

static inline void
slow_untouched_features(double *x, const SlowFeatures *slow, int32_t item)
{
	double		of_category = 0;

	for (int32_t i = 0; i < slow->items; i++)
		of_category += slow->item_category[i] == slow->item_category[item] &&
			slow_untouched(slow, i);
	x[UNTOUCHED] = slow_log(1 / of_category, 0.01);
}

/* All features of an item: x[RANK_FEATURES]. */
static inline void
slow_features(double *x, const SlowFeatures *slow, int32_t item)
{
	memset(x, 0, RANK_FEATURES * sizeof(double));
	slow_history_features(x, slow);
	if (slow_last(slow, item, -1) >= 0)
		slow_item_features(x, slow, item);
	slow_transition_features(x, slow, item);
	slow_neighbour_features(x, slow, item);
	if (slow_untouched(slow, item))
		slow_untouched_features(x, slow, item);
	if (slow_untouched(slow, item) ||
		(item < slow->items && slow_tally(slow, item, true).events > 0))
		slow_popularity_features(x, slow, item);
	else
		x[NO_CATEGORY] = 1;
}

#endif							/* SLOW_FEATURES_H */
