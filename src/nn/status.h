/*
 * status.h
 *	  What a function of the network library returns when it can fail, and the
 *	  one question it asks its caller while it works.
 */
#ifndef NN_STATUS_H
#define NN_STATUS_H

#include <stdbool.h>
#include <stddef.h>

typedef enum NnStatus
{
	NN_OK = 0,
	NN_CANCELLED,				/* may_go_on answered no */
	NN_DIVERGED					/* the loss is not a finite number any more */
} NnStatus;

/*
 * Asked between pieces of work of a few milliseconds.  May also leave by
 * longjmp: the library holds no resource besides the memory of its caller.
 * Once it has answered no it must go on to: the answer is asked for again.
 */
typedef bool (*MayGoOn) (void *context);

/*
 * The same for code deep inside: it stops early when the answer is no, and its
 * caller, who asks again, passes that on.
 */
typedef struct Interrupt
{
	MayGoOn		may_go_on;		/* NULL: always */
	void	   *context;
} Interrupt;

static inline bool
interrupt_go_on(const Interrupt *interrupt)
{
	return interrupt->may_go_on == NULL || interrupt->may_go_on(interrupt->context);
}

#endif							/* NN_STATUS_H */
