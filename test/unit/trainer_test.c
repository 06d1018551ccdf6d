/*
 * trainer_test.c
 *	  The trainer: that it learns, that its results depend on nothing but their
 *	  inputs, and that it stops when it should.
 *
 * Ranks are processes, as they are in PostgreSQL, each with a Trainer of its own
 * over one block of shared memory.  They cannot be threads: a serial OpenBLAS
 * gives two threads the same buffer.
 */
#include "nn/adam.h"
#include "nn/trainer.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "difference.h"
#include "fixture.h"
#include "slow.h"
#include "tap.h"

#define MAX_RANKS 12
#define TIME_LIMIT 800			/* seconds; a rank that dies leaves the others waiting */
#define MAX_REPORTS 300

/* One training, and what came of it; lies in memory that the ranks share. */
typedef struct Run
{
	/* set by the test */
	Config		config;
	TrainerOptions options;
	const Dataset *dataset;
	int32_t		training_sequences;
	int32_t		ranks;
	bool		apart;			/* each rank maps the block elsewhere */
	const float *initial;		/* NULL: as the trainer has them */
	int64_t		cancel_at;		/* the first question answered no; 0: none */
	/* results */
	NnStatus	status;
	TrainerResult result;
	size_t		count;			/* parameters */
	float	   *params;
	float	   *first;			/* Adam's first moment */
	int32_t    *negatives;		/* of the last minibatch */
	int			reports;
	EpochReport report[MAX_REPORTS];
	int64_t		questions;
	/* while it runs */
	Trainer		trainer[MAX_RANKS];
	NnStatus	statuses[MAX_RANKS];
	pthread_barrier_t barrier;
} Run;

static bool
run_may_go_on(void *context)
{
	Run		   *run = context;
	int64_t		question = __atomic_add_fetch(&run->questions, 1, __ATOMIC_RELAXED);

	/* who has said no goes on saying it */
	return run->cancel_at == 0 || question < run->cancel_at;
}

static void
run_epoch_done(void *context, const EpochReport *report)
{
	Run		   *run = context;

	if (run->reports < MAX_REPORTS)
		run->report[run->reports++] = *report;
}

static void
run_barrier(void *context)
{
	pthread_barrier_wait(&((Run *) context)->barrier);
}

/* Place the block where `memory` is and train as one of the ranks. */
static void
run_rank(Run *run, int32_t rank, void *memory, const TrainerSizes *sizes)
{
	TrainerCalls calls = {
		.context = run,
		.may_go_on = run_may_go_on,
		.epoch_done = run_epoch_done,
		.barrier = run->ranks > 1 ? run_barrier : NULL,
		.barrier_context = run
	};
	Arena		arena = {.base = memory};

	trainer_place(&run->trainer[rank], &arena, &run->config, &run->options, sizes);
	if (rank == 0)
	{
		trainer_start(&run->trainer[0], run->dataset);
		if (run->initial != NULL)
			memcpy(run->trainer[0].params.block, run->initial,
				   run->trainer[0].params.count * sizeof(float));
	}
	/* before that nobody may look */
	if (run->ranks > 1)
		run_barrier(run);
	run->statuses[rank] = trainer_run(&run->trainer[rank], rank, run->ranks, &calls,
									  run->options.epochs);
}

static void *
map_shared(size_t bytes, FILE *file)
{
	void	   *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
							  file == NULL ? MAP_SHARED | MAP_ANONYMOUS : MAP_SHARED,
							  file == NULL ? -1 : fileno(file), 0);

	if (memory == MAP_FAILED)
	{
		puts("Bail out! no shared memory");
		exit(1);
	}
	return memory;
}

/* Train; the results are in *run until run_clear(). */
static void
run_training(Run *run)
{
	TrainerSizes sizes = trainer_sizes(run->dataset, run->training_sequences,
									   &run->config, &run->options);
	Arena		arena = {0};
	size_t		bytes;
	void	   *memory;
	FILE	   *file = NULL;
	pthread_barrierattr_t attributes;

	run->reports = 0;
	run->questions = 0;
	trainer_place(&run->trainer[0], &arena, &run->config, &run->options, &sizes);
	bytes = arena.used;
	if (run->apart)
	{
		file = tmpfile();
		if (file == NULL || ftruncate(fileno(file), (off_t) bytes) != 0)
		{
			puts("Bail out! no temporary file");
			exit(1);
		}
	}
	/* one rank: where a sanitizer sees what is read or written beyond it */
	memory = run->ranks > 1 ? map_shared(bytes, file) : test_alloc(bytes);
	poison(memory, bytes);

	pthread_barrierattr_init(&attributes);
	pthread_barrierattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(&run->barrier, &attributes, (unsigned) run->ranks);
	fflush(NULL);
	for (int32_t r = 1; r < run->ranks; r++)
	{
		if (fork() == 0)
		{
			run_rank(run, r, run->apart ? map_shared(bytes, file) : memory, &sizes);
			_exit(0);
		}
	}
	run_rank(run, 0, memory, &sizes);
	for (int32_t r = 1; r < run->ranks; r++)
		wait(NULL);
	pthread_barrier_destroy(&run->barrier);
	pthread_barrierattr_destroy(&attributes);

	run->status = run->statuses[0];
	if (run->status == NN_OK)
		run->result = trainer_finish(&run->trainer[0]);
	run->count = run->trainer[0].params.count;
	run->params = NEW(float, run->count);
	memcpy(run->params, run->trainer[0].params.block, run->count * sizeof(float));
	run->first = NEW(float, run->count);
	memcpy(run->first, run->trainer[0].first.block, run->count * sizeof(float));
	run->negatives = NEW(int32_t, run->options.negatives);
	if (run->options.loss != LOSS_SOFTMAX)
		memcpy(run->negatives, run->trainer[0].negatives.item,
			   (size_t) run->options.negatives * sizeof(int32_t));
	if (run->ranks > 1)
		munmap(memory, bytes);
	else
		free(memory);
	if (file != NULL)
		fclose(file);
}

/* Forget the results, so that *run may train again. */
static void
run_clear(Run *run)
{
	free(run->params);
	free(run->first);
	free(run->negatives);
}

static void
run_free(Run *run)
{
	run_clear(run);
	munmap(run, sizeof(*run));
}

static Run *
run_new(Config config, const Dataset *dataset, int32_t training_sequences)
{
	Run		   *run = map_shared(sizeof(Run), NULL);

	run->config = config;
	run->dataset = dataset;
	run->training_sequences = training_sequences;
	run->ranks = 1;
	run->options = (TrainerOptions) {
		.epochs = 3, .batch_size = 16, .learning_rate = 0.01f, .clip_norm = 1, .seed = 42,
		.metric = VALIDATION_LOSS
	};
	return run;
}

static bool
same_params(const Run *a, const Run *b)
{
	return a->count == b->count &&
		memcmp(a->params, b->params, a->count * sizeof(float)) == 0;
}

/* Bit for bit, with NAN equal to itself. */
static bool
same_number(double a, double b)
{
	return memcmp(&a, &b, sizeof(a)) == 0 || (isnan(a) && isnan(b));
}

static bool
same_curve(const EpochReport *a, const EpochReport *b, int epochs)
{
	bool		same = true;

	for (int i = 0; i < epochs && same; i++)
		same = same_number(a[i].loss, b[i].loss) &&
			same_number(a[i].validation_loss, b[i].validation_loss) &&
			same_number(a[i].hit_rate, b[i].hit_rate) &&
			same_number(a[i].learning_rate, b[i].learning_rate);
	return same;
}

static bool
same_reports(const Run *a, const Run *b)
{
	return a->reports == b->reports && a->result.epochs == b->result.epochs &&
		a->result.best.epoch == b->result.best.epoch &&
		same_curve(a->report, b->report, a->reports);
}

/* ------------------------------------------------------ the same, slowly */

typedef struct Evaluation
{
	int64_t		windows;
	int64_t		known;			/* windows whose target is in the vocabulary */
	double		loss;			/* mean over these */
	double		hit_rate;		/* over all */
} Evaluation;

/* Sequences first .. last - 1 with these parameters. */
static Evaluation
evaluate_slowly(const Config *config, const float *block, const Dataset *dataset,
				int32_t first, int32_t last)
{
	size_t		count = params_count(config);
	float	   *floats = NEW(float, count);
	double	   *doubles = new_doubles(block, count);
	Params		views;
	SlowNetwork network = {config, &views, doubles};
	Evaluation	result = {0};
	int64_t		hits = 0;

	params_bind(&views, config, floats);
	for (int32_t s = first; s < last; s++)
	{
		for (int64_t t = dataset->start[s] + 1; t < dataset->start[s + 1]; t++)
		{
			int64_t		length = t - dataset->start[s];
			int32_t		target = dataset->item[t];
			const int32_t *feature[CONFIG_MAX_FEATURES];
			double		representation[SLOW_MAX_WIDTH];
			SlowCopies	copies;
			int32_t		above = 0;

			if (length > config->max_length)
				length = config->max_length;
			result.windows++;
			if (target == config->items)
				continue;
			for (int32_t f = 0; f < config->features; f++)
				feature[f] = dataset->feature[f] + t - length;
			slow_representation(representation, &network, dataset->item + t - length,
								feature, (int) length, NULL, NULL, &copies);
			result.loss += slow_loss(&network, representation, &copies, target);
			for (int32_t i = 0; i < config->items; i++)
				above += i != target && slow_probability(&network, representation, &copies, i) >=
					slow_probability(&network, representation, &copies, target);
			for (int p = 0; p < copies.length; p++)
				above += copies.item[p] == config->items && copies.copied[p] >=
					slow_probability(&network, representation, &copies, target);
			hits += above < TRAINER_HIT_RATE_K;
			result.known++;
		}
	}
	result.loss /= (double) result.known;
	result.hit_rate = (double) hits / (double) result.windows;
	free(floats);
	free(doubles);
	return result;
}

/*
 * Where a training sequence has an unknown item put a known one: the trainer
 * is promised that.
 */
static void
know_training_items(TestData *data, const Config *config, int32_t training_sequences)
{
	for (int64_t t = 0; t < data->start[training_sequences]; t++)
		data->item[t] %= config->items;
}

static bool
near(double a, double b, double tolerance)
{
	return fabs(a - b) <= tolerance * (1 + fabs(b));
}

/* --------------------------------------------------------------- the tests */

static const Config small = {.items = 23, .item_dim = 7, .feature_dim = 3, .units = 6,
	.layers = 1, .max_length = 5
};

/* Each item is followed by one certain other. */
static TestData
toy_data(const Config *config, int32_t sequences)
{
	Rng			rng = test_rng(5);
	TestData	data = data_random(config, sequences, 2, 9, false, &rng);

	for (int32_t s = 0; s < sequences; s++)
	{
		for (int64_t t = data.start[s] + 1; t < data.start[s + 1]; t++)
			data.item[t] = (data.item[t - 1] * 7 + 3) % config->items;
	}
	return data;
}

static void
check_learning(const char *title, Config config, Loss loss)
{
	TestData	data = toy_data(&config, 200);
	Run		   *run = run_new(config, &data.dataset, 160);
	Evaluation	slow;

	run->options.epochs = 40;
	run->options.batch_size = 50;
	run->options.learning_rate = 0.02f;
	run->options.loss = loss;
	run->options.negatives = 50;
	run_training(run);
	slow = evaluate_slowly(&config, run->params, &data.dataset, 160, 200);
	ok(run->status == NN_OK && run->result.best.validation_loss < 0.05 &&
	   (loss == LOSS_BPR_MAX || run->report[run->reports - 1].loss < 0.05),
	   "%s: learns which item follows which", title);
	ok(run->result.best.hit_rate == 1, "%s: hit rate", title);
	ok(near(slow.loss, run->result.best.validation_loss, 1e-4),
	   "%s: the parameters are as good as is said", title);
	if (run->result.best.validation_loss >= 0.05)
		diag("loss %g, validation loss %g", run->report[run->reports - 1].loss,
			 run->result.best.validation_loss);
	run_free(run);
	data_free(&data);
}

static void
check_all_learning(void)
{
	Config		c;

	c = small, c.units = 24, c.item_dim = 16;
	check_learning("one layer", c, LOSS_SOFTMAX);
	c.bidirectional = c.attention = true, c.layers = 2;
	check_learning("two layers, attention", c, LOSS_SOFTMAX);
	c = small, c.units = 24, c.item_dim = 16, c.tied = c.bidirectional = true;
	check_learning("tied", c, LOSS_SOFTMAX);
	c = small, c.units = 48, c.item_dim = 32, c.dropout = 0.2f;
	check_learning("dropout", c, LOSS_SOFTMAX);
	c = small, c.units = 24, c.item_dim = 16, c.max_length = 1;
	check_learning("histories of one item", c, LOSS_SOFTMAX);
	c = small, c.units = 24, c.item_dim = 16;
	check_learning("sampled softmax", c, LOSS_SAMPLED_SOFTMAX);
	c.tied = true;
	check_learning("sampled softmax, tied", c, LOSS_SAMPLED_SOFTMAX);
	check_learning("bpr-max", c, LOSS_BPR_MAX);
	c.scale = 12, c.residual = c.bidirectional = true;
	check_learning("scale and residual", c, LOSS_SOFTMAX);
	check_learning("scale and residual, sampled softmax", c, LOSS_SAMPLED_SOFTMAX);
	c.copy = true;
	check_learning("scale, residual and copying", c, LOSS_SOFTMAX);
}

/* Same inputs, same bits, whoever does the work. */
static void
check_determinism(const char *title, Config config, Loss loss, int32_t batch_size)
{
	static const int32_t ranks[] = {1, 2, 3, 4, 9};
	Rng			rng = test_rng(9);
	TestData	data = data_random(&config, 40, 0, 12, true, &rng);
	Run		   *first = run_new(config, &data.dataset, 30);
	Run		   *other = run_new(config, &data.dataset, 30);

	know_training_items(&data, &config, 30);
	first->options.loss = other->options.loss = loss;
	first->options.negatives = other->options.negatives = 40;
	first->options.batch_size = other->options.batch_size = batch_size;
	first->options.item_dropout = other->options.item_dropout = 0.2f;
	run_training(first);
	ok(first->status == NN_OK && first->reports == 3 && first->result.epochs == 3,
	   "%s: trains", title);
	for (size_t i = 0; i < sizeof(ranks) / sizeof(ranks[0]); i++)
	{
		bool		agree = true;

		other->ranks = ranks[i];
		other->apart = ranks[i] == 4;
		run_training(other);
		for (int32_t r = 0; r < ranks[i]; r++)
			agree = agree && other->statuses[r] == NN_OK;
		ok(same_params(first, other), "%s: the same weights with %d ranks", title, ranks[i]);
		ok(agree && same_reports(first, other), "%s: the same reports with %d ranks%s",
		   title, ranks[i], other->apart ? ", each at another address" : "");
		run_clear(other);
	}
	other->ranks = 1;
	other->apart = false;
	other->options.seed++;
	run_training(other);
	ok(!same_params(first, other), "%s: other weights with another seed", title);
	run_free(first);
	run_free(other);
	data_free(&data);
}

static void
check_all_determinism(void)
{
	Config		c;

	c = small, c.items = 700, c.bidirectional = c.attention = true, c.layers = 2;
	check_determinism("items", c, LOSS_SOFTMAX, 16);
	c = small, c.features = 2, c.feature_values[0] = 4, c.feature_values[1] = 9;
	c.bidirectional = true, c.dropout = 0.5f;
	check_determinism("items and features, dropout", c, LOSS_SOFTMAX, 7);
	c = small, c.tied = true, c.layers = 2;
	check_determinism("tied", c, LOSS_SOFTMAX, 33);
	c = small, c.items = 5, c.max_length = 2;
	check_determinism("fewer items than shards", c, LOSS_SOFTMAX, 3);
	c = small, c.items = 1, c.bidirectional = true;
	check_determinism("one item", c, LOSS_SOFTMAX, 1);
	c = small;
	check_determinism("one minibatch", c, LOSS_SOFTMAX, 100000);
	c = small, c.items = 700, c.features = 1, c.feature_values[0] = 30;
	check_determinism("sampled softmax", c, LOSS_SAMPLED_SOFTMAX, 16);
	check_determinism("bpr-max", c, LOSS_BPR_MAX, 16);
	c.tied = c.bidirectional = c.attention = true, c.dropout = 0.3f;
	check_determinism("sampled softmax, tied", c, LOSS_SAMPLED_SOFTMAX, 9);
	check_determinism("bpr-max, tied", c, LOSS_BPR_MAX, 100000);
	c = small, c.items = 700, c.tied = c.residual = c.bidirectional = true, c.scale = 10;
	c.features = 1, c.feature_values[0] = 30, c.embedding_dropout = 0.2f;
	check_determinism("scale and residual", c, LOSS_SOFTMAX, 16);
	check_determinism("scale and residual, sampled softmax", c, LOSS_SAMPLED_SOFTMAX, 16);
	c.items = 5;
	check_determinism("scale, fewer items than shards", c, LOSS_SOFTMAX, 9);
	c.copy = true;
	check_determinism("copying, fewer items than shards", c, LOSS_SOFTMAX, 9);
	c.items = 40;
	check_determinism("copying", c, LOSS_SOFTMAX, 16);
	check_determinism("copying, sampled softmax", c, LOSS_SAMPLED_SOFTMAX, 16);
}

/*
 * With a learning rate of 0 the loss of an epoch must be that of all windows,
 * each counted once, however they are dealt to minibatches.
 */
static void
check_coverage(const char *title, Config config, bool unknown, int32_t training_sequences)
{
	static const int32_t batch_sizes[] = {1, 2, 3, 4, 5, 8, 13, 64, 100000};
	Rng			rng = test_rng(11);
	TestData	data = data_random(&config, 30, 0, 14, unknown, &rng);
	size_t		count = params_count(&config);
	Params		params;
	Evaluation	trained;
	Evaluation	validated;

	know_training_items(&data, &config, training_sequences);
	params_bind(&params, &config, NEW(float, count));
	params_random(&params, &config, &rng);
	trained = evaluate_slowly(&config, params.block, &data.dataset, 0, training_sequences);
	validated = evaluate_slowly(&config, params.block, &data.dataset, training_sequences, 30);
	for (size_t i = 0; i < sizeof(batch_sizes) / sizeof(batch_sizes[0]); i++)
	{
		Run		   *run = run_new(config, &data.dataset, training_sequences);
		const EpochReport *report = &run->report[1];
		bool		right;

		run->options.batch_size = batch_sizes[i];
		run->options.learning_rate = 0;
		run->options.epochs = 2;
		run->initial = params.block;
		run->ranks = 1 + (int32_t) (i % 3);
		run_training(run);
		right = run->status == NN_OK && run->reports == 2 &&
			near(report->loss, trained.loss, 2e-6) &&
			memcmp(run->params, params.block, count * sizeof(float)) == 0;
		if (!ok(right, "%s: minibatches of %d: loss", title, batch_sizes[i]))
			diag("%.8g instead of %.8g", report->loss, trained.loss);
		right = report->validation_windows == validated.known &&
			(validated.known > 0 ? near(report->validation_loss, validated.loss, 2e-6)
			 : isnan(report->validation_loss)) &&
			(validated.windows > 0 ? report->hit_rate == validated.hit_rate
			 : isnan(report->hit_rate));
		if (!ok(right, "%s: minibatches of %d: validation", title, batch_sizes[i]))
			diag("%ld windows, loss %.8g, hit rate %g instead of %ld, %.8g, %g",
				 (long) report->validation_windows, report->validation_loss,
				 report->hit_rate, (long) validated.known, validated.loss,
				 validated.hit_rate);
		run_free(run);
	}
	free(params.block);
	data_free(&data);
}

static void
check_all_coverage(void)
{
	Config		c;

	c = small, c.layers = 2, c.bidirectional = c.attention = true;
	check_coverage("coverage", c, false, 20);
	c = small, c.features = 1, c.feature_values[0] = 6, c.items = 530;
	check_coverage("coverage, unknown items, several tiles", c, true, 20);
	c = small, c.items = 3, c.bidirectional = true;
	check_coverage("coverage, three items, no validation", c, true, 30);
	c = small, c.max_length = 1;
	check_coverage("coverage, histories of one item", c, true, 15);
}

/*
 * Of many validation windows some thousand are judged, the same in every epoch
 * and by any number of ranks, and evenly from all: a quarter at the end whose
 * items are unknown is a quarter of them.
 */
static void
check_large_validation(void)
{
	enum
	{
		TRAINING = 10, ALL = TRAINING + 6000
	};
	Config		config = small;
	Rng			rng = test_rng(13);
	TestData	data = data_random(&config, ALL, 3, 9, false, &rng);
	Run		   *alone = run_new(config, &data.dataset, TRAINING);
	Run		   *team = run_new(config, &data.dataset, TRAINING);
	Evaluation	all;
	int64_t		known;			/* windows of those judged, if they are chosen evenly */

	for (int64_t t = data.start[ALL - 6000 / 4]; t < data.start[ALL]; t++)
		data.item[t] = config.items;
	alone->options.learning_rate = team->options.learning_rate = 0;
	team->ranks = 3;
	run_training(alone);
	run_training(team);
	all = evaluate_slowly(&config, alone->params, &data.dataset, TRAINING, ALL);
	known = TRAINER_JUDGED_WINDOWS * all.known / all.windows;
	ok(all.windows > 2 * TRAINER_JUDGED_WINDOWS &&
	   llabs(alone->report[0].validation_windows - known) < TRAINER_JUDGED_WINDOWS / 50,
	   "large validation: thousands of windows, evenly");
	/* five standard errors */
	ok(fabs(alone->report[0].hit_rate - all.hit_rate) < 0.025,
	   "large validation: near what all windows give");
	ok(same_number(alone->report[0].validation_loss, alone->report[2].validation_loss) &&
	   same_reports(alone, team),
	   "large validation: the same windows in every epoch and on every rank");
	run_free(alone);
	run_free(team);
	data_free(&data);
}

/* One minibatch of all training windows; the values are the parameters. */
typedef struct StepCase
{
	const Run  *run;
	const Params *views;
} StepCase;

/* The logarithm of how often an item is expected among the negatives. */
static double
log_expected_draws(const Run *run, int32_t item)
{
	const Dataset *dataset = run->dataset;
	double		all = 0;
	double		wanted = 0;

	for (int32_t i = 0; i < run->config.items; i++)
	{
		double		count = 1;

		for (int32_t s = 0; s < run->training_sequences; s++)
		{
			for (int64_t t = dataset->start[s] + 1; t < dataset->start[s + 1]; t++)
				count += dataset->item[t] == i;
		}
		all += pow(count, SAMPLER_POWER);
		wanted = i == item ? pow(count, SAMPLER_POWER) : wanted;
	}
	return log(run->options.negatives * wanted / all);
}

static double
step_scalar(const double *values, const void *context)
{
	const StepCase *step = context;
	const Run  *run = step->run;
	const Config *config = &run->config;
	const Dataset *dataset = run->dataset;
	SlowNetwork network = {config, step->views, values};
	double		loss = 0;
	int			windows = 0;

	for (int32_t s = 0; s < run->training_sequences; s++)
	{
		for (int64_t t = dataset->start[s] + 1; t < dataset->start[s + 1]; t++)
		{
			int64_t		length = t - dataset->start[s];
			int32_t		target = dataset->item[t];
			const int32_t *feature[CONFIG_MAX_FEATURES];
			double		representation[SLOW_MAX_WIDTH];
			SlowCopies	copies;
			double		logits[SLOW_MAX_NEGATIVES];
			int			count = 0;

			if (length > config->max_length)
				length = config->max_length;
			for (int32_t f = 0; f < config->features; f++)
				feature[f] = dataset->feature[f] + t - length;
			slow_representation(representation, &network, dataset->item + t - length,
								feature, (int) length, NULL, NULL, &copies);
			windows++;
			if (run->options.loss == LOSS_SOFTMAX)
			{
				loss += slow_loss(&network, representation, &copies, target);
				continue;
			}
			for (int32_t j = 0; j < run->options.negatives; j++)
			{
				int32_t		item = run->negatives[j];

				if (item == target)
					continue;
				logits[count] = slow_logit(&network, representation, item);
				if (run->options.loss == LOSS_SAMPLED_SOFTMAX)
					logits[count] -= log_expected_draws(run, item);
				count++;
			}
			loss += run->options.loss == LOSS_SAMPLED_SOFTMAX
				? slow_sampled_softmax(slow_logit(&network, representation, target),
									   logits, count, &copies, target)
				: slow_bpr_max(slow_logit(&network, representation, target), logits,
							   count, BPR_MAX_REGULARISATION);
		}
	}
	return loss / windows;
}

/*
 * The gradient that the trainer puts together in one step, which Adam's first
 * moment shows, is that of the mean loss.
 */
static void
check_step(const char *title, Config config, Loss loss, int32_t ranks)
{
	Rng			rng = test_rng(37);
	TestData	data = data_random(&config, 9, 2, 6, false, &rng);
	Run		   *run = run_new(config, &data.dataset, 7);
	ParamsView	views[PARAMS_MAX_VIEWS];
	size_t		count;
	int			length = params_views(&config, views, &count);
	Params		params;
	StepCase	step = {run, &params};
	double	   *exact;
	double		mean;

	params_bind(&params, &config, NEW(float, count));
	params_random(&params, &config, &rng);
	run->initial = params.block;
	run->ranks = ranks;
	run->options.loss = loss;
	run->options.negatives = 12;
	run->options.batch_size = 1000;
	run->options.epochs = 1;
	run->options.clip_norm = 0;
	run_training(run);
	exact = new_doubles(params.block, count);
	mean = step_scalar(exact, &step);
	if (!ok(run->status == NN_OK && near(run->report[0].loss, mean, 1e-5),
			"%s: loss of one step", title))
		diag("%.8g instead of %.8g", run->report[0].loss, mean);
	for (size_t i = 0; i < count; i++)
		run->first[i] /= 1 - ADAM_BETA1;
	for (int i = 0; i < length; i++)
		check_gradient(run->first + views[i].offset, step_scalar, &step, exact,
					   views[i].offset, views[i].rows * views[i].columns, &rng,
					   "%s: gradient of %s", title, views[i].name);
	run_free(run);
	free(params.block);
	free(exact);
	data_free(&data);
}

static void
check_all_steps(void)
{
	Config		c = small;

	c.features = 1, c.feature_values[0] = 4, c.bidirectional = true;
	check_step("softmax", c, LOSS_SOFTMAX, 1);
	check_step("sampled softmax", c, LOSS_SAMPLED_SOFTMAX, 1);
	check_step("bpr-max", c, LOSS_BPR_MAX, 1);
	check_step("sampled softmax, three ranks", c, LOSS_SAMPLED_SOFTMAX, 3);
	c = small, c.tied = true;
	check_step("softmax, tied", c, LOSS_SOFTMAX, 2);
	check_step("sampled softmax, tied", c, LOSS_SAMPLED_SOFTMAX, 1);
	check_step("bpr-max, tied, two ranks", c, LOSS_BPR_MAX, 2);
	c.copy = true, c.items = 6;
	check_step("softmax, copying", c, LOSS_SOFTMAX, 2);
	check_step("sampled softmax, copying", c, LOSS_SAMPLED_SOFTMAX, 1);
}

/* A trainer of the run's inputs in a block of its own, started. */
static void *
start_trainer(Trainer *trainer, const Run *run)
{
	TrainerSizes sizes = trainer_sizes(run->dataset, run->training_sequences,
									   &run->config, &run->options);
	Arena		arena = {0};
	void	   *memory;

	trainer_place(trainer, &arena, &run->config, &run->options, &sizes);
	memory = test_alloc(arena.used);
	poison(memory, arena.used);
	arena = (Arena) {.base = memory};
	trainer_place(trainer, &arena, &run->config, &run->options, &sizes);
	trainer_start(trainer, run->dataset);
	return memory;
}

/* Train epoch by epoch, each in another block that is filled from a checkpoint. */
static void
check_checkpoints(const char *title, Config config, Loss loss, int32_t training_sequences)
{
	Rng			rng = test_rng(23);
	TestData	data = data_random(&config, 40, 2, 12, false, &rng);
	Run		   *run = run_new(config, &data.dataset, training_sequences);
	TrainerCalls calls = {.epoch_done = NULL};
	Trainer		trainers[2];	/* which point into themselves */
	Trainer	   *trainer = &trainers[0];
	TrainerResult result;
	void	   *memory;
	bool		resumed = true;

	run->options.epochs = 8;
	run->options.patience = 3;
	run->options.learning_rate = 0.05f;
	run->options.item_dropout = 0.1f;
	run->options.loss = loss;
	run->options.negatives = 20;
	run->ranks = 3;
	run_training(run);
	memory = start_trainer(trainer, run);
	for (int32_t epoch = 1; !trainer_done(trainer); epoch++)
	{
		Trainer    *next = &trainers[epoch % 2];
		void	   *next_memory = start_trainer(next, run);
		TrainerPiece from[TRAINER_MAX_PIECES];
		TrainerPiece to[TRAINER_MAX_PIECES];
		int			pieces = trainer_pieces(trainer, from);

		resumed = resumed && trainer_run(trainer, 0, 1, &calls, 1) == NN_OK &&
			trainer_pieces(next, to) == pieces;
		for (int i = 0; i < pieces; i++)
		{
			resumed = resumed && from[i].bytes == to[i].bytes;
			memcpy(to[i].at, from[i].at, from[i].bytes);
		}
		resumed = resumed && trainer_resume(next) == epoch;
		free(memory);
		memory = next_memory;
		trainer = next;
	}
	result = trainer_finish(trainer);
	ok(resumed, "%s: training goes on from checkpoints", title);
	ok(result.epochs == run->result.epochs && result.best.epoch == run->result.best.epoch,
	   "%s: to the same epoch, %d, of which %d is the best", title, result.epochs,
	   result.best.epoch);
	ok(same_curve(result.curve, run->report, result.epochs), "%s: with all of the curve", title);
	ok(memcmp(trainer->params.block, run->params, run->count * sizeof(float)) == 0 &&
	   memcmp(trainer->first.block, run->first, run->count * sizeof(float)) == 0,
	   "%s: and the same weights as without a break", title);
	free(memory);
	run_free(run);
	data_free(&data);
}

static void
check_all_checkpoints(void)
{
	Config		c = small;

	c.dropout = 0.2f;
	check_checkpoints("softmax", c, LOSS_SOFTMAX, 30);
	check_checkpoints("softmax, no validation", c, LOSS_SOFTMAX, 40);
	c.tied = true, c.features = 1, c.feature_values[0] = 4, c.bidirectional = true;
	check_checkpoints("softmax, tied", c, LOSS_SOFTMAX, 30);
	check_checkpoints("sampled softmax", c, LOSS_SAMPLED_SOFTMAX, 30);
	check_checkpoints("bpr-max", c, LOSS_BPR_MAX, 30);
}

/* A checkpoint of something else is refused. */
static void
check_foreign_checkpoint(void)
{
	Config		config = small;
	Rng			rng = test_rng(29);
	TestData	data = data_random(&config, 20, 2, 8, false, &rng);
	Run		   *run = run_new(config, &data.dataset, 20);
	TrainerCalls calls = {.epoch_done = NULL};
	Trainer		trainer;
	void	   *memory = start_trainer(&trainer, run);

	ok(trainer_run(&trainer, 0, 1, &calls, 3) == NN_OK && trainer_resume(&trainer) == 3,
	   "three epochs are done");
	trainer.options.epochs = 2;
	ok(trainer_resume(&trainer) == -1, "more epochs than there can be are refused");
	free(memory);
	run_free(run);
	data_free(&data);
}

/*
 * The hit rate of weights that are there before training is what validation
 * finds of them, and asking for it changes nothing of the training.
 */
static void
check_hit_rate(const char *title, Loss loss)
{
	Rng			rng = test_rng(31);
	TestData	data = data_random(&small, 40, 2, 12, false, &rng);
	Run		   *run = run_new(small, &data.dataset, 30);
	TrainerCalls calls = {.epoch_done = NULL};
	Trainer		trainer;
	void	   *memory;
	double		before;

	run->options.epochs = 3;
	run->options.loss = loss;
	run->options.negatives = 20;
	run->ranks = 1;
	run_training(run);
	memory = start_trainer(&trainer, run);
	before = trainer_hit_rate(&trainer, &calls);
	ok(before >= 0 && before <= 1, "%s: a hit rate before training", title);
	ok(trainer_run(&trainer, 0, 1, &calls, run->options.epochs) == NN_OK &&
	   trainer_finish(&trainer).epochs == run->result.epochs &&
	   memcmp(trainer.params.block, run->params, run->count * sizeof(float)) == 0,
	   "%s: and the same weights afterwards as without asking", title);
	ok(trainer_hit_rate(&trainer, &calls) == run->result.best.hit_rate,
	   "%s: that of the best weights is what validation found", title);
	free(memory);
	run_free(run);
	data_free(&data);

	data = data_random(&small, 20, 2, 8, false, &rng);
	run = run_new(small, &data.dataset, 20);
	run->options.loss = loss;
	run->options.negatives = 20;
	memory = start_trainer(&trainer, run);
	ok(isnan(trainer_hit_rate(&trainer, &calls)), "%s: without validation there is none", title);
	free(memory);
	run_free(run);
	data_free(&data);
}

/* All history read as unknown: the loss must be that of unknown items. */
static void
check_item_dropout(void)
{
	Config		config = small;
	Rng			rng = test_rng(13);
	TestData	data = data_random(&config, 20, 2, 8, false, &rng);
	Run		   *run = run_new(config, &data.dataset, 20);
	Params		params;
	Evaluation	plain;
	double		half;

	params_bind(&params, &config, NEW(float, params_count(&config)));
	params_random(&params, &config, &rng);
	plain = evaluate_slowly(&config, params.block, &data.dataset, 0, 20);
	run->initial = params.block;
	run->options.learning_rate = 0;
	run->options.epochs = 1;
	run->options.item_dropout = 0.5f;
	run_training(run);
	half = run->report[0].loss;
	run_clear(run);
	run->options.item_dropout = 1;
	run_training(run);
	if (!ok(fabs(half - plain.loss) > 1e-3 && fabs(half - run->report[0].loss) > 1e-3,
			"half of the items are not all and not none"))
		diag("loss %g with none, %g with half, %g with all of them unknown", plain.loss,
			 half, run->report[0].loss);

	/* all rows of the embedding that of the unknown item */
	for (int32_t i = 0; i < config.items; i++)
		memcpy(params.item_embedding + (size_t) i * config.item_dim,
			   params.item_embedding + (size_t) config.items * config.item_dim,
			   (size_t) config.item_dim * sizeof(float));
	plain = evaluate_slowly(&config, params.block, &data.dataset, 0, 20);
	ok(near(run->report[0].loss, plain.loss, 2e-6), "items may all be read as unknown");
	run_free(run);
	free(params.block);
	data_free(&data);
}

/* Random targets: the validation loss soon rises. */
static void
check_early_stopping(int32_t patience, int32_t ranks)
{
	Config		config = small;
	Rng			rng = test_rng(17);
	TestData	data;
	Run		   *run;
	double		best = INFINITY;
	double		rate = 0.02f;
	int32_t		best_epoch = 0;
	int32_t		stalled = 0;
	bool		rates = true;
	bool		marks = true;
	Evaluation	slow;

	config.units = 20;
	data = data_random(&config, 40, 2, 8, false, &rng);
	run = run_new(config, &data.dataset, 25);
	run->options.epochs = 60;
	run->options.patience = patience;
	run->options.learning_rate = 0.02f;
	run->ranks = ranks;
	run_training(run);
	for (int i = 0; i < run->reports; i++)
	{
		const EpochReport *report = &run->report[i];
		bool		better = report->validation_loss < best;

		rates = rates && near(report->learning_rate, rate, 1e-6);
		marks = marks && report->best == better && report->epoch == i + 1;
		if (better)
		{
			best = report->validation_loss;
			best_epoch = report->epoch;
			stalled = 0;
		}
		else if (++stalled % TRAINER_STALLS_TO_HALVE == 0)
			rate /= 2;
	}
	ok(rates, "patience %d: the learning rate halves when the loss stalls", patience);
	ok(marks, "patience %d: the best epochs are told", patience);
	ok(run->status == NN_OK && run->result.epochs == run->reports &&
	   (patience == 0 ? run->reports == 60 : run->reports < 60),
	   "patience %d: %d of 60 epochs", patience, run->reports);
	if (patience == 1)
		ok(run->reports == best_epoch + 1, "patience 1: the first stall ends it");
	ok(run->result.best.epoch == best_epoch && best_epoch < run->reports &&
	   run->result.best.validation_loss == best, "patience %d: the best epoch is the result",
	   patience);
	slow = evaluate_slowly(&config, run->params, &data.dataset, 25, 40);
	ok(near(slow.loss, best, 1e-5) && slow.hit_rate == run->result.best.hit_rate,
	   "patience %d: the best weights are restored", patience);
	run_free(run);
	data_free(&data);
}

static void
check_cancel(void)
{
	Config		config = small;
	Rng			rng = test_rng(19);
	TestData	data = data_random(&config, 12, 2, 8, false, &rng);
	Run		   *run = run_new(config, &data.dataset, 8);
	int64_t		questions;
	int64_t		further = 0;
	int			wrong = 0;

	run->options.epochs = 2;
	run_training(run);
	questions = run->questions;
	ok(run->status == NN_OK && questions > 20, "may go on: asked %d times", (int) questions);
	run_clear(run);
	for (int64_t n = 1; n <= questions; n += n < 60 ? 1 : 13)
	{
		run->cancel_at = n;
		run_training(run);
		wrong += run->status != NN_CANCELLED || run->reports > 1;
		if (run->questions - n > further)
			further = run->questions - n;
		run_clear(run);
	}
	ok(wrong == 0, "cancelled whenever the answer is no");
	/* code deep inside stops and lets its callers ask for themselves */
	if (!ok(further < 30, "and at once"))
		diag("%d questions after a no", (int) further);
	run->cancel_at = questions + 1;
	run_training(run);
	ok(run->status == NN_OK, "not cancelled without a no");
	run_free(run);
	data_free(&data);
}

static void
check_divergence(const char *title, Config config, int32_t ranks, int32_t validation)
{
	Rng			rng = test_rng(23);
	TestData	data = data_random(&config, 30, 2, 8, false, &rng);
	Run		   *run = run_new(config, &data.dataset, 30 - validation);
	bool		all = true;
	bool		finite = true;

	/* the step is no float; with less the loss is large, but a number */
	run->options.learning_rate = 1e38f;
	run->options.epochs = 50;
	run->ranks = ranks;
	run_training(run);
	for (int32_t r = 0; r < ranks; r++)
		all = all && run->statuses[r] == NN_DIVERGED;
	if (!ok(all, "%s: diverges", title))
		diag("status %d after %d epochs; last loss %g", run->status, run->reports,
			 run->reports > 0 ? run->report[run->reports - 1].loss : NAN);
	for (int i = 0; i < run->reports; i++)
		finite = finite && isfinite(run->report[i].loss);
	ok(finite, "%s: no epoch without a finite loss is reported", title);
	run_free(run);
	data_free(&data);
}

static void
check_all_divergence(void)
{
	Config		c = small;

	check_divergence("absurd learning rate", c, 1, 10);
	check_divergence("absurd learning rate, three ranks", c, 3, 10);
	check_divergence("absurd learning rate, no validation", c, 1, 0);
	c.bidirectional = c.attention = true, c.layers = 2;
	check_divergence("absurd learning rate, attention", c, 1, 10);
	c = small, c.tied = true;
	check_divergence("absurd learning rate, tied", c, 2, 10);
}

/* Parameters that are not numbers are found at once, whichever they are. */
static void
check_not_a_number(void)
{
	Config		config = small;
	Rng			rng = test_rng(29);
	TestData	data = data_random(&config, 30, 3, 8, false, &rng);
	ParamsView	views[PARAMS_MAX_VIEWS];
	size_t		count;
	int			length = params_views(&config, views, &count);
	float	   *initial = NEW(float, count);
	Params		params;

	params_bind(&params, &config, initial);
	for (int i = 0; i < length; i++)
	{
		Run		   *run = run_new(config, &data.dataset, 20);

		params_random(&params, &config, &rng);
		initial[views[i].offset] = NAN;
		run->initial = initial;
		run->options.learning_rate = 0;
		run_training(run);
		ok(run->status == NN_DIVERGED && run->reports == 0,
		   "not a number in %s: found in the first epoch", views[i].name);
		run_free(run);
	}
	free(initial);
	data_free(&data);
}

/* A sequence of one token, or of none, has no window: it changes nothing. */
static void
check_short_sequences(void)
{
	Config		config = small;
	const int32_t lengths[] = {4, 7, 2, 9, 3, 5};
	const int32_t mixed_lengths[] = {1, 4, 0, 7, 1, 2, 1, 9, 1, 3, 5, 0, 1};
	const int32_t alone[] = {1, 1, 0, 1};
	TestData	data = data_with_lengths(&config, lengths, 6);
	TestData	mixed = data_with_lengths(&config, mixed_lengths, 13);
	TestData	windowless = data_with_lengths(&config, alone, 4);
	Rng			rng = test_rng(31);
	Run		   *plain = run_new(config, &data.dataset, 4);
	Run		   *with = run_new(config, &mixed.dataset, 9);
	Run		   *without = run_new(config, &windowless.dataset, 3);
	bool		finite = true;

	data_fill_random(&data, &config, false, &rng);
	data_fill_random(&mixed, &config, false, &rng);
	data_fill_random(&windowless, &config, false, &rng);
	for (int32_t s = 0, m = 0; s < 6; s++, m++)
	{
		while (mixed_lengths[m] < 2)
			m++;
		memcpy(mixed.item + mixed.start[m], data.item + data.start[s],
			   (size_t) lengths[s] * sizeof(int32_t));
	}
	run_training(plain);
	run_training(with);
	ok(plain->status == NN_OK && with->status == NN_OK && same_params(plain, with) &&
	   same_reports(plain, with), "sequences of one token and of none change nothing");

	run_training(without);
	for (size_t i = 0; i < without->count; i++)
		finite = finite && isfinite(without->params[i]);
	ok(without->status != NN_CANCELLED && finite,
	   "nothing but sequences of one token: the weights stay as they are");
	run_free(plain);
	run_free(with);
	run_free(without);
	data_free(&data);
	data_free(&mixed);
	data_free(&windowless);
}

/* With a scale, the embeddings of all items have length 1, and there are no biases. */
static void
check_unit_embeddings(const char *title, Loss loss)
{
	Config		config = small;
	Rng			rng = test_rng(29);
	TestData	data;
	Run		   *run;
	Params		params;
	double		worst = 0;
	bool		biased = false;

	config.items = 300, config.tied = config.residual = true, config.scale = 10;
	data = data_random(&config, 40, 2, 9, false, &rng);
	run = run_new(config, &data.dataset, 40);
	run->options.loss = loss;
	run->options.negatives = 20;
	run_training(run);
	params_bind(&params, &config, run->params);
	for (int32_t i = 0; i <= config.items; i++)
	{
		double		square = 0;

		for (int32_t c = 0; c < config.item_dim; c++)
		{
			double		value = params.item_embedding[(size_t) i * config.item_dim + c];

			square += value * value;
		}
		worst = fmax(worst, fabs(square - 1));
		biased = biased || (i < config.items && params.output_bias[i] != 0);
	}
	ok(run->status == NN_OK && worst < 1e-5, "%s: embeddings keep length 1", title);
	ok(!biased, "%s: items have no bias where scores have a scale", title);
	run_free(run);
	data_free(&data);
}

/* The best epoch by each metric, and the learning rate by steps. */
static void
check_metric(const char *title, ValidationMetric metric)
{
	Config		config = small;
	Rng			rng = test_rng(31);
	TestData	data = data_random(&config, 60, 2, 9, false, &rng);
	Run		   *run = run_new(config, &data.dataset, 40);
	double		best = 0;
	int32_t		best_epoch = 0;
	double		rate = 0.02;
	bool		rates = true;

	run->options.metric = metric;
	run->options.epochs = 20;
	run->options.learning_rate = 0.02f;
	run->options.decay = 0.5f;
	run->options.decay_epochs = 3;
	run_training(run);
	for (int i = 0; i < run->reports; i++)
	{
		const EpochReport *report = &run->report[i];
		double		value = metric == VALIDATION_MRR ? report->mrr
			: metric == VALIDATION_HIT_RATE ? report->hit_rate : -report->validation_loss;

		if (i == 0 || value > best)
		{
			best = value;
			best_epoch = i + 1;
		}
		rates = rates && near(report->learning_rate, rate, 1e-6);
		if ((i + 1) % 3 == 0)
			rate *= 0.5;
	}
	ok(run->status == NN_OK && run->reports == 20 && run->result.best.epoch == best_epoch,
	   "%s: it decides which epoch is the best", title);
	ok(rates, "%s: the learning rate falls by steps", title);
	ok(run->result.best.mrr > 0 && run->result.best.mrr <= 1 &&
	   run->result.best.mrr >= run->result.best.hit_rate / TRAINER_HIT_RATE_K,
	   "%s: the mean reciprocal rank goes with the hit rate", title);
	run_free(run);
	data_free(&data);
}

static void
check_sizes(void)
{
	Config		config = small;
	const int32_t lengths[] = {1, 4, 9, 0, 7, 2};
	TestData	data = data_with_lengths(&config, lengths, 6);
	TrainerOptions options = {.batch_size = 3};
	TrainerSizes sizes;
	Trainer		trainer;
	Arena		arena = {0};
	Arena		again = {0};

	data_fill_random(&data, &config, false, &(Rng) {1});
	sizes = trainer_sizes(&data.dataset, 4, &config, &options);
	/* max_length 5: 4 tokens: 1..3; 9 tokens: 1..3, 4..5, and three that slide */
	ok(sizes.sequences == 6 && sizes.training_sequences == 4 && sizes.tokens == 23 &&
	   sizes.training_groups == 1 + 5 && sizes.training_windows == 3 + 8 &&
	   sizes.validation_groups == 3 + 1 && sizes.validation_windows == 6 + 1 &&
	   sizes.longest == 5,
	   "sizes of a dataset");

	trainer_place(&trainer, &arena, &config, &options, &sizes);
	ok(arena.used > 0 && arena.used < 10000000 && arena.used % ARENA_ALIGNMENT == 0,
	   "the block of a small trainer is small");
	again.base = test_alloc(arena.used);
	trainer_place(&trainer, &again, &config, &options, &sizes);
	ok(again.used == arena.used, "the block is as large as was measured");
	free(again.base);

	sizes.tokens = INT64_MAX;
	arena = (Arena) {0};
	trainer_place(&trainer, &arena, &config, &options, &sizes);
	ok(arena.used == SIZE_MAX, "too many tokens cannot be had");
	sizes.tokens = 23;
	sizes.training_groups = INT64_MAX / 4;
	arena = (Arena) {0};
	trainer_place(&trainer, &arena, &config, &options, &sizes);
	ok(arena.used == SIZE_MAX, "too many groups cannot be had");
	data_free(&data);

	/* all arguments as large as they may be: a true sum, not a wrapped one */
	config = (Config) {.items = CONFIG_MAX_VALUES, .item_dim = CONFIG_MAX_DIM,
		.features = 1, .feature_values = {CONFIG_MAX_VALUES},
		.feature_dim = CONFIG_MAX_DIM, .units = CONFIG_MAX_UNITS,
		.layers = CONFIG_MAX_LAYERS, .max_length = CONFIG_MAX_LENGTH,
		.bidirectional = true, .attention = true
	};
	options.batch_size = INT32_MAX;
	sizes = (TrainerSizes) {.sequences = 1, .training_sequences = 1, .tokens = 2,
		.training_groups = 1, .training_windows = 1, .longest = CONFIG_MAX_LENGTH
	};
	arena = (Arena) {0};
	trainer_place(&trainer, &arena, &config, &options, &sizes);
	ok(arena.used > 5 * (size_t) CONFIG_MAX_VALUES * CONFIG_MAX_DIM * sizeof(float),
	   "the largest network has a size");
}

int
main(void)
{
	alarm(TIME_LIMIT);
	check_sizes();
	check_all_coverage();
	check_large_validation();
	check_all_steps();
	check_item_dropout();
	check_all_learning();
	check_all_determinism();
	check_early_stopping(0, 1);
	check_early_stopping(1, 2);
	check_early_stopping(5, 1);
	check_cancel();
	check_all_checkpoints();
	check_foreign_checkpoint();
	check_unit_embeddings("softmax", LOSS_SOFTMAX);
	check_unit_embeddings("sampled softmax", LOSS_SAMPLED_SOFTMAX);
	check_metric("mrr", VALIDATION_MRR);
	check_metric("hit rate", VALIDATION_HIT_RATE);
	check_metric("loss", VALIDATION_LOSS);
	check_hit_rate("softmax", LOSS_SOFTMAX);
	check_hit_rate("sampled softmax", LOSS_SAMPLED_SOFTMAX);
	check_all_divergence();
	check_not_a_number();
	check_short_sequences();
	return done_testing();
}
