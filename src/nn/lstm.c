/*
 * lstm.c
 *	  One direction of one LSTM layer over rows of different lengths.
 *
 * The input projections of all tokens are one matrix product; the recurrence
 * is then one product and one elementwise pass a step.  Rows are longest first,
 * so the rows that two neighbouring steps share are the first ones of both.
 */
#include "nn/lstm.h"

#include <string.h>

#include "nn/matrix.h"

/* The position read before p, or -1. */
static inline int32_t
position_before(const LstmPass *pass, int32_t p)
{
	if (pass->reverse)
		return p + 1 < pass->layout->steps ? p + 1 : -1;
	return p - 1;
}

/* The position read after p, or -1. */
static inline int32_t
position_after(const LstmPass *pass, int32_t p)
{
	if (pass->reverse)
		return p - 1;
	return p + 1 < pass->layout->steps ? p + 1 : -1;
}

/* The rows that positions p and q have in common. */
static inline int32_t
shared_rows(const Layout *layout, int32_t p, int32_t q)
{
	if (q < 0)
		return 0;
	return layout->active[p] < layout->active[q] ? layout->active[p]
		: layout->active[q];
}

/* The n-th position in reading order. */
static inline int32_t
position_at(const LstmPass *pass, int32_t n)
{
	return pass->reverse ? pass->layout->steps - 1 - n : n;
}

/* Tokens that go through one matrix product: some milliseconds of work. */
#define PRODUCT_TOKENS 128

/* How many of them from token t on. */
static inline int32_t
product_tokens(int32_t tokens, int32_t t)
{
	return tokens - t < PRODUCT_TOKENS ? tokens - t : PRODUCT_TOKENS;
}

/* Project all input tokens: out = input W^T + bias. */
static void
project_input(float *out, const LstmPass *pass)
{
	int32_t		tokens = layout_tokens(pass->input_layout);
	int32_t		width = 4 * pass->units;

	for (int32_t t = 0; t < tokens; t++)
		memcpy(out + (size_t) t * width, pass->params->bias,
			   (size_t) width * sizeof(float));
	/* tokens x 4 units += input (tokens x input_dim) w_input^T (4 units x input_dim) */
	for (int32_t t = 0; t < tokens && interrupt_go_on(&pass->interrupt); t += PRODUCT_TOKENS)
		matrix_add_transposed(pass->of_few, out + (size_t) t * width,
							  pass->input + (size_t) t * pass->input_dim, pass->params->w_input,
							  product_tokens(tokens, t), width, pass->input_dim);
}

void
lstm_forward(LstmState *state, const LstmPass *pass, float *projection)
{
	const Layout *layout = pass->layout;
	size_t		units = (size_t) pass->units;
	size_t		width = 4 * units;

	project_input(pass->input_row == NULL ? state->gates : projection, pass);
	for (int32_t n = 0; n < layout->steps && interrupt_go_on(&pass->interrupt); n++)
	{
		int32_t		p = position_at(pass, n);
		int32_t		before = position_before(pass, p);
		int32_t		rows = layout->active[p];
		int32_t		previous_rows = shared_rows(layout, p, before);
		size_t		token = (size_t) layout->offset[p];
		size_t		previous = before < 0 ? token : (size_t) layout->offset[before];
		float	   *gates = state->gates + token * width;

		if (pass->input_row != NULL)
		{
			const float *projected = projection +
				(size_t) pass->input_layout->offset[p] * width;

			for (int32_t r = 0; r < rows; r++)
				memcpy(gates + (size_t) r * width,
					   projected + (size_t) pass->input_row[r] * width,
					   width * sizeof(float));
		}
		/* rows x 4 units += hidden (rows x units) w_hidden^T (4 units x units) */
		if (previous_rows > 0)
			matrix_add_transposed(pass->of_few, gates, state->hidden + previous * units,
								  pass->params->w_hidden, previous_rows, (int) width, pass->units);
		pass->kernels->lstm_cell_forward(gates, state->cell + token * units,
										 state->hidden + token * units,
										 state->cell + previous * units,
										 rows, previous_rows, pass->units);
	}
}

/* Gather each token's hidden state of the step before; 0 where there is none. */
static void
gather_previous(float *previous, const LstmState *state, const LstmPass *pass)
{
	const Layout *layout = pass->layout;
	size_t		units = (size_t) pass->units;

	for (int32_t p = 0; p < layout->steps; p++)
	{
		int32_t		before = position_before(pass, p);
		size_t		shared = (size_t) shared_rows(layout, p, before);
		float	   *to = previous + (size_t) layout->offset[p] * units;

		if (shared > 0)
			memcpy(to, state->hidden + (size_t) layout->offset[before] * units,
				   shared * units * sizeof(float));
		memset(to + shared * units, 0,
			   ((size_t) layout->active[p] - shared) * units * sizeof(float));
	}
}

/* Add up the gate gradients of all windows of an input token. */
static void
gather_projection_gradient(float *projection, const LstmState *state,
						   const LstmPass *pass)
{
	const Layout *layout = pass->layout;
	size_t		width = 4 * (size_t) pass->units;

	memset(projection, 0,
		   (size_t) layout_tokens(pass->input_layout) * width * sizeof(float));
	for (int32_t p = 0; p < layout->steps; p++)
	{
		const float *gates = state->gates + (size_t) layout->offset[p] * width;
		float	   *sums = projection + (size_t) pass->input_layout->offset[p] * width;

		for (int32_t r = 0; r < layout->active[p]; r++)
			matrix_add_rows(sums + (size_t) pass->input_row[r] * width,
							gates + (size_t) r * width, 1, (int) width);
	}
}

void
lstm_backward(LstmParams *gradient, float *d_input, LstmState *state,
			  const LstmPass *pass, float *d_hidden, float *d_cell,
			  float *previous, float *projection)
{
	const Layout *layout = pass->layout;
	size_t		units = (size_t) pass->units;
	size_t		width = 4 * units;
	int32_t		tokens = layout_tokens(layout);
	int32_t		input_tokens = layout_tokens(pass->input_layout);
	const float *d_projection = state->gates;

	for (int32_t n = layout->steps - 1; n >= 0 && interrupt_go_on(&pass->interrupt); n--)
	{
		int32_t		p = position_at(pass, n);
		int32_t		before = position_before(pass, p);
		int32_t		rows = layout->active[p];
		int32_t		previous_rows = shared_rows(layout, p, before);
		size_t		carried = (size_t) shared_rows(layout, p, position_after(pass, p));
		size_t		token = (size_t) layout->offset[p];
		size_t		previous_token = before < 0 ? token : (size_t) layout->offset[before];
		float	   *gates = state->gates + token * width;

		memset(d_cell + carried * units, 0,
			   ((size_t) rows - carried) * units * sizeof(float));
		pass->kernels->lstm_cell_backward(gates, state->cell + token * units,
										  d_hidden + token * units, d_cell,
										  state->cell + previous_token * units,
										  rows, previous_rows, pass->units);
		/* rows x units += d_gates (rows x 4 units) w_hidden (4 units x units) */
		if (previous_rows > 0)
			matrix_multiply(d_hidden + previous_token * units, gates,
							pass->params->w_hidden, previous_rows,
							pass->units, (int) width, 1.0f);
	}

	gather_previous(previous, state, pass);
	/* 4 units x units += d_gates^T (tokens x 4 units) previous (tokens x units) */
	for (int32_t t = 0; t < tokens && interrupt_go_on(&pass->interrupt); t += PRODUCT_TOKENS)
		matrix_transposed_multiply(gradient->w_hidden, state->gates + (size_t) t * width,
								   previous + (size_t) t * units, (int) width,
								   pass->units, product_tokens(tokens, t), 1.0f);
	matrix_add_rows(gradient->bias, state->gates, tokens, (int) width);
	if (pass->input_row != NULL)
	{
		gather_projection_gradient(projection, state, pass);
		d_projection = projection;
	}
	for (int32_t t = 0; t < input_tokens && interrupt_go_on(&pass->interrupt);
		 t += PRODUCT_TOKENS)
	{
		const float *d = d_projection + (size_t) t * width;
		size_t		at = (size_t) t * pass->input_dim;
		int32_t		count = product_tokens(input_tokens, t);

		/*
		 * d_w (4 units x input_dim) += d^T (tokens x 4 units) input (tokens x
		 * input_dim); d_input (tokens x input_dim) += d w_input
		 */
		matrix_transposed_multiply(gradient->w_input, d, pass->input + at,
								   (int) width, pass->input_dim, count, 1.0f);
		if (d_input != NULL)
			matrix_multiply(d_input + at, d, pass->params->w_input,
							count, pass->input_dim, (int) width, 1.0f);
	}
}
