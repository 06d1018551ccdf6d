/*
 * relation.c
 *	  A relation that a caller names, opened and read as that caller.
 *
 * It is read through SPI with a cursor, as the caller and with the caller's
 * snapshot: privileges and row security apply.  The executor hands on row by
 * row, so no more than one of them is in memory at once.
 *
 * A query finds a relation by its name, and whoever owns the schema can give
 * that name to another relation at any moment.  So the relation stays locked
 * from the look at its columns on; and since that does not keep a schema from
 * being renamed, what the query has come to read is compared with what was
 * looked at, before the first row.
 */
#include "data/relation.h"

#include "access/relation.h"
#include "catalog/objectaddress.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/plannodes.h"
#include "tcop/dest.h"
#include "tcop/pquery.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/portal.h"

#include "compat.h"

char *
relation_name(Oid relation)
{
	char	   *name = get_rel_name(relation);

	return name == NULL ? NULL
		: quote_qualified_identifier(get_namespace_name(get_rel_namespace(relation)), name);
}

/*
 * Complain unless the caller may read something of the relation.  The query
 * will ask for more, but not every caller goes on to read, and without any right
 * nobody may learn its columns, or hold a lock on it.
 */
static void
check_may_read(Relation rel)
{
	Oid			oid = RelationGetRelid(rel);

	if (pg_class_aclcheck(oid, GetUserId(), ACL_SELECT) != ACLCHECK_OK &&
		pg_attribute_aclcheck_all(oid, GetUserId(), ACL_SELECT, ACLMASK_ANY) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, get_relkind_objtype(rel->rd_rel->relkind),
					   RelationGetRelationName(rel));
}

Relation
relation_open_to_read(Oid relation, const char *what)
{
	Relation	rel = try_relation_open(relation, AccessShareLock);

	if (rel == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", relation),
				 errhint("%s", what)));
	if (rel->rd_rel->relkind != RELKIND_RELATION &&
		rel->rd_rel->relkind != RELKIND_PARTITIONED_TABLE &&
		rel->rd_rel->relkind != RELKIND_VIEW &&
		rel->rd_rel->relkind != RELKIND_MATVIEW &&
		rel->rd_rel->relkind != RELKIND_FOREIGN_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a table or a view", RelationGetRelationName(rel)),
				 errhint("%s", what)));
	check_may_read(rel);
	return rel;
}

Oid
relation_find_column(TupleDesc tupdesc, const char *name, RelationColumn *column)
{
	column->name = name;
	for (int i = 0; i < tupdesc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(tupdesc, i);

		if (!attribute->attisdropped && strcmp(NameStr(attribute->attname), name) == 0)
		{
			column->attribute = attribute->attnum;
			column->type = attribute->atttypid;
			return column->type;
		}
	}
	return InvalidOid;
}

static char *
make_query(const char *name, RelationColumn *const *columns, int count)
{
	StringInfoData query;
	int			fields = 0;

	initStringInfo(&query);
	appendStringInfoString(&query, "SELECT ");
	for (int c = 0; c < count; c++)
	{
		if (columns[c]->attribute == 0)
			continue;
		columns[c]->field = ++fields;
		appendStringInfo(&query, "%s%s", fields > 1 ? ", " : "",
						 quote_identifier(columns[c]->name));
	}
	appendStringInfo(&query, " FROM %s", name);
	return query.data;
}

/* What the executor gives the rows to. */
typedef struct Receiver
{
	DestReceiver dest;			/* must be first */
	RelationRowFunction function;
	void	   *context;
	MemoryContext temporary;	/* for one row */
} Receiver;

static void
receiver_startup(DestReceiver *self, int operation, TupleDesc tupdesc)
{
}

static void
receiver_done(DestReceiver *self)
{
}

static bool
receive_row(TupleTableSlot *slot, DestReceiver *self)
{
	Receiver   *receiver = (Receiver *) self;
	MemoryContext executor = MemoryContextSwitchTo(receiver->temporary);

	CHECK_FOR_INTERRUPTS();
	receiver->function(receiver->context, slot);
	MemoryContextSwitchTo(executor);
	MemoryContextReset(receiver->temporary);
	return true;
}

/*
 * Complain unless the query that is about to run reads the relation that was
 * looked at, with the same types.  The plan of an open portal does not change
 * any more, and has locked what it reads.
 */
static void
check_portal(Oid relation, const char *name, RelationColumn *const *columns, int count,
			 Portal portal)
{
	TupleDesc	tupdesc = portal->tupDesc;
	bool		same = list_member_oid(linitial_node(PlannedStmt, portal->stmts)->relationOids,
									   relation);

	for (int c = 0; c < count; c++)
	{
		int			field = columns[c]->field;

		if (field > 0 && (field > tupdesc->natts ||
						  TupleDescAttr(tupdesc, field - 1)->atttypid != columns[c]->type))
			same = false;
	}
	if (!same)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("%s was replaced by another relation while it was opened", name),
				 errhint("Try again.")));
}

void
relation_for_each(Oid relation, RelationColumn *const *columns, int count,
				  RelationRowFunction function, void *context)
{
	Receiver	receiver = {
		.dest = {
			.receiveSlot = receive_row, .rStartup = receiver_startup,
			.rShutdown = receiver_done, .rDestroy = receiver_done, .mydest = DestNone
		},
		.function = function,
		.context = context,
		.temporary = AllocSetContextCreate(CurrentMemoryContext, "recseq row",
										   ALLOCSET_DEFAULT_SIZES)
	};
	const char *name = relation_name(relation);
	SPIPlanPtr	plan;
	Portal		portal;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	plan = SPI_prepare(make_query(name, columns, count), 0, NULL);
	if (plan == NULL)
		elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
	portal = SPI_cursor_open(NULL, plan, NULL, NULL, true);
	check_portal(relation, name, columns, count, portal);
	PortalRunFetch(portal, FETCH_FORWARD, FETCH_ALL, &receiver.dest);
	SPI_cursor_close(portal);
	SPI_finish();
	MemoryContextDelete(receiver.temporary);
}
