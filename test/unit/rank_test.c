/*
 * rank_test.c
 *	  The second stage: counts by hand, features by their definitions, evidence of
 *	  enough visitors, rankers that learn, and votes.
 */
#include "fixture.h"
#include "model/rank_fit.h"
#include "model/both_stages.h"
#include "rank/ranker_train.h"
#include "rank/sort.h"
#include "slow_features.h"
#include "tap.h"

static Pool pool;
static const Allocator from_pool = {pool_allocate, &pool};
static const Interrupt never = {NULL, NULL};

#define ITEMS 6
#define CATEGORIES 3

static const int32_t item_category[ITEMS] = {1, 1, 2, 2, 0, 1};

/* Sequences by hand: items, purchases, hours. */
static const int64_t hand_start[] = {0, 3, 5, 9, 10};
static const int32_t hand_item[] = {0, 1, 0, 0, 2, 1, 2, 3, 1, 5};
static const int32_t hand_category[] = {1, 1, 1, 1, 2, 1, 2, 2, 1, 1};
static const bool hand_bought[] = {false, true, true, false, true, false, false, true, true, false};
static const double hand_hours[] = {0, 1, 2, 3, 4, 1, 2, 5, 8, 10};

static const Dataset hand_dataset = {
	.sequences = 4, .start = hand_start, .item = hand_item,
	.features = 1, .feature = {hand_category}
};
static const EventData hand_events = {&hand_dataset, hand_bought, hand_hours};
static const CountsData hand_data = {&hand_events, ITEMS, CATEGORIES, item_category, 1, NULL};

static const Pair *
find_pair(const PairTable *table, int32_t from, int32_t to)
{
	for (int64_t i = table->start[from]; i < table->start[from + 1]; i++)
	{
		if (table->pair[i].to == to)
			return &table->pair[i];
	}
	return NULL;
}

static bool
near(double a, double b)
{
	return fabs(a - b) < 1e-5;
}

static bool
weights_are(PairWeights weights, double adjacent, double after, double both, double bought)
{
	return near(weights.adjacent, adjacent) && near(weights.after, after) &&
		near(weights.both, both) && near(weights.bought, bought);
}

static void
check_counts(void)
{
	Counts		counts;
	const Pair *pair;

	ok(counts_build(&counts, &hand_data, &from_pool, &from_pool, &never) == NN_OK &&
	   counts_valid(&counts), "counts are built");
	ok(counts.sizes.tokens == 10 && counts.sizes.sequences == 4 && counts.span[0] == 10,
	   "sizes and span");

	/* 0 1 0: 1 right after 0, and before it; both purchases once.  1 2 3 1: none of 0 */
	pair = find_pair(&counts.item_pairs, 0, 1);
	ok(pair != NULL && weights_are(pair->weights, 1, 1, 2, 1), "pair of 0 and 1");
	/* sequence 0 has 2 right after 0; sequence 2 not */
	pair = find_pair(&counts.item_pairs, 0, 2);
	ok(pair != NULL && weights_are(pair->weights, 1, 1, 1, 0), "pair of 0 and 2");
	/* 1 2 3 1: 2 after 1 at 1, before the other 1 at 2; 3 after 1 at 2, before at 1 */
	pair = find_pair(&counts.item_pairs, 1, 2);
	ok(pair != NULL && weights_are(pair->weights, 1, 1, 1.5, 0), "pair of 1 and 2");
	pair = find_pair(&counts.item_pairs, 1, 3);
	ok(pair != NULL && weights_are(pair->weights, 0, 0.5, 1.5, 1), "pair of 1 and 3");
	ok(find_pair(&counts.item_pairs, 1, 1) == NULL && find_pair(&counts.item_pairs, 0, 3) == NULL,
	   "no pair with itself, none across sequences");
	ok(weights_are(counts.item_pairs.sum[0], 2, 2, 3, 1), "sum of the pairs of 0");
	/* of categories only forward: 1 -> 1 twice in the first sequence (0 1, 1 0; not 0 0) */
	pair = find_pair(&counts.category_pairs, 1, 1);
	ok(pair != NULL && near(pair->weights.after, 2), "pair of a category with itself");
	pair = find_pair(&counts.category_pairs, 1, 2);
	ok(pair != NULL && near(pair->weights.after, 1 + 1 + 0.5), "pair of two categories");

	ok(counts.item[0].events == 3 && counts.item[0].sequences == 2 &&
	   counts.item[0].bought == 1, "tally of 0");
	ok(near(counts.item[5].long_recent, 1), "an event of the last hour counts in full");
	ok(near(counts.item[3].short_recent, exp2(-0.5 / COUNTS_SHORT_HALF_LIFE)),
	   "an older one by its age");
	ok(counts.category[1].events == 7 && counts.category[0].events == 0,
	   "tally of categories");
	ok(counts.posting_start[1] - counts.posting_start[0] == 2 &&
	   counts.posting[counts.posting_start[0]].sequence == 0 &&
	   counts.posting[counts.posting_start[0]].position == 2 &&
	   counts.posting[counts.posting_start[0] + 1].sequence == 1,
	   "the sequences of 0, with its last position in each");
	ok(counts.popular[0] == 5 && counts.category_top[counts.category_top_start[1]] == 5,
	   "the most popular lately");
	pool_free(&pool);
}

/* ------------------------------------------------------------------ many */

/* Whether memory is the sanitizer's, which would take too much of it. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED true
#else
#define SANITIZED false
#endif

/* More sequences than a float can count, each of the same item. */
static void
check_many_sequences(void)
{
	const int32_t sequences = (1 << 24) + 1000;
	int64_t		posting_start[3];
	int64_t		room[2];
	int32_t		last[2];
	Posting		posting[2 * POSTINGS_MAX];
	int64_t    *start;
	int32_t    *item;
	Dataset		dataset = {.sequences = sequences};
	bool		newest = true;

	if (SANITIZED)
		return;
	dataset.start = start = NEW(int64_t, sequences + 1);
	dataset.item = item = NEW(int32_t, sequences);
	for (int32_t s = 0; s <= sequences; s++)
		start[s] = s;
	memset(item, 0, (size_t) sequences * sizeof(int32_t));
	item[sequences - 1] = 1;
	ok(postings_measure(posting_start, last, &dataset, 2, &never) == NN_OK &&
	   posting_start[1] == POSTINGS_MAX && posting_start[2] == POSTINGS_MAX + 1,
	   "%d sequences of one item: %d are kept", sequences, POSTINGS_MAX);
	postings_list(posting, posting_start, room, last, &dataset, 2, &never);
	for (int32_t i = 0; i < POSTINGS_MAX; i++)
		newest &= posting[i].sequence == sequences - 1 - POSTINGS_MAX + i && posting[i].position == 0;
	ok(newest && posting[POSTINGS_MAX].sequence == sequences - 1, "the newest of them");
	free(start);
	free(item);
}

/* An item in more sequences than are kept, several times in each. */
static void
check_truncated_postings(void)
{
	enum
	{
		SEQUENCES = POSTINGS_MAX + 20, LENGTH = 4
	};
	static const int32_t pattern[LENGTH] = {0, 1, 0, 2};
	int64_t		start[SEQUENCES + 1];
	int32_t		item[SEQUENCES * LENGTH];
	Dataset		dataset = {.sequences = SEQUENCES, .start = start, .item = item};
	EventData	events = {&dataset, NULL, NULL};
	const int32_t no_category[3] = {0};
	CountsData	data = {&events, 3, 1, no_category, 1, NULL};
	Counts		counts;
	bool		right = true;

	for (int32_t s = 0; s <= SEQUENCES; s++)
		start[s] = s * LENGTH;
	for (int32_t t = 0; t < SEQUENCES * LENGTH; t++)
		item[t] = pattern[t % LENGTH];
	counts_build(&counts, &data, &from_pool, &from_pool, &never);
	for (int32_t i = 0; i < 3; i++)
	{
		right &= counts.posting_start[i + 1] - counts.posting_start[i] == POSTINGS_MAX;
		for (int32_t p = 0; p < POSTINGS_MAX; p++)
		{
			const Posting *posting = &counts.posting[counts.posting_start[i] + p];

			right &= posting->sequence == SEQUENCES - POSTINGS_MAX + p &&
				posting->position == (i == 0 ? 2 : i == 1 ? 1 : 3);
		}
	}
	ok(right && counts_valid(&counts), "of %d sequences the newest %d are kept, by their last events",
	   (int) SEQUENCES, POSTINGS_MAX);
	ok(counts.item[0].events == 2 * SEQUENCES && counts.sizes.postings == 3 * POSTINGS_MAX,
	   "events are counted all the same");
	pool_free(&pool);
}

/* Answers no from its n-th question on. */
typedef struct Patience
{
	int			left;
	int			asked;
} Patience;

static bool
lose_patience(void *context)
{
	Patience   *patience = context;

	patience->asked++;
	return --patience->left >= 0;
}

/*
 * Long sequences of few items are counted in linear time, and whatever takes
 * long asks: some times each hundred thousand events.
 */
static void
check_questions(void)
{
	enum
	{
		SEQUENCES = 200, LENGTH = 2000, ITEMS_OF_IT = 3
	};
	int64_t    *start = NEW(int64_t, SEQUENCES + 1);
	int32_t    *item = NEW(int32_t, SEQUENCES * LENGTH);
	const int32_t no_category[ITEMS_OF_IT] = {0};
	Dataset		dataset = {.sequences = SEQUENCES, .start = start, .item = item};
	EventData	events = {&dataset, NULL, NULL};
	CountsData	data = {&events, ITEMS_OF_IT, 1, no_category, 1, NULL};
	Patience	patience = {INT32_MAX, 0};
	Interrupt	interrupt = {lose_patience, &patience};
	int			asked;
	bool		cancelled = true;
	Counts		counts;

	for (int32_t s = 0; s <= SEQUENCES; s++)
		start[s] = (int64_t) s * LENGTH;
	for (int32_t t = 0; t < SEQUENCES * LENGTH; t++)
		item[t] = t * 7 % 11 % ITEMS_OF_IT;
	ok(counts_build(&counts, &data, &from_pool, &from_pool, &interrupt) == NN_OK,
	   "long sequences are counted");
	asked = patience.asked;
	ok(asked >= 10 * (SEQUENCES * LENGTH / STEPS_A_QUESTION), "with %d questions whether to go on", asked);
	pool_free(&pool);
	for (int n = 0; n < asked; n += 1 + asked / 60)
	{
		patience = (Patience) {n, 0};
		cancelled &= counts_build(&counts, &data, &from_pool, &from_pool, &interrupt) == NN_CANCELLED;
		pool_free(&pool);
	}
	ok(cancelled, "whichever is answered no ends it");
	free(start);
	free(item);
}

/* Counts again without a sequence are what counts of the others are, byte for byte. */
static void
check_without(const CountsData *data, int32_t removed_one, const char *what)
{
	const EventData *events = data->events;
	const Dataset *dataset = events->dataset;
	int64_t		from = dataset->start[removed_one];
	int64_t		length = dataset->start[removed_one + 1] - from;
	int64_t		left = dataset->start[dataset->sequences] - length;
	int64_t    *start = NEW(int64_t, dataset->sequences);
	int32_t    *item = NEW(int32_t, left);
	double	   *hours = NEW(double, left);
	bool	   *bought = NEW(bool, left);
	bool	   *removed = calloc((size_t) dataset->sequences, sizeof(bool));
	Dataset		others = {.sequences = dataset->sequences - 1, .start = start, .item = item};
	EventData	other_events = {
		&others, events->bought != NULL ? bought : NULL, events->hours != NULL ? hours : NULL
	};
	CountsData	other_data = *data;
	Counts		all;
	Counts		by_removing;
	Counts		by_counting;
	Arena		measure = {0};
	Counts		place;

	removed[removed_one] = true;
	for (int32_t s = 0; s < dataset->sequences; s++)
		start[s] = dataset->start[s <= removed_one ? s : s + 1] - (s <= removed_one ? 0 : length);
	for (int64_t t = 0; t < left; t++)
	{
		int64_t		u = t < from ? t : t + length;

		item[t] = dataset->item[u];
		hours[t] = events->hours != NULL ? events->hours[u] : 0;
		bought[t] = events->bought != NULL && events->bought[u];
	}
	other_data.events = &other_events;
	counts_build(&all, data, &from_pool, &from_pool, &never);
	ok(counts_without(&by_removing, &all, removed, events->bought != NULL, data->unavailable,
					  &from_pool, &from_pool, &never) == NN_OK &&
	   counts_build(&by_counting, &other_data, &from_pool, &from_pool, &never) == NN_OK,
	   "%s: counted without a sequence, and of the others", what);
	counts_place(&place, &measure, &by_counting.sizes);
	ok(memcmp(&by_removing.sizes, &by_counting.sizes, sizeof(CountsSizes)) == 0 &&
	   memcmp(by_removing.span, by_counting.span, measure.used) == 0 && counts_valid(&by_removing),
	   "%s: both are the same %d bytes", what, (int) measure.used);
	ok(memcmp(&all.sizes, &by_removing.sizes, sizeof(CountsSizes)) != 0, "%s: it was counted before", what);
	pool_free(&pool);
	free(start);
	free(item);
	free(hours);
	free(bought);
	free(removed);
}

static void
check_forgetting(void)
{
	EventData	no_kinds = {&hand_dataset, NULL, hand_hours};
	EventData	no_times = {&hand_dataset, hand_bought, NULL};
	uint8_t		unavailable[] = {4};
	CountsData	data = hand_data;

	for (int32_t s = 0; s < hand_dataset.sequences; s++)
		check_without(&hand_data, s, "by hand");
	data.min_support = 2;
	data.unavailable = unavailable;
	check_without(&data, 2, "with a catalog and support");
	data.events = &no_kinds;
	check_without(&data, 1, "without kinds");
	data.events = &no_times;
	check_without(&data, 0, "without times");
}

static int
compare_integers(const void *a, const void *b)
{
	int32_t		x = *(const int32_t *) a;
	int32_t		y = *(const int32_t *) b;

	return (x > y) - (x < y);
}

static void
check_sort(void)
{
	static const int32_t lengths[] = {0, 1, 2, 8191, 8192, 8193, 16385, 100000};
	Rng			rng = test_rng(11);

	for (size_t l = 0; l < sizeof(lengths) / sizeof(lengths[0]); l++)
	{
		int32_t		count = lengths[l];
		int32_t    *value = NEW(int32_t, count + 1);
		int32_t    *expected = NEW(int32_t, count + 1);
		int32_t    *spare = NEW(int32_t, count + 1);
		Patience	patience = {1, 0};
		Interrupt	interrupt = {lose_patience, &patience};

		for (int32_t i = 0; i < count; i++)
			value[i] = expected[i] = (int32_t) rng_below(&rng, 5000) - 2500;
		qsort(expected, (size_t) count, sizeof(int32_t), compare_integers);
		sort_elements(value, spare, (size_t) count, sizeof(int32_t), compare_integers, &never);
		ok(count == 0 || memcmp(value, expected, (size_t) count * sizeof(int32_t)) == 0,
		   "%d numbers are sorted", count);
		if (count > 16384)
			ok(sort_elements(value, spare, (size_t) count, sizeof(int32_t), compare_integers,
							 &interrupt) == NN_CANCELLED, "sorting them is cancelled");
		free(value);
		free(expected);
		free(spare);
	}
}

/* ------------------------------------------------------------------ support */

/* What one visitor alone did is neither used nor shown; what two did is. */
static void
check_support(void)
{
	/* 0 1 by three visitors, 0 2 by one, 0 3 by two; 4 is one visitor's alone */
	static const int64_t start[] = {0, 2, 4, 6, 8, 10, 13};
	static const int32_t item[] = {0, 1, 0, 1, 0, 1, 0, 3, 0, 3, 0, 2, 4};
	static const int32_t one_category[5] = {1, 1, 1, 1, 1};
	static const int32_t seen[] = {0};
	static const int32_t category[] = {1};
	Dataset		dataset = {.sequences = 6, .start = start, .item = item};
	EventData	events = {&dataset, NULL, NULL};
	Candidate	candidate[CANDIDATES_MAX];
	float	   *features = NEW(float, CANDIDATES_MAX * RANK_FEATURES);

	for (int32_t least = 1; least <= 4; least++)
	{
		CountsData	data = {&events, 5, 2, one_category, least, NULL};
		RankHistory history = {.length = 1, .item = seen, .category = category, .own_sequence = -1};
		Counts		counts;
		Arena		arena = {0};
		CandidateWork *work;
		bool		found[5] = {false};
		bool		evidence = true;
		int32_t		count;

		counts_build(&counts, &data, &from_pool, &from_pool, &never);
		candidates_place(&arena);
		arena = (Arena) {.base = pool_allocate(&pool, arena.used)};
		work = candidates_place(&arena);
		candidates_start(work);
		count = candidates_find(work, &counts, &history, NULL, candidate, features);
		for (int32_t c = 0; c < count; c++)
		{
			const float *x = features + c * RANK_FEATURES;
			bool		said = x[LAST_AFTER] > 0 || x[ALL_BOTH] > 0 || x[NEIGHBOURS] > 0;

			found[candidate[c].item] = true;
			evidence &= candidate[c].item == 0 || said == (candidate[c].reason == REASON_FOLLOWS);
		}
		ok(counts_valid(&counts) && evidence, "support %d: what is shown is what is used", least);
		ok(found[0] && found[1] == (least <= 3) && found[3] == (least <= 2) &&
		   found[2] == (least == 1) && found[4] == (least == 1),
		   "support %d: candidates that so many visitors had", least);
		/* as an example, the last visitor but one: 0 3 has one visitor more than without */
		history.own_sequence = 4;
		count = candidates_find(work, &counts, &history, NULL, candidate, features);
		found[3] = false;
		for (int32_t c = 0; c < count; c++)
			found[3] |= candidate[c].item == 3;
		ok(found[3] == (least == 1), "support %d: an example's own sequence does not count", least);
		pool_free(&pool);
	}
	free(features);
}

/* ------------------------------------------------------------------ examples */

#define SEQUENCES 60
#define SHOP_ITEMS 25
#define SHOP_CATEGORIES 5
#define OWN_ONLY 15				/* sequence that alone has the last item but one */

/* Random sequences with kinds and times, and their counts. */
typedef struct Shop
{
	Config		config;
	TestData	data;
	bool	   *bought;
	double	   *hours;
	int32_t		category[SHOP_ITEMS];
	uint8_t		unavailable[SHOP_ITEMS / 8 + 1];	/* none is */
	EventData	events;
	Counts		counts;
	CandidateWork *work;
} Shop;

static void
open_shop(Shop *shop)
{
	Rng			rng = test_rng(3);
	Arena		arena = {0};
	CountsData	data;
	int64_t		tokens;

	memset(shop->unavailable, 0, sizeof(shop->unavailable));
	shop->config = (Config) {
		.items = SHOP_ITEMS, .features = 1, .feature_values = {SHOP_CATEGORIES}
	};
	shop->data = data_random(&shop->config, SEQUENCES, 2, 9, false, &rng);
	tokens = shop->data.start[SEQUENCES];
	shop->bought = NEW(bool, tokens);
	shop->hours = NEW(double, tokens);
	for (int32_t i = 0; i < SHOP_ITEMS; i++)
		shop->category[i] = i % SHOP_CATEGORIES;
	/* some events are at once, or minutes apart; sequences never */
	for (int32_t s = 0; s < SEQUENCES; s++)
	{
		for (int64_t t = shop->data.start[s]; t < shop->data.start[s + 1]; t++)
			shop->hours[t] = (t == 0 ? 0 : shop->hours[t - 1]) + 0.3 * (double) rng_below(&rng, 5) +
				(t == shop->data.start[s]);
	}
	for (int64_t t = 0; t < tokens; t++)
	{
		shop->bought[t] = rng_below(&rng, 3) == 0;
		/* some items come again at once */
		if (t > 0 && rng_below(&rng, 5) == 0)
			shop->data.item[t] = shop->data.item[t - 1];
		/* nobody touches the last item, and but one sequence that before it, at its end */
		if (shop->data.item[t] >= SHOP_ITEMS - 2)
			shop->data.item[t] -= 2;
	}
	shop->data.item[shop->data.start[OWN_ONLY + 1] - 1] = SHOP_ITEMS - 2;
	shop->data.item[shop->data.start[OWN_ONLY + 1] - 4] = SHOP_ITEMS - 2 - SHOP_CATEGORIES;
	for (int64_t t = 0; t < tokens; t++)
		shop->data.feature[0][t] = shop->category[shop->data.item[t]];
	shop->events = (EventData) {&shop->data.dataset, shop->bought, shop->hours};
	data = (CountsData) {
		&shop->events, SHOP_ITEMS, SHOP_CATEGORIES, shop->category, 1, shop->unavailable
	};
	counts_build(&shop->counts, &data, &from_pool, &from_pool, &never);
	candidates_place(&arena);
	arena = (Arena) {.base = pool_allocate(&pool, arena.used)};
	shop->work = candidates_place(&arena);
	candidates_start(shop->work);
}

static void
close_shop(Shop *shop)
{
	pool_free(&pool);
	free(shop->bought);
	free(shop->hours);
	data_free(&shop->data);
}

/* Features that were something other than 0. */
static bool occurred[RANK_FEATURES];

/* Compare the features of all candidates of a history with the slow ones; how many differ. */
static int
compare_features(const Shop *shop, const RankHistory *history, float *features, int *compared)
{
	SlowFeatures slow = slow_features_begin(&shop->events, shop->category, SHOP_ITEMS, history);
	Candidate	candidate[CANDIDATES_MAX];
	int32_t		count = candidates_find(shop->work, &shop->counts, history, NULL, candidate,
										features);
	int			wrong = 0;

	for (int32_t c = 0; c < count; c++)
	{
		double		expected[RANK_FEATURES];

		slow_features(expected, &slow, candidate[c].item);
		for (int f = 0; f < RANK_FEATURES; f++)
		{
			double		x = features[c * RANK_FEATURES + f];

			(*compared)++;
			occurred[f] |= expected[f] != 0;
			if (!(fabs(x - expected[f]) <= 2e-3) && wrong++ < 5)
				diag("own sequence %d, item %d, feature %d: %g, not %g", history->own_sequence,
					 candidate[c].item, f, x, expected[f]);
		}
	}
	return wrong;
}

/*
 * Every feature of every candidate is what its definition says; and of an
 * example nothing that comes after its history shows.
 */
static void
check_features(void)
{
	Shop		shop;
	float	   *features = NEW(float, CANDIDATES_MAX * RANK_FEATURES);
	/* two items are not known; one is bought twice, and another left in the basket */
	static const int32_t stranger[2][7] = {{3, 30, 4, 3, 31, 30, 7}, {8, 1, 9, 5, 6, 5, 5}};
	static const int32_t its_category[2][7] = {{3, 1, 4, 3, 0, 2, 2}, {3, 1, 4, 0, 1, 0, 0}};
	static const bool its_bought[2][7] = {
		{false, true, false, true, false, false, false}, {true, true, true, false, false, true, true}
	};
	double		its_hours[7];
	int			compared = 0;
	int			wrong = 0;
	int			features_seen = 0;

	open_shop(&shop);
	for (int32_t s = 4; s < SEQUENCES; s += 11)
	{
		int64_t		start = shop.data.start[s];
		int32_t		length = (int32_t) (shop.data.start[s + 1] - start);

		for (int known = 0; known < 2; known++)
		{
			RankHistory history = {
				.length = length > 3 ? length - 2 : length - 1, .item = shop.data.item + start,
				.category = shop.data.feature[0] + start,
				.bought = known ? shop.bought + start : NULL,
				.hours = known ? shop.hours + start : NULL, .own_sequence = s
			};

			wrong += compare_features(&shop, &history, features, &compared);
		}
	}
	ok(compared > 10000 && wrong == 0, "features of examples (%d, %d wrong)", compared, wrong);

	compared = wrong = 0;
	for (int i = 0; i < 7; i++)
		its_hours[i] = shop.counts.span[0] + (i < 4 ? 0.1 : 7) * i;
	for (int which = 0; which < 8; which++)
	{
		int			h = which / 4;
		RankHistory history = {
			.length = 7, .item = stranger[h], .category = its_category[h],
			.bought = which & 1 ? its_bought[h] : NULL, .hours = which & 2 ? its_hours : NULL,
			.own_sequence = -1
		};

		wrong += compare_features(&shop, &history, features, &compared);
	}
	ok(compared > 5000 && wrong == 0, "features of new histories (%d, %d wrong)", compared, wrong);
	for (int f = 0; f < RANK_FEATURES; f++)
		features_seen += occurred[f];
	ok(features_seen == RANK_FEATURES, "%d of %d features occur", features_seen, (int) RANK_FEATURES);
	free(features);
	close_shop(&shop);
}

/* ------------------------------------------------------------------ rankers */

#define CANDIDATES 8

/* The target is the candidate with the highest RECENCY; every eighth is none. */
static void
easy_example(void *context, int32_t index, RankerInput *input)
{
	Rng			rng = test_rng((uint64_t) index + *(uint64_t *) context);
	float	   *features = input->features;

	input->rows = CANDIDATES;
	input->target = 0;
	fill_random(features, CANDIDATES * RANK_FEATURES, 1, &rng);
	for (int32_t c = 0; c < CANDIDATES; c++)
	{
		features[c * RANK_FEATURES + IN_HISTORY] = 1;
		memcpy(features + c * RANK_FEATURES + LENGTH, features + LENGTH,
			   RANKER_SHARED * sizeof(float));
	}
	for (int32_t c = 1; c < CANDIDATES; c++)
	{
		if (features[c * RANK_FEATURES + RECENCY] >
			features[input->target * RANK_FEATURES + RECENCY])
			input->target = c;
	}
	if (index % 8 == 0)
		input->target = -1;
}

static void
check_ranker(void)
{
	uint64_t	seed = 100;
	RankerSource source = {
		.example = easy_example, .context = &seed, .examples = 2000,
		.memory = (size_t) 1 << 24, .seed = 1
	};
	Sharing		sharing = {.ranks = 1};
	Arena		arena = {0};
	RankerExamples *examples;
	Ranker		ranker;
	Ranker		again;
	float		missed;
	float		features[CANDIDATES * RANK_FEATURES];
	float	   *scratch = NEW(float, RANKER_SCRATCH);
	int			right = 0;
	int			tested = 0;

	shards_place(&sharing, &arena, ranker_board_width());
	arena = (Arena) {.base = pool_allocate(&pool, arena.used)};
	shards_place(&sharing, &arena, ranker_board_width());
	examples = ranker_examples_create(&source, &sharing, &from_pool);
	ranker_bind(&ranker, new_zeros(ranker_count()));
	ranker_bind(&again, new_zeros(ranker_count()));
	ok(ranker_collect(&examples, &(Ranker *) {&ranker}, 1, &sharing) == NN_OK &&
	   ranker_train(&ranker, examples, true, 5, &sharing, &missed) == NN_OK &&
	   near(missed, 0.125), "a ranker is trained, and knows how often there is no target");
	ranker_collect(&examples, &(Ranker *) {&again}, 1, &sharing);
	ranker_train(&again, examples, true, 5, &sharing, &missed);
	ok(memcmp(ranker.block, again.block, ranker_count() * sizeof(float)) == 0,
	   "again with the same seed it is the same to the bit");
	seed = 9000000;
	for (int32_t e = 0; e < 400; e++)
	{
		float		score[CANDIDATES];
		float		sum = 0;
		RankerInput input = {.features = features};
		int32_t		target;
		int32_t		best = 0;

		easy_example(&seed, e, &input);
		target = input.target;
		ranker_scores(&ranker, features, CANDIDATES, scratch, score);
		ranker_softmax(score, CANDIDATES);
		for (int32_t c = 0; c < CANDIDATES; c++)
		{
			sum += score[c];
			best = score[c] > score[best] ? c : best;
		}
		if (!near(sum, 1))
			ok(false, "probabilities sum to %g", sum);
		tested += target >= 0;
		right += target >= 0 && best == target;
	}
	ok(right > tested * 8 / 10, "it finds the target of new examples (%d of %d)", right, tested);
	free(ranker.block);
	free(again.block);
	free(scratch);
	pool_free(&pool);
}

/* Whether votes help where the network knows, and keep out where it does not. */
static void
check_vote(void)
{
	enum
	{
		EXAMPLES = 500
	};
	int32_t		start[EXAMPLES + 1];
	int32_t		target[EXAMPLES];
	float	   *score = NEW(float, EXAMPLES * CANDIDATES);
	float	   *input = NEW(float, EXAMPLES * CANDIDATES * VOTES);
	VoteExamples examples[SHARDS] = {{EXAMPLES, start, target, score, input}};
	Sharing		sharing = {.ranks = 1};
	Arena		arena = {0};
	float		work[CANDIDATES];
	Rng			rng = test_rng(7);
	Vote		vote;

	memset(input, 0, sizeof(float) * EXAMPLES * CANDIDATES * VOTES);
	for (int32_t e = 0; e <= EXAMPLES; e++)
		start[e] = e * CANDIDATES;
	for (int32_t e = 0; e < EXAMPLES; e++)
	{
		target[e] = (int32_t) rng_below(&rng, CANDIDATES);
		for (int32_t c = 0; c < CANDIDATES; c++)
		{
			float	   *x = input + (start[e] + c) * VOTES;

			score[start[e] + c] = rng_uniform(&rng);
			x[VOTE_NEW] = 6 * rng_uniform(&rng) + (c == target[e] ? 3 : 0);
			x[VOTE_NEW_RANK] = rng_uniform(&rng);
		}
	}
	for (int32_t s = 1; s < SHARDS; s++)
		examples[s].start = start;
	shards_place(&sharing, &arena, VOTE_BOARD_WIDTH);
	arena = (Arena) {.base = pool_allocate(&pool, arena.used)};
	shards_place(&sharing, &arena, VOTE_BOARD_WIDTH);
	ok(vote_fit(&vote, examples, work, &sharing) == NN_OK, "votes are fitted");
	ok(vote.weight[VOTE_NEW] > 0.3f, "an opinion that is worth something gets a vote (%g)",
	   vote.weight[VOTE_NEW]);
	ok(fabsf(vote.weight[VOTE_NEW_RANK]) < 0.5f, "noise gets hardly any (%g)",
	   vote.weight[VOTE_NEW_RANK]);
	ok(vote.weight[VOTE_SEEN] == 0, "what never occurs gets none");
	examples[0].examples = 0;
	vote_fit(&vote, examples, work, &sharing);
	pool_free(&pool);
	ok(vote.weight[VOTE_NEW] == 0, "without examples there is no vote");
	free(score);
	free(input);
}

int
main(void)
{
	check_counts();
	check_many_sequences();
	check_truncated_postings();
	check_questions();
	check_forgetting();
	check_sort();
	check_support();
	check_features();
	check_ranker();
	check_vote();
	return done_testing();
}
