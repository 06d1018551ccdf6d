/*
 * codec_test.c
 *	  A model and its image: what is written is read again, and nothing that is
 *	  damaged, cut or forged is taken for a model, nor does it harm.
 */
#include "image.h"
#include "tap.h"

#define MUTATIONS 20000			/* of each kind of model */

static bool
same_vocabulary(const Vocabulary *a, const Vocabulary *b)
{
	if (a->kind != b->kind || a->count != b->count)
		return false;
	if (a->kind == ID_INTEGER)
		return a->count == 0 ||
			memcmp(a->integers, b->integers, (size_t) a->count * sizeof(int64_t)) == 0;
	return memcmp(a->offsets, b->offsets, ((size_t) a->count + 1) * sizeof(uint64_t)) == 0 &&
		memcmp(a->bytes, b->bytes, a->offsets[a->count]) == 0;
}

static bool
same_config(const Config *a, const Config *b)
{
	for (int32_t f = 0; f < a->features; f++)
	{
		if (a->feature_values[f] != b->feature_values[f])
			return false;
	}
	return a->items == b->items && a->item_dim == b->item_dim &&
		a->features == b->features && a->feature_dim == b->feature_dim &&
		a->units == b->units && a->layers == b->layers &&
		a->max_length == b->max_length && a->bidirectional == b->bidirectional &&
		a->attention == b->attention && a->tied == b->tied && a->dropout == b->dropout &&
		a->embedding_dropout == b->embedding_dropout && a->scale == b->scale &&
		a->residual == b->residual && a->copy == b->copy;
}

static bool
same_index(const CodedWeights *a, const CodedWeights *b, int32_t items)
{
	size_t		whole = (size_t) (items + CODES_BLOCK - 1) / CODES_BLOCK * CODES_BLOCK;

	return a->items == b->items && a->columns == b->columns &&
		memcmp(a->codes, b->codes, whole * (size_t) a->columns) == 0 &&
		memcmp(a->code_sum, b->code_sum, whole * sizeof(int32_t)) == 0 &&
		memcmp(a->scale, b->scale, whole * sizeof(float)) == 0 &&
		memcmp(a->residual_norm, b->residual_norm, whole * sizeof(float)) == 0 &&
		memcmp(a->norm, b->norm, whole * sizeof(float)) == 0;
}

static bool
same_stage(const RankStage *a, const RankStage *b)
{
	bool		same = a->present == b->present;

	if (!same || !a->present)
		return same;
	for (int r = 0; r < RANKERS; r++)
		same &= memcmp(a->ranker[r].block, b->ranker[r].block, ranker_count() * sizeof(float)) == 0;
	return same && a->kinds == b->kinds && a->times == b->times &&
		memcmp(a->missed, b->missed, sizeof(a->missed)) == 0 &&
		memcmp(a->vote, b->vote, sizeof(a->vote)) == 0 &&
		memcmp(&a->counts.sizes, &b->counts.sizes, sizeof(CountsSizes)) == 0 &&
		memcmp(a->counts.token, b->counts.token,
			   (size_t) a->counts.sizes.tokens * sizeof(int32_t)) == 0 &&
		memcmp(a->counts.item_pairs.pair, b->counts.item_pairs.pair,
			   (size_t) a->counts.sizes.item_pairs * sizeof(Pair)) == 0;
}

/* Compare what was read with what was written. */
static void
check_same(const char *how, int kind, const Model *model, const Model *read)
{
	const Config *config = &model->config;
	size_t		per_item = (size_t) config->items * sizeof(int32_t);

	ok(same_config(config, &read->config), "model %d %s: configuration", kind, how);
	ok(read->params.count == model->params.count &&
	   memcmp(read->params.block, model->params.block,
			  model->params.count * sizeof(float)) == 0,
	   "model %d %s: parameters", kind, how);
	ok(same_vocabulary(&model->items, &read->items), "model %d %s: item ids", kind, how);
	ok(memcmp(model->item_count, read->item_count, per_item) == 0,
	   "model %d %s: item counts", kind, how);
	ok(memcmp(model->popular, read->popular, per_item) == 0,
	   "model %d %s: popular items", kind, how);
	ok((model->unavailable == NULL) == (read->unavailable == NULL) &&
	   (model->unavailable == NULL ||
		memcmp(model->unavailable, read->unavailable, exclusion_bytes(config->items)) == 0),
	   "model %d %s: items that cannot be sold", kind, how);
	ok(same_index(&model->index, &read->index, config->items),
	   "model %d %s: index of the output weights", kind, how);
	ok(same_stage(&model->rank, &read->rank) && model->origin == read->origin,
	   "model %d %s: second stage", kind, how);
	for (int32_t f = 0; f < config->features; f++)
	{
		ok(strcmp(model->feature_name[f], read->feature_name[f]) == 0,
		   "model %d %s: name of feature %d", kind, how, f);
		ok(same_vocabulary(&model->feature_values[f], &read->feature_values[f]),
		   "model %d %s: values of feature %d", kind, how, f);
		ok(memcmp(model->item_feature[f], read->item_feature[f], per_item) == 0,
		   "model %d %s: feature %d of the items", kind, how, f);
	}
}

static void
check_round_trip(int kind, const Model *model, const Image *image)
{
	Model		read;
	Image		again;

	ok(image->size == codec_bytes(model) && image->size % ARENA_ALIGNMENT == 0,
	   "model %d: size of the image", kind);
	ok(codec_read(&read, image->bytes, image->size) == CODEC_OK, "model %d: is read", kind);
	check_same("read", kind, model, &read);
	again = image_of(&read);
	ok(again.size == image->size && memcmp(again.bytes, image->bytes, again.size) == 0,
	   "model %d: written again it is the same to the byte", kind);
	codec_bind(&read, image->bytes, image->size);
	check_same("bound", kind, model, &read);
	free(again.bytes);
}

/* What is wrong where byte `at` of the header is. */
static CodecStatus
expected_of_header(size_t at)
{
	if (at < IMAGE_FORMAT)
		return CODEC_NOT_A_MODEL;
	if (at >= IMAGE_BYTE_ORDER && at < IMAGE_BYTES)
		return CODEC_OTHER_BYTE_ORDER;
	if (at >= IMAGE_BYTES && at < IMAGE_SECTIONS)
		return CODEC_TRUNCATED;
	return CODEC_CHECKSUM;
}

static void
check_header(int kind, const Image *sound)
{
	for (size_t at = 0; at < IMAGE_TABLE; at++)
	{
		bool		refused = true;

		for (int value = 1; value < 256; value++)
		{
			Image		image = image_copy(sound, sound->size);
			CodecStatus status;

			image.bytes[at] ^= (char) value;
			status = image_try(&image);
			if (at >= IMAGE_FORMAT && at < IMAGE_BYTE_ORDER)
				refused &= status != CODEC_OK;
			else
				refused &= status == expected_of_header(at);
			free(image.bytes);
		}
		ok(refused, "model %d: byte %zu of the header, changed to anything", kind, at);
	}
}

/* A header that says what it should not, with a checksum that is right. */
static void
check_signed_header(const Image *sound)
{
	Image		image = image_copy(sound, sound->size);

	put32(&image, IMAGE_FORMAT, CODEC_FORMAT + 1);
	image_sign(&image);
	ok(image_try(&image) == CODEC_NEWER_FORMAT, "the next format");
	put32(&image, IMAGE_FORMAT, UINT32_MAX);
	image_sign(&image);
	ok(image_try(&image) == CODEC_NEWER_FORMAT, "the last format there can be");
	put32(&image, IMAGE_FORMAT, CODEC_FORMAT - 1);
	image_sign(&image);
	ok(image_try(&image) == CODEC_OLDER_FORMAT, "the format before");
	put32(&image, IMAGE_FORMAT, 0);
	image_sign(&image);
	ok(image_try(&image) != CODEC_OK, "format 0, which there never was");
	put32(&image, IMAGE_FORMAT, CODEC_FORMAT);

	put32(&image, IMAGE_BYTE_ORDER, __builtin_bswap32(get32(sound, IMAGE_BYTE_ORDER)));
	put32(&image, IMAGE_FORMAT, __builtin_bswap32(CODEC_FORMAT));
	put64(&image, IMAGE_BYTES, __builtin_bswap64(sound->size));
	ok(image_try(&image) == CODEC_OTHER_BYTE_ORDER, "the other byte order");
	free(image.bytes);

	image = image_copy(sound, sound->size);
	for (int i = 0; i < 4; i++)
	{
		uint64_t	bytes[] = {0, sound->size - 1, sound->size + 1, UINT64_MAX};

		put64(&image, IMAGE_BYTES, bytes[i]);
		image_sign(&image);
		ok(image_try(&image) == CODEC_TRUNCATED, "a size of %llu",
		   (unsigned long long) bytes[i]);
	}
	put64(&image, IMAGE_BYTES, sound->size);
	for (uint32_t i = 0; i < 4; i++)
	{
		uint32_t	sections[] = {0, 1, 1000, UINT32_MAX};

		put32(&image, IMAGE_SECTIONS, sections[i]);
		image_sign(&image);
		ok(image_try(&image) == CODEC_INCONSISTENT, "%u sections", sections[i]);
	}
	free(image.bytes);
}

/* Cut an image there, the header as it was and then as it should be. */
static bool
cut_is_refused(const Image *sound, size_t size)
{
	Image		image = image_copy(sound, size);
	bool		refused = image_try(&image) == CODEC_TRUNCATED;

	if (size >= IMAGE_HEADER)
	{
		put64(&image, IMAGE_BYTES, size);
		image_sign(&image);
		refused &= image_try(&image) != CODEC_OK;
	}
	free(image.bytes);
	return refused;
}

static void
check_cuts(int kind, const Image *sound)
{
	bool		refused = true;
	Image		image;

	for (size_t size = 0; size <= entry_place(get32(sound, IMAGE_SECTIONS)); size++)
		refused &= cut_is_refused(sound, size);
	ok(refused, "model %d: cut anywhere in the header or the table", kind);
	for (uint32_t n = 0; n < get32(sound, IMAGE_SECTIONS); n++)
	{
		ImageSection section = image_entry(sound, n);

		refused = cut_is_refused(sound, section.offset);
		if (section.bytes > 0)
			refused &= cut_is_refused(sound, section.offset + section.bytes / 2) &&
				cut_is_refused(sound, section.offset + section.bytes - 1);
		ok(refused, "model %d: cut at section %u", kind, section.tag);
	}
	image = image_copy(sound, sound->size + 64);
	ok(image_try(&image) == CODEC_TRUNCATED, "model %d: with more behind it", kind);
	free(image.bytes);
}

/* Try an image with one entry of the table replaced. */
static CodecStatus
try_entry(const Image *sound, uint32_t n, ImageSection section)
{
	Image		image = image_copy(sound, sound->size);
	CodecStatus status;

	memcpy(image.bytes + entry_place(n), &section, sizeof(section));
	image_sign(&image);
	status = image_try(&image);
	free(image.bytes);
	return status;
}

static void
check_table(int kind, const Image *sound)
{
	for (uint32_t n = 0; n < get32(sound, IMAGE_SECTIONS); n++)
	{
		const ImageSection section = image_entry(sound, n);
		const uint64_t offsets[] = {
			section.offset + 1, section.offset + 8, sound->size, sound->size + 64,
			UINT64_MAX, UINT64_MAX - 63, UINT64_C(1) << 63
		};
		const uint64_t sizes[] = {
			section.bytes + 1, section.bytes - 1, section.bytes + 64, sound->size,
			UINT64_MAX, UINT64_MAX - section.offset + 1, UINT64_C(1) << 63
		};
		ImageSection changed = section;
		bool		refused = true;

		changed.tag = 999;
		refused &= try_entry(sound, n, changed) == CODEC_INCONSISTENT;
		for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++)
		{
			changed = section;
			changed.offset = offsets[i];
			/* an empty section may lie at the end */
			if (section.bytes > 0 || offsets[i] != sound->size)
				refused &= try_entry(sound, n, changed) == CODEC_INCONSISTENT;
		}
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		{
			changed = section;
			changed.bytes = sizes[i];
			refused &= try_entry(sound, n, changed) == CODEC_INCONSISTENT;
		}
		ok(refused, "model %d: section %u missing, elsewhere or of another size",
		   kind, section.tag);
	}
}

/* Try an image with 32 bits replaced; the checksum is right. */
static CodecStatus
try_value(const Image *sound, size_t at, uint32_t value)
{
	Image		image = image_copy(sound, sound->size);
	CodecStatus status;

	put32(&image, at, value);
	image_sign(&image);
	status = image_try(&image);
	free(image.bytes);
	return status;
}

static bool
all_refused(const Image *sound, size_t at, const uint32_t *values, size_t count)
{
	bool		refused = true;

	for (size_t i = 0; i < count; i++)
		refused &= try_value(sound, at, values[i]) == CODEC_INCONSISTENT;
	return refused;
}

#define ALL_REFUSED(image, at, ...) \
	all_refused((image), (at), (const uint32_t[]) {__VA_ARGS__}, \
				sizeof((const uint32_t[]) {__VA_ARGS__}) / sizeof(uint32_t))

/* Try an image with feature f of another name. */
static CodecStatus
try_name(const Image *sound, uint32_t f, const char *name)
{
	Image		image = image_copy(sound, sound->size);
	char		padded[MODEL_FEATURE_NAME] = {0};
	CodecStatus status;

	strcpy(padded, name);
	memcpy(image.bytes + section_start(sound, TAG_FEATURE_NAME + f), padded, sizeof(padded));
	image_sign(&image);
	status = image_try(&image);
	free(image.bytes);
	return status;
}

/* What lies in one block is found in an image by its distance from the block's beginning. */
#define DISTANCE(array, block) ((size_t) ((const char *) (array) - (const char *) (block)))

/* The index of the output weights, whose sums the kernels add to. */
static void
check_index(const Model *model, const Image *sound)
{
	const CodedWeights *index = &model->index;
	size_t		at = section_start(sound, TAG_SCAN);
	uint32_t	nan = 0x7FC00000;
	uint32_t	infinite = 0x7F800000;
	uint32_t	negative = 0xBF800000;

	ok(ALL_REFUSED(sound, at, 0x80808080), "a code that rounding never gives");
	ok(ALL_REFUSED(sound, at + DISTANCE(index->code_sum, index->codes), 0x7FFFFFFF, 0x80000000),
	   "a sum of codes that is not theirs");
	ok(ALL_REFUSED(sound, at + DISTANCE(index->scale, index->codes), nan, infinite, negative) &&
	   ALL_REFUSED(sound, at + DISTANCE(index->norm, index->codes), nan, infinite, negative) &&
	   ALL_REFUSED(sound, at + DISTANCE(index->residual_norm, index->codes), nan, infinite, negative),
	   "a scale or a norm that is none");
}

/* Contents that are out of range, of the model with features and integer ids. */
static void
check_contents(const Model *model, const Image *sound)
{
	const Config *config = &model->config;
	uint32_t	items = (uint32_t) config->items;
	size_t		at = section_start(sound, TAG_CONFIG);
	size_t		values = section_start(sound, TAG_FEATURE_VALUES + 1);

	for (size_t field = 0; field < 15; field++)
	{
		if (field >= 3 + (size_t) config->features && field < 3 + CONFIG_MAX_FEATURES)
			continue;			/* of a feature that there is not */
		ok(ALL_REFUSED(sound, at + 4 * field, 0x80000000, UINT32_MAX, 0x7FFFFFFF, 1025, 100000),
		   "field %zu of the configuration out of range", field);
	}
	ok(ALL_REFUSED(sound, at, 0, items + 1, items - 1), "another number of items");
	ok(ALL_REFUSED(sound, at + 8, 0, 1, 3, 9), "another number of features");
	ok(ALL_REFUSED(sound, at + 56, 0x7FC00000, 0x7F800000, 0x3F800000, 0xBF800000),
	   "dropout that is no number, or out of range");

	at = section_start(sound, TAG_PARAMETERS);
	ok(ALL_REFUSED(sound, at, 0x7FC00000, 0x7F800000, 0xFF800000, 0x7F800001),
	   "a first parameter that is not a finite number");
	ok(ALL_REFUSED(sound, at + (model->params.count - 1) * sizeof(float), 0x7FC00000),
	   "a last parameter that is not a finite number");
	ok(try_value(sound, at, 0x7F7FFFFF) == CODEC_OK, "the largest parameter there can be");

	at = section_start(sound, TAG_ITEM_COUNT);
	ok(ALL_REFUSED(sound, at, UINT32_MAX, 0x80000000), "a negative count");
	at = section_start(sound, TAG_POPULAR);
	ok(ALL_REFUSED(sound, at, UINT32_MAX, items, 0x7FFFFFFF), "a popular item that is none");
	ok(ALL_REFUSED(sound, at + 4 * (items - 1), UINT32_MAX, items), "the last one too");
	at = section_start(sound, TAG_ITEM_FEATURE);
	ok(ALL_REFUSED(sound, at, UINT32_MAX, (uint32_t) config->feature_values[0], 0x7FFFFFFF),
	   "a feature value that is none");
	at = section_start(sound, TAG_ITEM_FEATURE + 1);
	ok(ALL_REFUSED(sound, at + 4 * (items - 1), UINT32_MAX, (uint32_t) config->feature_values[1]),
	   "the last one too");

	at = section_start(sound, TAG_ITEMS);
	ok(ALL_REFUSED(sound, at, 0, 2, 3, UINT32_MAX), "item ids of another kind");
	ok(ALL_REFUSED(sound, at + 4, 0, items - 1, items + 1, UINT32_MAX, 0x7FFFFFFF),
	   "another number of item ids");
	/* the high half of the first, wherever the machine has it */
	ok(ALL_REFUSED(sound, at + 8 + (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 4 : 0), 0x7FFFFFFF),
	   "item ids out of order");
	{
		Image		image = image_copy(sound, sound->size);

		memcpy(image.bytes + at + 8, image.bytes + at + 16, 8);
		image_sign(&image);
		ok(image_try(&image) == CODEC_INCONSISTENT, "an item id twice");
		free(image.bytes);
	}
	ok(ALL_REFUSED(sound, values, 1, 0, 3), "feature values of another kind");
	ok(ALL_REFUSED(sound, values + 8, 1, UINT32_MAX), "texts that do not begin at the start");
	ok(ALL_REFUSED(sound, values + 8 + 8, 100, UINT32_MAX, 1), "texts that end before they begin, or overlap");
	ok(ALL_REFUSED(sound, values + 8 + 8 + 4, 1, UINT32_MAX), "texts far away");

	at = section_start(sound, TAG_FEATURE_NAME);
	{
		Image		image = image_copy(sound, sound->size);

		memset(image.bytes + at, 'x', MODEL_FEATURE_NAME);
		image_sign(&image);
		ok(image_try(&image) == CODEC_INCONSISTENT, "a name without an end");
		free(image.bytes);
	}
	ok(try_name(sound, 0, "colour") == CODEC_OK, "another name");
	ok(try_name(sound, 0, "") == CODEC_INCONSISTENT, "no name");
	ok(try_name(sound, 0, "items") == CODEC_INCONSISTENT &&
	   try_name(sound, 1, "times") == CODEC_INCONSISTENT, "the name of a column that is no feature");
	ok(try_name(sound, 1, model->feature_name[0]) == CODEC_INCONSISTENT, "one name for two features");
	ok(ALL_REFUSED(sound, at + MODEL_FEATURE_NAME - 8, 1), "something behind a name");

	at = section_start(sound, TAG_CONFIG) + 4 * (3 + CONFIG_MAX_FEATURES);
	ok(ALL_REFUSED(sound, at - 4, 1, 5), "values of a feature that there is not");
	for (size_t flag = 0; flag < 3; flag++)
		ok(ALL_REFUSED(sound, at + 4 * (4 + flag), 2, 256), "flag %zu that is neither yes nor no", flag);

	at = section_start(sound, TAG_POPULAR);
	ok(ALL_REFUSED(sound, at, 1, items - 1), "a popular item twice");
	at = section_start(sound, TAG_ITEM_COUNT) + sizeof(int32_t) * (size_t) model->popular[0];
	ok(ALL_REFUSED(sound, at, 0), "popular items out of order");
	if (model->rank.present)
		ok(ALL_REFUSED(sound, at, (uint32_t) model->item_count[model->popular[0]] + 1),
		   "an item that occurs more often than in the sequences");
	{
		Image		image = image_copy(sound, sound->size);
		uint32_t   *popular = (uint32_t *) (image.bytes + section_start(sound, TAG_POPULAR));

		memset(image.bytes + section_start(sound, TAG_ITEM_COUNT), 0, sizeof(int32_t) * items);
		for (uint32_t i = 0; i < items; i++)
			popular[i] = i;
		image_sign(&image);
		ok(image_try(&image) == CODEC_INCONSISTENT, "items that never occur");
		free(image.bytes);
	}
	check_index(model, sound);
}

/* Which items cannot be sold, of a model that knows a catalog. */
static void
check_catalog(const Model *model, const Image *sound)
{
	size_t		at = section_start(sound, TAG_UNAVAILABLE);
	Model		forged = *model;
	Image		image = image_copy(sound, sound->size);
	size_t		last = exclusion_bytes(model->config.items) - 1;

	image.bytes[at + last] |= (char) 0x80;
	image_sign(&image);
	ok(image_try(&image) == CODEC_INCONSISTENT, "a bit of an item that there is not");
	free(image.bytes);
	image = image_copy(sound, sound->size);
	image.bytes[at] ^= 1;
	image_sign(&image);
	ok(image_try(&image) == (model->rank.present ? CODEC_INCONSISTENT : CODEC_OK),
	   "another item that cannot be sold, which counts must agree with");
	free(image.bytes);
	if (!model->rank.present)
		return;
	forged.unavailable = NULL;
	image = image_of(&forged);
	ok(image_try(&image) == CODEC_INCONSISTENT, "items for sale without a catalog");
	free(image.bytes);
}

/* Try an image with a 64-bit number replaced. */
static bool
is_refused_64(const Image *sound, size_t at, int64_t value)
{
	Image		image = image_copy(sound, sound->size);
	bool		refused;

	put64(&image, at, (uint64_t) value);
	image_sign(&image);
	refused = image_try(&image) == CODEC_INCONSISTENT;
	free(image.bytes);
	return refused;
}

/* Numbers of the counts that nothing could be counted to. */
static void
check_numbers(const Counts *counts, const Image *sound)
{
	size_t		at = section_start(sound, TAG_COUNTS);
	const struct
	{
		const char *what;
		const void *place;
	}			weights[] = {
		{"popularity of late", &counts->item[1].long_recent},
		{"popularity of the last days", &counts->category[1].short_recent},
		{"weight of a pair", &counts->item_pairs.pair[0].weights.adjacent},
		{"weight of what comes after", &counts->item_pairs.pair[1].weights.after},
		{"weight of both directions", &counts->category_pairs.pair[0].weights.both},
		{"purchases of a pair", &counts->item_pairs.pair[0].weights.bought},
		{"sum of the weights of a row", &counts->item_pairs.sum[0].both},
		{"sum of what comes after", &counts->category_pairs.sum[1].after},
	}, tallies[] = {
		{"events of an item", &counts->item[0].events},
		{"purchases of an item", &counts->item[0].bought},
		{"sequences of an item", &counts->item[0].sequences},
		{"events of a category", &counts->category[1].events},
		{"events of a period", &counts->category_period[3]},
		{"start of an item's sequences", &counts->posting_start[1]},
		{"start of a sequence", &counts->sequence_start[1]},
		{"start of a category's pairs", &counts->category_pairs.start[1]},
		{"start of a category's items", &counts->category_top_start[1]},
		{"start of what a category sells", &counts->sale_start[1]},
	};

	for (size_t w = 0; w < sizeof(weights) / sizeof(weights[0]); w++)
		ok(ALL_REFUSED(sound, at + DISTANCE(weights[w].place, counts->span),
					   0x7FC00000, 0x7F800000, 0xFF800000, 0xBF800000),
		   "%s that is none", weights[w].what);
	for (size_t t = 0; t < sizeof(tallies) / sizeof(tallies[0]); t++)
	{
		size_t		place = at + DISTANCE(tallies[t].place, counts->span);

		ok(is_refused_64(sound, place, -1) && is_refused_64(sound, place, INT64_MAX) &&
		   is_refused_64(sound, place, INT64_MIN) && is_refused_64(sound, place, 1 << 24),
		   "%s that nothing could be counted to", tallies[t].what);
	}
	ok(ALL_REFUSED(sound, at + DISTANCE(&counts->token_time[2], counts->span),
				   0x7FC00000, 0x7F800000, 0xFF800000, 0x7F7FFFFF), "a time that is none");
	ok(ALL_REFUSED(sound, at + DISTANCE(&counts->token_bought[0], counts->span), 2, 0xFF),
	   "a purchase that is neither yes nor no");
	ok(ALL_REFUSED(sound, at + DISTANCE(&counts->seen[0].first, counts->span), 0x7FC00000) &&
	   ALL_REFUSED(sound, at + DISTANCE(&counts->seen[0].last_sequence, counts->span), 100, 0xFFFFFFFE),
	   "an item that was seen never, or by nobody");
	ok(ALL_REFUSED(sound, at + DISTANCE(&counts->popular[0], counts->span),
				   (uint32_t) counts->popular[1], (uint32_t) counts->popular[4]), "a popular item twice");
	ok(ALL_REFUSED(sound, at + DISTANCE(&counts->posting[1], counts->span),
				   (uint32_t) counts->posting[0].sequence), "a sequence twice");
	ok(ALL_REFUSED(sound, at + DISTANCE(&counts->item_pairs.pair[1].to, counts->span),
				   0), "a pair of an item with itself");
	ok(ALL_REFUSED(sound, at + DISTANCE(&counts->untouched[1], counts->span),
				   (uint32_t) counts->untouched[1] + 1, UINT32_MAX), "untouched items that there are not");
	if (counts->sizes.on_sale > 0)
		ok(ALL_REFUSED(sound, at + DISTANCE(&counts->sale[0], counts->span), UINT32_MAX, 1000,
					   (uint32_t) counts->sale[1], 1), "an item that cannot be sold, or twice");
	if (counts->item_pairs.support != NULL)
		ok(ALL_REFUSED(sound, at + DISTANCE(&counts->item_pairs.support[0], counts->span),
					   0, 1, 0x80000000, 1000), "support that no pair can have");
}

/* The second stage's own numbers, and the kinds of events that are purchases. */
static void
check_stage(const Model *model, const Image *sound)
{
	size_t		at = section_start(sound, TAG_RANK);
	Model		forged = *model;
	Image		image;

	ok(is_refused_64(sound, at, INT64_MAX) && is_refused_64(sound, at, INT64_MIN) &&
	   !is_refused_64(sound, at, 0), "times that begin when there is none");
	ok(ALL_REFUSED(sound, at + 8, 2, UINT32_MAX) && ALL_REFUSED(sound, at + 12, 2, UINT32_MAX),
	   "knowledge that is neither there nor not");
	for (size_t r = 0; r < RANKERS; r++)
		ok(ALL_REFUSED(sound, at + 16 + 4 * r, 0x7FC00000, 0x7F800000, 0xBF800000, 0x40000000),
		   "what ranker %zu misses is no probability", r);
	ok(ALL_REFUSED(sound, at + 16 + 4 * RANKERS, 0x7FC00000, 0x7F800000), "a vote that is no number");

	forged.purchases = new_vocabulary(ID_INTEGER, 3);
	image = image_of(&forged);
	ok(image_try(&image) == CODEC_INCONSISTENT, "purchases whose kinds are integers");
	vocabulary_free(&forged.purchases);
	free(image.bytes);
}

/* Places in the counts that point nowhere. */
static void
check_counts(const Model *model, const Image *sound)
{
	const Counts *counts = &model->rank.counts;
	size_t		at = section_start(sound, TAG_COUNTS);
	const char *base = (const char *) counts->span;
	uint32_t	items = (uint32_t) model->config.items;

#define IN_COUNTS(array) (at + DISTANCE(array, base))
	ok(ALL_REFUSED(sound, at, 0x7FC00000, 0, 0xBF800000), "a span that is none");
	ok(ALL_REFUSED(sound, IN_COUNTS(counts->item_category), UINT32_MAX, 100,
				   counts->item_category[0] == 0), "a category that is none, or not the item's");
	ok(ALL_REFUSED(sound, IN_COUNTS(counts->item_pairs.pair), UINT32_MAX, items), "a pair with no item");
	ok(ALL_REFUSED(sound, IN_COUNTS(counts->item_pairs.start + 1), UINT32_MAX, 0x80000000),
	   "pairs that begin nowhere");
	ok(ALL_REFUSED(sound, IN_COUNTS(counts->posting), UINT32_MAX, 100), "a sequence that is none");
	ok(ALL_REFUSED(sound, IN_COUNTS(counts->posting) + 4, UINT32_MAX, 100), "a position that is none");
	ok(ALL_REFUSED(sound, IN_COUNTS(counts->token), UINT32_MAX, items), "an event with no item");
	ok(ALL_REFUSED(sound, IN_COUNTS(counts->popular), UINT32_MAX, items), "a popular item that is none");
	ok(ALL_REFUSED(sound, IN_COUNTS(counts->category_top), UINT32_MAX, items),
	   "a popular item of a category that is none");
	ok(ALL_REFUSED(sound, section_start(sound, TAG_RANKER), 0x7FC00000, 0x7F800000),
	   "a weight of a ranker that is no number");
	check_numbers(counts, sound);
	check_stage(model, sound);
	for (size_t field = 0; field < sizeof(CountsSizes) / 4; field++)
	{
		ok(ALL_REFUSED(sound, section_start(sound, TAG_COUNTS_SIZES) + 4 * field, UINT32_MAX,
					   0x7FFFFFFF, 1000000), "size %zu of the counts", field);
	}
}

/* Damage at random, first as it is, then with the header's size and checksum right. */
static void
check_mutations(int kind, const Image *sound)
{
	Rng			rng = test_rng(4711 + (uint64_t) kind);
	int			undetected = 0;
	int			accepted = 0;
	int			refused = 0;

	for (int n = 0; n < (kind >= RANKED_KIND ? MUTATIONS / 20 : MUTATIONS); n++)
	{
		Image		image = image_copy(sound, sound->size);

		image_mutate(&image, &rng);
		if (memcmp(image.bytes, sound->bytes, image.size) != 0)
			undetected += image_try(&image) == CODEC_OK;
		image_sign(&image);
		if (image_try(&image) == CODEC_OK)
			accepted++;
		else
			refused++;
		free(image.bytes);
	}
	ok(undetected == 0, "model %d: every damage is detected", kind);
	ok(accepted > 0 && refused > 0,
	   "model %d: with a right checksum, %d refused and %d used without harm",
	   kind, refused, accepted);
}

int
main(void)
{
	for (int kind = 0; kind < IMAGE_KINDS; kind++)
	{
		Model		model = model_of_kind(kind);
		Image		image = image_of(&model);

		check_round_trip(kind, &model, &image);
		if (kind < RANKED_KIND)
			check_header(kind, &image);
		check_cuts(kind, &image);
		check_table(kind, &image);
		if (kind == 0)
		{
			check_signed_header(&image);
			check_contents(&model, &image);
		}
		if (kind >= RANKED_KIND)
			check_counts(&model, &image);
		if (model.unavailable != NULL)
			check_catalog(&model, &image);
		check_mutations(kind, &image);
		free(image.bytes);
		model_free(&model);
	}
	pool_free(&stage_pool);
	for (int status = CODEC_OK; status <= CODEC_INCONSISTENT + 1; status++)
		ok(strlen(codec_message((CodecStatus) status)) > 5, "status %d has a message", status);
	return done_testing();
}
