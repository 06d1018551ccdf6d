/*
 * item_rows.c
 *	  Rows of items that are ranked by one number.
 */
#include "serve/item_rows.h"

#include "data/arrays.h"
#include "serve/cache.h"

/* Columns of the result. */
enum
{
	COLUMN_RANK,
	COLUMN_ITEM,
	COLUMN_CATEGORY,
	COLUMN_SCORE,				/* similarity, weight, ... */
	COLUMNS
};

/* What to do about ids that do not fit into integer. */
#define WIDE_IDS_HINT "Pass \"item\" as bigint."

void
add_item_rows(const Results *results, const Model *model, const TopK *top)
{
	Oid			item_type = TupleDescAttr(results->tupdesc, COLUMN_ITEM)->atttypid;
	Oid			category_type = TupleDescAttr(results->tupdesc, COLUMN_CATEGORY)->atttypid;

	for (int32 i = 0; i < top->count; i++)
	{
		Scored		scored = top->heap[i];
		Datum		values[COLUMNS] = {0};
		bool		nulls[COLUMNS] = {false};
		int32		category = 0;

		values[COLUMN_RANK] = Int32GetDatum(i + 1);
		id_to_datum(id_at(&model->items, scored.item), item_type, WIDE_IDS_HINT,
					&values[COLUMN_ITEM]);
		if (model->config.features > 0)
			category = model->item_feature[CATEGORY_FEATURE][scored.item];
		nulls[COLUMN_CATEGORY] = category == 0 ||
			!id_to_datum(id_at(&model->feature_values[CATEGORY_FEATURE], category - 1),
						 category_type, WIDE_IDS_HINT, &values[COLUMN_CATEGORY]);
		values[COLUMN_SCORE] = Float4GetDatum(scored.score);
		results_add(results, values, nulls);
	}
}
