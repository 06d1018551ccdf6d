/*
 * rank_fit_data.c
 *	  What the processes of a fit read, laid out so that all of them can map it.
 */
#include "model/rank_fit.h"

#include <string.h>

#include "model/rank_fit_internal.h"
#include "nn/nn.h"
#include "rank/ranker_train.h"

int32_t
rank_fit_board_width(void)
{
	return ranker_board_width() > VOTE_BOARD_WIDTH ? ranker_board_width() : VOTE_BOARD_WIDTH;
}

Sharing
rank_fit_place_board(Arena *arena)
{
	Sharing		sharing = {0};

	shards_place(&sharing, arena, rank_fit_board_width());
	return sharing;
}

void
rank_fit_place(RankFitData *data, Arena *arena, const RankFitSizes *sizes)
{
	const Config *config = &sizes->config;

	memset(data, 0, sizeof(*data));
	data->sizes = *sizes;
	data->start = ARENA_TAKE(arena, int64_t, sizes->sequences + 1);
	data->item = ARENA_TAKE(arena, int32_t, sizes->tokens);
	for (int32_t f = 0; f < config->features; f++)
		data->feature[f] = ARENA_TAKE(arena, int32_t, sizes->tokens);
	if (sizes->kinds)
		data->bought = ARENA_TAKE(arena, bool, sizes->tokens);
	if (sizes->times)
		data->hours = ARENA_TAKE(arena, double, sizes->tokens);
	data->example = ARENA_TAKE(arena, RankExample, sizes->examples);
	data->held_out = ARENA_TAKE(arena, bool, sizes->examples);
	for (int c = sizes->times ? 0 : RANK_FIT_ALL_COUNTS; c <= RANK_FIT_PERIODS; c++)
		counts_place(&data->counts[c], arena, &sizes->counts[c]);
	params_bind(&data->params, config, ARENA_TAKE(arena, float, params_count(config)));
	coded_weights_place(&data->index, arena, config->items, config_output_dim(config));
	data->board = rank_fit_place_board(arena).board;
}

void
rank_fit_copy(const RankFitData *to, const RankFitData *from)
{
	const RankFitSizes *sizes = &from->sizes;
	size_t		tokens = (size_t) sizes->tokens;
	Arena		index = {0};

	memcpy(to->start, from->start, ((size_t) sizes->sequences + 1) * sizeof(int64_t));
	memcpy(to->item, from->item, tokens * sizeof(int32_t));
	for (int32_t f = 0; f < sizes->config.features; f++)
		memcpy(to->feature[f], from->feature[f], tokens * sizeof(int32_t));
	if (sizes->kinds)
		memcpy(to->bought, from->bought, tokens * sizeof(bool));
	if (sizes->times)
		memcpy(to->hours, from->hours, tokens * sizeof(double));
	memcpy(to->example, from->example, (size_t) sizes->examples * sizeof(RankExample));
	memcpy(to->held_out, from->held_out, (size_t) sizes->examples * sizeof(bool));
	for (int c = sizes->times ? 0 : RANK_FIT_ALL_COUNTS; c <= RANK_FIT_PERIODS; c++)
	{
		Arena		arena = {0};
		Counts		measured;

		counts_place(&measured, &arena, &sizes->counts[c]);
		memcpy(to->counts[c].span, from->counts[c].span, arena.used);
	}
	memcpy(to->params.block, from->params.block, from->params.count * sizeof(float));
	coded_weights_place(&(CodedWeights) {0}, &index, sizes->config.items,
			   config_output_dim(&sizes->config));
	memcpy(to->index.codes, from->index.codes, index.used);
}
