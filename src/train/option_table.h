/*
 * option_table.h
 *	  What every option of a training is: the one list that arguments, JSON and
 *	  SQL go by.
 */
#ifndef RECSEQ_OPTION_TABLE_H
#define RECSEQ_OPTION_TABLE_H

#include "train/options.h"

/* The arguments of recseq_train: two that are no options, then all that are. */
enum
{
	ARG_SOURCE,
	ARG_MODEL,
	FIRST_OPTION
};

typedef enum OptionType
{
	OPTION_BOOLEAN,				/* bool */
	OPTION_INTEGER,				/* int32 */
	OPTION_LIMIT,				/* int32; null: -1, none */
	OPTION_SEED,				/* uint64 */
	OPTION_REAL,				/* double */
	OPTION_SHARE,				/* float, 0 to below 1, also after it is rounded to one */
	OPTION_FLOAT,				/* float */
	OPTION_CHOICE,				/* an enum, by name; null, where it may be: -1 */
	OPTION_COLUMNS,				/* ArrayType *; null: NULL */
	OPTION_KINDS,				/* Vocabulary of texts */
	OPTION_RELATION				/* Oid; null: InvalidOid */
} OptionType;

typedef struct Option
{
	const char *name;
	OptionType	type;
	Size		field;			/* offset in TrainOptions */
	double		low;			/* of numbers */
	double		high;
	const char *const *names;	/* of choices, by enum */
	int			choices;
	bool		may_be_null;	/* of choices */
	bool		not_learned;	/* has no part in what the weights are */
} Option;

/* In the order of the arguments of recseq_train. */
extern const Option option_table[];
extern const int option_count;

/* By OptionType: the type of the argument. */
extern const Oid option_sql_types[];

/* The option of that name; NULL: there is none. */
extern const Option *find_option(const char *name, Size length);

#endif							/* RECSEQ_OPTION_TABLE_H */
