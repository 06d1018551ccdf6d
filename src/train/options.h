/*
 * options.h
 *	  Options of recseq_train as a JSON object.
 */
#ifndef RECSEQ_OPTIONS_H
#define RECSEQ_OPTIONS_H

#include "postgres.h"

#include "fmgr.h"
#include "utils/jsonb.h"

#include "store/catalog.h"

/*
 * The arguments of a call of recseq_train on `source` whose options are the
 * members of a JSON object, and else the defaults: for train_options().
 * unknown_ok: pass over members that are no options; else they are an error.
 */
extern FunctionCallInfo options_to_call(const Catalog *catalog, Oid source, Jsonb *options,
										bool unknown_ok);

/* A JSON object, in the current context. */
extern Jsonb *jsonb_of_text(const char *json);

/* The other way: the arguments of a call, but for the source, as a JSON object. */
extern char *options_of_call(FunctionCallInfo fcinfo);

/* The same call as an SQL statement. */
extern char *options_to_sql(const Catalog *catalog, Oid source, Jsonb *options);

#endif							/* RECSEQ_OPTIONS_H */
