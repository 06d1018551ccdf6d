/*
 * codec_write.c
 *	  A model written as bytes.
 */
#include "model/codec.h"

#include <string.h>

#include "model/image_layout.h"

size_t
codec_bytes(const Model *model)
{
	Section		table[MAX_SECTIONS];
	Writer		writer = {.table = table};

	image_write_sections(&writer, model);
	return writer.used;
}

void
codec_write(const Model *model, char *to)
{
	size_t		bytes = codec_bytes(model);
	Writer		writer = {.image = to, .table = (Section *) (to + image_table_start())};
	Header		header = {
		.format = CODEC_FORMAT,
		.byte_order = BYTE_ORDER_MARK,
		.bytes = bytes
	};

	memset(to, 0, bytes);
	image_write_sections(&writer, model);
	memcpy(header.magic, MAGIC, MAGIC_BYTES);
	header.sections = writer.sections;
	memcpy(to, &header, sizeof(header));
	header.checksum = image_checksum(to, bytes);
	memcpy(to, &header, sizeof(header));
}
