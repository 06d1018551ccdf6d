/*
 * kernels_select.h
 *	  Inner loops, of kernels_body.h, which includes it: selection: what is large enough.
 */

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
