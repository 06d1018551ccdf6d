/*
 * baselines_test.c
 *	  The simple methods: small data by hand, larger data against the formulas
 *	  written down plainly.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "rank/baselines.h"
#include "fixture.h"
#include "tap.h"

/* Fitted baselines and their memory. */
typedef struct Fitted
{
	Baselines	baselines;
	Ranking		ranking;
	char	   *block;
} Fitted;

static Fitted
fit(const BaselineData *data, int32_t k)
{
	Fitted		fitted = {.ranking.top = {.k = k, .heap = NEW(Scored, k)}};
	Arena		arena = {0};

	baselines_place(&fitted.baselines, &arena, data);
	fitted.block = test_alloc(arena.used);
	arena = (Arena) {fitted.block, 0};
	baselines_place(&fitted.baselines, &arena, data);
	baselines_fit(&fitted.baselines, data);
	return fitted;
}

static void
end(Fitted *fitted)
{
	free(fitted->ranking.top.heap);
	free(fitted->block);
}

/* ---------------------------------------------------------------- by hand */

#define ITEMS 5

/* Three sequences; the last event of the last one is held out. */
static const int64_t start[] = {0, 3, 5, 9};
static const int32_t item[] = {0, 1, 2, 1, 3, 0, 1, 0, 3};
static const bool held_out[9] = {[8] = true};
static const double hours[] = {8, 9, 10, 15, 20, 28, 29, 30, 31};
static const int32_t category[] = {1, 2, 2, 1, 1, 1, 1, 1, 2};
static const Dataset dataset = {.sequences = 3, .start = start, .item = item};
static const BaselineData by_hand = {
	.dataset = &dataset, .held_out = held_out, .hours = hours, .items = ITEMS,
	.category = category, .categories = 2
};

/* Ask for what follows the history of the last sequence, or what of it is left. */
static void
ask(Fitted *fitted, Baseline method, int32_t length, int32_t in_category)
{
	baselines_ask(&fitted->baselines, item + start[2], length, 2, in_category,
				  hours[start[2] + length - 1]);
	baselines_score(&fitted->baselines, method);
}

/* The ranks of all items, 0: not there. */
static void
check_ranks(Fitted *fitted, bool unseen, const int32_t want[ITEMS], const char *name)
{
	bool		right = true;

	baselines_rank(&fitted->baselines, unseen, &fitted->ranking);
	for (int32_t i = 0; i < ITEMS; i++)
		right &= ranking_find(&fitted->ranking, i) == want[i];
	if (!ok(right, "%s%s", name, unseen ? ", unseen items" : ""))
	{
		for (int32_t i = 0; i < fitted->ranking.top.count; i++)
			diag("item %d, score %g", fitted->ranking.top.heap[i].item,
				 fitted->ranking.top.heap[i].score);
	}
}

static void
check_scores(const Fitted *fitted, const double want[ITEMS], const char *name)
{
	float		got[ITEMS];

	for (int32_t i = 0; i < ITEMS; i++)
		got[i] = (float) fitted->baselines.score[i];
	ok_close(got, want, ITEMS, 1e-6, 0, "%s: scores", name);
}

#define RANKS(...) ((const int32_t[ITEMS]) {__VA_ARGS__})
#define SCORES(...) ((const double[ITEMS]) {__VA_ARGS__})

static void
check_by_hand(void)
{
	Fitted		fitted = fit(&by_hand, ITEMS);
	Fitted		short_list = fit(&by_hand, 3);
	/* STAN: weights of items 0 and 1, similarities to the two neighbours */
	double		weight = exp(-1 / 1.02);
	double		first = (1 + weight) / sqrt(3 * 3) * exp(-20 / 2400.0);
	double		second = weight / sqrt(3 * 2) * exp(-10 / 2400.0);

	/* events: 3 of item 0, 3 of 1, 1 of 2, 1 of 3 that is not held out */
	ask(&fitted, BASELINE_POPULARITY, 3, 0);
	check_ranks(&fitted, false, RANKS(2, 2, 4, 4, 0), "popularity");
	check_ranks(&fitted, true, RANKS(0, 0, 2, 2, 0), "popularity");
	/* the history is 0, 1, 0 */
	ask(&fitted, BASELINE_RECENCY, 3, 0);
	check_scores(&fitted, SCORES(2, 1), "recency");
	check_ranks(&fitted, false, RANKS(1, 2, 4, 4, 0), "recency");
	check_ranks(&fitted, true, RANKS(0, 0, 2, 2, 0), "recency");
	/* after 0 came 1 twice; 3 after 0 is held out */
	ask(&fitted, BASELINE_MARKOV, 3, 0);
	check_scores(&fitted, SCORES(0, 2), "Markov");
	check_ranks(&fitted, false, RANKS(2, 1, 4, 4, 0), "Markov");
	/* after 1 came 2, 3 and 0 once: ties do not help */
	ask(&fitted, BASELINE_MARKOV, 2, 0);
	check_scores(&fitted, SCORES(1, 0, 1, 1), "Markov, ties");
	check_ranks(&fitted, false, RANKS(3, 4, 3, 3, 0), "Markov, ties");
	check_ranks(&fitted, true, RANKS(0, 0, 2, 2, 0), "Markov, ties");
	/* the newest categories that are not held out: 1 of items 0, 1, 3; 2 of item 2 */
	ask(&fitted, BASELINE_CATEGORY, 3, 1);
	check_ranks(&fitted, false, RANKS(2, 2, 4, 3, 0), "category");
	check_ranks(&fitted, true, RANKS(0, 0, 2, 1, 0), "category");
	ask(&fitted, BASELINE_CATEGORY, 3, 2);
	check_ranks(&fitted, false, RANKS(3, 3, 1, 4, 0), "another category");
	ask(&fitted, BASELINE_CATEGORY, 3, 0);
	check_ranks(&fitted, false, RANKS(2, 2, 4, 4, 0), "no category: popularity");
	/* item 0 weighs 1, item 1 two thirds: neighbours of 5/3 and 2/3 */
	ask(&fitted, BASELINE_VSKNN, 3, 0);
	check_scores(&fitted, SCORES(5 / 3.0, 7 / 3.0, 5 / 3.0, 2 / 3.0), "VSKNN");
	check_ranks(&fitted, false, RANKS(3, 1, 3, 4, 0), "VSKNN");
	check_ranks(&fitted, true, RANKS(0, 0, 1, 2, 0), "VSKNN");
	/* the first neighbour shares 0 at its position 0, the second 1 at its position 0 */
	ask(&fitted, BASELINE_STAN, 3, 0);
	check_scores(&fitted, SCORES(first, first * exp(-1 / 2.05) + second,
								 first * exp(-2 / 2.05), second * exp(-1 / 2.05)), "STAN");
	check_ranks(&fitted, false, RANKS(1, 2, 3, 4, 0), "STAN");

	/* a list that ends among equals says that none of them is in it */
	ask(&short_list, BASELINE_MARKOV, 2, 0);
	check_ranks(&short_list, false, RANKS(3, 0, 3, 3, 0), "a short list");
	ask(&short_list, BASELINE_POPULARITY, 3, 0);
	check_ranks(&short_list, false, RANKS(2, 2, 3, 0, 0), "a short list by popularity");
	end(&fitted);
	end(&short_list);
}

/* Nothing to learn from, no categories, no times. */
static void
check_nothing(void)
{
	static const bool all_held_out[9] = {
		true, true, true, true, true, true, true, true, true
	};
	BaselineData data = by_hand;
	Fitted		fitted;
	bool		empty = true;

	data.held_out = all_held_out;
	data.hours = NULL;
	data.category = NULL;
	data.categories = 0;
	fitted = fit(&data, ITEMS);
	for (Baseline m = BASELINE_POPULARITY; m < BASELINES; m++)
	{
		ask(&fitted, m, 3, 0);
		baselines_rank(&fitted.baselines, false, &fitted.ranking);
		empty &= fitted.ranking.top.count == 0;
	}
	ok(empty, "nothing learned, nothing ranked");
	ask(&fitted, BASELINE_RECENCY, 3, 0);
	check_ranks(&fitted, false, RANKS(1, 2, 0, 0, 0), "but the history is");
	end(&fitted);
}

/* ---------------------------------------------------------------- against the formulas */

typedef struct Neighbour
{
	int32_t		session;
	double		similarity;
} Neighbour;

/* The more similar, or the newer. */
static int
compare_neighbours(const void *a, const void *b)
{
	const Neighbour *x = a;
	const Neighbour *y = b;

	if ((float) x->similarity != (float) y->similarity)
		return x->similarity > y->similarity ? -1 : 1;
	return y->session - x->session;
}

/*
 * Where events first .. end - 1 have an item last, from 1; 0: nowhere.  known:
 * also those that are held out, as in a history.
 */
static int32_t
last_place(const BaselineData *data, int64_t first, int64_t end_token, int32_t wanted,
		   bool known)
{
	for (int64_t t = end_token - 1; t >= first; t--)
	{
		if ((known || !data->held_out[t]) && data->dataset->item[t] == wanted)
			return (int32_t) (t - first) + 1;
	}
	return 0;
}

/* score[items] of VSKNN or STAN for the first `length` events of a sequence. */
static void
slow_neighbours(double *score, const BaselineData *data, int32_t sequence, int32_t length,
				bool stan)
{
	const Dataset *d = data->dataset;
	int64_t		from = d->start[sequence];
	int64_t		now = from + length;
	Neighbour  *neighbour = NEW(Neighbour, d->sequences);
	int32_t		count = 0;
	int32_t		sample = stan ? STAN_SAMPLE : VSKNN_SAMPLE;
	int32_t		nearest = stan ? STAN_NEIGHBOURS : VSKNN_NEIGHBOURS;

	for (int32_t n = d->sequences - 1; n >= 0 && count < sample; n--)
	{
		int64_t		first = d->start[n];
		int64_t		last = d->start[n + 1];
		double		similarity = 0;
		int32_t		events = 0;
		double		newest = -INFINITY;

		for (int64_t t = first; t < last; t++)
		{
			if (data->held_out[t])
				continue;
			events++;
			newest = fmax(newest, data->hours[t]);
		}
		for (int32_t i = 0; i < data->items; i++)
		{
			int32_t		place = last_place(data, from, now, i, true);

			if (place > 0 && last_place(data, first, last, i, false) > 0)
				similarity += stan ? exp((place - length) / STAN_HISTORY_DECAY)
					: place / (double) length;
		}
		if (similarity == 0 || n == sequence)
			continue;
		if (stan)
			similarity *= exp(-fabs(data->hours[now - 1] - newest) / STAN_TIME_DECAY) /
				sqrt((double) length * events);
		neighbour[count++] = (Neighbour) {n, similarity};
	}
	qsort(neighbour, (size_t) count, sizeof(Neighbour), compare_neighbours);
	memset(score, 0, sizeof(double) * (size_t) data->items);
	for (int32_t n = 0; n < count && n < nearest; n++)
	{
		int64_t		first = d->start[neighbour[n].session];
		int64_t		last = d->start[neighbour[n].session + 1];
		int32_t		shared = 0;

		for (int32_t p = length; p > 0 && shared == 0; p--)
			shared = last_place(data, first, last, d->item[from + p - 1], false);
		for (int32_t i = 0; i < data->items; i++)
		{
			int32_t		place = last_place(data, first, last, i, false);

			if (place > 0)
				score[i] += neighbour[n].similarity *
					(stan ? exp(-abs(place - shared) / STAN_NEIGHBOUR_DECAY) : 1);
		}
	}
	free(neighbour);
}

/* So many sequences that not all are sampled, nor all sampled ones neighbours. */
static void
check_against_formulas(void)
{
	enum
	{
		SEQUENCES = 7000, LONGEST = 9, ALL_ITEMS = 60
	};
	Rng			rng = test_rng(11);
	int64_t    *starts = NEW(int64_t, SEQUENCES + 1);
	int32_t    *items = NEW(int32_t, SEQUENCES * LONGEST);
	bool	   *held = NEW(bool, SEQUENCES * LONGEST);
	double	   *times = NEW(double, SEQUENCES * LONGEST);
	float		got[ALL_ITEMS];
	double		want[ALL_ITEMS];
	Dataset		random = {.sequences = SEQUENCES, .start = starts, .item = items};
	BaselineData data = {
		.dataset = &random, .held_out = held, .hours = times, .items = ALL_ITEMS
	};
	Fitted		fitted;

	starts[0] = 0;
	for (int32_t s = 0; s < SEQUENCES; s++)
	{
		starts[s + 1] = starts[s] + 2 + rng_below(&rng, LONGEST - 1);
		for (int64_t t = starts[s]; t < starts[s + 1]; t++)
		{
			/* some items are frequent */
			items[t] = (int32_t) rng_below(&rng, rng_below(&rng, ALL_ITEMS) + 1);
			held[t] = t > starts[s] && rng_below(&rng, 5) == 0;
			times[t] = s + rng_uniform(&rng);
		}
	}
	fitted = fit(&data, ALL_ITEMS);
	for (int32_t n = 0; n < 20; n++)
	{
		int32_t		sequence = (int32_t) rng_below(&rng, SEQUENCES);
		int32_t		length = (int32_t) (starts[sequence + 1] - starts[sequence]) - 1;

		baselines_ask(&fitted.baselines, items + starts[sequence], length, sequence, 0,
					  times[starts[sequence] + length - 1]);
		for (int stan = 0; stan <= 1; stan++)
		{
			baselines_score(&fitted.baselines, stan ? BASELINE_STAN : BASELINE_VSKNN);
			for (int32_t i = 0; i < ALL_ITEMS; i++)
				got[i] = (float) fitted.baselines.score[i];
			slow_neighbours(want, &data, sequence, length, stan);
			ok_close(got, want, ALL_ITEMS, 1e-4, 0, "%s of sequence %d", stan ? "STAN" : "VSKNN",
					 sequence);
		}
	}
	end(&fitted);
	free(starts);
	free(items);
	free(held);
	free(times);
}

int
main(void)
{
	check_by_hand();
	check_nothing();
	check_against_formulas();
	return done_testing();
}
