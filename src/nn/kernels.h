/*
 * kernels.h
 *	  The inner loops, built once for each instruction set and chosen when the
 *	  program runs.  Matrix products are BLAS's, but for the output layer's: see
 *	  softmax.c.
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

/*
 * out (rows x columns) = start + a (rows x depth) * b (depth x columns).  Rows
 * of out and b are so many floats apart; a may be transposed: its element (r, i)
 * is a[r x a_row + i x a_column].
 */
typedef struct Product
{
	float	   *out;
	size_t		out_row;
	bool		add;			/* start is what is in out */
	const float *start;			/* else [rows], the same for all columns; NULL: 0 */
	const float *a;
	size_t		a_row;
	size_t		a_column;
	const float *b;
	size_t		b_row;
	int32_t		rows;
	int32_t		columns;
	int32_t		depth;
} Product;

/* How far the true logits of items can be from those of their codes: coded_topk.h. */
typedef struct LogitBounds
{
	const float *bias;
	const float *norm;
	const float *residual_norm;
	float		norm_factor;
	float		residual_factor;
} LogitBounds;

/* Floats in a vector of the widest set. */
#define KERNELS_MOST_LANES 16

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
	 * Take logits (bias[count] still to be added, which is done here) into a
	 * running maximum and sum of exp(logit - maximum).  The bias is in the
	 * logits afterwards.
	 */
	void		(*softmax_statistics) (float *logits, const float *bias, int32_t count,
									   float *maximum, float *sum);

	/* values[j] = scale x exp(values[j] - shift) */
	void		(*exponentials) (float *values, int32_t count, float shift, float scale);

	/*
	 * Of rows of `columns` values, `stride` floats apart: ln(1 + factor[column] x
	 * value), or 0 where the value is not above 0; where the factor is 0, nothing
	 * is done.
	 */
	void		(*logarithms) (float *values, size_t stride, int32_t rows,
							   const float *factor, int32_t columns);

	/* Of rows likewise: (value - mean[column]) scale[column], held within +-limit. */
	void		(*standardise) (float *values, size_t stride, int32_t rows, const float *mean,
								const float *scale, float limit, int32_t columns);

	/* How many of some values are from low to high. */
	int32_t		(*count_within) (const float *values, int32_t count, float low, float high);

	void		(*multiply) (const Product *product);

	/*
	 * Of a tile of logits, items x windows: rows are stride floats apart, where
	 * stride is a multiple of KERNELS_MOST_LANES that is at least windows.
	 *
	 * tile_statistics takes it into each window's running maximum and sum of
	 * exp(logit - maximum); tile_gradient turns it into
	 * scale x exp(logit - log_normaliser[window]) and sets d_bias[item] to the
	 * sums over the windows; tile_count adds to count[window] how many logits
	 * are at least threshold[window].
	 */
	void		(*tile_statistics) (const float *logits, size_t stride, int32_t items,
									int32_t windows, float *maximum, float *sum);
	void		(*tile_gradient) (float *logits, size_t stride, int32_t items,
								  int32_t windows, const float *log_normaliser,
								  float scale, float *d_bias);
	void		(*tile_count) (const float *logits, size_t stride, int32_t items,
							   int32_t windows, const float *threshold, int32_t *count);

	/* scores[r] = row r of weights (rows x columns) times vector[columns] */
	void		(*score_rows) (float *scores, const float *weights,
							   const float *vector, int32_t rows, int32_t columns);

	/* out[r] += row r of weights (rows x columns) times vector[columns] */
	void		(*add_products) (float *out, const float *weights, const float *vector,
								 int32_t rows, int32_t columns);

	/* Like score_rows, of rows that are chosen: scores[j] is that of row[j]. */
	void		(*score_chosen) (float *scores, const float *weights, const int32_t *row,
								 const float *vector, int32_t count, int32_t columns);

	/*
	 * Logits, without the bias, of blocks of items by their codes: coded_topk.h.
	 * query: columns codes each; logits: queries x stride.
	 */
	void		(*score_codes) (float *logits, size_t stride, const int8_t *codes,
								const int32_t *code_sum, const float *scale,
								const int8_t *const query[], const float *query_scale,
								int32_t queries, int32_t blocks, int32_t columns);

	/*
	 * Of such logits: add the bias, and take them into a running maximum and sum of
	 * exp(logit - maximum), to 1e-4 of it; upper[j]: logit j + its bound.  Returns how
	 * many of these are at least threshold, and at which places: found.  logits,
	 * upper, found: room for whole vectors.
	 */
	int32_t		(*bound_logits) (float *logits, float *upper, int32_t *found,
								 const LogitBounds *bounds, int32_t count, float threshold,
								 float *maximum, float *sum);

	/*
	 * Places of the values that are at least threshold; returns how many.  found:
	 * [count], all of which may be written to.
	 */
	int32_t		(*find_at_least) (int32_t *found, const float *values, int32_t count,
								  float threshold);

	/* The k-th largest of count >= k >= 1 values, none of them not a number. */
	float		(*kth_largest) (const float *values, int32_t count, int32_t k);

	/*
	 * Values within +-127 / scale as codes of 8 bits, rounded to the nearest; and
	 * back, times scale.
	 */
	void		(*to_codes) (int8_t *codes, const float *values, size_t count, float scale);
	void		(*from_codes) (float *values, const int8_t *codes, size_t count, float scale);

	/* Sum of squares. */
	double		(*sum_squares) (const float *values, size_t count);

	/*
	 * What steps without a gradient do to count parameters: the moments decay
	 * by decay1 and decay2, and the weights move on by drift x first moment /
	 * (square root of the second + epsilon); see lazy_adam.h.
	 */
	void		(*adam_catch_up) (float *weight, float *first, float *second,
								  size_t count, float drift, float decay1,
								  float decay2, float epsilon);

	/*
	 * For rows that are to keep length 1: give them that, but for rows of zeros;
	 * and take from a row's gradient what points along the row, so that a step
	 * turns it and does nothing else.
	 */
	void		(*normalise_rows) (float *weight, size_t rows, size_t columns);
	void		(*project_rows) (float *gradient, const float *weight, size_t rows,
								 size_t columns);

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
