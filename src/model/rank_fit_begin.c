/*
 * rank_fit_begin.c
 *	  What a fit of the second stage begins with: counts, and examples.
 */
#include "model/rank_fit.h"

#include <string.h>

#include "model/rank_fit_internal.h"
#include "nn/nn.h"
#include "rank/sort.h"

#define LAST_EVENTS 5			/* of each sequence, that examples are drawn from */

/* Examples of a kind: one for so many windows, so that large data is learned better, within bounds. */
#define WINDOWS_PER_EXAMPLE 16
#define LEAST_EXAMPLES 20000	/* fewer only where there are no more */
#define MOST_EXAMPLES 40000		/* a fit's time and memory end somewhere */

/* What comes after an example's history is left out of the counts only so far. */
_Static_assert(LAST_EVENTS <= CANDIDATES_MAX_OWN, "examples would see what comes after them");
_Static_assert(RANK_FIT_PERIODS * RANK_FIT_PERIOD_SHARE < 1, "periods before the data begins");

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

int32_t
rank_fit_most_examples(int64_t windows, bool times)
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
take_periods(Drawing *drawing, Counts *counts, const RankFitScale *scale)
{
	const RankFit *fit = drawing->fit;
	const Dataset *dataset = fit->events->dataset;
	double		span = counts[RANK_FIT_ALL_COUNTS].span[0];

	for (int32_t p = 0; p < RANK_FIT_PERIODS; p++)
	{
		double		begin = span * (1 - RANK_FIT_PERIOD_SHARE * (p + 1));
		double		end = p > 0 ? begin + span * RANK_FIT_PERIOD_SHARE : span + 1;

		if (count_before(&counts[p], fit, begin) != NN_OK)
			return NN_CANCELLED;
		rank_fit_report_counts(fit, scale, p + 2);
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

NnStatus
rank_fit_begin(RankFitData *data, RankStage *stage, const RankFit *fit)
{
	const EventData *events = fit->events;
	const Dataset *dataset = events->dataset;
	int64_t		tokens = dataset->start[dataset->sequences];
	Drawing		drawing = {
		.fit = fit,
		.example = ALLOCATE(&fit->temporary, RankExample, 2 * tokens),
		.most = rank_fit_most_examples(tokens - dataset->sequences, events->hours != NULL)
	};
	RankFitScale scale;
	Arena		arena = {0};

	memset(stage, 0, sizeof(*stage));
	memset(data, 0, sizeof(*data));
	data->sizes = (RankFitSizes) {
		.config = fit->model->config,
		.seed = fit->seed,
		.memory = fit->memory,
		.sequences = dataset->sequences,
		.tokens = tokens,
		.kinds = events->bought != NULL,
		.times = events->hours != NULL
	};
	scale = rank_fit_scale(&data->sizes);
	if (count(&stage->counts, fit, events, &fit->lasting) != NN_OK)
		return NN_CANCELLED;
	rank_fit_report_counts(fit, &scale, 1);
	data->counts[RANK_FIT_ALL_COUNTS] = stage->counts;
	if ((events->hours != NULL && take_periods(&drawing, data->counts, &scale) != NN_OK) ||
		take_last_events(&drawing) != NN_OK)
		return NN_CANCELLED;
	shuffle_examples(&drawing, 0, drawing.examples, 2);
	data->sizes.examples = drawing.examples;
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
	rank_fit_place_board(&arena);
	arena = (Arena) {ALLOCATE(&fit->temporary, char, arena.used), 0};
	data->board = rank_fit_place_board(&arena).board;
	return NN_OK;
}
