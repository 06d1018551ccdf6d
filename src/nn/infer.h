/*
 * infer.h
 *	  From a history to the best items.
 */
#ifndef NN_INFER_H
#define NN_INFER_H

#include "nn/arena.h"
#include "nn/batch.h"
#include "nn/coded_topk.h"
#include "nn/network.h"
#include "nn/topk.h"

#define INFER_TILE 1024			/* items scored at once for one history */

/* Wanting more than one of so many items, scoring all of them costs less. */
#define INFER_CODED_SHARE 16

/* Where no more than one of so many items may be answered, looking at these alone costs less. */
#define INFER_FEW_SHARE 16

/* A network that is trained; not to be changed. */
typedef struct TrainedNetwork
{
	const Config *config;
	const Params *params;
	const CodedWeights *codes;	/* of params->output_weight */
} TrainedNetwork;

/* What the network makes of a history. */
typedef struct HistoryReading
{
	const float *representation;	/* config_output_dim() */
	Copies		copies;
} HistoryReading;

/* Working memory for some histories at a time. */
typedef struct Infer
{
	TrainedNetwork trained;
	const Kernels *kernels;
	WindowGroup *groups;		/* histories */
	int64_t    *chosen;			/* histories */
	Batch		batch;
	Network		network;
	CodedTopK	coded;
	float	   *representation; /* histories x config_output_dim() */
	float	   *logits;			/* INFER_TILE */
} Infer;

/* Lay out the working memory of a network for so many histories at a time. */
extern void infer_place(Infer *infer, Arena *arena, TrainedNetwork trained,
						int32_t histories);

/*
 * Fill infer->representation for the sequences of a dataset, none of them
 * empty, of which the newest max_length tokens are read.  Row w is that of
 * sequence infer->batch.window_chosen[w].
 */
extern void infer_representations(Infer *infer, const Dataset *dataset);

/* What was made of the history in row w; valid until the next histories are read. */
extern HistoryReading infer_reading(const Infer *infer, int32_t w);

/*
 * What the network makes of one history of `length` >= 1 tokens, oldest first.
 * item: 0 .. items and on (unknown); feature[f]: values.  The result is valid
 * until the next call.
 */
extern HistoryReading infer_read(Infer *infer, const int32_t *item, int32_t *const feature[],
						  int32_t length);

/*
 * Answer up to CODED_TOPK_QUERIES requests of one k (coded_topk.h): exp(logit -
 * log_normaliser) is the model's probability of an item.  That of an item that
 * may also be copied is in its logit.  Unknown items are not answered.
 */
extern void infer_rank(Infer *infer, TopKRequest *requests, int32_t count);

/*
 * The same for one, scoring every item in floating point: faster where much of
 * the vocabulary is wanted, and with a normaliser that is exact.
 */
extern void infer_rank_all(Infer *infer, TopKRequest *request);

/*
 * The same where few items are not excluded, which alone are looked at, and
 * request->log_normaliser is known.
 */
extern void infer_rank_few(Infer *infer, TopKRequest *request);

/* The logits of all items: logits[items]. */
extern void infer_logits(Infer *infer, const float *representation, float *logits);

#endif							/* NN_INFER_H */
