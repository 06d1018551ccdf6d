/*
 * cosine.h
 *	  The rows of a matrix that point most nearly where one of them points.
 */
#ifndef NN_COSINE_H
#define NN_COSINE_H

#include "nn/exclusion.h"
#include "nn/kernels.h"
#include "nn/topk.h"

/*
 * Offer rows first .. first + count - 1 of a matrix, each of so many columns,
 * to top: the score is the cosine of the angle to row `like`, -1 .. 1.  Left
 * out are that row itself, those of the bits that are set in `excluded` (NULL:
 * none), and rows of zeros, which have no direction.
 */
extern void cosine_offer(TopK *top, const Kernels *kernels, const float *matrix,
						 int32_t columns, int32_t like, const uint8_t *excluded,
						 int32_t first, int32_t count);

#endif							/* NN_COSINE_H */
