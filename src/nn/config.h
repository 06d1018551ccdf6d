/*
 * config.h
 *	  The shape of a network: what is needed to lay out its parameters and to
 *	  run it, and nothing else.
 */
#ifndef NN_CONFIG_H
#define NN_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONFIG_MAX_FEATURES 8
#define CONFIG_MAX_LAYERS 4
#define CONFIG_MAX_UNITS 1024
#define CONFIG_MAX_DIM 1024
#define CONFIG_MAX_COLUMNS (2 * CONFIG_MAX_UNITS)	/* of the output layer */
#define CONFIG_MAX_LENGTH 1000
#define CONFIG_MAX_SCALE 100.0f
#define CONFIG_MAX_VALUES (1 << 27) /* items, or values of one feature */

/*
 * Items are 0 .. items - 1; the embedding has one more row, index `items`, for
 * every item that is not in the vocabulary.  Values of a feature are
 * 1 .. feature_values[f] - 1; 0 stands for none and for unknown.
 *
 * The stack: embeddings, then `layers` LSTMs.  With attention, self-attention
 * reads the outputs of the LSTM below the last one (of the only one, where
 * there is one), and the last LSTM reads what attention gives, forward only.
 */
typedef struct Config
{
	int32_t		items;
	int32_t		item_dim;
	int32_t		features;
	int32_t		feature_values[CONFIG_MAX_FEATURES];
	int32_t		feature_dim;
	int32_t		units;			/* hidden units of one direction */
	int32_t		layers;
	int32_t		max_length;		/* newest items of a history that are read */
	bool		bidirectional;
	bool		attention;
	bool		tied;			/* output weights are the item embeddings */
	float		dropout;		/* of the representation, while training */
	float		embedding_dropout;	/* of the embeddings that are read, likewise */
	bool		residual;		/* the representation adds the newest item's embedding,
								 * as much of it as a gate lets through; tied only */
	float		scale;			/* of scores, which are cosines times this: embeddings
								 * of items and representations have length 1, and
								 * there are no biases; 0: no; tied only */
	bool		copy;			/* items of the history may be copied: copy.h; tied only */
} Config;

/* NULL if the configuration can be built, else what is wrong with it. */
extern const char *config_problem(const Config *config);

/* Columns of what the first LSTM reads: the embeddings side by side. */
extern int32_t config_input_dim(const Config *config);

/* Whether LSTM layer l reads in both directions. */
extern bool config_layer_bidirectional(const Config *config, int32_t layer);

/* Columns of what LSTM layer l gives. */
extern int32_t config_layer_output_dim(const Config *config, int32_t layer);

/* Columns of what LSTM layer l reads. */
extern int32_t config_layer_input_dim(const Config *config, int32_t layer);

/* The layer whose outputs self-attention reads, or -1. */
extern int32_t config_attention_layer(const Config *config);

/* Columns of the representation of a window, which the output layer reads. */
extern int32_t config_representation_dim(const Config *config);

/* Columns of the output weights: item_dim where tied, else as above. */
extern int32_t config_output_dim(const Config *config);

#endif							/* NN_CONFIG_H */
