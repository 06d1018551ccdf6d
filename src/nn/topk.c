/*
 * topk.c
 *	  The k items with the highest scores.
 */
#include "nn/topk.h"

/* Let heap[at] sink until no child is worse. */
static void
sink(Scored *heap, int32_t count, int32_t at)
{
	Scored		moving = heap[at];

	for (;;)
	{
		int64_t		child = 2 * (int64_t) at + 1;

		if (child >= count)
			break;
		if (child + 1 < count && scored_before(heap[child], heap[child + 1]))
			child++;
		if (!scored_before(moving, heap[child]))
			break;
		heap[at] = heap[child];
		at = (int32_t) child;
	}
	heap[at] = moving;
}

void
topk_offer(TopK *top, Scored candidate)
{
	int32_t		at;

	if (top->count == top->k)
	{
		if (top->k > 0 && scored_before(candidate, top->heap[0]))
		{
			top->heap[0] = candidate;
			sink(top->heap, top->count, 0);
		}
		return;
	}
	at = top->count++;
	while (at > 0 && scored_before(top->heap[(at - 1) / 2], candidate))
	{
		top->heap[at] = top->heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	top->heap[at] = candidate;
}

void
topk_sort(TopK *top)
{
	for (int32_t count = top->count; count > 1; count--)
	{
		Scored		worst = top->heap[0];

		top->heap[0] = top->heap[count - 1];
		top->heap[count - 1] = worst;
		sink(top->heap, count - 1, 0);
	}
}
