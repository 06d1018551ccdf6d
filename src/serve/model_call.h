/*
 * model_call.h
 *	  What the functions that answer from a model have in common.
 */
#ifndef RECSEQ_MODEL_CALL_H
#define RECSEQ_MODEL_CALL_H

#include "postgres.h"

#include "fmgr.h"
#include "portability/instr_time.h"

#include "data/arrays.h"
#include "memory.h"
#include "serve/cache.h"

/* The arguments k, model and version. */
typedef struct ModelCall
{
	CachedModel *cached;		/* valid as cache_get says */
	const char *model_name;
	int64		version;		/* its id */
	int32		k;				/* 0 or more */
	instr_time	start;
} ModelCall;

/*
 * Read them, which are the second to the fourth; complain about what is null or
 * out of range, or does not exist.
 */
extern ModelCall model_call_begin(FunctionCallInfo fcinfo);

/*
 * Complain of fewer arguments than this many: the SQL definitions are then those of
 * an older version than the library, and reading on would be reading anything.
 */
extern void check_has_arguments(FunctionCallInfo fcinfo, int arguments);

/* The same for a function without k; argument: the number of model, which version follows. */
extern ModelCall model_call_without_k(FunctionCallInfo fcinfo, int argument);

/* Count a call that has answered, with so many rows. */
extern void model_call_end(const ModelCall *call, int64 rows);

/* Complain if the model has no categories; argument: what is given nevertheless. */
extern void check_has_categories(const ModelCall *call, const char *argument);

/*
 * An array of ids that are comparable with those of a vocabulary: texts that
 * show integers are read as such; integers are never taken for texts.
 */
typedef struct ModelIds
{
	IdReader	reader;
	const ModelCall *call;
	const Vocabulary *vocabulary;
	const char *what;			/* its name, for messages */
} ModelIds;

extern ModelIds model_ids_start(const ModelCall *call, const IdArray *array,
								const Vocabulary *vocabulary, const char *what);

/*
 * Make an id, a text, comparable with those of a vocabulary; an error if it shows
 * no integer where they are.
 */
extern void model_id_check(const ModelCall *call, const Vocabulary *vocabulary, const char *what,
						   Id *id);

/* The next id; false: it is null. */
extern bool model_ids_next(ModelIds *ids, Id *id);

/* The value of a feature that the next id means; 0: none, or unknown. */
extern int32 model_ids_next_value(ModelIds *ids);

/*
 * Which values of the category an array of ids names, 0 not among them; what: its
 * name.  An error if the model has no categories.
 */
extern bool *model_categories_named(const ModelCall *call, const IdArray *array,
									const char *what, const Budget *budget);

#endif							/* RECSEQ_MODEL_CALL_H */
