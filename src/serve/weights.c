/*
 * weights.c
 *	  recseq_weights and recseq_vocabulary: the numbers of a network by name, and
 *	  what the rows of its tables stand for.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "nn/nn.h"
#include "results.h"
#include "serve/history.h"
#include "serve/vectors.h"

/* The argument that both begin with. */
#define ARG_MODEL 0

/* Columns of the result of recseq_weights. */
enum
{
	WEIGHTS_NAME,
	WEIGHTS_SHAPE,
	WEIGHTS_VALUES,
	WEIGHTS_COLUMNS
};

/* Columns of the result of recseq_vocabulary. */
enum
{
	VOCABULARY_INPUT,
	VOCABULARY_INDEX,
	VOCABULARY_ID,
	VOCABULARY_FEATURES,
	VOCABULARY_AVAILABLE,
	VOCABULARY_COLUMNS
};

/* What an integer[] can hold is more than a model has dimensions or features. */
static ArrayType *
array_of_integers(const int32 *values, int count)
{
	Datum		elements[CONFIG_MAX_FEATURES];

	StaticAssertStmt(CONFIG_MAX_FEATURES >= 2, "room for a shape, too");
	for (int i = 0; i < count; i++)
		elements[i] = Int32GetDatum(values[i]);
	return construct_array(elements, count, INT4OID, sizeof(int32), true, TYPALIGN_INT);
}

static Datum
shape_of(const ParamsView *view)
{
	int32		shape[2] = {(int32) view->rows, (int32) view->columns};

	return PointerGetDatum(array_of_integers(shape, params_view_is_vector(view) ? 1 : 2));
}

PG_FUNCTION_INFO_V1(recseq_weights);

/* recseq_weights(model, version): see sql/vectors.sql. */
Datum
recseq_weights(PG_FUNCTION_ARGS)
{
	Results		results = results_begin(fcinfo);
	ModelCall	call = model_call_without_k(fcinfo, ARG_MODEL);
	const Model *model = &call.cached->model;
	MemoryContext caller = MemoryContextSwitchTo(call.cached->scratch);
	ParamsView	views[PARAMS_MAX_VIEWS];
	Size		count;
	int			length = params_views(&model->config, views, &count);

	for (int i = 0; i < length; i++)
	{
		Datum		values[WEIGHTS_COLUMNS];
		bool		nulls[WEIGHTS_COLUMNS] = {false};
		Size		numbers = views[i].rows * views[i].columns;

		CHECK_FOR_INTERRUPTS();
		if (numbers > MAX_REALS)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("\"%s\" of model \"%s\" is too large for an array",
							views[i].name, call.model_name),
					 errdetail("It has %zu numbers, and an array holds no more than %zu.",
							   numbers, MAX_REALS),
					 errhint("recseq_embeddings gives the vectors of items one by one.")));
		MemoryContextReset(call.cached->scratch);
		values[WEIGHTS_NAME] = CStringGetTextDatum(views[i].name);
		values[WEIGHTS_SHAPE] = shape_of(&views[i]);
		values[WEIGHTS_VALUES] =
			PointerGetDatum(array_of_reals(model->params.block + views[i].offset, numbers));
		results_add(&results, values, nulls);
	}
	MemoryContextSwitchTo(caller);
	return (Datum) 0;
}

/* An id as text. */
static Datum
text_of_id(const Vocabulary *vocabulary, int32 index)
{
	Id			id = id_at(vocabulary, index);

	return id.text != NULL ? PointerGetDatum(cstring_to_text_with_len(id.text, (int) id.length))
		: CStringGetTextDatum(psprintf(INT64_FORMAT, id.integer));
}

static void
add_items(const Results *results, const Model *model, MemoryContext row)
{
	for (int32 i = 0; i < model->config.items; i++)
	{
		int32		feature[CONFIG_MAX_FEATURES];
		Datum		values[VOCABULARY_COLUMNS];
		bool		nulls[VOCABULARY_COLUMNS] = {false};

		CHECK_FOR_INTERRUPTS();
		MemoryContextReset(row);
		for (int f = 0; f < model->config.features; f++)
			feature[f] = feature_is_kind(model, f) ? 0 : model->item_feature[f][i];
		values[VOCABULARY_INPUT] = CStringGetTextDatum("items");
		values[VOCABULARY_INDEX] = Int32GetDatum(i);
		values[VOCABULARY_ID] = text_of_id(&model->items, i);
		values[VOCABULARY_FEATURES] =
			PointerGetDatum(array_of_integers(feature, model->config.features));
		values[VOCABULARY_AVAILABLE] = BoolGetDatum(!exclusion_test(model->unavailable, i));
		results_add(results, values, nulls);
	}
}

static void
add_values(const Results *results, const Model *model, int f, MemoryContext row)
{
	const Vocabulary *vocabulary = &model->feature_values[f];

	for (int32 v = 0; v < vocabulary->count; v++)
	{
		Datum		values[VOCABULARY_COLUMNS] = {0};
		bool		nulls[VOCABULARY_COLUMNS] = {false};

		CHECK_FOR_INTERRUPTS();
		MemoryContextReset(row);
		values[VOCABULARY_INPUT] = CStringGetTextDatum(model->feature_name[f]);
		values[VOCABULARY_INDEX] = Int32GetDatum(v + 1);
		values[VOCABULARY_ID] = text_of_id(vocabulary, v);
		nulls[VOCABULARY_FEATURES] = nulls[VOCABULARY_AVAILABLE] = true;
		results_add(results, values, nulls);
	}
}

PG_FUNCTION_INFO_V1(recseq_vocabulary);

/* recseq_vocabulary(model, version): see sql/vectors.sql. */
Datum
recseq_vocabulary(PG_FUNCTION_ARGS)
{
	Results		results = results_begin(fcinfo);
	ModelCall	call = model_call_without_k(fcinfo, ARG_MODEL);
	const Model *model = &call.cached->model;
	MemoryContext caller = MemoryContextSwitchTo(call.cached->scratch);

	add_items(&results, model, call.cached->scratch);
	for (int f = 0; f < model->config.features; f++)
		add_values(&results, model, f, call.cached->scratch);
	MemoryContextSwitchTo(caller);
	return (Datum) 0;
}
