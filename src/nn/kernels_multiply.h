/*
 * kernels_multiply.h
 *	  Inner loops, of kernels_body.h, which includes it: products of matrices.
 */

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
