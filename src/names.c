/*
 * names.c
 *	  Enumerations that arguments spell by name.
 */
#include "names.h"

#include "lib/stringinfo.h"

int
place_of_name(const char *what, const char *name, const char *const *names, int count)
{
	StringInfoData choices;

	for (int i = 0; i < count; i++)
	{
		if (strcmp(name, names[i]) == 0)
			return i;
	}
	initStringInfo(&choices);
	for (int i = 0; i < count; i++)
		appendStringInfo(&choices, "%s\"%s\"",
						 i == 0 ? "" : i == count - 1 ? " or " : ", ", names[i]);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s is \"%s\"", what, name),
			 errhint("It must be %s.", choices.data)));
}
