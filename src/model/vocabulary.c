/*
 * vocabulary.c
 *	  The ids of items, or of the values of a feature.
 *
 * Written as: kind and count (two 32-bit numbers); then the integers, or the
 * offsets and the bytes of all texts.
 */
#include "model/vocabulary.h"

#include <string.h>

typedef struct VocabularyHeader
{
	uint32_t	kind;
	uint32_t	count;
} VocabularyHeader;

int
vocabulary_compare_text(const char *a, size_t a_length, const char *b, size_t b_length)
{
	size_t		shared = a_length < b_length ? a_length : b_length;
	int			order = shared > 0 ? memcmp(a, b, shared) : 0;

	if (order != 0)
		return order;
	return (a_length > b_length) - (a_length < b_length);
}

int32_t
vocabulary_find_integer(const Vocabulary *vocabulary, int64_t id)
{
	int32_t		low = 0;
	int32_t		high = vocabulary->count;

	while (low < high)
	{
		int32_t		middle = low + (high - low) / 2;

		if (vocabulary->integers[middle] < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < vocabulary->count && vocabulary->integers[low] == id ? low : -1;
}

/* Compare the text at an index with an id. */
static int
compare_at(const Vocabulary *vocabulary, int32_t index, const char *id, size_t length)
{
	uint64_t	start = vocabulary->offsets[index];

	return vocabulary_compare_text(vocabulary->bytes + start,
								   vocabulary->offsets[index + 1] - start, id, length);
}

int32_t
vocabulary_find_text(const Vocabulary *vocabulary, const char *id, size_t length)
{
	int32_t		low = 0;
	int32_t		high = vocabulary->count;

	while (low < high)
	{
		int32_t		middle = low + (high - low) / 2;

		if (compare_at(vocabulary, middle, id, length) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < vocabulary->count && compare_at(vocabulary, low, id, length) == 0
		? low : -1;
}

size_t
vocabulary_bytes(const Vocabulary *vocabulary)
{
	size_t		count = (size_t) vocabulary->count;

	if (vocabulary->kind == ID_INTEGER)
		return sizeof(VocabularyHeader) + count * sizeof(int64_t);
	return sizeof(VocabularyHeader) + (count + 1) * sizeof(uint64_t) +
		vocabulary->offsets[count];
}

void
vocabulary_write(const Vocabulary *vocabulary, char *to)
{
	VocabularyHeader header = {vocabulary->kind, (uint32_t) vocabulary->count};
	size_t		count = (size_t) vocabulary->count;

	memcpy(to, &header, sizeof(header));
	to += sizeof(header);
	if (vocabulary->kind == ID_INTEGER)
	{
		if (count > 0)
			memcpy(to, vocabulary->integers, count * sizeof(int64_t));
		return;
	}
	memcpy(to, vocabulary->offsets, (count + 1) * sizeof(uint64_t));
	to += (count + 1) * sizeof(uint64_t);
	if (vocabulary->offsets[count] > 0)
		memcpy(to, vocabulary->bytes, vocabulary->offsets[count]);
}

/* Whether the ids are in strictly ascending order. */
static bool
ascending(const Vocabulary *vocabulary)
{
	for (int32_t i = 1; i < vocabulary->count; i++)
	{
		if (vocabulary->kind == ID_INTEGER)
		{
			if (vocabulary->integers[i - 1] >= vocabulary->integers[i])
				return false;
		}
		else if (compare_at(vocabulary, i - 1,
							vocabulary->bytes + vocabulary->offsets[i],
							vocabulary->offsets[i + 1] - vocabulary->offsets[i]) >= 0)
			return false;
	}
	return true;
}

bool
vocabulary_read(Vocabulary *vocabulary, const char *from, size_t bytes, bool trusted)
{
	VocabularyHeader header;
	size_t		count;

	if (bytes < sizeof(header))
		return false;
	memcpy(&header, from, sizeof(header));
	from += sizeof(header);
	bytes -= sizeof(header);
	if (header.count > INT32_MAX)
		return false;
	count = header.count;
	memset(vocabulary, 0, sizeof(*vocabulary));
	vocabulary->kind = (IdKind) header.kind;
	vocabulary->count = (int32_t) count;

	if (header.kind == ID_INTEGER)
	{
		if (bytes != count * sizeof(int64_t))
			return false;
		vocabulary->integers = (const int64_t *) from;
		return trusted || ascending(vocabulary);
	}
	if (header.kind != ID_TEXT || bytes / sizeof(uint64_t) < count + 1)
		return false;
	vocabulary->offsets = (const uint64_t *) from;
	vocabulary->bytes = from + (count + 1) * sizeof(uint64_t);
	bytes -= (count + 1) * sizeof(uint64_t);
	if (vocabulary->offsets[0] != 0 || vocabulary->offsets[count] != bytes)
		return false;
	if (trusted)
		return true;
	for (size_t i = 0; i < count; i++)
	{
		if (vocabulary->offsets[i] > vocabulary->offsets[i + 1] ||
			vocabulary->offsets[i + 1] - vocabulary->offsets[i] > VOCABULARY_MAX_TEXT)
			return false;
	}
	return ascending(vocabulary);
}
