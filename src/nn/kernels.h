/*
 * kernels.h
 *	  The elementwise inner loops, built once for each instruction set and
 *	  chosen when the program runs.  Matrix products are BLAS's.
 *
 * All sets compute the same formulas from the same source; they differ in the
 * last bits, since wider vectors add in another order.
 */
#ifndef NN_KERNELS_H
#define NN_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What one Adam step needs (Kingma and Ba, ICLR 2015). */
typedef struct AdamStep
{
	float		beta1;
	float		beta2;
	float		rate;			/* learning rate / (1 - beta1^t) */
	float		second_scale;	/* 1 / sqrt(1 - beta2^t) */
	float		epsilon;
	float		gradient_scale; /* from clipping the global norm */
} AdamStep;

typedef struct Kernels
{
	const char *name;
	bool		(*supported) (void);

	/*
	 * One LSTM step of `rows` rows.  gates: rows x 4 units, pre-activations in,
	 * activations (input, forget, cell, output) out.  cell, hidden: rows x
	 * units, out.  previous_cell: the first previous_rows rows; the others
	 * start from 0.
	 */
	void		(*lstm_cell_forward) (float *gates, float *cell, float *hidden,
									  const float *previous_cell,
									  int32_t rows, int32_t previous_rows,
									  int32_t units);

	/*
	 * Its backward pass.  gates: activations in, gradient of the
	 * pre-activations out.  d_hidden: gradient of hidden.  d_cell: in: gradient
	 * of cell from the following step; out: the same for the step before.
	 */
	void		(*lstm_cell_backward) (float *gates, const float *cell,
									   const float *d_hidden, float *d_cell,
									   const float *previous_cell,
									   int32_t rows, int32_t previous_rows,
									   int32_t units);

	/*
	 * Take a tile of logits (rows x columns, bias[columns] still to be added,
	 * which is done here) into each row's running maximum and sum of
	 * exp(logit - maximum).  The bias is in the logits afterwards.
	 */
	void		(*softmax_statistics) (float *logits, const float *bias,
									   int32_t rows, int32_t columns,
									   float *maximum, float *sum);

	/*
	 * Turn a tile of logits (bias still to be added) into
	 * scale x exp(logit - log_normaliser[row]), and add the sum of each column
	 * to d_bias.
	 */
	void		(*softmax_gradient) (float *logits, const float *bias,
									 int32_t rows, int32_t columns,
									 const float *log_normaliser, float scale,
									 float *d_bias);

	/* values[j] = scale x exp(values[j] - shift) */
	void		(*exponentials) (float *values, int32_t count, float shift, float scale);

	/*
	 * For each row, count the logits (bias still to be added) that are at
	 * least threshold[row], and add to count[row].
	 */
	void		(*count_at_least) (const float *logits, const float *bias,
								   int32_t rows, int32_t columns,
								   const float *threshold, int32_t *count);

	/* scores[r] = row r of weights (rows x columns) times vector[columns] */
	void		(*score_rows) (float *scores, const float *weights,
							   const float *vector, int32_t rows, int32_t columns);

	/*
	 * Logits, without the bias, of blocks of items by their codes: scan.h.
	 * query: columns codes.
	 */
	void		(*scan_codes) (float *logits, const int8_t *codes,
							   const int32_t *code_sum, const float *scale,
							   const int8_t *query, float query_scale,
							   int32_t blocks, int32_t columns);

	/* upper[j] = logits[j] + norm[j] a + residual_norm[j] b + rounding */
	void		(*upper_bounds) (float *upper, const float *logits, const float *norm,
								 const float *residual_norm, float a, float b,
								 int32_t count);

	/* Places of the values that are at least threshold; returns how many. */
	int32_t		(*find_at_least) (int32_t *found, const float *values, int32_t count,
								  float threshold);

	/* Sum of squares. */
	double		(*sum_squares) (const float *values, size_t count);

	/*
	 * What steps without a gradient do to count parameters: the moments decay
	 * by decay1 and decay2, and the weights move on by drift x first moment /
	 * (square root of the second + epsilon); see table.h.
	 */
	void		(*adam_catch_up) (float *weight, float *first, float *second,
								  size_t count, float drift, float decay1,
								  float decay2, float epsilon);

	/* One Adam step of count parameters; sets the gradient to 0. */
	void		(*adam) (float *weight, float *gradient, float *first,
						 float *second, size_t count, const AdamStep *step);
} Kernels;

extern const Kernels kernels_generic;
#if defined(__x86_64__)
extern const Kernels kernels_avx2;
extern const Kernels kernels_avx512;
#endif

/* The fastest set that this processor runs. */
extern const Kernels *kernels_best(void);

/* All sets of this build that this processor runs; returns their number. */
extern int	kernels_list(const Kernels *list[3]);

#endif							/* NN_KERNELS_H */
