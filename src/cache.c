/*
 * cache.c
 *	  Models in the memory of this backend.
 *
 * A version never changes and its id is never given twice, so an entry is
 * valid as long as the table that holds it exists, and a version that another
 * session commits is simply another id.  Each entry has a memory context of its
 * own below CacheMemoryContext, which goes when room is needed: the entry used
 * least recently first, never one that is pinned.
 */
#include "cache.h"

#include "access/xact.h"
#include "lib/ilist.h"
#include "utils/memutils.h"

#include "nn/codec.h"
#include "recseq.h"

typedef struct CacheEntry
{
	dlist_node	node;			/* in entries, used last first */
	Oid			table;			/* recseq_chunk, which holds the image */
	int64		id;
	Size		bytes;			/* of image and working memory */
	int			pins;
	MemoryContext context;		/* owns the entry */
	CachedModel cached;
} CacheEntry;

static dlist_head entries = DLIST_STATIC_INIT(entries);
static Size entries_bytes = 0;

/*
 * No query of this transaction runs any more: nothing is pinned, and what the
 * last call of each model took, which is much for a very long history, goes.
 */
static void
end_transaction(XactEvent event, void *arg)
{
	dlist_iter	iter;

	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT &&
		event != XACT_EVENT_PREPARE)
		return;
	dlist_foreach(iter, &entries)
	{
		CacheEntry *entry = dlist_container(CacheEntry, node, iter.cur);

		entry->pins = 0;
		MemoryContextReset(entry->cached.scratch);
	}
}

static CacheEntry *
find_entry(Oid table, int64 id)
{
	dlist_iter	iter;

	dlist_foreach(iter, &entries)
	{
		CacheEntry *entry = dlist_container(CacheEntry, node, iter.cur);

		if (entry->table == table && entry->id == id)
			return entry;
	}
	return NULL;
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
		if (entry->pins > 0)
			continue;
		dlist_delete(&entry->node);
		entries_bytes -= entry->bytes;
		MemoryContextDelete(entry->context);
	}
}

/* Allocate in the current context, aligned as images and arenas must be. */
static char *
allocate_aligned(Size bytes)
{
	char	   *memory = MemoryContextAllocHuge(CurrentMemoryContext,
												bytes + ARENA_ALIGNMENT);

	return (char *) TYPEALIGN(ARENA_ALIGNMENT, memory);
}

/* Lay out what is made from the image when it is loaded. */
static void
place_derived(CachedModel *cached, Arena *arena)
{
	scan_place(&cached->index, arena, cached->model.config.items,
			   config_output_dim(&cached->model.config));
	infer_place(&cached->infer, arena, &cached->model, &cached->index);
}

/* Load the image of a version into the current context, and check it. */
static void
load_model(CachedModel *cached, const Catalog *catalog, int64 id, Size bytes)
{
	char	   *image = allocate_aligned(bytes);
	CodecStatus status;
	Arena		measure = {0};
	Arena		place = {0};

	catalog_load(catalog, id, image, bytes);
	status = codec_read(&cached->model, image, bytes);
	if (status == CODEC_NEWER_FORMAT || status == CODEC_OTHER_BYTE_ORDER)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("the stored model %s", codec_message(status)),
				 errhint(status == CODEC_NEWER_FORMAT ? "Install the version of recseq that trained it, or a newer one."
						 : "Train the model again on this machine.")));
	if (status != CODEC_OK)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("the stored model %s", codec_message(status)),
				 errhint("Restore recseq's tables from a backup, or train the model again.")));

	place_derived(cached, &measure);
	place.base = allocate_aligned(measure.used);
	place_derived(cached, &place);
	scan_build(&cached->index, cached->model.params.output_weight,
			   config_output_dim(&cached->model.config));
	for (int32 i = 0; i < cached->model.config.items; i++)
		cached->total_count += cached->model.item_count[i];
}

CachedModel *
cache_get(const Catalog *catalog, int64 id)
{
	static bool registered = false;
	CacheEntry *entry = find_entry(catalog->chunk, id);
	MemoryContext context;
	MemoryContext caller = CurrentMemoryContext;
	Size		bytes;

	if (entry != NULL)
	{
		dlist_move_head(&entries, &entry->node);
		return &entry->cached;
	}
	if (!registered)
	{
		RegisterXactCallback(end_transaction, NULL);
		registered = true;
	}

	bytes = catalog_image_bytes(catalog, id);
	make_room(bytes);
	/* below the caller's context until it is complete: an error frees it */
	context = AllocSetContextCreate(caller, "recseq model", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	entry = palloc0(sizeof(CacheEntry));
	entry->table = catalog->chunk;
	entry->id = id;
	entry->context = context;
	load_model(&entry->cached, catalog, id, bytes);
	entry->cached.scratch = AllocSetContextCreate(context, "recseq call",
												  ALLOCSET_DEFAULT_SIZES);
	entry->bytes = MemoryContextMemAllocated(context, true);
	MemoryContextSwitchTo(caller);
	MemoryContextSetParent(context, CacheMemoryContext);
	dlist_push_head(&entries, &entry->node);
	entries_bytes += entry->bytes;
	return &entry->cached;
}

static CacheEntry *
entry_of(CachedModel *cached)
{
	return (CacheEntry *) ((char *) cached - offsetof(CacheEntry, cached));
}

void
cache_pin(CachedModel *cached)
{
	entry_of(cached)->pins++;
}

void
cache_unpin(CachedModel *cached)
{
	CacheEntry *entry = entry_of(cached);

	if (entry->pins > 0)
		entry->pins--;
}
