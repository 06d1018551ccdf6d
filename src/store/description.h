/*
 * description.h
 *	  What an exported model says of itself, besides its image.
 */
#ifndef RECSEQ_DESCRIPTION_H
#define RECSEQ_DESCRIPTION_H

#include "postgres.h"

#include "model/model.h"
#include "store/versions.h"

/* The sizes of a model's vocabularies as a JSON object. */
extern char *description_vocabulary(const Model *model);

/*
 * Read the description of an exported version, a JSON object in UTF-8, into the
 * current context, and check it: every field for its type and range, and that
 * it agrees with the image, of that many bytes, which has been read.  The texts
 * of the image must be valid in the encoding of this database.
 */
extern NewVersion description_read(const char *json, Size bytes, const Model *model,
								   Size image_bytes);

#endif							/* RECSEQ_DESCRIPTION_H */
