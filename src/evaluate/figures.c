/*
 * figures.c
 *	  What a method comes to over its cases.
 */
#include "evaluate/figures.h"

#include "nn/nn.h"

Figures
figures_begin(int32 items)
{
	return (Figures) {.shown = palloc0(exclusion_bytes(items))};
}

static void
mean_add(Mean *mean, double value)
{
	mean->sum += value;
	mean->of_sequence += value;
}

CaseValue
case_value(int32 rank, int32 k)
{
	return (CaseValue) {
		metrics_hit(rank, k), metrics_reciprocal_rank(rank, k), metrics_ndcg(rank, k)
	};
}

void
figures_add(Figures *figures, CaseValue value)
{
	figures->cases++;
	figures->of_sequence++;
	mean_add(&figures->hit, value.hit);
	mean_add(&figures->reciprocal_rank, value.reciprocal_rank);
	mean_add(&figures->ndcg, value.ndcg);
}

void
figures_add_shown(Figures *figures, const Ranking *ranking, int32 k, const Baselines *baselines)
{
	for (int32 i = 0; i < ranking->top.count && i < k; i++)
	{
		int32		item = ranking->top.heap[i].item;

		figures->shows++;
		if (item < baselines->items && baselines->known > 0)
			figures->popularity += baselines->count[item] / baselines->popular[0].score;
		if (!exclusion_test(figures->shown, item))
		{
			exclusion_set(figures->shown, item);
			figures->items_shown++;
		}
	}
}

static void
mean_end_sequence(Mean *mean, int64 cases)
{
	mean->squares += mean->of_sequence * mean->of_sequence;
	mean->products += mean->of_sequence * (double) cases;
	mean->of_sequence = 0;
}

void
figures_end_sequence(Figures *figures)
{
	if (figures->of_sequence == 0)
		return;
	mean_end_sequence(&figures->hit, figures->of_sequence);
	mean_end_sequence(&figures->reciprocal_rank, figures->of_sequence);
	mean_end_sequence(&figures->ndcg, figures->of_sequence);
	figures->squares += (double) figures->of_sequence * (double) figures->of_sequence;
	figures->sequences++;
	figures->of_sequence = 0;
}

double
mean_value(const Figures *figures, const Mean *mean)
{
	return mean->sum / (double) figures->cases;
}
