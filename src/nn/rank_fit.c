/*
 * rank_fit.c
 *	  Makes the second stage of a model from the data that the network was
 *	  trained on.
 */
#include "rank_fit.h"

#include <stdlib.h>
#include <string.h>

#include "recommender.h"
#include "rng.h"

#define PERIODS 3				/* newest periods that examples come from */
#define PERIOD_SHARE 0.1		/* of the time that the data spans */
#define LAST_EVENTS 5			/* of each sequence, likewise */
#define MAX_PERIOD_EXAMPLES 20000
#define MAX_LAST_EXAMPLES 20000
#define EPOCHS 5
#define MAX_VOTE_EXAMPLES 4000

/* Event number `position` of a sequence, to be found from those before it. */
typedef struct Example
{
	int32_t		sequence;
	int32_t		position;
	int32_t		counts;			/* which of Fitting.counts */
} Example;

/* The counts of everything; those before come the counts of what was before a period. */
#define ALL_COUNTS PERIODS

typedef struct Fitting
{
	const RankFit *fit;
	Counts		counts[PERIODS + 1];
	int32_t		examples;
	Example    *example;
	int			which;			/* the ranker that is fitted */
	const int32_t *no_category; /* zeros, as many as the longest sequence has events */
	Recommender recommender;
	Candidate  *candidate;		/* CANDIDATES_MAX */
	Scored	   *best;			/* CANDIDATES_NETWORK, as the next */
	Scored	   *lower;
	Scored	   *scan_candidates;
} Fitting;

/* ---------------------------------------------------------------- periods */

/* A sequence cut off at a time. */
typedef struct Cut
{
	int32_t		sequence;
	int32_t		length;
	double		end;
} Cut;

static int
compare_ends(const void *a, const void *b)
{
	const Cut  *x = a;
	const Cut  *y = b;

	if (x->end != y->end)
		return x->end < y->end ? -1 : 1;
	return (x->sequence > y->sequence) - (x->sequence < y->sequence);
}

/* Count what was before a time. */
static NnStatus
count_before(Counts *counts, const RankFit *fit, double time)
{
	const EventData *events = fit->events;
	const Dataset *all = events->dataset;
	int64_t		tokens = all->start[all->sequences];
	Cut		   *cut = ALLOCATE(&fit->temporary, Cut, all->sequences);
	int64_t    *start = ALLOCATE(&fit->temporary, int64_t, all->sequences + 1);
	int32_t    *item = ALLOCATE(&fit->temporary, int32_t, tokens);
	bool	   *bought = events->bought != NULL ? ALLOCATE(&fit->temporary, bool, tokens) : NULL;
	double	   *hours = ALLOCATE(&fit->temporary, double, tokens);
	Dataset		before = {.start = start, .item = item};
	EventData	data = {&before, bought, hours};

	for (int32_t s = 0; s < all->sequences; s++)
	{
		int64_t		first = all->start[s];
		int32_t		length = 0;

		while (first + length < all->start[s + 1] && events->hours[first + length] < time)
			length++;
		if (length > 0)
			cut[before.sequences++] = (Cut) {s, length, events->hours[first + length - 1]};
	}
	qsort(cut, (size_t) before.sequences, sizeof(Cut), compare_ends);
	start[0] = 0;
	for (int32_t c = 0; c < before.sequences; c++)
	{
		int64_t		from = all->start[cut[c].sequence];
		size_t		length = (size_t) cut[c].length;

		memcpy(item + start[c], all->item + from, length * sizeof(int32_t));
		memcpy(hours + start[c], events->hours + from, length * sizeof(double));
		if (bought != NULL)
			memcpy(bought + start[c], events->bought + from, length * sizeof(bool));
		start[c + 1] = start[c] + cut[c].length;
	}
	return counts_build(counts, &data, fit->items, fit->categories, fit->item_category,
						&fit->temporary, &fit->temporary, &fit->interrupt);
}

/* ---------------------------------------------------------------- examples */

/* Leave no more than `most` of the examples from `first` on, drawn at random. */
static void
draw_examples(Fitting *fitting, int32_t first, int32_t most, uint64_t place)
{
	Rng			rng = rng_stream(fitting->fit->seed, RNG_RANKER_EXAMPLES, place);
	int32_t		count = fitting->examples - first;

	if (count <= most)
		return;
	for (int32_t i = 0; i < most; i++)
	{
		int32_t		drawn = first + i + (int32_t) rng_below(&rng, (uint32_t) (count - i));
		Example		swapped = fitting->example[first + i];

		fitting->example[first + i] = fitting->example[drawn];
		fitting->example[drawn] = swapped;
	}
	fitting->examples = first + most;
}

/* The events of the newest periods; counts what was before each. */
static NnStatus
take_periods(Fitting *fitting)
{
	const RankFit *fit = fitting->fit;
	const Dataset *dataset = fit->events->dataset;
	double		span = fitting->counts[ALL_COUNTS].span[0];

	for (int32_t p = 0; p < PERIODS; p++)
	{
		double		begin = span * (1 - PERIOD_SHARE * (p + 1));
		double		end = p > 0 ? begin + span * PERIOD_SHARE : span + 1;

		if (count_before(&fitting->counts[p], fit, begin) != NN_OK)
			return NN_CANCELLED;
		for (int32_t s = 0; s < dataset->sequences; s++)
		{
			for (int64_t t = dataset->start[s] + 1; t < dataset->start[s + 1]; t++)
			{
				if (fit->events->hours[t] >= begin && fit->events->hours[t] < end)
					fitting->example[fitting->examples++] =
						(Example) {s, (int32_t) (t - dataset->start[s]), p};
			}
		}
	}
	draw_examples(fitting, 0, MAX_PERIOD_EXAMPLES, 0);
	return NN_OK;
}

/* The last events of each sequence. */
static void
take_last_events(Fitting *fitting)
{
	const Dataset *dataset = fitting->fit->events->dataset;
	int32_t		first = fitting->examples;

	for (int32_t s = 0; s < dataset->sequences; s++)
	{
		int32_t		length = (int32_t) (dataset->start[s + 1] - dataset->start[s]);

		for (int32_t t = length > LAST_EVENTS ? length - LAST_EVENTS : 1; t < length; t++)
			fitting->example[fitting->examples++] = (Example) {s, t, ALL_COUNTS};
	}
	draw_examples(fitting, first, MAX_LAST_EXAMPLES, 1);
}

/* What the network says of the beginning of a sequence that it was not trained on. */
static NetworkOpinion
ask_network(Fitting *fitting, TopK *top, const Example *example)
{
	Infer	   *infer = fitting->fit->infer;
	const Dataset *dataset = fitting->fit->events->dataset;
	int32_t		length = example->position < infer->model->config.max_length
		? example->position : infer->model->config.max_length;
	int64_t		first = dataset->start[example->sequence] + example->position - length;
	int32_t    *feature[CONFIG_MAX_FEATURES];
	NetworkOpinion opinion;
	ScanRequest scan = {
		.top = top,
		.candidates = fitting->scan_candidates,
		.lower = fitting->lower
	};

	for (int32_t f = 0; f < dataset->features; f++)
		feature[f] = (int32_t *) dataset->feature[f] + first;
	scan.representation = infer_representation(infer, dataset->item + first, feature, length);
	infer_rank(infer, &scan, 1);
	topk_sort(top);
	opinion = recommender_opinion(infer->model, scan.representation, top, scan.log_normaliser);
	return opinion;
}

/* The candidates of an example, with their features; *target as in RankerExample. */
static int32_t
find_candidates(Fitting *fitting, const Example *example, const NetworkOpinion *opinion,
				float *features, int32_t *target)
{
	const EventData *events = fitting->fit->events;
	int64_t		start = events->dataset->start[example->sequence];
	int32_t		next = events->dataset->item[start + example->position];
	bool		full = fitting->which == RANKER_FULL;
	RankHistory history = {
		.length = example->position,
		.item = events->dataset->item + start,
		.category = events->dataset->features > 0 ? events->dataset->feature[0] + start
		: fitting->no_category,
		.bought = full && events->bought != NULL ? events->bought + start : NULL,
		.hours = full && events->hours != NULL ? events->hours + start : NULL,
		.own_sequence = example->counts == ALL_COUNTS ? example->sequence : -1
	};
	int32_t		count = candidates_find(fitting->recommender.work,
										&fitting->counts[example->counts], &history, opinion,
										fitting->candidate, features);

	*target = -1;
	for (int32_t c = 0; c < count; c++)
	{
		if (fitting->candidate[c].item == next)
			*target = c;
	}
	return count;
}

/* RankerExample */
static int32_t
read_example(void *context, int32_t index, float *features, int32_t *target)
{
	Fitting    *fitting = context;

	return find_candidates(fitting, &fitting->example[index], NULL, features, target);
}

/* ---------------------------------------------------------------- fitting */

/* Take working memory. */
static void
prepare(Fitting *fitting)
{
	const RankFit *fit = fitting->fit;
	const Dataset *dataset = fit->events->dataset;
	int64_t		tokens = dataset->start[dataset->sequences];
	int32_t		longest = 0;
	int32_t    *zeros;
	Arena		arena = {0};

	for (int32_t s = 0; s < dataset->sequences; s++)
	{
		int32_t		length = (int32_t) (dataset->start[s + 1] - dataset->start[s]);

		longest = length > longest ? length : longest;
	}
	zeros = ALLOCATE(&fit->temporary, int32_t, longest);
	memset(zeros, 0, (size_t) longest * sizeof(int32_t));
	fitting->no_category = zeros;
	fitting->example = ALLOCATE(&fit->temporary, Example, 2 * tokens);
	fitting->candidate = ALLOCATE(&fit->temporary, Candidate, CANDIDATES_MAX);
	fitting->best = ALLOCATE(&fit->temporary, Scored, CANDIDATES_NETWORK);
	fitting->lower = ALLOCATE(&fit->temporary, Scored, CANDIDATES_NETWORK);
	fitting->scan_candidates = ALLOCATE(&fit->temporary, Scored, scan_room(CANDIDATES_NETWORK));
	recommender_place(&fitting->recommender, &arena);
	arena = (Arena) {ALLOCATE(&fit->temporary, char, arena.used), 0};
	recommender_place(&fitting->recommender, &arena);
	recommender_start(&fitting->recommender);
}

/* Fit the vote of the network on examples that it was not trained on. */
static NnStatus
fit_vote(RankStage *stage, Fitting *fitting)
{
	const RankFit *fit = fitting->fit;
	Ranker	   *ranker = &stage->ranker[fitting->which];
	int64_t		room = (int64_t) MAX_VOTE_EXAMPLES * CANDIDATES_MAX;
	float	   *work = ALLOCATE(&fit->temporary, float, CANDIDATES_MAX);
	VoteExamples votes = {
		.start = ALLOCATE(&fit->temporary, int32_t, MAX_VOTE_EXAMPLES + 1),
		.target = ALLOCATE(&fit->temporary, int32_t, MAX_VOTE_EXAMPLES),
		.score = ALLOCATE(&fit->temporary, float, room),
		.input = ALLOCATE(&fit->temporary, float, room * VOTES)
	};
	int32_t		asked = 0;

	votes.start[0] = 0;
	for (int32_t e = 0; e < fitting->examples && asked < MAX_VOTE_EXAMPLES; e++)
	{
		const Example *example = &fitting->example[e];
		int32_t		first = votes.start[votes.examples];
		TopK		top = {CANDIDATES_NETWORK, 0, fitting->best};
		NetworkOpinion opinion;
		int32_t		count;

		if (!interrupt_go_on(&fit->interrupt))
			return NN_CANCELLED;
		if (example->sequence < fit->first_unseen)
			continue;
		opinion = ask_network(fitting, &top, example);
		count = find_candidates(fitting, example, &opinion, fitting->recommender.features,
								&votes.target[votes.examples]);
		asked++;
		if (votes.target[votes.examples] < 0)
			continue;
		ranker_scores(ranker, fitting->recommender.features, count, fitting->recommender.scratch,
					  votes.score + first);
		for (int32_t c = 0; c < count; c++)
			vote_inputs(votes.input + (size_t) (first + c) * VOTES, &opinion,
						&fitting->candidate[c]);
		votes.start[++votes.examples] = first + count;
	}
	if (asked == 0)
		return NN_OK;
	stage->missed[fitting->which] = 1 - (float) votes.examples / (float) asked;
	vote_fit(&stage->vote[fitting->which], &votes, work);
	return NN_OK;
}

static NnStatus
fit_ranker(RankStage *stage, Fitting *fitting, int which)
{
	const RankFit *fit = fitting->fit;
	RankerTraining training = {
		.example = read_example,
		.context = fitting,
		.examples = fitting->examples,
		.epochs = EPOCHS,
		.seed = fit->seed,
		.interrupt = fit->interrupt
	};
	Arena		arena = {0};
	void	   *memory;

	fitting->which = which;
	ranker_place_training(&arena, &memory, fitting->examples);
	arena = (Arena) {ALLOCATE(&fit->temporary, char, arena.used), 0};
	ranker_place_training(&arena, &memory, fitting->examples);
	ranker_bind(&stage->ranker[which], ALLOCATE(&fit->lasting, float, ranker_count()));
	if (ranker_train(&stage->ranker[which], &training, memory, &stage->missed[which]) != NN_OK)
		return NN_CANCELLED;
	return fit_vote(stage, fitting);
}

NnStatus
rank_fit(RankStage *stage, const RankFit *fit)
{
	Fitting    *fitting = ALLOCATE(&fit->temporary, Fitting, 1);

	memset(stage, 0, sizeof(*stage));
	memset(fitting, 0, sizeof(*fitting));
	fitting->fit = fit;
	prepare(fitting);
	if (counts_build(&stage->counts, fit->events, fit->items, fit->categories,
					 fit->item_category, &fit->lasting, &fit->temporary,
					 &fit->interrupt) != NN_OK)
		return NN_CANCELLED;
	fitting->counts[ALL_COUNTS] = stage->counts;
	stage->kinds = fit->events->bought != NULL;
	stage->times = fit->events->hours != NULL;
	if (stage->times && take_periods(fitting) != NN_OK)
		return NN_CANCELLED;
	take_last_events(fitting);
	if (fit_ranker(stage, fitting, RANKER_PLAIN) != NN_OK ||
		((stage->kinds || stage->times) &&
		 fit_ranker(stage, fitting, RANKER_FULL) != NN_OK))
		return NN_CANCELLED;
	stage->present = true;
	return NN_OK;
}
