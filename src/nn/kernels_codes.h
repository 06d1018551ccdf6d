/*
 * kernels_codes.h
 *	  Inner loops, of kernels_body.h, which includes it: scores of weights in 8 bits.
 */

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
