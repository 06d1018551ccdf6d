/*
 * embedding.h
 *	  The embeddings of an item and of its features, side by side.
 */
#ifndef NN_EMBEDDING_H
#define NN_EMBEDDING_H

#include "batch.h"
#include "params.h"

/* out: sequence tokens of the batch x config_input_dim(). */
extern void embedding_forward(float *out, const Params *params,
							  const Config *config, const Batch *batch);

/*
 * Add the gradients of those rows of the tables that fall to part `part` of
 * `parts`: as each row falls to one part, parts may run side by side.
 * d_out: gradient of out.
 */
extern void embedding_backward(Params *gradient, const float *d_out,
							   const Config *config, const Batch *batch,
							   int32_t part, int32_t parts);

#endif							/* NN_EMBEDDING_H */
