/*
 * rank.h
 *	  The second stage: what users of the library see of it.
 *
 *	counts.h	what went together in the training data
 *	candidates.h	the items that a history speaks for, and what speaks for each
 *	ranker.h	which of them comes next; vote.h: what the network adds to it
 *	rank_stage.h	all of these, as a model has them
 *	baselines.h	simple methods to measure a model against
 *
 * Everything else in this folder is its own affair.
 */
#ifndef RANK_RANK_H
#define RANK_RANK_H

#include "rank/baselines.h"
#include "rank/candidates.h"
#include "rank/counts.h"
#include "rank/rank_stage.h"
#include "rank/ranker.h"
#include "rank/vote.h"

#endif							/* RANK_RANK_H */
