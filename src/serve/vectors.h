/*
 * vectors.h
 *	  Vectors of floats as SQL arrays.
 */
#ifndef RECSEQ_VECTORS_H
#define RECSEQ_VECTORS_H

#include "postgres.h"

#include "utils/array.h"

/* A real[] of one dimension, in the current context; count: 1 or more, less than 1 GB of them. */
extern ArrayType *array_of_reals(const float *values, Size count);

#endif							/* RECSEQ_VECTORS_H */
