/*
 * segment.h
 *	  Shared memory: large segments that may not be had, and small named ones.
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

/*
 * The struct of that name that all backends share, which begins with an LWLock
 * of its own.  It needs no shared_preload_libraries: whoever asks first creates
 * it, and init sets up what follows the lock.  A few kilobytes at most.
 */
extern void *segment_named(const char *name, Size bytes, void (*init) (void *memory));

#endif							/* RECSEQ_SEGMENT_H */
