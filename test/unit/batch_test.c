/*
 * batch_test.c
 *	  From sequences to windows: every window that a plain enumeration finds is
 *	  there once, with its tokens and its target, and nothing else is.
 */
#include "nn/batch.h"

#include "fixture.h"
#include "tap.h"

/* What the enumeration expects: windows are told apart by their target's token. */
typedef struct Expected
{
	int64_t		first;			/* token of the oldest item; -1: no window here */
	int32_t		length;
	int32_t		seen;
} Expected;

static Expected *
expect_windows(const Dataset *dataset, int32_t max_length)
{
	Expected   *expected = NEW(Expected, dataset->start[dataset->sequences]);

	for (int32_t s = 0; s < dataset->sequences; s++)
	{
		for (int64_t t = dataset->start[s]; t < dataset->start[s + 1]; t++)
		{
			int64_t		first = t - max_length;

			if (first < dataset->start[s])
				first = dataset->start[s];
			expected[t] = (Expected) {t == first ? -1 : first, (int32_t) (t - first), 0};
		}
	}
	return expected;
}

/* Whether a layout has the lengths that its rows say, longest first, unpadded. */
static bool
layout_is_sound(const Layout *layout)
{
	int32_t		tokens = 0;

	for (int32_t r = 0; r < layout->rows; r++)
	{
		if (layout->length[r] < 1 || layout->length[r] > layout->steps ||
			(r > 0 && layout->length[r] > layout->length[r - 1]))
			return false;
		tokens += layout->length[r];
	}
	if (layout->rows > 0 && layout->length[0] != layout->steps)
		return false;
	for (int32_t p = 0; p < layout->steps; p++)
	{
		int32_t		longer = 0;

		for (int32_t r = 0; r < layout->rows; r++)
			longer += layout->length[r] > p;
		if (layout->active[p] != longer ||
			layout->offset[p + 1] != layout->offset[p] + longer)
			return false;
	}
	return layout->offset[0] == 0 && layout_tokens(layout) == tokens;
}

/*
 * Compare a filled batch with the enumeration; counts the windows it has seen.
 * Returns NULL, or what is wrong.
 */
static const char *
batch_problem(const Batch *batch, const Dataset *dataset, const WindowGroup *groups,
			  const int64_t *chosen, int32_t count, Expected *expected)
{
	int32_t		windows = 0;

	for (int32_t i = 0; i < count; i++)
		windows += group_windows(&groups[chosen[i]]);
	if (batch->sequence.rows != count || batch->window.rows != windows)
		return "number of rows";
	if (!layout_is_sound(&batch->sequence) || !layout_is_sound(&batch->window))
		return "layout";
	if (batch->sequence.steps != batch->window.steps)
		return "steps of the two layouts";
	for (int32_t w = 0; w < windows; w++)
	{
		int32_t		row = batch->window_sequence[w];
		int32_t		length = batch->window.length[w];
		const WindowGroup *group;
		Expected   *target;

		if (batch->window_chosen[w] < 0 || batch->window_chosen[w] >= count)
			return "place in the choice";
		group = &groups[chosen[batch->window_chosen[w]]];
		if (length < group->first_length || length > group->last_length)
			return "length of a window";
		if (row < 0 || row >= count || batch->sequence.length[row] < length ||
			batch->row_start[row] != group->start)
			return "sequence of a window";
		target = &expected[group->start + length];
		if (target->first != group->start || target->length != length)
			return "a window that should not be";
		target->seen++;
		if (batch->target[w] != dataset->item[group->start + length])
			return "target";
		for (int32_t p = 0; p < length; p++)
		{
			int32_t		token = batch->sequence.offset[p] + row;

			if (batch->item[token] != dataset->item[group->start + p])
				return "item";
			for (int32_t f = 0; f < dataset->features; f++)
			{
				if (batch->feature[f][token] != dataset->feature[f][group->start + p])
					return "feature";
			}
		}
	}
	return NULL;
}

/*
 * Cut a dataset, deal its groups to batches of some groups each in random
 * order, and look for every window.
 */
static void
check_dataset(const char *title, const Config *config, const TestData *data,
			  int32_t group_limit, int32_t groups_at_once, Rng *rng)
{
	const Dataset *dataset = &data->dataset;
	int64_t		count;
	WindowGroup *groups = cut_all(dataset, config->max_length, group_limit, &count);
	int64_t    *chosen = NEW(int64_t, count);
	Expected   *expected = expect_windows(dataset, config->max_length);
	int64_t		counted = 0;
	const char *problem = NULL;
	int64_t		missing = 0;
	int64_t		repeated = 0;
	int32_t		too_large = 0;

	for (int32_t s = 0; s < dataset->sequences; s++)
		counted += batch_cut_sequence(dataset, s, config->max_length, group_limit, NULL);
	for (int64_t i = 0; i < count; i++)
	{
		int64_t		j = (int64_t) rng_below(rng, (uint32_t) (i + 1));

		chosen[i] = chosen[j];
		chosen[j] = i;
		too_large += group_windows(&groups[i]) > group_limit ||
			group_windows(&groups[i]) < 1;
	}
	for (int64_t first = 0; first < count && problem == NULL; first += groups_at_once)
	{
		int32_t		some = (int32_t) (count - first < groups_at_once ? count - first
									  : groups_at_once);
		BatchCapacity capacity = {0, config->max_length};
		Arena		arena = {0};
		Batch		batch;

		for (int32_t i = 0; i < some; i++)
			capacity.windows += group_windows(&groups[chosen[first + i]]);
		batch_place(&batch, &arena, config, &capacity);
		arena.base = test_alloc(arena.used);
		arena.used = 0;
		batch_place(&batch, &arena, config, &capacity);

		/* a batch may be filled again: leave something of another in it */
		batch_fill(&batch, dataset, groups, chosen, 1, false);
		batch_fill(&batch, dataset, groups, chosen + first, some, true);
		problem = batch_problem(&batch, dataset, groups, chosen + first, some, expected);
		free(arena.base);
	}
	for (int64_t t = 0; t < dataset->start[dataset->sequences]; t++)
	{
		missing += expected[t].first >= 0 && expected[t].seen == 0;
		repeated += expected[t].seen > 1 || (expected[t].first < 0 && expected[t].seen > 0);
	}
	ok(counted == count && too_large == 0, "%s: groups within their limit", title);
	if (!ok(problem == NULL, "%s: batches of %d groups", title, groups_at_once))
		diag("wrong: %s", problem);
	if (!ok(missing == 0 && repeated == 0, "%s: every window once", title))
		diag("%ld missing, %ld repeated", (long) missing, (long) repeated);
	free(groups);
	free(chosen);
	free(expected);
}

/* With some windows of length 1 in the first place, every first group fits. */
static void
check_datasets(void)
{
	const int32_t max_lengths[] = {1, 2, 5, 28};
	const int32_t limits[] = {1, 2, 3, 5, 28, 1000};

	for (int m = 0; m < 4; m++)
	{
		for (int g = 0; g < 6; g++)
		{
			int32_t		max_length = max_lengths[m];
			Rng			rng = test_rng((uint64_t) (10 * m + g));
			Config		config = {.items = 1000, .item_dim = 1, .features = g % 3,
				.feature_values = {50, 60}, .feature_dim = 1, .units = 1, .layers = 1,
				.max_length = max_length
			};
			TestData	data = data_random(&config, 40, 0, 2 * max_length + 3, true, &rng);
			char		title[80];

			snprintf(title, sizeof(title), "max_length %d, group_limit %d", max_length,
					 limits[g]);
			check_dataset(title, &config, &data, limits[g], 1, &rng);
			check_dataset(title, &config, &data, limits[g], 7, &rng);
			check_dataset(title, &config, &data, limits[g], 100000, &rng);
			data_free(&data);
		}
	}
}

/* The groups of one sequence of so many tokens, by hand. */
static void
check_cut(int32_t tokens, int32_t max_length, int32_t group_limit,
		  const WindowGroup *want, int64_t want_count)
{
	Config		config = {.items = 100};
	const int32_t lengths[2] = {3, tokens};
	TestData	data = data_with_lengths(&config, lengths, 2);
	WindowGroup *groups = NEW(WindowGroup, want_count);
	bool		right = batch_cut_sequence(&data.dataset, 1, max_length, group_limit,
										   NULL) == want_count;

	if (right)
	{
		batch_cut_sequence(&data.dataset, 1, max_length, group_limit, groups);
		for (int64_t i = 0; i < want_count; i++)
			right = right && groups[i].start == want[i].start &&
				groups[i].first_length == want[i].first_length &&
				groups[i].last_length == want[i].last_length;
	}
	ok(right, "%d tokens, max_length %d, group_limit %d: %d groups", tokens, max_length,
	   group_limit, (int) want_count);
	free(groups);
	data_free(&data);
}

/* Tokens that are held out are no targets, but are read. */
static void
check_held_out(void)
{
	Config		config = {.items = 100};
	const int32_t lengths[1] = {9};
	TestData	data = data_with_lengths(&config, lengths, 1);
	/* windows of up to 5: lengths 1 .. 5 from token 0, then from tokens 1, 2, 3 */
	const bool	held_out[9] = {[0] = true, [2] = true, [6] = true, [8] = true};
	const WindowGroup want[] = {{0, 1, 1}, {0, 3, 4}, {0, 5, 5}, {2, 5, 5}};
	WindowGroup groups[4];

	data.dataset.held_out = held_out;
	ok(batch_count_windows(&data.dataset, 0) == 5, "windows whose targets are not held out");
	if (ok(batch_cut_sequence(&data.dataset, 0, 5, 2, NULL) == 4, "and their groups"))
	{
		batch_cut_sequence(&data.dataset, 0, 5, 2, groups);
		ok(memcmp(groups, want, sizeof(want)) == 0, "which are cut where one is held out");
	}
	data_free(&data);
}

static void
check_history(void)
{
	Config		config = {.items = 9, .item_dim = 1, .feature_dim = 1, .units = 1,
		.layers = 1, .max_length = 4
	};
	const int32_t lengths[] = {0, 1, 3, 4, 5, 11};
	TestData	data = data_with_lengths(&config, lengths, 6);
	Rng			rng = test_rng(1);
	WindowGroup	groups[5];
	int64_t		chosen[5];
	BatchCapacity capacity = {5, 4};
	Arena		arena = {0};
	Batch		batch;
	bool		right = true;

	data_fill_random(&data, &config, true, &rng);
	for (int32_t s = 1; s < 6; s++)
	{
		int32_t		length = lengths[s] < 4 ? lengths[s] : 4;

		groups[s - 1] = batch_history(&data.dataset, s, 4);
		chosen[s - 1] = s - 1;
		right = right && groups[s - 1].first_length == length &&
			groups[s - 1].last_length == length &&
			groups[s - 1].start == data.start[s + 1] - length;
	}
	ok(right, "a history is the newest max_length tokens");
	ok(batch_history(&data.dataset, 0, 4).last_length == 0, "an empty history has length 0");

	/* the last sequence ends where the dataset does: no target may be read */
	batch_place(&batch, &arena, &config, &capacity);
	arena.base = test_alloc(arena.used);
	arena.used = 0;
	batch_place(&batch, &arena, &config, &capacity);
	batch_fill(&batch, &data.dataset, groups, chosen, 5, false);
	right = layout_is_sound(&batch.sequence) && layout_is_sound(&batch.window) &&
		batch.window.rows == 5 && batch.sequence.rows == 5;
	for (int32_t w = 0; w < 5 && right; w++)
	{
		const WindowGroup *group = &groups[batch.window_chosen[w]];

		right = batch.target[w] == -1 && batch.window.length[w] == group->last_length;
		for (int32_t p = 0; p < batch.window.length[w]; p++)
			right = right && data.item[group->start + p] ==
				batch.item[batch.sequence.offset[p] + batch.window_sequence[w]];
	}
	ok(right, "a batch of histories, without targets");
	batch_fill(&batch, &data.dataset, groups, chosen, 0, false);
	ok(batch.window.rows == 0 && layout_tokens(&batch.window) == 0 &&
	   layout_tokens(&batch.sequence) == 0, "a batch of nothing");
	free(arena.base);
	data_free(&data);
}

int
main(void)
{
	/* the sequence begins at token 3 */
	check_cut(0, 5, 3, NULL, 0);
	check_cut(1, 5, 3, NULL, 0);
	check_cut(2, 5, 3, (WindowGroup[]) {{3, 1, 1}}, 1);
	check_cut(4, 5, 3, (WindowGroup[]) {{3, 1, 3}}, 1);
	check_cut(5, 5, 3, (WindowGroup[]) {{3, 1, 3}, {3, 4, 4}}, 2);
	check_cut(6, 5, 100, (WindowGroup[]) {{3, 1, 5}}, 1);
	check_cut(8, 5, 100, (WindowGroup[]) {{3, 1, 5}, {4, 5, 5}, {5, 5, 5}}, 3);
	check_cut(4, 1, 1, (WindowGroup[]) {{3, 1, 1}, {4, 1, 1}, {5, 1, 1}}, 3);
	check_datasets();
	check_held_out();
	check_history();
	return done_testing();
}
