/*
 * source.c
 *	  A relation with one row a sequence, read row by row.
 */
#include "data/source.h"

#include "access/relation.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

/* Bytes of a row's id that the context of an error shows. */
#define SHOWN_ID_BYTES 100

/* ---------------------------------------------------------------- columns */

/* Find a column that must be an array of ids, if it is there. */
static bool
find_id_column(TupleDesc tupdesc, const char *name, IdColumn *column)
{
	Oid			type = relation_find_column(tupdesc, name, &column->column);

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
		/* the first feature is the category of an item */
		if (find_id_column(tupdesc, "categories", &source->feature[0]))
			source->features = 1 + find_id_column(tupdesc, "events", &source->feature[1]);
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
			if (strcmp(name, source->feature[j].column.name) == 0)
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
		if (source->feature[f].column.attribute == attribute->attnum)
			return true;
	}
	return false;
}

Source
source_open(Oid relation, ArrayType *features, bool missing_ok)
{
	Source		result = {0};
	Source	   *source = &result;
	Relation	rel = relation_open_to_read(relation,
											"A source is a relation with one row a sequence.");
	TupleDesc	tupdesc = RelationGetDescr(rel);
	Oid			type;

	source->oid = relation;
	source->relation = relation_name(relation);
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
	type = relation_find_column(tupdesc, "times", &source->times);
	if (type != InvalidOid && array_element_type(type) != TIMESTAMPTZOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"times\" of the source has type %s", format_type_be(type)),
				 errhint("It must be timestamptz[], parallel to \"items\".")));

	for (int i = 0; i < tupdesc->natts && source->id.attribute == 0; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(tupdesc, i);

		if (!attribute->attisdropped && !column_is_taken(source, attribute))
			relation_find_column(tupdesc, pstrdup(NameStr(attribute->attname)), &source->id);
	}
	relation_close(rel, NoLock);	/* it stays locked */
	return result;
}

/* ---------------------------------------------------------------- rows */

char *
source_row_id(const SourceRow *row)
{
	const RelationColumn *column = &row->source->id;
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
	const RelationColumn *column = &row->source->id;
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
row_array(const SourceRow *row, const RelationColumn *column)
{
	bool		isnull;
	Datum		datum = slot_getattr(row->slot, column->field, &isnull);

	return isnull ? NULL : array_of_datum(datum, row->budget);
}

static void
check_length(const RelationColumn *column, int length, int items)
{
	check_parallel(column->name, length, items,
				   "Arrays that run parallel to \"items\" must have one element for each item.");
}

/* The times of the events of the row. */
static const TimestampTz *
read_times(const SourceRow *row)
{
	const RelationColumn *column = &row->source->times;
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
	array = row_array(row, &source->items.column);
	if (array == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("\"items\" must not be null"),
				 errhint("Leave such rows out with WHERE items IS NOT NULL.")));
	row->items = ids_of_array_without_nulls(array, "items");
	for (int f = 0; f < source->features; f++)
	{
		array = source->feature[f].column.field > 0 ? row_array(row, &source->feature[f].column) : NULL;
		row->has_feature[f] = array != NULL;
		if (array == NULL)
			continue;
		row->feature[f] = ids_of_array(array, source->feature[f].column.name);
		check_length(&source->feature[f].column, row->feature[f].count, row->items.count);
	}
	array = source->events.column.field > 0 ? row_array(row, &source->events.column) : NULL;
	if (array != NULL)
	{
		row->events = ids_of_array(array, source->events.column.name);
		check_length(&source->events.column, row->events.count, row->items.count);
	}
	if (source->times.field > 0)
		row->times = read_times(row);
	function(context, row);
	error_context_stack = callback.previous;
}

/* ---------------------------------------------------------------- query */

/* What is done with the rows. */
typedef struct Receiver
{
	Source	   *source;
	const Budget *budget;
	SourceRowFunction function;
	void	   *context;
} Receiver;

/* RelationRowFunction */
static void
receive_row(void *context, TupleTableSlot *slot)
{
	Receiver   *receiver = context;
	SourceRow	row = {
		.source = receiver->source, .budget = receiver->budget, .slot = slot
	};

	receiver->source->rows++;
	read_row(&row, receiver->function, receiver->context);
}

void
source_for_each(Source *source, const Budget *budget, SourceRowFunction function,
				void *context)
{
	Receiver	receiver = {source, budget, function, context};
	RelationColumn *columns[CONFIG_MAX_FEATURES + 4] = {
		&source->items.column, &source->events.column, &source->times, &source->id
	};

	for (int f = 0; f < source->features; f++)
		columns[4 + f] = &source->feature[f].column;
	relation_for_each(source->oid, columns, 4 + source->features, receive_row, &receiver);
}
