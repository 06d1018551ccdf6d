/*
 * attention.h
 *	  Self-attention of a window's tokens over themselves, without parameters:
 *	  out = softmax(x x^T / sqrt(columns)) x
 *	  (Vaswani et al., NeurIPS 2017, with query = key = value).
 */
#ifndef NN_ATTENTION_H
#define NN_ATTENTION_H

#include "nn/batch.h"

/*
 * out, input: tokens of the layout x columns.  scratch: attention_scratch()
 * floats.
 */
extern void attention_forward(float *out, const float *input, const Layout *layout,
							  int32_t columns, float *scratch);

/* Add the gradient of the input to d_input; d_out: that of out. */
extern void attention_backward(float *d_input, const float *d_out, const float *input,
							   const Layout *layout, int32_t columns, float *scratch);

/* Floats of scratch for rows of up to max_length tokens. */
extern size_t attention_scratch(int32_t max_length, int32_t columns);

#endif							/* NN_ATTENTION_H */
