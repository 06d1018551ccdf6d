/*
 * arrays.h
 *	  SQL arrays of ids.
 */
#ifndef RECSEQ_ARRAYS_H
#define RECSEQ_ARRAYS_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "utils/array.h"

#include "model/model.h"

/* One id; text points into the array it came from. */
typedef struct Id
{
	const char *text;			/* NULL: an integer */
	Size		length;
	int64		integer;
} Id;

typedef struct IdArray
{
	IdKind		kind;
	int			count;
	Id		   *ids;			/* [count]; undefined where null */
	bool	   *nulls;			/* [count] */
} IdArray;

/*
 * Whether arrays with elements of this type can hold ids, and of which kind:
 * smallint, integer, bigint; text, varchar.
 */
extern bool id_kind_of_type(Oid element_type, IdKind *kind);

/* The type of the elements of an array type or a domain over one, or InvalidOid. */
extern Oid	array_element_type(Oid type);

/* Complain if an array has more than one dimension; what: its name. */
extern void check_one_dimension(ArrayType *array, const char *what);

/* Complain unless an array that runs parallel to "items" is as long. */
extern void check_parallel(const char *what, int count, int items, const char *hint);

/*
 * The ids of a one-dimensional array whose element type id_kind_of_type
 * accepts, in the current context.  what: its name, for messages.
 */
extern IdArray ids_of_array(ArrayType *array, const char *what);

/* The same, but a null element is an error. */
extern IdArray ids_of_array_without_nulls(ArrayType *array, const char *what);

/*
 * Whether element i of the values of a feature says that there is none: null,
 * or 0 where they are integers.
 */
static inline bool
is_no_value(const IdArray *values, int i)
{
	return values->nulls[i] ||
		(values->kind == ID_INTEGER && values->ids[i].integer == 0);
}

/* Whether element i of the kinds of events says that it is a purchase. */
static inline bool
is_purchase(const Vocabulary *purchases, const IdArray *events, int i)
{
	return !events->nulls[i] &&
		vocabulary_find_text(purchases, events->ids[i].text, events->ids[i].length) >= 0;
}

/* Whether two ids of one kind are the same. */
extern bool same_id(const Id *a, const Id *b);

/* The id at an index of a vocabulary; its text points into it. */
extern Id	id_at(const Vocabulary *vocabulary, int32 index);

/* Index of an id in a vocabulary of the same kind, or -1. */
extern int32 find_id(const Vocabulary *vocabulary, const Id *id);

/* The names of features as text[], in the current context. */
extern ArrayType *array_of_names(const char (*names)[MODEL_FEATURE_NAME], int count);

/* The elements of a one-dimensional timestamptz[], none of them null. */
extern const TimestampTz *times_of_array(ArrayType *array, const char *what, int *count);

/* Hours from one time to another; the other may be infinite. */
static inline double
hours_between(TimestampTz from, TimestampTz to)
{
	return ((double) to - (double) from) / USECS_PER_HOUR;
}

/* Read an id that is a text as an integer; false: it does not show one. */
extern bool integer_of_text(const Id *id, int64 *value);

/*
 * An id as a value of a result column of that type; false: it has none, since
 * it is a text and the type is not.  wide_ids_hint: what to do about an id that
 * does not fit into integer.
 */
extern bool id_to_datum(Id id, Oid type, const char *wide_ids_hint, Datum *datum);

#endif							/* RECSEQ_ARRAYS_H */
