/*
 * lstm.h
 *	  One direction of one LSTM layer over rows of different lengths.
 */
#ifndef NN_LSTM_H
#define NN_LSTM_H

#include "nn/batch.h"
#include "nn/kernels.h"
#include "nn/params.h"
#include "nn/status.h"

/*
 * What a pass needs to know.  Input tokens lie in input_layout.  Where the rows
 * of the LSTM are windows of the input's rows, input_row maps a row to the row
 * it reads, and the projection of an input token is computed once for all its
 * windows; NULL: the layouts are the same.
 */
typedef struct LstmPass
{
	const Kernels *kernels;
	const Kernels *of_few;		/* for products of few rows; NULL: not in training (matrix.h) */
	const LstmParams *params;
	const Layout *layout;
	const Layout *input_layout;
	const int32_t *input_row;
	const float *input;			/* input tokens x input_dim */
	int32_t		input_dim;
	int32_t		units;
	bool		reverse;		/* from the newest token to the oldest */
	Interrupt	interrupt;		/* asked between steps; no: results are undefined */
} LstmPass;

/* Results and what the backward pass needs of them; tokens of layout. */
typedef struct LstmState
{
	float	   *gates;			/* tokens x 4 units */
	float	   *cell;			/* tokens x units */
	float	   *hidden;			/* tokens x units */
} LstmState;

/*
 * Fill *state.  projection: scratch of input tokens x 4 units, needed where
 * input_row is given.
 */
extern void lstm_forward(LstmState *state, const LstmPass *pass, float *projection);

/*
 * Add the gradients of the parameters to *gradient and those of the input to
 * d_input (NULL: not wanted).  d_hidden: tokens x units, the gradient of
 * state->hidden, changed.  state->gates and state->cell are used up.
 * d_cell: scratch of rows x units.  previous: scratch of tokens x units.
 * projection: as in lstm_forward.
 */
extern void lstm_backward(LstmParams *gradient, float *d_input, LstmState *state,
						  const LstmPass *pass, float *d_hidden, float *d_cell,
						  float *previous, float *projection);

#endif							/* NN_LSTM_H */
