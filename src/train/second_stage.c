/*
 * second_stage.c
 *	  The second stage of a model that was trained.
 */
#include "train/second_stage.h"

#include <math.h>

#include "guc.h"
#include "memory.h"
#include "model/rank_fit.h"
#include "train/parallel.h"
#include "train/progress.h"

/* The features that it is fitted to take this part of the memory for training. */
#define FEATURE_MEMORY_SHARE 2

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
second_stage_fit(Model *model, const SourceData *source, int32 first_unseen, uint64 seed)
{
	instr_time	start;
	MemoryContext temporary = AllocSetContextCreate(CurrentMemoryContext, "recseq ranker",
													ALLOCSET_DEFAULT_SIZES);
	EventData	events = {&source->data, source->bought, source->hours};
	Interrupt	interrupt = {parallel_may_go_on, NULL};
	double		hit_rate;
	RankFit		fit = {
		.events = &events,
		.items = source->items.count,
		.model = model,
		.first_unseen = first_unseen,
		.seed = seed,
		.memory = (Size) recseq_max_training_memory * 1024 / FEATURE_MEMORY_SHARE,
		.lasting = {second_stage_allocate, CurrentMemoryContext},
		.temporary = {second_stage_allocate, temporary},
		.interrupt = interrupt
	};
	RankFitCalls calls = {
		.ranks = 1,
		.interrupt = interrupt,
		.lasting = fit.lasting,
		.temporary = fit.temporary
	};
	RankFitData data;

	fit.item_category = dataset_item_category(source, &fit.categories);
	model->origin = source->origin;
	INSTR_TIME_SET_CURRENT(start);
	if (recseq_progress)
		ereport(NOTICE,
				(errmsg("fitting the second stage")));
	rank_fit_begin(&data, &model->rank, &fit);
	rank_fit_run(&model->rank, &data, &calls, &hit_rate);
	MemoryContextDelete(temporary);
	if (recseq_progress && !isnan(hit_rate))
		ereport(NOTICE,
				(errmsg("second stage: hit rate at %d %.4f, %.1f s", RANK_HIT_RATE_K, hit_rate,
						seconds_since(start))));
	return hit_rate;
}
