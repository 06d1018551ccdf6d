/*
 * kernels_body.h
 *	  The inner loops.  Included by one file an instruction set, which names the
 *	  table to define.
 */
#include "nn/kernels.h"

#include "nn/coded_topk.h"
#include "nn/vector.h"
#include "nn/kernels_lstm.h"
#include "nn/kernels_elementwise.h"
#include "nn/kernels_multiply.h"
#include "nn/kernels_tile.h"
#include "nn/kernels_rows.h"
#include "nn/kernels_codes.h"
#include "nn/kernels_select.h"
#include "nn/kernels_adam.h"

static bool
supported(void)
{
	return KERNELS_SUPPORTED;
}

const Kernels KERNELS_TABLE = {
	.name = KERNELS_NAME,
	.supported = supported,
	.lstm_cell_forward = lstm_cell_forward,
	.lstm_cell_backward = lstm_cell_backward,
	.softmax_statistics = softmax_statistics,
	.exponentials = exponentials,
	.logarithms = logarithms,
	.standardise = standardise,
	.count_within = count_within,
	.multiply = multiply,
	.tile_statistics = tile_statistics,
	.tile_gradient = tile_gradient,
	.tile_count = tile_count,
	.score_rows = score_rows,
	.score_chosen = score_chosen,
	.add_products = add_products,
	.score_codes = score_codes,
	.find_at_least = find_at_least,
	.bound_logits = bound_logits,
	.kth_largest = kth_largest,
	.to_codes = to_codes,
	.from_codes = from_codes,
	.sum_squares = sum_squares,
	.adam_catch_up = adam_catch_up,
	.normalise_rows = normalise_rows,
	.project_rows = project_rows,
	.adam = adam,
};
