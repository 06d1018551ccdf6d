/*
 * arrays.h
 *	  SQL arrays of ids, read where they are: an array may have many millions of
 *	  elements, of which few count.
 */
#ifndef RECSEQ_ARRAYS_H
#define RECSEQ_ARRAYS_H

#include "postgres.h"

#include "access/tupmacs.h"
#include "datatype/timestamp.h"
#include "miscadmin.h"
#include "utils/array.h"

#include "memory.h"
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
	int			width;			/* bytes of an integer, or -1: texts */
	const char *elements;		/* as the array has them */
	const bits8 *known;			/* a bit an element; NULL: none is null */
} IdArray;

/* Where one is in an array. */
typedef struct IdReader
{
	const IdArray *array;
	int			at;
	const char *element;
} IdReader;

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

/* An array that may have to be fetched, which takes memory. */
extern ArrayType *array_of_datum(Datum datum, const Budget *budget);

/*
 * The ids of a one-dimensional array, which must stay where it is.  what: its
 * name, for messages.
 */
extern IdArray ids_of_array(ArrayType *array, const char *what);

/* The same, but a null element is an error. */
extern IdArray ids_of_array_without_nulls(ArrayType *array, const char *what);

/* Read an array from its first element on. */
static inline IdReader
ids_start(const IdArray *array)
{
	return (IdReader) {array, 0, array->elements};
}

/* Go on to the next element, of which there must be one; false: it is null. */
static inline bool
ids_next(IdReader *reader, Id *id)
{
	const IdArray *array = reader->array;
	int			i = reader->at++;

	CHECK_FOR_INTERRUPTS();		/* here, so every loop over an array can be ended */
	*id = (Id) {0};
	if (array->known != NULL && (array->known[i / 8] & (1 << (i % 8))) == 0)
		return false;
	switch (array->width)
	{
		case sizeof(int16):
			id->integer = *(const int16 *) reader->element;
			break;
		case sizeof(int32):
			id->integer = *(const int32 *) reader->element;
			break;
		case sizeof(int64):
			id->integer = *(const int64 *) reader->element;
			break;
		default:
			id->text = VARDATA_ANY(reader->element);
			id->length = VARSIZE_ANY_EXHDR(reader->element);
			reader->element += VARSIZE_ANY(reader->element);
			reader->element = (const char *) att_align_nominal(reader->element, TYPALIGN_INT);
			return true;
	}
	reader->element += array->width;
	return true;
}

/* Pass over so many elements. */
static inline void
ids_skip(IdReader *reader, int count)
{
	Id			id;

	if (reader->array->known == NULL && reader->array->width > 0)
	{
		reader->at += count;
		reader->element += (Size) count * reader->array->width;
		return;
	}
	while (count-- > 0)
		ids_next(reader, &id);
}

/*
 * Likewise the next element of the values of a feature; false: there is none,
 * which a null says, and 0 where they are integers.
 */
static inline bool
ids_next_value(IdReader *reader, Id *value)
{
	return ids_next(reader, value) && (value->text != NULL || value->integer != 0);
}

/* Whether the next element of the kinds of events says that it is a purchase. */
static inline bool
ids_next_is_purchase(IdReader *reader, const Vocabulary *purchases)
{
	Id			kind;

	return ids_next(reader, &kind) &&
		vocabulary_find_text(purchases, kind.text, kind.length) >= 0;
}

/* A value of a type that is an element of an array of ids. */
extern Id	id_of_datum(Datum datum, Oid type, const char *what);

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
