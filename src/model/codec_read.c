/*
 * codec_read.c
 *	  A model read from bytes, of which nothing is believed.
 */
#include "model/codec.h"

#include <math.h>
#include <string.h>

#include "nn/nn.h"
#include "model/image_layout.h"

/* The times there are, in microseconds since 2000: 4714 BC to 294276 AD, as PostgreSQL has them. */
#define FIRST_TIME INT64_C(-211813488000000000)
#define END_OF_TIME INT64_C(9223371331200000000)

/* Columns of a source that mean something else, so that no feature can be read from them. */
static const char *const reserved_names[] = {"items", "times"};

const char *
codec_message(CodecStatus status)
{
	switch (status)
	{
		case CODEC_OK:
			return "is sound";
		case CODEC_TRUNCATED:
			return "is shorter or longer than it says";
		case CODEC_NOT_A_MODEL:
			return "does not begin like a model";
		case CODEC_NEWER_FORMAT:
			return "has a format that this version of recseq does not know";
		case CODEC_OLDER_FORMAT:
			return "has a format that this version of recseq no longer reads";
		case CODEC_OTHER_BYTE_ORDER:
			return "was made on a machine with another byte order";
		case CODEC_CHECKSUM:
			return "does not match its checksum";
		case CODEC_INCONSISTENT:
			return "contradicts itself";
	}
	return "cannot be read";
}

typedef struct Reader
{
	const char *image;
	size_t		bytes;
	const Section *table;
	uint32_t	sections;
	bool		trusted;		/* contents are known to be sound */
} Reader;

/* The start of a section, or NULL; *bytes: its size. */
static const char *
find_section(const Reader *reader, uint32_t tag, size_t *bytes)
{
	for (uint32_t i = 0; i < reader->sections; i++)
	{
		const Section *section = &reader->table[i];

		if (section->tag != tag)
			continue;
		if (section->offset % ARENA_ALIGNMENT != 0 ||
			section->offset > reader->bytes ||
			section->bytes > reader->bytes - section->offset)
			return NULL;
		*bytes = section->bytes;
		return reader->image + section->offset;
	}
	return NULL;
}

/* A section of just that many bytes, or NULL. */
static const void *
find_exact(const Reader *reader, uint32_t tag, size_t expected)
{
	size_t		bytes;
	const char *start = find_section(reader, tag, &bytes);

	return start != NULL && bytes == expected ? start : NULL;
}

static bool
read_vocabulary(const Reader *reader, uint32_t tag, int32_t count,
				Vocabulary *vocabulary)
{
	size_t		bytes;
	const char *start = find_section(reader, tag, &bytes);

	return start != NULL &&
		vocabulary_read(vocabulary, start, bytes, reader->trusted) &&
		vocabulary->count == count;
}

/*
 * Whether the items are in their order: by falling count, then ascending, so
 * each of them once.  There is at least one event: shares are of their sum.
 */
static bool
popular_valid(const int32_t *popular, const int32_t *item_count, int32_t items)
{
	if (items > 0 && item_count[popular[0]] == 0)
		return false;
	for (int32_t i = 1; i < items; i++)
	{
		int32_t		before = item_count[popular[i - 1]];
		int32_t		here = item_count[popular[i]];

		if (before < here || (before == here && popular[i - 1] >= popular[i]))
			return false;
	}
	return true;
}

/* A section of one 32-bit number an item, each in 0 .. limit - 1; or NULL. */
static const int32_t *
read_per_item(const Reader *reader, uint32_t tag, int32_t items, int32_t limit)
{
	const int32_t *values = find_exact(reader, tag, (size_t) items * sizeof(int32_t));

	for (int32_t i = 0; values != NULL && !reader->trusted && i < items; i++)
	{
		if (values[i] < 0 || values[i] >= limit)
			return NULL;
	}
	return values;
}

/* Whether every one is a number. */
static bool
all_finite(const float *values, size_t count)
{
	for (size_t i = 0; i < count; i++)
	{
		if (!isfinite(values[i]))
			return false;
	}
	return true;
}

/* Whether a section is a name that feature f can have: that of a column, and of no other feature. */
static bool
feature_name_valid(const char *name, int32_t f, const Model *model)
{
	size_t		length = strnlen(name, MODEL_FEATURE_NAME);

	for (size_t i = length; i < MODEL_FEATURE_NAME; i++)
	{
		if (name[i] != '\0')
			return false;
	}
	for (size_t i = 0; i < sizeof(reserved_names) / sizeof(reserved_names[0]); i++)
	{
		if (strcmp(name, reserved_names[i]) == 0)
			return false;
	}
	for (int32_t other = 0; other < f; other++)
	{
		if (strcmp(name, model->feature_name[other]) == 0)
			return false;
	}
	return length > 0;
}

static bool
read_feature(const Reader *reader, int32_t f, Model *model)
{
	const Config *config = &model->config;
	uint32_t	number = (uint32_t) f;
	const char *name = find_exact(reader, SECTION_FEATURE_NAME + number,
								  MODEL_FEATURE_NAME);

	if (name == NULL || name[MODEL_FEATURE_NAME - 1] != '\0' ||
		(!reader->trusted && !feature_name_valid(name, f, model)))
		return false;
	memcpy(model->feature_name[f], name, MODEL_FEATURE_NAME);
	model->item_feature[f] = read_per_item(reader, SECTION_ITEM_FEATURE + number,
										   config->items, config->feature_values[f]);
	return model->item_feature[f] != NULL &&
		read_vocabulary(reader, SECTION_FEATURE_VALUES + number,
						config->feature_values[f] - 1, &model->feature_values[f]);
}

/* Read which items cannot be sold; the bits after the last item are 0. */
static bool
read_unavailable(const Reader *reader, Model *model)
{
	size_t		bytes;
	int32_t		items = model->config.items;

	if (find_section(reader, SECTION_UNAVAILABLE, &bytes) == NULL)
		return true;
	model->unavailable = find_exact(reader, SECTION_UNAVAILABLE, exclusion_bytes(items));
	if (model->unavailable == NULL)
		return false;
	return items % 8 == 0 || model->unavailable[items / 8] >> (items % 8) == 0;
}

static bool
is_flag(int32_t value)
{
	return value == 0 || value == 1;
}

/* Whether the second stage's own numbers are possible; of a ranker that it has not they are 0. */
static bool
stored_rank_valid(const StoredRank *stored)
{
	if (!is_flag(stored->kinds) || !is_flag(stored->times) ||
		stored->origin < FIRST_TIME || stored->origin >= END_OF_TIME)
		return false;
	for (int r = 0; r < RANKERS; r++)
	{
		bool		fitted = r == RANKER_PLAIN || stored->kinds || stored->times;

		if (!(stored->missed[r] >= 0 && stored->missed[r] <= (fitted ? 1 : 0)) ||
			!all_finite(stored->vote[r].weight, VOTES))
			return false;
		for (int v = 0; v < VOTES; v++)
		{
			if (!fitted && stored->vote[r].weight[v] != 0)
				return false;
		}
	}
	return true;
}

/* Whether the counts list for sale just what the catalog has, which a model need not know. */
static bool
sale_is_available(const Model *model)
{
	const Counts *counts = &model->rank.counts;
	int64_t		available = 0;

	for (int32_t i = 0; model->unavailable != NULL && i < model->config.items; i++)
		available += !exclusion_test(model->unavailable, i);
	for (int64_t i = 0; i < counts->sizes.on_sale; i++)
	{
		if (exclusion_test(model->unavailable, counts->sale[i]))
			return false;
	}
	return counts->sizes.on_sale == available;
}

/* Whether the counts are possible, and those of this model's items. */
static bool
model_counts_valid(const Model *model)
{
	const Counts *counts = &model->rank.counts;

	for (int32_t i = 0; i < model->config.items; i++)
	{
		int64_t		events = counts->item[i].events;

		if (counts->item_category[i] !=
			(model->config.features > 0 ? model->item_feature[0][i] : 0) ||
			model->item_count[i] != (events < INT32_MAX - 1 ? events : INT32_MAX - 1))
			return false;
	}
	return counts_valid(counts) && sale_is_available(model);
}

/* Read the second stage, which a model need not have. */
static bool
read_rank(const Reader *reader, Model *model)
{
	RankStage  *stage = &model->rank;
	const Config *config = &model->config;
	size_t		bytes;
	const StoredRank *stored;
	const CountsSizes *sizes;
	const char *counts;
	const char *purchases;
	Arena		place = {0};

	if (find_section(reader, SECTION_RANK, &bytes) == NULL)
		return find_section(reader, SECTION_COUNTS, &bytes) == NULL;
	stored = find_exact(reader, SECTION_RANK, sizeof(*stored));
	sizes = find_exact(reader, SECTION_COUNTS_SIZES, sizeof(*sizes));
	if (stored == NULL || sizes == NULL ||
		!counts_sizes_valid(sizes, config->items,
							config->features > 0 ? config->feature_values[0] : 1) ||
		(!reader->trusted && !stored_rank_valid(stored)))
		return false;
	model->origin = stored->origin;
	stage->kinds = stored->kinds != 0;
	stage->times = stored->times != 0;
	memcpy(stage->missed, stored->missed, sizeof(stage->missed));
	memcpy(stage->vote, stored->vote, sizeof(stage->vote));
	counts = find_exact(reader, SECTION_COUNTS, image_counts_bytes(sizes));
	if (counts == NULL)
		return false;
	place.base = (char *) counts;
	counts_place(&stage->counts, &place, sizes);
	for (int r = 0; r < image_rankers(stage); r++)
	{
		const float *block = find_exact(reader, SECTION_RANKER + (uint32_t) r,
										ranker_count() * sizeof(float));

		if (block == NULL || (!reader->trusted && !all_finite(block, ranker_count())))
			return false;
		ranker_bind(&stage->ranker[r], (float *) block);
	}
	stage->present = true;
	purchases = find_section(reader, SECTION_PURCHASES, &bytes);
	return purchases != NULL &&
		vocabulary_read(&model->purchases, purchases, bytes, reader->trusted) &&
		model->purchases.kind == ID_TEXT &&	/* kinds of events are looked up as such */
		(reader->trusted || model_counts_valid(model));
}

static bool
read_sections(const Reader *reader, Model *model)
{
	Config	   *config = &model->config;
	const StoredConfig *stored = find_exact(reader, SECTION_CONFIG, sizeof(*stored));
	const float *block;
	const char *index;
	Arena		place = {0};

	if (stored == NULL || !is_flag(stored->bidirectional) || !is_flag(stored->attention) ||
		!is_flag(stored->tied) || !is_flag(stored->residual) || !is_flag(stored->copy))
		return false;
	*config = image_restore_config(stored);
	if (config_problem(config) != NULL)
		return false;
	for (int32_t f = config->features; f < CONFIG_MAX_FEATURES; f++)
	{
		if (stored->feature_values[f] != 0)
			return false;		/* of a feature that there is not */
	}
	block = find_exact(reader, SECTION_PARAMETERS, params_count(config) * sizeof(float));
	if (block == NULL ||
		(!reader->trusted && !all_finite(block, params_count(config))))
		return false;
	params_bind(&model->params, config, (float *) block);
	if (!read_vocabulary(reader, SECTION_ITEMS, config->items, &model->items))
		return false;
	model->item_count = read_per_item(reader, SECTION_ITEM_COUNT, config->items, INT32_MAX);
	model->popular = read_per_item(reader, SECTION_POPULAR, config->items, config->items);
	if (model->item_count == NULL || model->popular == NULL ||
		(!reader->trusted && !popular_valid(model->popular, model->item_count, config->items)))
		return false;
	if (!read_unavailable(reader, model))
		return false;
	index = find_exact(reader, SECTION_SCAN, image_index_bytes(config));
	if (index == NULL)
		return false;
	place.base = (char *) index;
	coded_weights_place(&model->index, &place, config->items, config_output_dim(config));
	if (!reader->trusted && !coded_weights_valid(&model->index, config_output_dim(config)))
		return false;
	for (int32_t f = 0; f < config->features; f++)
	{
		if (!read_feature(reader, f, model))
			return false;
	}
	return read_rank(reader, model);
}

/*
 * Whether the sections lie as they are written for that model: so none overlap,
 * and there is nothing in the image that is not looked at.
 */
static bool
is_laid_out(const Reader *reader, const Model *model)
{
	Section		table[MAX_SECTIONS] = {0};
	Writer		writer = {.table = table};

	image_write_sections(&writer, model);
	return writer.used == reader->bytes && writer.sections == reader->sections &&
		memcmp(table, reader->table, sizeof(table)) == 0;
}

/* Find the table of sections of an image whose header is sound. */
static void
set_table(Reader *reader)
{
	Header		header;

	memcpy(&header, reader->image, sizeof(header));
	reader->table = (const Section *) (reader->image + image_table_start());
	reader->sections = header.sections;
}

CodecStatus
codec_read(Model *model, const char *from, size_t bytes)
{
	Header		header;
	Reader		reader = {.image = from, .bytes = bytes};

	memset(model, 0, sizeof(*model));
	if (bytes < image_table_start() + arena_align(MAX_SECTIONS * sizeof(Section)))
		return CODEC_TRUNCATED;
	memcpy(&header, from, sizeof(header));
	if (memcmp(header.magic, MAGIC, MAGIC_BYTES) != 0)
		return CODEC_NOT_A_MODEL;
	if (header.byte_order != BYTE_ORDER_MARK)
		return CODEC_OTHER_BYTE_ORDER;
	if (header.format > CODEC_FORMAT)
		return CODEC_NEWER_FORMAT;
	if (header.format < CODEC_FORMAT)
		return header.format < 1 ? CODEC_NOT_A_MODEL : CODEC_OLDER_FORMAT;
	if (header.bytes != bytes)
		return CODEC_TRUNCATED;
	if (header.checksum != image_checksum(from, bytes))
		return CODEC_CHECKSUM;
	if (header.sections > MAX_SECTIONS)
		return CODEC_INCONSISTENT;
	set_table(&reader);
	return read_sections(&reader, model) && is_laid_out(&reader, model)
		? CODEC_OK : CODEC_INCONSISTENT;
}

void
codec_bind(Model *model, const char *from, size_t bytes)
{
	Reader		reader = {.image = from, .bytes = bytes, .trusted = true};

	memset(model, 0, sizeof(*model));
	set_table(&reader);
	read_sections(&reader, model);
}
