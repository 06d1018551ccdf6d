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

/* What is stored of a new version besides its image. */
typedef struct NewVersion
{
	const char *model;
	const char *source;
	const char *options;		/* JSON object */
	const char *vocabulary;		/* JSON object */
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
 * The argument that names a version, for catalog_find: 0 where it is null, an
 * error where it is no version's number.
 */
extern int32 catalog_version_argument(FunctionCallInfo fcinfo, int arg);

/*
 * The id of a version, or of the active one for version 0; an error if there is
 * none that the caller may use.
 */
extern int64 catalog_find(const Catalog *catalog, const char *model, int32 version);

/* The number of bytes of a version's image. */
extern Size catalog_image_bytes(const Catalog *catalog, int64 id);

/* Copy the image of a version, which has that many bytes, to `to`. */
extern void catalog_load(const Catalog *catalog, int64 id, char *to, Size bytes);

/*
 * Complain unless the caller may train the model: the name is well formed, the
 * transaction may write, and the model is new or the caller's.
 */
extern void catalog_check_trainable(const Catalog *catalog, const char *model);

/* Store a version and make it the active one; returns its number. */
extern int32 catalog_store(const Catalog *catalog, const NewVersion *version,
						   const char *image, Size bytes);

#endif							/* RECSEQ_CATALOG_H */
