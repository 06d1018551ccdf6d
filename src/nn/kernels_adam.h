/*
 * kernels_adam.h
 *	  Inner loops, of kernels_body.h, which includes it: steps of Adam, norms, and values in 8 bits.
 */

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
