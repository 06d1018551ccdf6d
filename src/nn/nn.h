/*
 * nn.h
 *	  The network: what users of the library see of it.
 *
 * From data to an answer:
 *
 *	batch.h		sequences of tokens, and the windows that they are cut into
 *	config.h	the shape of a network; params.h: its parameters
 *	trainer.h	fits the parameters to a dataset, in one process or several
 *	infer.h		from a history to a representation, and to the best items
 *	coded_topk.h	the index of output weights that infer.h answers from
 *	cosine.h	items that are like an item
 *	metrics.h	what a rank is worth
 *
 * and what these work with: memory (arena.h, allocator.h), whether to go on and
 * how it ended (status.h), the k best (topk.h), sets of items (exclusion.h) and
 * random numbers (rng.h).  Everything else in this folder is its own affair.
 */
#ifndef NN_NN_H
#define NN_NN_H

#include "nn/allocator.h"
#include "nn/arena.h"
#include "nn/batch.h"
#include "nn/coded_topk.h"
#include "nn/config.h"
#include "nn/cosine.h"
#include "nn/exclusion.h"
#include "nn/infer.h"
#include "nn/metrics.h"
#include "nn/params.h"
#include "nn/rng.h"
#include "nn/status.h"
#include "nn/topk.h"
#include "nn/trainer.h"

#endif							/* NN_NN_H */
