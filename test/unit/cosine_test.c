/*
 * cosine_test.c
 *	  Cosines that are worked out by hand, and of random rows in double
 *	  precision, with every instruction set.
 */
#include <stdint.h>
#include <stdlib.h>

#include "nn/cosine.h"
#include "fixture.h"
#include "tap.h"

/* Rows of two columns; angles to the first: 0, 90, 45, 180, none, 0 and 60 degrees. */
static const float plane[] = {
	2, 0,
	0, 5,
	3, 3,
	-1, 0,
	0, 0,
	0.5f, 0,
	1, 1.7320508f
};

#define PLANE_ROWS 7

static bool
is_answer(const TopK *top, const Scored *expected, int32_t count)
{
	bool		right = top->count == count;

	for (int32_t i = 0; right && i < count; i++)
		right = top->heap[i].item == expected[i].item &&
			fabsf(top->heap[i].score - expected[i].score) < 1e-6f;
	return right;
}

static void
check_by_hand(const Kernels *kernels)
{
	const Scored to_first[] = {{5, 1}, {2, 0.70710678f}, {6, 0.5f}, {1, 0}, {3, -1}};
	const Scored to_second[] = {{6, 0.8660254f}, {2, 0.70710678f}};
	Scored		heap[PLANE_ROWS];
	TopK		top = {.k = PLANE_ROWS, .heap = heap};

	cosine_offer(&top, kernels, plane, 2, 0, NULL, 0, PLANE_ROWS);
	topk_sort(&top);
	ok(is_answer(&top, to_first, 5), "%s: all rows but itself and the row of zeros", kernels->name);

	top = (TopK) {.k = 2, .heap = heap};
	for (int32_t r = 0; r < PLANE_ROWS; r++)
		cosine_offer(&top, kernels, plane, 2, 1, NULL, r, 1);
	topk_sort(&top);
	ok(is_answer(&top, to_second, 2), "%s: the best two, row by row", kernels->name);

	top = (TopK) {.k = PLANE_ROWS, .heap = heap};
	cosine_offer(&top, kernels, plane, 2, 4, NULL, 0, PLANE_ROWS);
	ok(top.count == 0, "%s: nothing is like a row of zeros", kernels->name);
}

static double
cosine_in_double(const float *a, const float *b, int32_t columns)
{
	double		product = 0;
	double		a_square = 0;
	double		b_square = 0;

	for (int32_t c = 0; c < columns; c++)
	{
		product += (double) a[c] * b[c];
		a_square += (double) a[c] * a[c];
		b_square += (double) b[c] * b[c];
	}
	return product / sqrt(a_square * b_square);
}

static void
check_random(const Kernels *kernels, int32_t columns, float range, Rng *rng)
{
	enum
	{
		ROWS = 50
	};
	float	   *matrix = new_random((size_t) ROWS * columns, range, rng);
	Scored		heap[ROWS];
	double		worst = 0;
	bool		symmetric = true;
	bool		bounded = true;

	for (int32_t like = 0; like < ROWS; like++)
	{
		TopK		top = {.k = ROWS, .heap = heap};
		Scored		back[1];

		cosine_offer(&top, kernels, matrix, columns, like, NULL, 0, ROWS);
		topk_sort(&top);
		for (int32_t i = 0; i < top.count; i++)
		{
			TopK		one = {.k = 1, .heap = back};
			double		expected = cosine_in_double(matrix + (size_t) like * columns,
													matrix + (size_t) heap[i].item * columns,
													columns);

			worst = fmax(worst, fabs(heap[i].score - expected));
			cosine_offer(&one, kernels, matrix, columns, heap[i].item, NULL, like, 1);
			symmetric &= back[0].score == heap[i].score;
			bounded &= fabsf(heap[i].score) <= 1;
		}
	}
	ok(worst < 1e-6, "%s: %d columns up to %g, as in double precision", kernels->name, columns, (double) range);
	ok(symmetric, "%s: %d columns up to %g, the same both ways", kernels->name, columns, (double) range);
	ok(bounded, "%s: %d columns up to %g, from -1 to 1", kernels->name, columns, (double) range);
	free(matrix);
}

int
main(void)
{
	const Kernels *list[3];
	int			length = kernels_list(list);
	Rng			rng = test_rng(11);

	for (int i = 0; i < length; i++)
	{
		check_by_hand(list[i]);
		check_random(list[i], 1, 1, &rng);
		check_random(list[i], 3, 1e-6f, &rng);
		check_random(list[i], 64, 1, &rng);
		check_random(list[i], 100, 1e6f, &rng);
		check_random(list[i], 1024, 0.05f, &rng);
	}
	return done_testing();
}
