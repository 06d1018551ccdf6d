/*
 * coded_topk.c
 *	  The k best items for a representation, exactly, in 8 bits.
 */
#include "nn/coded_topk.h"

#include <math.h>
#include <string.h>

#include "nn/config.h"
#include "nn/exclusion.h"

#define CODE_LIMIT 127

/* Candidates more, besides a half of k, that are worth to look again for the k-th of them. */
#define MORE_CANDIDATES 32

/*
 * Added to the bounds for what is rounded while they and the logits are
 * computed in single precision: some units in the last place of the terms.
 */
#define ROUNDING 1e-5f

static int32_t
blocks_of(int32_t items)
{
	return (items + CODES_BLOCK - 1) / CODES_BLOCK;
}

static int32_t
whole_groups(int32_t columns)
{
	return (columns + CODES_GROUP - 1) / CODES_GROUP * CODES_GROUP;
}

void
coded_weights_place(CodedWeights *index, Arena *arena, int32_t items, int32_t columns)
{
	size_t		whole = (size_t) blocks_of(items) * CODES_BLOCK;

	index->items = items;
	index->columns = whole_groups(columns);
	index->codes = ARENA_TAKE(arena, int8_t, whole * (size_t) index->columns);
	index->code_sum = ARENA_TAKE(arena, int32_t, whole);
	index->scale = ARENA_TAKE(arena, float, whole);
	index->residual_norm = ARENA_TAKE(arena, float, whole);
	index->norm = ARENA_TAKE(arena, float, whole);
}

void
coded_topk_place(CodedTopK *work, Arena *arena, int32_t columns)
{
	work->logits = ARENA_TAKE(arena, float, CODED_TOPK_QUERIES * CODED_TOPK_TILE);
	work->upper = ARENA_TAKE(arena, float, CODED_TOPK_TILE);
	work->found = ARENA_TAKE(arena, int32_t, CODED_TOPK_TILE);
	for (int32_t q = 0; q < CODED_TOPK_QUERIES; q++)
		work->query[q].codes = ARENA_TAKE(arena, int8_t, whole_groups(columns));
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
code_place(const CodedWeights *index, int32_t item, int32_t column)
{
	size_t		block = (size_t) (item / CODES_BLOCK) * CODES_BLOCK * (size_t) index->columns;
	size_t		group = (size_t) (column / CODES_GROUP) * CODES_BLOCK * CODES_GROUP;

	return block + group + (size_t) (item % CODES_BLOCK) * CODES_GROUP +
		(size_t) (column % CODES_GROUP);
}

void
coded_weights_build(CodedWeights *index, const float *weights, int32_t columns)
{
	int32_t		whole = blocks_of(index->items) * CODES_BLOCK;

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

static bool
is_norm(float value)
{
	return value >= 0 && isfinite(value);
}

bool
coded_weights_valid(const CodedWeights *index, int32_t columns)
{
	const int8_t *code = index->codes;	/* in the order of code_place() */

	for (int32_t first = 0; first < index->items; first += CODES_BLOCK)
	{
		int32_t		sum[CODES_BLOCK] = {0};

		for (int32_t c = 0; c < index->columns; c += CODES_GROUP)
		{
			for (int32_t i = 0; i < CODES_BLOCK * CODES_GROUP; i++, code++)
			{
				bool		padding = first + i / CODES_GROUP >= index->items ||
					c + i % CODES_GROUP >= columns;

				if (*code < -CODE_LIMIT || (padding && *code != 0))
					return false;
				sum[i / CODES_GROUP] += *code;
			}
		}
		for (int32_t i = first; i < first + CODES_BLOCK; i++)
		{
			/* a sum that is not theirs would overflow what the kernels add it to */
			if (index->code_sum[i] != sum[i - first] || !is_norm(index->scale[i]) ||
				!is_norm(index->residual_norm[i]) || !is_norm(index->norm[i]))
				return false;
		}
	}
	return true;
}

/* Round the representation, and begin. */
static void
begin_query(CodedQuery *query, const CodedWeights *index, int32_t columns, TopKRequest *request)
{
	Rounding	rounding;

	memset(query->codes, 0, (size_t) index->columns);
	rounding = round_vector(request->representation, columns, query->codes);
	query->scale = rounding.scale;
	query->norm_factor = rounding.residual_norm + rounding.norm * ROUNDING;
	query->residual_factor = rounding.norm * (1 + ROUNDING);
	query->maximum = -INFINITY;
	query->sum = 0;
	query->candidates = 0;
	query->enough = (size_t) request->top->k;
	query->threshold = -INFINITY;
	request->failed = false;
}

/*
 * Find the k-th highest lower bound, and keep the candidates that can still be
 * among the best.  A candidate's score is its upper bound.  No item that was
 * dropped had a lower bound among the k highest.
 */
static void
drop_candidates(CodedQuery *query, TopKRequest *request, const Kernels *kernels)
{
	size_t		k = (size_t) request->top->k;
	size_t		kept = 0;

	if (query->candidates < k || k == 0)
		return;
	query->threshold = kernels->kth_largest(request->lower, (int32_t) query->candidates,
											request->top->k);
	for (size_t c = 0; c < query->candidates; c++)
	{
		bool		keep = request->candidates[c].score >= query->threshold;

		/* no branch: which ones are kept cannot be foreseen */
		request->candidates[kept] = request->candidates[c];
		request->lower[kept] = request->lower[c];
		kept += keep;
	}
	query->candidates = kept;
	query->enough = kept + k / 2 + MORE_CANDIDATES;
}

/* Take the items of a tile into the sum, the bounds and the candidates. */
static void
answer_tile(CodedTopK *work, float *logits, CodedQuery *query, TopKRequest *request,
			const CodedWeights *index, const Kernels *kernels, const float *bias, int32_t first)
{
	int32_t		count = index->items - first < CODED_TOPK_TILE ? index->items - first : CODED_TOPK_TILE;
	LogitBounds bounds = {
		.bias = bias + first,
		.norm = index->norm + first,
		.residual_norm = index->residual_norm + first,
		.norm_factor = query->norm_factor,
		.residual_factor = query->residual_factor
	};
	int32_t		found = kernels->bound_logits(logits, work->upper, work->found, &bounds, count,
											  query->threshold, &query->maximum, &query->sum);

	for (int32_t f = 0; f < found && !request->failed; f++)
	{
		int32_t		at = work->found[f];
		float		upper = work->upper[at];

		if (exclusion_test(request->excluded, first + at))
			continue;
		request->candidates[query->candidates] = (Scored) {first + at, upper};
		request->lower[query->candidates++] = 2 * logits[at] - upper;
		if (query->candidates == coded_topk_room(request->top->k))
		{
			drop_candidates(query, request, kernels);
			request->failed = query->candidates > coded_topk_room(request->top->k) / 2;
		}
	}
	if (query->candidates >= query->enough)
		drop_candidates(query, request, kernels);
}

/* Score the candidates that are left in floating point. */
static void
finish_query(CodedTopK *work, CodedQuery *query, TopKRequest *request, const CodedWeights *index,
			 const Kernels *kernels, const float *weights, const float *bias,
			 int32_t columns)
{
	float		log_normaliser = query->maximum + logf(query->sum);
	double		correction = 0;

	if (request->failed)
		return;
	drop_candidates(query, request, kernels);
	for (size_t first = 0; first < query->candidates; first += CODED_TOPK_TILE)
	{
		const Scored *candidate = request->candidates + first;
		int32_t		count = query->candidates - first < CODED_TOPK_TILE
			? (int32_t) (query->candidates - first) : CODED_TOPK_TILE;

		for (int32_t c = 0; c < count; c++)
			work->found[c] = candidate[c].item;
		kernels->score_chosen(work->logits, weights, work->found, request->representation,
							  count, columns);
		for (int32_t c = 0; c < count; c++)
		{
			int32_t		item = candidate[c].item;

			work->upper[c] = candidate[c].score - index->norm[item] * query->norm_factor -
				index->residual_norm[item] * query->residual_factor;	/* what the codes said */
			work->logits[c] += bias[item];
			if (work->logits[c] >= topk_threshold(request->top))
				topk_offer(request->top, (Scored) {item, work->logits[c]});
		}
		kernels->exponentials(work->logits, count, log_normaliser, 1);
		kernels->exponentials(work->upper, count, log_normaliser, 1);
		for (int32_t c = 0; c < count; c++)
			correction += work->logits[c] - work->upper[c];
	}
	request->log_normaliser = log_normaliser + (float) log1p(correction);
}

void
coded_topk_answer(CodedTopK *work, const CodedWeights *index, const Kernels *kernels,
		  const float *weights, const float *bias, int32_t columns,
		  TopKRequest *requests, int32_t count)
{
	const int8_t *codes[CODED_TOPK_QUERIES];
	float		scale[CODED_TOPK_QUERIES];

	for (int32_t q = 0; q < count; q++)
	{
		begin_query(&work->query[q], index, columns, &requests[q]);
		codes[q] = work->query[q].codes;
		scale[q] = work->query[q].scale;
	}
	for (int32_t first = 0; first < index->items; first += CODED_TOPK_TILE)
	{
		int32_t		items = index->items - first < CODED_TOPK_TILE ? index->items - first : CODED_TOPK_TILE;

		kernels->score_codes(work->logits, CODED_TOPK_TILE,
							 index->codes + (size_t) first * index->columns,
							 index->code_sum + first, index->scale + first, codes, scale, count,
							 blocks_of(items), index->columns);
		for (int32_t q = 0; q < count; q++)
			answer_tile(work, work->logits + q * CODED_TOPK_TILE, &work->query[q], &requests[q],
						index, kernels, bias, first);
	}
	for (int32_t q = 0; q < count; q++)
		finish_query(work, &work->query[q], &requests[q], index, kernels, weights, bias, columns);
}
