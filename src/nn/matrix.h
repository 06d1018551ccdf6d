/*
 * matrix.h
 *	  The three matrix products of a layer, row-major, by CBLAS.
 */
#ifndef NN_MATRIX_H
#define NN_MATRIX_H

#include <cblas.h>
#include <stddef.h>

#include "nn/kernels.h"

/* out (m x n) = keep * out + a (m x k) * b (n x k) transposed */
static inline void
matrix_multiply_transposed(float *out, const float *a, const float *b,
						   int m, int n, int k, float keep)
{
	cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, m, n, k,
				1.0f, a, k, b, k, keep, out, n);
}

/*
 * BLAS copies what it multiplies before it begins, but for what is small.  So up to a
 * few rows it takes longer than products row by row, and for one always.
 */
#define MATRIX_FEW_ROWS 8
#define MATRIX_SMALL 16384		/* floats */

/*
 * out (m x n) += a (m x k) * b (n x k) transposed.  kernels: for few rows; NULL: by
 * BLAS whatever their number, as all that is trained.
 */
static inline void
matrix_add_transposed(const Kernels *kernels, float *out, const float *a, const float *b,
					  int m, int n, int k)
{
	if (kernels == NULL || m > MATRIX_FEW_ROWS || (m > 1 && (size_t) n * k < MATRIX_SMALL))
		matrix_multiply_transposed(out, a, b, m, n, k, 1.0f);
	else
	{
		for (int r = 0; r < m; r++)
			kernels->add_products(out + (size_t) r * n, b, a + (size_t) r * k, n, k);
	}
}

/* out (m x n) = keep * out + a (m x k) * b (k x n) */
static inline void
matrix_multiply(float *out, const float *a, const float *b,
				int m, int n, int k, float keep)
{
	cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, m, n, k,
				1.0f, a, k, b, n, keep, out, n);
}

/* out (m x n) = keep * out + a (k x m) transposed * b (k x n) */
static inline void
matrix_transposed_multiply(float *out, const float *a, const float *b,
						   int m, int n, int k, float keep)
{
	cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, m, n, k,
				1.0f, a, m, b, n, keep, out, n);
}

/* sums (columns) += the rows of a (rows x columns) */
static inline void
matrix_add_rows(float *sums, const float *a, int rows, int columns)
{
	for (int r = 0; r < rows; r++)
	{
		for (int c = 0; c < columns; c++)
			sums[c] += a[(size_t) r * columns + c];
	}
}

#endif							/* NN_MATRIX_H */
