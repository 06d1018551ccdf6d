/*
 * segment.h
 *	  Segments of dynamic shared memory that may not be had.
 */
#ifndef RECSEQ_SEGMENT_H
#define RECSEQ_SEGMENT_H

#include "postgres.h"

#include "storage/dsm.h"

/*
 * Create a segment of that many bytes, mapped until the current query ends.
 * NULL: the system refuses (too little shared memory, too many segments), or
 * this is no place to find out (a parallel operation).
 */
extern dsm_segment *segment_create(Size bytes);

#endif							/* RECSEQ_SEGMENT_H */
