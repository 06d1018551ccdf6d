/*
 * request.h
 *	  What a caller wants to know of a model: the items that come next after one
 *	  history; from the arguments to the rows of the answer.
 */
#ifndef RECSEQ_REQUEST_H
#define RECSEQ_REQUEST_H

#include "postgres.h"

#include "results.h"
#include "serve/history.h"

typedef struct Request
{
	ModelCall	call;
	History		history;
	uint8	   *seen;			/* a bit an item: it is in the history */
	uint8	   *excluded;		/* a bit an item, for who excludes more than those (selection.h) */
	bool		unknown_excluded[HISTORY_MAX_UNKNOWN];	/* of history.unknown */
	TopK		top;			/* k of them at most */
	Question	question;
} Request;

/* Where the rows of answers go. */
typedef struct Answers
{
	Results		results;
	MemoryContext row;			/* for one of them */
} Answers;

/* A new request, of the arguments k, model and version; top.k is for the caller to set. */
extern Request request_begin(FunctionCallInfo fcinfo);

/* Bytes that request_allocate takes. */
extern Size request_bytes(const Request *request);

/* Take the memory of a request but for its history, in the current context. */
extern void request_allocate(Request *request);

/* What the histories of requests are read by. */
extern HistoryReader request_reader(const Request *request, const Budget *budget);

/* Set or clear the bits of the items in the history. */
extern void request_mark_seen(Request *request, bool seen);

/* Put a request as a question about a history that the network has read. */
extern Question request_ask(Request *request, HistoryReading reading);

/* The category of an item of the model or of the history; 0: none. */
extern int32 request_category(const Request *request, int32 item);

/* The score that an item of the model has in the answer, or would have there if k were larger. */
extern float request_probability(const Request *request, int32 item);

/* Answer without a question: the most frequent items, with their shares of all events. */
extern void request_answer_by_popularity(Request *request);

/* Begin the answers of a call, in the current context. */
extern Answers answers_begin(FunctionCallInfo fcinfo);

/*
 * Add the rows for the items of request->top.  id: value of the column before
 * the others, where the function has one.
 */
extern void answers_add(const Answers *answers, const Request *request, const char *id);

#endif							/* RECSEQ_REQUEST_H */
