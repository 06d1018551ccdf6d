/*
 * config.c
 *	  The shape of a network.
 */
#include "nn/config.h"

static bool
within(int32_t value, int32_t low, int32_t high)
{
	return value >= low && value <= high;
}

const char *
config_problem(const Config *config)
{
	if (!within(config->items, 1, CONFIG_MAX_VALUES))
		return "number of items out of range";
	if (!within(config->item_dim, 1, CONFIG_MAX_DIM))
		return "item dimension out of range";
	if (!within(config->features, 0, CONFIG_MAX_FEATURES))
		return "number of features out of range";
	for (int32_t f = 0; f < config->features; f++)
	{
		if (!within(config->feature_values[f], 1, CONFIG_MAX_VALUES))
			return "number of feature values out of range";
	}
	if (!within(config->feature_dim, 1, CONFIG_MAX_DIM))
		return "feature dimension out of range";
	if (!within(config->units, 1, CONFIG_MAX_UNITS))
		return "number of units out of range";
	if (!within(config->layers, 1, CONFIG_MAX_LAYERS))
		return "number of layers out of range";
	if (!within(config->max_length, 1, CONFIG_MAX_LENGTH))
		return "maximum length out of range";
	if (!(config->dropout >= 0 && config->dropout < 1))
		return "dropout out of range";
	if (!(config->embedding_dropout >= 0 && config->embedding_dropout < 1))
		return "dropout of embeddings out of range";
	if (!(config->scale >= 0 && config->scale <= CONFIG_MAX_SCALE))
		return "scale out of range";
	if (!config->tied && (config->scale > 0 || config->residual || config->copy))
		return "scale, residual or copying with output weights of their own";
	return NULL;
}

int32_t
config_input_dim(const Config *config)
{
	return config->item_dim + config->features * config->feature_dim;
}

int32_t
config_attention_layer(const Config *config)
{
	if (!config->attention)
		return -1;
	return config->layers == 1 ? 0 : config->layers - 2;
}

bool
config_layer_bidirectional(const Config *config, int32_t layer)
{
	bool		above_attention = config->attention &&
		layer > config_attention_layer(config);

	return config->bidirectional && !above_attention;
}

int32_t
config_layer_output_dim(const Config *config, int32_t layer)
{
	return config->units * (config_layer_bidirectional(config, layer) ? 2 : 1);
}

int32_t
config_layer_input_dim(const Config *config, int32_t layer)
{
	return layer == 0 ? config_input_dim(config)
		: config_layer_output_dim(config, layer - 1);
}

int32_t
config_representation_dim(const Config *config)
{
	return config_layer_output_dim(config, config->layers - 1);
}

int32_t
config_output_dim(const Config *config)
{
	return config->tied ? config->item_dim : config_representation_dim(config);
}
