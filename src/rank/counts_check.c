/*
 * counts_check.c
 *	  Whether counts that were read from an image could have been counted.
 *
 * Whoever answers from counts follows their indexes and divides by their
 * numbers without a look.  So all of it is looked at here, once, when an image
 * is read.
 */
#include "rank/counts.h"

#include <math.h>

/* Whether starts ascend from 0 to `end`, no list longer than `longest`. */
static bool
starts_valid(const int64_t *start, int64_t count, int64_t end, int64_t longest)
{
	if (start[0] != 0 || start[count] != end)
		return false;
	for (int64_t i = 0; i < count; i++)
	{
		/* both lie in 0 .. end once these hold, so that no difference overflows */
		if (start[i + 1] < start[i] || start[i + 1] > end || start[i + 1] - start[i] > longest)
			return false;
	}
	return true;
}

static bool
indexes_valid(const int32_t *index, int64_t count, int32_t limit)
{
	for (int64_t i = 0; i < count; i++)
	{
		if (index[i] < 0 || index[i] >= limit)
			return false;
	}
	return true;
}

/* A weight or a sum of weights. */
static bool
is_weight(float value)
{
	return value >= 0 && isfinite(value);
}

/* Of a pair or of all pairs of a row: what comes after is part of both directions. */
static bool
weights_valid(const PairWeights *weights)
{
	return is_weight(weights->adjacent) && is_weight(weights->after) &&
		is_weight(weights->both) && is_weight(weights->bought) &&
		weights->after <= weights->both;
}

/* distinct: no row pairs with itself. */
static bool
pairs_valid(const PairTable *table, int32_t rows, int64_t pairs, const CountsSizes *sizes,
			bool distinct)
{
	if (!starts_valid(table->start, rows, pairs, PAIRS_MAX))
		return false;
	for (int32_t r = 0; r < rows; r++)
	{
		if (!weights_valid(&table->sum[r]))
			return false;
		for (int64_t i = table->start[r]; i < table->start[r + 1]; i++)
		{
			const Pair *pair = &table->pair[i];

			if (pair->to < 0 || pair->to >= rows || (distinct && pair->to == r) ||
				!weights_valid(&pair->weights) || pair->weights.both > table->sum[r].both)
				return false;
			/* strongest first */
			if (i > table->start[r] && pair_compare(pair - 1, pair) >= 0)
				return false;
			if (table->support != NULL &&
				(table->support[i] < sizes->min_support || table->support[i] > sizes->sequences))
				return false;
		}
	}
	return true;
}

/* Whether tallies are possible, and add up to all events. */
static bool
tallies_valid(const Tally *tally, int32_t count, int64_t tokens)
{
	int64_t		left = tokens;

	for (int32_t i = 0; i < count; i++)
	{
		if (tally[i].events < 0 || tally[i].events > left ||
			tally[i].bought < 0 || tally[i].bought > tally[i].events ||
			tally[i].sequences < (tally[i].events > 0) || tally[i].sequences > tally[i].events ||
			!is_weight(tally[i].short_recent) || !is_weight(tally[i].long_recent))
			return false;
		left -= tally[i].events;
	}
	return left == 0;
}

static bool
periods_valid(const int64_t *period, int64_t count, int64_t tokens)
{
	int64_t		left = tokens;

	for (int64_t i = 0; i < count; i++)
	{
		if (period[i] < 0 || period[i] > left)
			return false;
		left -= period[i];
	}
	return left == 0;
}

static bool
seen_valid(const Seen *seen, int32_t items, int32_t sequences)
{
	for (int32_t i = 0; i < items; i++)
	{
		/* infinite where there is none */
		if (isnan(seen[i].first) || isnan(seen[i].last) ||
			isnan(seen[i].other_first) || isnan(seen[i].other_last) ||
			seen[i].first_sequence < -1 || seen[i].first_sequence >= sequences ||
			seen[i].last_sequence < -1 || seen[i].last_sequence >= sequences)
			return false;
	}
	return true;
}

static bool
tokens_valid(const Counts *counts)
{
	for (int64_t t = 0; t < counts->sizes.tokens; t++)
	{
		if (!isfinite(counts->token_time[t]) || counts->token_time[t] > counts->span[0] ||
			counts->token_bought[t] > 1)
			return false;
	}
	return true;
}

/* Each posting is an event of its item, the newest sequence last. */
static bool
postings_valid(const Counts *counts)
{
	const CountsSizes *sizes = &counts->sizes;

	for (int32_t item = 0; item < sizes->items; item++)
	{
		int32_t		last = -1;

		for (int64_t i = counts->posting_start[item]; i < counts->posting_start[item + 1]; i++)
		{
			const Posting *posting = &counts->posting[i];
			int64_t		start;

			if (posting->sequence <= last || posting->sequence >= sizes->sequences)
				return false;
			start = counts->sequence_start[posting->sequence];
			if (posting->position < 0 ||
				posting->position >= counts->sequence_start[posting->sequence + 1] - start ||
				counts->token[start + posting->position] != item ||
				counts->posting_time[i] != counts->token_time[start + posting->position])
				return false;
			last = posting->sequence;
		}
	}
	return true;
}

/* Whether a list is of different items, by how often each occurs of late. */
static bool
is_list_of_popular(const Counts *counts, const int32_t *list, int64_t count)
{
	for (int64_t i = 1; i < count; i++)
	{
		float		before = counts->item[list[i - 1]].long_recent;
		float		here = counts->item[list[i]].long_recent;

		if (before < here || (before == here && list[i - 1] >= list[i]))
			return false;
	}
	return true;
}

static bool
category_tops_valid(const Counts *counts)
{
	for (int32_t c = 0; c < counts->sizes.categories; c++)
	{
		int64_t		start = counts->category_top_start[c];
		int64_t		end = counts->category_top_start[c + 1];

		for (int64_t i = start; i < end; i++)
		{
			if (counts->item_category[counts->category_top[i]] != c)
				return false;
		}
		if (!is_list_of_popular(counts, counts->category_top + start, end - start))
			return false;
	}
	return true;
}

/* Whether what can be sold is listed by category, and what of it does not occur is counted. */
static bool
sale_valid(const Counts *counts)
{
	for (int32_t c = 0; c < counts->sizes.categories; c++)
	{
		int64_t		start = counts->sale_start[c];
		int32_t		untouched = 0;

		for (int64_t i = start; i < counts->sale_start[c + 1]; i++)
		{
			int32_t		item = counts->sale[i];

			if (counts->item_category[item] != c || (i > start && counts->sale[i - 1] >= item))
				return false;
			untouched += counts->item[item].events == 0;
		}
		if (counts->untouched[c] != untouched)
			return false;
	}
	return true;
}

bool
counts_sizes_valid(const CountsSizes *sizes, int32_t items, int32_t categories)
{
	return sizes->items == items && sizes->categories == categories &&
		sizes->sequences >= 0 && sizes->tokens >= 0 &&
		sizes->popular == (items < COUNTS_MAX_POPULAR ? items : COUNTS_MAX_POPULAR) &&
		sizes->item_pairs >= 0 && sizes->item_pairs <= (int64_t) items * PAIRS_MAX &&
		sizes->category_pairs >= 0 &&
		sizes->category_pairs <= (int64_t) categories * PAIRS_MAX &&
		sizes->postings >= 0 && sizes->postings <= sizes->tokens &&
		sizes->category_tops >= 0 && sizes->category_tops <= items &&
		sizes->min_support >= 1 && sizes->min_support <= COUNTS_MOST_SUPPORT &&
		sizes->on_sale >= 0 && sizes->on_sale <= items;
}

bool
counts_valid(const Counts *counts)
{
	const CountsSizes *sizes = &counts->sizes;

	/* the starts and indexes first: what comes after follows them */
	return counts->span[0] >= 1 && isfinite(counts->span[0]) &&
		indexes_valid(counts->item_category, sizes->items, sizes->categories) &&
		starts_valid(counts->posting_start, sizes->items, sizes->postings, POSTINGS_MAX) &&
		starts_valid(counts->sequence_start, sizes->sequences, sizes->tokens, INT32_MAX) &&
		indexes_valid(counts->token, sizes->tokens, sizes->items) &&
		starts_valid(counts->category_top_start, sizes->categories, sizes->category_tops,
					 COUNTS_MAX_CATEGORY_TOP) &&
		indexes_valid(counts->category_top, sizes->category_tops, sizes->items) &&
		indexes_valid(counts->popular, sizes->popular, sizes->items) &&
		starts_valid(counts->sale_start, sizes->categories, sizes->on_sale, sizes->on_sale) &&
		indexes_valid(counts->sale, sizes->on_sale, sizes->items) &&
		tallies_valid(counts->item, sizes->items, sizes->tokens) &&
		tallies_valid(counts->category, sizes->categories, sizes->tokens) &&
		periods_valid(counts->category_period, (int64_t) sizes->categories * COUNTS_PERIODS,
					  sizes->tokens) &&
		seen_valid(counts->seen, sizes->items, sizes->sequences) &&
		pairs_valid(&counts->item_pairs, sizes->items, sizes->item_pairs, sizes, true) &&
		pairs_valid(&counts->category_pairs, sizes->categories, sizes->category_pairs, sizes,
					false) &&
		tokens_valid(counts) &&
		postings_valid(counts) &&
		category_tops_valid(counts) &&
		sale_valid(counts) &&
		is_list_of_popular(counts, counts->popular, sizes->popular);
}
