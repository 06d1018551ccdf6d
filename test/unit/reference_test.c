/*
 * reference_test.c
 *	  The network and its trainer against PyTorch: representations, loss, every
 *	  gradient, and ten steps of training.
 *
 * vectors/make_vectors.py has made the files and says what is in them.  They
 * are looked for in the directory $NN_VECTORS_DIR.
 */
#include "nn/embedding.h"
#include "nn/softmax.h"
#include "nn/trainer.h"

#include "fixture.h"
#include "tap.h"

#define VECTORS_DIR "test/unit/vectors"
#define MAX_ARRAYS 128

typedef struct Array
{
	char		name[48];
	size_t		count;
	double	   *values;
	float	   *floats;			/* the same */
} Array;

typedef struct Vectors
{
	int			length;
	Array		array[MAX_ARRAYS];
} Vectors;

static void __attribute__((noreturn))
give_up(const char *path, const char *what)
{
	printf("Bail out! %s: %s\n", path, what);
	exit(1);
}

static float
read_float(FILE *file, const char *path)
{
	unsigned char bytes[4];
	uint32_t	bits;
	float		value;

	if (fread(bytes, 1, 4, file) != 4)
		give_up(path, "ends early");
	bits = (uint32_t) bytes[0] | (uint32_t) bytes[1] << 8 |
		(uint32_t) bytes[2] << 16 | (uint32_t) bytes[3] << 24;
	memcpy(&value, &bits, sizeof(value));
	return value;
}

static void
vectors_read(Vectors *vectors, const char *name)
{
	const char *directory = getenv("NN_VECTORS_DIR");
	char		path[4096];
	char		line[200];
	FILE	   *file;

	snprintf(path, sizeof(path), "%s/%s.bin", directory != NULL ? directory : VECTORS_DIR,
			 name);
	file = fopen(path, "rb");
	if (file == NULL)
		give_up(path, "cannot be opened; NN_VECTORS_DIR says where the files are");
	if (fgets(line, sizeof(line), file) == NULL ||
		strcmp(line, "recseq-vectors 1\n") != 0)
		give_up(path, "is no file of vectors");
	vectors->length = 0;
	while (fgets(line, sizeof(line), file) != NULL && line[0] != '\n')
	{
		Array	   *array = &vectors->array[vectors->length++];

		if (vectors->length > MAX_ARRAYS ||
			sscanf(line, "%47s %zu", array->name, &array->count) != 2)
			give_up(path, "has a header that cannot be read");
	}
	for (int i = 0; i < vectors->length; i++)
	{
		Array	   *array = &vectors->array[i];

		array->values = NEW(double, array->count);
		array->floats = NEW(float, array->count);
		for (size_t j = 0; j < array->count; j++)
			array->values[j] = array->floats[j] = read_float(file, path);
	}
	if (fgetc(file) != EOF)
		give_up(path, "is too long");
	fclose(file);
}

static void
vectors_free(Vectors *vectors)
{
	for (int i = 0; i < vectors->length; i++)
	{
		free(vectors->array[i].values);
		free(vectors->array[i].floats);
	}
}

/* The array of that name, of count values (0: any number). */
static const Array *__attribute__((format(printf, 3, 4)))
vectors_get(const Vectors *vectors, size_t count, const char *format, ...)
{
	char		name[96];
	va_list		args;

	va_start(args, format);
	vsnprintf(name, sizeof(name), format, args);
	va_end(args);
	for (int i = 0; i < vectors->length; i++)
	{
		const Array *array = &vectors->array[i];

		if (strcmp(array->name, name) == 0)
		{
			if (count != 0 && array->count != count)
				give_up(name, "has another size than in the library");
			return array;
		}
	}
	give_up(name, "is missing");
}

static Config
read_config(const Vectors *vectors)
{
	const double *v = vectors_get(vectors, 12, "config")->values;
	const Array *values = vectors_get(vectors, 0, "feature_values");
	Config		config = {
		.items = (int32_t) v[0],
		.item_dim = (int32_t) v[1],
		.feature_dim = (int32_t) v[2],
		.units = (int32_t) v[3],
		.layers = (int32_t) v[4],
		.max_length = (int32_t) v[5],
		.bidirectional = v[6] != 0,
		.attention = v[7] != 0,
		.tied = v[8] != 0,
		.scale = (float) v[9],
		.residual = v[10] != 0,
		.copy = v[11] != 0,
		.features = (int32_t) values->count
	};

	for (int32_t f = 0; f < config.features; f++)
		config.feature_values[f] = (int32_t) values->values[f];
	return config;
}

static TestData
read_data(const Vectors *vectors, const Config *config)
{
	const Array *lengths = vectors_get(vectors, 0, "sequence_lengths");
	int32_t    *whole = NEW(int32_t, lengths->count);
	TestData	data;
	const Array *items;
	size_t		tokens;

	for (size_t s = 0; s < lengths->count; s++)
		whole[s] = (int32_t) lengths->values[s];
	data = data_with_lengths(config, whole, (int32_t) lengths->count);
	free(whole);
	tokens = (size_t) data.start[lengths->count];
	items = vectors_get(vectors, tokens, "item");
	for (size_t t = 0; t < tokens; t++)
		data.item[t] = (int32_t) items->values[t];
	for (int32_t f = 0; f < config->features; f++)
	{
		const Array *values = vectors_get(vectors, tokens, "feature%d", f);

		for (size_t t = 0; t < tokens; t++)
			data.feature[f][t] = (int32_t) values->values[t];
	}
	return data;
}

static void
read_parameters(Params *params, const Config *config, const Vectors *vectors)
{
	ParamsView	views[PARAMS_MAX_VIEWS];
	size_t		count;
	int			length = params_views(config, views, &count);

	memset(params->block, 0, count * sizeof(float));
	for (int i = 0; i < length; i++)
	{
		size_t		size = views[i].rows * views[i].columns;

		memcpy(params->block + views[i].offset,
			   vectors_get(vectors, size, "initial.%s", views[i].name)->floats,
			   size * sizeof(float));
	}
}

/* The windows of the file are in the order of their targets' tokens. */
static int32_t *
window_order(const Dataset *dataset)
{
	int32_t    *order = NEW(int32_t, dataset->start[dataset->sequences]);
	int32_t		windows = 0;

	for (int32_t s = 0; s < dataset->sequences; s++)
	{
		for (int64_t t = dataset->start[s] + 1; t < dataset->start[s + 1]; t++)
			order[t] = windows++;
	}
	return order;
}

/* Representations, loss and gradients of one batch that holds all windows. */
static void
check_batch(const char *title, const Kernels *kernels, const Config *config,
			const TestData *data, const Vectors *vectors)
{
	Rng			rng = test_rng(1);
	TestBatch	test = test_batch(config, &data->dataset, 3, &rng);
	const Batch *batch = &test.batch;
	int32_t		windows = batch->window.rows;
	size_t		columns = (size_t) config_output_dim(config);
	const Array *want = vectors_get(vectors, columns * windows, "representation");
	int32_t    *order = window_order(&data->dataset);
	Params		params;
	Params		gradient;
	Network		network;
	void	   *memory = network_new(&network, config, kernels, &test.capacity, true);
	float	   *representation = NEW(float, windows * columns);
	float	   *ordered = NEW(float, windows * columns);
	float	   *d_representation = new_zeros(windows * columns);
	float	   *normaliser = NEW(float, windows);
	float	   *sum = new_zeros((size_t) windows);
	float	   *share = NEW(float, windows);
	float	   *target_logit = NEW(float, windows);
	SoftmaxPass	pass = {
		.kernels = kernels,
		.params = &params,
		.representation = representation,
		.transposed = NEW(float, columns * softmax_stride(windows)),
		.target = batch->target,
		.windows = windows,
		.columns = (int32_t) columns,
		.logits = NEW(float, (size_t) config->items * softmax_stride(windows))
	};
	ParamsView	views[PARAMS_MAX_VIEWS];
	size_t		count;
	int			length = params_views(config, views, &count);
	float		loss = 0;

	params_bind(&params, config, NEW(float, count));
	params_bind(&gradient, config, new_zeros(count));
	read_parameters(&params, config, vectors);
	network_forward(representation, &network, &params, batch, NULL);
	for (int32_t w = 0; w < windows; w++)
	{
		int64_t		target = window_start(&test, w) + batch->window.length[w];

		memcpy(ordered + order[target] * columns, representation + w * columns,
			   columns * sizeof(float));
		normaliser[w] = -INFINITY;
	}
	ok_close(ordered, want->values, want->count, 2e-6, 0, "%s, %s: representations",
			 title, kernels->name);

	softmax_transpose(&pass, 0, windows);
	softmax_tile_statistics(&pass, 0, config->items, normaliser, sum, target_logit);
	for (int32_t w = 0; w < windows; w++)
	{
		CopyLoss	one = {0, 1};

		normaliser[w] += logf(sum[w]);
		one.loss = normaliser[w] - target_logit[w];
		if (config->copy)
		{
			Copies		copies = copies_of_window(&network.copying, w);

			one = copy_loss(&copies, batch->target[w], -one.loss);
			copy_loss_gradient(&network.copying, w, batch->target[w], one.share,
							   1.0f / (float) windows);
		}
		normaliser[w] -= logf(one.share);
		share[w] = one.share;
		loss += one.loss / (float) windows;
	}
	ok_close(&loss, vectors_get(vectors, 0, "losses")->values, 1, 1e-6, 0,
			 "%s, %s: loss", title, kernels->name);

	softmax_tile_gradient(&pass, 0, config->items, normaliser, share, 1.0f / (float) windows,
						  &gradient, d_representation);
	network_backward(&gradient, d_representation, &network, &params, batch, NULL);
	embedding_backward(&gradient, network.d_input, config, batch,
					   layout_tokens(&batch->sequence), 0, 1);
	for (int i = 0; i < length; i++)
	{
		size_t		size = views[i].rows * views[i].columns;

		ok_close(gradient.block + views[i].offset,
				 vectors_get(vectors, size, "gradient.%s", views[i].name)->values, size,
				 1e-5, 0, "%s, %s: gradient of %s", title, kernels->name, views[i].name);
	}

	free(memory);
	free(order);
	free(params.block);
	free(gradient.block);
	free(representation);
	free(ordered);
	free(d_representation);
	free(normaliser);
	free(sum);
	free(share);
	free(target_logit);
	free(pass.transposed);
	free(pass.logits);
	test_batch_free(&test);
}

/* Losses of the epochs as they are reported. */
typedef struct Losses
{
	int			count;
	float		loss[100];
} Losses;

static void
note_loss(void *context, const EpochReport *report)
{
	Losses	   *losses = context;

	if (losses->count < 100)
		losses->loss[losses->count++] = (float) report->loss;
}

/* The trainer itself: an epoch is one minibatch, so ten epochs are ten steps. */
static void
check_training(const char *title, const Config *config, const TestData *data,
			   const Vectors *vectors)
{
	const double *training = vectors_get(vectors, 3, "training")->values;
	const Array *want = vectors_get(vectors, (size_t) training[0], "losses");
	TrainerOptions options = {
		.epochs = (int32_t) training[0],
		.batch_size = 1000,
		.learning_rate = (float) training[1],
		.clip_norm = (float) training[2],
		.seed = 1
	};
	TrainerSizes sizes = trainer_sizes(&data->dataset, data->dataset.sequences, config,
									   &options);
	ParamsView	views[PARAMS_MAX_VIEWS];
	size_t		count;
	int			length = params_views(config, views, &count);
	Trainer		trainer;
	Arena		arena = {0};
	Losses		losses = {0};
	TrainerCalls calls = {.context = &losses, .epoch_done = note_loss};

	trainer_place(&trainer, &arena, config, &options, &sizes);
	arena.base = test_alloc(arena.used);
	arena.used = 0;
	trainer_place(&trainer, &arena, config, &options, &sizes);
	trainer_start(&trainer, &data->dataset);
	read_parameters(&trainer.params, config, vectors);
	ok(trainer_run(&trainer, 0, 1, &calls, options.epochs) == NN_OK &&
	   losses.count == (int) want->count, "%s: ten steps", title);
	ok_close(losses.loss, want->values, want->count, 2e-6, 0,
			 "%s: losses of ten steps", title);
	for (int i = 0; i < length; i++)
	{
		size_t		size = views[i].rows * views[i].columns;

		/*
		 * Two thousandths of the distance that ten steps can cover: where a
		 * gradient is near 0, Adam makes much of its rounding.
		 */
		ok_close(trainer.params.block + views[i].offset,
				 vectors_get(vectors, size, "final.%s", views[i].name)->values, size,
				 0.002 * training[0] * training[1], 1,
				 "%s: %s after ten steps", title, views[i].name);
	}
	free(arena.base);
}

int
main(void)
{
	static const char *const names[] = {
		"seed_a", "seed_b", "seed_c", "seed_d", "tied", "attention", "cosine", "copy"
	};
	const Kernels *list[3];
	int			sets = kernels_list(list);

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
	{
		static Vectors vectors;
		Config		config;
		TestData	data;

		vectors_read(&vectors, names[i]);
		config = read_config(&vectors);
		data = read_data(&vectors, &config);
		for (int set = 0; set < sets; set++)
			check_batch(names[i], list[set], &config, &data, &vectors);
		check_training(names[i], &config, &data, &vectors);
		data_free(&data);
		vectors_free(&vectors);
	}
	return done_testing();
}
