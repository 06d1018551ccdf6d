/*
 * adam.c
 *	  Adam with clipping by the global norm.
 */
#include "nn/adam.h"

#include <math.h>

AdamStep
adam_step(int64_t step, float learning_rate, double norm, float clip_norm)
{
	AdamStep	constants = {
		.beta1 = ADAM_BETA1,
		.beta2 = ADAM_BETA2,
		.epsilon = ADAM_EPSILON,
		.gradient_scale = 1
	};

	constants.rate = (float) (learning_rate / (1 - pow(ADAM_BETA1, (double) step)));
	constants.second_scale = (float) (1 / sqrt(1 - pow(ADAM_BETA2, (double) step)));
	if (clip_norm > 0 && norm > clip_norm)
		constants.gradient_scale = (float) (clip_norm / norm);
	return constants;
}
