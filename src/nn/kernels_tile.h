/*
 * kernels_tile.h
 *	  Inner loops, of kernels_body.h, which includes it: what is done to a tile of logits, items by windows.
 */

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
