/*
 * case_row.h
 *	  Rows of recseq_case.
 */
#ifndef RECSEQ_CASE_ROW_H
#define RECSEQ_CASE_ROW_H

#include "evaluate/cases.h"
#include "results.h"

/* Where a method has the target of a case among the first k; 0: nowhere. */
typedef struct CaseRanks
{
	int32		rank;
	int32		unseen_rank;	/* among the items that are not in the history */
} CaseRanks;

/*
 * Add a row a method; unseen: the target is not in the history.  What it takes is
 * left in the current context.
 */
extern void case_add_rows(const Results *results, const Cases *cases, const Case *one,
						  bool unseen, const CaseRanks *ranks);

#endif							/* RECSEQ_CASE_ROW_H */
