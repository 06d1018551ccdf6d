/*
 * products.h
 *	  The items that there are: a relation with one row an item, its features and
 *	  whether it can be sold.  Many of them may be in no sequence.
 */
#ifndef RECSEQ_PRODUCTS_H
#define RECSEQ_PRODUCTS_H

#include "postgres.h"

#include "data/dataset.h"
#include "model/model.h"

#define CATALOG_HINT "A catalog is a relation with one row an item."

/* What is known of items beside the sequences of a source. */
typedef struct Products
{
	Vocabulary	untouched;		/* those that are in no sequence */
	int32	   *feature[CONFIG_MAX_FEATURES];	/* [untouched] values, as the source numbers them */
	bool	   *untouched_available;	/* [untouched] can be sold */
	bool	   *available;		/* [source items] likewise */
} Products;

/*
 * Read a relation, as the caller: its column "item" (else its first), "available"
 * (boolean) if it has it, and for each feature of the source the column of that
 * name, or "category" for "categories".  What the source does not say of an item
 * itself is added to it.  All memory is in the current context, and keeps to
 * recseq.max_training_memory.
 */
extern Products *products_read(Oid relation, SourceData *source);

/* The same of a version that knows such items; NULL: it does not. */
extern Products *products_of_model(const Model *model, SourceData *source);

#endif							/* RECSEQ_PRODUCTS_H */
