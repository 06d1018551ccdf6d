/*
 * cache.h
 *	  Models in the memory of this backend.
 */
#ifndef RECSEQ_CACHE_H
#define RECSEQ_CACHE_H

#include "postgres.h"

#include "utils/array.h"

#include "memory.h"
#include "store/catalog.h"
#include "nn/nn.h"
#include "model/model.h"
#include "store/shared.h"

/* The feature of a model whose values the category columns show. */
#define CATEGORY_FEATURE 0

/* A version that is loaded. */
typedef struct CachedModel
{
	Model		model;
	Infer		infer;
	int64		total_count;	/* sum of model.item_count */
	MemoryContext scratch;		/* for one call; whoever uses it resets it first */
	SharedKey	key;			/* which version it is */
	bool		found;			/* it was loaded before the last cache_get */
} CachedModel;

/*
 * The version of that id, loaded if it is not yet.  Valid until another version
 * is loaded: pin it before calling code that may load one.
 */
extern CachedModel *cache_get(const Catalog *catalog, int64 id);

/* Bytes of the working memory of a model for so many histories. */
extern Size infer_bytes(const Model *model, int32 histories);

/* Give a model working memory for so many histories, in the current context. */
extern void model_create_infer(Infer *infer, const Model *model, int32 histories);

/* The working memory of second stages that all calls of this backend use. */
extern AnswerScratch *scratch_of_backend(void);

/* A question for k items of a model, with the memory to work on it but for the answer. */
extern Question allocate_question(const Model *model, int32 k, const Budget *budget);

/*
 * Keep a version loaded for as long as there is the current context, which an
 * error deletes too, also one that somebody catches.
 */
extern void cache_pin(CachedModel *cached);

#endif							/* RECSEQ_CACHE_H */
