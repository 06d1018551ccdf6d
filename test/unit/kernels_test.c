/*
 * kernels_test.c
 *	  Every inner loop of every instruction set this processor runs, against
 *	  plain code in double precision: every tail, extreme arguments, and that
 *	  the sets agree.
 */
#include "nn/adam.h"
#include "nn/coded_topk.h"
#include "nn/kernels.h"

#include "fixture.h"
#include "tap.h"

/* Sizes around and between the multiples of 4, 8 and 16 lanes. */
static const int32_t sizes[] = {
	1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17,
	23, 31, 32, 33, 47, 50, 64, 65};

#define SIZES ((int) (sizeof(sizes) / sizeof(sizes[0])))
#define LARGEST 65

static double
sigmoid(double x)
{
	return 1 / (1 + exp(-x));
}

static double
max_of(double a, double b)
{
	return a > b || isnan(a) ? a : b;
}

/* ----------------------------------------------------------- LSTM, forward */

/*
 * The activations over a dense range of arguments, by one step of one row
 * without a previous one: i, f, g, o, then c = i g and h = o tanh(c).
 */
static void
check_activations(const Kernels *kernels)
{
	enum
	{
		POINTS = 400001
	};
	float	   *gates = NEW(float, 4 * POINTS);
	float	   *cell = NEW(float, POINTS);
	float	   *hidden = NEW(float, POINTS);
	double		worst[5] = {0};

	for (int i = 0; i < POINTS; i++)
	{
		/* denser around 0 */
		double		u = 2.0 * i / (POINTS - 1) - 1;

		for (int k = 0; k < 4; k++)
			gates[(size_t) k * POINTS + i] = (float) (100 * u * u * u);
	}
	kernels->lstm_cell_forward(gates, cell, hidden, NULL, 1, 0, POINTS);
	for (int i = 0; i < POINTS; i++)
	{
		double		u = 2.0 * i / (POINTS - 1) - 1;
		double		x = (float) (100 * u * u * u);
		double		c = sigmoid(x) * tanh(x);

		worst[0] = max_of(fabs(gates[i] - sigmoid(x)), worst[0]);
		worst[1] = max_of(fabs(gates[POINTS + i] - sigmoid(x)), worst[1]);
		worst[2] = max_of(fabs(gates[2 * POINTS + i] - tanh(x)), worst[2]);
		worst[3] = max_of(fabs(gates[3 * POINTS + i] - sigmoid(x)), worst[3]);
		worst[4] = max_of(fabs(hidden[i] - sigmoid(x) * tanh(c)), worst[4]);
	}
	ok(worst[0] < 1e-6 && worst[1] < 1e-6 && worst[3] < 1e-6,
	   "%s: sigmoid to 1e-6 over +-100", kernels->name);
	ok(worst[2] < 1e-6, "%s: tanh to 1e-6 over +-100", kernels->name);
	ok(worst[4] < 1e-6, "%s: hidden state to 1e-6 over +-100", kernels->name);
	if (max_of(max_of(worst[0], worst[2]), worst[4]) > 5e-7)
		diag("%s: worst sigmoid %g, tanh %g, hidden state %g", kernels->name, worst[0],
			 worst[2], worst[4]);
	free(gates);
	free(cell);
	free(hidden);
}

static void
check_extremes(const Kernels *kernels)
{
	const float arguments[] = {0, -0.0f, 1e-30f, -1e-30f, 1e-42f, 30, -30, 88, -88, 89, -89,
	1e4f, -1e4f, 3e38f, -3e38f, INFINITY, -INFINITY};
	const int32_t count = (int32_t) (sizeof(arguments) / sizeof(arguments[0]));
	float	   *gates = NEW(float, 4 * count);
	float	   *cell = NEW(float, count);
	float	   *hidden = NEW(float, count);
	bool		right = true;

	for (int k = 0; k < 4; k++)
		memcpy(gates + k * count, arguments, sizeof(arguments));
	kernels->lstm_cell_forward(gates, cell, hidden, NULL, 1, 0, count);
	for (int i = 0; i < count; i++)
	{
		double		x = arguments[i];
		double		c = sigmoid(x) * tanh(x);

		if (!(fabs(gates[i] - sigmoid(x)) < 1e-6 &&
			  fabs(gates[2 * count + i] - tanh(x)) < 1e-6 &&
			  fabs(cell[i] - c) < 1e-6 &&
			  fabs(hidden[i] - sigmoid(x) * tanh(c)) < 1e-6))
		{
			right = false;
			diag("at %g: sigmoid %g, tanh %g", x, gates[i], gates[2 * count + i]);
		}
	}
	ok(right, "%s: activations at extreme arguments", kernels->name);
	free(gates);
	free(cell);
	free(hidden);
}

/* What is not a number stays so, whatever its bits and its sign are. */
static void
check_not_numbers(const Kernels *kernels)
{
	const uint32_t bits[] = {UINT32_C(0x7FC00000), UINT32_C(0xFFC00000), UINT32_C(0x7FC00001),
		UINT32_C(0x7FC000FF), UINT32_C(0x7FC00180), UINT32_C(0xFFC00100), UINT32_C(0x7FFFFFFF),
	UINT32_C(0xFFFFFFFF)};
	enum
	{
		COUNT = sizeof(bits) / sizeof(bits[0])
	};
	float		values[COUNT];
	float		gates[4 * COUNT];
	float		cell[COUNT];
	float		hidden[COUNT];
	bool		kept = true;

	memcpy(values, bits, sizeof(values));
	for (int k = 0; k < 4; k++)
		memcpy(gates + k * COUNT, bits, sizeof(bits));
	kernels->exponentials(values, COUNT, 0, 1);
	kernels->lstm_cell_forward(gates, cell, hidden, NULL, 1, 0, COUNT);
	for (int i = 0; i < COUNT; i++)
	{
		for (int k = 0; k < 4; k++)
			kept = kept && isnan(gates[k * COUNT + i]);
		kept = kept && isnan(values[i]) && isnan(cell[i]) && isnan(hidden[i]);
	}
	ok(kept, "%s: what is not a number stays so", kernels->name);
}

/* The exponential at the ends of what it takes, and beyond. */
static void
check_exponential_ends(const Kernels *kernels)
{
	const float arguments[] = {87, 86.99f, 88, 1e4f, 3e38f, INFINITY, 0, -0.0f, 1e-42f,
	-86.99f, -87, -88, -1e4f, -3e38f, -INFINITY};
	enum
	{
		COUNT = sizeof(arguments) / sizeof(arguments[0])
	};
	float		values[COUNT];
	bool		right = true;

	memcpy(values, arguments, sizeof(values));
	kernels->exponentials(values, COUNT, 0, 1);
	for (int i = 0; i < COUNT; i++)
	{
		double		want = exp(fmax(-87, fmin(87, arguments[i])));

		right = right && fabs(values[i] / want - 1) < 1e-5;
	}
	ok(right, "%s: exp at the ends of its range and beyond", kernels->name);
}

typedef struct Cells
{
	int32_t		rows;
	int32_t		previous_rows;
	int32_t		units;
	size_t		count;			/* rows x units */
	float	   *gates;
	float	   *cell;
	float	   *hidden;
	float	   *d_hidden;
	float	   *d_cell;
	float	   *previous;		/* previous rows x units */
} Cells;

static Cells
cells_new(int32_t rows, int32_t previous_rows, int32_t units, uint64_t seed)
{
	Rng			rng = test_rng(seed);
	Cells		cells = {.rows = rows, .previous_rows = previous_rows, .units = units,
		.count = (size_t) rows * units
	};

	cells.gates = new_random(cells.count * 4, 4, &rng);
	cells.previous = new_random((size_t) previous_rows * units, 2, &rng);
	cells.d_hidden = new_random(cells.count, 1, &rng);
	cells.d_cell = new_random(cells.count, 1, &rng);
	cells.cell = NEW(float, cells.count);
	cells.hidden = NEW(float, cells.count);
	return cells;
}

static void
cells_free(Cells *cells)
{
	free(cells->gates);
	free(cells->cell);
	free(cells->hidden);
	free(cells->d_hidden);
	free(cells->d_cell);
	free(cells->previous);
}

/* Both passes over one shape; the results stay in *cells for a comparison. */
static bool
check_cells(const Kernels *kernels, Cells *cells)
{
	size_t		units = (size_t) cells->units;
	size_t		count = cells->count;
	double	   *gates = new_doubles(cells->gates, count * 4);
	double	   *cell = NEW(double, count);
	double	   *hidden = NEW(double, count);
	double	   *d_gates = NEW(double, count * 4);
	double	   *d_cell = NEW(double, count);
	bool		right;

	for (size_t j = 0; j < count; j++)
	{
		size_t		r = j / units;
		size_t		u = j % units;
		double	   *row = gates + r * 4 * units + u;
		double	   *d_row = d_gates + r * 4 * units + u;
		bool		has_previous = r < (size_t) cells->previous_rows;
		double		before = has_previous ? cells->previous[j] : 0;
		double		i = row[0] = sigmoid(row[0]);
		double		f = row[units] = sigmoid(row[units]);
		double		g = row[2 * units] = tanh(row[2 * units]);
		double		o = row[3 * units] = sigmoid(row[3 * units]);
		double		c = cell[j] = f * before + i * g;
		double		dc = cells->d_cell[j] + cells->d_hidden[j] * o * (1 - tanh(c) * tanh(c));

		hidden[j] = o * tanh(c);
		d_row[0] = dc * g * i * (1 - i);
		d_row[units] = dc * before * f * (1 - f);
		d_row[2 * units] = dc * i * (1 - g * g);
		d_row[3 * units] = cells->d_hidden[j] * tanh(c) * o * (1 - o);
		d_cell[j] = dc * f;
	}
	kernels->lstm_cell_forward(cells->gates, cells->cell, cells->hidden, cells->previous,
							   cells->rows, cells->previous_rows, cells->units);
	right = worst_difference(cells->gates, gates, count * 4) < 1e-6 &&
		worst_difference(cells->cell, cell, count) < 2e-6 &&
		worst_difference(cells->hidden, hidden, count) < 2e-6;
	kernels->lstm_cell_backward(cells->gates, cells->cell, cells->d_hidden,
								cells->d_cell, cells->previous, cells->rows,
								cells->previous_rows, cells->units);
	right = right && worst_difference(cells->gates, d_gates, count * 4) < 4e-6 &&
		worst_difference(cells->d_cell, d_cell, count) < 4e-6;
	free(gates);
	free(cell);
	free(hidden);
	free(d_gates);
	free(d_cell);
	return right;
}

static void
check_lstm(const Kernels *kernels, const Kernels *other)
{
	for (int32_t previous_rows = 0; previous_rows <= 3; previous_rows++)
	{
		int			wrong = 0;
		int			apart = 0;

		for (int i = 0; i < SIZES; i++)
		{
			Cells		cells = cells_new(3, previous_rows, sizes[i], (uint64_t) i);
			Cells		others = cells_new(3, previous_rows, sizes[i], (uint64_t) i);
			double	   *want;

			wrong += !check_cells(kernels, &cells);
			check_cells(other, &others);
			want = new_doubles(others.gates, others.count * 4);
			apart += !(worst_difference(cells.gates, want, cells.count * 4) < 2e-6);
			free(want);
			want = new_doubles(others.hidden, others.count);
			apart += !(worst_difference(cells.hidden, want, cells.count) < 1e-6);
			free(want);
			cells_free(&cells);
			cells_free(&others);
		}
		ok(wrong == 0, "%s: lstm cell, %d of 3 rows with a step before, every tail",
		   kernels->name, previous_rows);
		ok(apart == 0, "%s: lstm cell, %d of 3 rows with a step before, as %s",
		   kernels->name, previous_rows, other->name);
	}
}

static void
check_lstm_nan(const Kernels *kernels)
{
	bool		right = true;

	for (int gate = 0; gate < 4; gate++)
	{
		for (int32_t at = 0; at < 19; at++)
		{
			Cells		cells = cells_new(1, 1, 19, 1);

			cells.gates[gate * 19 + at] = NAN;
			kernels->lstm_cell_forward(cells.gates, cells.cell, cells.hidden,
									   cells.previous, 1, 1, 19);
			for (int32_t u = 0; u < 19; u++)
			{
				bool		nan = u == at;

				/* the output gate does not reach the cell */
				right = right && isnan(cells.gates[gate * 19 + u]) == nan &&
					isnan(cells.cell[u]) == (nan && gate != 3) &&
					isnan(cells.hidden[u]) == nan;
			}
			kernels->lstm_cell_backward(cells.gates, cells.cell, cells.d_hidden,
										cells.d_cell, cells.previous, 1, 1, 19);
			for (int32_t u = 0; u < 19; u++)
				right = right && isnan(cells.gates[gate * 19 + u]) == (u == at);
			cells_free(&cells);
		}
	}
	ok(right, "%s: lstm cell: not a number stays one, in its own lane", kernels->name);
}

/* ---------------------------------------------------------------- products */

/* One product, against plain code; out starts with random values. */
static bool
check_product(const Kernels *kernels, int32_t rows, int32_t columns, int32_t depth,
			  bool transposed, int starting)
{
	Rng			rng = test_rng((uint64_t) (rows + 100 * columns + 10000 * depth));
	size_t		out_row = (size_t) columns + 3;
	size_t		b_row = (size_t) columns + 2;
	float	   *a = new_random((size_t) rows * depth, 1, &rng);
	float	   *b = new_random(b_row * depth, 1, &rng);
	float	   *start = new_random((size_t) rows, 1, &rng);
	float	   *out = new_random(out_row * rows, 1, &rng);
	double	   *want = new_doubles(out, out_row * rows);
	size_t		a_row = transposed ? 1 : (size_t) depth;
	size_t		a_column = transposed ? (size_t) rows : 1;
	bool		right;

	for (int32_t r = 0; r < rows; r++)
	{
		for (int32_t c = 0; c < columns; c++)
		{
			double	   *sum = want + r * out_row + c;

			if (starting < 2)
				*sum = starting == 0 ? 0 : start[r];
			for (int32_t i = 0; i < depth; i++)
				*sum += (double) a[r * a_row + i * a_column] * b[i * b_row + c];
		}
	}
	kernels->multiply(&(Product) {
		.out = out, .out_row = out_row, .add = starting == 2,
		.start = starting == 1 ? start : NULL,
		.a = a, .a_row = a_row, .a_column = a_column, .b = b, .b_row = b_row,
		.rows = rows, .columns = columns, .depth = depth
	});
	/* also what is between the rows */
	right = worst_difference(out, want, out_row * rows) < 1e-5;
	free(a);
	free(b);
	free(start);
	free(out);
	free(want);
	return right;
}

static void
check_multiply(const Kernels *kernels)
{
	static const char *const starts[] = {"0", "a value a row", "what is there"};

	for (int starting = 0; starting < 3; starting++)
	{
		int			wrong = 0;

		for (int32_t rows = 1; rows <= 17; rows++)
		{
			for (int i = 0; i < SIZES; i++)
			{
				for (int transposed = 0; transposed < 2; transposed++)
					wrong += !check_product(kernels, rows, sizes[i],
											sizes[(i * 7 + rows) % SIZES], transposed,
											starting);
			}
		}
		ok(wrong == 0, "%s: products that start with %s, every tail", kernels->name,
		   starts[starting]);
	}
}

/* ----------------------------------------------------------------- softmax */

/* Floats from one row of a tile to the next. */
static size_t
tile_stride(int32_t windows)
{
	return ((size_t) windows / KERNELS_MOST_LANES + 1) * KERNELS_MOST_LANES;
}

/* A tile whose places beyond the windows are not numbers: nothing may come of them. */
static float *
new_tile(int32_t items, int32_t windows, float range, float shift, Rng *rng)
{
	size_t		stride = tile_stride(windows);
	float	   *tile = new_random((size_t) items * stride, range, rng);

	for (size_t j = 0; j < (size_t) items * stride; j++)
		tile[j] = j % stride < (size_t) windows ? tile[j] + shift : NAN;
	return tile;
}

/* exp() alone: a tile of one item, with normalisers of 0 */
static void
check_exp(const Kernels *kernels)
{
	enum
	{
		POINTS = 200000
	};
	float	   *logits = NEW(float, POINTS);
	float	   *normaliser = new_zeros(POINTS);
	float		d_bias;
	double		near = 0;
	double		far = 0;
	bool		within = true;

	for (int i = 0; i < POINTS; i++)
		logits[i] = (float) (-86.9 + 173.8 * i / (POINTS - 1));
	kernels->tile_gradient(logits, POINTS, 1, POINTS, normaliser, 1, &d_bias);
	for (int i = 0; i < POINTS; i++)
	{
		double		x = (float) (-86.9 + 173.8 * i / (POINTS - 1));
		double		error = fabs(logits[i] / exp(x) - 1);

		far = max_of(error, far);
		if (fabs(x) <= 1)
			near = max_of(error, near);
		within = within && fabs(logits[i] - exp(x)) <= 1e-6 * max_of(1, 6 * exp(x));
	}
	ok(near < 3e-7, "%s: exp to 3e-7 of its value over +-1", kernels->name);
	ok(far < 6e-6, "%s: exp to 6e-6 of its value over +-87", kernels->name);
	ok(within, "%s: exp of what is negative to 1e-6", kernels->name);
	if (!(near < 3e-7 && far < 6e-6))
		diag("%g over +-1, %g over +-87", near, far);
	free(logits);
	free(normaliser);
}

static void
check_exponentials(const Kernels *kernels)
{
	int			wrong = 0;

	for (int i = 0; i < SIZES; i++)
	{
		Rng			rng = test_rng((uint64_t) i);
		size_t		count = (size_t) sizes[i];
		float	   *values = new_random(count, 5, &rng);
		double	   *want = new_doubles(values, count);

		for (size_t j = 0; j < count; j++)
			want[j] = 0.5 * exp(want[j] - 2.25);
		want[count - 1] = 0;
		values[count - 1] = -1e37f;
		kernels->exponentials(values, (int32_t) count, 2.25f, 0.5f);
		wrong += !(worst_difference(values, want, count) < 1e-5);
		free(values);
		free(want);
	}
	ok(wrong == 0, "%s: exponentials, every tail", kernels->name);
}

/* ln(1 + factor x value) of the columns that have a factor, and of values that are not above 0. */
static void
check_logarithms(const Kernels *kernels)
{
	enum
	{
		ROWS = 3000
	};
	int			wrong = 0;

	for (int i = 0; i < SIZES; i++)
	{
		Rng			rng = test_rng((uint64_t) i);
		int32_t		columns = sizes[i];
		size_t		stride = (size_t) columns + 3;
		size_t		count = ROWS * stride;
		float	   *values = NEW(float, count);
		float	   *before = NEW(float, count);
		float	   *factor = new_zeros((size_t) columns);

		for (int32_t c = 0; c < columns; c++)
			factor[c] = rng_uniform(&rng) < 0.5f ? 0 : 1000 * rng_uniform(&rng);
		for (size_t j = 0; j < count; j++)
			before[j] = values[j] = j % 7 == 0 ? 0 : j % 11 == 0 ? -3 :
				(float) exp2(220 * rng_uniform(&rng) - 110);
		kernels->logarithms(values, stride, ROWS, factor, columns);
		for (size_t j = 0; j < count; j++)
		{
			bool		chosen = j % stride < (size_t) columns && factor[j % stride] != 0;
			float		value = chosen ? 1 + fmaxf(before[j], 0) * factor[j % stride] : 0;
			double		want = chosen ? log(value) : before[j];

			if (!chosen || value == 1)
				wrong += values[j] != (float) want;
			else
				wrong += !(fabs(values[j] - want) <= 4e-7 * max_of(1, fabs(want)));
		}
		free(values);
		free(before);
		free(factor);
	}
	ok(wrong == 0, "%s: logarithms of the columns with a factor, every tail", kernels->name);
}

/* Columns by their mean and scale, within the limit; how many values lie within bounds. */
static void
check_standardise(const Kernels *kernels)
{
	int			wrong = 0;

	for (int i = 0; i < SIZES; i++)
	{
		Rng			rng = test_rng((uint64_t) i);
		int32_t		columns = sizes[i];
		int32_t		rows = 5;
		size_t		stride = (size_t) columns + 3;
		float	   *values = new_random((size_t) rows * stride, 3, &rng);
		float	   *before = NEW(float, (size_t) rows * stride);
		float	   *mean = new_random((size_t) columns, 1, &rng);
		float	   *scale = new_random((size_t) columns, 4, &rng);
		int32_t		within = 0;

		memcpy(before, values, (size_t) rows * stride * sizeof(float));
		kernels->standardise(values, stride, rows, mean, scale, 5, columns);
		for (size_t j = 0; j < (size_t) rows * stride; j++)
		{
			size_t		c = j % stride;
			float		want = c < (size_t) columns ? (before[j] - mean[c]) * scale[c] : before[j];

			if (c < (size_t) columns)
				want = fminf(fmaxf(want, -5), 5);
			wrong += !(fabsf(values[j] - want) <= 1e-6f * fmaxf(1, fabsf(want)));
		}
		/* bounds that are values themselves */
		for (int32_t c = 0; c < columns; c++)
			within += before[c] >= fminf(before[0], before[columns - 1]) &&
				before[c] <= fmaxf(before[0], before[columns - 1]);
		wrong += kernels->count_within(before, columns, fminf(before[0], before[columns - 1]),
									   fmaxf(before[0], before[columns - 1])) != within;
		wrong += kernels->count_within(before, 0, -INFINITY, INFINITY) != 0;
		wrong += kernels->count_within(before, columns, -INFINITY, INFINITY) != columns;
		wrong += kernels->count_within(before, columns, 1, -1) != 0;
		free(values);
		free(before);
		free(mean);
		free(scale);
	}
	ok(wrong == 0, "%s: standardised columns, and values within bounds, every tail", kernels->name);
}

/* A row of logits in two parts, against plain code. */
static void
check_row_statistics(const Kernels *kernels)
{
	int			wrong = 0;

	for (int i = 0; i < SIZES; i++)
	{
		Rng			rng = test_rng((uint64_t) i);
		int32_t		parts[2] = {sizes[i], sizes[(i * 7 + 3) % SIZES]};
		int32_t		all = parts[0] + parts[1];
		float	   *logits = new_random((size_t) all, 30, &rng);
		float	   *bias = new_random((size_t) all, 1, &rng);
		double	   *want = NEW(double, all);
		float		maximum = -INFINITY;
		float		sum = 0;
		double		top = -INFINITY;
		double		total = 0;

		for (int32_t j = 0; j < all; j++)
			top = fmax(top, want[j] = (float) (logits[j] + bias[j]));
		for (int32_t j = 0; j < all; j++)
			total += exp(want[j] - top);
		kernels->softmax_statistics(logits, bias, parts[0], &maximum, &sum);
		kernels->softmax_statistics(logits + parts[0], bias + parts[0], parts[1],
									&maximum, &sum);
		wrong += maximum != (float) top || !(fabs(sum / total - 1) < 2e-6);
		wrong += worst_difference(logits, want, (size_t) all) > 0;
		logits[all - 1] = NAN;
		kernels->softmax_statistics(logits, bias, all, &maximum, &sum);
		wrong += !isnan(sum);
		free(logits);
		free(bias);
		free(want);
	}
	ok(wrong == 0, "%s: softmax statistics of a row, every tail", kernels->name);
}

enum
{
	ITEMS = 5
};

/* Two tiles of a softmax, statistics and gradient; which sizes went wrong. */
static void
check_softmax(const Kernels *kernels, const Kernels *other, float range, float shift)
{
	int			wrong[3] = {0};
	int			apart = 0;

	for (int i = 0; i < SIZES; i++)
	{
		int32_t		windows = sizes[i];
		size_t		stride = tile_stride(windows);
		Rng			rng = test_rng((uint64_t) i);
		float	   *tile[2];
		float		maximum[2][LARGEST];
		float		sum[2][LARGEST];
		float		normaliser[LARGEST];

		for (int t = 0; t < 2; t++)
			tile[t] = new_tile(ITEMS, windows, range, shift, &rng);
		for (int set = 0; set < 2; set++)
		{
			for (int32_t w = 0; w < windows; w++)
			{
				maximum[set][w] = -INFINITY;
				sum[set][w] = 0;
			}
			for (int t = 0; t < 2; t++)
				(set == 0 ? kernels : other)->tile_statistics
					(tile[t], stride, ITEMS, windows, maximum[set], sum[set]);
		}
		for (int32_t w = 0; w < windows; w++)
		{
			double		top = -INFINITY;
			double		total = 0;

			for (int32_t j = 0; j < 2 * ITEMS; j++)
				top = fmax(top, tile[j / ITEMS][(j % ITEMS) * stride + w]);
			for (int32_t j = 0; j < 2 * ITEMS; j++)
				total += exp(tile[j / ITEMS][(j % ITEMS) * stride + w] - top);
			wrong[0] += maximum[0][w] != (float) top;
			wrong[0] += !(fabs(sum[0][w] / total - 1) < 2e-6);
			apart += maximum[0][w] != maximum[1][w];
			apart += !(fabs(sum[0][w] / sum[1][w] - 1) < 2e-6);
			normaliser[w] = maximum[0][w] + logf(sum[0][w]);
		}

		for (int t = 0; t < 2; t++)
		{
			float		d_bias[ITEMS];
			double		want_bias[ITEMS] = {0};
			double	   *want = new_doubles(tile[t], ITEMS * stride);

			for (int32_t j = 0; j < ITEMS; j++)
			{
				for (int32_t w = 0; w < windows; w++)
				{
					double	   *p = want + j * stride + w;

					*p = 0.125 * exp(*p - normaliser[w]);
					want_bias[j] += *p;
				}
			}
			kernels->tile_gradient(tile[t], stride, ITEMS, windows, normaliser, 0.125f,
								   d_bias);
			for (int32_t j = 0; j < ITEMS; j++)
				wrong[1] += !(worst_difference(tile[t] + j * stride, want + j * stride,
											   (size_t) windows) <
							  1e-6 * (1 + fabs((double) shift)));
			wrong[2] += !(worst_difference(d_bias, want_bias, ITEMS) <
						  1e-6 * windows * (1 + fabs((double) shift)));
			free(want);
			free(tile[t]);
		}
	}
	ok(wrong[0] == 0, "%s: softmax statistics, logits %g +- %g, every tail", kernels->name,
	   (double) shift, (double) range);
	ok(apart == 0, "%s: softmax statistics, logits %g +- %g, as %s", kernels->name,
	   (double) shift, (double) range, other->name);
	ok(wrong[1] == 0, "%s: softmax gradient, logits %g +- %g, every tail", kernels->name,
	   (double) shift, (double) range);
	ok(wrong[2] == 0, "%s: softmax gradient of the bias, logits %g +- %g, every tail",
	   kernels->name, (double) shift, (double) range);
}

/* One logit that is not a number spoils its window, and no other. */
static void
check_softmax_nan(const Kernels *kernels)
{
	enum
	{
		WINDOWS = 37
	};
	size_t		stride = tile_stride(WINDOWS);
	bool		right = true;

	for (int32_t at = 0; at < WINDOWS; at++)
	{
		Rng			rng = test_rng(7);
		float	   *logits = new_tile(ITEMS, WINDOWS, 2, 0, &rng);
		float		d_bias[ITEMS];
		float		maximum[WINDOWS];
		float		sum[WINDOWS] = {0};
		float		normaliser[WINDOWS];
		int32_t		spoilt = at % ITEMS;

		for (int32_t w = 0; w < WINDOWS; w++)
		{
			maximum[w] = -INFINITY;
			normaliser[w] = 5;
		}
		logits[spoilt * stride + at] = NAN;
		kernels->tile_statistics(logits, stride, ITEMS, WINDOWS, maximum, sum);
		kernels->tile_gradient(logits, stride, ITEMS, WINDOWS, normaliser, 1, d_bias);
		for (int32_t w = 0; w < WINDOWS; w++)
		{
			right = right && isnan(sum[w]) == (w == at);
			for (int32_t j = 0; j < ITEMS; j++)
				right = right && isnan(logits[j * stride + w]) == (w == at && j == spoilt);
		}
		for (int32_t j = 0; j < ITEMS; j++)
			right = right && isnan(d_bias[j]) == (j == spoilt);
		free(logits);
	}
	ok(right, "%s: softmax: not a number stays one, in its own window", kernels->name);
}

/* A window without a target adds nothing: its normaliser is infinite. */
static void
check_softmax_infinite(const Kernels *kernels)
{
	enum
	{
		WINDOWS = 21
	};
	Rng			rng = test_rng(3);
	size_t		stride = tile_stride(WINDOWS);
	float	   *logits = new_tile(ITEMS, WINDOWS, 10, 0, &rng);
	float		normaliser[WINDOWS];
	float		d_bias[ITEMS];
	float		largest = 0;

	for (int w = 0; w < WINDOWS; w++)
		normaliser[w] = INFINITY;
	kernels->tile_gradient(logits, stride, ITEMS, WINDOWS, normaliser, 1, d_bias);
	for (int32_t j = 0; j < ITEMS; j++)
	{
		largest = fmaxf(largest, fabsf(d_bias[j]));
		for (int32_t w = 0; w < WINDOWS; w++)
			largest = fmaxf(largest, fabsf(logits[j * stride + w]));
	}
	ok(largest < 1e-36f, "%s: softmax gradient with an infinite normaliser",
	   kernels->name);
	free(logits);
}

static void
check_count(const Kernels *kernels)
{
	int			wrong = 0;

	for (int i = 0; i < SIZES; i++)
	{
		Rng			rng = test_rng((uint64_t) i);
		int32_t		windows = sizes[i];
		size_t		stride = tile_stride(windows);
		float	   *logits = new_tile(ITEMS, windows, 1, 0, &rng);
		float		threshold[LARGEST];
		int32_t		count[LARGEST];

		for (int32_t w = 0; w < windows; w++)
		{
			threshold[w] = logits[(w % ITEMS) * stride + w];
			count[w] = w;
		}
		kernels->tile_count(logits, stride, ITEMS, windows, threshold, count);
		for (int32_t w = 0; w < windows; w++)
		{
			int32_t		want = w;

			for (int32_t j = 0; j < ITEMS; j++)
				want += logits[j * stride + w] >= threshold[w];
			wrong += count[w] != want;
		}
		free(logits);
	}
	ok(wrong == 0, "%s: count at least, ties counted, every tail", kernels->name);
}

static void
check_score_rows(const Kernels *kernels)
{
	int			wrong = 0;

	for (int i = 0; i < SIZES; i++)
	{
		Rng			rng = test_rng((uint64_t) i);
		int32_t		columns = sizes[i];
		float	   *weights = new_random(5 * (size_t) columns, 1, &rng);
		float	   *vector = new_random((size_t) columns, 1, &rng);
		float		scores[5];
		double		want[5] = {0};

		for (int32_t r = 0; r < 5; r++)
		{
			for (int32_t c = 0; c < columns; c++)
				want[r] += (double) weights[r * columns + c] * vector[c];
		}
		kernels->score_rows(scores, weights, vector, 5, columns);
		wrong += !(worst_difference(scores, want, 5) < 2e-6);
		weights[2 * columns + columns - 1] = NAN;
		kernels->score_rows(scores, weights, vector, 5, columns);
		for (int32_t r = 0; r < 5; r++)
			wrong += isnan(scores[r]) != (r == 2);
		free(weights);
		free(vector);
	}
	ok(wrong == 0, "%s: score rows, every tail", kernels->name);
}

/* Rows in any order, each any number of times: to the bit what they are one after the other. */
static void
check_score_chosen(const Kernels *kernels)
{
	int			wrong = 0;

	for (int i = 0; i < SIZES; i++)
	{
		enum
		{
			ROWS = 40
		};
		Rng			rng = test_rng((uint64_t) i);
		int32_t		columns = sizes[i];
		float	   *weights = new_random(ROWS * (size_t) columns, 1, &rng);
		float	   *vector = new_random((size_t) columns, 1, &rng);
		float		all[ROWS];
		float		scores[LARGEST + 1];
		int32_t		row[LARGEST];

		kernels->score_rows(all, weights, vector, ROWS, columns);
		for (int j = 0; j < SIZES; j++)
		{
			int32_t		count = sizes[j];

			for (int32_t r = 0; r < count; r++)
				row[r] = (int32_t) rng_below(&rng, ROWS);
			scores[count] = 7;
			kernels->score_chosen(scores, weights, row, vector, count, columns);
			for (int32_t r = 0; r < count; r++)
				wrong += scores[r] != all[row[r]];
			wrong += scores[count] != 7;
		}
		free(weights);
		free(vector);
	}
	ok(wrong == 0, "%s: score chosen rows, every tail of rows and columns", kernels->name);
}

static int
compare_falling(const void *a, const void *b)
{
	float		x = *(const float *) a;
	float		y = *(const float *) b;

	return (x < y) - (x > y);
}

/* Each of the values in turn, with ties, both signs and the ends of the range. */
static void
check_kth_largest(const Kernels *kernels)
{
	static const float some[] = {-INFINITY, -3e38f, -1e-40f, 0, 1e-40f, 1, 3e38f, INFINITY};
	int			wrong = 0;

	for (int i = 0; i < SIZES; i++)
	{
		Rng			rng = test_rng((uint64_t) i);
		int32_t		count = sizes[i];
		float	   *values = new_random((size_t) count, 5, &rng);
		float	   *sorted = NEW(float, count);

		for (int32_t j = 0; j < count; j++)
		{
			if (rng_below(&rng, 3) == 0)
				values[j] = some[rng_below(&rng, 8)];
		}
		memcpy(sorted, values, (size_t) count * sizeof(float));
		qsort(sorted, (size_t) count, sizeof(float), compare_falling);
		for (int32_t k = 1; k <= count; k++)
			wrong += kernels->kth_largest(values, count, k) != sorted[k - 1];
		free(values);
		free(sorted);
	}
	ok(wrong == 0, "%s: each of some values as the k-th largest", kernels->name);
}

/* Values as codes and back: the nearest code, whatever the tail. */
static void
check_codes(const Kernels *kernels)
{
	const float range = 5;
	const float scale = INT8_MAX / range;
	int			wrong = 0;

	for (size_t count = 0; count < 200; count += 7)
	{
		Rng			rng = test_rng(count);
		float	   *values = new_random(count + 2, range, &rng);
		int8_t	   *codes = NEW(int8_t, count + 2);
		float	   *back = NEW(float, count + 2);

		values[0] = range;
		values[1] = -range;
		kernels->to_codes(codes, values, count + 2, scale);
		kernels->from_codes(back, codes, count + 2, 1 / scale);
		for (size_t i = 0; i < count + 2; i++)
		{
			wrong += abs(codes[i]) > INT8_MAX ||
				fabs(values[i] * scale - codes[i]) > 0.5 + 1e-4;
			wrong += fabsf(back[i] - (float) codes[i] / scale) > 1e-6f;
		}
		free(values);
		free(codes);
		free(back);
	}
	ok(wrong == 0, "%s: codes of 8 bits are the nearest ones", kernels->name);
}

/* --------------------------------------------------- sums and the optimizer */

static void
check_sum_squares(const Kernels *kernels)
{
	const size_t counts[] = {0, 1, 3, 16, 17, 31, 4095, 4096, 4097, 8192, 8209, 100003};
	int			wrong = 0;

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
	{
		Rng			rng = test_rng(i);
		float	   *values = new_random(counts[i], 3, &rng);
		double		want = 0;

		for (size_t j = 0; j < counts[i]; j++)
			want += (double) values[j] * values[j];
		wrong += !(fabs(kernels->sum_squares(values, counts[i]) - want) <= 1e-6 * want);
		if (counts[i] > 0)
		{
			values[counts[i] - 1] = NAN;
			wrong += !isnan(kernels->sum_squares(values, counts[i]));
			values[counts[i] - 1] = 1e25f;	/* its square is no float */
			wrong += !isinf(kernels->sum_squares(values, counts[i]));
		}
		free(values);
	}
	ok(wrong == 0, "%s: sum of squares, every tail", kernels->name);
}

/* Where the code of an item's column is. */
static size_t
code_place(int32_t columns, int32_t i, int32_t c)
{
	return (size_t) (i / CODES_BLOCK) * CODES_BLOCK * (size_t) columns +
		(size_t) (c / CODES_GROUP) * CODES_BLOCK * CODES_GROUP +
		(size_t) (i % CODES_BLOCK) * CODES_GROUP + (size_t) (c % CODES_GROUP);
}

/* Logits by codes: whole numbers, so the same in all sets, for blocks together and apart. */
static void
check_score_codes(const Kernels *kernels)
{
	int			wrong = 0;

	for (int32_t blocks = 1; blocks <= 9; blocks++)
	{
		for (int32_t columns = CODES_GROUP; columns <= 64; columns += 20)
		{
			enum
			{
				MOST_QUERIES = 9
			};
			Rng			rng = test_rng((uint64_t) (blocks * 100 + columns));
			int32_t		items = blocks * CODES_BLOCK;
			int32_t		queries = blocks;
			size_t		stride = (size_t) items + 16;
			int8_t	   *codes = NEW(int8_t, items * columns);
			int8_t	   *query[MOST_QUERIES];
			float		query_scale[MOST_QUERIES];
			int32_t    *code_sum = NEW(int32_t, items);
			float	   *scale = new_random((size_t) items, 2, &rng);
			float	   *logits = NEW(float, stride * (size_t) queries);

			for (int32_t i = 0; i < items * columns; i++)
				codes[i] = (int8_t) ((int32_t) rng_below(&rng, 255) - 127);
			for (int32_t i = 0; i < items; i++)
			{
				code_sum[i] = 0;
				for (int32_t c = 0; c < columns; c++)
					code_sum[i] += codes[code_place(columns, i, c)];
			}
			for (int32_t q = 0; q < queries; q++)
			{
				query[q] = NEW(int8_t, columns);
				query_scale[q] = 0.5f + (float) q;
				/* of the last one, the largest sum there can be */
				for (int32_t c = 0; c < columns; c++)
					query[q][c] = (int8_t) (q == 8 ? -127 : (int32_t) rng_below(&rng, 255) - 127);
			}
			kernels->score_codes(logits, stride, codes, code_sum, scale, (const int8_t *const *) query,
								 query_scale, queries, blocks, columns);
			for (int32_t q = 0; q < queries; q++)
			{
				for (int32_t i = 0; i < items; i++)
				{
					int32_t		product = 0;

					for (int32_t c = 0; c < columns; c++)
						product += codes[code_place(columns, i, c)] * query[q][c];
					wrong += logits[q * stride + (size_t) i] !=
						(float) product * (scale[i] * query_scale[q]);
				}
				free(query[q]);
			}
			free(codes);
			free(code_sum);
			free(scale);
			free(logits);
		}
	}
	ok(wrong == 0, "%s: logits by codes, of any number of queries", kernels->name);
}

/* Logits with their bias, bounds, statistics, and what reaches the threshold. */
static void
check_bound_logits(const Kernels *kernels)
{
	int			wrong = 0;

	for (int i = 0; i < SIZES; i++)
	{
		Rng			rng = test_rng((uint64_t) i);
		int32_t		count = sizes[i];
		size_t		whole = (size_t) count + KERNELS_MOST_LANES;
		float	   *logits = new_random(whole, 9, &rng);
		float	   *before = NEW(float, whole);
		float	   *upper = NEW(float, whole);
		int32_t    *found = NEW(int32_t, whole);
		float	   *norm = new_random((size_t) count, 1, &rng);
		LogitBounds bounds = {new_random((size_t) count, 1, &rng), norm, norm, 0.5f, 0.25f};
		float		maximum = 2;
		float		sum = 3;
		double		top = maximum;
		double		total;
		int32_t		reach = 0;
		int32_t		got;

		memcpy(before, logits, whole * sizeof(float));
		got = kernels->bound_logits(logits, upper, found, &bounds, count, 1.5f, &maximum, &sum);
		for (int32_t j = 0; j < count; j++)
		{
			float		logit = before[j] + bounds.bias[j];

			top = fmax(top, logit);
			wrong += logits[j] != logit;
			wrong += !(fabs(upper[j] - (logit + norm[j] * 0.75 + fabs(logit) * 1e-6)) < 1e-5);
			if (upper[j] >= 1.5f)
				wrong += reach >= got || found[reach++] != j;
		}
		total = 3 * exp(2 - top);
		for (int32_t j = 0; j < count; j++)
			total += exp(logits[j] - top);
		wrong += got != reach || maximum != (float) top || !(fabs(sum / total - 1) < 1e-4);
		free(logits);
		free(before);
		free(upper);
		free(found);
		free(norm);
		free((float *) bounds.bias);
	}
	ok(wrong == 0, "%s: logits within bounds, every tail", kernels->name);
}

/* Rows times a vector, added to what is there. */
static void
check_add_products(const Kernels *kernels)
{
	int			wrong = 0;

	for (int i = 0; i < SIZES; i++)
	{
		for (int32_t rows = 1; rows < 70; rows += 11)
		{
			Rng			rng = test_rng((uint64_t) (i * 100 + rows));
			int32_t		columns = sizes[i];
			float	   *weights = new_random((size_t) rows * (size_t) columns, 1, &rng);
			float	   *vector = new_random((size_t) columns, 1, &rng);
			float	   *out = new_random((size_t) rows, 1, &rng);
			float	   *before = NEW(float, rows);

			memcpy(before, out, (size_t) rows * sizeof(float));
			kernels->add_products(out, weights, vector, rows, columns);
			for (int32_t r = 0; r < rows; r++)
			{
				double		want = before[r];

				for (int32_t c = 0; c < columns; c++)
					want += (double) weights[r * columns + c] * vector[c];
				wrong += !(fabs(out[r] - want) < 1e-5 * (1 + columns));
			}
			free(weights);
			free(vector);
			free(out);
			free(before);
		}
	}
	ok(wrong == 0, "%s: products of rows, every tail", kernels->name);
}

/* Rows of length 1, and gradients at right angles to them; rows of zeros stay. */
static void
check_unit_rows(const Kernels *kernels)
{
	int			wrong = 0;

	for (int s = 0; s < SIZES; s++)
	{
		enum
		{
			ROWS = 5
		};
		size_t		columns = (size_t) sizes[s];
		Rng			rng = test_rng((uint64_t) s);
		float	   *rows = new_random(ROWS * columns, 3, &rng);
		float	   *gradient = new_random(ROWS * columns, 2, &rng);
		float	   *before = NEW(float, ROWS * columns);

		memset(rows + 2 * columns, 0, columns * sizeof(float));
		memcpy(before, rows, ROWS * columns * sizeof(float));
		kernels->normalise_rows(rows, ROWS, columns);
		for (size_t r = 0; r < ROWS; r++)
		{
			double		square = 0;
			double		along = 0;
			double		after = 0;

			for (size_t c = 0; c < columns; c++)
				square += (double) before[r * columns + c] * before[r * columns + c];
			for (size_t c = 0; c < columns; c++)
			{
				double		want = square > 0 ? before[r * columns + c] / sqrt(square) : 0;

				wrong += !(fabs(rows[r * columns + c] - want) < 1e-6);
				along += (double) gradient[r * columns + c] * rows[r * columns + c];
			}
			memcpy(before + r * columns, gradient + r * columns, columns * sizeof(float));
			kernels->project_rows(gradient + r * columns, rows + r * columns, 1, columns);
			for (size_t c = 0; c < columns; c++)
			{
				double		want = before[r * columns + c] - along * rows[r * columns + c];

				wrong += !(fabs(gradient[r * columns + c] - want) < 1e-5);
				after += (double) gradient[r * columns + c] * rows[r * columns + c];
			}
			wrong += !(fabs(after) < 1e-5);
		}
		free(rows);
		free(gradient);
		free(before);
	}
	ok(wrong == 0, "%s: rows of length 1, and gradients that keep it, every tail", kernels->name);
}

/* Ten steps of Adam, with clipping, as Kingma and Ba write it. */
static void
check_adam(const Kernels *kernels)
{
	int			wrong = 0;
	int			left = 0;

	for (int i = 0; i < SIZES; i++)
	{
		Rng			rng = test_rng((uint64_t) i);
		size_t		count = (size_t) sizes[i];
		float	   *weight = new_random(count, 1, &rng);
		float	   *first = new_zeros(count);
		float	   *second = new_zeros(count);
		double	   *want = new_doubles(weight, count);
		double	   *want_first = new_doubles(first, count);
		double	   *want_second = new_doubles(second, count);

		for (int64_t t = 1; t <= 10; t++)
		{
			float	   *gradient = new_random(count, t < 5 ? 3 : 0.01f, &rng);
			double		norm = 0;
			double		scale;
			AdamStep	step;

			for (size_t j = 0; j < count; j++)
				norm += (double) gradient[j] * gradient[j];
			norm = sqrt(norm);
			scale = norm > 0.5 ? 0.5 / norm : 1;
			for (size_t j = 0; j < count; j++)
			{
				double		g = scale * gradient[j];

				want_first[j] = 0.9 * want_first[j] + 0.1 * g;
				want_second[j] = 0.999 * want_second[j] + 0.001 * g * g;
				want[j] -= 0.02 * (want_first[j] / (1 - pow(0.9, (double) t))) /
					(sqrt(want_second[j] / (1 - pow(0.999, (double) t))) + 1e-7);
			}
			step = adam_step(t, 0.02f, norm, 0.5f);
			kernels->adam(weight, gradient, first, second, count, &step);
			for (size_t j = 0; j < count; j++)
				left += gradient[j] != 0;
			free(gradient);
		}
		wrong += !(worst_difference(weight, want, count) < 2e-6);
		wrong += !(worst_difference(first, want_first, count) < 1e-6);
		free(weight);
		free(first);
		free(second);
		free(want);
		free(want_first);
		free(want_second);
	}
	ok(wrong == 0, "%s: ten steps of adam with clipping, every tail", kernels->name);
	ok(left == 0, "%s: adam sets the gradient to 0", kernels->name);
}

static void
check_adam_nan(const Kernels *kernels)
{
	float		weight[21] = {0};
	float		gradient[21] = {0};
	float		first[21] = {0};
	float		second[21] = {0};
	AdamStep	step = adam_step(1, 0.1f, 1, 0);
	bool		right = true;

	gradient[18] = NAN;
	kernels->adam(weight, gradient, first, second, 21, &step);
	for (int j = 0; j < 21; j++)
		right = right && isnan(weight[j]) == (j == 18) && (j == 18 || weight[j] == 0);
	ok(right, "%s: adam: not a number stays one; no gradient, no step", kernels->name);
}

int
main(void)
{
	const Kernels *list[3];
	int			sets = kernels_list(list);

	ok(sets >= 1 && kernels_best() == list[0], "the best set is the first of the list");
	ok(list[sets - 1] == &kernels_generic, "the generic set is always there");
	for (int i = 0; i < sets; i++)
	{
		const Kernels *other = list[(i + 1) % sets];

		ok(list[i]->supported(), "%s: supported", list[i]->name);
		check_activations(list[i]);
		check_not_numbers(list[i]);
		check_exponential_ends(list[i]);
		check_extremes(list[i]);
		check_lstm(list[i], other);
		check_lstm_nan(list[i]);
		check_multiply(list[i]);
		check_exp(list[i]);
		check_exponentials(list[i]);
		check_logarithms(list[i]);
		check_standardise(list[i]);
		check_row_statistics(list[i]);
		check_softmax(list[i], other, 3, 0);
		check_softmax(list[i], other, 30, 0);
		check_softmax(list[i], other, 1, -40);
		check_softmax_nan(list[i]);
		check_softmax_infinite(list[i]);
		check_count(list[i]);
		check_score_rows(list[i]);
		check_score_chosen(list[i]);
		check_kth_largest(list[i]);
		check_codes(list[i]);
		check_sum_squares(list[i]);
		check_unit_rows(list[i]);
		check_score_codes(list[i]);
		check_bound_logits(list[i]);
		check_add_products(list[i]);
		check_adam(list[i]);
		check_adam_nan(list[i]);
	}
	return done_testing();
}
