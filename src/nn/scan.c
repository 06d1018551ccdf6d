/*
 * scan.c
 *	  The k best items for a representation, exactly, in 8 bits.
 */
#include "scan.h"

#include <math.h>
#include <string.h>

#include "config.h"
#include "exclusion.h"

#define CODE_LIMIT 127

/*
 * Added to the bounds for what is rounded while they and the logits are
 * computed in single precision: some units in the last place of the terms.
 */
#define ROUNDING 1e-5f

static int32_t
blocks_of(int32_t items)
{
	return (items + SCAN_BLOCK - 1) / SCAN_BLOCK;
}

static int32_t
whole_groups(int32_t columns)
{
	return (columns + SCAN_GROUP - 1) / SCAN_GROUP * SCAN_GROUP;
}

void
scan_place(ScanIndex *index, Arena *arena, int32_t items, int32_t columns)
{
	size_t		whole = (size_t) blocks_of(items) * SCAN_BLOCK;

	index->items = items;
	index->columns = whole_groups(columns);
	index->codes = ARENA_TAKE(arena, int8_t, whole * (size_t) index->columns);
	index->code_sum = ARENA_TAKE(arena, int32_t, whole);
	index->scale = ARENA_TAKE(arena, float, whole);
	index->residual_norm = ARENA_TAKE(arena, float, whole);
	index->norm = ARENA_TAKE(arena, float, whole);
}

void
scan_place_work(ScanWork *scan, Arena *arena, int32_t items, int32_t columns)
{
	scan->logits = ARENA_TAKE(arena, float, SCAN_TILE);
	scan->upper = ARENA_TAKE(arena, float, SCAN_TILE);
	scan->found = ARENA_TAKE(arena, int32_t, SCAN_TILE);
	scan->query = ARENA_TAKE(arena, int8_t, whole_groups(columns));
	scan->candidates = ARENA_TAKE(arena, Scored, items);
	scan->estimates = ARENA_TAKE(arena, float, items);
}

/* How a vector was rounded. */
typedef struct Rounding
{
	float		scale;
	float		norm;			/* of the vector */
	float		rounded_norm;
	float		residual_norm;
} Rounding;

/* Round a vector to codes. */
static Rounding
round_vector(const float *vector, int32_t columns, int8_t *codes)
{
	float		largest = 0;
	double		norm = 0;
	double		rounded = 0;
	double		residual = 0;
	Rounding	result;

	for (int32_t c = 0; c < columns; c++)
		largest = fmaxf(largest, fabsf(vector[c]));
	result.scale = largest / CODE_LIMIT;
	for (int32_t c = 0; c < columns; c++)
	{
		float		code = result.scale > 0 ? rintf(vector[c] / result.scale) : 0;
		double		kept;

		code = fminf(fmaxf(code, -CODE_LIMIT), CODE_LIMIT);
		codes[c] = (int8_t) code;
		kept = (double) code * result.scale;
		norm += (double) vector[c] * vector[c];
		rounded += kept * kept;
		residual += (vector[c] - kept) * (vector[c] - kept);
	}
	result.norm = (float) sqrt(norm);
	result.rounded_norm = (float) sqrt(rounded);
	result.residual_norm = (float) sqrt(residual);
	return result;
}

/* Where the codes of an item's column are. */
static size_t
code_place(const ScanIndex *index, int32_t item, int32_t column)
{
	size_t		block = (size_t) (item / SCAN_BLOCK) * SCAN_BLOCK * (size_t) index->columns;
	size_t		group = (size_t) (column / SCAN_GROUP) * SCAN_BLOCK * SCAN_GROUP;

	return block + group + (size_t) (item % SCAN_BLOCK) * SCAN_GROUP +
		(size_t) (column % SCAN_GROUP);
}

void
scan_build(ScanIndex *index, const float *weights, int32_t columns)
{
	int32_t		whole = blocks_of(index->items) * SCAN_BLOCK;

	memset(index->codes, 0, (size_t) whole * (size_t) index->columns);
	for (int32_t i = 0; i < whole; i++)
	{
		int8_t		codes[CONFIG_MAX_COLUMNS];
		Rounding	rounding = {0};
		int32_t		sum = 0;

		if (i < index->items)
		{
			rounding = round_vector(weights + (size_t) i * columns, columns, codes);
			for (int32_t c = 0; c < columns; c++)
			{
				index->codes[code_place(index, i, c)] = codes[c];
				sum += codes[c];
			}
		}
		index->code_sum[i] = sum;
		index->scale[i] = rounding.scale;
		index->residual_norm[i] = rounding.residual_norm;
		index->norm[i] = rounding.rounded_norm;
	}
}

float
scan_rank(ScanWork *scan, const ScanIndex *index, const Kernels *kernels,
		  const float *weights, const float *bias, int32_t columns,
		  const float *representation, const uint8_t *excluded,
		  TopK *top, Scored *lower)
{
	TopK		bounds = {.k = top->k, .heap = lower};
	Rounding	query;
	float		error_of_norm;
	float		error_of_residual;
	float		maximum = -INFINITY;
	float		sum = 0;
	int32_t		candidates = 0;
	float		threshold;

	memset(scan->query, 0, (size_t) index->columns);
	query = round_vector(representation, columns, scan->query);
	error_of_norm = query.residual_norm + query.norm * ROUNDING;
	error_of_residual = query.norm * (1 + ROUNDING);

	for (int32_t first = 0; first < index->items; first += SCAN_TILE)
	{
		int32_t		count = index->items - first < SCAN_TILE ? index->items - first : SCAN_TILE;
		int32_t		found;

		kernels->scan_codes(scan->logits, index->codes + (size_t) first * index->columns,
							index->code_sum + first, index->scale + first,
							scan->query, query.scale, blocks_of(count), index->columns);
		kernels->softmax_statistics(scan->logits, bias + first, 1, count, &maximum, &sum);
		kernels->upper_bounds(scan->upper, scan->logits, index->norm + first,
							  index->residual_norm + first, error_of_norm,
							  error_of_residual, count);
		found = kernels->find_at_least(scan->found, scan->upper, count,
									   topk_threshold(&bounds));
		for (int32_t f = 0; f < found; f++)
		{
			int32_t		at = scan->found[f];
			float		estimate = scan->logits[at];

			if (exclusion_test(excluded, first + at))
				continue;
			scan->estimates[candidates] = estimate;
			scan->candidates[candidates++] = (Scored) {first + at, scan->upper[at]};
			topk_offer(&bounds, (Scored) {first + at, 2 * estimate - scan->upper[at]});
		}
	}

	threshold = topk_threshold(&bounds);
	for (int32_t c = 0; c < candidates; c++)
	{
		int32_t		item = scan->candidates[c].item;
		float		logit;

		if (scan->candidates[c].score < threshold)
			continue;
		kernels->score_rows(&logit, weights + (size_t) item * columns, representation,
							1, columns);
		logit += bias[item];
		topk_offer(top, (Scored) {item, logit});
		sum += expf(logit - maximum) - expf(scan->estimates[c] - maximum);
	}
	return maximum + logf(sum);
}
