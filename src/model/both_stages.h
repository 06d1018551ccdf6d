/*
 * both_stages.h
 *	  From a history to the items that most probably come next, by both stages
 *	  of a model.
 *
 * The network ranks all items.  The second stage, where the model has it,
 * spreads most of the probability over its candidates; what is left, the
 * probability that the next item is none of them, goes to all other items in
 * the proportions that the network gives them.  So scores add up to 1.
 */
#ifndef MODEL_BOTH_STAGES_H
#define MODEL_BOTH_STAGES_H

#include "rank/candidates.h"
#include "nn/nn.h"
#include "model/parts.h"

/* What is asked, and the answer. */
typedef struct Question
{
	HistoryReading reading;		/* of the network */
	RankHistory history;
	const uint8_t *excluded;	/* a bit an item of the model, or NULL */
	const bool *unknown_excluded;	/* [items of the history that the model does not know],
									 * or NULL */
	TopK	   *top;			/* answer: best first, scores are probabilities */
	int32_t		candidates;		/* answer: how many were looked at closely; */
	Candidate  *candidate;		/* [CANDIDATES_MAX] they */
	float	   *probability;	/* [CANDIDATES_MAX] and their scores */
	float		log_normaliser; /* answer: of the network */
	float		others_factor;	/* answer: by which its probabilities of all other items become theirs */
	/* to work with */
	Scored	   *scanned;		/* question_room(k) */
	float	   *lower;			/* coded_topk_room(question_room(k)) */
	Scored	   *scan_candidates;	/* coded_topk_room(question_room(k)) */
	uint8_t    *excluded_now;	/* exclusion_bytes(items) */
} Question;

/*
 * How many items a question for k asks of the network: those that become
 * candidates, and as many more as may be answered besides candidates.
 */
static inline int32_t
question_room(int32_t k)
{
	return CANDIDATES_NETWORK + k;
}

/* Lay out what a question for k items of a model is worked on with. */
extern void question_place(Question *question, Arena *arena, const Model *model, int32_t k);

/* Working memory of the second stage, for any model. */
typedef struct AnswerScratch
{
	CandidateWork *work;
	float	   *features;		/* CANDIDATES_MAX x RANK_FEATURES */
	float	   *scratch;		/* RANKER_SCRATCH */
	float	   *probability;	/* [CANDIDATES_MAX] */
} AnswerScratch;

extern void answer_scratch_place(AnswerScratch *answer_scratch, Arena *arena);

/* Prepare the working memory, once. */
extern void answer_scratch_start(AnswerScratch *answer_scratch);

/* Answer up to CODED_TOPK_QUERIES questions of one k; top->count must be 0. */
extern void both_stages_answer(AnswerScratch *answer_scratch, const Model *model, Infer *infer,
							   Question *questions, int32_t count);

/* The score that an item of the model has by a question that was answered. */
extern float question_probability(const Model *model, const Question *question, int32_t item);

/* The network's best items as an opinion, the first CANDIDATES_NETWORK of `best`. */
extern NetworkOpinion network_opinion(const Model *model, const HistoryReading *reading,
									  const TopK *best, float log_normaliser);

#endif							/* MODEL_BOTH_STAGES_H */
