/*
 * options.h
 *	  Options of recseq_train as a JSON object.
 */
#ifndef RECSEQ_OPTIONS_H
#define RECSEQ_OPTIONS_H

#include "postgres.h"

#include "fmgr.h"
#include "utils/jsonb.h"

#include "catalog.h"

/*
 * The arguments of a call of recseq_train on `source` whose options are the
 * members of a JSON object, and else the defaults: for train_options().
 */
extern FunctionCallInfo options_to_call(const Catalog *catalog, Oid source, Jsonb *options);

/* The same call as an SQL statement. */
extern char *options_to_sql(const Catalog *catalog, Oid source, Jsonb *options);

#endif							/* RECSEQ_OPTIONS_H */
