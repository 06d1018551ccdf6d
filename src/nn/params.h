/*
 * params.h
 *	  The parameters of a network in one block of floats, with named views.
 *
 * Gradients, Adam's moments and the best weights so far are blocks of the same
 * layout, so that clipping, stepping, copying, saving and loading are single
 * loops over the block.
 */
#ifndef NN_PARAMS_H
#define NN_PARAMS_H

#include "nn/config.h"

#define PARAMS_NAME_LENGTH 32
#define PARAMS_MAX_VIEWS (CONFIG_MAX_LAYERS * 6 + CONFIG_MAX_FEATURES + 9)

/* Places in a history that the scores of copying tell apart: rows of copy_place. */
#define COPY_RANKS 16			/* items seen after it, so many or more */
#define COPY_COUNTS 4			/* times that it was seen, likewise */

/* One LSTM direction; gate rows are in the order input, forget, cell, output. */
typedef struct LstmParams
{
	float	   *w_input;		/* 4 units x input */
	float	   *w_hidden;		/* 4 units x units */
	float	   *bias;			/* 4 units */
} LstmParams;

typedef struct Params
{
	float	   *block;
	size_t		count;			/* floats in the block */
	size_t		core_count;		/* of these, the first: all but the tables */
	LstmParams	lstm[CONFIG_MAX_LAYERS][2]; /* forward, backward */
	float	   *projection;		/* item_dim x representation; NULL unless tied */
	float	   *gate_weight;	/* item_dim x representation; NULL unless residual */
	float	   *gate_bias;		/* item_dim; likewise */
	float	   *copy_query;		/* input dim x representation; NULL unless copying */
	float	   *copy_bias;		/* input dim; likewise */
	float	   *copy_place;		/* COPY_RANKS x COPY_COUNTS; likewise */
	float	   *item_embedding; /* (items + 1) x item_dim; last: unknown item */
	float	   *feature_embedding[CONFIG_MAX_FEATURES];	/* values x feature_dim */
	float	   *output_weight;	/* items x output dim; item_embedding if tied */
	float	   *output_bias;	/* items */
} Params;

/* Where a view lies in the block. */
typedef struct ParamsView
{
	char		name[PARAMS_NAME_LENGTH];
	size_t		offset;			/* floats from the start of the block */
	size_t		rows;
	size_t		columns;
} ParamsView;

/*
 * List the views of a configuration in block order; returns their number and
 * sets *count to the floats of the whole block.  Views are padded to the
 * arena's alignment; the padding is zero and stays zero.
 */
extern int	params_views(const Config *config, ParamsView views[PARAMS_MAX_VIEWS],
						 size_t *count);

/* Whether a view is a vector; else it is a matrix, also of one column. */
extern bool params_view_is_vector(const ParamsView *view);

/* Floats of the block of a configuration. */
extern size_t params_count(const Config *config);

/* Floats of its first part: all but the tables of items and feature values. */
extern size_t params_core_count(const Config *config);

/* Point the views into a block of params_count(config) floats. */
extern void params_bind(Params *params, const Config *config, float *block);

/* Point the views of the core into a block of params_core_count(config) floats. */
extern void params_bind_core(Params *params, const Config *config, float *block);

/*
 * Fill with initial weights that depend on seed alone: embeddings uniform in
 * +-0.05, weights Glorot-uniform (Glorot and Bengio, AISTATS 2010), biases 0
 * but 1 for the forget gate (Gers et al., Neural Computation 2000).  With a
 * scale, the embeddings of items are then given length 1.
 */
extern void params_initialise(Params *params, const Config *config, uint64_t seed);

/*
 * With a scale, give the embeddings of items length 1, as the trainer keeps them;
 * for who has set some of them.
 */
extern void params_normalise(Params *params, const Config *config);

#endif							/* NN_PARAMS_H */
