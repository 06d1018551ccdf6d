/*
 * kernels_rows.h
 *	  Inner loops, of kernels_body.h, which includes it: products of rows with a vector.
 */

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
