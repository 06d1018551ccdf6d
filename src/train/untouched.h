/*
 * untouched.h
 *	  Items that are in no sequence, in a model that was trained on the others.
 */
#ifndef RECSEQ_UNTOUCHED_H
#define RECSEQ_UNTOUCHED_H

#include "postgres.h"

#include "data/products.h"
#include "model/model.h"
#include "train/base.h"

/*
 * Add the items that are in no sequence to a source and to the network that was
 * trained on it, and note which items can be sold.  Of the model, config and
 * params are set, and are replaced; all memory is in the current context.
 * training_sequences: the first ones, which it was trained on; base: the version
 * that it went on from, or NULL.
 */
extern void untouched_join(Model *model, SourceData *source, const Products *products,
						   int32 training_sequences, Base *base);

#endif							/* RECSEQ_UNTOUCHED_H */
