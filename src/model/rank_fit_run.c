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

int32_t
rank_fit_find_candidates(Fitting *fitting, const RankExample *example,
						 const NetworkOpinion *opinion, float *features, int32_t *target)
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

	return rank_fit_find_candidates(fitting, &fitting->data->example[index], NULL, features,
									target);
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
	rank_fit_begin_part(fitting, RANK_FIT_COLLECTING_COST * examples, examples / calls->ranks);
	if (ranker_collect(fitting->examples, ranker, &fitting->sharing) != NN_OK)
		return NN_CANCELLED;
	rank_fit_begin_part(fitting, RANK_FIT_TRAINING_COST * RANK_FIT_EPOCHS * examples,
						(double) ranker_steps(fitting->examples, true, RANK_FIT_EPOCHS));
	if (ranker_train(ranker, fitting->examples, true, RANK_FIT_EPOCHS, &fitting->sharing,
					 &stage->missed[which]) != NN_OK)
		return NN_CANCELLED;
	if (!measured)
		return NN_OK;
	ranker_bind(&trial, ALLOCATE(&calls->temporary, float, ranker_count()));
	memcpy(trial.block, ranker->block, ranker->count * sizeof(float));
	rank_fit_begin_part(fitting, RANK_FIT_TRAINING_COST * RANK_FIT_TRIAL_EPOCHS * examples,
						(double) ranker_steps(fitting->examples, false, RANK_FIT_TRIAL_EPOCHS));
	if (ranker_train(&trial, fitting->examples, false, RANK_FIT_TRIAL_EPOCHS, &fitting->sharing,
					 &missed) != NN_OK)
		return NN_CANCELLED;
	rank_fit_begin_part(fitting, RANK_FIT_MEASURING_COST * fitting->asking,
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
		.memory = data->sizes.memory,
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
	fitting->examples = ranker_examples_create(&source, &fitting->sharing, allocator);
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
	prepare(fitting);
	for (int32_t e = 0; e < data->sizes.examples; e++)
		held_out += data->held_out[e];
	measured = held_out > 0 && held_out < data->sizes.examples;
	stage->kinds = data->sizes.kinds;
	stage->times = data->sizes.times;
	fitting->asking = measured ? fmin(held_out, RANK_FIT_MOST_ASKED) : 0;
	fitting->progress.total = rank_fit_cost(data->sizes.examples, fitting->asking,
											stage->kinds || stage->times);
	*hit_rate = NAN;
	rank_fit_begin_part(fitting, RANK_FIT_OPINION_COST * fitting->asking,
						fitting->asking / calls->ranks);
	if (measured && rank_fit_collect_opinions(fitting) != NN_OK)
		return NN_CANCELLED;
	if (fit_stage(stage, fitting, RANKER_PLAIN, measured, hit_rate) != NN_OK ||
		((stage->kinds || stage->times) &&
		 fit_stage(stage, fitting, RANKER_FULL, measured, hit_rate) != NN_OK))
		return NN_CANCELLED;
	stage->present = true;
	return NN_OK;
}
