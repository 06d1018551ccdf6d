/*
 * json.c
 *	  JSON objects that are arguments.
 */
#include "json.h"

bool
jsonb_next_member(JsonbIterator **iterator, JsonbValue *key, JsonbValue *value)
{
	JsonbIteratorToken token;

	while ((token = JsonbIteratorNext(iterator, key, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
		{
			JsonbIteratorNext(iterator, value, true);
			return true;
		}
	}
	return false;
}
