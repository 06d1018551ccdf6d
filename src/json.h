/*
 * json.h
 *	  JSON objects that are arguments.
 */
#ifndef RECSEQ_JSON_H
#define RECSEQ_JSON_H

#include "postgres.h"

#include "utils/jsonb.h"

/* Go on to the next member of a JSON object; false: there is none. */
extern bool jsonb_next_member(JsonbIterator **iterator, JsonbValue *key, JsonbValue *value);

#endif							/* RECSEQ_JSON_H */
