/*
 * adam.h
 *	  Adam (Kingma and Ba, ICLR 2015) with clipping by the global norm.
 */
#ifndef NN_ADAM_H
#define NN_ADAM_H

#include "nn/kernels.h"

#define ADAM_BETA1 0.9f
#define ADAM_BETA2 0.999f
#define ADAM_EPSILON 1e-7f

/*
 * The constants of step number `step` (the first is 1).  norm: of the whole
 * gradient; it is scaled down to clip_norm where larger (0: never).
 */
extern AdamStep adam_step(int64_t step, float learning_rate, double norm,
						  float clip_norm);

#endif							/* NN_ADAM_H */
