/*
 * split.c
 *	  Which events of a source are learned from, and which are to be predicted.
 *
 * Training reads what the split lets it read of each row, before ids are
 * numbered, so it cannot know an item that only occurs in what is held out.
 * Evaluation reads everything and marks the same events.
 */
#include "data/split.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/datetime.h"
#include "utils/json.h"
#include "utils/timestamp.h"

#include "data/arrays.h"
#include "names.h"
#include "nn/nn.h"

/* Names of the protocols, by enum SplitProtocol. */
static const char *const protocol_names[] = {"leave_one_out", "temporal", "random_windows"};

SplitProtocol
split_protocol(const char *name)
{
	return (SplitProtocol) place_of_name("\"protocol\"", name, protocol_names,
										 lengthof(protocol_names));
}

char *
split_describe(const Split *split)
{
	const char *name = protocol_names[split->protocol];
	char		cut[MAXDATELEN + 1];
	int			utc = 0;

	switch (split->protocol)
	{
		case SPLIT_LEAVE_ONE_OUT:
			return psprintf("%s, min_history %d", name, split->min_history);
		case SPLIT_TEMPORAL:
			return psprintf("%s, cut %s", name,
							JsonEncodeDateTime(cut, TimestampTzGetDatum(split->cut),
											   TIMESTAMPTZOID, &utc));
		case SPLIT_RANDOM_WINDOWS:
			break;
	}
	return psprintf("%s, test_share %.17g, seed " INT64_FORMAT, name, split->share,
					(int64) split->seed);
}

static void
check_has_times(bool has_times)
{
	if (!has_times)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("the protocol \"temporal\" needs a source with a column \"times\""),
				 errhint("It must be timestamptz[], parallel to \"items\".")));
}

int
split_known_events(const Split *split, const TimestampTz *times, int events)
{
	int			known = 0;

	switch (split->protocol)
	{
		case SPLIT_LEAVE_ONE_OUT:
			return events > split->min_history ? events - 1 : events;
		case SPLIT_TEMPORAL:
			check_has_times(times != NULL);
			while (known < events && times[known] < split->cut)
				known++;
			return known;
		case SPLIT_RANDOM_WINDOWS:
			break;
	}
	return events;
}

/* What names a sequence, whatever its place in the source. */
static uint64
sequence_hash(const Dataset *data, int32 s)
{
	return hash_bytes_extended((const unsigned char *) (data->item + data->start[s]),
							   (int) ((data->start[s + 1] - data->start[s]) * sizeof(int32)), 0);
}

void
split_held_out(const Split *split, const Dataset *data, const double *hours,
			   TimestampTz origin, bool *held_out)
{
	double		cut = 0;

	if (split->protocol == SPLIT_TEMPORAL)
	{
		check_has_times(hours != NULL);
		cut = hours_between(origin, split->cut);
	}
	for (int32 s = 0; s < data->sequences; s++)
	{
		int64		first = data->start[s];
		int64		end = data->start[s + 1];
		Rng			rng = rng_stream(split->seed, RNG_TEST_WINDOWS,
									 sequence_hash(data, s));

		for (int64 t = first; t < end; t++)
		{
			CHECK_FOR_INTERRUPTS();
			switch (split->protocol)
			{
				case SPLIT_LEAVE_ONE_OUT:
					held_out[t] = t == end - 1 && t - first >= split->min_history;
					break;
				case SPLIT_TEMPORAL:
					held_out[t] = (t > first && held_out[t - 1]) || hours[t] >= cut;
					break;
				case SPLIT_RANDOM_WINDOWS:
					held_out[t] = t > first && rng_uniform(&rng) < split->share;
					break;
			}
		}
	}
}
