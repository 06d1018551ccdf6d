/*
 * second_stage.c
 *	  The second stage of a model that was trained.
 */
#include "train/second_stage.h"

#include <math.h>

#include "guc.h"
#include "memory.h"
#include "model/model.h"
#include "segment.h"
#include "train/parallel.h"

/* The features that it is fitted to take this part of the memory for training. */
#define FEATURE_MEMORY_SHARE 2

/* A fit of fewer seconds is over before anybody asks how far it is. */
#define NOTICE_SECONDS 5

/* A worker takes milliseconds to start: too long where there is little to share. */
#define EXAMPLES_PER_WORKER 1000

void *
second_stage_allocate(void *context, size_t bytes)
{
	MemoryContext caller;
	void	   *memory;

	if (MemoryContextMemAllocated((MemoryContext) context, true) + bytes >
		(Size) recseq_max_training_memory * 1024)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("the second stage would need more than %d MB of memory",
						recseq_max_training_memory / 1024),
				 errdetail("That is the value of \"recseq.max_training_memory\"."),
				 errhint("Raise it, or train with \"ranker => false\".")));
	caller = MemoryContextSwitchTo((MemoryContext) context);
	memory = allocate_aligned(bytes);
	MemoryContextSwitchTo(caller);
	return memory;
}

double
second_stage_seconds(const SourceData *source, int workers)
{
	return rank_fit_seconds(&(RankFitScale) {
		.sequences = source->data.sequences,
		.tokens = source->data.start[source->data.sequences],
		.items = source->items.count,
		.facts = source->bought != NULL || source->hours != NULL,
		.times = source->hours != NULL
	}, workers + 1);
}

/* What the leader has besides the data that the processes share. */
typedef struct Leader
{
	RankFitData *data;
	RankStage  *stage;
	MemoryContext lasting;		/* for the stage */
	ProgressSlot *progress;
	instr_time	start;
	int			noticed;		/* quarters of the fit that there was a notice of */
	double		hit_rate;		/* result */
} Leader;

/* Show how far the fit is; a long one is spoken of at each quarter. */
static void
report_share(void *context, double share)
{
	Leader	   *leader = context;
	double		seconds = seconds_since(leader->start);
	double		left = seconds * (1 - share) / share;

	progress_second_stage(leader->progress, share);
	if (share * 4 < leader->noticed + 1 || share >= 1)
		return;
	leader->noticed = (int) (share * 4);
	if (recseq_progress && seconds + left > NOTICE_SECONDS)
		ereport(NOTICE,
				(errmsg("second stage: %.0f %% fitted, %.1f s, about %.0f s left",
						100 * share, seconds, left)));
}

/* ParallelFunction: a process's part. */
static NnStatus
second_stage_part(const ParallelPart *part)
{
	Leader	   *leader = part->leader;
	MemoryContext temporary = AllocSetContextCreate(CurrentMemoryContext, "recseq ranker",
													ALLOCSET_DEFAULT_SIZES);
	RankFitCalls calls = {
		.rank = part->rank,
		.ranks = part->ranks,
		.interrupt = {parallel_may_go_on, NULL},
		.barrier = part->barrier,
		.barrier_context = part->barrier_context,
		.lasting = {second_stage_allocate, temporary},
		.temporary = {second_stage_allocate, temporary}
	};
	Arena		arena = {part->block, 0};
	RankFitData data;
	RankStage	stage;
	double		hit_rate;
	NnStatus	status;

	if (leader != NULL)
	{
		calls.lasting.context = leader->lasting;
		calls.progress = report_share;
		calls.progress_context = leader;
		status = rank_fit_run(leader->stage, leader->data, &calls, &leader->hit_rate);
	}
	else
	{
		rank_fit_place(&data, &arena, part->details);
		status = rank_fit_run(&stage, &data, &calls, &hit_rate);
	}
	MemoryContextDelete(temporary);
	return status;
}

PGDLLEXPORT void recseq_second_stage_worker(dsm_segment *seg, shm_toc *toc);

/* Entry point of a worker. */
void
recseq_second_stage_worker(dsm_segment *seg, shm_toc *toc)
{
	parallel_worker(toc, second_stage_part);
}

/*
 * Move the data of a fit to where workers see it, if any are wanted and there is
 * room for it.
 */
static ParallelMemory
share_data(RankFitData *data, int workers)
{
	RankFitSizes sizes = data->sizes;
	ParallelMemory memory = {0};
	RankFitData shared;
	Arena		arena = {0};

	rank_fit_place(&shared, &arena, &sizes);
	if (workers == 0 || arena.used > (Size) recseq_max_training_memory * 1024)
		return memory;
	memory.segment = segment_create(arena.used);
	if (memory.segment == NULL)
		return memory;
	memory.block = dsm_segment_address(memory.segment);
	arena = (Arena) {memory.block, 0};
	rank_fit_place(&shared, &arena, &sizes);
	rank_fit_copy(&shared, data);
	*data = shared;
	return memory;
}

double
second_stage_fit(Model *model, const SourceData *source, const SecondStageOptions *options)
{
	MemoryContext counting = AllocSetContextCreate(CurrentMemoryContext, "recseq counts",
												   ALLOCSET_DEFAULT_SIZES);
	EventData	events = {&source->data, source->bought, source->hours};
	RankFitData data;
	Leader		leader = {
		.data = &data,
		.stage = &model->rank,
		.lasting = CurrentMemoryContext,
		.progress = options->progress
	};
	RankFit		fit = {
		.events = &events,
		.items = source->items.count,
		.min_support = options->min_support,
		.model = model,
		.first_unseen = options->first_unseen,
		.seed = options->seed,
		.memory = (Size) recseq_max_training_memory * 1024 / FEATURE_MEMORY_SHARE,
		.lasting = {second_stage_allocate, CurrentMemoryContext},
		.temporary = {second_stage_allocate, counting},
		.interrupt = {parallel_may_go_on, NULL},
		.ranks = options->workers + 1,
		.progress = report_share,
		.progress_context = &leader
	};
	ParallelMemory memory;
	RankFitSizes sizes;
	int			workers;

	fit.item_category = dataset_item_category(source, &fit.categories);
	model->origin = source->origin;
	INSTR_TIME_SET_CURRENT(leader.start);
	if (recseq_progress)
		ereport(NOTICE,
				(errmsg("fitting the second stage, about %.0f s",
						second_stage_seconds(source, options->workers))));
	rank_fit_begin(&data, &model->rank, &fit);
	workers = Min(options->workers, data.sizes.examples / EXAMPLES_PER_WORKER);
	memory = share_data(&data, workers);
	if (memory.segment != NULL)
		MemoryContextReset(counting);
	sizes = data.sizes;
	parallel_run("recseq_second_stage_worker", second_stage_part, &memory, workers,
				 &sizes, sizeof(sizes), &leader);
	if (memory.segment != NULL)
		dsm_detach(memory.segment);
	MemoryContextDelete(counting);
	if (recseq_progress && !isnan(leader.hit_rate))
		ereport(NOTICE,
				(errmsg("second stage: hit rate at %d %.4f, %.1f s", RANK_HIT_RATE_K,
						leader.hit_rate, seconds_since(leader.start))));
	return leader.hit_rate;
}
