/*
 * model_call.h
 *	  What the functions that answer from a model have in common.
 */
#ifndef RECSEQ_MODEL_CALL_H
#define RECSEQ_MODEL_CALL_H

#include "postgres.h"

#include "fmgr.h"

#include "serve/cache.h"

/* The arguments k, model and version, which are the second to the fourth. */
typedef struct ModelCall
{
	CachedModel *cached;		/* valid as cache_get says */
	const char *model_name;
	int32		k;				/* 0 or more */
} ModelCall;

/* Read them; complain about what is null or out of range, or does not exist. */
extern ModelCall model_call_begin(FunctionCallInfo fcinfo);

#endif							/* RECSEQ_MODEL_CALL_H */
