/*
 * network.c
 *	  The network below the output layer: embeddings, LSTMs, attention, dropout
 *	  and, with tied weights, the projection to the embeddings' width.
 *
 * Two layouts are at work.  A stage whose outputs at a position depend only on
 * what came before is computed once a sequence, for all windows that are its
 * prefixes.  The backward direction starts at each window's end, so from there
 * on every window has tokens of its own.
 */
#include "nn/network.h"

#include <math.h>
#include <string.h>

#include "nn/attention.h"
#include "nn/embedding.h"
#include "nn/matrix.h"

/* Whether the tokens that layer `layer` reads are those of the windows. */
static bool
reads_windows(const Config *config, int32_t layer)
{
	for (int32_t l = 0; l < layer; l++)
	{
		if (config_layer_bidirectional(config, l) ||
			config_attention_layer(config) == l)
			return true;
	}
	return false;
}

/* Whether something above reads all outputs of the layer, not only the last. */
static bool
outputs_needed(const Config *config, int32_t layer)
{
	return layer < config->layers - 1 || config_attention_layer(config) == layer;
}

static int
directions(const Config *config, int32_t layer)
{
	return config_layer_bidirectional(config, layer) ? 2 : 1;
}

void
network_place(Network *network, Arena *arena, const Config *config,
			  const Kernels *kernels, const BatchCapacity *capacity, bool trains)
{
	size_t		tokens = (size_t) capacity->windows * capacity->max_length;
	size_t		units = (size_t) config->units;
	size_t		widest = 0;

	memset(network, 0, sizeof(*network));
	network->config = config;
	network->kernels = kernels;
	network->trains = trains;
	network->input = ARENA_TAKE(arena, float, tokens * config_input_dim(config));
	network->projection = ARENA_TAKE(arena, float, tokens * 4 * units);
	for (int32_t l = 0; l < config->layers; l++)
	{
		LayerActivations *layer = &network->layer[l];
		size_t		width = (size_t) config_layer_output_dim(config, l);

		for (int d = 0; d < directions(config, l); d++)
		{
			layer->lstm[d].gates = ARENA_TAKE(arena, float, tokens * 4 * units);
			layer->lstm[d].cell = ARENA_TAKE(arena, float, tokens * units);
			layer->lstm[d].hidden = ARENA_TAKE(arena, float, tokens * units);
		}
		if (outputs_needed(config, l))
		{
			layer->output = ARENA_TAKE(arena, float, tokens * width);
			widest = width > widest ? width : widest;
		}
		if (config_attention_layer(config) == l)
		{
			layer->attended = ARENA_TAKE(arena, float, tokens * width);
			network->attention = ARENA_TAKE(arena, float,
											attention_scratch(capacity->max_length,
															  (int32_t) width));
		}
	}
	if (config->tied)
		network->unprojected = ARENA_TAKE(arena, float, (size_t) capacity->windows *
										  config_representation_dim(config));
	if (config->residual)
		network->gate = ARENA_TAKE(arena, float, (size_t) capacity->windows * config->item_dim);
	if (config->scale > 0)
	{
		network->unscaled = ARENA_TAKE(arena, float,
									   (size_t) capacity->windows * config->item_dim);
		network->length = ARENA_TAKE(arena, float, capacity->windows);
	}
	if (config->copy)
		copy_place(&network->copying, arena, config, capacity, trains);
	if (!trains)
		return;
	if (config->residual)
		network->d_gate = ARENA_TAKE(arena, float,
									 (size_t) capacity->windows * config->item_dim);
	network->d_input = ARENA_TAKE(arena, float, tokens * config_input_dim(config));
	for (int d = 0; d < 2; d++)
	{
		network->d_hidden[d] = ARENA_TAKE(arena, float, tokens * units);
		network->d_stage[d] = ARENA_TAKE(arena, float, tokens * widest);
	}
	network->d_cell = ARENA_TAKE(arena, float, (size_t) capacity->windows * units);
	network->previous = ARENA_TAKE(arena, float, tokens * units);
	if (config->tied)
		network->d_unprojected = ARENA_TAKE(arena, float, (size_t) capacity->windows *
											config_representation_dim(config));
}

/* For products of few rows (matrix.h): in training all are by BLAS. */
static inline const Kernels *
kernels_of_few(const Network *network)
{
	return network->trains ? NULL : network->kernels;
}

/* Direction d of layer l, as lstm.h wants it described. */
static LstmPass
lstm_pass(const Network *network, const Params *params, const Batch *batch,
		  int32_t l, int d)
{
	const Config *config = network->config;
	bool		windows = reads_windows(config, l);
	bool		maps = d == 1 && !windows;
	LstmPass	pass = {
		.kernels = network->kernels,
		.of_few = kernels_of_few(network),
		.params = &params->lstm[l][d],
		.layout = windows || d == 1 ? &batch->window : &batch->sequence,
		.input_layout = windows ? &batch->window : &batch->sequence,
		.input_row = maps ? batch->window_sequence : NULL,
		.input_dim = config_layer_input_dim(config, l),
		.units = config->units,
		.reverse = d == 1,
		.interrupt = network->interrupt
	};

	if (l == 0)
		pass.input = network->input;
	else if (config_attention_layer(config) == l - 1)
		pass.input = network->layer[l - 1].attended;
	else
		pass.input = network->layer[l - 1].output;
	return pass;
}

/*
 * The token that window row w shows at position p in the layout of direction
 * `pass`.
 */
static inline size_t
window_token(const LstmPass *pass, const Batch *batch, int32_t w, int32_t p)
{
	int32_t		row = pass->layout == &batch->window ? w : batch->window_sequence[w];

	return (size_t) pass->layout->offset[p] + row;
}

/* The layout of the outputs of layer l. */
static const Layout *
output_layout(const Network *network, const Batch *batch, int32_t l)
{
	return reads_windows(network->config, l + 1) ? &batch->window : &batch->sequence;
}

/*
 * Copy between the hidden states of a layer's directions and its outputs, side
 * by side in the layout of the outputs.  Backwards: add up the gradients of an
 * output into the hidden states that it shows.
 */
static void
join_directions(float *output, float *const hidden[2], const Network *network,
				const Params *params, const Batch *batch, int32_t l, bool backwards)
{
	const Layout *layout = output_layout(network, batch, l);
	size_t		units = (size_t) network->config->units;
	int			count = directions(network->config, l);

	for (int d = 0; d < count; d++)
	{
		LstmPass	pass = lstm_pass(network, params, batch, l, d);
		bool		same = pass.layout == layout;

		for (int32_t p = 0; p < layout->steps; p++)
		{
			for (int32_t r = 0; r < layout->active[p]; r++)
			{
				size_t		to = (size_t) layout->offset[p] + r;
				size_t		from = same ? to : window_token(&pass, batch, r, p);
				float	   *out = output + (to * count + d) * units;
				float	   *state = hidden[d] + from * units;

				if (backwards)
					matrix_add_rows(state, out, 1, (int) units);
				else
					memcpy(out, state, units * sizeof(float));
			}
		}
	}
}

/*
 * The position whose output stands for the whole window: where direction d has
 * read everything.
 */
static inline int32_t
final_position(const Batch *batch, int32_t w, int d)
{
	return d == 1 ? 0 : batch->window.length[w] - 1;
}

/*
 * Copy between the final states of the last stage and the representations.
 * Backwards: add the gradient of a representation to that of its states.
 */
static void
read_final_states(float *representation, float *const hidden[2],
				  const Network *network, const Params *params,
				  const Batch *batch, bool backwards)
{
	int32_t		last = network->config->layers - 1;
	size_t		units = (size_t) network->config->units;
	int			count = directions(network->config, last);

	for (int d = 0; d < count; d++)
	{
		LstmPass	pass = lstm_pass(network, params, batch, last, d);

		for (int32_t w = 0; w < batch->window.rows; w++)
		{
			float	   *part = representation + ((size_t) w * count + d) * units;
			float	   *state = hidden[d] + units *
				window_token(&pass, batch, w, final_position(batch, w, d));

			if (backwards)
				matrix_add_rows(state, part, 1, (int) units);
			else
				memcpy(part, state, units * sizeof(float));
		}
	}
}

/* Whether the representation is what attention gives at the newest token. */
static bool
ends_with_attention(const Config *config)
{
	return config_attention_layer(config) == config->layers - 1;
}

/* Each window's newest token, in the window layout. */
static inline size_t
newest_token(const Batch *batch, int32_t w)
{
	return (size_t) batch->window.offset[batch->window.length[w] - 1] + w;
}

/* Drop units of each window with the configured probability, and scale the rest. */
static void
drop_units(float *values, const Config *config, int32_t windows, const Rng *dropout)
{
	int32_t		columns = config_representation_dim(config);
	float		keep = 1.0f - config->dropout;

	if (dropout == NULL || config->dropout == 0)
		return;
	for (int32_t w = 0; w < windows; w++)
	{
		Rng			rng = rng_stream(dropout->state, RNG_DROPOUT, (uint64_t) w);

		for (int32_t c = 0; c < columns; c++)
		{
			float	   *value = &values[(size_t) w * columns + c];

			*value = rng_uniform(&rng) < keep ? *value / keep : 0;
		}
	}
}

/* Drop columns of each token's embeddings with the configured probability, and scale the rest. */
static void
drop_columns(float *values, const Config *config, const Batch *batch, const Rng *dropout)
{
	int32_t		columns = config_input_dim(config);
	int32_t		tokens = layout_tokens(&batch->sequence);
	float		keep = 1.0f - config->embedding_dropout;

	if (dropout == NULL || config->embedding_dropout == 0)
		return;
	for (int32_t t = 0; t < tokens; t++)
	{
		Rng			rng = rng_stream(dropout->state, RNG_EMBEDDING_DROPOUT, (uint64_t) t);

		for (int32_t c = 0; c < columns; c++)
		{
			float	   *value = &values[(size_t) t * columns + c];

			*value = rng_uniform(&rng) < keep ? *value / keep : 0;
		}
	}
}

/* The embeddings, or their gradient, of window w's newest token. */
static inline float *
newest_input(float *input, const Config *config, const Batch *batch, int32_t w)
{
	int32_t		p = batch->window.length[w] - 1;
	size_t		token = (size_t) batch->sequence.offset[p] + batch->window_sequence[w];

	return input + token * config_input_dim(config);
}

/* representation += sigmoid(gate_weight states + gate_bias) x embedding of the newest item */
static void
residual_forward(float *representation, Network *network, const Params *params,
				 const Batch *batch, const float *states)
{
	const Config *config = network->config;
	int32_t		windows = batch->window.rows;
	int32_t		columns = config->item_dim;

	for (int32_t w = 0; w < windows; w++)
		memcpy(network->gate + (size_t) w * columns, params->gate_bias,
			   (size_t) columns * sizeof(float));
	/* windows x item_dim += states (windows x dim) gate_weight^T (item_dim x dim) */
	matrix_add_transposed(kernels_of_few(network), network->gate, states, params->gate_weight,
						  windows, columns, config_representation_dim(config));
	for (int32_t w = 0; w < windows; w++)
	{
		float	   *gate = network->gate + (size_t) w * columns;
		const float *item = newest_input(network->input, config, batch, w);

		for (int32_t c = 0; c < columns; c++)
		{
			gate[c] = 1 / (1 + expf(-gate[c]));
			representation[(size_t) w * columns + c] += gate[c] * item[c];
		}
	}
}

/* Through the gate: to its parameters, and to the states.  The item's own: residual_to_input. */
static void
residual_backward(Params *gradient, float *d_states, const float *d_representation,
				  Network *network, const Params *params, const Batch *batch)
{
	const Config *config = network->config;
	int32_t		windows = batch->window.rows;
	int32_t		columns = config->item_dim;
	int32_t		dim = config_representation_dim(config);

	for (int32_t w = 0; w < windows; w++)
	{
		const float *gate = network->gate + (size_t) w * columns;
		const float *d = d_representation + (size_t) w * columns;
		const float *item = newest_input(network->input, config, batch, w);
		float	   *d_gate = network->d_gate + (size_t) w * columns;

		for (int32_t c = 0; c < columns; c++)
			d_gate[c] = d[c] * item[c] * gate[c] * (1 - gate[c]);
	}
	matrix_add_rows(gradient->gate_bias, network->d_gate, windows, columns);
	/*
	 * d_gate_weight (item_dim x dim) += d_gate^T (windows x item_dim) states
	 * (windows x dim); d_states += d_gate gate_weight
	 */
	matrix_transposed_multiply(gradient->gate_weight, network->d_gate, network->unprojected,
							   columns, dim, windows, 1.0f);
	matrix_multiply(d_states, network->d_gate, params->gate_weight, windows, dim, columns, 1.0f);
}

/* Add the gradient of each window's newest item that came past the LSTMs to d_input. */
static void
residual_to_input(Network *network, const float *d_representation, const Batch *batch)
{
	int32_t		columns = network->config->item_dim;

	for (int32_t w = 0; w < batch->window.rows; w++)
	{
		const float *gate = network->gate + (size_t) w * columns;
		const float *d = d_representation + (size_t) w * columns;
		float	   *to = newest_input(network->d_input, network->config, batch, w);

		for (int32_t c = 0; c < columns; c++)
			to[c] += d[c] * gate[c];
	}
}

/* representation = scale x representation / its length */
static void
scale_forward(float *representation, Network *network, int32_t windows)
{
	int32_t		columns = network->config->item_dim;

	for (int32_t w = 0; w < windows; w++)
	{
		float	   *row = representation + (size_t) w * columns;
		float	   *unit = network->unscaled + (size_t) w * columns;
		float		length = sqrtf((float) network->kernels->sum_squares(row, (size_t) columns));

		length = length > NETWORK_LEAST_LENGTH ? length : NETWORK_LEAST_LENGTH;
		network->length[w] = length;
		for (int32_t c = 0; c < columns; c++)
		{
			unit[c] = row[c] / length;
			row[c] = network->config->scale * unit[c];
		}
	}
}

/* With y = s u, u = x / |x|: dx = s / |x| (dy - (dy . u) u). */
static void
scale_backward(float *d_representation, const Network *network, int32_t windows)
{
	int32_t		columns = network->config->item_dim;

	for (int32_t w = 0; w < windows; w++)
	{
		float	   *d = d_representation + (size_t) w * columns;
		const float *unit = network->unscaled + (size_t) w * columns;
		float		along = 0;

		for (int32_t c = 0; c < columns; c++)
			along += d[c] * unit[c];
		for (int32_t c = 0; c < columns; c++)
			d[c] = network->config->scale / network->length[w] * (d[c] - along * unit[c]);
	}
}

void
network_forward(float *representation, Network *network, const Params *params,
				const Batch *batch, const Rng *dropout)
{
	const Config *config = network->config;
	int32_t		last = config->layers - 1;
	int32_t		windows = batch->window.rows;
	int32_t		columns = config_representation_dim(config);
	float	   *states = config->tied ? network->unprojected : representation;
	float	   *hidden[2];

	embedding_forward(network->input, params, config, batch);
	drop_columns(network->input, config, batch, dropout);
	for (int32_t l = 0; l <= last; l++)
	{
		LayerActivations *layer = &network->layer[l];

		for (int d = 0; d < directions(config, l); d++)
		{
			LstmPass	pass = lstm_pass(network, params, batch, l, d);

			lstm_forward(&layer->lstm[d], &pass, network->projection);
		}
		hidden[0] = layer->lstm[0].hidden;
		hidden[1] = layer->lstm[1].hidden;
		if (outputs_needed(config, l))
			join_directions(layer->output, hidden, network, params, batch, l, false);
		if (config_attention_layer(config) == l)
			attention_forward(layer->attended, layer->output, &batch->window,
							  config_layer_output_dim(config, l), network->attention);
	}

	if (ends_with_attention(config))
	{
		for (int32_t w = 0; w < windows; w++)
			memcpy(states + (size_t) w * columns,
				   network->layer[last].attended + newest_token(batch, w) * columns,
				   (size_t) columns * sizeof(float));
	}
	else
		read_final_states(states, hidden, network, params, batch, false);
	drop_units(states, config, windows, dropout);
	if (config->copy)
		copy_forward(&network->copying, params, config, batch, network->input, states,
					 kernels_of_few(network));
	/* windows x item_dim = states (windows x columns) projection^T (item_dim x columns) */
	if (config->tied)
	{
		memset(representation, 0, (size_t) windows * config->item_dim * sizeof(float));
		matrix_add_transposed(kernels_of_few(network), representation, states, params->projection,
							  windows, config->item_dim, columns);
	}
	if (config->residual)
		residual_forward(representation, network, params, batch, states);
	if (config->scale > 0)
		scale_forward(representation, network, windows);
}

/* Set the gradient of the outputs of the last stage from the representations'. */
static void
start_attention_gradient(float *d_attended, const float *d_states,
						 const Batch *batch, int32_t columns)
{
	memset(d_attended, 0,
		   (size_t) layout_tokens(&batch->window) * columns * sizeof(float));
	for (int32_t w = 0; w < batch->window.rows; w++)
		memcpy(d_attended + newest_token(batch, w) * columns,
			   d_states + (size_t) w * columns, (size_t) columns * sizeof(float));
}

void
network_backward(Params *gradient, float *d_representation, Network *network,
				 const Params *params, const Batch *batch, const Rng *dropout)
{
	const Config *config = network->config;
	int32_t		last = config->layers - 1;
	int32_t		windows = batch->window.rows;
	int32_t		columns = config_representation_dim(config);
	float	   *d_states = d_representation;
	float	   *d_above = network->d_stage[0];	/* of what layer l + 1 reads */
	float	   *d_other = network->d_stage[1];

	if (config->scale > 0)
		scale_backward(d_representation, network, windows);
	if (config->tied)
	{
		d_states = network->d_unprojected;
		/*
		 * d_projection (item_dim x columns) += d_representation^T (windows x
		 * item_dim) states (windows x columns); d_states = d_representation x
		 * projection
		 */
		matrix_transposed_multiply(gradient->projection, d_representation,
								   network->unprojected, config->item_dim, columns,
								   windows, 1.0f);
		matrix_multiply(d_states, d_representation, params->projection,
						windows, columns, config->item_dim, 0.0f);
	}
	if (config->residual)
		residual_backward(gradient, d_states, d_representation, network, params, batch);
	if (config->copy)
		copy_backward(gradient, d_states, &network->copying, params, config, batch,
					  network->input, network->unprojected);
	drop_units(d_states, config, windows, dropout);
	if (ends_with_attention(config))
		start_attention_gradient(d_above, d_states, batch, columns);

	for (int32_t l = last; l >= 0; l--)
	{
		LayerActivations *layer = &network->layer[l];
		size_t		width = (size_t) config_layer_output_dim(config, l);
		float	   *d_below = l == 0 ? network->d_input : d_other;
		size_t		below_tokens;

		if (config_attention_layer(config) == l)
		{
			memset(d_other, 0, layout_tokens(&batch->window) * width * sizeof(float));
			attention_backward(d_other, d_above, layer->output, &batch->window,
							   (int32_t) width, network->attention);
			d_above = d_other;
			d_other = d_above == network->d_stage[0] ? network->d_stage[1]
				: network->d_stage[0];
			d_below = l == 0 ? network->d_input : d_other;
		}
		for (int d = 0; d < directions(config, l); d++)
		{
			LstmPass	pass = lstm_pass(network, params, batch, l, d);

			memset(network->d_hidden[d], 0, (size_t) layout_tokens(pass.layout) *
				   config->units * sizeof(float));
		}
		if (outputs_needed(config, l))
			join_directions(d_above, network->d_hidden, network, params, batch, l, true);
		else
			read_final_states(d_states, network->d_hidden, network, params, batch, true);

		below_tokens = (size_t) layout_tokens(lstm_pass(network, params, batch, l, 0).input_layout);
		memset(d_below, 0, below_tokens * config_layer_input_dim(config, l) * sizeof(float));
		for (int d = 0; d < directions(config, l); d++)
		{
			LstmPass	pass = lstm_pass(network, params, batch, l, d);

			lstm_backward(&gradient->lstm[l][d], d_below, &layer->lstm[d], &pass,
						  network->d_hidden[d], network->d_cell, network->previous,
						  network->projection);
		}
		d_other = d_above;
		d_above = d_below;
	}
	if (config->residual)
		residual_to_input(network, d_representation, batch);
	if (config->copy)
		copy_to_input(network->d_input, &network->copying, config, windows);
	drop_columns(network->d_input, config, batch, dropout);
}
