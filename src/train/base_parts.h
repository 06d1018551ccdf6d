/*
 * base_parts.h
 *	  What the files of base.h have of each other.
 */
#ifndef RECSEQ_BASE_PARTS_H
#define RECSEQ_BASE_PARTS_H

#include "train/base.h"

#include "memory.h"

/* Memory counts with that of the source, in the current context. */
extern Budget base_budget(void);

/*
 * Which sequences of the version the source has in a longer form: [sequences].
 * Needs base->item, and a source that has its numbers.
 */
extern bool *base_superseded(const Budget *budget, const Base *base, const SourceData *source);

#endif							/* RECSEQ_BASE_PARTS_H */
