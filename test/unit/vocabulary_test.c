/*
 * vocabulary_test.c
 *	  Ids and their places: found, written, read, and refused where they are not
 *	  in order.
 */
#include "fixture.h"
#include "tap.h"
#include "model/vocabulary.h"

static Vocabulary
of_integers(const int64_t *integers, int32_t count)
{
	return (Vocabulary) {.kind = ID_INTEGER, .count = count, .integers = integers};
}

/* Texts with their lengths, which may hold any byte. */
typedef struct Text
{
	const char *bytes;
	size_t		length;
} Text;

#define TEXT(literal) {literal, sizeof(literal) - 1}

/* In the order of vocabularies: by bytes without sign, a prefix first. */
static const Text texts[] = {
	TEXT(""), TEXT("\0"), TEXT("\0\0"), TEXT("\0a"), TEXT("\x01"), TEXT(" "), TEXT("A"),
	TEXT("a"), TEXT("a\0"), TEXT("a\0b"), TEXT("aa"), TEXT("ab"), TEXT("b"),
	TEXT("\x7f"), TEXT("\x80"), TEXT("\xc3\xa9"), TEXT("\xff"), TEXT("\xff\xff")
};

#define TEXTS ((int32_t) (sizeof(texts) / sizeof(texts[0])))

static Vocabulary
of_texts(void)
{
	static uint64_t offsets[TEXTS + 1];	/* [0] is 0 */
	static char bytes[100];

	for (int32_t i = 0; i < TEXTS; i++)
	{
		memcpy(bytes + offsets[i], texts[i].bytes, texts[i].length);
		offsets[i + 1] = offsets[i] + texts[i].length;
	}
	return (Vocabulary) {.kind = ID_TEXT, .count = TEXTS, .offsets = offsets, .bytes = bytes};
}

static void
check_integers(void)
{
	static const int64_t integers[] = {
		INT64_MIN, INT64_MIN + 1, -5, -1, 0, 2, 3, INT64_C(5000000000), INT64_MAX - 1, INT64_MAX
	};
	static const int64_t absent[] = {INT64_MIN + 2, -6, -2, 1, 4, INT64_C(705032704), INT64_MAX - 2};
	const int32_t count = sizeof(integers) / sizeof(integers[0]);

	for (int32_t part = 0; part <= count; part++)
	{
		Vocabulary	vocabulary = of_integers(integers, part);
		bool		right = true;

		for (int32_t i = 0; i < count; i++)
			right &= vocabulary_find_integer(&vocabulary, integers[i]) == (i < part ? i : -1);
		for (size_t i = 0; i < sizeof(absent) / sizeof(absent[0]); i++)
			right &= vocabulary_find_integer(&vocabulary, absent[i]) == -1;
		ok(right, "each of the first %d integers is found, and no other", part);
	}
}

static void
check_texts(void)
{
	Vocabulary	vocabulary = of_texts();
	bool		ordered = true;

	for (int32_t i = 0; i < TEXTS; i++)
		ok(vocabulary_find_text(&vocabulary, texts[i].bytes, texts[i].length) == i,
		   "text %d is found", i);
	for (int32_t i = 0; i < TEXTS; i++)
	{
		for (int32_t j = 0; j < TEXTS; j++)
		{
			int			order = vocabulary_compare_text(texts[i].bytes, texts[i].length,
														texts[j].bytes, texts[j].length);

			ordered &= i < j ? order < 0 : i > j ? order > 0 : order == 0;
		}
	}
	ok(ordered, "any two of them are in order");
	ok(vocabulary_find_text(&vocabulary, "aaa", 3) == -1, "not what begins like one");
	ok(vocabulary_find_text(&vocabulary, "aa", 1) == 7, "only the bytes that are given count");
	ok(vocabulary_find_text(&vocabulary, "B", 1) == -1, "not in another case");
	ok(vocabulary_find_text(&vocabulary, "\xff\xff\xff", 3) == -1, "nor after the last");
	ok(vocabulary_find_text(&vocabulary, NULL, 0) == 0, "nothing at all is the empty text");
	vocabulary.count = 0;
	ok(vocabulary_find_text(&vocabulary, "", 0) == -1, "nothing among none");
}

/* Write, read in memory of just that size, compare; then cut and lengthen. */
static void
check_written(const char *what, const Vocabulary *vocabulary)
{
	size_t		bytes = vocabulary_bytes(vocabulary);
	char	   *written = test_alloc(bytes);
	Vocabulary	read;
	bool		refused = true;

	vocabulary_write(vocabulary, written);
	ok(vocabulary_read(&read, written, bytes, false), "%s: read", what);
	ok(read.kind == vocabulary->kind && read.count == vocabulary->count, "%s: kind and number", what);
	if (read.kind == ID_INTEGER)
		ok(read.count == 0 ||
		   memcmp(read.integers, vocabulary->integers, (size_t) read.count * sizeof(int64_t)) == 0,
		   "%s: the same integers", what);
	else
		ok(memcmp(read.offsets, vocabulary->offsets,
				  ((size_t) read.count + 1) * sizeof(uint64_t)) == 0 &&
		   (read.offsets[read.count] == 0 ||
			memcmp(read.bytes, vocabulary->bytes, read.offsets[read.count]) == 0),
		   "%s: the same texts", what);
	ok(vocabulary_bytes(&read) == bytes, "%s: the same size", what);
	ok(vocabulary_read(&read, written, bytes, true) && read.count == vocabulary->count,
	   "%s: read on trust", what);
	for (size_t cut = 0; cut < bytes; cut++)
	{
		char	   *copy = test_alloc(cut + 1);

		memcpy(copy, written, cut);
		refused &= !vocabulary_read(&read, copy, cut, false);
		free(copy);
	}
	ok(refused, "%s: cut anywhere it is refused", what);
	{
		char	   *copy = test_alloc(bytes + 8);

		memcpy(copy, written, bytes);
		ok(!vocabulary_read(&read, copy, bytes + 1, false) &&
		   !vocabulary_read(&read, copy, bytes + 8, false), "%s: with more behind it likewise", what);
		free(copy);
	}
	free(written);
}

/* Read bytes with a 64-bit number replaced. */
static bool
is_read(const Vocabulary *vocabulary, size_t at, uint64_t value)
{
	size_t		bytes = vocabulary_bytes(vocabulary);
	char	   *written = test_alloc(bytes);
	Vocabulary	read;
	bool		result;

	vocabulary_write(vocabulary, written);
	memcpy(written + at, &value, sizeof(value));
	result = vocabulary_read(&read, written, bytes, false);
	free(written);
	return result;
}

/* Kind and number, as they lie at the beginning. */
static uint64_t
head(uint32_t kind, uint32_t count)
{
	uint32_t	both[2] = {kind, count};
	uint64_t	value;

	memcpy(&value, both, sizeof(value));
	return value;
}

static void
check_refused(void)
{
	static const int64_t integers[] = {1, 2, 3};
	Vocabulary	numbers = of_integers(integers, 3);
	Vocabulary	words = of_texts();

	ok(is_read(&numbers, 0, head(ID_INTEGER, 3)), "integers as they are");
	ok(!is_read(&numbers, 0, head(0, 3)) && !is_read(&numbers, 0, head(3, 3)) &&
	   !is_read(&numbers, 0, head(UINT32_MAX, 3)), "no such kind");
	ok(!is_read(&numbers, 0, head(ID_TEXT, 3)) && !is_read(&words, 0, head(ID_INTEGER, TEXTS)),
	   "the other kind");
	ok(!is_read(&numbers, 0, head(ID_INTEGER, 2)) && !is_read(&numbers, 0, head(ID_INTEGER, 4)) &&
	   !is_read(&numbers, 0, head(ID_INTEGER, 0)) && !is_read(&numbers, 0, head(ID_INTEGER, UINT32_MAX)) &&
	   !is_read(&numbers, 0, head(ID_INTEGER, 0x80000003)), "another number of integers");
	ok(!is_read(&words, 0, head(ID_TEXT, TEXTS - 1)) && !is_read(&words, 0, head(ID_TEXT, TEXTS + 1)) &&
	   !is_read(&words, 0, head(ID_TEXT, 0)) && !is_read(&words, 0, head(ID_TEXT, INT32_MAX)) &&
	   !is_read(&words, 0, head(ID_TEXT, UINT32_MAX)), "another number of texts");
	ok(!is_read(&numbers, 8, 2) && !is_read(&numbers, 16, 1) && !is_read(&numbers, 24, 2),
	   "an integer twice");
	ok(!is_read(&numbers, 8, 5) && !is_read(&numbers, 24, (uint64_t) -1), "integers out of order");
	ok(is_read(&numbers, 24, INT64_MAX) && is_read(&numbers, 8, (uint64_t) INT64_MIN), "far apart");
	ok(!is_read(&words, 8, 1), "a first text that does not begin at 0");
	for (int32_t i = 1; i <= TEXTS; i++)
	{
		uint64_t	offset = words.offsets[i];
		size_t		at = 8 + (size_t) i * 8;

		ok(!is_read(&words, at, UINT64_MAX) && !is_read(&words, at, UINT64_C(1) << 63) &&
		   !is_read(&words, at, offset + 1000) &&
		   (i == 1 || !is_read(&words, at, 0)), "offset %d out of range", i);
	}
	{
		Vocabulary	swapped = words;
		uint64_t	offsets[3] = {0, 1, 2};

		swapped.count = 2;
		swapped.offsets = offsets;
		swapped.bytes = "ba";
		ok(!is_read(&swapped, 0, head(ID_TEXT, 2)), "texts out of order");
		swapped.bytes = "aa";
		ok(!is_read(&swapped, 0, head(ID_TEXT, 2)), "a text twice");
		swapped.bytes = "\x80\x7f";
		ok(!is_read(&swapped, 0, head(ID_TEXT, 2)), "texts in the order of signed bytes");
		swapped.bytes = "ab";
		ok(is_read(&swapped, 0, head(ID_TEXT, 2)), "texts in order");
	}
}

int
main(void)
{
	static const int64_t integers[] = {-7, 0, 12};
	static const uint64_t no_offsets[1] = {0};
	static const uint64_t one_empty[2] = {0, 0};
	Vocabulary	words = of_texts();
	Vocabulary	numbers = of_integers(integers, 3);
	Vocabulary	no_numbers = of_integers(NULL, 0);
	Vocabulary	no_words = {.kind = ID_TEXT, .offsets = no_offsets};
	Vocabulary	empty_word = {.kind = ID_TEXT, .count = 1, .offsets = one_empty};

	check_integers();
	check_texts();
	check_written("integers", &numbers);
	check_written("no integers", &no_numbers);
	check_written("texts", &words);
	check_written("no texts", &no_words);
	check_written("the empty text", &empty_word);
	check_refused();
	return done_testing();
}
