/*
 * image_layout.c
 *	  The sections of a model's image, in their order.
 */
#include "model/image_layout.h"

#include <string.h>

#include "nn/nn.h"
#include "model/crc32c.h"

/* What is stored as it lies in memory has no gaps, whose bytes would be of any value. */
_Static_assert(sizeof(Header) == 32 && sizeof(Section) == 24, "gaps in the header");
_Static_assert(sizeof(StoredConfig) == (15 + CONFIG_MAX_FEATURES) * 4, "gaps in the configuration");
_Static_assert(sizeof(CountsSizes) == 4 * 4 + 7 * 8, "gaps in the sizes of the counts");
_Static_assert(sizeof(Tally) == 3 * 8 + 2 * 4 && sizeof(Seen) == 6 * 4 && sizeof(Pair) == 5 * 4 &&
			   sizeof(Posting) == 2 * 4, "gaps in the counts");

_Static_assert(sizeof(StoredRank) == 8 + 2 * 4 + RANKERS * (1 + VOTES) * 4 + 4 * (RANKERS * (1 + VOTES) % 2),
			   "gaps in the second stage");

static StoredConfig
store_config(const Config *config)
{
	StoredConfig stored = {
		.items = config->items,
		.item_dim = config->item_dim,
		.features = config->features,
		.feature_dim = config->feature_dim,
		.units = config->units,
		.layers = config->layers,
		.max_length = config->max_length,
		.bidirectional = config->bidirectional,
		.attention = config->attention,
		.tied = config->tied,
		.residual = config->residual,
		.copy = config->copy,
		.scale = config->scale,
		.dropout = config->dropout,
		.embedding_dropout = config->embedding_dropout
	};

	memcpy(stored.feature_values, config->feature_values,
		   (size_t) config->features * sizeof(int32_t));
	return stored;
}

Config
image_restore_config(const StoredConfig *stored)
{
	Config		config = {
		.items = stored->items,
		.item_dim = stored->item_dim,
		.features = stored->features,
		.feature_dim = stored->feature_dim,
		.units = stored->units,
		.layers = stored->layers,
		.max_length = stored->max_length,
		.bidirectional = stored->bidirectional != 0,
		.attention = stored->attention != 0,
		.tied = stored->tied != 0,
		.residual = stored->residual != 0,
		.copy = stored->copy != 0,
		.scale = stored->scale,
		.dropout = stored->dropout,
		.embedding_dropout = stored->embedding_dropout
	};

	memcpy(config.feature_values, stored->feature_values,
		   sizeof(config.feature_values));
	return config;
}

/* Begin a section of that many bytes; returns where it goes, or NULL. */
static char *
begin_section(Writer *writer, uint32_t tag, size_t bytes)
{
	size_t		offset = writer->used;

	writer->used += arena_align(bytes);
	writer->table[writer->sections++] = (Section) {tag, 0, offset, bytes};
	return writer->image == NULL ? NULL : writer->image + offset;
}

static void
write_section(Writer *writer, uint32_t tag, const void *from, size_t bytes)
{
	char	   *to = begin_section(writer, tag, bytes);

	if (to != NULL && bytes > 0)
		memcpy(to, from, bytes);
}

static void
write_vocabulary(Writer *writer, uint32_t tag, const Vocabulary *vocabulary)
{
	char	   *to = begin_section(writer, tag, vocabulary_bytes(vocabulary));

	if (to != NULL)
		vocabulary_write(vocabulary, to);
}

size_t
image_index_bytes(const Config *config)
{
	CodedWeights	index;
	Arena		measure = {0};

	coded_weights_place(&index, &measure, config->items, config_output_dim(config));
	return measure.used;
}

size_t
image_counts_bytes(const CountsSizes *sizes)
{
	Counts		counts;
	Arena		measure = {0};

	counts_place(&counts, &measure, sizes);
	return measure.used;
}

int
image_rankers(const RankStage *stage)
{
	return stage->kinds || stage->times ? RANKERS : 1;
}

static void
write_rank(Writer *writer, const Model *model)
{
	const RankStage *stage = &model->rank;
	StoredRank	stored = {
		.origin = model->origin,
		.kinds = stage->kinds,
		.times = stage->times
	};

	memcpy(stored.missed, stage->missed, sizeof(stored.missed));
	memcpy(stored.vote, stage->vote, sizeof(stored.vote));
	write_section(writer, SECTION_RANK, &stored, sizeof(stored));
	write_vocabulary(writer, SECTION_PURCHASES, &model->purchases);
	write_section(writer, SECTION_COUNTS_SIZES, &stage->counts.sizes, sizeof(CountsSizes));
	write_section(writer, SECTION_COUNTS, stage->counts.span,
				  image_counts_bytes(&stage->counts.sizes));
	for (int r = 0; r < image_rankers(stage); r++)
		write_section(writer, SECTION_RANKER + (uint32_t) r, stage->ranker[r].block,
					  ranker_count() * sizeof(float));
}

size_t
image_table_start(void)
{
	return arena_align(sizeof(Header));
}

void
image_write_sections(Writer *writer, const Model *model)
{
	const Config *config = &model->config;
	StoredConfig stored = store_config(config);
	size_t		per_item = (size_t) config->items * sizeof(int32_t);

	writer->used = image_table_start() + arena_align(MAX_SECTIONS * sizeof(Section));
	write_section(writer, SECTION_CONFIG, &stored, sizeof(stored));
	write_section(writer, SECTION_PARAMETERS, model->params.block,
				  params_count(config) * sizeof(float));
	write_vocabulary(writer, SECTION_ITEMS, &model->items);
	write_section(writer, SECTION_ITEM_COUNT, model->item_count, per_item);
	write_section(writer, SECTION_POPULAR, model->popular, per_item);
	if (model->unavailable != NULL)
		write_section(writer, SECTION_UNAVAILABLE, model->unavailable,
					  exclusion_bytes(config->items));
	write_section(writer, SECTION_SCAN, model->index.codes, image_index_bytes(config));
	if (model->rank.present)
		write_rank(writer, model);
	for (int32_t f = 0; f < config->features; f++)
	{
		uint32_t	number = (uint32_t) f;

		write_section(writer, SECTION_FEATURE_NAME + number, model->feature_name[f],
					  MODEL_FEATURE_NAME);
		write_vocabulary(writer, SECTION_FEATURE_VALUES + number,
						 &model->feature_values[f]);
		write_section(writer, SECTION_ITEM_FEATURE + number, model->item_feature[f],
					  per_item);
	}
}

uint32_t
image_checksum(const char *image, size_t bytes)
{
	Header		header;
	uint32_t	checksum;

	memcpy(&header, image, sizeof(header));
	header.checksum = 0;
	checksum = crc32c(0, &header, sizeof(header));
	return crc32c(checksum, image + sizeof(header), bytes - sizeof(header));
}
