/*
 * versions.h
 *	  New versions of models: stored, made the active one, and dropped when they
 *	  are more than a model keeps.
 */
#ifndef RECSEQ_VERSIONS_H
#define RECSEQ_VERSIONS_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "fmgr.h"

#include "nn/nn.h"
#include "store/as_owner.h"

#define VERSION_MODEL_NAME 64	/* bytes of a model's name, with its end */

/* The most of an option of a training, where neither network nor counts have a limit. */
#define VERSION_MAX_EPOCHS 10000
#define VERSION_MAX_BATCH_SIZE 65536
#define VERSION_MAX_NEGATIVES 65536
#define VERSION_MAX_LEARNING_RATE 10
#define VERSION_MAX_CLIP_NORM 1e6
#define VERSION_MAX_VALIDATION 0.9
#define VERSION_MAX_PURCHASES 100	/* kinds of events */
#define VERSION_MAX_TEXT (8 * NAMEDATALEN)	/* bytes of each; or of a relation's name, with its schema */

/* The least. */
#define VERSION_MIN_LEARNING_RATE 1e-8
#define VERSION_MIN_DECAY 0.001

/*
 * Whether a new version answers from now on.  The first version of a model
 * always does.
 */
typedef enum Activation
{
	ACTIVATE_ALWAYS,
	ACTIVATE_IF_BETTER,			/* not below the active version's hit rate */
	ACTIVATE_NEVER,
	ACTIVATIONS
} Activation;

/* Values of the argument "activate", by enum Activation. */
extern const char *const activation_names[ACTIVATIONS];

/* Values of the options "loss" and "validation_metric", by enum. */
extern const char *const loss_names[LOSSES];
extern const char *const metric_names[VALIDATION_METRICS];

/* What is stored of a new version besides its image. */
typedef struct NewVersion
{
	const char *model;
	Activation	activate;
	const double *hit_rate_to_reach;	/* for ACTIVATE_IF_BETTER; NULL: what is stored of
										 * the active version */
	int64		update_of;		/* id of the version that it goes on from; 0: none */
	const char *source;
	const char *options;		/* JSON object */
	const char *vocabulary;		/* JSON object */
	const char *curve;			/* JSON array, an object an epoch */
	int64		sequences;
	int64		windows;
	int32		epochs;
	int32		best_epoch;
	double		val_loss;		/* NAN: none */
	double		hit_rate;		/* NAN: none */
	double		seconds;
} NewVersion;

/* The argument "activate" of a function that stores a version. */
extern Activation version_activate_argument(FunctionCallInfo fcinfo, int arg);

/*
 * Complain unless the caller may store a version of the model: the name is well
 * formed, the transaction may write, and the model is new or the caller's.
 * function: who asks, for messages.
 */
extern void version_check_storable(const Catalog *catalog, const char *model,
								   const char *function);

/*
 * Store a version, make it the active one as version->activate says, and drop
 * versions beyond those that the model keeps.  Returns the version's number.
 */
extern int32 version_store(const Catalog *catalog, const NewVersion *version,
						   const char *image, Size bytes);

/*
 * Give a version of a locked model another image, under a new id, since images are
 * known by theirs.  What refers to it refers to the new one.
 */
extern void version_replace_image(const Catalog *catalog, const Caller *caller, int64 id,
								  const char *image, Size bytes);

/* The row of a version in recseq_version, as a JSON object in the current context. */
extern char *version_describe(const Catalog *catalog, int64 id);

/*
 * Whether a version, or one that it goes on from, learned from a relation after
 * `before`, and held out something else than `held_out` (split_describe).
 */
extern bool version_learned_from(const Catalog *catalog, int64 id, const char *relation,
								 const char *held_out, TimestampTz before);

/* Make a version of a locked model the active one; the one that was is remembered. */
extern void version_set_active(const Caller *caller, const char *model, int64 id);

/*
 * Delete the versions of a locked model whose ids a query returns; returns
 * their number.
 */
extern int32 version_delete(const Catalog *catalog, const Caller *caller, const char *query,
							int count, Oid *types, Datum *values, const char *nulls);

/*
 * Delete the versions of a locked model beyond those it keeps: the newest, the
 * active one, and the one that recseq_rollback() would activate.
 */
extern int32 version_drop_superfluous(const Catalog *catalog, const Caller *caller,
									  const char *model);

#endif							/* RECSEQ_VERSIONS_H */
