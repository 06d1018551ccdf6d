/*
 * methods.h
 *	  The methods that are compared: the model and the baselines.
 */
#ifndef RECSEQ_METHODS_H
#define RECSEQ_METHODS_H

#include "postgres.h"

#include "evaluate/cases.h"
#include "rank/rank.h"
#include "serve/cache.h"

#define METHODS (BASELINES + 1)

/* In the order of the result. */
extern const char *const method_names[METHODS];

typedef struct Methods
{
	const Cases *cases;
	CachedModel *cached;
	Question	question;		/* memory to ask the model */
	uint8	   *excluded;		/* a bit an item of the model, all 0 between calls */
	bool	   *all;			/* [source items] true */
	Baselines	baselines;
	Ranking		ranking;
} Methods;

/* Fit the baselines, on what is not held out; everything is in the current context. */
extern void methods_begin(Methods *methods, const Cases *cases, CachedModel *cached);

/* Go to a case.  Returns whether its target is not in the history. */
extern bool methods_ask(Methods *methods, const Case *one);

/* Let a method score all items for the case, if it does not do so by itself. */
extern void methods_score(Methods *methods, int method);

/*
 * The first k + 1 of all items by a method that has scored them for the case;
 * unseen: of those that are not in the history.
 */
extern const Ranking *methods_rank(Methods *methods, int method, const Case *one, bool unseen);

/* Whether a method could know an item: it occurs in what was learned from. */
extern bool methods_know(const Methods *methods, int method, int32 item);

#endif							/* RECSEQ_METHODS_H */
