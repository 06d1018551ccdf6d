/*
 * kernels_elementwise.h
 *	  Inner loops, of kernels_body.h, which includes it: what is done to each value for itself, and softmax.
 */

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
