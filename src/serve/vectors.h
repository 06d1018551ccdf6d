/*
 * vectors.h
 *	  Vectors of floats as SQL arrays.
 */
#ifndef RECSEQ_VECTORS_H
#define RECSEQ_VECTORS_H

#include "postgres.h"

#include "utils/array.h"

/* So many elements may an array have (MaxArraySize, for elements that are a Datum each). */
#define MAX_REALS MaxArraySize

/* A real[] of one dimension, in the current context; count: 1 .. MAX_REALS. */
extern ArrayType *array_of_reals(const float *values, Size count);

#endif							/* RECSEQ_VECTORS_H */
