/*
 * rank_fit.c
 *	  Makes the second stage of a model from the data that the network was
 *	  trained on.
 */
#include "model/rank_fit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/recommender.h"
#include "nn/rng.h"

#define PERIODS 3				/* newest periods that examples come from */
#define PERIOD_SHARE 0.1		/* of the time that the data spans */
#define LAST_EVENTS 5			/* of each sequence, likewise */
#define MAX_PERIOD_EXAMPLES 20000
#define MAX_LAST_EXAMPLES 20000
#define EPOCHS 5
#define TRIAL_EPOCHS 2			/* of the fit that is measured */
#define MAX_VOTE_EXAMPLES 4000	/* or so many as have the candidates of ... */
#define FULL_VOTE_EXAMPLES 1500 /* ... that have as many as there can be */

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
	int32_t		unseen_examples;	/* the last ones, of sequences held out */
	Example    *example;
	int			which;			/* the ranker that is fitted */
	void	   *training;		/* of ranker_train */
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
		.category = events->dataset->features > 0 ? events->dataset->feature[0] + start : NULL,
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
	Arena		arena = {0};

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

/* Put the examples of sequences that were held out last. */
static void
part_examples(Fitting *fitting)
{
	int32_t		seen = 0;

	for (int32_t e = 0; e < fitting->examples; e++)
	{
		Example		example = fitting->example[e];

		if (example.sequence >= fitting->fit->first_unseen)
			continue;
		fitting->example[e] = fitting->example[seen];
		fitting->example[seen++] = example;
	}
	fitting->unseen_examples = fitting->examples - seen;
}

/* Fit a ranker of the kind fitting->which to the first so many examples. */
static NnStatus
fit_ranker(Ranker *ranker, Fitting *fitting, int32_t examples, int32_t epochs, float *missed)
{
	const RankFit *fit = fitting->fit;
	RankerTraining training = {
		.example = read_example,
		.context = fitting,
		.examples = examples,
		.epochs = epochs,
		.seed = fit->seed,
		.interrupt = fit->interrupt
	};

	return ranker_train(ranker, &training, fitting->training, missed);
}

/* Candidates of so many examples that there is room for. */
static int64_t
vote_room(int32_t examples)
{
	return (int64_t) (examples < FULL_VOTE_EXAMPLES ? examples : FULL_VOTE_EXAMPLES) *
		CANDIDATES_MAX;
}

/* The candidates of the examples held out, as a ranker scores them. */
static NnStatus
read_votes(VoteExamples *votes, int32_t *asked, Fitting *fitting, const Ranker *ranker)
{
	Recommender *recommender = &fitting->recommender;

	*asked = 0;
	votes->examples = 0;
	votes->start[0] = 0;
	for (int32_t e = fitting->examples - fitting->unseen_examples;
		 e < fitting->examples && *asked < MAX_VOTE_EXAMPLES &&
		 votes->start[votes->examples] + CANDIDATES_MAX <= vote_room(MAX_VOTE_EXAMPLES); e++)
	{
		int32_t		first = votes->start[votes->examples];
		TopK		top = {CANDIDATES_NETWORK, 0, fitting->best};
		NetworkOpinion opinion = ask_network(fitting, &top, &fitting->example[e]);
		int32_t		count = find_candidates(fitting, &fitting->example[e], &opinion,
											recommender->features,
											&votes->target[votes->examples]);

		if (!interrupt_go_on(&fitting->fit->interrupt))
			return NN_CANCELLED;
		(*asked)++;
		if (votes->target[votes->examples] < 0)
			continue;
		ranker_scores(ranker, recommender->features, count, recommender->scratch,
					  votes->score + first);
		for (int32_t c = 0; c < count; c++)
			vote_inputs(votes->input + (size_t) (first + c) * VOTES, &fitting->candidate[c]);
		votes->start[++votes->examples] = first + count;
	}
	return NN_OK;
}

/*
 * Measure a ranker that has not seen the examples held out: the worth of the
 * network's vote, and what both come to.
 */
static NnStatus
measure(RankStage *stage, Fitting *fitting, const Ranker *ranker, double *hit_rate)
{
	const RankFit *fit = fitting->fit;
	int32_t		examples = fitting->unseen_examples < MAX_VOTE_EXAMPLES
		? fitting->unseen_examples : MAX_VOTE_EXAMPLES;
	int64_t		room = vote_room(examples);
	VoteExamples votes = {
		.start = ALLOCATE(&fit->temporary, int32_t, examples + 1),
		.target = ALLOCATE(&fit->temporary, int32_t, examples),
		.score = ALLOCATE(&fit->temporary, float, room),
		.input = ALLOCATE(&fit->temporary, float, room * VOTES)
	};
	Vote	   *vote = &stage->vote[fitting->which];
	int32_t		asked;

	if (read_votes(&votes, &asked, fitting, ranker) != NN_OK)
		return NN_CANCELLED;
	stage->missed[fitting->which] = 1 - (float) votes.examples / (float) asked;
	vote_fit(vote, &votes, ALLOCATE(&fit->temporary, float, CANDIDATES_MAX));
	*hit_rate = (double) vote_hits(vote, &votes, RANK_HIT_RATE_K) / asked;
	return NN_OK;
}

/* Fit one of the rankers, and the network's vote beside it. */
static NnStatus
fit_stage(RankStage *stage, Fitting *fitting, int which, double *hit_rate)
{
	const RankFit *fit = fitting->fit;
	int32_t		seen = fitting->examples - fitting->unseen_examples;
	float		missed;
	Ranker		trial;

	fitting->which = which;
	ranker_bind(&stage->ranker[which], ALLOCATE(&fit->lasting, float, ranker_count()));
	if (fit_ranker(&stage->ranker[which], fitting, fitting->examples, EPOCHS,
				   &stage->missed[which]) != NN_OK)
		return NN_CANCELLED;
	if (seen == 0 || fitting->unseen_examples == 0)
		return NN_OK;
	ranker_bind(&trial, ALLOCATE(&fit->temporary, float, ranker_count()));
	if (fit_ranker(&trial, fitting, seen, TRIAL_EPOCHS, &missed) != NN_OK)
		return NN_CANCELLED;
	return measure(stage, fitting, &trial, hit_rate);
}

/* Lay out what training a ranker takes. */
static void
prepare_training(Fitting *fitting)
{
	const RankFit *fit = fitting->fit;
	Arena		arena = {0};

	ranker_place_training(&arena, &fitting->training, fitting->examples);
	arena = (Arena) {ALLOCATE(&fit->temporary, char, arena.used), 0};
	ranker_place_training(&arena, &fitting->training, fitting->examples);
}

NnStatus
rank_fit(RankStage *stage, const RankFit *fit, double *hit_rate)
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
	part_examples(fitting);
	prepare_training(fitting);
	*hit_rate = NAN;
	if (fit_stage(stage, fitting, RANKER_PLAIN, hit_rate) != NN_OK ||
		((stage->kinds || stage->times) &&
		 fit_stage(stage, fitting, RANKER_FULL, hit_rate) != NN_OK))
		return NN_CANCELLED;
	stage->present = true;
	return NN_OK;
}
