/*
 * rerank.c
 *	  The model's best items in the order that rules give them.
 *
 * Rules choose among the model's best and the items that they name: row by row
 * the item of the highest value that no rule forbids.  The value is the
 * logarithm of the probability times its factors; with diversity it is weighed
 * against the likeness to the rows before, as maximal marginal relevance does
 * (Carbonell and Goldstein, SIGIR 1998), in logarithms, since probabilities
 * fall by orders of magnitude:
 *
 *	 (1 - diversity) log(probability) + diversity log(1 - greatest cosine)
 */
#include "serve/rerank.h"

#include <math.h>

#include "miscadmin.h"

#include "nn/nn.h"

/* Items to choose among. */
#define LEAST_POOL 50
#define POOL_PER_ROW 4

/* Below this the logarithms of probabilities and distances are all alike. */
#define LEAST_PROBABILITY 1e-12f
#define LEAST_DISTANCE 1e-3f

/* An item to choose. */
typedef struct Entry
{
	Scored		scored;			/* with the model's probability */
	float		value;			/* logarithm of it times its factors */
	float		norm;			/* of its embedding; 0: it has none */
	float		nearest;		/* greatest cosine to a row that is chosen; -1: none is */
	int32		category;
	bool		promoted;
	bool		chosen;
} Entry;

/* The choice for one request. */
typedef struct Choice
{
	const Rules *rules;
	const Request *request;
	const Model *model;
	int32		rows;			/* to choose */
	int32		entries;
	Entry	   *entry;			/* by falling value */
	int32	   *category_rows;	/* [values of the category] chosen, where they are limited */
	int32		first;			/* entries before it are all chosen */
	int32		owed;			/* promoted items still to choose */
} Choice;

int32
rerank_pool(const Rules *rules, const ModelCall *call)
{
	int64		items = (int64) call->cached->model.config.items + HISTORY_MAX_UNKNOWN;
	int64		wanted = call->k;

	if (rules->given && wanted > 0)
		wanted = Max(LEAST_POOL, POOL_PER_ROW * wanted);
	return (int32) Min(wanted, items);
}

static int
compare_entries(const void *a, const void *b)
{
	const Entry *x = a;
	const Entry *y = b;

	if (x->value != y->value)
		return x->value < y->value ? 1 : -1;
	return scored_before(x->scored, y->scored) ? -1 : 1;
}

static bool
is_promoted(const Rules *rules, int32 item)
{
	int32		low = 0;
	int32		high = rules->promoted_items;

	while (low < high)
	{
		int32		middle = low + (high - low) / 2;

		if (rules->promoted[middle] < item)
			low = middle + 1;
		else
			high = middle;
	}
	return low < rules->promoted_items && rules->promoted[low] == item;
}

/* The factor that an item is boosted by. */
static float
factor_of(const Rules *rules, int32 item, int32 category)
{
	float		factor = rules->category_factor != NULL ? rules->category_factor[category] : 1;
	int32		low = 0;
	int32		high = rules->boosts;

	while (low < high)
	{
		int32		middle = low + (high - low) / 2;

		if (rules->boost[middle].item < item)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < rules->boosts && rules->boost[low].item == item)
		factor *= rules->boost[low].score;
	return factor;
}

static void
add_entry(Choice *choice, Scored scored)
{
	const Model *model = choice->model;
	int32		category = request_category(choice->request, scored.item);
	int32		columns = model->config.item_dim;
	float		norm = 0;

	if (choice->rules->diversity > 0 && scored.item < model->config.items)
		norm = (float) sqrt(kernels_best()->sum_squares(model->params.item_embedding + (Size) scored.item * columns,
														(Size) columns));
	choice->entry[choice->entries++] = (Entry) {
		.scored = scored,
		.value = logf(fmaxf(scored.score, LEAST_PROBABILITY) *
					  factor_of(choice->rules, scored.item, category)),
		.norm = norm,
		.nearest = -1,
		.category = category,
		.promoted = is_promoted(choice->rules, scored.item)
	};
}

/* Add an item that rules name, if it may be answered and is not there yet.  pool: entries of the answer. */
static void
add_named(Choice *choice, int32 item)
{
	const Request *request = choice->request;

	for (int32 e = 0; e < choice->entries; e++)
	{
		if (choice->entry[e].scored.item == item)
			return;
	}
	if (!exclusion_test(request->question.excluded, item) &&
		!exclusion_test(choice->model->unavailable, item))
		add_entry(choice, (Scored) {item, request_probability(request, item)});
}

static void
collect(Choice *choice)
{
	const Rules *rules = choice->rules;
	const TopK *top = &choice->request->top;

	for (int32 i = 0; i < top->count; i++)
		add_entry(choice, top->heap[i]);
	for (int32 b = 0; b < rules->boosts; b++)
	{
		CHECK_FOR_INTERRUPTS();
		if (rules->boost[b].score > 1)
			add_named(choice, rules->boost[b].item);
	}
	for (int32 p = 0; p < rules->promoted_items; p++)
	{
		CHECK_FOR_INTERRUPTS();
		add_named(choice, rules->promoted[p]);
	}
	qsort(choice->entry, choice->entries, sizeof(Entry), compare_entries);
}

static bool
may_choose(const Choice *choice, const Entry *entry, bool only_promoted)
{
	return !entry->chosen && (entry->promoted || !only_promoted) &&
		(choice->category_rows == NULL || entry->category == 0 ||
		 choice->category_rows[entry->category] < choice->rules->max_per_category);
}

/* The entry for the next row, or NULL. */
static Entry *
choose_next(Choice *choice, bool only_promoted)
{
	float		diversity = (float) choice->rules->diversity;
	Entry	   *best = NULL;
	float		best_value = 0;

	while (choice->first < choice->entries && choice->entry[choice->first].chosen)
		choice->first++;
	for (int32 e = choice->first; e < choice->entries; e++)
	{
		Entry	   *entry = &choice->entry[e];
		float		value;

		if (!may_choose(choice, entry, only_promoted))
			continue;
		if (diversity == 0)
			return entry;		/* they are by falling value */
		value = (1 - diversity) * entry->value +
			diversity * logf(fmaxf(1 - entry->nearest, LEAST_DISTANCE));
		if (best == NULL || value > best_value)
		{
			best = entry;
			best_value = value;
		}
	}
	return best;
}

/* Note how near the other entries are to one that was chosen. */
static void
note_nearness(Choice *choice, const Entry *chosen)
{
	const Model *model = choice->model;
	const Kernels *kernels = kernels_best();
	int32		columns = model->config.item_dim;
	const float *vector = model->params.item_embedding + (Size) chosen->scored.item * columns;

	for (int32 e = choice->first; e < choice->entries && chosen->norm > 0; e++)
	{
		Entry	   *entry = &choice->entry[e];
		float		product;

		if (entry->chosen || !(entry->norm > 0))
			continue;
		kernels->score_rows(&product, model->params.item_embedding + (Size) entry->scored.item * columns,
							vector, 1, columns);
		entry->nearest = fmaxf(entry->nearest, product / (entry->norm * chosen->norm));
	}
}

/* Choose the rows, into the answer of the request. */
static void
choose(Choice *choice, TopK *top)
{
	top->count = 0;
	while (top->count < choice->rows)
	{
		Entry	   *entry = NULL;

		CHECK_FOR_INTERRUPTS();
		if (choice->owed >= choice->rows - top->count)
			entry = choose_next(choice, true);
		if (entry == NULL)
			entry = choose_next(choice, false);
		if (entry == NULL)
			break;
		entry->chosen = true;
		top->heap[top->count++] = entry->scored;
		choice->owed -= entry->promoted;
		if (choice->category_rows != NULL)
			choice->category_rows[entry->category]++;
		if (choice->rules->diversity > 0)
			note_nearness(choice, entry);
	}
}

void
rerank(const Rules *rules, Request *request, const Budget *budget)
{
	const Model *model = &request->call.cached->model;
	TopK	   *top = &request->top;
	Choice		choice = {.rules = rules, .request = request, .model = model};

	if (!rules->given || top->k == 0)
		return;
	choice.rows = Min(request->call.k, top->k);
	choice.owed = (int32) ceil(rules->promoted_share * choice.rows);
	choice.entry = budget_array(budget, Entry,
								(Size) top->count + rules->boosts + rules->promoted_items + 1);
	if (rules->max_per_category > 0)
	{
		Size		values = model->config.feature_values[CATEGORY_FEATURE];

		choice.category_rows = budget_array(budget, int32, values);
		memset(choice.category_rows, 0, sizeof(int32) * values);
	}
	collect(&choice);
	choose(&choice, top);
	pfree(choice.entry);
	if (choice.category_rows != NULL)
		pfree(choice.category_rows);
}
