/*
 * second_stage.c
 *	  The second stage alone, for bench/ranking.py: what its ranker learns from,
 *	  written to files for its peers, how long it takes to fit, and how good it is
 *	  on sequences that it has not seen.
 *
 *	  second_stage EVENTS [EXAMPLES]
 *
 * EVENTS has a line an event, "sequence item category bought hours" with numbers
 * from 0, in the order of the sequences' ends.  EXAMPLES.train and EXAMPLES.test
 * get a record a list of candidates: int32 rows, int32 target, rows x
 * RANK_FEATURES floats, as the ranker reads them that knows kinds and times.  A line
 * a part is written to standard output, with seconds of processor time.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "model/model.h"
#include "model/rank_fit.h"
#include "rank/rank.h"
#include "rank/ranker_train.h"

#define HELD_OUT_SHARE 0.1		/* of the sequences, the newest */
#define FEATURE_MEMORY ((size_t) 1 << 31)
#define EPOCHS 5				/* as of a training */
#define SEED 42
#define K 10					/* of NDCG */

/* The examples of a fit, as a RankerSource reads them. */
typedef struct Examples
{
	RankFitData data;
	CandidateWork *work;
	Candidate	candidate[CANDIDATES_MAX];
	FILE	   *file[2];		/* of those that are not held out, and of those that are; or NULL */
	bool	   *written;		/* [examples] some are read twice, for the statistics */
	double		seconds;		/* that writing took */
} Examples;

static void *
allocate(void *context, size_t bytes)
{
	void	   *memory;

	(void) context;
	if (posix_memalign(&memory, ARENA_ALIGNMENT, bytes > 0 ? bytes : 1) != 0)
	{
		fputs("out of memory\n", stderr);
		exit(1);
	}
	return memory;
}

static const Allocator from_heap = {allocate, NULL};

/* Seconds of processor time. */
static double
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (double) time.tv_sec + 1e-9 * (double) time.tv_nsec;
}

/* ---------------------------------------------------------------- events */

/* Events as they are read. */
typedef struct Events
{
	int64_t		tokens;
	int32_t		sequences;
	int32_t		items;
	int32_t		categories;
	int64_t    *start;
	int32_t    *item;
	int32_t    *category;
	int32_t    *item_category;
	bool	   *bought;
	double	   *hours;
} Events;

static int64_t
count_lines(FILE *file)
{
	int64_t		lines = 0;
	int			c;

	while ((c = getc(file)) != EOF)
		lines += c == '\n';
	rewind(file);
	return lines;
}

static Events
read_events(const char *path)
{
	FILE	   *file = fopen(path, "r");
	Events		events = {0};
	int64_t		lines;
	int32_t		sequence;
	int			bought;

	if (file == NULL)
	{
		perror(path);
		exit(1);
	}
	lines = count_lines(file);
	events.start = ALLOCATE(&from_heap, int64_t, lines + 1);
	events.item = ALLOCATE(&from_heap, int32_t, lines);
	events.category = ALLOCATE(&from_heap, int32_t, lines);
	events.bought = ALLOCATE(&from_heap, bool, lines);
	events.hours = ALLOCATE(&from_heap, double, lines);
	for (int64_t t = 0; t < lines; t++)
	{
		if (fscanf(file, "%d %d %d %d %lf", &sequence, &events.item[t], &events.category[t],
				   &bought, &events.hours[t]) != 5)
		{
			fprintf(stderr, "%s: line %lld is no event\n", path, (long long) t + 1);
			exit(1);
		}
		events.bought[t] = bought != 0;
		if (sequence >= events.sequences)
			events.start[events.sequences++] = t;
		events.items = events.item[t] >= events.items ? events.item[t] + 1 : events.items;
		events.categories = events.category[t] >= events.categories
			? events.category[t] + 1 : events.categories;
	}
	fclose(file);
	events.tokens = lines;
	events.start[events.sequences] = lines;
	events.item_category = ALLOCATE(&from_heap, int32_t, events.items);
	for (int64_t t = 0; t < lines; t++)
		events.item_category[events.item[t]] = events.category[t];
	return events;
}

/* ---------------------------------------------------------------- examples */

/* The smallest network that there is: it is not asked. */
static Model
smallest_network(const Events *events)
{
	Model		model = {.config = {
		.items = events->items, .features = 1, .feature_values = {events->categories}, .units = 1,
		.layers = 1, .item_dim = 1, .feature_dim = 1, .tied = true, .max_length = 1
	}};
	size_t		floats = params_count(&model.config);
	float	   *block = ALLOCATE(&from_heap, float, floats);
	Arena		arena = {0};

	memset(block, 0, floats * sizeof(float));
	params_bind(&model.params, &model.config, block);
	coded_weights_place(&model.index, &arena, events->items, config_output_dim(&model.config));
	arena = (Arena) {allocate(NULL, arena.used), 0};
	coded_weights_place(&model.index, &arena, events->items, config_output_dim(&model.config));
	coded_weights_build(&model.index, model.params.output_weight,
						config_output_dim(&model.config));
	return model;
}

static void
write_list(Examples *examples, int32_t index, const RankerInput *input)
{
	FILE	   *file = examples->file[examples->data.held_out[index]];
	double		began = now();

	if (file == NULL || input->target < 0 || examples->written[index])
		return;
	examples->written[index] = true;
	fwrite(&input->rows, sizeof(input->rows), 1, file);
	fwrite(&input->target, sizeof(input->target), 1, file);
	fwrite(input->features, sizeof(float) * RANK_FEATURES, (size_t) input->rows, file);
	examples->seconds += now() - began;
}

/* The place of what came next among the candidates that were chosen, described. */
static void
describe(Examples *examples, int32_t next, RankerInput *input)
{
	input->rows = 0;
	input->target = -1;
	if (!candidates_have(examples->work, next))
		return;
	input->rows = candidates_describe(examples->work, NULL, examples->candidate,
									  input->features);
	for (int32_t c = 0; c < input->rows; c++)
	{
		if (examples->candidate[c].item == next)
			input->target = c;
	}
}

/* RankerExample */
static void
read_example(void *context, int32_t index, RankerInput *input)
{
	Examples   *examples = context;
	const RankFitData *data = &examples->data;
	const RankExample *example = &data->example[index];
	int64_t		start = data->start[example->sequence];
	int32_t		next = data->item[start + example->position];
	RankHistory history = {
		.length = example->position,
		.item = data->item + start,
		.category = data->feature[0] + start,
		.bought = data->bought + start,
		.hours = data->hours + start,
		.own_sequence = example->counts == RANK_FIT_ALL_COUNTS ? example->sequence : -1
	};
	RankHistory plain = history;

	plain.bought = NULL;
	plain.hours = NULL;
	candidates_choose(examples->work, &data->counts[example->counts], &history, NULL);
	describe(examples, next, &input[RANKER_FULL]);
	write_list(examples, index, &input[RANKER_FULL]);
	candidates_choose_again(examples->work, &plain, NULL);
	describe(examples, next, &input[RANKER_PLAIN]);
}

/* ---------------------------------------------------------------- what comes out */

/* How good a ranker is on the lists that have their target. */
static void
measure(Examples *examples, const Ranker *ranker, int which)
{
	RankerInput input[RANKERS];
	float	   *scratch = ALLOCATE(&from_heap, float, RANKER_SCRATCH);
	float		score[CANDIDATES_MAX];
	int32_t		lists = 0;
	int64_t		candidates = 0;
	int32_t		hits = 0;
	double		ndcg = 0;
	double		loss = 0;
	double		seconds = 0;

	for (int r = 0; r < RANKERS; r++)
		input[r].features = ALLOCATE(&from_heap, float, CANDIDATES_MAX * RANK_FEATURES);
	for (int32_t e = 0; e < examples->data.sizes.examples; e++)
	{
		int32_t		target;
		int32_t		place = 0;
		double		began;

		if (!examples->data.held_out[e])
			continue;
		read_example(examples, e, input);
		target = input[which].target;
		if (target < 0)
			continue;
		began = now();
		ranker_scores(ranker, input[which].features, input[which].rows, scratch, score);
		seconds += now() - began;
		candidates += input[which].rows;
		lists++;
		for (int32_t r = 0; r < input[which].rows; r++)
			place += r != target && score[r] >= score[target];
		hits += place < RANK_HIT_RATE_K;
		ndcg += place < K ? 1 / log2(place + 2) : 0;
		ranker_softmax(score, input[which].rows);
		loss -= log(score[target]);
	}
	printf("%s: lists %d candidates %lld ndcg %.5f hit_rate %.5f loss %.5f score_seconds %.4f\n",
		   which == RANKER_FULL ? "full" : "plain", lists, (long long) candidates, ndcg / lists,
		   (double) hits / lists, loss / lists, seconds);
}

/* Fit and measure. */
static int
run(const char *path, const char *to)
{
	Events		events = read_events(path);
	Dataset		dataset = {
		.sequences = events.sequences, .start = events.start, .item = events.item,
		.features = 1, .feature = {events.category}
	};
	EventData	data = {&dataset, events.bought, events.hours};
	Model		model = smallest_network(&events);
	RankFit		fit = {
		.events = &data, .items = events.items, .categories = events.categories,
		.item_category = events.item_category, .min_support = 1, .model = &model,
		.first_unseen = (int32_t) ((1 - HELD_OUT_SHARE) * events.sequences),
		.seed = SEED, .memory = FEATURE_MEMORY, .lasting = from_heap, .temporary = from_heap
	};
	static Examples examples;
	Sharing		sharing = {.ranks = 1};
	Arena		arena = {0};
	RankStage	stage;
	RankerSource source;
	RankerExamples *collected[RANKERS];
	Ranker		ranker[RANKERS];
	Ranker	   *rankers[RANKERS];
	struct rusage usage;
	float		missed;
	double		began = now();

	rank_fit_begin(&examples.data, &stage, &fit);
	printf("count_seconds %.4f\n", now() - began);
	examples.written = ALLOCATE(&from_heap, bool, examples.data.sizes.examples);
	memset(examples.written, 0, (size_t) examples.data.sizes.examples * sizeof(bool));
	candidates_place(&arena);
	arena = (Arena) {allocate(NULL, arena.used), 0};
	examples.work = candidates_place(&arena);
	candidates_start(examples.work);
	if (to != NULL)
	{
		char		name[FILENAME_MAX];

		for (int i = 0; i < 2; i++)
		{
			snprintf(name, sizeof(name), "%s.%s", to, i == 0 ? "train" : "test");
			examples.file[i] = fopen(name, "w");
			if (examples.file[i] == NULL)
			{
				perror(name);
				return 1;
			}
		}
	}
	source = (RankerSource) {
		.example = read_example, .context = &examples, .examples = examples.data.sizes.examples,
		.held_out = examples.data.held_out, .memory = FEATURE_MEMORY, .seed = SEED
	};
	sharing.board = examples.data.board;
	sharing.width = ranker_board_width() > VOTE_BOARD_WIDTH ? ranker_board_width() : VOTE_BOARD_WIDTH;
	for (int r = 0; r < RANKERS; r++)
	{
		rankers[r] = &ranker[r];
		collected[r] = ranker_examples_create(&source, &sharing, &from_heap);
		ranker_bind(&ranker[r], ALLOCATE(&from_heap, float, ranker_count()));
		memset(ranker[r].block, 0, ranker_count() * sizeof(float));
	}
	began = now();
	ranker_collect(collected, rankers, RANKERS, &sharing);
	printf("collect_seconds %.4f\n", now() - began - examples.seconds);
	for (int i = 0; i < 2; i++)
	{
		if (examples.file[i] != NULL)
			fclose(examples.file[i]);
		examples.file[i] = NULL;
	}
	for (int r = RANKERS - 1; r >= 0; r--)
	{
		began = now();
		ranker_train(&ranker[r], collected[r], false, EPOCHS, &sharing, &missed);
		printf("fit_seconds %.4f\n", now() - began);
		measure(&examples, &ranker[r], r);
	}
	getrusage(RUSAGE_SELF, &usage);
	printf("examples %d missed %.4f\n", examples.data.sizes.examples, missed);
	printf("memory_mb %.1f\n", (double) usage.ru_maxrss / 1024);
	return 0;
}

int
main(int argc, char **argv)
{
	if (argc < 2)
	{
		fputs("usage: second_stage EVENTS [EXAMPLES]\n", stderr);
		return 1;
	}
	return run(argv[1], argc > 2 ? argv[2] : NULL);
}
