/*
 * rank_fit_vote.c
 *	  What the network's vote beside a ranker is worth, and what both come to,
 *	  told by examples that neither has seen.
 */
#include "model/rank_fit_internal.h"

#include <string.h>

#include "nn/nn.h"

/* Of a shard: examples that the network is asked about, or so many as have ... */
#define MAX_VOTE_EXAMPLES (RANK_FIT_MOST_ASKED / SHARDS)
/* ... the candidates of so many that have as many as there can be. */
#define FULL_VOTE_EXAMPLES (1500 / SHARDS)

_Static_assert(FULL_VOTE_EXAMPLES <= MAX_VOTE_EXAMPLES, "room for more than is asked");
/* Their candidates are numbered in 32 bits. */
_Static_assert((int64_t) FULL_VOTE_EXAMPLES * CANDIDATES_MAX <= INT32_MAX, "too many candidates");

/* What the network says of the history of an example. */
struct Opinion
{
	int32_t		example;
	TopK		top;
	float	   *representation;
	CopySlot   *slot;			/* max_length, where the network copies */
	Copies		copies;
	float		log_normaliser;
};

/* Ask the network about the beginning of a sequence that it was not trained on. */
static void
ask_network(Fitting *fitting, Opinion *opinion, Scored *candidates, float *lower)
{
	const RankFitData *data = fitting->data;
	const RankExample *example = &data->example[opinion->example];
	const Config *config = &data->sizes.config;
	int32_t		length = example->position < config->max_length
		? example->position : config->max_length;
	int64_t		first = data->start[example->sequence] + example->position - length;
	int32_t    *feature[CONFIG_MAX_FEATURES];
	TopKRequest scan = {.top = &opinion->top, .candidates = candidates, .lower = lower};
	HistoryReading reading;

	for (int32_t f = 0; f < config->features; f++)
		feature[f] = data->feature[f] + first;
	reading = infer_read(&fitting->infer, data->item + first, feature, length);
	scan.representation = reading.representation;
	scan.copies = reading.copies;
	infer_rank(&fitting->infer, &scan, 1);
	topk_sort(&opinion->top);
	opinion->log_normaliser = scan.log_normaliser;
	memcpy(opinion->representation, scan.representation,
		   (size_t) config_output_dim(config) * sizeof(float));
	if (reading.copies.count > 0)
		memcpy(opinion->slot, reading.copies.slot,
			   (size_t) reading.copies.count * sizeof(CopySlot));
	opinion->copies = reading.copies;
	opinion->copies.slot = opinion->slot;
}

NnStatus
rank_fit_collect_opinions(Fitting *fitting)
{
	const RankFitData *data = fitting->data;
	const Allocator *allocator = &fitting->calls->temporary;
	Scored	   *candidates = ALLOCATE(allocator, Scored, coded_topk_room(CANDIDATES_NETWORK));
	float	   *lower = ALLOCATE(allocator, float, coded_topk_room(CANDIDATES_NETWORK));
	int32_t		columns = config_output_dim(&data->sizes.config);
	int32_t		most = data->sizes.config.copy ? data->sizes.config.max_length : 0;

	for (int32_t s = 0; s < SHARDS; s++)
	{
		float	   *representation;
		CopySlot   *slot;
		Scored	   *best;

		if (!shards_mine(&fitting->sharing, s))
			continue;
		fitting->opinion[s] = ALLOCATE(allocator, Opinion, MAX_VOTE_EXAMPLES);
		representation = ALLOCATE(allocator, float, MAX_VOTE_EXAMPLES * columns);
		best = ALLOCATE(allocator, Scored, MAX_VOTE_EXAMPLES * CANDIDATES_NETWORK);
		slot = ALLOCATE(allocator, CopySlot, MAX_VOTE_EXAMPLES * most);
		for (int32_t e = s; e < data->sizes.examples; e += SHARDS)
		{
			int32_t		number = fitting->opinions[s];
			Opinion    *opinion = &fitting->opinion[s][number];

			if (!data->held_out[e])
				continue;
			if (number == MAX_VOTE_EXAMPLES)
				break;
			if (!rank_fit_go_on(fitting))
				return NN_CANCELLED;
			*opinion = (Opinion) {
				e, {CANDIDATES_NETWORK, 0, best + number * CANDIDATES_NETWORK},
				representation + (size_t) number * (size_t) columns, slot + (size_t) number * (size_t) most, {0}, 0
			};
			ask_network(fitting, opinion, candidates, lower);
			fitting->opinions[s]++;
		}
	}
	return NN_OK;
}

/* Candidates of a shard that there is room for. */
static int64_t
vote_room(const Fitting *fitting, int32_t shard)
{
	int32_t		examples = fitting->opinions[shard];

	return (int64_t) (examples < FULL_VOTE_EXAMPLES ? examples : FULL_VOTE_EXAMPLES) *
		CANDIDATES_MAX;
}

static VoteExamples
vote_examples_create(const Fitting *fitting, int32_t shard)
{
	const Allocator *allocator = &fitting->calls->temporary;
	int32_t		examples = fitting->opinions[shard];
	int64_t		room = vote_room(fitting, shard);

	return (VoteExamples) {
		.start = ALLOCATE(allocator, int32_t, examples + 1),
		.target = ALLOCATE(allocator, int32_t, examples),
		.score = ALLOCATE(allocator, float, room),
		.input = ALLOCATE(allocator, float, room * VOTES)
	};
}

/* The candidates of a shard's examples held out, as a ranker scores them. */
static NnStatus
read_votes(VoteExamples *votes, int32_t *asked, Fitting *fitting, int32_t shard,
		   const Ranker *ranker)
{
	AnswerScratch *answer_scratch = &fitting->answer_scratch;

	*asked = 0;
	votes->start[0] = 0;
	for (int32_t o = 0; o < fitting->opinions[shard]; o++)
	{
		const Opinion *asking = &fitting->opinion[shard][o];
		int32_t		first = votes->start[votes->examples];
		NetworkOpinion opinion = network_opinion(&fitting->model,
												 &(HistoryReading) {asking->representation, asking->copies},
												 &asking->top, asking->log_normaliser);
		int32_t		count;

		if (first + CANDIDATES_MAX > vote_room(fitting, shard))
			break;
		if (!rank_fit_go_on(fitting))
			return NN_CANCELLED;
		count = rank_fit_find_candidates(fitting, &fitting->data->example[asking->example], &opinion,
								answer_scratch->features, &votes->target[votes->examples]);
		(*asked)++;
		if (votes->target[votes->examples] < 0)
			continue;
		ranker_scores(ranker, answer_scratch->features, count, answer_scratch->scratch,
					  votes->score + first);
		for (int32_t c = 0; c < count; c++)
			vote_inputs(votes->input + (size_t) (first + c) * VOTES, &fitting->candidate[c]);
		votes->start[++votes->examples] = first + count;
	}
	return NN_OK;
}

NnStatus
rank_fit_measure(RankStage *stage, Fitting *fitting, const Ranker *ranker, double *hit_rate)
{
	Sharing    *sharing = &fitting->sharing;
	Vote	   *vote = &stage->vote[fitting->which];
	VoteExamples votes[SHARDS] = {0};
	int32_t		asked[SHARDS];
	double		sum[3];			/* asked, with the target, hits */

	for (int32_t s = 0; s < SHARDS; s++)
	{
		if (!shards_mine(sharing, s))
			continue;
		votes[s] = vote_examples_create(fitting, s);
		if (read_votes(&votes[s], &asked[s], fitting, s, ranker) != NN_OK)
			return NN_CANCELLED;
	}
	if (vote_fit(vote, votes, ALLOCATE(&fitting->calls->temporary, float, CANDIDATES_MAX),
				 sharing) != NN_OK)
		return NN_CANCELLED;
	for (int32_t s = 0; s < SHARDS; s++)
	{
		double	   *out = shards_doubles(sharing, s);

		if (!shards_mine(sharing, s))
			continue;
		out[0] = asked[s];
		out[1] = votes[s].examples;
		out[2] = vote_hits(vote, &votes[s], RANK_HIT_RATE_K);
	}
	shards_sum_doubles(sharing, sum, 3);
	stage->missed[fitting->which] = (float) (1 - sum[1] / sum[0]);
	*hit_rate = sum[2] / sum[0];
	return NN_OK;
}
