/*
 * train.h
 *	  A training in one statement.
 */
#ifndef RECSEQ_TRAIN_H
#define RECSEQ_TRAIN_H

#include "postgres.h"

#include "fmgr.h"

#include "train/options.h"

/*
 * Train and store a version; returns the row that recseq_train and the function
 * that is called return.
 */
extern Datum train(FunctionCallInfo fcinfo, const Catalog *catalog,
				   const TrainOptions *options);

#endif							/* RECSEQ_TRAIN_H */
