/*
 * image_layout.h
 *	  What lies where in the image of a model: of what writes it and what reads it.
 */
#ifndef MODEL_IMAGE_LAYOUT_H
#define MODEL_IMAGE_LAYOUT_H

#include "model/parts.h"

#define MAGIC "RECSEQ\r\n"		/* shows a transfer that changes line ends */
#define MAGIC_BYTES 8
#define BYTE_ORDER_MARK UINT32_C(0x01020304)

typedef struct Header
{
	char		magic[MAGIC_BYTES];
	uint32_t	format;
	uint32_t	byte_order;
	uint64_t	bytes;			/* of the whole image */
	uint32_t	sections;
	uint32_t	checksum;		/* of the whole image, this field being 0 */
} Header;

/* Which section holds what; those of a feature add its number. */
enum
{
	SECTION_CONFIG = 1,
	SECTION_PARAMETERS,
	SECTION_ITEMS,
	SECTION_ITEM_COUNT,
	SECTION_POPULAR,
	SECTION_SCAN,
	SECTION_RANK,
	SECTION_PURCHASES,
	SECTION_COUNTS_SIZES,
	SECTION_COUNTS,
	SECTION_RANKER,				/* RANKERS of them */
	SECTION_FEATURE_NAME = 100,
	SECTION_FEATURE_VALUES = 200,
	SECTION_ITEM_FEATURE = 300,
	SECTION_UNAVAILABLE = 400
};

#define MAX_SECTIONS (11 + RANKERS + 3 * CONFIG_MAX_FEATURES)

/* No two sections share a tag, and the table has room for one of each. */
_Static_assert(SECTION_RANKER + RANKERS <= SECTION_FEATURE_NAME &&
			   SECTION_FEATURE_NAME + CONFIG_MAX_FEATURES <= SECTION_FEATURE_VALUES &&
			   SECTION_FEATURE_VALUES + CONFIG_MAX_FEATURES <= SECTION_ITEM_FEATURE &&
			   SECTION_ITEM_FEATURE + CONFIG_MAX_FEATURES <= SECTION_UNAVAILABLE,
			   "tags overlap");
_Static_assert(SECTION_RANKER <= 11, "the table of sections is too short");

typedef struct Section
{
	uint32_t	tag;
	uint32_t	reserved;		/* 0 */
	uint64_t	offset;			/* from the start of the image */
	uint64_t	bytes;
} Section;

/* The configuration, field by field, as it is stored. */
typedef struct StoredConfig
{
	int32_t		items;
	int32_t		item_dim;
	int32_t		features;
	int32_t		feature_values[CONFIG_MAX_FEATURES];
	int32_t		feature_dim;
	int32_t		units;
	int32_t		layers;
	int32_t		max_length;
	int32_t		bidirectional;
	int32_t		attention;
	int32_t		tied;
	int32_t		residual;
	int32_t		copy;
	float		scale;
	float		dropout;
	float		embedding_dropout;
} StoredConfig;

/* What the second stage is, likewise. */
typedef struct StoredRank
{
	int64_t		origin;
	int32_t		kinds;
	int32_t		times;
	float		missed[RANKERS];
	Vote		vote[RANKERS];
} StoredRank;

/* A table of sections as it comes to be, and the image where there is one. */
typedef struct Writer
{
	char	   *image;			/* NULL: only lay out */
	Section	   *table;			/* [MAX_SECTIONS] */
	uint32_t	sections;
	size_t		used;
} Writer;

/* Where the table of sections begins. */
extern size_t image_table_start(void);

/* The checksum of an image, with that field of its header taken as 0. */
extern uint32_t image_checksum(const char *image, size_t bytes);

/* The configuration that is stored, whose fields have been checked. */
extern Config image_restore_config(const StoredConfig *stored);

/* Lay out the sections of a model, and write them where the writer has an image. */
extern void image_write_sections(Writer *writer, const Model *model);

/* Bytes of the arrays of a scan index, which lie in one block. */
extern size_t image_index_bytes(const Config *config);

/* Bytes of the arrays of counts, which lie in one block. */
extern size_t image_counts_bytes(const CountsSizes *sizes);

/* How many rankers a stage has. */
extern int	image_rankers(const RankStage *stage);

#endif							/* MODEL_IMAGE_LAYOUT_H */
