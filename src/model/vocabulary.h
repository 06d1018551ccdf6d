/*
 * vocabulary.h
 *	  The ids of items, or of the values of a feature, as the data knows them:
 *	  64-bit integers or texts, in ascending order (texts by their bytes).  The
 *	  place of an id is its index.
 */
#ifndef NN_VOCABULARY_H
#define NN_VOCABULARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum IdKind
{
	ID_INTEGER = 1,
	ID_TEXT = 2
} IdKind;

/* Bytes of a text: a database holds none that is longer. */
#define VOCABULARY_MAX_TEXT ((1 << 30) - 1)

typedef struct Vocabulary
{
	IdKind		kind;
	int32_t		count;
	const int64_t *integers;	/* [count]; ID_INTEGER */
	const uint64_t *offsets;	/* [count + 1] into bytes; ID_TEXT */
	const char *bytes;			/* not terminated; ID_TEXT */
} Vocabulary;

/* Index of an id, or -1. */
extern int32_t vocabulary_find_integer(const Vocabulary *vocabulary, int64_t id);
extern int32_t vocabulary_find_text(const Vocabulary *vocabulary,
									const char *id, size_t length);

/* Compare two texts as vocabularies are ordered. */
extern int	vocabulary_compare_text(const char *a, size_t a_length,
									const char *b, size_t b_length);

/* Bytes that vocabulary_write fills. */
extern size_t vocabulary_bytes(const Vocabulary *vocabulary);

/* Write at a place aligned to 8 bytes. */
extern void vocabulary_write(const Vocabulary *vocabulary, char *to);

/*
 * Point *vocabulary into bytes that vocabulary_write wrote, aligned as there.
 * False if they are not such, or the ids are not in strictly ascending order;
 * trusted: that is known, and not looked at.
 */
extern bool vocabulary_read(Vocabulary *vocabulary, const char *from, size_t bytes,
							bool trusted);

#endif							/* NN_VOCABULARY_H */
