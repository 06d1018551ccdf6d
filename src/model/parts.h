/*
 * parts.h
 *	  Everything that is needed to answer: the network, the ids it was trained
 *	  on, and what is known of each item.
 *
 * A model is written as one image of bytes and used in place: reading it sets
 * pointers into the image, which may lie in memory that processes share.
 */
#ifndef MODEL_PARTS_H
#define MODEL_PARTS_H

#include "nn/nn.h"
#include "rank/rank_stage.h"
#include "model/vocabulary.h"

#define MODEL_FEATURE_NAME 64	/* bytes of a feature's name, with its end */

typedef struct Model
{
	Config		config;
	Params		params;			/* not to be changed */
	CodedWeights	index;			/* of the output weights */
	Vocabulary	items;			/* config.items ids */
	Vocabulary	feature_values[CONFIG_MAX_FEATURES];	/* id i has value i + 1 */
	char		feature_name[CONFIG_MAX_FEATURES][MODEL_FEATURE_NAME];
	const int32_t *item_feature[CONFIG_MAX_FEATURES];	/* [items] values */
	const int32_t *item_count;	/* [items] occurrences in the training data */
	const int32_t *popular;		/* [items] most frequent first */
	const uint8_t *unavailable; /* a bit an item: it cannot be sold, and is not answered; NULL:
								 * no catalog is known, and all are answered */
	Vocabulary	purchases;		/* kinds of events that are purchases */
	int64_t		origin;			/* microseconds since 2000-01-01 00:00 UTC: time 0 of the counts */
	RankStage	rank;
} Model;

static inline TrainedNetwork
model_network(const Model *model)
{
	return (TrainedNetwork) {&model->config, &model->params, &model->index};
}

#endif							/* MODEL_PARTS_H */
