/*
 * params.c
 *	  The parameters of a network in one block of floats, with named views.
 */
#include "nn/params.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "nn/arena.h"
#include "nn/kernels.h"
#include "nn/rng.h"

#define EMBEDDING_RANGE 0.05f

typedef struct ViewList
{
	ParamsView *views;
	int			length;
	size_t		count;
} ViewList;

/* Append a view; returns its offset. */
static size_t
add_view(ViewList *list, size_t rows, size_t columns, const char *format, int a, int b)
{
	ParamsView *view = &list->views[list->length++];

	snprintf(view->name, sizeof(view->name), format, a, b);
	view->offset = list->count;
	view->rows = rows;
	view->columns = columns;
	list->count += arena_align(rows * columns * sizeof(float)) / sizeof(float);
	return view->offset;
}

/*
 * The one place that knows the order of the block.  Points the views of
 * *params into params->block where it is given.  core_only: leave the tables
 * out.
 */
static void
lay_out(const Config *config, ViewList *list, Params *params, bool core_only)
{
#define PLACE(field, rows, columns, format, a, b) \
	do { \
		size_t		offset_ = add_view(list, (size_t) (rows), (size_t) (columns), \
									   format, a, b); \
		if (params != NULL) \
			params->field = params->block + offset_; \
	} while (0)

	for (int32_t l = 0; l < config->layers; l++)
	{
		int			directions = config_layer_bidirectional(config, l) ? 2 : 1;

		for (int d = 0; d < directions; d++)
		{
			PLACE(lstm[l][d].w_input, 4 * config->units,
				  config_layer_input_dim(config, l), "lstm%d.%d.w_input", l, d);
			PLACE(lstm[l][d].w_hidden, 4 * config->units, config->units,
				  "lstm%d.%d.w_hidden", l, d);
			PLACE(lstm[l][d].bias, 4 * config->units, 1, "lstm%d.%d.bias", l, d);
		}
	}
	if (config->tied)
		PLACE(projection, config->item_dim, config_representation_dim(config),
			  "projection", 0, 0);
	if (config->residual)
	{
		PLACE(gate_weight, config->item_dim, config_representation_dim(config),
			  "gate_weight", 0, 0);
		PLACE(gate_bias, config->item_dim, 1, "gate_bias", 0, 0);
	}
	if (config->copy)
	{
		PLACE(copy_query, config_input_dim(config), config_representation_dim(config),
			  "copy_query", 0, 0);
		PLACE(copy_bias, config_input_dim(config), 1, "copy_bias", 0, 0);
		PLACE(copy_place, COPY_RANKS * COPY_COUNTS, 1, "copy_place", 0, 0);
	}
	if (params != NULL)
		params->core_count = list->count;
	if (core_only)
		return;
	PLACE(item_embedding, config->items + 1, config->item_dim, "item_embedding", 0, 0);
	for (int32_t f = 0; f < config->features; f++)
		PLACE(feature_embedding[f], config->feature_values[f], config->feature_dim,
			  "feature_embedding%d", f, 0);
	if (!config->tied)
		PLACE(output_weight, config->items, config_output_dim(config),
			  "output_weight", 0, 0);
	PLACE(output_bias, config->items, 1, "output_bias", 0, 0);
#undef PLACE

	if (params != NULL)
	{
		if (config->tied)
			params->output_weight = params->item_embedding;
		params->count = list->count;
	}
}

int
params_views(const Config *config, ParamsView views[PARAMS_MAX_VIEWS], size_t *count)
{
	ViewList	list = {views, 0, 0};

	lay_out(config, &list, NULL, false);
	*count = list.count;
	return list.length;
}

bool
params_view_is_vector(const ParamsView *view)
{
	return strstr(view->name, "bias") != NULL || strcmp(view->name, "copy_place") == 0;
}

size_t
params_count(const Config *config)
{
	ParamsView	views[PARAMS_MAX_VIEWS];
	size_t		count;

	params_views(config, views, &count);
	return count;
}

size_t
params_core_count(const Config *config)
{
	ParamsView	views[PARAMS_MAX_VIEWS];
	ViewList	list = {views, 0, 0};

	lay_out(config, &list, NULL, true);
	return list.count;
}

static void
bind(Params *params, const Config *config, float *block, bool core_only)
{
	ParamsView	views[PARAMS_MAX_VIEWS];
	ViewList	list = {views, 0, 0};

	memset(params, 0, sizeof(*params));
	params->block = block;
	lay_out(config, &list, params, core_only);
}

void
params_bind(Params *params, const Config *config, float *block)
{
	bind(params, config, block, false);
}

void
params_bind_core(Params *params, const Config *config, float *block)
{
	bind(params, config, block, true);
}

static void
fill_uniform(float *values, size_t count, float range, Rng rng)
{
	for (size_t i = 0; i < count; i++)
		values[i] = (2 * rng_uniform(&rng) - 1) * range;
}

void
params_initialise(Params *params, const Config *config, uint64_t seed)
{
	ParamsView	views[PARAMS_MAX_VIEWS];
	size_t		count;
	int			length = params_views(config, views, &count);

	memset(params->block, 0, count * sizeof(float));
	for (int i = 0; i < length; i++)
	{
		const ParamsView *view = &views[i];
		bool		embedding = strstr(view->name, "embedding") != NULL;

		if (view->columns > 1 || embedding)
			fill_uniform(params->block + view->offset, view->rows * view->columns,
						 embedding ? EMBEDDING_RANGE
						 : sqrtf(6.0f / (float) (view->rows + view->columns)),
						 rng_stream(seed, RNG_INITIAL_WEIGHTS, (uint64_t) i));
	}
	for (int32_t l = 0; l < config->layers; l++)
	{
		for (int d = 0; d < 2; d++)
		{
			float	   *bias = params->lstm[l][d].bias;

			for (int32_t u = 0; bias != NULL && u < config->units; u++)
				bias[config->units + u] = 1.0f;
		}
	}
	params_normalise(params, config);
}

void
params_normalise(Params *params, const Config *config)
{
	if (config->scale > 0)
		kernels_best()->normalise_rows(params->item_embedding, (size_t) config->items + 1,
									   (size_t) config->item_dim);
}
