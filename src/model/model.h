/*
 * model.h
 *	  Both stages together: what users of the library see of it.
 *
 *	parts.h		what a model is made of
 *	rank_fit.h	fits the second stage, once the network is trained
 *	codec.h		a model as one image of bytes, with its checksum (crc32c.h)
 *	both_stages.h	from a history to the items that come next, by both stages
 *	vocabulary.h	ids and their numbers
 */
#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H

#include "model/codec.h"
#include "model/crc32c.h"
#include "model/parts.h"
#include "model/rank_fit.h"
#include "model/both_stages.h"
#include "model/vocabulary.h"

#endif							/* MODEL_MODEL_H */
