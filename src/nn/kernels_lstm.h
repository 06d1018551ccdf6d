/*
 * kernels_lstm.h
 *	  Inner loops, of kernels_body.h, which includes it: the cell of an LSTM.
 */

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
