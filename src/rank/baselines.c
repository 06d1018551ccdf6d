/*
 * baselines.c
 *	  The simple methods that a model must beat, fitted by counting.
 *
 * VSKNN: Ludewig and Jannach, "Evaluation of session-based recommendation
 * algorithms", User Modeling and User-Adapted Interaction 28 (2018).
 *
 * STAN: Garg, Gupta, Malhotra, Vig and Shroff, "Sequence and time aware
 * neighborhood for session-based recommendations", SIGIR 2019.
 *
 * Both look for neighbours among the most recent sequences that share an item
 * with the history.  An item that a sequence has several times counts where it
 * occurs last.
 */
#include "rank/baselines.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "rank/sort.h"

static inline int32_t
max_int(int32_t a, int32_t b)
{
	return a > b ? a : b;
}

/* Events of the longest sequence. */
static int32_t
longest_sequence(const Dataset *dataset)
{
	int64_t		longest = 1;

	for (int32_t s = 0; s < dataset->sequences; s++)
	{
		int64_t		length = dataset->start[s + 1] - dataset->start[s];

		longest = length > longest ? length : longest;
	}
	return (int32_t) longest;
}

void
baselines_place(Baselines *baselines, Arena *arena, const BaselineData *data)
{
	const Dataset *dataset = data->dataset;
	int64_t		tokens = dataset->start[dataset->sequences];
	int32_t		longest = longest_sequence(dataset);

	baselines->items = data->items;
	baselines->sequences = dataset->sequences;
	baselines->count = ARENA_TAKE(arena, int64_t, data->items);
	baselines->popular = ARENA_TAKE(arena, Scored, data->items);
	baselines->categories = data->categories;
	baselines->category_start = ARENA_TAKE(arena, int32_t, data->categories + 2);
	baselines->in_category = ARENA_TAKE(arena, int32_t, data->items);
	baselines->follower_start = ARENA_TAKE(arena, int64_t, data->items + 1);
	baselines->follower = ARENA_TAKE(arena, int32_t, tokens);
	baselines->session_start = ARENA_TAKE(arena, int64_t, dataset->sequences + 1);
	baselines->session_item = ARENA_TAKE(arena, SessionItem, tokens);
	baselines->session_length = ARENA_TAKE(arena, int32_t, dataset->sequences);
	baselines->session_hours = data->hours == NULL ? NULL
		: ARENA_TAKE(arena, double, dataset->sequences);
	baselines->posting_start = ARENA_TAKE(arena, int64_t, data->items + 1);
	baselines->posting = ARENA_TAKE(arena, int32_t, tokens);
	baselines->distinct = ARENA_TAKE(arena, SessionItem, longest);
	baselines->place = ARENA_TAKE(arena, int32_t, data->items);
	baselines->score = ARENA_TAKE(arena, double, data->items);
	baselines->scored = ARENA_TAKE(arena, int32_t, data->items);
	baselines->weight = ARENA_TAKE(arena, double, longest);
	baselines->similarity = ARENA_TAKE(arena, double, dataset->sequences);
	baselines->candidate = ARENA_TAKE(arena, int32_t, dataset->sequences);
	baselines->recent.heap = ARENA_TAKE(arena, Scored, max_int(VSKNN_SAMPLE, STAN_SAMPLE));
	baselines->nearest.heap = ARENA_TAKE(arena, Scored,
										 max_int(VSKNN_NEIGHBOURS, STAN_NEIGHBOURS));
}

/* ---------------------------------------------------------------- learning */

/* Most frequent first, the lower item first among equals. */
static int
compare_scored(const void *a, const void *b)
{
	const Scored *x = a;
	const Scored *y = b;

	return scored_before(*y, *x) - scored_before(*x, *y);
}

static NnStatus
fit_popularity(Baselines *baselines, const BaselineData *data)
{
	const Dataset *dataset = data->dataset;
	Scored	   *spare = (Scored *) baselines->score;	/* nothing is scored yet */

	_Static_assert(sizeof(Scored) <= sizeof(double), "scores are no room to sort in");
	memset(baselines->count, 0, sizeof(int64_t) * (size_t) baselines->items);
	for (int64_t t = 0; t < dataset->start[dataset->sequences]; t++)
	{
		if (!step_go_on(&data->interrupt, t))
			return NN_CANCELLED;
		baselines->count[dataset->item[t]] += !data->held_out[t];
	}
	baselines->known = 0;
	for (int32_t i = 0; i < baselines->items; i++)
	{
		if (baselines->count[i] > 0)
			baselines->popular[baselines->known++] = (Scored) {i, (float) baselines->count[i]};
	}
	return sort_elements(baselines->popular, spare, (size_t) baselines->known, sizeof(Scored),
						 compare_scored, &data->interrupt);
}

/* Items by their newest category that is learned from. */
static NnStatus
fit_categories(Baselines *baselines, const BaselineData *data)
{
	const Dataset *dataset = data->dataset;
	int32_t    *category = baselines->scored;
	int32_t    *start = baselines->category_start;

	memset(start, 0, sizeof(int32_t) * ((size_t) baselines->categories + 2));
	if (data->category == NULL)
		return NN_OK;
	memset(category, 0, sizeof(int32_t) * (size_t) baselines->items);
	for (int64_t t = 0; t < dataset->start[dataset->sequences]; t++)
	{
		if (!step_go_on(&data->interrupt, t))
			return NN_CANCELLED;
		if (!data->held_out[t] && data->category[t] != 0)
			category[dataset->item[t]] = data->category[t];
	}
	for (int32_t i = 0; i < baselines->known; i++)
		start[category[baselines->popular[i].item] + 1]++;
	for (int32_t c = 0; c <= baselines->categories; c++)
		start[c + 1] += start[c];
	for (int32_t i = 0; i < baselines->known; i++)
	{
		int32_t		item = baselines->popular[i].item;

		baselines->in_category[start[category[item]]++] = item;
	}
	/* each start is now the next one's */
	for (int32_t c = baselines->categories + 1; c > 0; c--)
		start[c] = start[c - 1];
	start[0] = 0;
	return NN_OK;
}

/*
 * Turn counts in start[1 ..] into places: start[i] is where the list of i
 * begins, and is moved on by each entry that is put there.
 */
static void
begin_lists(int64_t *start, int32_t lists)
{
	for (int32_t i = 0; i < lists; i++)
		start[i + 1] += start[i];
}

/* All entries are put: move the starts back. */
static void
end_lists(int64_t *start, int32_t lists)
{
	for (int32_t i = lists; i > 0; i--)
		start[i] = start[i - 1];
	start[0] = 0;
}

static NnStatus
fit_followers(Baselines *baselines, const BaselineData *data)
{
	const Dataset *dataset = data->dataset;
	int64_t    *start = baselines->follower_start;

	memset(start, 0, sizeof(int64_t) * ((size_t) baselines->items + 1));
	for (int32_t s = 0; s < dataset->sequences; s++)
	{
		for (int64_t t = dataset->start[s] + 1; t < dataset->start[s + 1]; t++)
		{
			if (!step_go_on(&data->interrupt, t))
				return NN_CANCELLED;
			start[dataset->item[t - 1] + 1] += !data->held_out[t];
		}
	}
	begin_lists(start, baselines->items);
	for (int32_t s = 0; s < dataset->sequences; s++)
	{
		for (int64_t t = dataset->start[s] + 1; t < dataset->start[s + 1]; t++)
		{
			if (!step_go_on(&data->interrupt, t))
				return NN_CANCELLED;
			if (!data->held_out[t])
				baselines->follower[start[dataset->item[t - 1]]++] = dataset->item[t];
		}
	}
	end_lists(start, baselines->items);
	return NN_OK;
}

/* What each sequence has, and which sequences have each item, the newest last. */
static NnStatus
fit_sessions(Baselines *baselines, const BaselineData *data)
{
	const Dataset *dataset = data->dataset;
	int32_t    *session_of = baselines->scored; /* [items] the last one, from 1 */
	int64_t    *start = baselines->posting_start;
	int64_t		count = 0;

	memset(session_of, 0, sizeof(int32_t) * (size_t) baselines->items);
	memset(start, 0, sizeof(int64_t) * ((size_t) baselines->items + 1));
	for (int32_t s = 0; s < dataset->sequences; s++)
	{
		int64_t		first = dataset->start[s];
		int32_t		length = 0;

		baselines->session_start[s] = count;
		if (baselines->session_hours != NULL)
			baselines->session_hours[s] = -INFINITY;
		for (int64_t t = dataset->start[s + 1] - 1; t >= first; t--)
		{
			int32_t		item = dataset->item[t];

			if (!step_go_on(&data->interrupt, t))
				return NN_CANCELLED;
			if (data->held_out[t])
				continue;
			length++;
			if (baselines->session_hours != NULL)
				baselines->session_hours[s] = fmax(baselines->session_hours[s], data->hours[t]);
			if (session_of[item] == s + 1)
				continue;
			session_of[item] = s + 1;
			start[item + 1]++;
			baselines->session_item[count++] = (SessionItem) {item, (int32_t) (t - first)};
		}
		baselines->session_length[s] = length;
	}
	baselines->session_start[dataset->sequences] = count;

	begin_lists(start, baselines->items);
	for (int32_t s = 0; s < dataset->sequences; s++)
	{
		for (int64_t i = baselines->session_start[s]; i < baselines->session_start[s + 1]; i++)
		{
			if (!step_go_on(&data->interrupt, i))
				return NN_CANCELLED;
			baselines->posting[start[baselines->session_item[i].item]++] = s;
		}
	}
	end_lists(start, baselines->items);
	return NN_OK;
}

NnStatus
baselines_fit(Baselines *baselines, const BaselineData *data)
{
	if (fit_popularity(baselines, data) != NN_OK || fit_categories(baselines, data) != NN_OK ||
		fit_followers(baselines, data) != NN_OK || fit_sessions(baselines, data) != NN_OK)
		return NN_CANCELLED;
	baselines->distinct_count = 0;
	baselines->scored_count = 0;
	memset(baselines->place, 0, sizeof(int32_t) * (size_t) baselines->items);
	memset(baselines->score, 0, sizeof(double) * (size_t) baselines->items);
	memset(baselines->similarity, 0, sizeof(double) * (size_t) baselines->sequences);
	return NN_OK;
}

/* ---------------------------------------------------------------- scores */

void
baselines_ask(Baselines *baselines, const int32_t *item, int32_t length,
			  int32_t sequence, int32_t category, double hours)
{
	for (int32_t i = 0; i < baselines->distinct_count; i++)
		baselines->place[baselines->distinct[i].item] = 0;
	baselines->length = length;
	baselines->sequence = sequence;
	baselines->category = category;
	baselines->hours = hours;
	baselines->distinct_count = 0;
	for (int32_t i = length - 1; i >= 0; i--)
	{
		if (baselines->place[item[i]] > 0)
			continue;
		baselines->distinct[baselines->distinct_count++] = (SessionItem) {item[i], i};
		baselines->place[item[i]] = baselines->distinct_count;
	}
}

static inline void
add_score(Baselines *baselines, int32_t item, double score)
{
	if (!(score > 0))
		return;
	if (baselines->score[item] == 0)
		baselines->scored[baselines->scored_count++] = item;
	baselines->score[item] += score;
}

static void
score_recency(Baselines *baselines)
{
	for (int32_t i = 0; i < baselines->distinct_count; i++)
		add_score(baselines, baselines->distinct[i].item,
				  (float) (baselines->distinct_count - i));
}

static void
score_category(Baselines *baselines)
{
	int32_t		category = baselines->category;

	if (category == 0)
		return;
	for (int32_t i = baselines->category_start[category];
		 i < baselines->category_start[category + 1]; i++)
		add_score(baselines, baselines->in_category[i],
				  (float) baselines->count[baselines->in_category[i]]);
}

static void
score_markov(Baselines *baselines)
{
	int32_t		last = baselines->distinct[0].item;

	for (int64_t i = baselines->follower_start[last];
		 i < baselines->follower_start[last + 1]; i++)
		add_score(baselines, baselines->follower[i], 1);
}

/* ---------------------------------------------------------------- neighbours */

/*
 * In the heaps of neighbours a sequence goes by its distance from the newest,
 * so that of equally good ones the newer comes first; and back.
 */
static inline int32_t
age_of_session(const Baselines *baselines, int32_t session)
{
	return baselines->sequences - 1 - session;
}

/*
 * Collect the `sample` newest sequences that share an item with the history in
 * baselines->recent, with the sum of the weights of the items they share in
 * similarity[].  No more than the `sample` newest of an item's sequences can be
 * among them.
 */
static void
sample_sessions(Baselines *baselines, int32_t sample)
{
	TopK	   *recent = &baselines->recent;
	int32_t		candidates = 0;

	for (int32_t i = 0; i < baselines->distinct_count; i++)
	{
		int32_t		item = baselines->distinct[i].item;
		int64_t		first = baselines->posting_start[item];
		int32_t		taken = 0;

		for (int64_t p = baselines->posting_start[item + 1] - 1;
			 p >= first && taken < sample; p--)
		{
			int32_t		session = baselines->posting[p];

			if (session == baselines->sequence)
				continue;
			taken++;
			if (baselines->similarity[session] == 0)
				baselines->candidate[candidates++] = session;
			baselines->similarity[session] += baselines->weight[i];
		}
	}
	recent->k = sample;
	recent->count = 0;
	for (int32_t c = 0; c < candidates; c++)
		topk_offer(recent, (Scored) {age_of_session(baselines, baselines->candidate[c]), 0});
	for (int32_t r = 0; r < recent->count; r++)
	{
		int32_t		session = age_of_session(baselines, recent->heap[r].item);

		recent->heap[r].score = (float) baselines->similarity[session];
	}
	for (int32_t c = 0; c < candidates; c++)
		baselines->similarity[baselines->candidate[c]] = 0;
}

/* The sampled sequences of the highest similarity. */
static void
choose_neighbours(Baselines *baselines, int32_t neighbours)
{
	baselines->nearest.k = neighbours;
	baselines->nearest.count = 0;
	for (int32_t r = 0; r < baselines->recent.count; r++)
		topk_offer(&baselines->nearest, baselines->recent.heap[r]);
	topk_sort(&baselines->nearest);
}

/*
 * VSKNN: the similarity is the product of the neighbour's binary vector and the
 * history's, whose weights fall linearly from its end to its beginning; an item
 * scores the sum of the similarities of the neighbours that have it.
 */
static void
score_vsknn(Baselines *baselines)
{
	for (int32_t i = 0; i < baselines->distinct_count; i++)
		baselines->weight[i] = (baselines->distinct[i].position + 1) /
			(double) baselines->length;
	sample_sessions(baselines, VSKNN_SAMPLE);
	choose_neighbours(baselines, VSKNN_NEIGHBOURS);
	for (int32_t n = 0; n < baselines->nearest.count; n++)
	{
		Scored		neighbour = baselines->nearest.heap[n];
		int32_t		session = age_of_session(baselines, neighbour.item);

		for (int64_t i = baselines->session_start[session];
			 i < baselines->session_start[session + 1]; i++)
			add_score(baselines, baselines->session_item[i].item, neighbour.score);
	}
}

/* Where a sequence has the newest item of the history that it has. */
static int32_t
shared_position(const Baselines *baselines, int32_t session)
{
	int32_t		newest = baselines->distinct_count + 1;
	int32_t		position = 0;

	for (int64_t i = baselines->session_start[session];
		 i < baselines->session_start[session + 1]; i++)
	{
		SessionItem at = baselines->session_item[i];
		int32_t		place = baselines->place[at.item];

		if (place > 0 && place < newest)
		{
			newest = place;
			position = at.position;
		}
	}
	return position;
}

/*
 * STAN: items weigh exp((position - length) / lambda 1); the similarity is the
 * cosine of the weighted history and the neighbour, with the lengths for their
 * norms, times exp(-hours between them / lambda 2); an item scores the sum of
 * similarity times exp(-distance / lambda 3), the distance being that from the
 * newest item shared, in the neighbour.
 */
static void
score_stan(Baselines *baselines)
{
	for (int32_t i = 0; i < baselines->distinct_count; i++)
		baselines->weight[i] = exp((baselines->distinct[i].position + 1 -
									baselines->length) / STAN_HISTORY_DECAY);
	sample_sessions(baselines, STAN_SAMPLE);
	for (int32_t r = 0; r < baselines->recent.count; r++)
	{
		Scored	   *candidate = &baselines->recent.heap[r];
		int32_t		session = age_of_session(baselines, candidate->item);

		candidate->score /= sqrtf((float) baselines->length *
								  (float) baselines->session_length[session]);
		if (baselines->session_hours != NULL)
			candidate->score *= (float) exp(-fabs(baselines->hours -
												  baselines->session_hours[session]) /
											STAN_TIME_DECAY);
	}
	choose_neighbours(baselines, STAN_NEIGHBOURS);
	for (int32_t n = 0; n < baselines->nearest.count; n++)
	{
		Scored		neighbour = baselines->nearest.heap[n];
		int32_t		session = age_of_session(baselines, neighbour.item);
		int32_t		shared = shared_position(baselines, session);

		for (int64_t i = baselines->session_start[session];
			 i < baselines->session_start[session + 1]; i++)
		{
			SessionItem at = baselines->session_item[i];
			int32_t		distance = abs(at.position - shared);

			add_score(baselines, at.item,
					  neighbour.score * exp(-distance / STAN_NEIGHBOUR_DECAY));
		}
	}
}

void
baselines_score(Baselines *baselines, Baseline method)
{
	for (int32_t i = 0; i < baselines->scored_count; i++)
		baselines->score[baselines->scored[i]] = 0;
	baselines->scored_count = 0;
	switch (method)
	{
		case BASELINE_RECENCY:
			score_recency(baselines);
			break;
		case BASELINE_CATEGORY:
			score_category(baselines);
			break;
		case BASELINE_MARKOV:
			score_markov(baselines);
			break;
		case BASELINE_VSKNN:
			score_vsknn(baselines);
			break;
		case BASELINE_STAN:
			score_stan(baselines);
			break;
		case BASELINE_POPULARITY:
		case BASELINES:
			break;				/* all are ranked by popularity */
	}
}

/* ---------------------------------------------------------------- ranks */

void
baselines_rank(Baselines *baselines, bool unseen, Ranking *ranking)
{
	TopK	   *top = &ranking->top;

	top->count = 0;
	for (int32_t i = 0; i < baselines->scored_count; i++)
	{
		int32_t		item = baselines->scored[i];

		if (!unseen || baselines->place[item] == 0)
			topk_offer(top, (Scored) {item, (float) baselines->score[item]});
	}
	topk_sort(top);
	ranking->own = top->count;
	for (int32_t i = 0; i < baselines->known && top->count < top->k; i++)
	{
		int32_t		item = baselines->popular[i].item;

		if (baselines->score[item] == 0 && (!unseen || baselines->place[item] == 0))
			top->heap[top->count++] = baselines->popular[i];
	}
}

int32_t
ranking_find(const Ranking *ranking, int32_t item)
{
	const Scored *scored = ranking->top.heap;
	int32_t		rank = 0;

	while (rank < ranking->top.count && scored[rank].item != item)
		rank++;
	if (rank == ranking->top.count)
		return 0;
	rank++;
	while (rank < ranking->top.count && rank != ranking->own &&
		   scored[rank].score == scored[rank - 1].score)
		rank++;
	return rank;
}
