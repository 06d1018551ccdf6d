/*
 * source.c
 *	  A relation with one row a sequence, read row by row.
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
#include "data/source.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/plannodes.h"
#include "tcop/dest.h"
#include "tcop/pquery.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "compat.h"

/* Bytes of a row's id that the context of an error shows. */
#define SHOWN_ID_BYTES 100

/* ---------------------------------------------------------------- columns */

/* Find a column by name; returns its type, or InvalidOid. */
static Oid
find_column(TupleDesc tupdesc, const char *name, SourceColumn *column)
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

/* Find a column that must be an array of ids, if it is there. */
static bool
find_id_column(TupleDesc tupdesc, const char *name, SourceColumn *column)
{
	Oid			type = find_column(tupdesc, name, column);

	if (type == InvalidOid)
		return false;
	if (!id_kind_of_type(array_element_type(type), &column->kind))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of the source has type %s", name,
						format_type_be(type)),
				 errhint("It must be integer[], bigint[] or text[], one element an event, oldest first.")));
	return true;
}

/* Find the columns that the option "features" names. */
static void
find_features(TupleDesc tupdesc, ArrayType *features, bool missing_ok, Source *source)
{
	IdArray		names;
	IdReader	reader;

	if (features == NULL)
	{
		if (find_id_column(tupdesc, "categories", &source->feature[0]))
			source->features = 1;
		return;
	}
	names = ids_of_array_without_nulls(features, "features");
	reader = ids_start(&names);
	if (names.count > CONFIG_MAX_FEATURES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"features\" names %d columns", names.count),
				 errhint("At most %d are possible.", CONFIG_MAX_FEATURES)));
	for (int i = 0; i < names.count; i++)
	{
		Id			id;
		char	   *name;

		ids_next(&reader, &id);
		name = pnstrdup(id.text, id.length);
		for (int j = 0; j < i; j++)
		{
			if (strcmp(name, source->feature[j].name) == 0)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("\"features\" names column \"%s\" twice", name)));
		}
		if ((strcmp(name, "items") == 0 ||
			 !find_id_column(tupdesc, name, &source->feature[i])) && !missing_ok)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("the source has no feature column \"%s\"", name),
					 errhint("Each name in \"features\" must be a column of the source that is an array parallel to \"items\".")));
		source->features++;
	}
}

/* Whether a column has a meaning already. */
static bool
column_is_taken(const Source *source, Form_pg_attribute attribute)
{
	const char *name = NameStr(attribute->attname);

	if (strcmp(name, "items") == 0 || strcmp(name, "categories") == 0 ||
		strcmp(name, "events") == 0 || strcmp(name, "times") == 0)
		return true;
	for (int f = 0; f < source->features; f++)
	{
		if (source->feature[f].attribute == attribute->attnum)
			return true;
	}
	return false;
}

/*
 * Complain unless the caller may read something of the relation.  The query
 * will ask for more, but not every caller of source_open goes on to read, and
 * without any right nobody may learn its columns, or hold a lock on it.
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

char *
source_name(Oid relation)
{
	char	   *name = get_rel_name(relation);

	return name == NULL ? NULL
		: quote_qualified_identifier(get_namespace_name(get_rel_namespace(relation)), name);
}

Source
source_open(Oid relation, ArrayType *features, bool missing_ok)
{
	Source		result = {0};
	Source	   *source = &result;
	Relation	rel = try_relation_open(relation, AccessShareLock);
	TupleDesc	tupdesc;
	Oid			type;

	if (rel == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", relation),
				 errhint("A source is a relation with one row a sequence.")));
	tupdesc = RelationGetDescr(rel);
	if (rel->rd_rel->relkind != RELKIND_RELATION &&
		rel->rd_rel->relkind != RELKIND_PARTITIONED_TABLE &&
		rel->rd_rel->relkind != RELKIND_VIEW &&
		rel->rd_rel->relkind != RELKIND_MATVIEW &&
		rel->rd_rel->relkind != RELKIND_FOREIGN_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a table or a view", RelationGetRelationName(rel)),
				 errhint("A source is a relation with one row a sequence.")));
	check_may_read(rel);
	source->oid = relation;
	source->relation = source_name(relation);
	if (!find_id_column(tupdesc, "items", &source->items))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("relation \"%s\" has no column \"items\"",
						RelationGetRelationName(rel)),
				 errhint("A source has one row a sequence, with the column \"items\" (integer[], bigint[] or text[], oldest first).")));
	find_features(tupdesc, features, missing_ok, source);

	if (find_id_column(tupdesc, "events", &source->events) && source->events.kind != ID_TEXT)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"events\" of the source has integers"),
				 errhint("It must be text[], the kind of each event, parallel to \"items\".")));
	type = find_column(tupdesc, "times", &source->times);
	if (type != InvalidOid && array_element_type(type) != TIMESTAMPTZOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"times\" of the source has type %s", format_type_be(type)),
				 errhint("It must be timestamptz[], parallel to \"items\".")));

	for (int i = 0; i < tupdesc->natts && source->id.attribute == 0; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(tupdesc, i);

		if (!attribute->attisdropped && !column_is_taken(source, attribute))
			find_column(tupdesc, pstrdup(NameStr(attribute->attname)), &source->id);
	}
	relation_close(rel, NoLock);	/* see the top */
	return result;
}

/* Append a column to the query, if there is one, and note its field. */
static void
select_column(StringInfo query, SourceColumn *column, int *fields)
{
	if (column->attribute == 0)
		return;
	column->field = ++(*fields);
	appendStringInfo(query, "%s%s", *fields > 1 ? ", " : "",
					 quote_identifier(column->name));
}

static char *
make_query(Source *source)
{
	StringInfoData query;
	int			fields = 0;

	initStringInfo(&query);
	appendStringInfoString(&query, "SELECT ");
	select_column(&query, &source->items, &fields);
	select_column(&query, &source->events, &fields);
	select_column(&query, &source->times, &fields);
	select_column(&query, &source->id, &fields);
	for (int f = 0; f < source->features; f++)
		select_column(&query, &source->feature[f], &fields);
	appendStringInfo(&query, " FROM %s", source->relation);
	return query.data;
}

/* ---------------------------------------------------------------- rows */

char *
source_row_id(const SourceRow *row)
{
	const SourceColumn *column = &row->source->id;
	bool		isnull;
	Datum		datum;
	Oid			output;
	bool		varlena;

	if (column->field == 0)
		return NULL;
	datum = slot_getattr(row->slot, column->field, &isnull);
	if (isnull)
		return NULL;
	getTypeOutputInfo(column->type, &output, &varlena);
	return OidOutputFunctionCall(output, datum);
}

/*
 * The same while an error is raised: no output function is called, which could
 * be anybody's, look into catalogs or fail, and no stored value is fetched.
 */
static char *
row_id_in_error(const SourceRow *row)
{
	const SourceColumn *column = &row->source->id;
	bool		isnull = true;
	Datum		datum = column->field == 0 ? (Datum) 0
		: slot_getattr(row->slot, column->field, &isnull);
	struct varlena *value;
	int			length;

	if (isnull)
		return NULL;
	switch (column->type)
	{
		case INT2OID:
			return psprintf("%d", DatumGetInt16(datum));
		case INT4OID:
			return psprintf("%d", DatumGetInt32(datum));
		case INT8OID:
			return psprintf(INT64_FORMAT, DatumGetInt64(datum));
		case UUIDOID:
			return DatumGetCString(DirectFunctionCall1(uuid_out, datum));
		case TEXTOID:
		case VARCHAROID:
			value = (struct varlena *) DatumGetPointer(datum);
			if (VARATT_IS_EXTERNAL(value) || VARATT_IS_COMPRESSED(value))
				return NULL;
			length = (int) VARSIZE_ANY_EXHDR(value);
			return pnstrdup(VARDATA_ANY(value),
							pg_mbcliplen(VARDATA_ANY(value), length, SHOWN_ID_BYTES));
		default:
			return NULL;
	}
}

/* Sets the context of an error to the row that is read. */
static void
row_error_context(void *arg)
{
	const SourceRow *row = arg;
	char	   *id = row_id_in_error(row);

	if (id != NULL)
		errcontext("row of %s with \"%s\" = %s", row->source->relation,
				   row->source->id.name, id);
	else
		errcontext("row " INT64_FORMAT " of %s", row->source->rows,
				   row->source->relation);
}

/* The array in a field, or NULL. */
static ArrayType *
row_array(const SourceRow *row, const SourceColumn *column)
{
	bool		isnull;
	Datum		datum = slot_getattr(row->slot, column->field, &isnull);

	return isnull ? NULL : array_of_datum(datum, row->budget);
}

static void
check_length(const SourceColumn *column, int length, int items)
{
	check_parallel(column->name, length, items,
				   "Arrays that run parallel to \"items\" must have one element for each item.");
}

/* The times of the events of the row. */
static const TimestampTz *
read_times(const SourceRow *row)
{
	const SourceColumn *column = &row->source->times;
	ArrayType  *array = row_array(row, column);
	const TimestampTz *times;
	int			count;

	if (array == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("\"%s\" must not be null", column->name),
				 errhint("Leave the column \"times\" out of the source if times are not known.")));
	times = times_of_array(array, column->name, &count);
	check_length(column, count, row->items.count);
	return times;
}

/* Decode a row and hand it on. */
static void
read_row(SourceRow *row, SourceRowFunction function, void *context)
{
	ErrorContextCallback callback = {error_context_stack, row_error_context, row};
	const Source *source = row->source;
	ArrayType  *array;

	error_context_stack = &callback;
	array = row_array(row, &source->items);
	if (array == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("\"items\" must not be null"),
				 errhint("Leave such rows out with WHERE items IS NOT NULL.")));
	row->items = ids_of_array_without_nulls(array, "items");
	for (int f = 0; f < source->features; f++)
	{
		array = source->feature[f].field > 0 ? row_array(row, &source->feature[f]) : NULL;
		row->has_feature[f] = array != NULL;
		if (array == NULL)
			continue;
		row->feature[f] = ids_of_array(array, source->feature[f].name);
		check_length(&source->feature[f], row->feature[f].count, row->items.count);
	}
	array = source->events.field > 0 ? row_array(row, &source->events) : NULL;
	if (array != NULL)
	{
		row->events = ids_of_array(array, source->events.name);
		check_length(&source->events, row->events.count, row->items.count);
	}
	if (source->times.field > 0)
		row->times = read_times(row);
	function(context, row);
	error_context_stack = callback.previous;
}

/* ---------------------------------------------------------------- query */

/* What the executor gives the rows to. */
typedef struct Receiver
{
	DestReceiver dest;			/* must be first */
	Source	   *source;
	const Budget *budget;
	SourceRowFunction function;
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
	SourceRow	row = {
		.source = receiver->source, .budget = receiver->budget, .slot = slot
	};
	MemoryContext executor = MemoryContextSwitchTo(receiver->temporary);

	CHECK_FOR_INTERRUPTS();
	receiver->source->rows++;
	read_row(&row, receiver->function, receiver->context);
	MemoryContextSwitchTo(executor);
	MemoryContextReset(receiver->temporary);
	return true;
}

pg_noreturn static void
complain_about_swap(const Source *source)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("%s was replaced by another relation while it was opened",
					source->relation),
			 errhint("Try again.")));
}

static void
check_column(const Source *source, TupleDesc tupdesc, const SourceColumn *column)
{
	if (column->field > 0 &&
		(column->field > tupdesc->natts ||
		 TupleDescAttr(tupdesc, column->field - 1)->atttypid != column->type))
		complain_about_swap(source);
}

/*
 * Complain unless the query that is about to run reads the relation that was
 * looked at, with the same types.  The plan of an open portal does not change
 * any more, and has locked what it reads.
 */
static void
check_portal(const Source *source, Portal portal)
{
	TupleDesc	tupdesc = portal->tupDesc;

	if (!list_member_oid(linitial_node(PlannedStmt, portal->stmts)->relationOids, source->oid))
		complain_about_swap(source);
	check_column(source, tupdesc, &source->items);
	check_column(source, tupdesc, &source->events);
	check_column(source, tupdesc, &source->times);
	check_column(source, tupdesc, &source->id);
	for (int f = 0; f < source->features; f++)
		check_column(source, tupdesc, &source->feature[f]);
}

void
source_for_each(Source *source, const Budget *budget, SourceRowFunction function,
				void *context)
{
	Receiver	receiver = {
		.dest = {
			.receiveSlot = receive_row, .rStartup = receiver_startup,
			.rShutdown = receiver_done, .rDestroy = receiver_done, .mydest = DestNone
		},
		.source = source,
		.budget = budget,
		.function = function,
		.context = context,
		.temporary = AllocSetContextCreate(CurrentMemoryContext, "recseq row",
										   ALLOCSET_DEFAULT_SIZES)
	};
	SPIPlanPtr	plan;
	Portal		portal;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	plan = SPI_prepare(make_query(source), 0, NULL);
	if (plan == NULL)
		elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
	portal = SPI_cursor_open(NULL, plan, NULL, NULL, true);
	check_portal(source, portal);
	PortalRunFetch(portal, FETCH_FORWARD, FETCH_ALL, &receiver.dest);
	SPI_cursor_close(portal);
	SPI_finish();
	MemoryContextDelete(receiver.temporary);
}
