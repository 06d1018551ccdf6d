/*
 * fields.h
 *	  JSON objects of a description that nobody vouches for: which fields each
 *	  has, of which type and in which range, and how they are read.
 */
#ifndef RECSEQ_FIELDS_H
#define RECSEQ_FIELDS_H

#include "postgres.h"

#include "utils/jsonb.h"

#include "compat.h"

/* Whole numbers are compared as double precision, which is exact so far. */
#define MAX_COUNT 9007199254740992.0

typedef enum FieldType
{
	FIELD_TEXT,					/* of at most VERSION_MAX_TEXT bytes */
	FIELD_TEXTS,				/* array of at most so many of these */
	FIELD_BOOLEAN,
	FIELD_INTEGER,
	FIELD_BIGINT,				/* any int8, exactly; within the range as a double */
	FIELD_NUMBER,
	FIELD_SHARE,				/* number below the highest, also when it is rounded to a float */
	FIELD_OBJECT,
	FIELD_ARRAY
} FieldType;

typedef enum Presence
{
	REQUIRED,
	NULLABLE,					/* there, but null where there is none */
	OPTIONAL
} Presence;

typedef struct Field
{
	const char *name;
	FieldType	type;
	Presence	presence;
	double		low;			/* of numbers */
	double		high;			/* of these, and of how many texts there are */
} Field;

/* Complain that what the description says of a field cannot be. */
pg_noreturn extern void fields_complain(const char *field);

/* Check that an object has these fields, as the table says, and no others. */
extern void fields_check(JsonbContainer *object, const Field *fields, int count);

/* ------------------------------------------------ of objects that have been checked */

extern JsonbContainer *field_container(JsonbContainer *object, const char *name);
extern char *field_text(JsonbContainer *object, const char *name);
extern bool field_boolean(JsonbContainer *object, const char *name);

/* null: NAN. */
extern double field_number(JsonbContainer *object, const char *name);

#endif							/* RECSEQ_FIELDS_H */
