/*
 * attention.c
 *	  Self-attention of a window's tokens over themselves, without parameters.
 *
 * A row's tokens lie apart in the layout, so each row is gathered first.  The
 * weights are computed again in the backward pass: length^2 products cost less
 * than keeping them for every window of a batch.
 */
#include "nn/attention.h"

#include <math.h>
#include <string.h>

#include "nn/matrix.h"

size_t
attention_scratch(int32_t max_length, int32_t columns)
{
	return (size_t) max_length * (3 * (size_t) columns + 2 * (size_t) max_length);
}

static void
gather_row(float *to, const float *from, const Layout *layout, int32_t row,
		   int32_t columns)
{
	for (int32_t p = 0; p < layout->length[row]; p++)
		memcpy(to + (size_t) p * columns,
			   from + ((size_t) layout->offset[p] + row) * columns,
			   (size_t) columns * sizeof(float));
}

/* weights (length x length) = softmax(x x^T / sqrt(columns)) by rows */
static void
attention_weights(float *weights, const float *x, int32_t length, int32_t columns)
{
	float		scale = 1.0f / sqrtf((float) columns);

	/* length x length = x (length x columns) x^T */
	matrix_multiply_transposed(weights, x, x, length, length, columns, 0.0f);
	for (int32_t r = 0; r < length; r++)
	{
		float	   *row = weights + (size_t) r * length;
		float		top = row[0];
		float		sum = 0;

		for (int32_t j = 1; j < length; j++)
			top = row[j] > top ? row[j] : top;
		for (int32_t j = 0; j < length; j++)
			sum += row[j] = expf((row[j] - top) * scale);
		for (int32_t j = 0; j < length; j++)
			row[j] /= sum;
	}
}

void
attention_forward(float *out, const float *input, const Layout *layout,
				  int32_t columns, float *scratch)
{
	for (int32_t row = 0; row < layout->rows; row++)
	{
		int32_t		length = layout->length[row];
		float	   *x = scratch;
		float	   *y = x + (size_t) length * columns;
		float	   *weights = y + (size_t) length * columns;

		gather_row(x, input, layout, row, columns);
		attention_weights(weights, x, length, columns);
		/* length x columns = weights (length x length) x (length x columns) */
		matrix_multiply(y, weights, x, length, columns, length, 0.0f);
		for (int32_t p = 0; p < length; p++)
			memcpy(out + ((size_t) layout->offset[p] + row) * columns,
				   y + (size_t) p * columns, (size_t) columns * sizeof(float));
	}
}

void
attention_backward(float *d_input, const float *d_out, const float *input,
				   const Layout *layout, int32_t columns, float *scratch)
{
	float		scale = 1.0f / sqrtf((float) columns);

	for (int32_t row = 0; row < layout->rows; row++)
	{
		int32_t		length = layout->length[row];
		float	   *x = scratch;
		float	   *dy = x + (size_t) length * columns;
		float	   *dx = dy + (size_t) length * columns;
		float	   *weights = dx + (size_t) length * columns;
		float	   *d_scores = weights + (size_t) length * length;

		gather_row(x, input, layout, row, columns);
		gather_row(dy, d_out, layout, row, columns);
		attention_weights(weights, x, length, columns);

		/*
		 * out = A x, with A: length x length; dy, x, dx: length x columns.
		 * Through the values, dx = A^T dy; and to the scores, dA = dy x^T.
		 */
		matrix_transposed_multiply(dx, weights, dy, length, columns, length, 0.0f);
		matrix_multiply_transposed(d_scores, dy, x, length, length, columns, 0.0f);
		for (int32_t r = 0; r < length; r++)
		{
			float	   *a = weights + (size_t) r * length;
			float	   *d = d_scores + (size_t) r * length;
			float		dot = 0;

			for (int32_t j = 0; j < length; j++)
				dot += a[j] * d[j];
			for (int32_t j = 0; j < length; j++)
				d[j] = a[j] * (d[j] - dot) * scale;
		}
		/* scores = x x^T, where both are x: dx += (dS + dS^T) x */
		matrix_multiply(dx, d_scores, x, length, columns, length, 1.0f);
		matrix_transposed_multiply(dx, d_scores, x, length, columns, length, 1.0f);
		for (int32_t p = 0; p < length; p++)
			matrix_add_rows(d_input + ((size_t) layout->offset[p] + row) * columns,
							dx + (size_t) p * columns, 1, columns);
	}
}
