/*
 * assign.c
 *	  recseq_assign: which variant of an experiment a visitor gets.
 *
 * The hash is SHA-256, and not one of PostgreSQL's own: those may change from
 * version to version, and an assignment must not.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "data/arrays.h"

enum
{
	ARG_VISITOR,
	ARG_VARIANTS,
	ARG_WEIGHTS,
	ARG_EXPERIMENT
};

#define FRACTION_BITS 52		/* that a double holds exactly */

/* A number in [0, 1) that a visitor has in an experiment. */
static double
fraction_of_visitor(const char *experiment, const char *visitor)
{
	char	   *experiment_utf8 = pg_server_to_any(experiment, strlen(experiment), PG_UTF8);
	char	   *visitor_utf8 = pg_server_to_any(visitor, strlen(visitor), PG_UTF8);
	Size		begin = strlen(experiment_utf8) + 1;	/* with its zero byte */
	Size		length = begin + strlen(visitor_utf8);
	bytea	   *bytes = palloc(VARHDRSZ + length);
	const unsigned char *digest;
	uint64		bits = 0;

	SET_VARSIZE(bytes, VARHDRSZ + length);
	memcpy(VARDATA(bytes), experiment_utf8, begin);
	memcpy(VARDATA(bytes) + begin, visitor_utf8, length - begin);
	digest = (unsigned char *) VARDATA_ANY(DatumGetPointer(DirectFunctionCall1(sha256_bytea,
																			   PointerGetDatum(bytes))));
	for (int i = 0; i < sizeof(bits); i++)
		bits = bits << 8 | digest[i];
	return ldexp((double) (bits >> (64 - FRACTION_BITS)), -FRACTION_BITS);
}

/* The weights of the variants; their sum is finite and above 0. */
static double *
read_weights(FunctionCallInfo fcinfo, int variants)
{
	double	   *weights = palloc(sizeof(double) * variants);
	double		sum = 0;
	ArrayType  *array;
	Datum	   *elements;
	bool	   *nulls;
	int			count;

	if (PG_ARGISNULL(ARG_WEIGHTS))
	{
		for (int i = 0; i < variants; i++)
			weights[i] = 1;
		return weights;
	}
	array = PG_GETARG_ARRAYTYPE_P(ARG_WEIGHTS);
	check_one_dimension(array, "weights");
	deconstruct_array(array, FLOAT8OID, sizeof(float8),
					  FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &elements, &nulls, &count);
	if (count != variants)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("\"weights\" has %d elements, but \"variants\" has %d", count, variants),
				 errhint("Pass one weight for each variant.")));
	for (int i = 0; i < variants; i++)
	{
		weights[i] = nulls[i] ? NAN : DatumGetFloat8(elements[i]);
		if (!(weights[i] >= 0))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("a weight must be a number of 0 or more")));
		sum += weights[i];
	}
	if (!(sum > 0) || isinf(sum))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the sum of the weights must be above 0 and finite")));
	return weights;
}

/* The variant that a fraction falls to. */
static int
choose(const double *weights, int variants, double fraction)
{
	double		sum = 0;
	double		end = 0;
	int			last = 0;

	for (int i = 0; i < variants; i++)
		sum += weights[i];
	for (int i = 0; i < variants; i++)
	{
		if (weights[i] == 0)
			continue;
		end += weights[i];
		last = i;
		if (fraction * sum < end)
			break;
	}
	return last;
}

PG_FUNCTION_INFO_V1(recseq_assign);

/* recseq_assign(visitor text, variants text[], weights float8[], experiment text) */
Datum
recseq_assign(PG_FUNCTION_ARGS)
{
	IdArray		variants;
	const char *experiment = "";
	IdReader	reader;
	Id			chosen;

	if (PG_ARGISNULL(ARG_VISITOR))
		PG_RETURN_NULL();
	if (PG_ARGISNULL(ARG_VARIANTS))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("\"variants\" must not be null")));
	variants = ids_of_array_without_nulls(PG_GETARG_ARRAYTYPE_P(ARG_VARIANTS), "variants");
	if (variants.count == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there are no variants to choose from")));
	if (!PG_ARGISNULL(ARG_EXPERIMENT))
		experiment = text_to_cstring(PG_GETARG_TEXT_PP(ARG_EXPERIMENT));
	reader = ids_start(&variants);
	ids_skip(&reader, choose(read_weights(fcinfo, variants.count), variants.count,
							 fraction_of_visitor(experiment,
												 text_to_cstring(PG_GETARG_TEXT_PP(ARG_VISITOR)))));
	ids_next(&reader, &chosen);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(chosen.text, (int) chosen.length));
}
