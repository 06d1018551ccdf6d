/*
 * vectors.c
 *	  recseq_embeddings and recseq_embed: items and histories as vectors whose
 *	  inner product is the network's score, for indexes of vectors and for whoever
 *	  computes elsewhere.
 *
 * Where items have biases, which is where there is no scale, the bias is the last
 * number of an item's vector, and 1 that of a history's.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"

#include "nn/nn.h"
#include "results.h"
#include "serve/history.h"
#include "serve/vectors.h"

/* Arguments by number, as sql/vectors.sql declares them. */
enum
{
	EMBEDDINGS_MODEL
};

enum
{
	EMBED_ITEMS,
	EMBED_MODEL,
	EMBED_VERSION,
	EMBED_CATEGORIES,
	EMBED_EVENTS
};

/* Columns of the result of recseq_embeddings. */
enum
{
	COLUMN_ITEM,
	COLUMN_EMBEDDING,
	COLUMNS
};

ArrayType *
array_of_reals(const float *values, Size count)
{
	Size		bytes = ARR_OVERHEAD_NONULLS(1) + count * sizeof(float4);
	ArrayType  *array = palloc(bytes);

	SET_VARSIZE(array, bytes);
	array->ndim = 1;
	array->dataoffset = 0;
	array->elemtype = FLOAT4OID;
	ARR_DIMS(array)[0] = (int) count;
	ARR_LBOUND(array)[0] = 1;
	memcpy(ARR_DATA_PTR(array), values, count * sizeof(float4));
	return array;
}

/* Whether the bias is a number of its own. */
static bool
has_bias(const Config *config)
{
	return config->scale == 0;
}

/* So many columns of a vector, and after them the last number where it has one more. */
static ArrayType *
make_vector(const Config *config, const float *columns, float last)
{
	int32		dim = config_output_dim(config);
	float		vector[CONFIG_MAX_COLUMNS + 1];

	StaticAssertStmt(CONFIG_MAX_COLUMNS >= CONFIG_MAX_DIM, "room for embeddings, too");
	memcpy(vector, columns, sizeof(float) * dim);
	if (has_bias(config))
		vector[dim++] = last;
	return array_of_reals(vector, dim);
}

PG_FUNCTION_INFO_V1(recseq_embeddings);

/* recseq_embeddings(model, version), with items as bigint or as text: see sql/vectors.sql. */
Datum
recseq_embeddings(PG_FUNCTION_ARGS)
{
	Results		results = results_begin(fcinfo);
	ModelCall	call = model_call_without_k(fcinfo, EMBEDDINGS_MODEL);
	const Model *model = &call.cached->model;
	Oid			item_type = TupleDescAttr(results.tupdesc, COLUMN_ITEM)->atttypid;
	MemoryContext caller = MemoryContextSwitchTo(call.cached->scratch);
	int64		rows = 0;

	for (int32 i = 0; i < model->config.items; i++)
	{
		Datum		values[COLUMNS];
		bool		nulls[COLUMNS] = {false};

		CHECK_FOR_INTERRUPTS();
		if (exclusion_test(model->unavailable, i))
			continue;
		MemoryContextReset(call.cached->scratch);
		if (!id_to_datum(id_at(&model->items, i), item_type, NULL, &values[COLUMN_ITEM]))
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("the ids of model \"%s\" are texts", call.model_name),
					 errhint("Use recseq_embeddings_text.")));
		values[COLUMN_EMBEDDING] =
			PointerGetDatum(make_vector(&model->config, model->params.output_weight +
										(Size) i * config_output_dim(&model->config),
										model->params.output_bias[i]));
		results_add(&results, values, nulls);
		rows++;
	}
	MemoryContextSwitchTo(caller);
	model_call_end(&call, rows);
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(recseq_embed);

/*
 * recseq_embed(items, model, version, categories, events), for items of type
 * integer[], smallint[], bigint[] and text[]: see sql/vectors.sql.
 */
Datum
recseq_embed(PG_FUNCTION_ARGS)
{
	static const HistoryArguments arguments = {EMBED_ITEMS, EMBED_CATEGORIES, EMBED_EVENTS, -1};
	ModelCall	call = model_call_without_k(fcinfo, EMBED_MODEL);
	ArrayType  *vector;
	const Config *config = &call.cached->model.config;
	MemoryContext scratch = call.cached->scratch;
	Budget		budget = budget_of_call(scratch);
	HistoryReader reader = {.call = &call, .budget = &budget};
	MemoryContext caller;
	History		history;
	HistoryReading reading;

	MemoryContextReset(scratch);
	caller = MemoryContextSwitchTo(scratch);
	reader.marked = budget_take(&budget, exclusion_bytes(config->items));
	memset(reader.marked, 0, exclusion_bytes(config->items));
	history = history_of_arguments(&reader, fcinfo, &arguments);
	MemoryContextSwitchTo(caller);
	if (history.length == 0)
		PG_RETURN_NULL();
	reading = infer_read(&call.cached->infer, history.item, history.feature, history.length);
	vector = make_vector(config, reading.representation, 1);
	model_call_end(&call, 1);
	PG_RETURN_ARRAYTYPE_P(vector);
}
