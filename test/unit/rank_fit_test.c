/*
 * rank_fit_test.c
 *	  The fit of the second stage: that it comes to the same to the bit for any
 *	  number of processes, wherever each of them maps the data, and keeps to its
 *	  memory.
 *
 * Processes are forked, as they are of their own in PostgreSQL (trainer_test.c).
 */
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "model/rank_fit.h"
#include "tap.h"

#define TIME_LIMIT 300			/* seconds; a process that dies leaves the others waiting */
#define SEQUENCES 400
#define ITEMS 50
#define CATEGORIES 5
#define MAX_RANKS 8

static Pool pool;
static const Allocator from_pool = {pool_allocate, &pool};

/* The shares that a fit has told. */
typedef struct Told
{
	double		last;
	bool		falling;
} Told;

static void
tell(void *context, double share)
{
	Told	   *told = context;

	told->falling |= share < told->last;
	told->last = share;
}

/* What the processes of a fit share. */
typedef struct Shared
{
	pthread_barrier_t barrier;
	Told		told;			/* by process 0 */
	double		hit_rate[MAX_RANKS];
	RankStage	stage[MAX_RANKS];	/* pointers are the process's own */
	float		block[MAX_RANKS][RANKERS][16384];	/* of the rankers */
} Shared;

static void *
map_shared(size_t bytes)
{
	void	   *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
							  -1, 0);

	if (memory == MAP_FAILED)
	{
		puts("Bail out! no shared memory");
		exit(1);
	}
	return memory;
}

static void
wait_at(void *context)
{
	pthread_barrier_wait(context);
}

/* Run a fit as one of the processes. */
static void
run_rank(Shared *shared, RankFitData *data, int32_t rank, int32_t ranks)
{
	Pool		own = {0};
	Allocator	from_own = {pool_allocate, &own};
	RankFitCalls calls = {
		.rank = rank,
		.ranks = ranks,
		.barrier = ranks > 1 ? wait_at : NULL,
		.barrier_context = &shared->barrier,
		.progress = rank == 0 ? tell : NULL,
		.progress_context = &shared->told,
		.lasting = from_own,
		.temporary = from_own
	};
	RankStage  *stage = &shared->stage[rank];

	rank_fit_run(stage, data, &calls, &shared->hit_rate[rank]);
	for (int r = 0; r < RANKERS; r++)
		memcpy(shared->block[rank][r], stage->ranker[r].block, ranker_count() * sizeof(float));
	pool_free(&own);
}

/* Run a fit in so many processes, each with a copy of the data's layout of its own. */
static void
run(Shared *shared, const RankFitData *data, int32_t ranks)
{
	Arena		arena = {0};
	RankFitData copy;
	char	   *memory;
	pthread_barrierattr_t attributes;

	rank_fit_place(&copy, &arena, &data->sizes);
	memory = map_shared(arena.used);
	arena = (Arena) {memory, 0};
	rank_fit_place(&copy, &arena, &data->sizes);
	rank_fit_copy(&copy, data);
	pthread_barrierattr_init(&attributes);
	pthread_barrierattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(&shared->barrier, &attributes, (unsigned) ranks);
	fflush(NULL);
	for (int32_t r = 1; r < ranks; r++)
	{
		if (fork() == 0)
		{
			run_rank(shared, &copy, r, ranks);
			_exit(0);
		}
	}
	run_rank(shared, &copy, 0, ranks);
	for (int32_t r = 1; r < ranks; r++)
		wait(NULL);
	munmap(memory, arena.used);
}

/* Whether process `rank` of one fit has what process 0 of another has. */
static bool
same_stages(const Shared *a, const Shared *b, int32_t rank)
{
	const RankStage *x = &a->stage[rank];
	const RankStage *y = &b->stage[0];

	return memcmp(x->vote, y->vote, sizeof(x->vote)) == 0 &&
		memcmp(x->missed, y->missed, sizeof(x->missed)) == 0 &&
		memcmp(a->block[rank], b->block[0], sizeof(a->block[0])) == 0 &&
		a->hit_rate[rank] == b->hit_rate[0];
}

/* Visitors who come back to what they have seen, and buy some of it. */
static EventData
random_events(TestData *data, const Config *config, int32_t *item_category, Rng *rng)
{
	static bool bought[SEQUENCES * 12];
	static double hours[SEQUENCES * 12];

	*data = data_random(config, SEQUENCES, 1, 12, false, rng);
	for (int32_t i = 0; i < ITEMS; i++)
		item_category[i] = i % CATEGORIES;
	for (int32_t s = 0; s < SEQUENCES; s++)
	{
		for (int64_t t = data->start[s]; t < data->start[s + 1]; t++)
		{
			if (t > data->start[s] && rng_below(rng, 3) > 0)
				data->item[t] = data->item[t - 1];
			data->feature[0][t] = item_category[data->item[t]];
			bought[t] = rng_below(rng, 4) == 0;
			hours[t] = s + (double) (t - data->start[s]) / 20;
		}
	}
	return (EventData) {&data->dataset, bought, hours};
}

int
main(void)
{
	Rng			rng = test_rng(5);
	Config		config = {
		.items = ITEMS, .features = 1, .feature_values = {CATEGORIES}, .units = 4, .layers = 1,
		.item_dim = 4, .feature_dim = 3, .tied = true, .max_length = 6
	};
	int32_t		item_category[ITEMS];
	TestData	dataset;
	EventData	events = random_events(&dataset, &config, item_category, &rng);
	Model		model = {.config = config};
	Arena		arena = {0};
	Told		counted = {0};
	RankFit		fit = {
		.events = &events, .items = ITEMS, .categories = CATEGORIES,
		.item_category = item_category, .model = &model, .first_unseen = SEQUENCES * 9 / 10,
		.seed = 3, .memory = (size_t) 1 << 26, .lasting = from_pool, .temporary = from_pool,
		.ranks = 1, .progress = tell, .progress_context = &counted
	};
	static const int32_t ranks[] = {2, 3, MAX_RANKS};
	RankFitData data;
	RankStage	stage;
	Shared	   *one = map_shared(sizeof(Shared));
	Shared	   *many = map_shared(sizeof(Shared));

	alarm(TIME_LIMIT);
	params_bind(&model.params, &config, NEW(float, params_count(&config)));
	params_random(&model.params, &config, &rng);
	coded_weights_place(&model.index, &arena, ITEMS, config_output_dim(&config));
	arena = (Arena) {.base = pool_allocate(&pool, arena.used)};
	coded_weights_place(&model.index, &arena, ITEMS, config_output_dim(&config));
	coded_weights_build(&model.index, model.params.output_weight, config_output_dim(&config));

	if (rank_fit_begin(&data, &stage, &fit) != NN_OK)
		data.sizes.examples = 0;
	ok(data.sizes.examples > 1000, "a fit has examples (%d)", data.sizes.examples);
	ok(counted.last > 0 && counted.last < 0.5 && !counted.falling,
	   "counting is a part of it that is told (%.2f)", counted.last);
	run(one, &data, 1);
	ok(one->told.last > 0.95 && one->told.last <= 1 && !one->told.falling,
	   "the share that is done grows up to the end (%.2f)", one->told.last);
	ok(one->stage[0].present && one->hit_rate[0] > 0.5 && one->hit_rate[0] <= 1 &&
	   one->stage[0].missed[RANKER_FULL] < 0.5,
	   "the rankers find what visitors come back to (hit rate %.3f)", one->hit_rate[0]);
	for (size_t i = 0; i < sizeof(ranks) / sizeof(ranks[0]); i++)
	{
		bool		same = true;

		run(many, &data, ranks[i]);
		for (int32_t r = 0; r < ranks[i]; r++)
			same &= same_stages(many, one, r);
		ok(same, "each of %d processes comes to the same to the bit", ranks[i]);
	}
	data.sizes.memory = 1;
	run(many, &data, 1);
	ok(many->stage[0].present && !same_stages(many, one, 0),
	   "where memory is short, fewer examples are learned from");
	pool_free(&pool);
	data_free(&dataset);
	free(model.params.block);
	return done_testing();
}
