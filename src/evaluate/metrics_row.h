/*
 * metrics_row.h
 *	  Rows of recseq_metrics.
 */
#ifndef RECSEQ_METRICS_ROW_H
#define RECSEQ_METRICS_ROW_H

#include "evaluate/figures.h"
#include "results.h"

/* What a row says of a method. */
typedef struct Metrics
{
	const char *method;
	int32		k;				/* items that count as recommended */
	int32		items;			/* that there are */
	Figures		all;
	Figures		unseen;			/* of the cases whose target is not in the history */
	Figures		unknown;		/* of the cases whose target does not occur in what was learned from */
	Figures		unseen_unknown; /* of the cases of both kinds */
} Metrics;

extern void metrics_add_row(const Results *results, const Metrics *metrics);

#endif							/* RECSEQ_METRICS_ROW_H */
