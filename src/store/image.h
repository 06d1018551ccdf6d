/*
 * image.h
 *	  The image of a version: its bytes, checked, and who holds them.
 */
#ifndef RECSEQ_IMAGE_H
#define RECSEQ_IMAGE_H

#include "postgres.h"

#include "storage/dsm.h"

#include "model/model.h"
#include "store/catalog.h"

typedef struct Image
{
	const char *bytes;			/* as codec_bind wants them */
	Size		length;
	dsm_segment *segment;		/* holds the bytes, until it is detached; NULL: a memory
								 * context does */
} Image;

/* Where an image comes from, for messages. */
typedef enum ImageOrigin
{
	IMAGE_STORED,
	IMAGE_EXPORTED
} ImageOrigin;

/*
 * The image of a version in memory that all backends share: attach to what one
 * of them has loaded, or load it.  False: there is no room for it.  attached: it
 * was loaded already.
 */
extern bool image_share(const Catalog *catalog, int64 id, Image *image, bool *attached);

/* The image of a version in the current context. */
extern Image image_load(const Catalog *catalog, int64 id);

/* Complain about what codec_read, or a look at what is around an image, says of it. */
extern void image_check(CodecStatus status, ImageOrigin origin);

#endif							/* RECSEQ_IMAGE_H */
