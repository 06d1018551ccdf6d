/*
 * memory.c
 *	  How much memory a call may take.
 */
#include "memory.h"

#include "guc.h"

Budget
budget_of_training(void)
{
	return (Budget) {
		.context = CurrentMemoryContext,
		.kilobytes = recseq_max_training_memory,
		.setting = "recseq.max_training_memory",
		.what = "the source",
		.hint = "Raise it, or pass a view with fewer sequences."
	};
}

Budget
budget_of_call(MemoryContext context)
{
	return (Budget) {
		.context = context,
		.kilobytes = recseq_max_call_memory,
		.setting = "recseq.max_call_memory",
		.what = "the call",
		.hint = "Raise it, or pass shorter arrays or a smaller \"k\"."
	};
}

static Size
bytes_left(const Budget *budget)
{
	Size		limit = (Size) budget->kilobytes * 1024;
	Size		taken = MemoryContextMemAllocated(budget->context, true);

	return taken < limit ? limit - taken : 0;
}

bool
budget_has(const Budget *budget, Size bytes)
{
	return bytes <= bytes_left(budget);
}

bool
budget_has_half(const Budget *budget, Size bytes)
{
	return bytes <= bytes_left(budget) / 2;
}

void
budget_check(const Budget *budget, Size bytes)
{
	if (!budget_has(budget, bytes))
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("%s needs more than %d MB of memory", budget->what,
						budget->kilobytes / 1024),
				 errdetail("That is the value of \"%s\".", budget->setting),
				 errhint("%s", budget->hint)));
}

void *
budget_take(const Budget *budget, Size bytes)
{
	budget_check(budget, bytes);
	return MemoryContextAllocHuge(CurrentMemoryContext, bytes);
}

void *
budget_resize(const Budget *budget, void *array, Size old_bytes, Size bytes)
{
	if (bytes > old_bytes)
		budget_check(budget, bytes - old_bytes);
	return repalloc_huge(array, bytes);
}
