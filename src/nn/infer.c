/*
 * infer.c
 *	  From a history to the best items.
 */
#include "nn/infer.h"

#include <math.h>
#include <string.h>

#include "nn/exclusion.h"

void
infer_place(Infer *infer, Arena *arena, TrainedNetwork trained, int32_t histories)
{
	const Config *config = trained.config;
	int32_t		columns = config_output_dim(config);
	BatchCapacity capacity = {histories, config->max_length};

	infer->trained = trained;
	infer->kernels = kernels_best();
	infer->groups = ARENA_TAKE(arena, WindowGroup, histories);
	infer->chosen = ARENA_TAKE(arena, int64_t, histories);
	batch_place(&infer->batch, arena, config, &capacity);
	network_place(&infer->network, arena, config, infer->kernels, &capacity, false);
	coded_topk_place(&infer->coded, arena, columns);
	infer->representation = ARENA_TAKE(arena, float, (size_t) histories * columns);
	infer->logits = ARENA_TAKE(arena, float, INFER_TILE);
}

void
infer_representations(Infer *infer, const Dataset *dataset)
{
	for (int32_t s = 0; s < dataset->sequences; s++)
	{
		infer->groups[s] = batch_history(dataset, s, infer->trained.config->max_length);
		infer->chosen[s] = s;
	}
	batch_fill(&infer->batch, dataset, infer->groups, infer->chosen,
			   dataset->sequences, false);
	network_forward(infer->representation, &infer->network, infer->trained.params,
					&infer->batch, NULL);
}

HistoryReading
infer_reading(const Infer *infer, int32_t w)
{
	const Config *config = infer->trained.config;
	HistoryReading reading = {
		.representation = infer->representation + (size_t) w * config_output_dim(config)
	};

	if (config->copy)
		reading.copies = copies_of_window(&infer->network.copying, w);
	return reading;
}

HistoryReading
infer_read(Infer *infer, const int32_t *item, int32_t *const feature[], int32_t length)
{
	int64_t		start[2] = {0, length};
	Dataset		dataset = {
		.sequences = 1,
		.start = start,
		.item = item,
		.features = infer->trained.config->features
	};

	for (int32_t f = 0; f < dataset.features; f++)
		dataset.feature[f] = feature[f];
	infer_representations(infer, &dataset);
	return infer_reading(infer, 0);
}

/* Score all items in floating point. */
static void
scan_all(Infer *infer, TopKRequest *request)
{
	const Params *params = infer->trained.params;
	int32_t		columns = config_output_dim(infer->trained.config);
	int32_t		items = infer->trained.config->items;
	float		maximum = -INFINITY;
	float		sum = 0;
	int32_t		last;

	for (int32_t first = 0; first < items; first = last)
	{
		last = first + INFER_TILE < items ? first + INFER_TILE : items;
		infer->kernels->score_rows(infer->logits,
								   params->output_weight + (size_t) first * columns,
								   request->representation, last - first, columns);
		infer->kernels->softmax_statistics(infer->logits, params->output_bias + first,
										   last - first, &maximum, &sum);
		for (int32_t i = first; i < last; i++)
		{
			float		logit = infer->logits[i - first];

			if (logit >= topk_threshold(request->top) &&
				!exclusion_test(request->excluded, i))
				topk_offer(request->top, (Scored) {i, logit});
		}
	}
	request->log_normaliser = maximum + logf(sum);
}

/* What the softmax alone says becomes what it and the pointer say. */
static void
add_copies(const Infer *infer, TopKRequest *request)
{
	const Params *params = infer->trained.params;
	int32_t		columns = config_output_dim(infer->trained.config);
	const Copies *copies = &request->copies;
	TopK	   *top = request->top;
	Scored	   *found = request->candidates;	/* which the scan has no more use for */
	int32_t		generated = top->count;

	request->log_normaliser += copies_shift(copies);
	if (copies->count == 0)
		return;
	memcpy(found, top->heap, (size_t) generated * sizeof(Scored));
	top->count = 0;
	for (int32_t i = 0; i < generated; i++)
	{
		if (copies_probability(copies, found[i].item) == 0)
			topk_offer(top, found[i]);
	}
	for (int32_t c = 0; c < copies->count; c++)
	{
		int32_t		item = copies->slot[c].item;
		float		logit;

		if (item >= infer->trained.config->items || exclusion_test(request->excluded, item) ||
			copies->slot[c].probability == 0)
			continue;
		infer->kernels->score_rows(&logit, params->output_weight + (size_t) item * columns,
								   request->representation, 1, columns);
		logit += params->output_bias[item] - request->log_normaliser;
		topk_offer(top, (Scored) {
			item, copies_log_sum(copies, item, logit) + request->log_normaliser
		});
	}
}

void
infer_rank(Infer *infer, TopKRequest *requests, int32_t count)
{
	const TrainedNetwork *trained = &infer->trained;
	bool		few = count > 0 &&
		requests[0].top->k <= trained->config->items / INFER_CODED_SHARE;

	if (few)
		coded_topk_answer(&infer->coded, trained->codes, infer->kernels,
						  trained->params->output_weight, trained->params->output_bias,
						  config_output_dim(trained->config), requests, count);
	for (int32_t q = 0; q < count; q++)
	{
		if (!few || requests[q].failed)
			scan_all(infer, &requests[q]);
		add_copies(infer, &requests[q]);
	}
}

void
infer_rank_all(Infer *infer, TopKRequest *request)
{
	scan_all(infer, request);
	add_copies(infer, request);
}

/* Items whose weights are fetched together: most of them are in no cache. */
#define FEW_TOGETHER 32
#define CACHE_LINE 64

/* Offer some items. */
static void
offer_items(Infer *infer, TopKRequest *request, const int32_t *item, int32_t count)
{
	const Params *params = infer->trained.params;
	int32_t		columns = config_output_dim(infer->trained.config);

	for (int32_t i = 0; i < count; i++)
	{
		const float *weight = params->output_weight + (size_t) item[i] * columns;

		for (int32_t c = 0; c < columns; c += CACHE_LINE / (int32_t) sizeof(float))
			__builtin_prefetch(weight + c);
	}
	for (int32_t i = 0; i < count; i++)
	{
		float		logit;

		infer->kernels->score_rows(&logit, params->output_weight + (size_t) item[i] * columns,
								   request->representation, 1, columns);
		logit += params->output_bias[item[i]] - request->log_normaliser;
		topk_offer(request->top, (Scored) {
			item[i], copies_log_sum(&request->copies, item[i], logit) + request->log_normaliser
		});
	}
}

void
infer_rank_few(Infer *infer, TopKRequest *request)
{
	int32_t		items = infer->trained.config->items;
	int32_t		item[FEW_TOGETHER + 8];
	int32_t		count = 0;

	for (int32_t first = 0; first < items; first += 8)
	{
		uint32_t	left = (uint8_t) ~request->excluded[first / 8];

		for (; left != 0; left &= left - 1)
		{
			item[count] = first + __builtin_ctz(left);
			count += item[count] < items;
		}
		if (count >= FEW_TOGETHER)
		{
			offer_items(infer, request, item, count);
			count = 0;
		}
	}
	offer_items(infer, request, item, count);
}

void
infer_logits(Infer *infer, const float *representation, float *logits)
{
	const Params *params = infer->trained.params;
	int32_t		items = infer->trained.config->items;

	infer->kernels->score_rows(logits, params->output_weight, representation, items,
							   config_output_dim(infer->trained.config));
	for (int32_t i = 0; i < items; i++)
		logits[i] += params->output_bias[i];
}
