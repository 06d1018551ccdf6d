/*
 * idset.c
 *	  Different ids, numbered in the order in which they appear, and then a
 *	  vocabulary of them.
 */
#include "data/idset.h"

#include "common/hashfn.h"
#include "miscadmin.h"

#include "nn/nn.h"

#define FIRST_TEXTS 64			/* room of a set of texts that are an argument */

typedef struct IdEntry
{
	Id			key;
	int32		index;			/* in order of appearance */
	char		status;
} IdEntry;

static inline uint32
id_hash(Id key)
{
	if (key.text != NULL)
		return hash_bytes((const unsigned char *) key.text, (int) key.length);
	return hash_bytes((const unsigned char *) &key.integer, sizeof(key.integer));
}

#define SH_PREFIX idtable
#define SH_ELEMENT_TYPE IdEntry
#define SH_KEY_TYPE Id
#define SH_KEY key
#define SH_HASH_KEY(table, key) id_hash(key)
#define SH_EQUAL(table, a, b) same_id(&(a), &(b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

void
idset_create(IdSet *set, IdKind kind, int32 room, const Budget *budget)
{
	MemoryContext caller;

	set->kind = kind;
	set->budget = budget;
	set->context = AllocSetContextCreate(CurrentMemoryContext, "recseq ids",
										 ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(set->context);
	set->table = idtable_create(set->context, (uint32) room, NULL);
	set->count = 0;
	set->room = room;
	set->keys = budget_array(budget, Id, room);
	MemoryContextSwitchTo(caller);
}

/* Make room for one more id. */
static void
make_room(IdSet *set)
{
	if (set->count == CONFIG_MAX_VALUES - 1)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("source has more than %d different ids in one column",
						CONFIG_MAX_VALUES - 1)));
	if (set->count == set->room)
	{
		set->keys = budget_resize_array(set->budget, Id, set->keys, set->room,
										(Size) set->room * 2);
		set->room *= 2;
	}
	/* the table doubles beside the old one */
	if (set->table->members >= set->table->grow_threshold)
		budget_check(set->budget, (Size) set->table->size * 2 * sizeof(IdEntry));
}

int32
idset_number(IdSet *set, Id id)
{
	bool		found;
	IdEntry    *entry;

	if (set->count == set->room || set->table->members >= set->table->grow_threshold)
	{
		entry = idtable_lookup(set->table, id);
		if (entry != NULL)
			return entry->index;
		make_room(set);
	}
	entry = idtable_insert(set->table, id, &found);
	if (found)
		return entry->index;
	if (id.text != NULL)
	{
		char	   *copy = MemoryContextAlloc(set->context, id.length + 1);

		memcpy(copy, id.text, id.length);
		entry->key.text = copy;
	}
	entry->index = set->count;
	set->keys[set->count++] = entry->key;
	return entry->index;
}

int32
idset_find(const IdSet *set, Id id)
{
	IdEntry    *entry = idtable_lookup(set->table, id);

	return entry != NULL ? entry->index : -1;
}

static int
compare_ids(const void *a, const void *b, void *context)
{
	const Id   *x = &((const IdSet *) context)->keys[*(const int32 *) a];
	const Id   *y = &((const IdSet *) context)->keys[*(const int32 *) b];

	CHECK_FOR_INTERRUPTS();
	if (x->text != NULL)
		return vocabulary_compare_text(x->text, x->length, y->text, y->length);
	return (x->integer > y->integer) - (x->integer < y->integer);
}

static void
set_integers(const IdSet *set, const int32 *order, Vocabulary *vocabulary)
{
	int64	   *integers = budget_array(set->budget, int64, set->count + 1);

	for (int32 i = 0; i < set->count; i++)
		integers[i] = set->keys[order[i]].integer;
	vocabulary->integers = integers;
}

static void
set_texts(const IdSet *set, const int32 *order, Vocabulary *vocabulary)
{
	uint64_t   *offsets = budget_array(set->budget, uint64_t, set->count + 1);
	Size		bytes = 0;
	char	   *text;

	for (int32 i = 0; i < set->count; i++)
	{
		offsets[i] = bytes;
		bytes += set->keys[order[i]].length;
	}
	offsets[set->count] = bytes;
	text = budget_array(set->budget, char, bytes + 1);
	for (int32 i = 0; i < set->count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		memcpy(text + offsets[i], set->keys[order[i]].text, set->keys[order[i]].length);
	}
	vocabulary->offsets = offsets;
	vocabulary->bytes = text;
}

int32 *
idset_finish(IdSet *set, Vocabulary *vocabulary)
{
	int32	   *order = budget_array(set->budget, int32, set->count + 1);
	int32	   *place = budget_array(set->budget, int32, set->count + 1);

	for (int32 i = 0; i < set->count; i++)
		order[i] = i;
	qsort_arg(order, set->count, sizeof(int32), compare_ids, set);
	for (int32 i = 0; i < set->count; i++)
		place[order[i]] = i;

	memset(vocabulary, 0, sizeof(*vocabulary));
	vocabulary->kind = set->kind;
	vocabulary->count = set->count;
	if (set->kind == ID_INTEGER)
		set_integers(set, order, vocabulary);
	else
		set_texts(set, order, vocabulary);
	pfree(order);
	MemoryContextDelete(set->context);
	return place;
}

Vocabulary
vocabulary_of_texts(ArrayType *texts, const char *what)
{
	Budget		budget = budget_of_training();
	IdArray		ids = ids_of_array_without_nulls(texts, what);
	IdReader	reader = ids_start(&ids);
	IdSet		set;
	Vocabulary	vocabulary;

	idset_create(&set, ID_TEXT, FIRST_TEXTS, &budget);
	for (int i = 0; i < ids.count; i++)
	{
		Id			id;

		ids_next(&reader, &id);
		idset_number(&set, id);
	}
	pfree(idset_finish(&set, &vocabulary));
	return vocabulary;
}
