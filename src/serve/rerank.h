/*
 * rerank.h
 *	  The model's best items in the order that rules give them.
 */
#ifndef RECSEQ_RERANK_H
#define RECSEQ_RERANK_H

#include "postgres.h"

#include "serve/request.h"
#include "serve/rules.h"

/* How many items rules for k rows choose among: what a request must answer first. */
extern int32 rerank_pool(const Rules *rules, const ModelCall *call);

/* Turn the answer of a request into that by the rules. */
extern void rerank(const Rules *rules, Request *request, const Budget *budget);

#endif							/* RECSEQ_RERANK_H */
