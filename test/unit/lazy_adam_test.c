/*
 * table_test.c
 *	  Rows that are paid for when they are touched, against Adam on every row in
 *	  every step.
 */
#include "nn/lazy_adam.h"

#include "fixture.h"
#include "tap.h"

enum
{
	ROWS = 45,
	COLUMNS = 7,
	COUNT = ROWS * COLUMNS
};

#define CLIP_NORM 1.0f

/* Adam as Kingma and Ba write it, all rows in each step. */
typedef struct Exact
{
	double		weight[COUNT];
	double		first[COUNT];
	double		second[COUNT];
} Exact;

static void
exact_step(Exact *exact, const float *gradient, int64_t step, double learning_rate)
{
	double		norm = 0;

	for (int i = 0; i < COUNT; i++)
		norm += (double) gradient[i] * gradient[i];
	norm = sqrt(norm);
	for (int i = 0; i < COUNT; i++)
	{
		double		g = gradient[i] * (norm > CLIP_NORM ? CLIP_NORM / norm : 1);

		exact->first[i] = 0.9 * exact->first[i] + 0.1 * g;
		exact->second[i] = 0.999 * exact->second[i] + 0.001 * g * g;
		exact->weight[i] -= learning_rate *
			exact->first[i] / (1 - pow(0.9, (double) step)) /
			(sqrt(exact->second[i] / (1 - pow(0.999, (double) step))) + 1e-7);
	}
}

/*
 * A gradient none of whose values is near 0: epsilon must not matter, of which
 * table.h says that it is not exact.
 */
static void
fill_gradient(float *gradient, Rng *rng)
{
	for (int c = 0; c < COLUMNS; c++)
		gradient[c] = (rng_uniform(rng) < 0.5f ? -1 : 1) * (0.2f + rng_uniform(rng));
}

/*
 * Steps that touch `touched` rows each (the same may be drawn twice), in epochs
 * of so many steps with another learning rate each, by so many ranks.
 */
static void
check_table(const Kernels *kernels, int steps, int epoch, int touched, int32_t ranks)
{
	Rng			rng = test_rng(3);
	float	   *weight = new_random(COUNT, 1, &rng);
	float	   *gradient = new_zeros(COUNT);
	float	   *first = new_zeros(COUNT);
	float	   *second = new_zeros(COUNT);
	Exact	   *exact = NEW(Exact, 1);
	Drift		drift = {.sum = NEW(double, epoch + 1)};
	LazyRows		table = {0};
	Arena		arena = {0};
	double		at_touch = 0;
	double		at_end = 0;
	double		norms = 0;
	double		learning_rate = 0.01;
	int			left = 0;

	lazy_rows_place(&table, &arena, ROWS, COLUMNS, touched);
	arena.base = test_alloc(arena.used);
	arena.used = 0;
	lazy_rows_place(&table, &arena, ROWS, COLUMNS, touched);
	table.weight = weight;
	table.gradient = gradient;
	table.first = first;
	table.second = second;
	lazy_rows_start(&table, 0);
	drift_start(&drift, 0);
	memset(exact, 0, sizeof(*exact));
	for (int i = 0; i < COUNT; i++)
		exact->weight[i] = weight[i];

	for (int64_t step = 1; step <= steps; step++)
	{
		int32_t		rows[ROWS];
		double		square_norm = 0;
		double		norm = 0;
		AdamStep	constants;

		for (int i = 0; i < touched; i++)
		{
			/* low rows often, high ones hardly ever */
			float		u = rng_uniform(&rng);

			rows[i] = (int32_t) (ROWS * u * u * u);
			for (int32_t rank = 0; rank < ranks; rank++)
			{
				if (lazy_rows_owns(rows[i], rank, ranks))
					lazy_rows_touch(&table, kernels, &drift, rows[i]);
			}
			for (int c = 0; c < COLUMNS; c++)
				at_touch = fmax(at_touch, fabs(weight[rows[i] * COLUMNS + c] -
											   exact->weight[rows[i] * COLUMNS + c]));
		}
		for (int i = 0; i < touched; i++)
			fill_gradient(gradient + rows[i] * COLUMNS, &rng);
		for (int i = 0; i < COUNT; i++)
			norm += (double) gradient[i] * gradient[i];
		exact_step(exact, gradient, step, learning_rate);
		for (int32_t part = 0; part < LAZY_ROWS_PARTS; part++)
			square_norm += lazy_rows_square_norm(&table, kernels, part);
		norms = fmax(norms, fabs(square_norm - norm) / norm);
		constants = adam_step(step, (float) learning_rate, sqrt(square_norm), CLIP_NORM);
		for (int32_t part = 0; part < LAZY_ROWS_PARTS; part++)
			lazy_rows_step(&table, kernels, part, &constants);
		drift.learning_rate = (float) learning_rate;
		drift_advance(&drift);
		for (int i = 0; i < COUNT; i++)
			left += gradient[i] != 0;
		if (step % epoch != 0)
			continue;
		for (int32_t part = 0; part < LAZY_ROWS_PARTS; part++)
			lazy_rows_pay(&table, kernels, &drift, part);
		drift_start(&drift, step);
		at_end = fmax(at_end, worst_difference(weight, exact->weight, COUNT));
		at_end = fmax(at_end, worst_difference(first, exact->first, COUNT));
		at_end = fmax(at_end, worst_difference(second, exact->second, COUNT));
		learning_rate *= 0.7;
	}
	ok(norms < 1e-5 && left == 0,
	   "%s, %d steps, %d rows a step: norms, and the gradient is used up", kernels->name,
	   steps, touched);
	if (!ok(at_touch < 1e-5,
			"%s, %d steps, %d rows a step, %d ranks: a row is paid up when it is touched",
			kernels->name, steps, touched, ranks))
		diag("off by %g", at_touch);
	if (!ok(at_end < 1e-5,
			"%s, %d steps, epochs of %d, %d rows a step: all rows are paid up in the end",
			kernels->name, steps, epoch, touched))
		diag("off by %g", at_end);
	free(weight);
	free(gradient);
	free(first);
	free(second);
	free(exact);
	free(drift.sum);
	free(arena.base);
}

static void
check_owners(void)
{
	bool		right = true;

	for (int32_t ranks = 1; ranks <= 20; ranks++)
	{
		for (int32_t row = 0; row < 100; row++)
		{
			int			owners = 0;

			for (int32_t rank = 0; rank < ranks; rank++)
				owners += lazy_rows_owns(row, rank, ranks);
			right = right && owners == 1;
		}
	}
	ok(right, "a row has one owner, whatever the number of ranks");
}

int
main(void)
{
	const Kernels *list[3];
	int			sets = kernels_list(list);

	check_owners();
	for (int i = 0; i < sets; i++)
	{
		check_table(list[i], 120, 30, 3, 1);
		check_table(list[i], 60, 60, 45, 3);
		check_table(list[i], 5, 1, 2, 2);
		check_table(list[i], 1500, 1500, 1, 1);
	}
	return done_testing();
}
