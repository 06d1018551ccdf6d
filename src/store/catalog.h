/*
 * catalog.h
 *	  Where recseq's tables are, and which version a name means.
 */
#ifndef RECSEQ_CATALOG_H
#define RECSEQ_CATALOG_H

#include "postgres.h"

#include "fmgr.h"

#include "compat.h"

/* recseq's tables, in the schema of the function that is called. */
typedef struct Catalog
{
	Oid			schema;
	Oid			model;
	Oid			version;
	Oid			chunk;
} Catalog;

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

/*
 * The id of a version, or of the active one for version 0; an error if there is
 * none that the caller may use.
 */
extern int64 catalog_find(const Catalog *catalog, const char *model, int32 version);

/* The number of bytes of a version's image. */
extern Size catalog_image_bytes(const Catalog *catalog, int64 id);

/* The number of a version. */
extern int32 catalog_version_number(const Catalog *catalog, int64 id);

/* Complain that there is no version of that number. */
pg_noreturn extern void catalog_complain_about_version(const char *model, int32 version);

/* Complain that a version has no row, though something refers to it. */
pg_noreturn extern void catalog_complain_without_row(int64 id);

#endif							/* RECSEQ_CATALOG_H */
