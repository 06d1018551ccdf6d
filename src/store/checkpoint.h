/*
 * checkpoint.h
 *	  What an interrupted job goes on from, as rows.
 */
#ifndef RECSEQ_CHECKPOINT_H
#define RECSEQ_CHECKPOINT_H

#include "postgres.h"

#include "store/as_owner.h"
#include "nn/nn.h"

/* Store the pieces as a checkpoint; returns its id, and the CRC-32C of all bytes. */
extern int64 checkpoint_store(const Caller *caller, const TrainerPiece *pieces, int count,
							  uint32 *checksum);

/*
 * Fill the pieces from a checkpoint.  False: it has other bytes than that
 * checksum is of, or another number of them.
 */
extern bool checkpoint_load(const Caller *caller, int64 id, const TrainerPiece *pieces,
							int count, uint32 checksum);

extern void checkpoint_delete(const Caller *caller, int64 id);

#endif							/* RECSEQ_CHECKPOINT_H */
