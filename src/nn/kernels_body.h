/*
 * kernels_body.h
 *	  The inner loops.  Included by one file an instruction set, which names the
 *	  table to define.
 */
#include "nn/kernels.h"

#include "nn/coded_topk.h"
#include "nn/vector.h"

/*
 * Hochreiter and Schmidhuber, Neural Computation 1997, with forget gates:
 *	 c = f c' + i g,  h = o tanh(c)
 */
static void
lstm_cell_forward(float *gates, float *cell, float *hidden,
				  const float *previous_cell,
				  int32_t rows, int32_t previous_rows, int32_t units)
{
	for (int32_t r = 0; r < rows; r++)
	{
		float	   *row = gates + (size_t) r * 4 * units;
		size_t		state = (size_t) r * units;

		for (int32_t u = 0; u < units; u += LANES)
		{
			int32_t		n = units - u;
			Vec			i = vec_sigmoid(vec_load_part(row + u, n));
			Vec			f = vec_sigmoid(vec_load_part(row + units + u, n));
			Vec			g = vec_tanh(vec_load_part(row + 2 * units + u, n));
			Vec			o = vec_sigmoid(vec_load_part(row + 3 * units + u, n));
			Vec			c = i * g;

			if (r < previous_rows)
				c += f * vec_load_part(previous_cell + state + u, n);
			vec_store_part(row + u, i, n);
			vec_store_part(row + units + u, f, n);
			vec_store_part(row + 2 * units + u, g, n);
			vec_store_part(row + 3 * units + u, o, n);
			vec_store_part(cell + state + u, c, n);
			vec_store_part(hidden + state + u, o * vec_tanh(c), n);
		}
	}
}

static void
lstm_cell_backward(float *gates, const float *cell, const float *d_hidden,
				   float *d_cell, const float *previous_cell,
				   int32_t rows, int32_t previous_rows, int32_t units)
{
	for (int32_t r = 0; r < rows; r++)
	{
		float	   *row = gates + (size_t) r * 4 * units;
		size_t		state = (size_t) r * units;

		for (int32_t u = 0; u < units; u += LANES)
		{
			int32_t		n = units - u;
			Vec			i = vec_load_part(row + u, n);
			Vec			f = vec_load_part(row + units + u, n);
			Vec			g = vec_load_part(row + 2 * units + u, n);
			Vec			o = vec_load_part(row + 3 * units + u, n);
			Vec			tanh_c = vec_tanh(vec_load_part(cell + state + u, n));
			Vec			dh = vec_load_part(d_hidden + state + u, n);
			Vec			dc = vec_load_part(d_cell + state + u, n) +
				dh * o * (1.0f - tanh_c * tanh_c);
			Vec			df = {0};

			if (r < previous_rows)
				df = dc * vec_load_part(previous_cell + state + u, n) * f * (1.0f - f);
			vec_store_part(row + u, dc * g * i * (1.0f - i), n);
			vec_store_part(row + units + u, df, n);
			vec_store_part(row + 2 * units + u, dc * i * (1.0f - g * g), n);
			vec_store_part(row + 3 * units + u, dh * tanh_c * o * (1.0f - o), n);
			vec_store_part(d_cell + state + u, dc * f, n);
		}
	}
}

static void
softmax_statistics(float *logits, const float *bias, int32_t count,
				   float *maximum, float *sum)
{
	int32_t		whole = count / LANES * LANES;
	Vec			tops = vec_all(*maximum);
	Vec			totals = {0};
	float		top;
	float		total;

	for (int32_t j = 0; j < count; j += LANES)
	{
		int32_t		n = count - j;
		Vec			logit = vec_load_part(logits + j, n) + vec_load_part(bias + j, n);

		vec_store_part(logits + j, logit, n);
		if (j < whole)
			tops = vec_max(tops, logit);
	}
	top = vec_largest(tops);
	for (int32_t j = whole; j < count; j++)
		top = logits[j] > top ? logits[j] : top;

	for (int32_t j = 0; j < whole; j += LANES)
		totals += vec_exp(vec_load(logits + j) - top);
	total = vec_sum(totals);
	for (int32_t j = whole; j < count; j++)
		total += vec_exp(vec_all(logits[j] - top))[0];
	*sum = *sum * vec_exp(vec_all(*maximum - top))[0] + total;
	*maximum = top;
}


static void
exponentials(float *values, int32_t count, float shift, float scale)
{
	for (int32_t j = 0; j < count; j += LANES)
		vec_store_part(values + j,
					   scale * vec_exp(vec_load_part(values + j, count - j) - shift),
					   count - j);
}

static void
logarithms(float *values, size_t stride, int32_t rows, const float *factor, int32_t columns)
{
	for (int32_t c = 0; c < columns; c += LANES)
	{
		Vec			factors = vec_load_part(factor + c, columns - c);
		VecInt		wanted = factors != 0.0f;

		for (int32_t r = 0; r < rows; r++)
		{
			float	   *at = values + r * stride + c;
			Vec			v = vec_load_part(at, columns - c);
			Vec			log = vec_log(1.0f + vec_max(v, (Vec) {0}) * factors);

			vec_store_part(at, vec_choose(wanted, log, v), columns - c);
		}
	}
}

static void
standardise(float *values, size_t stride, int32_t rows, const float *mean, const float *scale,
			float limit, int32_t columns)
{
	for (int32_t c = 0; c < columns; c += LANES)
	{
		Vec			means = vec_load_part(mean + c, columns - c);
		Vec			scales = vec_load_part(scale + c, columns - c);

		for (int32_t r = 0; r < rows; r++)
		{
			float	   *at = values + r * stride + c;
			Vec			v = (vec_load_part(at, columns - c) - means) * scales;

			v = vec_max(vec_all(-limit), vec_min(vec_all(limit), v));
			vec_store_part(at, v, columns - c);
		}
	}
}

static int32_t
count_within(const float *values, int32_t count, float low, float high)
{
	VecInt		found = {0};
	int32_t		total = 0;
	int32_t		j = 0;

	for (; j + LANES <= count; j += LANES)
	{
		Vec			v = vec_load(values + j);

		found -= (v >= low) & (v <= high);
	}
#if defined(__AVX512F__)
	if (j < count)
	{
		Vec			v = vec_load_part(values + j, count - j);

		total = __builtin_popcount(_mm512_mask_cmp_ps_mask(vec_mask(count - j), (__m512) v,
														   _mm512_set1_ps(low), _CMP_GE_OQ) &
								   _mm512_cmp_ps_mask((__m512) v, _mm512_set1_ps(high), _CMP_LE_OQ));
		j = count;
	}
#endif
	for (int32_t lane = 0; count >= LANES && lane < LANES; lane++)
		total += found[lane];
	for (; j < count; j++)
		total += values[j] >= low && values[j] <= high;
	return total;
}

/* What a block of a product takes of the registers; all sizes do the same sums. */
#if defined(__AVX512F__)
#define BLOCK_ROWS 8
#else
#define BLOCK_ROWS 4
#endif
#define BLOCK_VECTORS 3

/*
 * A block of a product: `rows` rows of `vectors` vectors, of which the last has
 * `last` columns; constants but for the last of them, where there are fewer than
 * LANES.  The sums are in registers, and nothing is packed: an element of a is
 * spread over a vector, and rows of b are read as they are.
 */
static inline __attribute__((always_inline)) void
multiply_block(const Product *product, int32_t row, int32_t column,
			   const int32_t rows, const int32_t vectors, const int32_t last)
{
	const int32_t count[BLOCK_VECTORS] = {
		vectors > 1 ? LANES : last, vectors > 2 ? LANES : last, last
	};
	Vec			sum[BLOCK_ROWS][BLOCK_VECTORS];
	size_t		a_row = product->a_row;
	const float *a = product->a + row * a_row;
	const float *b = product->b + column;
	float	   *out = product->out + row * product->out_row + column;

	for (int32_t r = 0; r < rows; r++)
	{
		for (int32_t v = 0; v < vectors; v++)
		{
			if (product->add)
				sum[r][v] = vec_load_part(out + r * product->out_row + v * LANES, count[v]);
			else
				sum[r][v] = vec_all(product->start == NULL ? 0 : product->start[row + r]);
		}
	}
	for (int32_t i = 0; i < product->depth; i++)
	{
		Vec			b_row[BLOCK_VECTORS];

		for (int32_t v = 0; v < vectors; v++)
			b_row[v] = vec_load_part(b + v * LANES, count[v]);
		for (int32_t r = 0; r < rows; r++)
		{
			Vec			factor = vec_all(a[r * a_row]);

			for (int32_t v = 0; v < vectors; v++)
				sum[r][v] += factor * b_row[v];
		}
		a += product->a_column;
		b += product->b_row;
	}
	for (int32_t r = 0; r < rows; r++)
	{
		for (int32_t v = 0; v < vectors; v++)
			vec_store_part(out + r * product->out_row + v * LANES, sum[r][v], count[v]);
	}
}

static inline __attribute__((always_inline)) void
multiply_columns(const Product *product, int32_t column, const int32_t vectors,
				 const int32_t last)
{
	int32_t		row = 0;

	for (; row + BLOCK_ROWS <= product->rows; row += BLOCK_ROWS)
		multiply_block(product, row, column, BLOCK_ROWS, vectors, last);
	for (; row < product->rows; row++)
		multiply_block(product, row, column, 1, vectors, last);
}

static void
multiply(const Product *product)
{
	int32_t		column = 0;

	for (; column + BLOCK_VECTORS * LANES <= product->columns; column += BLOCK_VECTORS * LANES)
		multiply_columns(product, column, BLOCK_VECTORS, LANES);
	for (; column + LANES <= product->columns; column += LANES)
		multiply_columns(product, column, 1, LANES);
	if (column < product->columns)
		multiply_columns(product, column, 1, product->columns - column);
}

static void
tile_statistics(const float *logits, size_t stride, int32_t items, int32_t windows,
				float *maximum, float *sum)
{
	for (int32_t w = 0; w < windows; w += LANES)
	{
		int32_t		n = windows - w;
		Vec			before = vec_load_part(maximum + w, n);
		Vec			top = before;
		Vec			total = {0};

		for (int32_t i = 0; i < items; i++)
			top = vec_max(top, vec_load(logits + i * stride + w));
		for (int32_t i = 0; i < items; i++)
			total += vec_exp(vec_load(logits + i * stride + w) - top);
		total += vec_load_part(sum + w, n) * vec_exp(before - top);
		vec_store_part(sum + w, total, n);
		vec_store_part(maximum + w, top, n);
	}
}

static void
tile_gradient(float *logits, size_t stride, int32_t items, int32_t windows,
			  const float *log_normaliser, float scale, float *d_bias)
{
	for (int32_t i = 0; i < items; i++)
	{
		float	   *row = logits + i * stride;
		Vec			total = {0};

		for (int32_t w = 0; w < windows; w += LANES)
		{
			int32_t		n = windows - w;
			Vec			shift = vec_load_part(log_normaliser + w, n);

			vec_store_part(row + w, scale * vec_exp(vec_load(row + w) - shift), n);
			total += vec_load_part(row + w, n);
		}
		d_bias[i] = vec_sum(total);
	}
}

static void
tile_count(const float *logits, size_t stride, int32_t items, int32_t windows,
		   const float *threshold, int32_t *count)
{
	for (int32_t w = 0; w < windows; w += LANES)
	{
		int32_t		n = windows - w < LANES ? windows - w : LANES;
		Vec			limit = vec_load_part(threshold + w, n);
		VecInt		found = {0};

		for (int32_t i = 0; i < items; i++)
			found -= vec_load(logits + i * stride + w) >= limit;
		for (int32_t lane = 0; lane < n; lane++)
			count[w + lane] += found[lane];
	}
}

/* Rows that are scored at once: the sum over a vector's lanes waits for itself, but not for another's. */
#define ROWS_TOGETHER 8

static inline void
score_together(float *scores, const float *const row[], const float *vector, int32_t rows,
			   int32_t columns)
{
	float		part[ROWS_TOGETHER][LANES];
	float		total[ROWS_TOGETHER] = {0};

	for (int32_t r = 0; r < rows; r++)
	{
		Vec			sum = {0};

		for (int32_t c = 0; c < columns; c += LANES)
			sum += vec_load_part(row[r] + c, columns - c) *
				vec_load_part(vector + c, columns - c);
		vec_store(part[r], sum);
	}
	for (int32_t lane = 0; lane < LANES; lane++)
	{
		for (int32_t r = 0; r < rows; r++)
			total[r] += part[r][lane];
	}
	memcpy(scores, total, (size_t) rows * sizeof(float));
}

static void
score_rows(float *scores, const float *weights, const float *vector,
		   int32_t rows, int32_t columns)
{
	for (int32_t first = 0; first < rows; first += ROWS_TOGETHER)
	{
		const float *row[ROWS_TOGETHER];
		int32_t		together = rows - first < ROWS_TOGETHER ? rows - first : ROWS_TOGETHER;

		for (int32_t r = 0; r < together; r++)
			row[r] = weights + (size_t) (first + r) * columns;
		if (together == ROWS_TOGETHER)
			score_together(scores + first, row, vector, ROWS_TOGETHER, columns);
		else
			score_together(scores + first, row, vector, together, columns);
	}
}

static void
score_chosen(float *scores, const float *weights, const int32_t *chosen, const float *vector,
			 int32_t count, int32_t columns)
{
	const float *row[2][ROWS_TOGETHER]; /* those that are scored, and those that follow */

	for (int32_t first = -ROWS_TOGETHER; first < count; first += ROWS_TOGETHER)
	{
		int32_t		next = first + ROWS_TOGETHER;
		int32_t		together = count - first < ROWS_TOGETHER ? count - first : ROWS_TOGETHER;

		memcpy(row[0], row[1], sizeof(row[0]));
		for (int32_t r = 0; r < ROWS_TOGETHER && next + r < count; r++)
		{
			row[1][r] = weights + (size_t) chosen[next + r] * columns;
			for (int32_t c = 0; c < columns; c += KERNELS_MOST_LANES)
				__builtin_prefetch(row[1][r] + c);
		}
		if (first >= 0)
			score_together(scores + first, row[0], vector, together, columns);
	}
}

/* Lanes left from j on, at most all. */
static inline int32_t
lanes_left(size_t count, size_t j)
{
	return count - j < (size_t) LANES ? (int32_t) (count - j) : LANES;
}

/* a . b over `columns` floats. */
static inline float
dot_row(const float *a, const float *b, size_t columns)
{
	Vec			sum = {0};

	for (size_t j = 0; j < columns; j += (size_t) LANES)
	{
		int32_t		n = lanes_left(columns, j);

		sum += vec_load_part(a + j, n) * vec_load_part(b + j, n);
	}
	return vec_sum(sum);
}

/*
 * Of two vectors, groups of `half` lanes in turn: each the sum of two neighbouring
 * groups of one of them.  half: a constant, so that the places are too.
 */
static inline __attribute__((always_inline)) Vec
add_halves(Vec a, Vec b, const int32_t half)
{
	VecInt		low = {0};
	VecInt		high = {0};

#pragma GCC unroll 16
	for (int32_t lane = 0; lane < LANES; lane++)
	{
		low[lane] = (lane / half % 2 == 0 ? 0 : LANES) + lane / (2 * half) * 2 * half + lane % half;
		high[lane] = low[lane] + half;
	}
	return __builtin_shuffle(a, b, low) + __builtin_shuffle(a, b, high);
}

/* The sums of LANES vectors, in their order. */
static inline __attribute__((always_inline)) Vec
sum_each(Vec sum[LANES])
{
#if LANES_16
#pragma GCC unroll 8
	for (int32_t i = 0; i < 8; i++)
		sum[i] = add_halves(sum[i], sum[i + 8], 8);
#endif
#if LANES_16 || LANES_8
#pragma GCC unroll 4
	for (int32_t i = 0; i < 4; i++)
		sum[i] = add_halves(sum[i], sum[i + 4], 4);
#endif
	sum[0] = add_halves(sum[0], sum[2], 2);
	sum[1] = add_halves(sum[1], sum[3], 2);
	return add_halves(sum[0], sum[1], 1);
}

/* Rows whose products are added up side by side: as many addresses as there are registers for. */
#define PRODUCTS_TOGETHER (LANES < 8 ? LANES : 8)

/* Vectors of the products of some rows, to be summed up. */
static inline __attribute__((always_inline)) void
add_up_products(Vec *sum, const float *weights, const float *vector, int32_t columns)
{
	int32_t		whole = columns / LANES * LANES;

	for (int32_t c = 0; c < whole; c += LANES)
	{
		Vec			v = vec_load(vector + c);

#pragma GCC unroll 8
		for (int32_t r = 0; r < PRODUCTS_TOGETHER; r++)
			sum[r] += v * vec_load(weights + (size_t) r * columns + c);
	}
	if (whole < columns)
	{
		Vec			v = vec_load_part(vector + whole, columns - whole);

#pragma GCC unroll 8
		for (int32_t r = 0; r < PRODUCTS_TOGETHER; r++)
			sum[r] += v * vec_load_part(weights + (size_t) r * columns + whole, columns - whole);
	}
}

/* LANES rows, one in each lane. */
static inline Vec
products_together(const float *weights, const float *vector, int32_t columns)
{
	Vec			sum[LANES] = {0};

#pragma GCC unroll 2
	for (int32_t r = 0; r < LANES; r += PRODUCTS_TOGETHER)
		add_up_products(sum + r, weights + (size_t) r * columns, vector, columns);
	return sum_each(sum);
}

static void
add_products(float *out, const float *weights, const float *vector, int32_t rows,
			 int32_t columns)
{
	int32_t		r = 0;

	for (; r + LANES <= rows; r += LANES)
		vec_store(out + r, vec_load(out + r) +
				  products_together(weights + (size_t) r * columns, vector, columns));
	for (; r < rows; r++)
		out[r] += dot_row(weights + (size_t) r * columns, vector, (size_t) columns);
}

/*
 * A block is CODES_BLOCK items; a vector holds CODES_GROUP columns of each, so
 * that sums for all items of the block grow side by side.
 */
#if defined(__AVX512VNNI__)

/* Blocks and queries that are summed up at once: each addition waits for the one before. */
#define CODES_TOGETHER 4

/* Logits of `blocks` blocks by `queries` queries; inlined for each number of them. */
static inline __attribute__((always_inline)) void
score_blocks(float *logits, size_t stride, const int8_t *codes, const int32_t *code_sum,
			 const float *scale, const int8_t (*query)[CONFIG_MAX_COLUMNS],
			 const float *query_scale, int32_t queries, int32_t blocks, int32_t columns)
{
	size_t		block = (size_t) CODES_BLOCK * columns;
	__m512i		total[CODES_TOGETHER][CODES_TOGETHER];

	for (int32_t q = 0; q < queries; q++)
	{
		for (int32_t b = 0; b < blocks; b++)
			total[q][b] = _mm512_sub_epi32(_mm512_setzero_si512(),
										   _mm512_slli_epi32(_mm512_loadu_si512(code_sum + b * CODES_BLOCK), 7));
	}
	for (int32_t c = 0; c < columns; c += CODES_GROUP)
	{
		__m512i		group[CODES_TOGETHER];

		for (int32_t b = 0; b < blocks; b++)
			group[b] = _mm512_loadu_si512(codes + b * block + (size_t) c * CODES_BLOCK);
		for (int32_t q = 0; q < queries; q++)
		{
			int32_t		four;

			memcpy(&four, query[q] + c, sizeof(four));
			for (int32_t b = 0; b < blocks; b++)
				total[q][b] = _mm512_dpbusd_epi32(total[q][b], _mm512_set1_epi32(four), group[b]);
		}
	}
	for (int32_t q = 0; q < queries; q++)
	{
		for (int32_t b = 0; b < blocks; b++)
			vec_store(logits + q * stride + b * CODES_BLOCK,
					  (Vec) _mm512_cvtepi32_ps(total[q][b]) *
					  (vec_load(scale + b * CODES_BLOCK) * query_scale[q]));
	}
}

static void
score_codes(float *logits, size_t stride, const int8_t *codes, const int32_t *code_sum,
			const float *scale, const int8_t *const query[], const float *query_scale,
			int32_t queries, int32_t blocks, int32_t columns)
{
	for (int32_t q = 0; q < queries; q += CODES_TOGETHER)
	{
		int8_t		shifted[CODES_TOGETHER][CONFIG_MAX_COLUMNS];
		int32_t		together = queries - q < CODES_TOGETHER ? queries - q : CODES_TOGETHER;
		int32_t		done = 0;

		/* the instruction multiplies unsigned by signed: the query is shifted by 128 */
		for (int32_t s = 0; s < together; s++)
		{
			for (int32_t c = 0; c < columns; c++)
				shifted[s][c] = (int8_t) (query[q + s][c] ^ -128);
		}
		while (done < blocks)
		{
			int32_t		first = done * CODES_BLOCK;
			int32_t		more = blocks - done < CODES_TOGETHER ? 1 : CODES_TOGETHER;
			const int8_t *from = codes + (size_t) first * columns;

#define SCORE_BLOCKS(queries, blocks) \
			score_blocks(logits + q * stride + first, stride, from, code_sum + first, scale + first, \
						 shifted, query_scale + q, queries, blocks, columns)
			if (together == CODES_TOGETHER && more == CODES_TOGETHER)
				SCORE_BLOCKS(CODES_TOGETHER, CODES_TOGETHER);
			else if (together == 1 && more == CODES_TOGETHER)
				SCORE_BLOCKS(1, CODES_TOGETHER);
			else
				SCORE_BLOCKS(together, more);
#undef SCORE_BLOCKS
			done += more;
		}
	}
}

#else

static void
score_codes(float *logits, size_t stride, const int8_t *codes, const int32_t *code_sum,
			const float *scale, const int8_t *const query[], const float *query_scale,
			int32_t queries, int32_t blocks, int32_t columns)
{
	(void) code_sum;
	for (int32_t q = 0; q < queries; q++)
	{
		const int8_t *four = query[q];

		for (int32_t b = 0; b < blocks; b++)
		{
			const int8_t *block = codes + (size_t) b * CODES_BLOCK * columns;
			int32_t		first = b * CODES_BLOCK;
			int32_t		sums[CODES_BLOCK] = {0};

			for (int32_t c = 0; c < columns; c += CODES_GROUP)
			{
				const int8_t *group = block + (size_t) c * CODES_BLOCK;

				for (int32_t i = 0; i < CODES_BLOCK; i++)
					sums[i] += group[4 * i] * four[c] + group[4 * i + 1] * four[c + 1] +
						group[4 * i + 2] * four[c + 2] + group[4 * i + 3] * four[c + 3];
			}
			for (int32_t i = 0; i < CODES_BLOCK; i++)
				logits[q * stride + first + i] = (float) sums[i] * (scale[first + i] * query_scale[q]);
		}
	}
}

#endif

static int32_t
find_at_least(int32_t *found, const float *values, int32_t count, float threshold)
{
	int32_t		length = 0;
	int32_t		j = 0;

#if defined(__AVX512F__)
	__m512i		places = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7,
										   8, 9, 10, 11, 12, 13, 14, 15);

	for (; j + LANES <= count; j += LANES)
	{
		__mmask16	hit = _mm512_cmp_ps_mask(_mm512_loadu_ps(values + j),
											 _mm512_set1_ps(threshold), _CMP_GE_OQ);

		if (hit != 0)
		{
			/* as a whole vector, of which the rest is overwritten: to memory alone it is slow */
			_mm512_storeu_si512(found + length, _mm512_maskz_compress_epi32(hit, places));
			length += __builtin_popcount(hit);
		}
		places = _mm512_add_epi32(places, _mm512_set1_epi32(LANES));
	}
#endif
	for (; j < count; j++)
	{
		if (values[j] >= threshold)
			found[length++] = j;
	}
	return length;
}

static int32_t
bound_logits(float *logits, float *upper, int32_t *found, const LogitBounds *bounds,
			 int32_t count, float threshold, float *maximum, float *sum)
{
	const float rounding = 1e-6f;	/* of the additions here and of the bias */
	const VecInt lane = vec_lanes();
	Vec			tops = vec_all(*maximum);
	Vec			totals = {0};
	float		top;

	for (int32_t j = 0; j < count; j += LANES)
	{
		int32_t		n = count - j;
		Vec			logit = vec_load(logits + j) + vec_load_part(bounds->bias + j, n);
		Vec			bound = vec_load_part(bounds->norm + j, n) * bounds->norm_factor +
			vec_load_part(bounds->residual_norm + j, n) * bounds->residual_factor +
			vec_absolute(logit) * rounding;

		if (n < LANES)
			logit = vec_choose(lane < n, logit, vec_all(-__builtin_inff()));
		vec_store(logits + j, logit);
		vec_store(upper + j, logit + bound);
		tops = vec_max(tops, logit);
	}
	top = vec_largest(tops);
	for (int32_t j = 0; j < count; j += LANES)
		totals += vec_exp_rough(vec_load(logits + j) - top);
	*sum = *sum * vec_exp(vec_all(*maximum - top))[0] + vec_sum(totals);
	*maximum = top;
	return find_at_least(found, upper, count, threshold);
}

/* Bits of a float as an integer that is in the same order; its own inverse. */
static inline int32_t
order_of_bits(int32_t bits)
{
	return bits ^ ((bits >> 31) & INT32_MAX);
}

/* The same of the lanes of a vector. */
static inline VecInt
orders_of(Vec v)
{
	return (VecInt) v ^ (((VecInt) v >> 31) & INT32_MAX);
}

/* How many values have at least an order of bits. */
static inline int32_t
count_reaching(const float *values, int32_t count, int32_t tried)
{
	int32_t		total = 0;
	int32_t		bits;
	int32_t		j = 0;
#if defined(__AVX512F__)

	for (; j + LANES <= count; j += LANES)
		total += __builtin_popcount(_mm512_cmpge_epi32_mask((__m512i) orders_of(vec_load(values + j)),
															_mm512_set1_epi32(tried)));
#else
	VecInt		reached = {0};

	for (; j + LANES <= count; j += LANES)
		reached -= orders_of(vec_load(values + j)) >= tried;
	for (int32_t lane = 0; lane < LANES; lane++)
		total += reached[lane];
#endif
	for (; j < count; j++)
	{
		memcpy(&bits, values + j, sizeof(bits));
		total += order_of_bits(bits) >= tried;
	}
	return total;
}

/* The least order of bits of those values that have at least one. */
static int32_t
least_reaching(const float *values, int32_t count, int32_t tried)
{
	VecInt		leasts = (VecInt) {0} + INT32_MAX;
	int32_t		least = INT32_MAX;
	int32_t		bits;
	int32_t		j = 0;

	for (; j + LANES <= count; j += LANES)
	{
		VecInt		order = orders_of(vec_load(values + j));
		VecInt		wanted = (order >= tried) & (order < leasts);

		leasts = (order & wanted) | (leasts & ~wanted);
	}
	for (int32_t lane = 0; lane < LANES; lane++)
		least = leasts[lane] < least ? leasts[lane] : least;
	for (; j < count; j++)
	{
		memcpy(&bits, values + j, sizeof(bits));
		bits = order_of_bits(bits);
		least = bits >= tried && bits < least ? bits : least;
	}
	return least;
}

/*
 * The largest order of bits that k values reach, bit by bit from the highest;
 * the highest says that the number is positive.  Where just k values reach what
 * is tried, it is the least of these.
 */
static float
kth_largest(const float *values, int32_t count, int32_t k)
{
	int32_t		kth = INT32_MIN;
	float		result;

	for (uint32_t bit = UINT32_C(1) << 31; bit != 0; bit >>= 1)
	{
		int32_t		tried = (int32_t) ((uint32_t) kth ^ bit);
		int32_t		total = count_reaching(values, count, tried);

		if (total >= k)
			kth = tried;
		if (total == k)
		{
			kth = least_reaching(values, count, tried);
			break;
		}
	}
	kth = order_of_bits(kth);
	memcpy(&result, &kth, sizeof(result));
	return result;
}

static double
sum_squares(const float *values, size_t count)
{
	/* short runs in float, so that the sum of many stays exact enough */
	enum
	{
		RUN = 4096
	};
	double		total = 0;

	for (size_t start = 0; start < count; start += RUN)
	{
		size_t		end = start + RUN < count ? start + RUN : count;
		Vec			part = {0};

		for (size_t j = start; j < end; j += (size_t) LANES)
		{
			Vec			v = vec_load_part(values + j, (int32_t) (end - j));

			part += v * v;
		}
		total += (double) vec_sum(part);
	}
	return total;
}

static void
adam_catch_up(float *weight, float *first, float *second, size_t count,
			  float drift, float decay1, float decay2, float epsilon)
{
	for (size_t j = 0; j < count; j += (size_t) LANES)
	{
		int32_t		n = lanes_left(count, j);
		Vec			m = vec_load_part(first + j, n);
		Vec			v = vec_load_part(second + j, n);

		vec_store_part(weight + j, vec_load_part(weight + j, n) -
					   drift * m / (vec_sqrt(v) + epsilon), n);
		vec_store_part(first + j, decay1 * m, n);
		vec_store_part(second + j, decay2 * v, n);
	}
}

static void
normalise_rows(float *weight, size_t rows, size_t columns)
{
	for (size_t r = 0; r < rows; r++)
	{
		float	   *row = weight + r * columns;
		float		square = dot_row(row, row, columns);
		float		factor = square > 0 ? 1.0f / __builtin_sqrtf(square) : 1.0f;

		for (size_t j = 0; j < columns; j += (size_t) LANES)
		{
			int32_t		n = lanes_left(columns, j);

			vec_store_part(row + j, factor * vec_load_part(row + j, n), n);
		}
	}
}

static void
project_rows(float *gradient, const float *weight, size_t rows, size_t columns)
{
	for (size_t r = 0; r < rows; r++)
	{
		float	   *g = gradient + r * columns;
		const float *w = weight + r * columns;
		float		along = dot_row(g, w, columns);

		for (size_t j = 0; j < columns; j += (size_t) LANES)
		{
			int32_t		n = lanes_left(columns, j);

			vec_store_part(g + j, vec_load_part(g + j, n) - along * vec_load_part(w + j, n), n);
		}
	}
}

static void
adam(float *weight, float *gradient, float *first, float *second, size_t count,
	 const AdamStep *step)
{
	const float beta1 = step->beta1;
	const float beta2 = step->beta2;

	for (size_t j = 0; j < count; j += (size_t) LANES)
	{
		int32_t		n = lanes_left(count, j);
		Vec			g = vec_load_part(gradient + j, n) * step->gradient_scale;
		Vec			m = beta1 * vec_load_part(first + j, n) + (1.0f - beta1) * g;
		Vec			v = beta2 * vec_load_part(second + j, n) + (1.0f - beta2) * g * g;
		Vec			move = step->rate * m /
			(vec_sqrt(v) * step->second_scale + step->epsilon);

		vec_store_part(first + j, m, n);
		vec_store_part(second + j, v, n);
		vec_store_part(weight + j, vec_load_part(weight + j, n) - move, n);
		vec_store_part(gradient + j, (Vec) {0}, n);
	}
}

static void
to_codes(int8_t *restrict codes, const float *restrict values, size_t count, float scale)
{
	/* conversion cuts off: what is shifted above 0 is rounded so */
	for (size_t i = 0; i < count; i++)
		codes[i] = (int8_t) ((int32_t) (values[i] * scale + 128.5f) - 128);
}

static void
from_codes(float *restrict values, const int8_t *restrict codes, size_t count, float scale)
{
	for (size_t i = 0; i < count; i++)
		values[i] = (float) codes[i] * scale;
}

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
