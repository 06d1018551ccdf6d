/*
 * image.c
 *	  The image of a version: its bytes, checked, and who holds them.
 *
 * Whoever loads an image has all of it looked at (codec_read), before anybody
 * else can find it in shared memory; whoever attaches to it need not look.
 */
#include "store/image.h"

#include "catalog/namespace.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"

#include "guc.h"
#include "memory.h"
#include "segment.h"
#include "store/chunks.h"
#include "store/shared.h"

/* What is said of an image by its origin. */
static const struct
{
	const char *name;
	int			damaged;		/* errcode */
	const char *newer_hint;
	const char *damaged_hint;
} origins[] = {
	[IMAGE_STORED] = {
		"stored", ERRCODE_DATA_CORRUPTED,
		"Install the version of recseq that trained it, or a newer one.",
		"Restore recseq's tables from a backup, or train the model again."
	},
	[IMAGE_EXPORTED] = {
		"exported", ERRCODE_INVALID_BINARY_REPRESENTATION,
		"Install the version of recseq that exported it, or a newer one.",
		"Pass the value that recseq_export_model returned, byte for byte."
	}
};

void
image_check(CodecStatus status, ImageOrigin origin)
{
	if (status == CODEC_NEWER_FORMAT || status == CODEC_OLDER_FORMAT ||
		status == CODEC_OTHER_BYTE_ORDER)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("the %s model %s", origins[origin].name, codec_message(status)),
				 errhint("%s", status == CODEC_NEWER_FORMAT ? origins[origin].newer_hint
						 : "Train the model again on this machine.")));
	if (status != CODEC_OK)
		ereport(ERROR,
				(errcode(origins[origin].damaged),
				 errmsg("the %s model %s", origins[origin].name, codec_message(status)),
				 errhint("%s", origins[origin].damaged_hint)));
}

/* Read the image of a version, which has that many bytes, and look at all of it. */
static void
read_image(const Catalog *catalog, int64 id, char *to, Size bytes)
{
	Model		model;

	if (!chunks_read(catalog->chunk, get_relname_relid("recseq_chunk_pkey", catalog->schema),
					 id, to, bytes))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("the image of a model is incomplete"),
				 errdetail("The chunks of version id " INT64_FORMAT " do not add up to its %zu bytes.",
						   id, bytes),
				 errhint("Restore recseq's tables from a backup, or train the model again.")));
	image_check(codec_read(&model, to, bytes), IMAGE_STORED);
}

/*
 * Load an image into a segment and publish it; NULL: there is no room.  No lock
 * is held meanwhile: of backends that load the same image at the same time one
 * publishes it, and the others throw theirs away.
 */
static dsm_segment *
load_segment(const Catalog *catalog, int64 id, SharedKey key)
{
	Size		bytes = catalog_image_bytes(catalog, id);
	dsm_segment *segment;

	if (bytes / 1024 >= recseq_shared_cache_size)
		return NULL;
	segment = segment_create(bytes);
	if (segment == NULL)
		return NULL;
	read_image(catalog, id, dsm_segment_address(segment), bytes);
	if (shared_publish(key, segment))
	{
		dsm_pin_mapping(segment);
		return segment;
	}
	dsm_detach(segment);
	return shared_attach(key);
}

bool
image_share(const Catalog *catalog, int64 id, Image *image, bool *attached)
{
	SharedKey	key = {MyDatabaseId, catalog->chunk, id};
	dsm_segment *segment = shared_attach(key);

	*attached = segment != NULL;
	if (segment == NULL)
		segment = load_segment(catalog, id, key);
	if (segment == NULL)
		return false;
	*image = (Image) {
		.bytes = dsm_segment_address(segment),
		.length = dsm_segment_map_length(segment),
		.segment = segment
	};
	return true;
}

Image
image_load(const Catalog *catalog, int64 id)
{
	Size		bytes = catalog_image_bytes(catalog, id);
	char	   *to = allocate_aligned(bytes);

	read_image(catalog, id, to, bytes);
	return (Image) {.bytes = to, .length = bytes};
}
