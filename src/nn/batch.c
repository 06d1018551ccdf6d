/*
 * batch.c
 *	  From sequences to minibatches of windows, without padding.
 */
#include "nn/batch.h"

#include <string.h>

static void
layout_place(Layout *layout, Arena *arena, const BatchCapacity *capacity)
{
	layout->length = ARENA_TAKE(arena, int32_t, capacity->windows);
	layout->active = ARENA_TAKE(arena, int32_t, capacity->max_length);
	layout->offset = ARENA_TAKE(arena, int32_t, capacity->max_length + 1);
}

void
batch_place(Batch *batch, Arena *arena, const Config *config,
			const BatchCapacity *capacity)
{
	size_t		tokens = (size_t) capacity->windows * capacity->max_length;

	layout_place(&batch->sequence, arena, capacity);
	layout_place(&batch->window, arena, capacity);
	batch->unknown = config->items;
	batch->item = ARENA_TAKE(arena, int32_t, tokens);
	batch->copied = config->copy ? ARENA_TAKE(arena, int32_t, tokens) : NULL;
	for (int32_t f = 0; f < config->features; f++)
		batch->feature[f] = ARENA_TAKE(arena, int32_t, tokens);
	batch->row_start = ARENA_TAKE(arena, int64_t, capacity->windows);
	batch->window_sequence = ARENA_TAKE(arena, int32_t, capacity->windows);
	batch->window_chosen = ARENA_TAKE(arena, int32_t, capacity->windows);
	batch->target = ARENA_TAKE(arena, int32_t, capacity->windows);
}

static inline bool
is_target(const Dataset *dataset, int64_t token)
{
	return dataset->held_out == NULL || !dataset->held_out[token];
}

int64_t
batch_count_windows(const Dataset *dataset, int32_t sequence)
{
	int64_t		count = 0;

	for (int64_t t = dataset->start[sequence] + 1; t < dataset->start[sequence + 1]; t++)
		count += is_target(dataset, t);
	return count;
}

int64_t
batch_cut_sequence(const Dataset *dataset, int32_t sequence, int32_t max_length,
				   int32_t group_limit, WindowGroup *groups)
{
	int64_t		start = dataset->start[sequence];
	int64_t		tokens = dataset->start[sequence + 1] - start;
	int64_t		prefixes = tokens - 1 < max_length ? tokens - 1 : max_length;
	int64_t		count = 0;

	for (int64_t length = 1, last; length <= prefixes; length = last + 1)
	{
		last = length;
		if (!is_target(dataset, start + length))
			continue;
		while (last < prefixes && last - length + 1 < group_limit &&
			   is_target(dataset, start + last + 1))
			last++;
		if (groups != NULL)
			groups[count] = (WindowGroup) {start, (int32_t) length, (int32_t) last};
		count++;
	}
	for (int64_t first = 1; first + max_length < tokens; first++)
	{
		if (!is_target(dataset, start + first + max_length))
			continue;
		if (groups != NULL)
			groups[count] = (WindowGroup) {start + first, max_length, max_length};
		count++;
	}
	return count;
}

/* Begin a layout of that many rows, none of them counted yet. */
static void
layout_start(Layout *layout, int32_t rows, int32_t steps)
{
	layout->rows = rows;
	layout->steps = steps;
	memset(layout->active, 0, (size_t) steps * sizeof(int32_t));
}

/* Count one more row of this length. */
static inline void
layout_count(Layout *layout, int32_t length)
{
	layout->active[length - 1]++;
}

WindowGroup
batch_history(const Dataset *dataset, int32_t sequence, int32_t max_length)
{
	int64_t		end = dataset->start[sequence + 1];
	int64_t		tokens = end - dataset->start[sequence];
	int32_t		length = (int32_t) (tokens < max_length ? tokens : max_length);

	return (WindowGroup) {end - length, length, length};
}

/*
 * All rows are counted: leave in active[p] the number of rows longer than p and
 * in offset[p] the first free row among those of length p + 1.
 */
static void
layout_rank(Layout *layout)
{
	int32_t		longer = 0;

	for (int32_t p = layout->steps - 1; p >= 0; p--)
	{
		layout->offset[p] = longer;
		longer += layout->active[p];
		layout->active[p] = longer;
	}
}

/* Give the next row of this length its place. */
static inline int32_t
layout_assign(Layout *layout, int32_t length)
{
	int32_t		row = layout->offset[length - 1]++;

	layout->length[row] = length;
	return row;
}

/* All rows have their place: set the token offsets. */
static void
layout_finish(Layout *layout)
{
	layout->offset[0] = 0;
	for (int32_t p = 0; p < layout->steps; p++)
		layout->offset[p + 1] = layout->offset[p] + layout->active[p];
}

/* Copy a row's tokens from the dataset into the sequence layout. */
static void
copy_tokens(Batch *batch, const Dataset *dataset, int64_t start, int32_t row)
{
	const Layout *layout = &batch->sequence;

	for (int32_t p = 0; p < layout->length[row]; p++)
	{
		int32_t		token = layout->offset[p] + row;

		int32_t		item = dataset->item[start + p];

		batch->item[token] = item < batch->unknown ? item : batch->unknown;
		if (batch->copied != NULL)
			batch->copied[token] = item;
		for (int32_t f = 0; f < dataset->features; f++)
			batch->feature[f][token] = dataset->feature[f][start + p];
	}
}

void
batch_fill(Batch *batch, const Dataset *dataset, const WindowGroup *groups,
		   const int64_t *chosen, int32_t count, bool with_targets)
{
	Layout	   *sequence = &batch->sequence;
	Layout	   *window = &batch->window;
	int32_t		steps = 0;
	int32_t		windows = 0;

	for (int32_t i = 0; i < count; i++)
	{
		const WindowGroup *group = &groups[chosen[i]];

		windows += group_windows(group);
		steps = group->last_length > steps ? group->last_length : steps;
	}
	layout_start(sequence, count, steps);
	layout_start(window, windows, steps);
	for (int32_t i = 0; i < count; i++)
	{
		const WindowGroup *group = &groups[chosen[i]];

		layout_count(sequence, group->last_length);
		for (int32_t l = group->first_length; l <= group->last_length; l++)
			layout_count(window, l);
	}
	layout_rank(sequence);
	layout_rank(window);
	for (int32_t i = 0; i < count; i++)
	{
		const WindowGroup *group = &groups[chosen[i]];
		int32_t		sequence_row = layout_assign(sequence, group->last_length);

		batch->row_start[sequence_row] = group->start;
		for (int32_t l = group->first_length; l <= group->last_length; l++)
		{
			int32_t		row = layout_assign(window, l);

			batch->window_sequence[row] = sequence_row;
			batch->window_chosen[row] = i;
			batch->target[row] = with_targets ? dataset->item[group->start + l] : -1;
		}
	}
	layout_finish(sequence);
	layout_finish(window);
	for (int32_t row = 0; row < count; row++)
		copy_tokens(batch, dataset, batch->row_start[row], row);
}
