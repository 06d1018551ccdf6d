/*
 * both_stages.c
 *	  From a history to the items that most probably come next, by both stages
 *	  of a model.
 */
#include "model/both_stages.h"

#include <math.h>
#include <string.h>

#include "nn/nn.h"

/* Less than this the network's probabilities in floating point cannot tell from 0. */
#define LEAST_OTHERS 1e-6

void
question_place(Question *question, Arena *arena, const Model *model, int32_t k)
{
	int32_t		room = question_room(k);

	*question = (Question) {0};
	question->candidate = ARENA_TAKE(arena, Candidate, CANDIDATES_MAX);
	question->probability = ARENA_TAKE(arena, float, CANDIDATES_MAX);
	question->scanned = ARENA_TAKE(arena, Scored, room);
	question->lower = ARENA_TAKE(arena, float, coded_topk_room(room));
	question->scan_candidates = ARENA_TAKE(arena, Scored, coded_topk_room(room));
	question->excluded_now = ARENA_TAKE(arena, uint8_t, exclusion_bytes(model->config.items));
}

void
answer_scratch_place(AnswerScratch *answer_scratch, Arena *arena)
{
	answer_scratch->work = candidates_place(arena);
	answer_scratch->features = ARENA_TAKE(arena, float, CANDIDATES_MAX * RANK_FEATURES);
	answer_scratch->scratch = ARENA_TAKE(arena, float, RANKER_SCRATCH);
	answer_scratch->probability = ARENA_TAKE(arena, float, CANDIDATES_MAX);
}

void
answer_scratch_start(AnswerScratch *answer_scratch)
{
	candidates_start(answer_scratch->work);
}

NetworkOpinion
network_opinion(const Model *model, const HistoryReading *reading, const TopK *best,
				float log_normaliser)
{
	return (NetworkOpinion) {
		.count = best->count < CANDIDATES_NETWORK ? best->count : CANDIDATES_NETWORK,
		.best = best->heap,
		.kernels = kernels_best(),
		.representation = reading->representation,
		.copies = reading->copies,
		.weight = model->params.output_weight,
		.bias = model->params.output_bias,
		.items = model->config.items,
		.columns = config_output_dim(&model->config),
		.log_normaliser = log_normaliser
	};
}

/* A question to the network for its best into `top`. */
static TopKRequest
scan_request(const Question *question, TopK *top, const uint8_t *excluded)
{
	return (TopKRequest) {
		.representation = question->reading.representation,
		.copies = question->reading.copies,
		.excluded = excluded,
		.top = top,
		.candidates = question->scan_candidates,
		.lower = question->lower
	};
}

/* Turn logits into probabilities, times a factor, best first. */
static void
finish_scan(TopK *top, float log_normaliser, float factor)
{
	topk_sort(top);
	for (int32_t i = 0; i < top->count; i++)
		top->heap[i].score = factor * expf(top->heap[i].score - log_normaliser);
}

/* What must not be answered to a question: what it excludes, and what cannot be sold; or NULL. */
static const uint8_t *
all_excluded(const Model *model, Question *question)
{
	if (model->unavailable == NULL || question->excluded == NULL)
		return question->excluded != NULL ? question->excluded : model->unavailable;
	for (size_t i = 0; i < exclusion_bytes(model->config.items); i++)
		question->excluded_now[i] = question->excluded[i] | model->unavailable[i];
	return question->excluded_now;
}

/* What a catalog does not have cannot be sold. */
static bool
is_excluded(const Model *model, const Question *question, int32_t item)
{
	int32_t		items = model->config.items;

	if (item >= items)
		return model->unavailable != NULL ||
			(question->unknown_excluded != NULL && question->unknown_excluded[item - items]);
	return exclusion_test(question->excluded, item) || exclusion_test(model->unavailable, item);
}

/* Offer the unknown items of the history that the network would copy, as logits. */
static void
offer_unknown(const Model *model, Question *question, float log_normaliser)
{
	const Copies *copies = &question->reading.copies;
	int32_t		items = model->config.items;

	for (int32_t c = 0; c < copies->count; c++)
	{
		int32_t		item = copies->slot[c].item;

		if (item >= items && !is_excluded(model, question, item))
			topk_offer(question->top, (Scored) {
				item, logf(copies->slot[c].probability) + log_normaliser
			});
	}
}

/* Answer with the network alone. */
static void
answer_by_network(const Model *model, Infer *infer, Question *questions, int32_t count)
{
	TopKRequest scans[CODED_TOPK_QUERIES];

	for (int32_t q = 0; q < count; q++)
	{
		questions[q].candidates = 0;
		questions[q].top->count = 0;
		scans[q] = scan_request(&questions[q], questions[q].top,
								all_excluded(model, &questions[q]));
	}
	infer_rank(infer, scans, count);
	for (int32_t q = 0; q < count; q++)
	{
		questions[q].log_normaliser = scans[q].log_normaliser;
		questions[q].others_factor = 1;
		offer_unknown(model, &questions[q], scans[q].log_normaliser);
		finish_scan(questions[q].top, scans[q].log_normaliser, 1);
	}
}

/*
 * Put the candidates of a question into its answer.  Returns the factor by
 * which the network's probabilities of all other items become theirs.
 */
static float
rank_candidates(AnswerScratch *answer_scratch, const Model *model, Question *question,
				const NetworkOpinion *opinion)
{
	const RankStage *stage = &model->rank;
	int			which = rank_stage_choose(stage, &question->history);
	RankHistory history = question->history;
	float		missed = stage->missed[which];
	double		others = 1;		/* what the network gives to other items */
	int32_t		known = 0;

	if (which == RANKER_PLAIN)
	{
		history.bought = NULL;
		history.hours = NULL;
	}
	question->candidates = candidates_find(answer_scratch->work, &stage->counts, &history,
										   opinion, question->candidate, answer_scratch->features);
	ranker_scores(&stage->ranker[which], answer_scratch->features, question->candidates,
				  answer_scratch->scratch, answer_scratch->probability);
	vote_add(&stage->vote[which], question->candidate, question->candidates,
			 answer_scratch->probability);
	ranker_softmax(answer_scratch->probability, question->candidates);
	for (int32_t c = 0; c < question->candidates; c++)
	{
		if (question->candidate[c].item >= opinion->items)
		{
			others -= copies_probability(&opinion->copies, question->candidate[c].item);
			continue;
		}
		others -= expf(question->candidate[c].log_probability);
		known++;
	}
	if (known == opinion->items)
		missed = 0;				/* there is no other item */
	question->top->count = 0;
	for (int32_t c = 0; c < question->candidates; c++)
	{
		Scored		scored = {
			question->candidate[c].item, (1 - missed) * answer_scratch->probability[c]
		};

		question->probability[c] = scored.score;
		if (!is_excluded(model, question, scored.item) &&
			scored.score >= topk_threshold(question->top))
			topk_offer(question->top, scored);
	}
	return missed / (float) fmax(others, LEAST_OTHERS);
}

static bool
is_candidate(const Question *question, int32_t item)
{
	int32_t		c = 0;

	while (c < question->candidates && question->candidate[c].item != item)
		c++;
	return c < question->candidates;
}

/*
 * Offer what the network found besides candidates to the answer.  Returns whether
 * there may be others that belong there: the last that was found would, too.
 */
static bool
offer_others(const Model *model, Question *question, const TopK *scanned,
			 const NetworkOpinion *opinion, float factor)
{
	float		probability = 0;

	for (int32_t i = 0; i < scanned->count; i++)
	{
		int32_t		item = scanned->heap[i].item;

		probability = factor * expf(scanned->heap[i].score - opinion->log_normaliser);
		if (probability < topk_threshold(question->top))
			return false;
		if (!is_candidate(question, item) && !is_excluded(model, question, item))
			topk_offer(question->top, (Scored) {item, probability});
	}
	return scanned->count == scanned->k && probability >= topk_threshold(question->top);
}

/* Exclude the candidates too, and all that the network has found. */
static void
exclude_found(const Model *model, Question *question, const TopK *scanned)
{
	int32_t		items = model->config.items;
	const uint8_t *excluded = all_excluded(model, question);

	if (excluded == NULL)
		memset(question->excluded_now, 0, exclusion_bytes(items));
	else if (excluded != question->excluded_now)
		memcpy(question->excluded_now, excluded, exclusion_bytes(items));
	for (int32_t c = 0; c < question->candidates; c++)
	{
		if (question->candidate[c].item < items)
			exclusion_set(question->excluded_now, question->candidate[c].item);
	}
	for (int32_t i = 0; i < scanned->count; i++)
		exclusion_set(question->excluded_now, scanned->heap[i].item);
}

/* Offer the items that a further scan has found to the answer. */
static void
offer_scanned(Question *question, TopK *scanned, float log_normaliser, float factor)
{
	finish_scan(scanned, log_normaliser, factor);
	for (int32_t i = 0; i < scanned->count; i++)
	{
		if (scanned->heap[i].score >= topk_threshold(question->top))
			topk_offer(question->top, scanned->heap[i]);
	}
}

/*
 * Offer all other items, if few may be answered: no scan is needed, which would
 * have to go over all.  Returns whether they were few.
 */
static bool
offer_few(const Model *model, Infer *infer, Question *question, const TopK *scanned,
		  float log_normaliser, float factor)
{
	TopK		top = {question->top->k, 0, question->scanned};
	TopKRequest request;

	if (question->excluded == NULL)
		return false;
	exclude_found(model, question, scanned);
	if (exclusion_rest(question->excluded_now, model->config.items) >
		model->config.items / INFER_FEW_SHARE)
		return false;
	request = scan_request(question, &top, question->excluded_now);
	request.log_normaliser = log_normaliser;
	infer_rank_few(infer, &request);
	offer_scanned(question, &top, log_normaliser, factor);
	return true;
}

/* Answer with both stages. */
static void
answer_by_both(AnswerScratch *answer_scratch, const Model *model, Infer *infer,
			   Question *questions, int32_t count)
{
	TopKRequest scans[CODED_TOPK_QUERIES];
	TopK		tops[CODED_TOPK_QUERIES];
	float		factor[CODED_TOPK_QUERIES];
	int32_t		asking[CODED_TOPK_QUERIES];
	int32_t		asked = 0;

	for (int32_t q = 0; q < count; q++)
	{
		tops[q] = (TopK) {question_room(questions[q].top->k), 0, questions[q].scanned};
		scans[q] = scan_request(&questions[q], &tops[q], model->unavailable);
	}
	infer_rank(infer, scans, count);
	for (int32_t q = 0; q < count; q++)
	{
		Question   *question = &questions[q];
		NetworkOpinion opinion;

		topk_sort(&tops[q]);
		opinion = network_opinion(model, &question->reading, &tops[q],
								  scans[q].log_normaliser);
		factor[q] = rank_candidates(answer_scratch, model, question, &opinion);
		question->log_normaliser = opinion.log_normaliser;
		question->others_factor = factor[q];
		if (offer_others(model, question, &tops[q], &opinion, factor[q]) &&
			!offer_few(model, infer, question, &tops[q], scans[q].log_normaliser, factor[q]))
			asking[asked++] = q;
	}
	for (int32_t a = 0; a < asked; a++)
	{
		Question   *question = &questions[asking[a]];

		exclude_found(model, question, &tops[asking[a]]);
		tops[a] = (TopK) {question->top->k, 0, question->scanned};
		scans[a] = scan_request(question, &tops[a], question->excluded_now);
	}
	infer_rank(infer, scans, asked);
	for (int32_t a = 0; a < asked; a++)
		offer_scanned(&questions[asking[a]], &tops[a], scans[a].log_normaliser,
					  factor[asking[a]]);
	for (int32_t q = 0; q < count; q++)
		topk_sort(questions[q].top);
}

void
both_stages_answer(AnswerScratch *answer_scratch, const Model *model, Infer *infer,
				   Question *questions, int32_t count)
{
	if (count == 0 || questions[0].top->k == 0)
		return;
	if (model->rank.present)
		answer_by_both(answer_scratch, model, infer, questions, count);
	else
		answer_by_network(model, infer, questions, count);
}

float
question_probability(const Model *model, const Question *question, int32_t item)
{
	NetworkOpinion opinion;
	Candidate	other = {.item = item, .log_probability = -INFINITY};

	for (int32_t c = 0; c < question->candidates; c++)
	{
		if (question->candidate[c].item == item)
			return question->probability[c];
	}
	opinion = network_opinion(model, &question->reading, &(TopK) {0}, question->log_normaliser);
	candidates_ask_network(&other, 1, &opinion);
	return question->others_factor * expf(other.log_probability);
}
