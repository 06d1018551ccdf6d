/*
 * image.h
 *	  Models to write as images, and what is done to images: sign, find a section,
 *	  damage, try.  For the tests of the codec and its fuzzer.
 *
 *	  The layout is spelled out here once more, and not taken from image_layout.h: it is
 *	  what databases hold, so a change there must show here.
 */
#ifndef IMAGE_H
#define IMAGE_H

#include "model/codec.h"
#include "model/crc32c.h"
#include "fixture.h"
#include "nn/infer.h"
#include "model/rank_fit.h"
#include "model/both_stages.h"
#include "nn/coded_topk.h"

enum
{
	IMAGE_MAGIC = 0,			/* 8 bytes */
	IMAGE_FORMAT = 8,			/* 32 bits */
	IMAGE_BYTE_ORDER = 12,		/* 32 bits */
	IMAGE_BYTES = 16,			/* 64 bits */
	IMAGE_SECTIONS = 24,		/* 32 bits */
	IMAGE_CHECKSUM = 28,		/* 32 bits */
	IMAGE_HEADER = 32,
	IMAGE_TABLE = 64
};

/* Of the table: tag and reserve, 32 bits each; offset and bytes, 64 bits each. */
typedef struct ImageSection
{
	uint32_t	tag;
	uint32_t	reserved;
	uint64_t	offset;
	uint64_t	bytes;
} ImageSection;

enum
{
	TAG_CONFIG = 1,
	TAG_PARAMETERS,
	TAG_ITEMS,
	TAG_ITEM_COUNT,
	TAG_POPULAR,
	TAG_SCAN,
	TAG_RANK,
	TAG_PURCHASES,
	TAG_COUNTS_SIZES,
	TAG_COUNTS,
	TAG_RANKER,					/* and the next, of the second ranker */
	TAG_FEATURE_NAME = 100,
	TAG_FEATURE_VALUES = 200,
	TAG_ITEM_FEATURE = 300,
	TAG_UNAVAILABLE = 400
};

typedef struct Image
{
	char	   *bytes;			/* aligned, and of just that size */
	size_t		size;
} Image;

/* ------------------------------------------------------------------ models */

/* Ids in order: integers of both signs, or texts with all kinds of bytes. */
static inline Vocabulary
new_vocabulary(IdKind kind, int32_t count)
{
	Vocabulary	vocabulary = {.kind = kind, .count = count};
	int64_t    *integers;
	uint64_t   *offsets;
	char	   *bytes;

	if (kind == ID_INTEGER)
	{
		integers = NEW(int64_t, count + 1);
		for (int32_t i = 0; i < count; i++)
			integers[i] = ((int64_t) i - count / 2) * INT64_C(1000000007);
		vocabulary.integers = integers;
		return vocabulary;
	}
	/* "", then "a", "aa", ... with a byte above 127 at the end of every third */
	offsets = NEW(uint64_t, count + 1);
	bytes = NEW(char, (size_t) count * (size_t) (count + 1) + 1);
	offsets[0] = 0;
	for (int32_t i = 0; i < count; i++)
	{
		memset(bytes + offsets[i], 'a', (size_t) i);
		if (i % 3 == 2 && i + 1 == count)
			bytes[offsets[i] + (uint64_t) i - 1] = (char) 0xFF;
		offsets[i + 1] = offsets[i] + (uint64_t) i;
	}
	vocabulary.offsets = offsets;
	vocabulary.bytes = bytes;
	return vocabulary;
}

/* A model with random parameters; feature f has texts where f is odd. */
static inline Model
new_model(const Config *config, IdKind kind, uint64_t seed)
{
	Rng			rng = test_rng(seed);
	Model		model = {.config = *config};
	Arena		arena = {0};
	int32_t    *count = NEW(int32_t, config->items);
	int32_t    *popular = NEW(int32_t, config->items);

	params_bind(&model.params, config, NEW(float, params_count(config)));
	params_random(&model.params, config, &rng);
	coded_weights_place(&model.index, &arena, config->items, config_output_dim(config));
	arena = (Arena) {.base = (char *) new_zeros(arena.used / sizeof(float))};
	coded_weights_place(&model.index, &arena, config->items, config_output_dim(config));
	coded_weights_build(&model.index, model.params.output_weight, config_output_dim(config));
	model.items = new_vocabulary(kind, config->items);
	for (int32_t i = 0; i < config->items; i++)
	{
		count[i] = config->items - i;
		popular[i] = i;
	}
	model.item_count = count;
	model.popular = popular;
	for (int32_t f = 0; f < config->features; f++)
	{
		int32_t    *values = NEW(int32_t, config->items);

		for (int32_t i = 0; i < config->items; i++)
			values[i] = (int32_t) rng_below(&rng, (uint32_t) config->feature_values[f]);
		model.item_feature[f] = values;
		model.feature_values[f] = new_vocabulary(f % 2 == 0 ? ID_INTEGER : ID_TEXT,
												 config->feature_values[f] - 1);
		snprintf(model.feature_name[f], MODEL_FEATURE_NAME, "feature %d", (int) f);
	}
	return model;
}

/* Where the second stages of models lie. */
static Pool stage_pool;

/* Let a model say of its items what its counts say of them. */
static inline void
take_counts(Model *model)
{
	int32_t    *count = (int32_t *) model->item_count;
	int32_t    *popular = (int32_t *) model->popular;

	for (int32_t i = 0; i < model->config.items; i++)
	{
		int32_t		place = i;

		count[i] = (int32_t) model->rank.counts.item[i].events;
		for (; place > 0 && count[popular[place - 1]] < count[i]; place--)
			popular[place] = popular[place - 1];
		popular[place] = i;
	}
}

/* Give a model a second stage, of random sequences with kinds and times. */
static inline void
add_rank_stage(Model *model, int32_t min_support, uint64_t seed)
{
	enum
	{
		SEQUENCES = 30
	};
	const Config *config = &model->config;
	Rng			rng = test_rng(seed);
	TestData	data = data_random(config, SEQUENCES, 2, 8, false, &rng);
	int64_t		tokens = data.start[SEQUENCES];
	bool	   *bought = NEW(bool, tokens);
	double	   *hours = NEW(double, tokens);
	int32_t    *category = NEW(int32_t, config->items);
	Pool		temporary = {0};
	double		hit_rate;
	EventData	events = {&data.dataset, bought, hours};
	RankFit		fit = {
		.events = &events, .items = config->items,
		.categories = config->features > 0 ? config->feature_values[0] : 1,
		.item_category = category, .min_support = min_support, .model = model,
		.first_unseen = SEQUENCES - 5, .seed = seed, .memory = (size_t) 1 << 24,
		.lasting = {pool_allocate, &stage_pool}, .temporary = {pool_allocate, &temporary}
	};
	RankFitCalls calls = {.ranks = 1, .lasting = fit.lasting, .temporary = fit.temporary};
	RankFitData fit_data;

	for (int64_t t = 0; t < tokens; t++)
	{
		bought[t] = rng_below(&rng, 3) == 0;
		hours[t] = (double) t / 2;
	}
	for (int32_t i = 0; i < config->items; i++)
		category[i] = config->features > 0 ? model->item_feature[0][i] : 0;
	rank_fit_begin(&fit_data, &model->rank, &fit);
	rank_fit_run(&model->rank, &fit_data, &calls, &hit_rate);
	model->origin = 1000000;
	model->purchases = new_vocabulary(ID_TEXT, 3);
	take_counts(model);
	pool_free(&temporary);
	free(bought);
	free(hours);
	free(category);
	data_free(&data);
}

static inline void
vocabulary_free(const Vocabulary *vocabulary)
{
	free((void *) vocabulary->integers);
	free((void *) vocabulary->offsets);
	free((void *) vocabulary->bytes);
}

/* Free what new_model() has made. */
static inline void
model_free(const Model *model)
{
	free(model->params.block);
	free(model->index.codes);	/* with which its block begins */
	vocabulary_free(&model->items);
	free((void *) model->item_count);
	free((void *) model->popular);
	free((void *) model->unavailable);
	vocabulary_free(&model->purchases);
	for (int32_t f = 0; f < model->config.features; f++)
	{
		free((void *) model->item_feature[f]);
		vocabulary_free(&model->feature_values[f]);
	}
}

/* Let every third item of a model be one that cannot be sold. */
static inline void
add_catalog(Model *model)
{
	size_t		bytes = exclusion_bytes(model->config.items);
	uint8_t    *unavailable = memset(NEW(uint8_t, bytes), 0, bytes);

	for (int32_t i = 1; i < model->config.items; i += 3)
		exclusion_set(unavailable, i);
	model->unavailable = unavailable;
}

/* Models that differ in whatever an image can hold. */
#define IMAGE_KINDS 6
#define RANKED_KIND 4			/* with a second stage; the next too, whose evidence takes two sequences */

static inline Model
model_of_kind(int kind)
{
	Config		config = {
		.items = 37, .item_dim = 6, .features = 2, .feature_values = {5, 4},
		.feature_dim = 3, .units = 4, .layers = 1, .max_length = 9,
		.bidirectional = true, .tied = true, .dropout = 0.25f,
		.embedding_dropout = 0.1f, .scale = 9, .residual = true, .copy = true
	};
	Model		model;

	if (kind == 1)
	{
		config.features = 0;
		config.feature_values[0] = config.feature_values[1] = 0;
		config.layers = 2;
		config.attention = true;
		config.tied = config.residual = config.copy = false;
		config.scale = 0;
	}
	else if (kind == 2)
	{
		config.features = 1;
		config.feature_values[0] = 1;	/* no value at all */
		config.feature_values[1] = 0;
		config.bidirectional = false;
		config.max_length = 1;
	}
	else if (kind == 3)
		config = (Config) {
			.items = 1, .item_dim = 1, .feature_dim = 1, .units = 1, .layers = 1,
			.max_length = 1
		};
	model = new_model(&config, kind % 2 == 0 ? ID_INTEGER : ID_TEXT, (uint64_t) kind);
	if (kind % 2 == 1)
		add_catalog(&model);
	if (kind >= RANKED_KIND)
		add_rank_stage(&model, kind == RANKED_KIND ? 1 : 2, (uint64_t) kind);
	return model;
}

/* ------------------------------------------------------------------ images */

static inline Image
new_image(size_t size)
{
	return (Image) {test_alloc(size), size};
}

static inline Image
image_of(const Model *model)
{
	Image		image = new_image(codec_bytes(model));

	codec_write(model, image.bytes);
	return image;
}

/* The first `size` bytes, or with as many more of poison. */
static inline Image
image_copy(const Image *from, size_t size)
{
	Image		image = new_image(size);

	memcpy(image.bytes, from->bytes, size < from->size ? size : from->size);
	return image;
}

static inline uint32_t
get32(const Image *image, size_t at)
{
	uint32_t	value;

	memcpy(&value, image->bytes + at, sizeof(value));
	return value;
}

static inline void
put32(Image *image, size_t at, uint32_t value)
{
	memcpy(image->bytes + at, &value, sizeof(value));
}

static inline void
put64(Image *image, size_t at, uint64_t value)
{
	memcpy(image->bytes + at, &value, sizeof(value));
}

/* Make the checksum right. */
static inline void
image_sign(Image *image)
{
	put32(image, IMAGE_CHECKSUM, 0);
	put32(image, IMAGE_CHECKSUM, crc32c(0, image->bytes, image->size));
}

/* Entry n of the table of sections. */
static inline size_t
entry_place(uint32_t n)
{
	return IMAGE_TABLE + n * sizeof(ImageSection);
}

static inline ImageSection
image_entry(const Image *image, uint32_t n)
{
	ImageSection section;

	memcpy(&section, image->bytes + entry_place(n), sizeof(section));
	return section;
}

/* Where a section begins; 0: there is none.  The image may be damaged. */
static inline size_t
section_start(const Image *image, uint32_t tag)
{
	for (uint32_t n = 0; n < get32(image, IMAGE_SECTIONS) &&
		 entry_place(n + 1) <= image->size; n++)
	{
		ImageSection section = image_entry(image, n);

		if (section.tag == tag)
			return section.offset;
	}
	return 0;
}

/* ------------------------------------------------------------------ trying */

/*
 * Use whatever a model holds: look up ids, read a history, rank the items, with
 * and without exclusions, by scan and in full.
 */
static inline void
model_use(const Model *model)
{
	const Config *config = &model->config;
	int32_t		length = config->max_length < 20 ? config->max_length + 2 : 20;
	int32_t    *item = NEW(int32_t, length);
	int32_t    *feature[CONFIG_MAX_FEATURES] = {0};
	int32_t		k = config->items < 3 ? config->items : 3;
	uint8_t    *excluded = NEW(uint8_t, config->items / 8 + 1);
	TopK		top[2];
	TopKRequest request[2];
	Infer		infer;
	Arena		arena = {0};
	volatile size_t sink = 0;

	if (model->items.kind == ID_INTEGER)
		sink += (size_t) vocabulary_find_integer(&model->items, 7);
	else
		sink += (size_t) vocabulary_find_text(&model->items, "aaa", 3);
	for (int32_t i = 0; i < config->items; i++)
		sink += (size_t) (model->item_count[model->popular[i]]);

	for (int32_t i = 0; i < length; i++)
		item[i] = i % (config->items + 1);
	for (int32_t f = 0; f < config->features; f++)
	{
		feature[f] = NEW(int32_t, length);
		for (int32_t i = 0; i < length; i++)
			feature[f][i] = item[i] < config->items ? model->item_feature[f][item[i]] : 0;
		for (int32_t i = 0; i < config->items; i++)
		{
			int32_t		value = model->item_feature[f][i];
			const Vocabulary *values = &model->feature_values[f];

			if (value > 0 && values->kind == ID_TEXT)
				sink += values->offsets[value] - values->offsets[value - 1];
			else if (value > 0)
				sink += (size_t) values->integers[value - 1];
		}
		sink += strlen(model->feature_name[f]);
	}

	infer_place(&infer, &arena, model_network(model), 1);
	arena = (Arena) {.base = test_alloc(arena.used)};
	infer_place(&infer, &arena, model_network(model), 1);
	memset(excluded, 0x55, (size_t) config->items / 8 + 1);
	for (int r = 0; r < 2; r++)
	{
		top[r] = (TopK) {.k = k, .heap = NEW(Scored, k)};
		request[r] = (TopKRequest) {
			.representation = infer_read(&infer, item, feature, length).representation,
			.excluded = r == 0 ? NULL : excluded,
			.top = &top[r],
			.candidates = NEW(Scored, coded_topk_room(k)),
			.lower = NEW(float, coded_topk_room(k))
		};
	}
	coded_topk_answer(&infer.coded, &model->index, infer.kernels, model->params.output_weight,
			  model->params.output_bias, config_output_dim(config), request, 2);
	for (int r = 0; r < 2; r++)
	{
		topk_sort(&top[r]);
		top[r].count = 0;
		infer_rank_all(&infer, &request[r]);
		topk_sort(&top[r]);
		for (int32_t i = 0; i < top[r].count; i++)
			sink += (size_t) model->item_count[top[r].heap[i].item];
		free(top[r].heap);
		free(request[r].candidates);
		free(request[r].lower);
	}

	free(arena.base);
	free(excluded);
	for (int32_t f = 0; f < config->features; f++)
		free(feature[f]);
	free(item);
}

/* Ask both stages, with all that can be known of a history, and with little. */
static inline void
model_ask(const Model *model)
{
	const Config *config = &model->config;
	int32_t		length = config->max_length < 5 ? config->max_length : 5;
	int32_t		item[5];
	int32_t		ranked[5];
	int32_t		category[5] = {0};
	bool		bought[5] = {false, true, false, false, true};
	double		hours[5] = {-5, 0, 1, 1e30, 7};
	int32_t    *feature[CONFIG_MAX_FEATURES] = {0};
	int32_t		k = config->items + 2;
	TopK		top = {.k = k, .heap = NEW(Scored, k)};
	Infer		infer;
	AnswerScratch answer_scratch;
	Arena		arena = {0};
	Question	question = {
		.top = &top,
		.candidate = NEW(Candidate, CANDIDATES_MAX),
		.probability = NEW(float, CANDIDATES_MAX),
		.scanned = NEW(Scored, question_room(k)),
		.lower = NEW(float, coded_topk_room(question_room(k))),
		.scan_candidates = NEW(Scored, coded_topk_room(question_room(k))),
		.excluded_now = NEW(uint8_t, config->items / 8 + 1)
	};
	volatile float sink = 0;

	for (int32_t i = 0; i < length; i++)
	{
		ranked[i] = i % 3 == 1 ? config->items + i : i % config->items;
		item[i] = ranked[i] < config->items ? ranked[i] : config->items;
	}
	for (int32_t f = 0; f < config->features; f++)
		feature[f] = category;
	infer_place(&infer, &arena, model_network(model), 1);
	answer_scratch_place(&answer_scratch, &arena);
	arena = (Arena) {.base = test_alloc(arena.used)};
	infer_place(&infer, &arena, model_network(model), 1);
	answer_scratch_place(&answer_scratch, &arena);
	answer_scratch_start(&answer_scratch);
	question.reading = infer_read(&infer, item, feature, length);
	for (int known = 0; known < 2; known++)
	{
		question.history = (RankHistory) {
			.length = length, .item = ranked, .category = category,
			.bought = known ? bought : NULL, .hours = known ? hours : NULL, .own_sequence = -1
		};
		top.count = 0;
		both_stages_answer(&answer_scratch, model, &infer, &question, 1);
		for (int32_t i = 0; i < top.count; i++)
			sink += top.heap[i].score;
	}
	free(arena.base);
	free(top.heap);
	free(question.candidate);
	free(question.probability);
	free(question.scanned);
	free(question.lower);
	free(question.scan_candidates);
	free(question.excluded_now);
}

/* Read an image, and use the model if it is one. */
static inline CodecStatus
image_try(const Image *image)
{
	Model		model;
	CodecStatus status = codec_read(&model, image->bytes, image->size);

	if (status == CODEC_OK)
	{
		model_use(&model);
		model_ask(&model);
	}
	return status;
}

/*
 * Change a few places at random, as damage and as malice would: bytes of the
 * body, of the table or of the header, to random values or to those that are
 * the limits of something.
 */
static inline void
image_mutate(Image *image, Rng *rng)
{
	static const uint32_t limits[] = {
		0, 1, 2, 3, 8, 0x7F, 0x80, 0xFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFFE,
		0x7F800000, 0x7FC00000, 0x7F7FFFFF, 1 << 27, (1 << 27) + 1
	};
	int			changes = 1 + (int) rng_below(rng, 4);

	for (int c = 0; c < changes; c++)
	{
		uint32_t	part = rng_below(rng, 8);
		size_t		limit = part == 0 ? IMAGE_HEADER
			: part <= 2 ? IMAGE_TABLE + 20 * sizeof(ImageSection) : image->size;
		size_t		at;

		if (part == 3 && section_start(image, TAG_CONFIG) < image->size)
			limit = section_start(image, TAG_CONFIG) + 80;
		if (limit > image->size)
			limit = image->size;
		at = rng_below(rng, (uint32_t) limit);
		if (rng_below(rng, 2) == 0 && at / 4 * 4 + 4 <= image->size)
			put32(image, at / 4 * 4, limits[rng_below(rng, sizeof(limits) / sizeof(limits[0]))]);
		else
			image->bytes[at] ^= (char) (1 + rng_below(rng, 255));
	}
}

#endif							/* IMAGE_H */
