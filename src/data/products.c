/*
 * products.c
 *	  The items that there are.
 *
 * Features are numbered as the source numbers them: a value that no sequence has
 * says nothing of an item, for nothing was learned of it.
 */
#include "data/products.h"

#include "access/detoast.h"
#include "access/relation.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "data/arrays.h"
#include "data/idset.h"
#include "data/relation.h"
#include "memory.h"

#define FIRST_ITEMS 1024		/* to make room for at first */

/* A column with one id a row. */
typedef struct ValueColumn
{
	RelationColumn column;
	Oid			base_type;		/* what a domain is over */
	IdKind		kind;
} ValueColumn;

/* What is read so far; untouched items by order of appearance. */
typedef struct Reading
{
	SourceData *source;
	Products   *products;
	Budget		budget;
	ValueColumn item;
	ValueColumn feature[CONFIG_MAX_FEATURES];
	RelationColumn available;
	const char *relation;
	int64		rows;
	bool	   *listed;			/* [source items] */
	IdSet		untouched;
	int32		room;			/* of the arrays by untouched item */
} Reading;

/* ---------------------------------------------------------------- columns */

/* Find a column with ids of that kind, if it is there. */
static bool
find_values(TupleDesc tupdesc, const char *name, IdKind kind, ValueColumn *column)
{
	Oid			type = relation_find_column(tupdesc, name, &column->column);

	if (type == InvalidOid)
		return false;
	column->base_type = getBaseType(type);
	if (!id_kind_of_type(column->base_type, &column->kind) || column->kind != kind)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of the catalog has type %s, but the source has %s there",
						name, format_type_be(type), kind == ID_TEXT ? "texts" : "integers"),
				 errhint("It must be integer, bigint or text, as in the source.")));
	return true;
}

/* The name of the first column; there is one, or SELECT on one could not have been granted. */
static const char *
first_column(TupleDesc tupdesc)
{
	for (int i = 0; i < tupdesc->natts; i++)
	{
		if (!TupleDescAttr(tupdesc, i)->attisdropped)
			return pstrdup(NameStr(TupleDescAttr(tupdesc, i)->attname));
	}
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("the catalog has no column \"item\""),
			 errhint(CATALOG_HINT)));
}

static void
find_columns(Reading *reading, Oid relation)
{
	const SourceData *source = reading->source;
	Relation	rel = relation_open_to_read(relation, CATALOG_HINT);
	TupleDesc	tupdesc = RelationGetDescr(rel);
	Oid			type;

	reading->relation = relation_name(relation);
	if (!find_values(tupdesc, "item", source->items.kind, &reading->item))
		find_values(tupdesc, first_column(tupdesc), source->items.kind, &reading->item);
	for (int f = 0; f < source->data.features; f++)
	{
		const char *name = source->feature_name[f];
		IdKind		kind = source->feature_values[f].kind;

		if (!find_values(tupdesc, name, kind, &reading->feature[f]) &&
			strcmp(name, "categories") == 0)
			find_values(tupdesc, "category", kind, &reading->feature[f]);
	}
	type = relation_find_column(tupdesc, "available", &reading->available);
	if (type != InvalidOid && getBaseType(type) != BOOLOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"available\" of the catalog has type %s", format_type_be(type)),
				 errhint("It must be boolean: whether the item can be sold.")));
	relation_close(rel, NoLock);	/* it stays locked */
}

/* ---------------------------------------------------------------- rows */

/* The id in a field; false: there is none, which 0 says too where it is a feature. */
static bool
read_id(const Reading *reading, TupleTableSlot *slot, const ValueColumn *column, Id *id)
{
	bool		isnull = true;
	Datum		datum = column->column.field == 0 ? (Datum) 0
		: slot_getattr(slot, column->column.field, &isnull);

	if (isnull)
		return false;
	if (column->kind == ID_TEXT && VARATT_IS_EXTENDED(DatumGetPointer(datum)))
		budget_check(&reading->budget, toast_raw_datum_size(datum) + toast_datum_size(datum));
	*id = id_of_datum(datum, column->base_type, column->column.name);
	return true;
}

/* A null does not say that an item cannot be sold. */
static bool
read_available(const Reading *reading, TupleTableSlot *slot)
{
	bool		isnull;
	Datum		datum;

	if (reading->available.field == 0)
		return true;
	datum = slot_getattr(slot, reading->available.field, &isnull);
	return isnull || DatumGetBool(datum);
}

/* Make room for one more item that is in no sequence. */
static void
make_room(Reading *reading)
{
	Products   *products = reading->products;
	int32		room = reading->room;

	if (reading->source->items.count >= CONFIG_MAX_VALUES - 1 - reading->untouched.count)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("source and catalog have more than %d different items",
						CONFIG_MAX_VALUES - 1)));
	if (reading->untouched.count < room)
		return;
	for (int f = 0; f < reading->source->data.features; f++)
		products->feature[f] = budget_resize_array(&reading->budget, int32, products->feature[f],
												   room, (Size) room * 2);
	products->untouched_available = budget_resize_array(&reading->budget, bool,
														products->untouched_available,
														room, (Size) room * 2);
	reading->room = room * 2;
}

static void
complain_about_twice(const Reading *reading, const Id *id)
{
	ereport(ERROR,
			(errcode(ERRCODE_CARDINALITY_VIOLATION),
			 id->text != NULL
			 ? errmsg("the catalog has item \"%s\" twice", pnstrdup(id->text, id->length))
			 : errmsg("the catalog has item " INT64_FORMAT " twice", id->integer),
			 errhint(CATALOG_HINT)));
}

/* Where what a row says of an item goes: its features, and whether it can be sold. */
typedef struct Place
{
	int32	   *feature[CONFIG_MAX_FEATURES];
	bool	   *available;
} Place;

static Place
place_of_item(Reading *reading, const Id *id)
{
	SourceData *source = reading->source;
	Products   *products = reading->products;
	bool		touched;
	int32		item = find_id(&source->items, id);
	Place		place;

	touched = item >= 0;
	if (touched ? reading->listed[item] : idset_find(&reading->untouched, *id) >= 0)
		complain_about_twice(reading, id);
	if (touched)
		reading->listed[item] = true;
	else
	{
		make_room(reading);
		item = idset_number(&reading->untouched, *id);
	}
	for (int f = 0; f < source->data.features; f++)
	{
		place.feature[f] = (touched ? source->item_feature[f] : products->feature[f]) + item;
		if (!touched)
			*place.feature[f] = 0;
	}
	place.available = (touched ? products->available : products->untouched_available) + item;
	return place;
}

static void
row_error_context(void *arg)
{
	const Reading *reading = arg;

	errcontext("row " INT64_FORMAT " of %s", reading->rows, reading->relation);
}

/* RelationRowFunction */
static void
read_row(void *context, TupleTableSlot *slot)
{
	Reading    *reading = context;
	const SourceData *source = reading->source;
	ErrorContextCallback callback = {error_context_stack, row_error_context, reading};
	Id			id;
	Place		place;

	reading->rows++;
	error_context_stack = &callback;
	if (!read_id(reading, slot, &reading->item, &id))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("\"%s\" must not be null", reading->item.column.name),
				 errhint(CATALOG_HINT)));
	place = place_of_item(reading, &id);
	*place.available = read_available(reading, slot);
	for (int f = 0; f < source->data.features; f++)
	{
		Id			value;

		if (*place.feature[f] == 0 && read_id(reading, slot, &reading->feature[f], &value) &&
			(value.text != NULL || value.integer != 0))
			*place.feature[f] = find_id(&source->feature_values[f], &value) + 1;
	}
	error_context_stack = callback.previous;
}

/* ---------------------------------------------------------------- a relation */

/* Begin with no item; all in the current context. */
static Reading *
begin_reading(SourceData *source)
{
	Reading    *reading = palloc0(sizeof(Reading));
	Products   *products = palloc0(sizeof(Products));

	reading->source = source;
	reading->products = products;
	reading->budget = budget_of_training();
	reading->listed = budget_array(&reading->budget, bool, source->items.count + 1);
	memset(reading->listed, 0, source->items.count);
	products->available = budget_array(&reading->budget, bool, source->items.count + 1);
	memset(products->available, 0, source->items.count);
	reading->room = FIRST_ITEMS;
	for (int f = 0; f < source->data.features; f++)
		products->feature[f] = budget_array(&reading->budget, int32, FIRST_ITEMS);
	products->untouched_available = budget_array(&reading->budget, bool, FIRST_ITEMS);
	idset_create(&reading->untouched, source->items.kind, FIRST_ITEMS, &reading->budget);
	return reading;
}

/* Put the items that are in no sequence in the order of their vocabulary. */
static Products *
end_reading(Reading *reading)
{
	Products   *products = reading->products;
	const Budget *budget = &reading->budget;
	int32		count = reading->untouched.count;
	int32	   *place = idset_finish(&reading->untouched, &products->untouched);
	bool	   *available = budget_array(budget, bool, count + 1);

	for (int32 i = 0; i < count; i++)
		available[place[i]] = products->untouched_available[i];
	pfree(products->untouched_available);
	products->untouched_available = available;
	for (int f = 0; f < reading->source->data.features; f++)
	{
		int32	   *value = budget_array(budget, int32, count + 1);

		for (int32 i = 0; i < count; i++)
			value[place[i]] = products->feature[f][i];
		pfree(products->feature[f]);
		products->feature[f] = value;
	}
	pfree(place);
	pfree(reading->listed);
	pfree(reading);
	return products;
}

Products *
products_read(Oid relation, SourceData *source)
{
	Reading    *reading = begin_reading(source);
	RelationColumn *columns[CONFIG_MAX_FEATURES + 2] = {
		&reading->item.column, &reading->available
	};

	find_columns(reading, relation);
	for (int f = 0; f < source->data.features; f++)
		columns[2 + f] = &reading->feature[f].column;
	relation_for_each(relation, columns, 2 + source->data.features, read_row, reading);
	if (reading->rows == 0)
		ereport(ERROR,
				(errcode(ERRCODE_NO_DATA_FOUND),
				 errmsg("catalog %s has no rows", reading->relation),
				 errhint("Only what it has is answered. With row security, only the rows that you may see count.")));
	return end_reading(reading);
}

/* ---------------------------------------------------------------- a version */

Products *
products_of_model(const Model *model, SourceData *source)
{
	Reading    *reading;

	if (model->unavailable == NULL)
		return NULL;
	reading = begin_reading(source);
	/* what is new with the source has been sold */
	memset(reading->products->available, true, source->items.count);
	for (int32 i = 0; i < model->config.items; i++)
	{
		Id			id = id_at(&model->items, i);
		Place		place;

		CHECK_FOR_INTERRUPTS();
		place = place_of_item(reading, &id);
		*place.available = !exclusion_test(model->unavailable, i);
		for (int f = 0; f < source->data.features; f++)
		{
			int32		value = model->item_feature[f][i];
			Id			name;

			if (value == 0 || *place.feature[f] != 0)
				continue;
			name = id_at(&model->feature_values[f], value - 1);
			*place.feature[f] = find_id(&source->feature_values[f], &name) + 1;
		}
	}
	return end_reading(reading);
}
