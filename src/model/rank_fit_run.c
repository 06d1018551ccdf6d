/*
 * rank_fit_run.c
 *	  Makes the second stage of a model from the data that the network was
 *	  trained on: the part of one process.
 */
#include "model/rank_fit.h"

#include <math.h>
#include <string.h>

#include "model/rank_fit_internal.h"
#include "nn/nn.h"
#include "rank/sort.h"

/* The history of an example, with what a ranker reads of its events. */
static RankHistory
history_of(const RankFitData *data, const RankExample *example, int which)
{
	int64_t		start = data->start[example->sequence];
	bool		full = which == RANKER_FULL;

	return (RankHistory) {
		.length = example->position,
		.item = data->item + start,
		.category = data->sizes.config.features > 0 ? data->feature[0] + start : NULL,
		.bought = full && data->sizes.kinds ? data->bought + start : NULL,
		.hours = full && data->sizes.times ? data->hours + start : NULL,
		.own_sequence = example->counts == RANK_FIT_ALL_COUNTS ? example->sequence : -1
	};
}

/* Describe the candidates that were chosen, if the item that came next is one: *target tells. */
static int32_t
describe(Fitting *fitting, const RankExample *example, const NetworkOpinion *opinion,
		 float *features, int32_t *target)
{
	const RankFitData *data = fitting->data;
	int32_t		next = data->item[data->start[example->sequence] + example->position];
	int32_t		count;

	*target = -1;
	if (!candidates_have(fitting->answer_scratch.work, next))
		return 0;
	count = candidates_describe(fitting->answer_scratch.work, opinion, fitting->candidate,
								features);
	for (int32_t c = 0; c < count; c++)
	{
		if (fitting->candidate[c].item == next)
			*target = c;
	}
	return count;
}

int32_t
rank_fit_find_candidates(Fitting *fitting, const RankExample *example,
						 const NetworkOpinion *opinion, float *features, int32_t *target)
{
	const RankFitData *data = fitting->data;
	RankHistory history = history_of(data, example, fitting->which);

	candidates_choose(fitting->answer_scratch.work, &data->counts[example->counts], &history,
					  opinion);
	return describe(fitting, example, opinion, features, target);
}

/* RankerExample; the evidence is the same for all rankers. */
static void
read_example(void *context, int32_t index, RankerInput *input)
{
	Fitting    *fitting = context;
	const RankFitData *data = fitting->data;
	const RankExample *example = &data->example[index];
	CandidateWork *work = fitting->answer_scratch.work;

	for (int which = fitting->rankers - 1; which >= 0; which--)
	{
		RankHistory history = history_of(data, example, which);

		if (which == fitting->rankers - 1)
			candidates_choose(work, &data->counts[example->counts], &history, NULL);
		else
			candidates_choose_again(work, &history, NULL);
		input[which].rows = describe(fitting, example, NULL, input[which].features,
									 &input[which].target);
	}
}

/* Where an example is read. */
typedef struct Place
{
	RankExample example;
	int32_t		number;
} Place;

static int
compare_places(const void *a, const void *b)
{
	const RankExample *x = &((const Place *) a)->example;
	const RankExample *y = &((const Place *) b)->example;

	if (x->counts != y->counts)
		return x->counts - y->counts;
	if (x->sequence != y->sequence)
		return x->sequence - y->sequence;
	return x->position - y->position;
}

/*
 * The order in which examples read what is near each other: sequences that end about
 * the same time have items in common.
 */
static int32_t *
order_examples(const Fitting *fitting)
{
	const RankFitData *data = fitting->data;
	const Allocator *allocator = &fitting->calls->temporary;
	int32_t		count = data->sizes.examples;
	int32_t    *order = ALLOCATE(allocator, int32_t, count);
	Place	   *place = ALLOCATE(allocator, Place, count);
	Place	   *spare = ALLOCATE(allocator, Place, count);

	for (int32_t e = 0; e < count; e++)
		place[e] = (Place) {data->example[e], e};
	if (sort_elements(place, spare, (size_t) count, sizeof(Place), compare_places,
					  &fitting->calls->interrupt) != NN_OK)
		return NULL;
	for (int32_t e = 0; e < count; e++)
		order[e] = place[e].number;
	return order;
}

/* Find the candidates of all examples, for all rankers. */
static NnStatus
collect(RankStage *stage, Fitting *fitting)
{
	const RankFitCalls *calls = fitting->calls;
	double		examples = fitting->data->sizes.examples;
	Ranker	   *rankers[RANKERS];

	for (int r = 0; r < fitting->rankers; r++)
	{
		rankers[r] = &stage->ranker[r];
		ranker_bind(rankers[r], ALLOCATE(&calls->lasting, float, ranker_count()));
		memset(rankers[r]->block, 0, rankers[r]->count * sizeof(float));
	}
	rank_fit_begin_part(fitting, rank_fit_collecting_cost(examples, fitting->rankers > 1),
						examples / calls->ranks);
	return ranker_collect(fitting->examples, rankers, fitting->rankers, &fitting->sharing);
}

/* Fit one of the rankers, and the network's vote beside it. */
static NnStatus
fit_stage(RankStage *stage, Fitting *fitting, int which, bool measured, double *hit_rate)
{
	const RankFitCalls *calls = fitting->calls;
	Ranker	   *ranker = &stage->ranker[which];
	double		examples = fitting->data->sizes.examples;
	RankerExamples *collected = fitting->examples[which];
	float		missed;
	Ranker		trial;

	fitting->which = which;
	rank_fit_begin_part(fitting, rank_fit_training_cost(examples, RANK_FIT_EPOCHS),
						(double) ranker_steps(collected, true, RANK_FIT_EPOCHS));
	if (ranker_train(ranker, collected, true, RANK_FIT_EPOCHS, &fitting->sharing,
					 &stage->missed[which]) != NN_OK)
		return NN_CANCELLED;
	if (!measured)
		return NN_OK;
	ranker_bind(&trial, ALLOCATE(&calls->temporary, float, ranker_count()));
	memcpy(trial.block, ranker->block, ranker->count * sizeof(float));
	rank_fit_begin_part(fitting, rank_fit_training_cost(examples, RANK_FIT_TRIAL_EPOCHS),
						(double) ranker_steps(collected, false, RANK_FIT_TRIAL_EPOCHS));
	if (ranker_train(&trial, collected, false, RANK_FIT_TRIAL_EPOCHS, &fitting->sharing,
					 &missed) != NN_OK)
		return NN_CANCELLED;
	rank_fit_begin_part(fitting, rank_fit_measuring_cost(fitting->asking),
						fitting->asking / calls->ranks);
	return rank_fit_measure(stage, fitting, &trial, hit_rate);
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
		.memory = data->sizes.memory / (size_t) fitting->rankers,
		.seed = data->sizes.seed
	};
	Arena		arena = {0};

	fitting->sharing = (Sharing) {
		.rank = calls->rank,
		.ranks = calls->ranks,
		.interrupt = {rank_fit_go_on, fitting},
		.barrier = calls->barrier,
		.barrier_context = calls->barrier_context,
		.board = data->board,
		.width = rank_fit_board_width()
	};
	fitting->model = (Model) {
		.config = data->sizes.config,
		.params = data->params,
		.index = data->index
	};
	fitting->candidate = ALLOCATE(allocator, Candidate, CANDIDATES_MAX);
	source.order = order_examples(fitting);
	for (int r = 0; r < fitting->rankers; r++)
		fitting->examples[r] = ranker_examples_create(&source, &fitting->sharing, allocator);
	answer_scratch_place(&fitting->answer_scratch, &arena);
	infer_place(&fitting->infer, &arena, model_network(&fitting->model), 1);
	arena = (Arena) {ALLOCATE(allocator, char, arena.used), 0};
	answer_scratch_place(&fitting->answer_scratch, &arena);
	infer_place(&fitting->infer, &arena, model_network(&fitting->model), 1);
	answer_scratch_start(&fitting->answer_scratch);
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
	fitting->rankers = data->sizes.kinds || data->sizes.times ? RANKERS : 1;
	prepare(fitting);
	for (int32_t e = 0; e < data->sizes.examples; e++)
		held_out += data->held_out[e];
	measured = held_out > 0 && held_out < data->sizes.examples;
	stage->kinds = data->sizes.kinds;
	stage->times = data->sizes.times;
	fitting->asking = measured ? fmin(held_out, RANK_FIT_MOST_ASKED) : 0;
	rank_fit_begin_progress(fitting);
	*hit_rate = NAN;
	rank_fit_begin_part(fitting, rank_fit_opinions_cost(fitting->asking, data->sizes.config.items),
						fitting->asking / calls->ranks);
	if ((measured && rank_fit_collect_opinions(fitting) != NN_OK) ||
		collect(stage, fitting) != NN_OK)
		return NN_CANCELLED;
	for (int r = 0; r < fitting->rankers; r++)
	{
		if (fit_stage(stage, fitting, r, measured, hit_rate) != NN_OK)
			return NN_CANCELLED;
	}
	stage->present = true;
	return NN_OK;
}
