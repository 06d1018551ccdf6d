/*
 * cache.c
 *	  Models that this backend has loaded.
 *
 * The image of a version lies in shared memory where possible (image.h), else
 * in memory of this backend; working memory is always the backend's own.  A
 * version never changes and its id is never given twice, so an entry is valid
 * as long as the table that holds it exists, and a version that another session
 * commits is simply another id.  Each entry has a memory context of its own
 * below CacheMemoryContext, which goes when room is needed: the entry used
 * least recently first, never one that is pinned.
 */
#include "serve/cache.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "lib/ilist.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "model/model.h"
#include "nn/nn.h"
#include "guc.h"
#include "memory.h"
#include "serve/statistics.h"
#include "store/image.h"

typedef struct CacheEntry
{
	dlist_node	node;			/* in entries, used last first */
	Image		image;			/* in shared memory, or in the context */
	Size		bytes;			/* in the context */
	int			pins;
	MemoryContext context;		/* owns the entry */
	MemoryContextCallback on_delete;	/* of the context */
	CachedModel cached;
} CacheEntry;

static dlist_head entries = DLIST_STATIC_INIT(entries);
static Size entries_bytes = 0;

/*
 * No query of this transaction runs any more: what the last call of each model
 * took, which is much for a very long history, goes.
 */
static void
end_transaction(XactEvent event, void *arg)
{
	dlist_iter	iter;

	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT &&
		event != XACT_EVENT_PREPARE)
		return;
	dlist_foreach(iter, &entries)
		MemoryContextReset(dlist_container(CacheEntry, node, iter.cur)->cached.scratch);
}

static CacheEntry *
find_entry(SharedKey key)
{
	dlist_iter	iter;

	dlist_foreach(iter, &entries)
	{
		CacheEntry *entry = dlist_container(CacheEntry, node, iter.cur);

		if (entry->cached.key.table == key.table && entry->cached.key.id == key.id)
			return entry;
	}
	return NULL;
}

static void
free_entry(CacheEntry *entry)
{
	dlist_delete(&entry->node);
	entries_bytes -= entry->bytes;
	MemoryContextDelete(entry->context);
}

/* With an entry's context goes its segment, also when loading fails. */
static void
detach_segment(void *arg)
{
	CacheEntry *entry = arg;

	if (entry->image.segment != NULL)
		dsm_detach(entry->image.segment);
}

/* Free entries until there is room for that many bytes more. */
static void
make_room(Size bytes)
{
	Size		limit = (Size) recseq_cache_size * 1024;
	dlist_node *node = dlist_is_empty(&entries) ? NULL : dlist_tail_node(&entries);

	if (bytes > limit)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("the model needs %zu kB of memory", bytes / 1024),
				 errdetail("\"recseq.cache_size\" is %d kB.", recseq_cache_size),
				 errhint("Raise \"recseq.cache_size\".")));
	while (node != NULL && entries_bytes + bytes > limit)
	{
		CacheEntry *entry = dlist_container(CacheEntry, node, node);

		node = dlist_has_prev(&entries, node) ? dlist_prev_node(&entries, node) : NULL;
		if (entry->pins == 0)
			free_entry(entry);
	}
	if (entries_bytes + bytes > limit)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("the model needs %zu kB of memory beside those in use", bytes / 1024),
				 errdetail("\"recseq.cache_size\" is %d kB, of which calls that have not ended use %zu kB.",
						   recseq_cache_size, entries_bytes / 1024),
				 errhint("Raise \"recseq.cache_size\", or use fewer models in calls within one another.")));
}

/* Let go of the versions that have been dropped since the last look. */
static void
release_forgotten(void)
{
	static uint32 seen = 0;
	uint32		generation;
	dlist_mutable_iter iter;

	if (dlist_is_empty(&entries) || (generation = shared_generation()) == seen)
		return;
	dlist_foreach_modify(iter, &entries)
	{
		CacheEntry *entry = dlist_container(CacheEntry, node, iter.cur);

		if (entry->image.segment != NULL && entry->pins == 0 &&
			!shared_exists(entry->cached.key))
			free_entry(entry);
	}
	seen = generation;
}

Size
infer_bytes(const Model *model, int32 histories)
{
	Arena		arena = {0};

	infer_place(&(Infer) {0}, &arena, model_network(model), histories);
	return arena.used;
}

/* MayGoOn: a pass of a large network over a long history takes seconds. */
static bool
may_go_on(void *unused)
{
	CHECK_FOR_INTERRUPTS();
	return true;
}

void
model_create_infer(Infer *infer, const Model *model, int32 histories)
{
	Arena		arena = {allocate_aligned(infer_bytes(model, histories)), 0};

	infer_place(infer, &arena, model_network(model), histories);
	infer->network.interrupt = (Interrupt) {may_go_on, NULL};
}

AnswerScratch *
scratch_of_backend(void)
{
	static AnswerScratch *answer_scratch = NULL;
	Arena		arena = {0};
	MemoryContext caller;

	if (answer_scratch != NULL)
		return answer_scratch;
	caller = MemoryContextSwitchTo(TopMemoryContext);
	answer_scratch_place(&(AnswerScratch) {0}, &arena);
	arena = (Arena) {allocate_aligned(arena.used), 0};
	answer_scratch = palloc(sizeof(AnswerScratch));
	answer_scratch_place(answer_scratch, &arena);
	answer_scratch_start(answer_scratch);
	MemoryContextSwitchTo(caller);
	return answer_scratch;
}

Question
allocate_question(const Model *model, int32 k, const Budget *budget)
{
	Question	question;
	Arena		arena = {0};

	question_place(&question, &arena, model, k);
	budget_check(budget, arena.used);
	arena = (Arena) {allocate_aligned(arena.used), 0};
	question_place(&question, &arena, model, k);
	return question;
}

CachedModel *
cache_get(const Catalog *catalog, int64 id)
{
	static bool registered = false;
	SharedKey	key = {MyDatabaseId, catalog->chunk, id};
	instr_time	start;
	bool		attached = true;
	CacheEntry *entry;
	CachedModel *cached;
	MemoryContext context;
	MemoryContext caller = CurrentMemoryContext;

	release_forgotten();
	entry = find_entry(key);
	if (entry != NULL)
	{
		dlist_move_head(&entries, &entry->node);
		entry->cached.found = true;
		return &entry->cached;
	}
	if (!registered)
	{
		RegisterXactCallback(end_transaction, NULL);
		registered = true;
	}

	INSTR_TIME_SET_CURRENT(start);
	/* below the caller's context until it is complete: an error frees it */
	context = AllocSetContextCreate(caller, "recseq model", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	entry = palloc0(sizeof(CacheEntry));
	cached = &entry->cached;
	cached->key = key;
	entry->context = context;
	entry->on_delete = (MemoryContextCallback) {detach_segment, entry, NULL};
	MemoryContextRegisterResetCallback(context, &entry->on_delete);
	if (!image_share(catalog, id, &entry->image, &attached))
	{
		attached = false;
		make_room(catalog_image_bytes(catalog, id));
		entry->image = image_load(catalog, id);
	}
	codec_bind(&cached->model, entry->image.bytes, entry->image.length);
	make_room(MemoryContextMemAllocated(context, true) + infer_bytes(&cached->model, 1));
	model_create_infer(&cached->infer, &cached->model, 1);
	cached->scratch = AllocSetContextCreate(context, "recseq call",
											ALLOCSET_DEFAULT_SIZES);
	for (int32 i = 0; i < cached->model.config.items; i++)
		cached->total_count += cached->model.item_count[i];

	entry->bytes = MemoryContextMemAllocated(context, true);
	make_room(entry->bytes);
	MemoryContextSwitchTo(caller);
	MemoryContextSetParent(context, CacheMemoryContext);
	dlist_push_head(&entries, &entry->node);
	entries_bytes += entry->bytes;
	statistics_count_load(key, start, attached);
	return cached;
}

static CacheEntry *
entry_of(CachedModel *cached)
{
	return (CacheEntry *) ((char *) cached - offsetof(CacheEntry, cached));
}

static void
unpin(void *arg)
{
	((CacheEntry *) arg)->pins--;
}

void
cache_pin(CachedModel *cached)
{
	MemoryContextCallback *on_delete = palloc(sizeof(MemoryContextCallback));
	CacheEntry *entry = entry_of(cached);

	*on_delete = (MemoryContextCallback) {.func = unpin, .arg = entry};
	MemoryContextRegisterResetCallback(CurrentMemoryContext, on_delete);
	entry->pins++;
}
