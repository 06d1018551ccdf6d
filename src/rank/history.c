/*
 * history.c
 *	  A history, item by item, and what is known of it as a whole.
 */
#include "rank/history.h"

#define SESSION_GAP 0.5f		/* hours: a longer one begins a new session */

static inline int32_t
category_of(const RankHistory *events, int32_t t)
{
	return events->category != NULL ? events->category[t] : 0;
}

/* The distinct items, newest first. */
static void
read_items(HistoryFacts *history, KeyTable *items, const RankHistory *events)
{
	for (int32_t t = history->end - 1; t >= history->from; t--)
	{
		bool		added;
		HistoryItem *seen = &history->item[keys_number(items, events->item[t], &added)];

		if (added)
			*seen = (HistoryItem) {
				.item = events->item[t], .category = category_of(events, t),
				.last = t, .last_cart = -1, .last_buy = -1,
				.newest_is_buy = history_is_bought(events, t), .unbought_place = -1
			};
		seen->first = t;
		if (history_is_bought(events, t))
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
	history->distinct = items->count;
}

/* Number the unbought items by their last cart, oldest first. */
static void
order_unbought(HistoryFacts *history)
{
	int32_t		order[CANDIDATES_HISTORY];
	int32_t		first = -1;
	int32_t		last = -1;
	int32_t		next = -1;
	int32_t		last_item_first = 0;

	for (int32_t i = 0; i < history->distinct; i++)
	{
		if (history->item[i].item == history->last_item)
			last_item_first = history->item[i].first;
	}
	for (int32_t i = 0; i < history->distinct; i++)
	{
		HistoryItem *seen = &history->item[i];
		int32_t		at = history->unbought;

		history->buys += seen->buys;
		history->carts += seen->carts;
		if (seen->last_buy > history->newest_buy)
			history->newest_buy = seen->last_buy;
		if (!history->kinds)
			continue;
		seen->unbought = seen->buys == 0 || !seen->newest_is_buy;
		if (!seen->unbought)
			continue;
		for (; at > 0 && history->item[order[at - 1]].last_cart > seen->last_cart; at--)
			order[at] = order[at - 1];
		order[at] = i;
		history->unbought++;
		if (first < 0 || seen->last < history->item[first].last)
			first = i;
		if (last < 0 || seen->last > history->item[last].last)
			last = i;
		if (seen->last > last_item_first &&
			(next < 0 || seen->last < history->item[next].last))
			next = i;
	}
	for (int32_t u = 0; u < history->unbought; u++)
		history->item[order[u]].unbought_place = u;
	history->first_unbought = first < 0 ? -1 : history->item[first].item;
	history->last_unbought = last < 0 ? -1 : history->item[last].item;
	history->next_unbought = next < 0 ? -1 : history->item[next].item;
}

/* When the history ends: where times are not known, when the counts do. */
static double
time_of_call(const Counts *counts, const RankHistory *events)
{
	if (events->hours != NULL)
		return events->hours[events->length - 1];
	if (events->own_sequence >= 0)
		return counts->token_time[counts->sequence_start[events->own_sequence] +
								  events->length - 1];
	return counts->span[0];
}

/* What followed earlier events of the last item. */
static void
read_followers(HistoryFacts *history, KeyTable *items, const RankHistory *events)
{
	for (int32_t t = history->end - 1; t > history->from; t--)
	{
		HistoryItem *seen;
		bool		added;

		if (events->item[t - 1] != history->last_item)
			continue;
		seen = &history->item[keys_number(items, events->item[t], &added)];
		seen->followed++;
		if (seen->followed == 1)
			seen->followed_when = 1.0f / (float) (history->end - t);
	}
}

void
history_facts_read(HistoryFacts *history, KeyTable *items, const Counts *counts,
			 const RankHistory *events)
{
	int32_t		end = events->length;

	history->end = end;
	history->from = end > CANDIDATES_HISTORY ? end - CANDIDATES_HISTORY : 0;
	history->last_item = events->item[end - 1];
	history->last_category = category_of(events, end - 1);
	history->now = time_of_call(counts, events);
	history->kinds = events->bought != NULL;
	history->times = events->hours != NULL;
	history->last_place = 0;
	history->unbought = history->buys = history->carts = 0;
	history->newest_buy = -1;
	history->session_start = end - 1;
	history->bought_at_once = 0;
	history->run = 1;

	read_items(history, items, events);
	order_unbought(history);
	for (int32_t i = 0; i < history->distinct; i++)
	{
		const HistoryItem *seen = &history->item[i];

		if (seen->item == history->last_item)
			history->last_place = seen->last_cart >= 0 ? seen->last_cart : seen->last;
		history->bought_at_once += history->times && seen->last_buy >= 0 &&
			history->now - events->hours[seen->last_buy] < HISTORY_AT_ONCE;
	}
	while (history->times && history->session_start > history->from &&
		   events->hours[history->session_start] -
		   events->hours[history->session_start - 1] < SESSION_GAP)
		history->session_start--;
	while (history->run < end - history->from &&
		   events->item[end - 1 - history->run] == history->last_item)
		history->run++;
	read_followers(history, items, events);
}
