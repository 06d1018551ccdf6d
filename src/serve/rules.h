/*
 * rules.h
 *	  What a shop wants of its recommendations besides that they are probable:
 *	  the argument "rules", a JSON object.
 */
#ifndef RECSEQ_RULES_H
#define RECSEQ_RULES_H

#include "postgres.h"

#include "fmgr.h"

#include "serve/model_call.h"

typedef struct Rules
{
	bool		given;			/* any of these */
	int32		boosts;
	Scored	   *boost;			/* [boosts] items in ascending order, with their factors */
	float	   *category_factor;	/* [values of the category], or NULL */
	int32		max_per_category;	/* 0: any number */
	int32		promoted_items;
	int32	   *promoted;		/* [promoted_items] in ascending order */
	double		promoted_share; /* of the rows */
	double		diversity;		/* 0..1 */
} Rules;

/* Read the argument of that number.  The result is in the current context. */
extern Rules rules_read(FunctionCallInfo fcinfo, int argument, const ModelCall *call,
						const Budget *budget);

#endif							/* RECSEQ_RULES_H */
