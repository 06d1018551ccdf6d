/*
 * rank_fit.c
 *	  Makes the second stage of a model from the data that the network was
 *	  trained on.
 */
#include "model/rank_fit.h"

#include <math.h>
#include <string.h>

#include "model/both_stages.h"
#include "nn/nn.h"
#include "rank/ranker_train.h"
#include "rank/sort.h"

#define PERIOD_SHARE 0.1		/* of the time that the data spans */
#define LAST_EVENTS 5			/* of each sequence, likewise */

/* Examples of a kind: one for so many windows, so that large data is learned better, within bounds. */
#define WINDOWS_PER_EXAMPLE 16
#define LEAST_EXAMPLES 20000	/* fewer only where there are no more */
#define MOST_EXAMPLES 40000		/* a fit's time and memory end somewhere */

#define EPOCHS 5
#define TRIAL_EPOCHS 2			/* of the fit that is measured */

/* Of a shard: examples that the network is asked about, or so many as have ... */
#define MAX_VOTE_EXAMPLES (4000 / SHARDS)
/* ... the candidates of so many that have as many as there can be. */
#define FULL_VOTE_EXAMPLES (1500 / SHARDS)

/* What comes after an example's history is left out of the counts only so far. */
_Static_assert(LAST_EVENTS <= CANDIDATES_MAX_OWN, "examples would see what comes after them");
_Static_assert(FULL_VOTE_EXAMPLES <= MAX_VOTE_EXAMPLES, "room for more than is asked");
/* Their candidates are numbered in 32 bits. */
_Static_assert((int64_t) FULL_VOTE_EXAMPLES * CANDIDATES_MAX <= INT32_MAX, "too many candidates");
_Static_assert(RANK_FIT_PERIODS * PERIOD_SHARE < 1, "periods before the data begins");

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

/* Count events of the fit. */
static NnStatus
count(Counts *counts, const RankFit *fit, const EventData *events, const Allocator *lasting)
{
	CountsData	data = {
		events, fit->items, fit->categories, fit->item_category, fit->min_support,
		fit->model->unavailable
	};

	return counts_build(counts, &data, lasting, &fit->temporary, &fit->interrupt);
}

/* Count what was before a time. */
static NnStatus
count_before(Counts *counts, const RankFit *fit, double time)
{
	const EventData *events = fit->events;
	const Dataset *all = events->dataset;
	int64_t		tokens = all->start[all->sequences];
	Cut		   *cut = ALLOCATE(&fit->temporary, Cut, all->sequences);
	Cut		   *spare = ALLOCATE(&fit->temporary, Cut, all->sequences);
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
		{
			if (!step_go_on(&fit->interrupt, first + length))
				return NN_CANCELLED;
			length++;
		}
		if (length > 0)
			cut[before.sequences++] = (Cut) {s, length, events->hours[first + length - 1]};
	}
	if (sort_elements(cut, spare, (size_t) before.sequences, sizeof(Cut), compare_ends,
					  &fit->interrupt) != NN_OK)
		return NN_CANCELLED;
	start[0] = 0;
	for (int32_t c = 0; c < before.sequences; c++)
	{
		int64_t		from = all->start[cut[c].sequence];
		size_t		length = (size_t) cut[c].length;

		if (!step_go_on(&fit->interrupt, c))
			return NN_CANCELLED;
		memcpy(item + start[c], all->item + from, length * sizeof(int32_t));
		memcpy(hours + start[c], events->hours + from, length * sizeof(double));
		if (bought != NULL)
			memcpy(bought + start[c], events->bought + from, length * sizeof(bool));
		start[c + 1] = start[c] + cut[c].length;
	}
	return count(counts, fit, &data, &fit->temporary);
}

/* ---------------------------------------------------------------- examples */

/* The most examples of a kind for so many windows; without times there is but one kind. */
static int32_t
most_examples(int64_t windows, bool times)
{
	int64_t		share = windows / WINDOWS_PER_EXAMPLE;

	return (int32_t) (share < LEAST_EXAMPLES ? LEAST_EXAMPLES :
					  share > MOST_EXAMPLES ? MOST_EXAMPLES : share) * (times ? 1 : 2);
}

/* Examples while they are drawn. */
typedef struct Drawing
{
	const RankFit *fit;
	RankExample *example;
	int32_t		examples;
	int32_t		most;			/* of a kind */
} Drawing;

/* Put `most` examples from `first` on into random order, those that come first. */
static void
shuffle_examples(Drawing *drawing, int32_t first, int32_t most, uint64_t place)
{
	Rng			rng = rng_stream(drawing->fit->seed, RNG_RANKER_EXAMPLES, place);
	int32_t		count = drawing->examples - first;

	for (int32_t i = 0; i < most && i < count; i++)
	{
		int32_t		drawn = first + i + (int32_t) rng_below(&rng, (uint32_t) (count - i));
		RankExample swapped = drawing->example[first + i];

		drawing->example[first + i] = drawing->example[drawn];
		drawing->example[drawn] = swapped;
	}
}

/* Leave no more than `most` of the examples from `first` on, drawn at random. */
static void
draw_examples(Drawing *drawing, int32_t first, int32_t most, uint64_t place)
{
	if (drawing->examples - first <= most)
		return;
	shuffle_examples(drawing, first, most, place);
	drawing->examples = first + most;
}

/* The events of the newest periods; counts what was before each. */
static NnStatus
take_periods(Drawing *drawing, Counts *counts)
{
	const RankFit *fit = drawing->fit;
	const Dataset *dataset = fit->events->dataset;
	double		span = counts[RANK_FIT_ALL_COUNTS].span[0];

	for (int32_t p = 0; p < RANK_FIT_PERIODS; p++)
	{
		double		begin = span * (1 - PERIOD_SHARE * (p + 1));
		double		end = p > 0 ? begin + span * PERIOD_SHARE : span + 1;

		if (count_before(&counts[p], fit, begin) != NN_OK)
			return NN_CANCELLED;
		for (int32_t s = 0; s < dataset->sequences; s++)
		{
			for (int64_t t = dataset->start[s] + 1; t < dataset->start[s + 1]; t++)
			{
				if (!step_go_on(&fit->interrupt, t))
					return NN_CANCELLED;
				if (fit->events->hours[t] >= begin && fit->events->hours[t] < end)
					drawing->example[drawing->examples++] =
						(RankExample) {s, (int32_t) (t - dataset->start[s]), p};
			}
		}
	}
	draw_examples(drawing, 0, drawing->most, 0);
	return NN_OK;
}

/* The last events of each sequence. */
static NnStatus
take_last_events(Drawing *drawing)
{
	const Dataset *dataset = drawing->fit->events->dataset;
	int32_t		first = drawing->examples;

	for (int32_t s = 0; s < dataset->sequences; s++)
	{
		int32_t		length = (int32_t) (dataset->start[s + 1] - dataset->start[s]);

		if (!step_go_on(&drawing->fit->interrupt, s))
			return NN_CANCELLED;
		for (int32_t t = length > LAST_EVENTS ? length - LAST_EVENTS : 1; t < length; t++)
			drawing->example[drawing->examples++] = (RankExample) {s, t, RANK_FIT_ALL_COUNTS};
	}
	draw_examples(drawing, first, drawing->most, 1);
	return NN_OK;
}

/* Doubles a shard that the sums of a fit need. */
static int32_t
board_width(void)
{
	return ranker_board_width() > VOTE_BOARD_WIDTH ? ranker_board_width() : VOTE_BOARD_WIDTH;
}

/* Lay out the board, for one process or for all. */
static Sharing
place_board(Arena *arena)
{
	Sharing		sharing = {0};

	shards_place(&sharing, arena, board_width());
	return sharing;
}

NnStatus
rank_fit_begin(RankFitData *data, RankStage *stage, const RankFit *fit)
{
	const EventData *events = fit->events;
	const Dataset *dataset = events->dataset;
	int64_t		tokens = dataset->start[dataset->sequences];
	Drawing		drawing = {
		.fit = fit,
		.example = ALLOCATE(&fit->temporary, RankExample, 2 * tokens),
		.most = most_examples(tokens - dataset->sequences, events->hours != NULL)
	};
	Arena		arena = {0};

	memset(stage, 0, sizeof(*stage));
	memset(data, 0, sizeof(*data));
	if (count(&stage->counts, fit, events, &fit->lasting) != NN_OK)
		return NN_CANCELLED;
	data->counts[RANK_FIT_ALL_COUNTS] = stage->counts;
	if ((events->hours != NULL && take_periods(&drawing, data->counts) != NN_OK) ||
		take_last_events(&drawing) != NN_OK)
		return NN_CANCELLED;
	shuffle_examples(&drawing, 0, drawing.examples, 2);

	data->sizes = (RankFitSizes) {
		.config = fit->model->config,
		.seed = fit->seed,
		.memory = fit->memory,
		.sequences = dataset->sequences,
		.tokens = tokens,
		.kinds = events->bought != NULL,
		.times = events->hours != NULL,
		.examples = drawing.examples
	};
	for (int c = 0; c <= RANK_FIT_PERIODS; c++)
		data->sizes.counts[c] = data->counts[c].sizes;
	data->start = (int64_t *) dataset->start;
	data->item = (int32_t *) dataset->item;
	for (int32_t f = 0; f < fit->model->config.features; f++)
		data->feature[f] = (int32_t *) dataset->feature[f];
	data->bought = (bool *) events->bought;
	data->hours = (double *) events->hours;
	data->example = drawing.example;
	data->held_out = ALLOCATE(&fit->temporary, bool, drawing.examples);
	for (int32_t e = 0; e < drawing.examples; e++)
		data->held_out[e] = drawing.example[e].sequence >= fit->first_unseen;
	data->params = fit->model->params;
	data->index = fit->model->index;
	place_board(&arena);
	arena = (Arena) {ALLOCATE(&fit->temporary, char, arena.used), 0};
	data->board = place_board(&arena).board;
	return NN_OK;
}

/* ---------------------------------------------------------------- for other processes */

void
rank_fit_place(RankFitData *data, Arena *arena, const RankFitSizes *sizes)
{
	const Config *config = &sizes->config;

	memset(data, 0, sizeof(*data));
	data->sizes = *sizes;
	data->start = ARENA_TAKE(arena, int64_t, sizes->sequences + 1);
	data->item = ARENA_TAKE(arena, int32_t, sizes->tokens);
	for (int32_t f = 0; f < config->features; f++)
		data->feature[f] = ARENA_TAKE(arena, int32_t, sizes->tokens);
	if (sizes->kinds)
		data->bought = ARENA_TAKE(arena, bool, sizes->tokens);
	if (sizes->times)
		data->hours = ARENA_TAKE(arena, double, sizes->tokens);
	data->example = ARENA_TAKE(arena, RankExample, sizes->examples);
	data->held_out = ARENA_TAKE(arena, bool, sizes->examples);
	for (int c = sizes->times ? 0 : RANK_FIT_ALL_COUNTS; c <= RANK_FIT_PERIODS; c++)
		counts_place(&data->counts[c], arena, &sizes->counts[c]);
	params_bind(&data->params, config, ARENA_TAKE(arena, float, params_count(config)));
	coded_weights_place(&data->index, arena, config->items, config_output_dim(config));
	data->board = place_board(arena).board;
}

void
rank_fit_copy(const RankFitData *to, const RankFitData *from)
{
	const RankFitSizes *sizes = &from->sizes;
	size_t		tokens = (size_t) sizes->tokens;
	Arena		index = {0};

	memcpy(to->start, from->start, ((size_t) sizes->sequences + 1) * sizeof(int64_t));
	memcpy(to->item, from->item, tokens * sizeof(int32_t));
	for (int32_t f = 0; f < sizes->config.features; f++)
		memcpy(to->feature[f], from->feature[f], tokens * sizeof(int32_t));
	if (sizes->kinds)
		memcpy(to->bought, from->bought, tokens * sizeof(bool));
	if (sizes->times)
		memcpy(to->hours, from->hours, tokens * sizeof(double));
	memcpy(to->example, from->example, (size_t) sizes->examples * sizeof(RankExample));
	memcpy(to->held_out, from->held_out, (size_t) sizes->examples * sizeof(bool));
	for (int c = sizes->times ? 0 : RANK_FIT_ALL_COUNTS; c <= RANK_FIT_PERIODS; c++)
	{
		Arena		arena = {0};
		Counts		measured;

		counts_place(&measured, &arena, &sizes->counts[c]);
		memcpy(to->counts[c].span, from->counts[c].span, arena.used);
	}
	memcpy(to->params.block, from->params.block, from->params.count * sizeof(float));
	coded_weights_place(&(CodedWeights) {0}, &index, sizes->config.items,
			   config_output_dim(&sizes->config));
	memcpy(to->index.codes, from->index.codes, index.used);
}

/* ---------------------------------------------------------------- candidates */

/* What the network says of the history of an example. */
typedef struct Opinion
{
	int32_t		example;
	TopK		top;
	float	   *representation;
	CopySlot   *slot;			/* max_length, where the network copies */
	Copies		copies;
	float		log_normaliser;
} Opinion;

/*
 * What the parts of a fit cost a process, an example, in microseconds where this
 * was written.  Once a fit runs only their proportions count.
 */
#define MICROSECONDS 1e6
#define COUNTING_COST 0.6		/* a token */
#define OPINION_COST 100.0
#define COLLECTING_COST 30.0
#define TRAINING_COST 10.0		/* of an epoch */
#define MEASURING_COST 60.0

/* How far a fit is. */
typedef struct FitProgress
{
	double		total;			/* cost */
	double		before;			/* of the parts that are done */
	double		cost;			/* of the part that runs */
	double		questions;		/* whether it may go on, in all of it */
	double		asked;
} FitProgress;

/* The part of a fit that one process has. */
typedef struct Fitting
{
	FitProgress progress;
	RankFitData *data;
	const RankFitCalls *calls;
	Sharing		sharing;
	Dataset		dataset;
	int			which;			/* the ranker that is fitted */
	RankerExamples *examples;
	AnswerScratch answer_scratch;
	Model		model;			/* the network alone */
	Infer		infer;
	Candidate  *candidate;		/* CANDIDATES_MAX */
	double		asking;			/* about how many opinions all processes ask for */
	int32_t		opinions[SHARDS];	/* of this process's shards */
	Opinion    *opinion[SHARDS];	/* MAX_VOTE_EXAMPLES each */
} Fitting;

/* MayGoOn, which reports how far the fit is. */
static bool
go_on(void *context)
{
	Fitting    *fitting = context;
	const RankFitCalls *calls = fitting->calls;
	FitProgress *progress = &fitting->progress;

	progress->asked++;
	if (calls->progress != NULL)
		calls->progress(calls->progress_context,
						(progress->before + progress->cost *
						 fmin(progress->asked / progress->questions, 1)) / progress->total);
	return interrupt_go_on(&calls->interrupt);
}

/* A part of the fit begins, in which it is asked so often whether it may go on. */
static void
begin_part(Fitting *fitting, double cost, double questions)
{
	FitProgress *progress = &fitting->progress;

	progress->before += progress->cost;
	progress->cost = cost;
	progress->questions = fmax(questions, 1);
	progress->asked = 0;
}

/* The candidates of an example, with their features; *target as in RankerExample. */
static int32_t
find_candidates(Fitting *fitting, const RankExample *example, const NetworkOpinion *opinion,
				float *features, int32_t *target)
{
	const RankFitData *data = fitting->data;
	int64_t		start = data->start[example->sequence];
	int32_t		next = data->item[start + example->position];
	bool		full = fitting->which == RANKER_FULL;
	RankHistory history = {
		.length = example->position,
		.item = data->item + start,
		.category = data->sizes.config.features > 0 ? data->feature[0] + start : NULL,
		.bought = full && data->sizes.kinds ? data->bought + start : NULL,
		.hours = full && data->sizes.times ? data->hours + start : NULL,
		.own_sequence = example->counts == RANK_FIT_ALL_COUNTS ? example->sequence : -1
	};
	int32_t		count = candidates_find(fitting->answer_scratch.work,
										&data->counts[example->counts], &history, opinion,
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

	return find_candidates(fitting, &fitting->data->example[index], NULL, features, target);
}

/* Ask the network about the beginning of a sequence that it was not trained on. */
static void
ask_network(Fitting *fitting, Opinion *opinion, Scored *candidates, float *lower)
{
	const RankFitData *data = fitting->data;
	const RankExample *example = &data->example[opinion->example];
	const Config *config = &data->sizes.config;
	int32_t		length = example->position < config->max_length
		? example->position : config->max_length;
	int64_t		first = data->start[example->sequence] + example->position - length;
	int32_t    *feature[CONFIG_MAX_FEATURES];
	TopKRequest scan = {.top = &opinion->top, .candidates = candidates, .lower = lower};
	HistoryReading reading;

	for (int32_t f = 0; f < config->features; f++)
		feature[f] = data->feature[f] + first;
	reading = infer_read(&fitting->infer, data->item + first, feature, length);
	scan.representation = reading.representation;
	scan.copies = reading.copies;
	infer_rank(&fitting->infer, &scan, 1);
	topk_sort(&opinion->top);
	opinion->log_normaliser = scan.log_normaliser;
	memcpy(opinion->representation, scan.representation,
		   (size_t) config_output_dim(config) * sizeof(float));
	if (reading.copies.count > 0)
		memcpy(opinion->slot, reading.copies.slot,
			   (size_t) reading.copies.count * sizeof(CopySlot));
	opinion->copies = reading.copies;
	opinion->copies.slot = opinion->slot;
}

/* Ask the network about the first examples of each shard that were held out from it. */
static NnStatus
collect_opinions(Fitting *fitting)
{
	const RankFitData *data = fitting->data;
	const Allocator *allocator = &fitting->calls->temporary;
	Scored	   *candidates = ALLOCATE(allocator, Scored, coded_topk_room(CANDIDATES_NETWORK));
	float	   *lower = ALLOCATE(allocator, float, coded_topk_room(CANDIDATES_NETWORK));
	int32_t		columns = config_output_dim(&data->sizes.config);
	int32_t		most = data->sizes.config.copy ? data->sizes.config.max_length : 0;

	for (int32_t s = 0; s < SHARDS; s++)
	{
		float	   *representation;
		CopySlot   *slot;
		Scored	   *best;

		if (!shards_mine(&fitting->sharing, s))
			continue;
		fitting->opinion[s] = ALLOCATE(allocator, Opinion, MAX_VOTE_EXAMPLES);
		representation = ALLOCATE(allocator, float, MAX_VOTE_EXAMPLES * columns);
		best = ALLOCATE(allocator, Scored, MAX_VOTE_EXAMPLES * CANDIDATES_NETWORK);
		slot = ALLOCATE(allocator, CopySlot, MAX_VOTE_EXAMPLES * most);
		for (int32_t e = s; e < data->sizes.examples; e += SHARDS)
		{
			int32_t		number = fitting->opinions[s];
			Opinion    *opinion = &fitting->opinion[s][number];

			if (!data->held_out[e])
				continue;
			if (number == MAX_VOTE_EXAMPLES)
				break;
			if (!go_on(fitting))
				return NN_CANCELLED;
			*opinion = (Opinion) {
				e, {CANDIDATES_NETWORK, 0, best + number * CANDIDATES_NETWORK},
				representation + (size_t) number * (size_t) columns, slot + (size_t) number * (size_t) most, {0}, 0
			};
			ask_network(fitting, opinion, candidates, lower);
			fitting->opinions[s]++;
		}
	}
	return NN_OK;
}

/* ---------------------------------------------------------------- fitting */

/* Candidates of a shard that there is room for. */
static int64_t
vote_room(const Fitting *fitting, int32_t shard)
{
	int32_t		examples = fitting->opinions[shard];

	return (int64_t) (examples < FULL_VOTE_EXAMPLES ? examples : FULL_VOTE_EXAMPLES) *
		CANDIDATES_MAX;
}

static VoteExamples
vote_examples_create(const Fitting *fitting, int32_t shard)
{
	const Allocator *allocator = &fitting->calls->temporary;
	int32_t		examples = fitting->opinions[shard];
	int64_t		room = vote_room(fitting, shard);

	return (VoteExamples) {
		.start = ALLOCATE(allocator, int32_t, examples + 1),
		.target = ALLOCATE(allocator, int32_t, examples),
		.score = ALLOCATE(allocator, float, room),
		.input = ALLOCATE(allocator, float, room * VOTES)
	};
}

/* The candidates of a shard's examples held out, as a ranker scores them. */
static NnStatus
read_votes(VoteExamples *votes, int32_t *asked, Fitting *fitting, int32_t shard,
		   const Ranker *ranker)
{
	AnswerScratch *answer_scratch = &fitting->answer_scratch;

	*asked = 0;
	votes->start[0] = 0;
	for (int32_t o = 0; o < fitting->opinions[shard]; o++)
	{
		const Opinion *asking = &fitting->opinion[shard][o];
		int32_t		first = votes->start[votes->examples];
		NetworkOpinion opinion = network_opinion(&fitting->model,
												 &(HistoryReading) {asking->representation, asking->copies},
												 &asking->top, asking->log_normaliser);
		int32_t		count;

		if (first + CANDIDATES_MAX > vote_room(fitting, shard))
			break;
		if (!go_on(fitting))
			return NN_CANCELLED;
		count = find_candidates(fitting, &fitting->data->example[asking->example], &opinion,
								answer_scratch->features, &votes->target[votes->examples]);
		(*asked)++;
		if (votes->target[votes->examples] < 0)
			continue;
		ranker_scores(ranker, answer_scratch->features, count, answer_scratch->scratch,
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
	Sharing    *sharing = &fitting->sharing;
	Vote	   *vote = &stage->vote[fitting->which];
	VoteExamples votes[SHARDS] = {0};
	int32_t		asked[SHARDS];
	double		sum[3];			/* asked, with the target, hits */

	for (int32_t s = 0; s < SHARDS; s++)
	{
		if (!shards_mine(sharing, s))
			continue;
		votes[s] = vote_examples_create(fitting, s);
		if (read_votes(&votes[s], &asked[s], fitting, s, ranker) != NN_OK)
			return NN_CANCELLED;
	}
	if (vote_fit(vote, votes, ALLOCATE(&fitting->calls->temporary, float, CANDIDATES_MAX),
				 sharing) != NN_OK)
		return NN_CANCELLED;
	for (int32_t s = 0; s < SHARDS; s++)
	{
		double	   *out = shards_doubles(sharing, s);

		if (!shards_mine(sharing, s))
			continue;
		out[0] = asked[s];
		out[1] = votes[s].examples;
		out[2] = vote_hits(vote, &votes[s], RANK_HIT_RATE_K);
	}
	shards_sum_doubles(sharing, sum, 3);
	stage->missed[fitting->which] = (float) (1 - sum[1] / sum[0]);
	*hit_rate = sum[2] / sum[0];
	return NN_OK;
}

/* Fit one of the rankers, and the network's vote beside it. */
static NnStatus
fit_stage(RankStage *stage, Fitting *fitting, int which, bool measured, double *hit_rate)
{
	const RankFitCalls *calls = fitting->calls;
	Ranker	   *ranker = &stage->ranker[which];
	double		examples = fitting->data->sizes.examples;
	float		missed;
	Ranker		trial;

	fitting->which = which;
	ranker_bind(ranker, ALLOCATE(&calls->lasting, float, ranker_count()));
	memset(ranker->block, 0, ranker->count * sizeof(float));
	begin_part(fitting, COLLECTING_COST * examples, examples / calls->ranks);
	if (ranker_collect(fitting->examples, ranker, &fitting->sharing) != NN_OK)
		return NN_CANCELLED;
	begin_part(fitting, TRAINING_COST * EPOCHS * examples,
			   (double) ranker_steps(fitting->examples, true, EPOCHS));
	if (ranker_train(ranker, fitting->examples, true, EPOCHS, &fitting->sharing,
					 &stage->missed[which]) != NN_OK)
		return NN_CANCELLED;
	if (!measured)
		return NN_OK;
	ranker_bind(&trial, ALLOCATE(&calls->temporary, float, ranker_count()));
	memcpy(trial.block, ranker->block, ranker->count * sizeof(float));
	begin_part(fitting, TRAINING_COST * TRIAL_EPOCHS * examples,
			   (double) ranker_steps(fitting->examples, false, TRIAL_EPOCHS));
	if (ranker_train(&trial, fitting->examples, false, TRIAL_EPOCHS, &fitting->sharing,
					 &missed) != NN_OK)
		return NN_CANCELLED;
	begin_part(fitting, MEASURING_COST * fitting->asking, fitting->asking / calls->ranks);
	return measure(stage, fitting, &trial, hit_rate);
}

/* Take working memory. */
static void
prepare(Fitting *fitting)
{
	RankFitData *data = fitting->data;
	const RankFitCalls *calls = fitting->calls;
	const Allocator *allocator = &calls->temporary;
	RankerSource source = {
		.example = read_example,
		.context = fitting,
		.examples = data->sizes.examples,
		.held_out = data->held_out,
		.memory = data->sizes.memory,
		.seed = data->sizes.seed
	};
	Arena		arena = {0};

	fitting->sharing = (Sharing) {
		.rank = calls->rank,
		.ranks = calls->ranks,
		.interrupt = {go_on, fitting},
		.barrier = calls->barrier,
		.barrier_context = calls->barrier_context,
		.board = data->board,
		.width = board_width()
	};
	fitting->model = (Model) {
		.config = data->sizes.config,
		.params = data->params,
		.index = data->index
	};
	fitting->candidate = ALLOCATE(allocator, Candidate, CANDIDATES_MAX);
	fitting->examples = ranker_examples_create(&source, &fitting->sharing, allocator);
	answer_scratch_place(&fitting->answer_scratch, &arena);
	infer_place(&fitting->infer, &arena, model_network(&fitting->model), 1);
	arena = (Arena) {ALLOCATE(allocator, char, arena.used), 0};
	answer_scratch_place(&fitting->answer_scratch, &arena);
	infer_place(&fitting->infer, &arena, model_network(&fitting->model), 1);
	answer_scratch_start(&fitting->answer_scratch);
}

/* What a fit costs; asking: examples to measure by. */
static double
total_cost(double examples, double asking, bool facts)
{
	double		epochs = EPOCHS + (asking > 0 ? TRIAL_EPOCHS : 0);
	double		rankers = facts ? 2 : 1;

	return OPINION_COST * asking + rankers *
		((COLLECTING_COST + TRAINING_COST * epochs) * examples + MEASURING_COST * asking);
}

double
rank_fit_seconds(int32_t sequences, int64_t tokens, bool facts, bool times, int32_t ranks)
{
	double		windows = (double) (tokens - sequences);
	double		most = most_examples(tokens - sequences, times);
	double		examples = fmin(windows, most) +
		(times ? fmin(windows * PERIOD_SHARE * RANK_FIT_PERIODS, most) : 0);
	double		counting = COUNTING_COST * (double) tokens *
		(times ? RANK_FIT_PERIODS + 1 : 1);

	return (counting + total_cost(examples, fmin(examples, MAX_VOTE_EXAMPLES * SHARDS), facts) /
			ranks) / MICROSECONDS;
}

NnStatus
rank_fit_run(RankStage *stage, RankFitData *data, const RankFitCalls *calls, double *hit_rate)
{
	Fitting    *fitting = ALLOCATE(&calls->temporary, Fitting, 1);
	int32_t		held_out = 0;
	bool		measured;

	memset(fitting, 0, sizeof(*fitting));
	fitting->data = data;
	fitting->calls = calls;
	prepare(fitting);
	for (int32_t e = 0; e < data->sizes.examples; e++)
		held_out += data->held_out[e];
	measured = held_out > 0 && held_out < data->sizes.examples;
	stage->kinds = data->sizes.kinds;
	stage->times = data->sizes.times;
	fitting->asking = measured ? fmin(held_out, MAX_VOTE_EXAMPLES * SHARDS) : 0;
	fitting->progress.total = total_cost(data->sizes.examples, fitting->asking,
										 stage->kinds || stage->times);
	*hit_rate = NAN;
	begin_part(fitting, OPINION_COST * fitting->asking, fitting->asking / calls->ranks);
	if (measured && collect_opinions(fitting) != NN_OK)
		return NN_CANCELLED;
	if (fit_stage(stage, fitting, RANKER_PLAIN, measured, hit_rate) != NN_OK ||
		((stage->kinds || stage->times) &&
		 fit_stage(stage, fitting, RANKER_FULL, measured, hit_rate) != NN_OK))
		return NN_CANCELLED;
	stage->present = true;
	return NN_OK;
}
