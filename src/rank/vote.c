/*
 * vote.c
 *	  What the network adds to the scores of a ranker.
 */
#include "rank/vote.h"

#include <math.h>
#include <string.h>

#include "rank/ranker.h"

/* The network's log probabilities below this one are all alike. */
#define LEAST_LOG_PROBABILITY -12.0f

#define STEPS 200
#define STEP_SIZE 0.05
#define DECAY 0.9				/* of the squared gradients, as in RMSprop */
#define PENALTY 1e-3			/* of the squared weights */

void
vote_inputs(float *input, const Candidate *candidate)
{
	bool		seen = candidate->reason == REASON_SEEN;
	float		best = candidate->network_rank > 0 ? 1.0f / (float) candidate->network_rank : 0;

	memset(input, 0, VOTES * sizeof(float));
	input[seen ? VOTE_SEEN : VOTE_NEW] =
		fmaxf(candidate->log_probability - LEAST_LOG_PROBABILITY, 0);
	input[seen ? VOTE_SEEN_RANK : VOTE_NEW_RANK] = best;
	input[VOTE_NEW_BEST] = !seen && best > 0;
}

static float
weigh(const Vote *vote, const float *input)
{
	float		sum = 0;

	for (int v = 0; v < VOTES; v++)
		sum += vote->weight[v] * input[v];
	return sum;
}

void
vote_add(const Vote *vote, const Candidate *candidate, int32_t count, float *score)
{
	for (int32_t c = 0; c < count; c++)
	{
		float		input[VOTES];

		vote_inputs(input, &candidate[c]);
		score[c] += weigh(vote, input);
	}
}

/* Add up the gradient of the cross-entropy of a shard's examples. */
static void
add_gradient(double *gradient, const Vote *vote, const VoteExamples *examples, float *work)
{
	memset(gradient, 0, VOTES * sizeof(double));
	for (int32_t e = 0; e < examples->examples; e++)
	{
		int32_t		start = examples->start[e];
		int32_t		count = examples->start[e + 1] - start;

		for (int32_t c = 0; c < count; c++)
			work[c] = examples->score[start + c] +
				weigh(vote, examples->input + (size_t) (start + c) * VOTES);
		ranker_softmax(work, count);
		work[examples->target[e]] -= 1;
		for (int32_t c = 0; c < count; c++)
		{
			for (int v = 0; v < VOTES; v++)
				gradient[v] += work[c] * examples->input[(size_t) (start + c) * VOTES + v];
		}
	}
}

NnStatus
vote_fit(Vote *vote, const VoteExamples *examples, float *work, Sharing *sharing)
{
	double		squares[VOTES] = {0};

	memset(vote, 0, sizeof(*vote));
	for (int step = 0; step < STEPS; step++)
	{
		double		sum[VOTE_BOARD_WIDTH];	/* the gradient; examples */
		double		size = STEP_SIZE * (1 - (double) step / STEPS);

		if (!interrupt_go_on(&sharing->interrupt))
			return NN_CANCELLED;
		for (int32_t s = 0; s < SHARDS; s++)
		{
			if (!shards_mine(sharing, s))
				continue;
			add_gradient(shards_doubles(sharing, s), vote, &examples[s], work);
			shards_doubles(sharing, s)[VOTES] = examples[s].examples;
		}
		shards_sum_doubles(sharing, sum, VOTE_BOARD_WIDTH);
		if (sum[VOTES] == 0)
			return NN_OK;
		for (int v = 0; v < VOTES; v++)
		{
			double		gradient = sum[v] / sum[VOTES] + PENALTY * vote->weight[v];

			squares[v] = DECAY * squares[v] + (1 - DECAY) * gradient * gradient;
			vote->weight[v] -= (float) (size * gradient / (sqrt(squares[v]) + 1e-8));
		}
	}
	return NN_OK;
}

int32_t
vote_hits(const Vote *vote, const VoteExamples *examples, int32_t k)
{
	int32_t		hits = 0;

	for (int32_t e = 0; e < examples->examples; e++)
	{
		int32_t		start = examples->start[e];
		int32_t		target = start + examples->target[e];
		float		score = examples->score[target] +
			weigh(vote, examples->input + (size_t) target * VOTES);
		int32_t		rank = 0;

		for (int32_t c = start; c < examples->start[e + 1]; c++)
			rank += examples->score[c] +
				weigh(vote, examples->input + (size_t) c * VOTES) >= score;
		hits += rank <= k;
	}
	return hits;
}
