/*
 * catalog.h
 *	  Models and their versions as rows.
 */
#ifndef RECSEQ_CATALOG_H
#define RECSEQ_CATALOG_H

#include "postgres.h"

#include "fmgr.h"

#define CATALOG_MODEL_NAME 64	/* bytes of a model's name, with its end */

/* recseq's tables, in the schema of the function that is called. */
typedef struct Catalog
{
	Oid			schema;
	Oid			model;
	Oid			version;
	Oid			chunk;
} Catalog;

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

extern const char *const activation_names[ACTIVATIONS];

/* What is stored of a new version besides its image. */
typedef struct NewVersion
{
	const char *model;
	Activation	activate;
	const double *hit_rate_to_reach;	/* for ACTIVATE_IF_BETTER; NULL: what is stored of
										 * the active version */
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

/* Find the tables beside the function that is called. */
extern Catalog catalog_open(FunctionCallInfo fcinfo);

/*
 * Find them where no function of recseq's is called, and keep the extension from
 * being dropped until the transaction ends.  False: the database does not have it.
 */
extern bool catalog_open_extension(Catalog *catalog);

/*
 * The argument that names a version, for catalog_find: 0 where it is null, an
 * error where it is no version's number.
 */
extern int32 catalog_version_argument(FunctionCallInfo fcinfo, int arg);

/* The argument "activate" of a function that stores a version. */
extern Activation catalog_activate_argument(FunctionCallInfo fcinfo, int arg);

/*
 * The id of a version, or of the active one for version 0; an error if there is
 * none that the caller may use.
 */
extern int64 catalog_find(const Catalog *catalog, const char *model, int32 version);

/* The number of bytes of a version's image. */
extern Size catalog_image_bytes(const Catalog *catalog, int64 id);

/* Copy the image of a version, which has that many bytes, to `to`. */
extern void catalog_load(const Catalog *catalog, int64 id, char *to, Size bytes);

/* The number of a version. */
extern int32 catalog_version_number(const Catalog *catalog, int64 id);

/* The row of a version in recseq_version, as a JSON object in the current context. */
extern char *catalog_describe(const Catalog *catalog, int64 id);

/*
 * Complain unless the caller may store a version of the model: the name is well
 * formed, the transaction may write, and the model is new or the caller's.
 * function: who asks, for messages.
 */
extern void catalog_check_trainable(const Catalog *catalog, const char *model,
									const char *function);

/*
 * Store a version, make it the active one as version->activate says, and drop
 * versions beyond those that the model keeps.  Returns the version's number.
 */
extern int32 catalog_store(const Catalog *catalog, const NewVersion *version,
						   const char *image, Size bytes);

/*
 * The id of a new version.  Loaded models are found by it, so it must not come
 * again, not even where the tables are emptied and filled from elsewhere.
 */
extern int64 catalog_new_id(void);

/* ------------------------------------------------ statements of recseq's own */

/* Who calls, while statements run as the owner of recseq's tables. */
typedef struct Caller
{
	Oid			user;
	int			security;
	const char *schema;			/* of recseq's tables, quoted */
} Caller;

/* Run as the owner of recseq's tables, and connected to SPI, until catalog_become_caller(). */
extern Caller catalog_become_owner(const Catalog *catalog);
extern void catalog_become_caller(const Caller *caller);

/*
 * Run a statement in which %s stands for the schema; nulls as SPI wants them.
 * Returns the number of rows.
 */
extern uint64 catalog_run(const Caller *owner_of, const char *statement, int count, Oid *types,
						  Datum *values, const char *nulls);

/* A column of the first row that catalog_run() returned; null: 0. */
extern Datum catalog_first_row(int column);

#endif							/* RECSEQ_CATALOG_H */
