/*
 * cosine.c
 *	  The rows of a matrix that point most nearly where one of them points.
 */
#include "nn/cosine.h"

#include <math.h>

void
cosine_offer(TopK *top, const Kernels *kernels, const float *matrix,
			 int32_t columns, int32_t like, const uint8_t *excluded,
			 int32_t first, int32_t count)
{
	const float *vector = matrix + (size_t) like * columns;
	double		square = kernels->sum_squares(vector, (size_t) columns);

	for (int32_t r = first; r < first + count; r++)
	{
		const float *row = matrix + (size_t) r * columns;
		double		squares = square * kernels->sum_squares(row, (size_t) columns);
		float		product;

		if (r == like || exclusion_test(excluded, r) || !(squares > 0))
			continue;
		kernels->score_rows(&product, row, vector, 1, columns);
		/* rounding may leave it a little outside -1 .. 1 */
		topk_offer(top, (Scored) {
			r, (float) fmax(-1, fmin(1, product / sqrt(squares)))
		});
	}
}
