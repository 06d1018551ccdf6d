/*
 * lazy_adam.c
 *	  Parameters by rows of which a minibatch touches few.
 */
#include "nn/lazy_adam.h"

#include <math.h>
#include <string.h>

/* Terms of the sums beyond this one are below double's precision: r^400 < 1e-18. */
#define DRIFT_TERMS 400

void
drift_start(Drift *drift, int64_t step)
{
	drift->base = step;
	drift->step = step;
	drift->sum[0] = 0;
}

void
drift_advance(Drift *drift)
{
	const double ratio = ADAM_BETA1 / sqrt(ADAM_BETA2);
	int64_t		step = ++drift->step;
	int64_t		first = step - DRIFT_TERMS > drift->base ? step - DRIFT_TERMS : drift->base;
	AdamStep	constants = adam_step(step, drift->learning_rate, 0, 0);
	double		term = constants.rate / constants.second_scale;

	for (int64_t s = step - 1; s >= first; s--)
		drift->sum[s - drift->base] += term *= ratio;
	drift->sum[step - drift->base] = 0;
}

void
lazy_rows_place(LazyRows *table, Arena *arena, int32_t rows, int32_t columns,
			int64_t most_touched)
{
	int32_t		part_rows = rows / LAZY_ROWS_PARTS + 1;

	table->rows = rows;
	table->columns = columns;
	table->room = most_touched < part_rows ? (int32_t) most_touched : part_rows;
	table->paid = ARENA_TAKE(arena, int64_t, rows);
	table->touched = ARENA_TAKE(arena, int32_t, (size_t) LAZY_ROWS_PARTS * table->room);
	table->touched_count = ARENA_TAKE(arena, int32_t, LAZY_ROWS_PARTS);
}

void
lazy_rows_start(LazyRows *table, int64_t step)
{
	for (int32_t row = 0; row < table->rows; row++)
		table->paid[row] = step;
	memset(table->touched_count, 0, LAZY_ROWS_PARTS * sizeof(int32_t));
}

/* Pay a row up to drift->step. */
static void
pay_row(LazyRows *table, const Kernels *kernels, const Drift *drift, int32_t row)
{
	int64_t		owed = drift->step - table->paid[row];
	size_t		at = (size_t) row * table->columns;

	if (owed <= 0)
		return;
	kernels->adam_catch_up(table->weight + at, table->first + at, table->second + at,
						   (size_t) table->columns,
						   (float) drift->sum[table->paid[row] - drift->base],
						   powf(ADAM_BETA1, (float) owed),
						   powf(ADAM_BETA2, (float) owed), ADAM_EPSILON);
	if (table->unit)
		kernels->normalise_rows(table->weight + at, 1, (size_t) table->columns);
	table->paid[row] = drift->step;
}

void
lazy_rows_touch(LazyRows *table, const Kernels *kernels, const Drift *drift, int32_t row)
{
	int32_t		part = row % LAZY_ROWS_PARTS;

	if (table->paid[row] > drift->step)
		return;					/* touched already */
	pay_row(table, kernels, drift, row);
	table->paid[row] = drift->step + 1;
	table->touched[(size_t) part * table->room + table->touched_count[part]++] = row;
}

double
lazy_rows_square_norm(const LazyRows *table, const Kernels *kernels, int32_t part)
{
	const int32_t *touched = table->touched + (size_t) part * table->room;
	double		sum = 0;

	for (int32_t i = 0; i < table->touched_count[part]; i++)
	{
		size_t		at = (size_t) touched[i] * table->columns;

		if (table->unit)
			kernels->project_rows(table->gradient + at, table->weight + at, 1,
								  (size_t) table->columns);
		sum += kernels->sum_squares(table->gradient + at, (size_t) table->columns);
	}
	return sum;
}

void
lazy_rows_step(LazyRows *table, const Kernels *kernels, int32_t part, const AdamStep *step)
{
	const int32_t *touched = table->touched + (size_t) part * table->room;

	for (int32_t i = 0; i < table->touched_count[part]; i++)
	{
		size_t		at = (size_t) touched[i] * table->columns;

		kernels->adam(table->weight + at, table->gradient + at, table->first + at,
					  table->second + at, (size_t) table->columns, step);
		if (table->unit)
			kernels->normalise_rows(table->weight + at, 1, (size_t) table->columns);
	}
	table->touched_count[part] = 0;
}

void
lazy_rows_pay(LazyRows *table, const Kernels *kernels, const Drift *drift, int32_t part)
{
	for (int32_t row = part; row < table->rows; row += LAZY_ROWS_PARTS)
		pay_row(table, kernels, drift, row);
}
