/*
 * item_rows.h
 *	  Rows of items that are ranked by one number.
 */
#ifndef RECSEQ_ITEM_ROWS_H
#define RECSEQ_ITEM_ROWS_H

#include "postgres.h"

#include "model/model.h"
#include "results.h"
#include "nn/nn.h"

/*
 * Add the rows rank, item, category and number of the items, in their order.  An
 * error where an id does not fit into the type of its column; the type of `item`
 * must be text where the ids of the model are.
 */
extern void add_item_rows(const Results *results, const Model *model, const TopK *top);

#endif							/* RECSEQ_ITEM_ROWS_H */
