/*
 * gradient_test.c
 *	  Every forward pass against the network written slowly (slow.h), and every
 *	  backward pass against central finite differences of that.
 *
 * The slow network is in double precision, so the differences are good to about
 * nine digits and the comparison may be as strict as float allows.
 */
#include "nn/attention.h"
#include "nn/embedding.h"
#include "nn/lstm.h"
#include "nn/softmax.h"
#include "nn/sampled.h"

#include "difference.h"
#include "fixture.h"
#include "slow.h"
#include "tap.h"

static double
weighted_sum(const float *weights, const double *values, size_t count)
{
	double		sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += weights[i] * values[i];
	return sum;
}

/* -------------------------------------------------------------------- LSTM */

/* The values are input, w_input, w_hidden and bias, one after the other. */
typedef struct LstmCase
{
	const LstmPass *pass;
	const float *seed;			/* gradient of the hidden states */
	double	   *hidden;			/* what they came to */
} LstmCase;

static double
lstm_scalar(const double *values, const void *context)
{
	const LstmCase *lstm = context;
	const LstmPass *pass = lstm->pass;
	const Layout *layout = pass->layout;
	int			columns = pass->input_dim;
	int			units = pass->units;
	const double *w_input = values +
		(size_t) layout_tokens(pass->input_layout) * columns;
	const double *w_hidden = w_input + (size_t) 4 * units * columns;
	const double *bias = w_hidden + (size_t) 4 * units * units;
	static SlowRows in;
	static SlowRows out;

	for (int r = 0; r < layout->rows; r++)
	{
		int			from = pass->input_row == NULL ? r : pass->input_row[r];

		for (int p = 0; p < layout->length[r]; p++)
		{
			for (int c = 0; c < columns; c++)
				in[p][c] = values[(size_t) (pass->input_layout->offset[p] + from) *
								  columns + c];
		}
		slow_lstm(out, 0, in, layout->length[r], columns, units, w_input, w_hidden,
				  bias, pass->reverse);
		for (int p = 0; p < layout->length[r]; p++)
		{
			for (int u = 0; u < units; u++)
				lstm->hidden[(size_t) (layout->offset[p] + r) * units + u] = out[p][u];
		}
	}
	return weighted_sum(lstm->seed, lstm->hidden,
						(size_t) layout_tokens(layout) * units);
}

static void
check_lstm(const Kernels *kernels, int32_t units, int32_t columns, bool mapped,
		   bool reverse, int32_t longest, uint64_t seed)
{
	Rng			rng = test_rng(seed);
	Config		config = {.items = 10, .item_dim = 1, .feature_dim = 1, .units = units,
		.layers = 1, .max_length = longest
	};
	TestData	data = data_random(&config, 5, 2, longest + 3, false, &rng);
	TestBatch	test = test_batch(&config, &data.dataset, 3, &rng);
	const Layout *input_layout = &test.batch.sequence;
	const Layout *layout = mapped ? &test.batch.window : input_layout;
	size_t		input_tokens = (size_t) layout_tokens(input_layout);
	size_t		tokens = (size_t) layout_tokens(layout);
	size_t		width = 4 * (size_t) units;
	size_t		counts[4] = {input_tokens * columns, width * columns, width * units, width};
	const char *names[4] = {"input", "w_input", "w_hidden", "bias"};
	size_t		total = counts[0] + counts[1] + counts[2] + counts[3];
	float	   *values = new_random(total, 1, &rng);
	LstmParams	params = {values + counts[0], values + counts[0] + counts[1],
		values + counts[0] + counts[1] + counts[2]};
	LstmPass	pass = {
		.kernels = kernels,
		.params = &params,
		.layout = layout,
		.input_layout = input_layout,
		.input_row = mapped ? test.batch.window_sequence : NULL,
		.input = values,
		.input_dim = columns,
		.units = units,
		.reverse = reverse
	};
	LstmState	state = {NEW(float, tokens * width), NEW(float, tokens * units),
		NEW(float, tokens * units)};
	float	   *projection = mapped ? NEW(float, input_tokens * width) : NULL;
	float	   *previous = NEW(float, tokens * units);
	float	   *d_cell = NEW(float, (size_t) layout->rows * units);
	float	   *seeds = new_random(tokens * units, 1, &rng);
	float	   *d_hidden = NEW(float, tokens * units);
	float	   *gradient = NEW(float, total);
	LstmParams	d_params = {gradient + counts[0], gradient + counts[0] + counts[1],
		gradient + counts[0] + counts[1] + counts[2]};
	double	   *exact = new_doubles(values, total);
	LstmCase	lstm = {&pass, seeds, NEW(double, tokens * units)};
	char		name[160];
	size_t		offset = 0;

	snprintf(name, sizeof(name), "lstm %s, %d units, %d columns, %s, %s, up to %d tokens",
			 kernels->name, units, columns, reverse ? "reverse" : "forward",
			 mapped ? "mapped" : "not mapped", longest);

	/* gradients are added: begin with 1 everywhere */
	for (size_t i = 0; i < total; i++)
		gradient[i] = 1;
	memcpy(d_hidden, seeds, tokens * units * sizeof(float));
	lstm_forward(&state, &pass, projection);
	lstm_scalar(exact, &lstm);
	ok_close(state.hidden, lstm.hidden, tokens * units, 2e-6, 1, "%s: hidden states", name);
	lstm_backward(&d_params, gradient, &state, &pass, d_hidden, d_cell, previous,
				  projection);
	for (size_t i = 0; i < total; i++)
		gradient[i] -= 1;
	for (int i = 0; i < 4; offset += counts[i++])
		check_gradient(gradient + offset, lstm_scalar, &lstm, exact, offset, counts[i],
					   &rng, "%s: gradient of %s", name, names[i]);

	/* without the gradient of the input the others are the same */
	{
		float	   *again = new_zeros(total);
		LstmParams	d_again = {again + counts[0], again + counts[0] + counts[1],
			again + counts[0] + counts[1] + counts[2]};
		double	   *want = new_doubles(gradient + counts[0], total - counts[0]);

		memcpy(d_hidden, seeds, tokens * units * sizeof(float));
		lstm_forward(&state, &pass, projection);
		lstm_backward(&d_again, NULL, &state, &pass, d_hidden, d_cell, previous,
					  projection);
		ok_close(again + counts[0], want, total - counts[0], 1e-5, 1,
				 "%s: the gradient of the input may be left out", name);
		free(again);
		free(want);
	}

	free(values);
	free(state.gates);
	free(state.cell);
	free(state.hidden);
	free(projection);
	free(previous);
	free(d_cell);
	free(seeds);
	free(d_hidden);
	free(gradient);
	free(exact);
	free(lstm.hidden);
	test_batch_free(&test);
	data_free(&data);
}

/* --------------------------------------------------------------- attention */

typedef struct AttentionCase
{
	const Layout *layout;
	int32_t		columns;
	const float *seed;
	double	   *out;
} AttentionCase;

static double
attention_scalar(const double *values, const void *context)
{
	const AttentionCase *attention = context;
	const Layout *layout = attention->layout;
	size_t		columns = (size_t) attention->columns;
	static SlowRows in;
	static SlowRows out;

	for (int r = 0; r < layout->rows; r++)
	{
		for (int p = 0; p < layout->length[r]; p++)
			memcpy(in[p], values + (size_t) (layout->offset[p] + r) * columns,
				   columns * sizeof(double));
		slow_attention(out, in, layout->length[r], attention->columns);
		for (int p = 0; p < layout->length[r]; p++)
			memcpy(attention->out + (size_t) (layout->offset[p] + r) * columns, out[p],
				   columns * sizeof(double));
	}
	return weighted_sum(attention->seed, attention->out,
						(size_t) layout_tokens(layout) * columns);
}

static void
check_attention(int32_t columns, int32_t longest, float range, uint64_t seed)
{
	Rng			rng = test_rng(seed);
	Config		config = {.items = 10, .item_dim = 1, .feature_dim = 1, .units = 1,
		.layers = 1, .max_length = longest
	};
	TestData	data = data_random(&config, 4, 2, longest + 2, false, &rng);
	TestBatch	test = test_batch(&config, &data.dataset, 4, &rng);
	const Layout *layout = &test.batch.window;
	size_t		count = (size_t) layout_tokens(layout) * columns;
	float	   *input = new_random(count, range, &rng);
	float	   *seeds = new_random(count, 1, &rng);
	float	   *out = NEW(float, count);
	float	   *d_input = NEW(float, count);
	float	   *scratch = NEW(float, attention_scratch(longest, columns));
	double	   *exact = new_doubles(input, count);
	AttentionCase attention = {layout, columns, seeds, NEW(double, count)};
	char		name[120];

	snprintf(name, sizeof(name), "attention, %d columns up to %g, up to %d tokens",
			 columns, (double) range, longest);
	attention_forward(out, input, layout, columns, scratch);
	attention_scalar(exact, &attention);
	ok_close(out, attention.out, count, 2e-6, 1, "%s: output", name);
	for (size_t i = 0; i < count; i++)
		d_input[i] = 1;
	attention_backward(d_input, seeds, input, layout, columns, scratch);
	for (size_t i = 0; i < count; i++)
		d_input[i] -= 1;
	check_gradient(d_input, attention_scalar, &attention, exact, 0, count, &rng,
				   "%s: gradient of the input", name);

	free(input);
	free(seeds);
	free(out);
	free(d_input);
	free(scratch);
	free(exact);
	free(attention.out);
	test_batch_free(&test);
	data_free(&data);
}

/* ------------------------------------------------------------ output layer */

/* The values are representations, output weights and bias. */
typedef struct OutputCase
{
	const int32_t *target;
	int32_t		windows;
	int32_t		columns;
	int32_t		items;
	double		scale;
	double	   *logits;			/* windows x items */
} OutputCase;

static bool
in_vocabulary(const OutputCase *output, int32_t w)
{
	return output->target[w] >= 0 && output->target[w] < output->items;
}

static double
output_scalar(const double *values, const void *context)
{
	const OutputCase *output = context;
	size_t		columns = (size_t) output->columns;
	const double *weight = values + (size_t) output->windows * columns;
	const double *bias = weight + (size_t) output->items * columns;
	double		loss = 0;

	for (int32_t w = 0; w < output->windows; w++)
	{
		double	   *logits = output->logits + (size_t) w * output->items;
		double		sum = 0;

		for (int32_t i = 0; i < output->items; i++)
		{
			logits[i] = bias[i];
			for (size_t c = 0; c < columns; c++)
				logits[i] += values[w * columns + c] * weight[i * columns + c];
			sum += exp(logits[i]);
		}
		if (in_vocabulary(output, w))
			loss += log(sum) - logits[output->target[w]];
	}
	return output->scale * loss;
}

static void
check_output(const Kernels *kernels, int32_t items, int32_t columns, int32_t windows,
			 uint64_t seed)
{
	Rng			rng = test_rng(seed);
	size_t		counts[3] = {(size_t) windows * columns, (size_t) items * columns,
		(size_t) items};
	const char *names[3] = {"representations", "weights", "bias"};
	size_t		total = counts[0] + counts[1] + counts[2];
	float	   *values = new_random(total, 1, &rng);
	float	   *gradient = NEW(float, total);	/* the library sets two parts of it */
	Params		params = {.output_weight = values + counts[0],
		.output_bias = values + counts[0] + counts[1]
	};
	Params		d_params = {.output_weight = gradient + counts[0],
		.output_bias = gradient + counts[0] + counts[1]
	};
	int32_t    *target = NEW(int32_t, windows);
	float	   *maximum = NEW(float, windows);
	float	   *sum = NEW(float, windows);
	float	   *target_logit = NEW(float, windows);
	float	   *log_normaliser = NEW(float, windows);
	int32_t    *above = NEW(int32_t, windows);
	double	   *exact = new_doubles(values, total);
	OutputCase	output = {target, windows, columns, items, 0.37,
	NEW(double, (size_t) windows * items)};
	SoftmaxPass	pass = {
		.kernels = kernels,
		.params = &params,
		.representation = values,
		.transposed = NEW(float, (size_t) columns * softmax_stride(windows)),
		.target = target,
		.windows = windows,
		.columns = columns,
		.logits = NEW(float, SOFTMAX_TILE * softmax_stride(windows))
	};
	double		worst_normaliser = 0;
	double		worst_logit = 0;
	int32_t		wrong = 0;
	size_t		offset = 0;
	char		name[120];

	snprintf(name, sizeof(name), "output %s, %d items, %d columns, %d windows",
			 kernels->name, items, columns, windows);
	for (int32_t w = 0; w < windows; w++)
	{
		target[w] = (int32_t) rng_below(&rng, (uint32_t) items);
		if (windows > 2 && w < 2)
			target[w] = w == 0 ? -1 : items;	/* none */
		if (w == 2)
			target[w] = items - 1;	/* in the last tile */
		maximum[w] = -INFINITY;
		sum[w] = 0;
		above[w] = 0;
	}
	softmax_transpose(&pass, 0, windows / 2);
	softmax_transpose(&pass, windows / 2, windows - windows / 2);
	for (int32_t first = 0; first < items; first += SOFTMAX_TILE)
		softmax_tile_statistics(&pass, first, first + SOFTMAX_TILE < items
						  ? first + SOFTMAX_TILE : items, maximum, sum, target_logit);
	for (int32_t first = 0; first < items; first += SOFTMAX_TILE)
		softmax_tile_count_above(&pass, first, first + SOFTMAX_TILE < items
						   ? first + SOFTMAX_TILE : items, target_logit, above);
	output_scalar(exact, &output);
	for (int32_t w = 0; w < windows; w++)
	{
		const double *logits = output.logits + (size_t) w * items;
		double		all = 0;
		int32_t		better = 0;

		log_normaliser[w] = maximum[w] + logf(sum[w]);
		for (int32_t i = 0; i < items; i++)
			all += exp(logits[i]);
		worst_normaliser = fmax(worst_normaliser, fabs(log_normaliser[w] - log(all)));
		if (!in_vocabulary(&output, w))
		{
			log_normaliser[w] = INFINITY;
			continue;
		}
		for (int32_t i = 0; i < items; i++)
			better += i != target[w] && logits[i] >= logits[target[w]];
		wrong += better != above[w];
		worst_logit = fmax(worst_logit, fabs(target_logit[w] - logits[target[w]]));
	}
	ok(worst_normaliser < 1e-5, "%s: normaliser", name);
	ok(worst_logit < 1e-5, "%s: logits of the targets", name);
	ok(wrong == 0, "%s: items above the target", name);

	for (size_t i = 0; i < counts[0]; i++)
		gradient[i] = 1;
	for (int32_t first = 0; first < items; first += SOFTMAX_TILE)
		softmax_tile_gradient(&pass, first, first + SOFTMAX_TILE < items
						? first + SOFTMAX_TILE : items, log_normaliser, NULL,
						(float) output.scale, &d_params, gradient);
	for (size_t i = 0; i < counts[0]; i++)
		gradient[i] -= 1;
	for (int i = 0; i < 3; offset += counts[i++])
		check_gradient(gradient + offset, output_scalar, &output, exact, offset,
					   counts[i], &rng, "%s: gradient of the %s", name, names[i]);

	free(values);
	free(gradient);
	free(target);
	free(maximum);
	free(sum);
	free(target_logit);
	free(log_normaliser);
	free(above);
	free(exact);
	free(output.logits);
	free(pass.transposed);
	free(pass.logits);
}

/* ---------------------------------------------------------- sampled losses */

/*
 * The values are representations, negatives' weights, negatives' offsets, and
 * for each window what is added to the logit of its target.
 */
typedef struct SampledCase
{
	const SampledPass *pass;
	double		scale;
	double	   *loss;			/* of each window */
} SampledCase;

static double
sampled_scalar(const double *values, const void *context)
{
	const SampledCase *sampled = context;
	const SampledPass *pass = sampled->pass;
	size_t		columns = (size_t) pass->columns;
	const double *weight = values + (size_t) pass->windows * columns;
	const double *offset = weight + (size_t) pass->negatives * columns;
	const double *target_offset = offset + pass->negatives;
	double		total = 0;

	for (int32_t w = 0; w < pass->windows; w++)
	{
		int32_t		item = pass->target[w];
		double		target = target_offset[w] + pass->params->output_bias[item];
		double		logits[SLOW_MAX_NEGATIVES];
		int			count = 0;

		for (size_t c = 0; c < columns; c++)
			target += values[w * columns + c] *
				pass->params->output_weight[item * columns + c];
		for (int32_t j = 0; j < pass->negatives; j++)
		{
			if (pass->negative[j] == item)
				continue;
			logits[count] = offset[j];
			for (size_t c = 0; c < columns; c++)
				logits[count] += values[w * columns + c] * weight[j * columns + c];
			count++;
		}
		sampled->loss[w] = pass->loss == LOSS_SAMPLED_SOFTMAX
			? slow_sampled_softmax(target, logits, count, &(SlowCopies) {.generated = 1}, item)
			: slow_bpr_max(target, logits, count, BPR_MAX_REGULARISATION);
		total += sampled->loss[w];
	}
	return sampled->scale * total;
}

static void
check_sampled(const Kernels *kernels, Loss loss, int32_t items, int32_t negatives,
			  int32_t columns, int32_t windows, uint64_t seed)
{
	Rng			rng = test_rng(seed);
	size_t		counts[4] = {(size_t) windows * columns, (size_t) negatives * columns,
		(size_t) negatives, (size_t) windows};
	const char *names[4] = {"representations", "negatives' weights", "negatives' biases",
		"targets' logits"};
	size_t		total = counts[0] + counts[1] + counts[2] + counts[3];
	float	   *values = new_random(total, 1, &rng);
	float	   *part[4];
	float	   *gradient = NEW(float, total);
	float	   *losses = NEW(float, windows);
	int32_t    *target = NEW(int32_t, windows);
	int32_t    *negative = NEW(int32_t, negatives);
	Params		params = {.output_weight = new_random((size_t) items * columns, 1, &rng),
		.output_bias = new_random((size_t) items, 1, &rng)
	};
	SampledPass pass = {
		.kernels = kernels,
		.params = &params,
		.loss = loss,
		.windows = windows,
		.columns = columns,
		.negatives = negatives,
		.representation = values,
		.target = target,
		.negative = negative,
		.negative_weight = values + counts[0],
		.negative_offset = values + counts[0] + counts[1],
		.logits = NEW(float, (size_t) windows * negatives)
	};
	SampledGradient parts;
	SampledCase sampled = {&pass, 0.21, NEW(double, windows)};
	double	   *exact;
	size_t		offset = 0;
	char		name[120];

	snprintf(name, sizeof(name), "%s %s, %d items, %d negatives, %d columns",
			 loss == LOSS_SAMPLED_SOFTMAX ? "sampled softmax" : "bpr-max",
			 kernels->name, items, negatives, columns);
	for (int32_t w = 0; w < windows; w++)
	{
		target[w] = (int32_t) rng_below(&rng, (uint32_t) items);
		values[total - 1 - (size_t) w] = 0;
	}
	for (int32_t j = 0; j < negatives; j++)
		negative[j] = (int32_t) rng_below(&rng, (uint32_t) items);
	for (int i = 0; i < 4; offset += counts[i++])
		part[i] = gradient + offset;
	parts = (SampledGradient) {part[0], part[1], part[2], part[3]};
	exact = new_doubles(values, total);

	sampled_loss(&pass, (float) sampled.scale, losses, &parts);
	sampled_scalar(exact, &sampled);
	ok_close(losses, sampled.loss, (size_t) windows, 1e-5, 1, "%s: losses", name);
	offset = 0;
	for (int i = 0; i < 4; offset += counts[i++])
		check_gradient(part[i], sampled_scalar, &sampled, exact, offset, counts[i],
					   &rng, "%s: gradient of the %s", name, names[i]);

	free(values);
	free(gradient);
	free(losses);
	free(target);
	free(negative);
	free(params.output_weight);
	free(params.output_bias);
	free(pass.logits);
	free(sampled.loss);
	free(exact);
}

/* -------------------------------------------------------------- embeddings */

static void
check_embedding(int32_t features, int32_t ranks, uint64_t seed)
{
	Rng			rng = test_rng(seed);
	Config		config = {.items = 7, .item_dim = 5, .features = features,
		.feature_values = {3, 1, 11}, .feature_dim = 2, .units = 1, .layers = 1,
		.max_length = 6
	};
	TestData	data = data_random(&config, 6, 2, 9, true, &rng);
	TestBatch	test = test_batch(&config, &data.dataset, 4, &rng);
	const Batch *batch = &test.batch;
	int32_t		tokens = layout_tokens(&batch->sequence);
	int32_t		width = 5 + 2 * features;
	size_t		count = params_count(&config);
	Params		params;
	Params		gradient;
	float	   *out = NEW(float, (size_t) tokens * width);
	float	   *d_out = new_random((size_t) tokens * width, 1, &rng);
	double	   *want = NEW(double, count);
	int32_t		wrong = 0;

	params_bind(&params, &config, NEW(float, count));
	params_bind(&gradient, &config, NEW(float, count));
	params_random(&params, &config, &rng);
	embedding_forward(out, &params, &config, batch);

	for (size_t i = 0; i < count; i++)
		gradient.block[i] = (float) (want[i] = 1);
	for (int32_t t = 0; t < tokens; t++)
	{
		for (int32_t c = 0; c < width; c++)
		{
			int32_t		f = (c - 5) / 2;
			size_t		at = c < 5
				? (size_t) (params.item_embedding - params.block) + batch->item[t] * 5 + c
				: (size_t) (params.feature_embedding[f] - params.block) +
				batch->feature[f][t] * 2 + (c - 5) % 2;

			wrong += out[(size_t) t * width + c] != params.block[at];
			want[at] += d_out[(size_t) t * width + c];
		}
	}
	ok(wrong == 0, "embedding, %d features: output", features);
	for (int32_t rank = 0; rank < ranks; rank++)
		embedding_backward(&gradient, d_out, &config, batch, tokens, rank, ranks);
	ok_close(gradient.block, want, count, 1e-6, 1,
			 "embedding, %d features: gradient by %d ranks", features, ranks);

	free(out);
	free(d_out);
	free(want);
	free(params.block);
	free(gradient.block);
	test_batch_free(&test);
	data_free(&data);
}

/* ------------------------------------------------------- the whole network */

typedef struct NetworkCase
{
	SlowNetwork slow;
	const TestBatch *test;
	const Dataset *dataset;
	const double *mask;			/* windows x columns; NULL: no dropout */
	const double *token_mask;	/* sequence tokens x columns of the input; likewise */
	double	   *representation;	/* windows x columns */
} NetworkCase;

static double
network_scalar(const double *values, const void *context)
{
	NetworkCase network = *(const NetworkCase *) context;
	const Config *config = network.slow.config;
	const Batch *batch = &network.test->batch;
	size_t		columns = (size_t) config_output_dim(config);
	double		loss = 0;

	network.slow.block = values;
	for (int32_t w = 0; w < batch->window.rows; w++)
	{
		int64_t		start = window_start(network.test, w);
		const int32_t *feature[CONFIG_MAX_FEATURES];
		double	   *representation = network.representation + (size_t) w * columns;

		int32_t		width = config_input_dim(config);
		static _Thread_local SlowRows token_mask;
		SlowCopies	copies;

		for (int32_t p = 0; p < batch->window.length[w] && network.token_mask != NULL; p++)
			memcpy(token_mask[p], network.token_mask + (size_t) width *
				   (batch->sequence.offset[p] + batch->window_sequence[w]),
				   (size_t) width * sizeof(double));
		for (int32_t f = 0; f < config->features; f++)
			feature[f] = network.dataset->feature[f] + start;
		slow_representation(representation, &network.slow, network.dataset->item + start,
							feature, batch->window.length[w],
							network.mask == NULL ? NULL : network.mask +
							(size_t) w * config_representation_dim(config),
							network.token_mask == NULL ? NULL : token_mask, &copies);
		loss += slow_loss(&network.slow, representation, &copies, batch->target[w]);
	}
	return loss / batch->window.rows;
}

/* The factors that dropout of a share with this stream comes to; NULL: of none. */
static double *
dropout_mask(float share, int32_t rows, int32_t columns, const Rng *stream, uint64_t purpose)
{
	double	   *mask;

	if (share == 0)
		return NULL;
	mask = NEW(double, (size_t) rows * columns);
	for (int32_t r = 0; r < rows; r++)
	{
		Rng			rng = rng_stream(stream->state, purpose, (uint64_t) r);

		for (int32_t c = 0; c < columns; c++)
			mask[(size_t) r * columns + c] = rng_uniform(&rng) < 1 - share ? 1 / (1 - share) : 0;
	}
	return mask;
}

/* Gradient of the mean cross-entropy over the batch: the library's whole chain. */
static void
library_gradient(Params *gradient, float *representation, Network *network,
				 const Params *params, const Config *config, const Batch *batch,
				 const Rng *dropout)
{
	int32_t		windows = batch->window.rows;
	int32_t		columns = config_output_dim(config);
	float	   *d_representation = new_zeros((size_t) windows * columns);
	float	   *maximum = NEW(float, windows);
	float	   *sum = new_zeros((size_t) windows);
	float	   *target_logit = NEW(float, windows);
	SoftmaxPass	pass = {
		.kernels = network->kernels,
		.params = params,
		.representation = representation,
		.transposed = NEW(float, (size_t) columns * softmax_stride(windows)),
		.target = batch->target,
		.windows = windows,
		.columns = columns,
		.logits = NEW(float, (size_t) config->items * softmax_stride(windows))
	};

	network_forward(representation, network, params, batch, dropout);
	softmax_transpose(&pass, 0, windows);
	for (int32_t w = 0; w < windows; w++)
		maximum[w] = -INFINITY;
	softmax_tile_statistics(&pass, 0, config->items, maximum, sum, target_logit);
	for (int32_t w = 0; w < windows; w++)
	{
		maximum[w] += logf(sum[w]);
		sum[w] = 1;				/* of the target's probability */
		if (config->copy)
		{
			Copies		copies = copies_of_window(&network->copying, w);

			sum[w] = copy_loss(&copies, batch->target[w], target_logit[w] - maximum[w]).share;
			copy_loss_gradient(&network->copying, w, batch->target[w], sum[w],
							   1.0f / (float) windows);
			maximum[w] -= logf(sum[w]);
		}
	}
	softmax_tile_gradient(&pass, 0, config->items, maximum, sum, 1.0f / (float) windows, gradient,
						  d_representation);
	network_backward(gradient, d_representation, network, params, batch, dropout);
	embedding_backward(gradient, network->d_input, config, batch,
					   layout_tokens(&batch->sequence), 0, 1);
	free(d_representation);
	free(maximum);
	free(sum);
	free(target_logit);
	free(pass.transposed);
	free(pass.logits);
}

static void
check_network(const char *title, Config config, uint64_t seed)
{
	Rng			rng = test_rng(seed);
	Rng			stream = {seed};
	TestData	data;
	TestBatch	test;
	size_t		count;
	ParamsView	views[PARAMS_MAX_VIEWS];
	int			length = params_views(&config, views, &count);
	Params		params;
	Params		gradient;
	Network		network;
	void	   *memory;
	size_t		represented;
	float	   *representation;
	double	   *exact;
	double	   *mask;
	double	   *token_mask;
	NetworkCase slow;
	size_t		stray = 0;
	size_t		inside = 0;

	if (!ok(config_problem(&config) == NULL, "%s: a configuration that can be built", title))
		return;
	data = data_random(&config, 6, 1, config.max_length + 3, false, &rng);
	/* the first token of a sequence is nobody's target: let some be unknown */
	for (int32_t s = 0; s < data.dataset.sequences; s += 2)
		data.item[data.start[s]] = config.items;
	test = test_batch(&config, &data.dataset, 3, &rng);
	params_bind(&params, &config, NEW(float, count));
	params_bind(&gradient, &config, new_zeros(count));
	params_random(&params, &config, &rng);
	memory = network_new(&network, &config, kernels_best(), &test.capacity, true);
	represented = (size_t) test.batch.window.rows * config_output_dim(&config);
	representation = NEW(float, represented);
	exact = new_doubles(params.block, count);
	mask = dropout_mask(config.dropout, test.batch.window.rows,
						config_representation_dim(&config), &stream, RNG_DROPOUT);
	token_mask = dropout_mask(config.embedding_dropout, layout_tokens(&test.batch.sequence),
							  config_input_dim(&config), &stream, RNG_EMBEDDING_DROPOUT);
	slow = (NetworkCase) {
		{&config, &params, NULL}, &test, &data.dataset, mask, token_mask,
		NEW(double, represented)
	};

	library_gradient(&gradient, representation, &network, &params, &config, &test.batch,
					 &stream);
	network_scalar(exact, &slow);
	ok_close(representation, slow.representation, represented, 5e-6, 1e-3,
			 "%s: representations", title);
	for (int i = 0; i < length; i++)
		check_gradient(gradient.block + views[i].offset, network_scalar, &slow, exact,
					   views[i].offset, views[i].rows * views[i].columns, &rng,
					   "%s: gradient of %s", title, views[i].name);
	for (size_t i = 0; i < count; i++)
	{
		int			view = 0;

		while (view < length - 1 && i >= views[view + 1].offset)
			view++;
		if (i < views[view].offset + views[view].rows * views[view].columns)
			inside++;
		else
			stray += gradient.block[i] != 0;
	}
	ok(stray == 0 && inside > 0, "%s: the padding has no gradient", title);

	/* a network that is not for training gives the same without dropout, but for the order of sums */
	if (config.dropout == 0 && config.embedding_dropout == 0)
	{
		Network		plain;
		void	   *plain_memory = network_new(&plain, &config, kernels_best(),
											   &test.capacity, false);
		float	   *again = NEW(float, represented);
		int			differing = 0;

		network_forward(again, &plain, &params, &test.batch, NULL);
		for (size_t i = 0; i < represented; i++)
			differing += !(fabsf(again[i] - representation[i]) <= 1e-5f * fmaxf(1, fabsf(representation[i])));
		ok(differing == 0,
		   "%s: the same without room for the backward pass", title);
		free(again);
		free(plain_memory);
	}

	free(memory);
	free(params.block);
	free(gradient.block);
	free(representation);
	free(exact);
	free(mask);
	free(token_mask);
	free(slow.representation);
	test_batch_free(&test);
	data_free(&data);
}

static void
check_networks(void)
{
	Config		base = {.items = 19, .item_dim = 6, .feature_dim = 3, .units = 5,
		.layers = 1, .max_length = 5, .feature_values = {4, 7}
	};
	Config		c;

	c = base, c.layers = 2, c.bidirectional = c.attention = true;
	check_network("seed (a)", c, 1);
	c = base, c.units = 50, c.max_length = 3;
	check_network("seed (b)", c, 2);
	c = base, c.features = 1;
	check_network("seed (c)", c, 3);
	c = base, c.features = 1, c.bidirectional = true, c.dropout = 0.5f;
	check_network("seed (d)", c, 4);

	c = base, c.layers = 2;
	check_network("2 layers", c, 5);
	c = base, c.layers = 3, c.features = 2;
	check_network("3 layers, 2 features", c, 6);
	c = base, c.layers = 2, c.bidirectional = true;
	check_network("2 layers in both directions", c, 7);
	c = base, c.layers = 3, c.bidirectional = true, c.dropout = 0.25f;
	check_network("3 layers in both directions, dropout", c, 8);
	c = base, c.attention = true;
	check_network("1 layer, attention", c, 9);
	c = base, c.attention = c.bidirectional = true, c.dropout = 0.3f;
	check_network("1 layer in both directions, attention, dropout", c, 10);
	c = base, c.layers = 2, c.attention = true, c.features = 1;
	check_network("2 layers, attention, 1 feature", c, 11);
	c = base, c.layers = 3, c.attention = c.bidirectional = true;
	check_network("3 layers in both directions, attention", c, 12);
	c = base, c.layers = 4, c.attention = c.bidirectional = c.tied = true, c.units = 3;
	check_network("4 layers in both directions, attention, tied", c, 13);
	c = base, c.tied = true;
	check_network("tied", c, 14);
	c = base, c.tied = c.bidirectional = true, c.features = 2, c.dropout = 0.4f;
	check_network("tied, both directions, 2 features, dropout", c, 15);
	c = base, c.tied = c.attention = true, c.features = 1;
	check_network("tied, 1 layer, attention, 1 feature", c, 16);
	c = base, c.bidirectional = true, c.max_length = 1;
	check_network("both directions, 1 token", c, 17);
	c = base, c.units = 1, c.item_dim = 1, c.items = 3, c.layers = 2, c.attention = true;
	check_network("1 unit", c, 18);

	c = base, c.tied = true, c.scale = 3;
	check_network("scale", c, 19);
	c = base, c.tied = c.residual = true;
	check_network("residual", c, 20);
	c = base, c.embedding_dropout = 0.3f, c.features = 2, c.bidirectional = true;
	check_network("dropout of embeddings", c, 21);
	c = base, c.tied = c.residual = c.bidirectional = true, c.scale = 5, c.features = 1;
	c.embedding_dropout = 0.2f, c.dropout = 0.3f;
	check_network("scale, residual and both dropouts", c, 22);
	c.attention = true;
	check_network("scale, residual, both dropouts and attention", c, 23);
	c.layers = 2;
	check_network("scale, residual, both dropouts, attention and 2 layers", c, 24);

	/* so few items that histories repeat them */
	base.items = 5;
	c = base, c.tied = c.copy = true;
	check_network("copying", c, 25);
	c = base, c.tied = c.copy = c.residual = c.bidirectional = true, c.scale = 4, c.features = 2;
	c.embedding_dropout = 0.2f, c.dropout = 0.3f, c.max_length = 24;
	check_network("copying, scale, residual, both dropouts", c, 26);
	c.attention = true, c.layers = 2;
	check_network("copying, scale, residual, both dropouts, attention and 2 layers", c, 27);
}

int
main(void)
{
	const Kernels *list[3];
	int			sets = kernels_list(list);

	for (int i = 0; i < sets; i++)
	{
		for (int variant = 0; variant < 4; variant++)
		{
			check_lstm(list[i], 5, 3, variant & 1, variant & 2, 6, 100);
			check_lstm(list[i], 50, 7, variant & 1, variant & 2, 3, 101);
		}
		check_lstm(list[i], 16, 8, true, true, 1, 102);
		check_lstm(list[i], 17, 1, false, false, 9, 103);

		check_output(list[i], 2 * SOFTMAX_TILE + 37, 5, 7, 200);
		check_output(list[i], SOFTMAX_TILE, 50, 3, 201);
		check_output(list[i], 5, 3, 4, 202);
		check_output(list[i], SOFTMAX_TILE + 1, 17, 1, 203);
		check_output(list[i], SOFTMAX_TILE - 1, 33, 47, 204);
		check_output(list[i], SOFTMAX_TILE + 8, 64, 64, 205);
	}
	for (int i = 0; i < sets; i++)
	{
		for (Loss loss = LOSS_SAMPLED_SOFTMAX; loss <= LOSS_BPR_MAX; loss++)
		{
			check_sampled(list[i], loss, 30, 20, 5, 7, 250);
			check_sampled(list[i], loss, 4, 37, 17, 6, 251);	/* many are targets */
			check_sampled(list[i], loss, 3, 1, 2, 9, 252);	/* all may be */
			check_sampled(list[i], loss, 1, 5, 3, 2, 253);	/* all are */
		}
	}
	check_attention(5, 6, 1, 300);
	check_attention(50, 4, 1, 301);
	check_attention(3, 1, 1, 302);
	check_attention(16, 12, 4, 303);
	for (int32_t features = 0; features <= 3; features++)
	{
		check_embedding(features, 1, 400);
		check_embedding(features, 3, 401);
		check_embedding(features, 20, 402);
	}
	check_networks();
	return done_testing();
}
