/*
 * names.h
 *	  Enumerations that arguments spell by name.
 */
#ifndef RECSEQ_NAMES_H
#define RECSEQ_NAMES_H

#include "postgres.h"

/*
 * The place of a name among so many; an error if it is none of them.  what:
 * that is named so, for the message.
 */
extern int	place_of_name(const char *what, const char *name, const char *const *names,
						  int count);

#endif							/* RECSEQ_NAMES_H */
