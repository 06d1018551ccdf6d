/*
 * network.h
 *	  The network below the output layer: from a batch of windows to one
 *	  representation a window, and back.
 */
#ifndef NN_NETWORK_H
#define NN_NETWORK_H

#include "nn/batch.h"
#include "nn/copy.h"
#include "nn/kernels.h"
#include "nn/lstm.h"
#include "nn/params.h"
#include "nn/rng.h"

/* Shorter than this a representation counts as so long: it has no direction. */
#define NETWORK_LEAST_LENGTH 1e-6f

/*
 * Activations of one batch.  `output` is what the next stage reads; its tokens
 * are those of the sequence layout as long as no stage has made each window's
 * differ, those of the window layout from then on.
 */
typedef struct LayerActivations
{
	LstmState	lstm[2];		/* forward, backward */
	float	   *output;			/* tokens x output dim; NULL for the last stage */
	float	   *attended;		/* window tokens x output dim; with attention */
} LayerActivations;

typedef struct Network
{
	const Config *config;
	const Kernels *kernels;
	Interrupt	interrupt;		/* none, unless the owner sets it */
	LayerActivations layer[CONFIG_MAX_LAYERS];
	float	   *input;			/* sequence tokens x input dim: embeddings */
	float	   *unprojected;	/* windows x representation dim; tied only */
	float	   *gate;			/* windows x item_dim; residual only */
	float	   *unscaled;		/* windows x item_dim: length 1; with a scale */
	float	   *length;			/* windows: before; likewise */
	Copying		copying;		/* with copying */
	float	   *projection;		/* scratch: sequence tokens x 4 units */
	float	   *attention;		/* scratch of attention */
	/* backward only */
	bool		trains;
	float	   *d_input;		/* sequence tokens x input dim */
	float	   *d_hidden[2];	/* window tokens x units */
	float	   *d_stage[2];		/* window tokens x widest stage */
	float	   *d_cell;			/* windows x units */
	float	   *previous;		/* window tokens x units */
	float	   *d_unprojected;	/* windows x representation dim; tied only */
	float	   *d_gate;			/* windows x item_dim; residual only */
} Network;

/* Lay out the activations for batches of that capacity. */
extern void network_place(Network *network, Arena *arena, const Config *config,
						  const Kernels *kernels, const BatchCapacity *capacity,
						  bool trains);

/*
 * Fill representation: windows x config_output_dim().  dropout: NULL, or the
 * stream that decides which units of each window, and which columns of each
 * token's embeddings, are dropped.
 */
extern void network_forward(float *representation, Network *network,
							const Params *params, const Batch *batch,
							const Rng *dropout);

/*
 * After network_forward with the same arguments: add the gradients of the
 * parameters before the output layer to *gradient, but for the embeddings,
 * whose gradient is left in network->d_input for embedding_backward.  With
 * copying, copy_loss_gradient comes before.
 * d_representation is used up.
 */
extern void network_backward(Params *gradient, float *d_representation,
							 Network *network, const Params *params,
							 const Batch *batch, const Rng *dropout);

#endif							/* NN_NETWORK_H */
