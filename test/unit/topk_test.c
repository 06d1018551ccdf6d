/*
 * topk_test.c
 *	  The k best against sorting everything.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "tap.h"
#include "nn/topk.h"

static int
compare_scored(const void *a, const void *b)
{
	const Scored *x = a;
	const Scored *y = b;

	return scored_before(*x, *y) ? -1 : scored_before(*y, *x) ? 1 : 0;
}

/* Offer them in the order given; compare with the first k of all, sorted. */
static bool
is_right(const Scored *candidates, int32_t count, int32_t k)
{
	Scored	   *sorted = NEW(Scored, count + 1);
	TopK		top = {.k = k, .heap = NEW(Scored, k + 1)};
	int32_t		expected = k < count ? k : count;
	bool		right;

	memcpy(sorted, candidates, (size_t) count * sizeof(Scored));
	qsort(sorted, (size_t) count, sizeof(Scored), compare_scored);
	for (int32_t i = 0; i < count; i++)
		topk_offer(&top, candidates[i]);
	right = top.count == expected;
	topk_sort(&top);
	for (int32_t i = 0; right && i < expected; i++)
		right = top.heap[i].item == sorted[i].item && top.heap[i].score == sorted[i].score;
	free(top.heap);
	free(sorted);
	return right;
}

/* The same, but only what reaches the threshold is offered, in order of items. */
static bool
is_right_by_threshold(const Scored *candidates, int32_t count, int32_t k)
{
	TopK		top = {.k = k, .heap = NEW(Scored, k + 1)};
	TopK		all = {.k = k, .heap = NEW(Scored, k + 1)};
	bool		right;

	for (int32_t i = 0; i < count; i++)
	{
		if (candidates[i].score >= topk_threshold(&top))
			topk_offer(&top, candidates[i]);
		topk_offer(&all, candidates[i]);
	}
	topk_sort(&top);
	topk_sort(&all);
	right = top.count == all.count &&
		memcmp(top.heap, all.heap, (size_t) all.count * sizeof(Scored)) == 0;
	free(top.heap);
	free(all.heap);
	return right;
}

static void
shuffle(Scored *candidates, int32_t count, Rng *rng)
{
	for (int32_t i = count - 1; i > 0; i--)
	{
		int32_t		j = (int32_t) rng_below(rng, (uint32_t) (i + 1));
		Scored		kept = candidates[i];

		candidates[i] = candidates[j];
		candidates[j] = kept;
	}
}

/* k of 0, 1, ... more than there are; few different scores make many ties. */
static void
check_random(int32_t count, uint32_t scores, Rng *rng)
{
	Scored	   *candidates = NEW(Scored, count + 1);
	const int32_t ks[] = {1, 2, 3, 5, 17, count / 2, count - 1, count, count + 1, 2 * count};
	bool		right = true;
	bool		by_threshold = true;

	for (size_t n = 0; n < sizeof(ks) / sizeof(ks[0]); n++)
	{
		if (ks[n] < 1)
			continue;
		for (int round = 0; round < 20; round++)
		{
			for (int32_t i = 0; i < count; i++)
				candidates[i] = (Scored) {i, (float) rng_below(rng, scores) - (float) scores / 2};
			by_threshold &= is_right_by_threshold(candidates, count, ks[n]);
			shuffle(candidates, count, rng);
			right &= is_right(candidates, count, ks[n]);
		}
	}
	ok(right, "%d items with %u different scores, in any order", count, scores);
	ok(by_threshold, "%d items with %u different scores, only those that reach the threshold",
	   count, scores);
	free(candidates);
}

static void
check_orders(void)
{
	Scored		rising[100];
	Scored		falling[100];
	Scored		equal[100];
	Scored		extreme[] = {
		{0, -INFINITY}, {1, 0}, {2, INFINITY}, {3, -0.0f}, {4, -3e38f}, {5, 3e38f}, {6, INFINITY}
	};

	for (int32_t i = 0; i < 100; i++)
	{
		rising[i] = (Scored) {i, (float) i};
		falling[i] = (Scored) {i, (float) -i};
		equal[i] = (Scored) {99 - i, 1};
	}
	ok(is_right(rising, 100, 7), "scores that rise");
	ok(is_right(falling, 100, 7), "scores that fall");
	ok(is_right(equal, 100, 7), "equal scores: the lowest items, in order");
	for (int32_t k = 1; k <= 8; k++)
		ok(is_right(extreme, 7, k), "extreme scores, %d best", k);
}

int
main(void)
{
	Rng			rng = test_rng(5);
	TopK		none = {.k = 0};
	Scored		one[1];
	TopK		top = {.k = 1, .heap = one};

	topk_offer(&none, (Scored) {1, 1});
	topk_sort(&none);
	ok(none.count == 0, "none of the best");
	ok(topk_threshold(&top) == -INFINITY, "while there is room, anything is taken");
	topk_offer(&top, (Scored) {3, -5});
	ok(topk_threshold(&top) == -5, "then the worst of the best is the threshold");
	topk_offer(&top, (Scored) {4, -5});
	ok(top.heap[0].item == 3, "of equal ones the lower item stays");
	topk_offer(&top, (Scored) {2, -5});
	ok(top.heap[0].item == 2, "of equal ones the lower item comes in");

	check_orders();
	for (int32_t count = 0; count <= 10; count++)
		check_random(count, 4, &rng);
	check_random(100, 1, &rng);
	check_random(100, 5, &rng);
	check_random(1000, 1000000, &rng);
	check_random(1000, 50, &rng);
	return done_testing();
}
