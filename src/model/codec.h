/*
 * codec.h
 *	  A model as bytes.
 *
 * The image begins with a header (magic, format version, byte order, size,
 * checksum), followed by a table of sections and the sections, each at a
 * multiple of the arena's alignment.  It is used where it lies, without a copy.
 */
#ifndef NN_CODEC_H
#define NN_CODEC_H

#include "model/parts.h"

#define CODEC_FORMAT 4			/* raised when older code cannot read it, or it older images */

typedef enum CodecStatus
{
	CODEC_OK = 0,
	CODEC_TRUNCATED,
	CODEC_NOT_A_MODEL,
	CODEC_NEWER_FORMAT,
	CODEC_OLDER_FORMAT,
	CODEC_OTHER_BYTE_ORDER,
	CODEC_CHECKSUM,
	CODEC_INCONSISTENT
} CodecStatus;

/* What a status means, as the rest of the sentence "the model ...". */
extern const char *codec_message(CodecStatus status);

/* Bytes of a model's image. */
extern size_t codec_bytes(const Model *model);

/* Write the image to `to`, aligned to ARENA_ALIGNMENT. */
extern void codec_write(const Model *model, char *to);

/*
 * Point *model into an image of that many bytes, aligned likewise.  Trusts
 * nothing: whatever the bytes are, it either succeeds with a model that could
 * have been written, every index and number in range, or returns what is wrong.
 */
extern CodecStatus codec_read(Model *model, const char *from, size_t bytes);

/* The same for an image that codec_read has accepted before: looks at no content. */
extern void codec_bind(Model *model, const char *from, size_t bytes);

#endif							/* NN_CODEC_H */
