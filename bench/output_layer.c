/*
 * output_layer.c
 *	  Share of the sgemm peak in the output layer.
 *
 * Prints, for each instruction set that runs here and each number of windows
 * and items, what softmax_tile_statistics and softmax_tile_gradient reach over all items,
 * counting the three products that a softmax layer needs (scores, gradient of
 * the weights, gradient of the representation); recomputing the scores earns
 * nothing.  Beside it the peak of cblas_sgemm over some large square sizes,
 * taken in turns with it.
 *
 * usage: output_layer repeats
 */
#include <cblas.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "nn/kernels.h"
#include "nn/softmax.h"
#include "nn/params.h"

#define COLUMNS 64
#define SECONDS 0.1				/* at least, of each measurement */

static double
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double) time.tv_sec + 1e-9 * (double) time.tv_nsec;
}

/* Values that no kernel can take a short cut with. */
static float *
random_floats(size_t count, float scale)
{
	float	   *values = aligned_alloc(64, (count * sizeof(float) + 63) / 64 * 64);

	if (values == NULL)
		exit(1);
	for (size_t i = 0; i < count; i++)
		values[i] = scale * ((float) rand() / (float) RAND_MAX - 0.5f);
	return values;
}

static double
sgemm_gflops(int size)
{
	static float *a,
			   *b,
			   *c;
	double		start,
				seconds;
	int			runs = 0;

	if (a == NULL)
	{
		a = random_floats(2048 * 2048, 1);
		b = random_floats(2048 * 2048, 1);
		c = random_floats(2048 * 2048, 1);
	}
	start = now();
	do
	{
		cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, size, size, size,
					1.0f, a, size, b, size, 0.0f, c, size);
		runs++;
		seconds = now() - start;
	} while (seconds < SECONDS);
	return 2.0 * size * size * size * runs / seconds / 1e9;
}

static double
peak_gflops(void)
{
	double		peak = 0;

	for (int size = 512; size <= 2048; size *= 2)
		peak = fmax(peak, sgemm_gflops(size));
	return peak;
}

/* One output layer and its scratch. */
typedef struct Layer
{
	int32_t		items;
	SoftmaxPass	pass;
	Params		params;
	Params		gradient;
	float	   *maximum;
	float	   *sum;
	float	   *target_logit;
	float	   *log_normaliser;
	float	   *d_representation;
} Layer;

static void
layer_make(Layer *layer, const Kernels *kernels, int32_t windows, int32_t items)
{
	int32_t    *target = malloc((size_t) windows * sizeof(int32_t));

	if (target == NULL)
		exit(1);
	for (int32_t w = 0; w < windows; w++)
		target[w] = rand() % items;
	memset(layer, 0, sizeof(*layer));
	layer->items = items;
	layer->params.output_weight = random_floats((size_t) items * COLUMNS, 0.2f);
	layer->params.output_bias = random_floats((size_t) items, 0.2f);
	layer->gradient.output_weight = random_floats((size_t) items * COLUMNS, 1);
	layer->gradient.output_bias = random_floats((size_t) items, 1);
	layer->maximum = random_floats((size_t) windows, 1);
	layer->sum = random_floats((size_t) windows, 1);
	layer->target_logit = random_floats((size_t) windows, 1);
	layer->log_normaliser = random_floats((size_t) windows, 1);
	layer->d_representation = random_floats((size_t) windows * COLUMNS, 1);
	layer->pass = (SoftmaxPass) {
		.kernels = kernels,
		.params = &layer->params,
		.representation = random_floats((size_t) windows * COLUMNS, 2),
		.transposed = random_floats(COLUMNS * softmax_stride(windows), 1),
		.target = target,
		.windows = windows,
		.columns = COLUMNS,
		.logits = random_floats(SOFTMAX_TILE * softmax_stride(windows), 1)
	};
}

static void
layer_free(Layer *layer)
{
	free(layer->params.output_weight);
	free(layer->params.output_bias);
	free(layer->gradient.output_weight);
	free(layer->gradient.output_bias);
	free(layer->maximum);
	free(layer->sum);
	free(layer->target_logit);
	free(layer->log_normaliser);
	free(layer->d_representation);
	free((void *) layer->pass.representation);
	free((void *) layer->pass.target);
	free(layer->pass.transposed);
	free(layer->pass.logits);
}

static int32_t
last_of_tile(const Layer *layer, int32_t first)
{
	return first + SOFTMAX_TILE < layer->items ? first + SOFTMAX_TILE : layer->items;
}

/* What the trainer does with a minibatch: both sweeps over all items. */
static void
layer_run(Layer *layer)
{
	int32_t		windows = layer->pass.windows;

	softmax_transpose(&layer->pass, 0, windows);
	for (int32_t w = 0; w < windows; w++)
	{
		layer->maximum[w] = -INFINITY;
		layer->sum[w] = 0;
	}
	for (int32_t first = 0; first < layer->items; first += SOFTMAX_TILE)
	{
		int32_t		last = last_of_tile(layer, first);

		softmax_tile_statistics(&layer->pass, first, last, layer->maximum, layer->sum,
						  layer->target_logit);
	}
	for (int32_t w = 0; w < windows; w++)
		layer->log_normaliser[w] = layer->maximum[w] + logf(layer->sum[w]);
	memset(layer->d_representation, 0, (size_t) windows * COLUMNS * sizeof(float));
	for (int32_t first = 0; first < layer->items; first += SOFTMAX_TILE)
	{
		int32_t		last = last_of_tile(layer, first);

		softmax_tile_gradient(&layer->pass, first, last, layer->log_normaliser, NULL,
						1.0f / (float) windows, &layer->gradient,
						layer->d_representation);
	}
}

static double
layer_gflops(Layer *layer)
{
	double		start,
				seconds;
	int			runs = 0;

	layer_run(layer);
	start = now();
	do
	{
		layer_run(layer);
		runs++;
		seconds = now() - start;
	} while (seconds < SECONDS);
	return 3 * 2.0 * layer->pass.windows * layer->items * COLUMNS * runs / seconds / 1e9;
}

int
main(int argc, char **argv)
{
	static const int32_t windows[] = {64, 256};
	int			repeats = argc > 1 ? atoi(argv[1]) : 5;
	const Kernels *list[3];
	int			kernels = kernels_list(list);

	for (int k = 0; k < kernels; k++)
	{
		for (size_t w = 0; w < sizeof(windows) / sizeof(windows[0]); w++)
		{
			Layer		layer;

			layer_make(&layer, list[k], windows[w], 16435);
			for (int repeat = 0; repeat < repeats; repeat++)
				printf("%s %d %d %.2f %.2f\n", list[k]->name, windows[w], layer.items,
					   layer_gflops(&layer), peak_gflops());
			layer_free(&layer);
		}
	}
	return 0;
}
