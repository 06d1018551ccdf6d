/*
 * rank_test.c
 *	  The second stage: counts by hand, candidates of an example as if the rest of
 *	  its sequence were not there, rankers that learn, votes, and answers whose
 *	  scores add up.
 */
#include "fixture.h"
#include "model/rank_fit.h"
#include "model/recommender.h"
#include "rank/ranker_train.h"
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

static const Pair *
find_pair(const PairTable *table, int32_t from, int32_t to)
{
	int64_t		count;
	const Pair *pair = pair_range(table, from, &count);

	for (int64_t i = 0; i < count; i++)
	{
		if (pair[i].to == to)
			return &pair[i];
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

	ok(counts_build(&counts, &hand_events, ITEMS, CATEGORIES, item_category, &from_pool,
					&from_pool, &never) == NN_OK && counts_valid(&counts), "counts are built");
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

	ok(near(counts.item[0].events, 3) && near(counts.item[0].sequences, 2) &&
	   near(counts.item[0].bought, 1), "tally of 0");
	ok(near(counts.item[5].long_recent, 1), "an event of the last hour counts in full");
	ok(near(counts.item[3].short_recent, exp2(-0.5 / COUNTS_SHORT_HALF_LIFE)),
	   "an older one by its age");
	ok(near(counts.category[1].events, 7) && near(counts.category[0].events, 0),
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

/* ------------------------------------------------------------------ examples */

/* Features that what the own sequence has put into the counts must not change. */
static bool
is_corrected(int f)
{
	return f < POPULARITY_NOW || f == BOUGHT_RATE || f == REPEAT_RATE || f == SAME_CATEGORY ||
		f == CATEGORY_WEIGHT || f == CATEGORY_SHARE;
}

#define SEQUENCES 60

/*
 * An example with its own sequence left out has the features that it has with
 * counts of data in which its sequence ends where its history does.
 */
static void
check_own_sequence(void)
{
	Config		config = {.items = 25, .features = 1, .feature_values = {5}};
	Rng			rng = test_rng(3);
	TestData	data = data_random(&config, SEQUENCES, 2, 9, false, &rng);
	int64_t		tokens = data.start[SEQUENCES];
	bool	   *bought = NEW(bool, tokens);
	double	   *hours = NEW(double, tokens);
	int32_t    *category = NEW(int32_t, config.items);
	EventData	events = {&data.dataset, bought, hours};
	float	   *all = NEW(float, CANDIDATES_MAX * RANK_FEATURES);
	float	   *cut = NEW(float, CANDIDATES_MAX * RANK_FEATURES);
	Candidate	of_all[CANDIDATES_MAX];
	Candidate	of_cut[CANDIDATES_MAX];
	Counts		counts;
	Arena		arena = {0};
	CandidateWork *work;
	int			compared = 0;
	int			missing = 0;
	int			wrong = 0;

	for (int64_t t = 0; t < tokens; t++)
	{
		bought[t] = rng_below(&rng, 3) == 0;
		hours[t] = (double) t;
	}
	for (int32_t i = 0; i < config.items; i++)
		category[i] = i % 5;
	for (int64_t t = 0; t < tokens; t++)
		data.feature[0][t] = category[data.item[t]];
	candidates_place(&arena);
	arena = (Arena) {.base = pool_allocate(&pool, arena.used)};
	work = candidates_place(&arena);
	candidates_start(work);
	counts_build(&counts, &events, config.items, 5, category, &from_pool, &from_pool, &never);

	for (int32_t s = 0; s < SEQUENCES; s += 3)
	{
		Pool		shorter = {0};
		Allocator	from_shorter = {pool_allocate, &shorter};
		int64_t		start = data.start[s];
		int32_t		length = (int32_t) (data.start[s + 1] - start);
		int32_t		position = length > 3 ? length - 2 : length - 1;
		int64_t		gone = length - position;
		int64_t    *cut_start = NEW(int64_t, SEQUENCES + 1);
		int32_t    *cut_item = NEW(int32_t, tokens);
		bool	   *cut_bought = NEW(bool, tokens);
		double	   *cut_hours = NEW(double, tokens);
		Dataset		cut_dataset = {SEQUENCES, cut_start, cut_item, 0, {NULL}, NULL};
		EventData	cut_events = {&cut_dataset, cut_bought, cut_hours};
		Counts		cut_counts;
		RankHistory history = {
			.length = position, .item = data.item + start, .category = data.feature[0] + start,
			.bought = bought + start, .hours = hours + start, .own_sequence = s
		};
		int32_t		count;
		int32_t		cut_count;

		for (int32_t q = 0; q <= SEQUENCES; q++)
			cut_start[q] = data.start[q] - (q > s ? gone : 0);
		for (int64_t t = 0; t < tokens; t++)
		{
			int64_t		to = t < start + position ? t : t - gone;

			if (t >= start + position && t < start + length)
				continue;
			cut_item[to] = data.item[t];
			cut_bought[to] = bought[t];
			cut_hours[to] = hours[t];
		}
		counts_build(&cut_counts, &cut_events, config.items, 5, category, &from_shorter,
					 &from_shorter, &never);
		/* the span is the same: only the last sequence could change it */
		count = candidates_find(work, &counts, &history, NULL, of_all, all);
		history.own_sequence = -1;
		cut_count = candidates_find(work, &cut_counts, &history, NULL, of_cut, cut);
		for (int32_t a = 0; a < count; a++)
		{
			int32_t		b = 0;

			while (b < cut_count && of_cut[b].item != of_all[a].item)
				b++;
			missing += b == cut_count;
			for (int f = 0; f < RANK_FEATURES && b < cut_count; f++)
			{
				double		x = all[a * RANK_FEATURES + f];
				double		y = cut[b * RANK_FEATURES + f];

				if (!is_corrected(f))
					continue;
				compared++;
				if (fabs(x - y) > 1e-3 && wrong++ < 5)
					diag("sequence %d item %d feature %d: %g, not %g", s, of_all[a].item, f, x, y);
			}
		}
		pool_free(&shorter);
		free(cut_start);
		free(cut_item);
		free(cut_bought);
		free(cut_hours);
	}
	ok(compared > 10000 && wrong == 0, "an example sees nothing of what comes after it (%d features, %d wrong)",
	   compared, wrong);
	ok(missing == 0, "and has no candidate that it would not have (%d)", missing);
	pool_free(&pool);
	free(bought);
	free(hours);
	free(category);
	free(all);
	free(cut);
	data_free(&data);
}

/* ------------------------------------------------------------------ rankers */

#define CANDIDATES 8

/* The target is the candidate with the highest RECENCY; every eighth is none. */
static int32_t
easy_example(void *context, int32_t index, float *features, int32_t *target)
{
	Rng			rng = test_rng((uint64_t) index + *(uint64_t *) context);

	*target = 0;
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
			features[*target * RANK_FEATURES + RECENCY])
			*target = c;
	}
	if (index % 8 == 0)
		*target = -1;
	return CANDIDATES;
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
	ok(ranker_collect(examples, &ranker, &sharing) == NN_OK &&
	   ranker_train(&ranker, examples, true, 5, &sharing, &missed) == NN_OK &&
	   near(missed, 0.125), "a ranker is trained, and knows how often there is no target");
	ranker_collect(examples, &again, &sharing);
	ranker_train(&again, examples, true, 5, &sharing, &missed);
	ok(memcmp(ranker.block, again.block, ranker_count() * sizeof(float)) == 0,
	   "again with the same seed it is the same to the bit");
	seed = 9000000;
	for (int32_t e = 0; e < 400; e++)
	{
		float		score[CANDIDATES];
		float		sum = 0;
		int32_t		target;
		int32_t		best = 0;

		easy_example(&seed, e, features, &target);
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
	vote_fit(&vote, examples, work, &sharing);
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
	check_own_sequence();
	check_ranker();
	check_vote();
	return done_testing();
}
