/*
 * space.h
 *	  The options that recseq_tune draws its trials from.
 */
#ifndef RECSEQ_SPACE_H
#define RECSEQ_SPACE_H

#include "postgres.h"

#include "utils/jsonb.h"

/* Complain unless a space is a JSON object. */
extern void space_check(Jsonb *space);

/*
 * The options of trial `number`, counted from 1: the first has those that are
 * given, the others draw the rest.  An error if the space is not of the form
 * that sql/evaluation.sql describes.
 */
extern Jsonb *space_draw(Jsonb *space, Jsonb *options, uint64 seed, int32 number);

#endif							/* RECSEQ_SPACE_H */
