/*
 * embedding.h
 *	  The embeddings of an item and of its features, side by side.
 */
#ifndef NN_EMBEDDING_H
#define NN_EMBEDDING_H

#include "nn/batch.h"
#include "nn/params.h"

/* out: sequence tokens of the batch x config_input_dim(). */
extern void embedding_forward(float *out, const Params *params,
							  const Config *config, const Batch *batch);

/*
 * Add the gradients of those rows of the tables that lazy_rows_owns gives to this
 * rank.  d_out: gradient of out, of that many tokens.
 */
extern void embedding_backward(Params *gradient, const float *d_out,
							   const Config *config, const Batch *batch,
							   int32_t tokens, int32_t rank, int32_t ranks);

#endif							/* NN_EMBEDDING_H */
