/*
 * visible.c
 *	  The versions that a caller may see: what the view recseq_models shows.
 *
 * Row security of recseq_model decides, for whoever asks, on every version of
 * PostgreSQL: a view does so only from 15 on (security_invoker), and would need
 * SELECT on recseq_version for everybody.  So the names of the models are read
 * as the caller, and then their versions as the owner of the tables.  Both
 * under the same snapshot, that of the statement.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "results.h"
#include "store/owner.h"

/* The models that the caller sees: name, owner, id of the active version. */
typedef struct VisibleModels
{
	Datum		model;			/* text[] */
	Datum		owner;			/* name[] */
	Datum		active_id;		/* bigint[] */
} VisibleModels;

/* A column of the one row that SPI has read, copied to a context. */
static Datum
copy_array(int column, MemoryContext context)
{
	bool		isnull;
	Datum		array = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column, &isnull);
	MemoryContext procedure = MemoryContextSwitchTo(context);
	Datum		copy = isnull ? (Datum) 0 : PointerGetDatum(DatumGetArrayTypePCopy(array));

	MemoryContextSwitchTo(procedure);
	return copy;
}

/*
 * Read them with the rights of the caller, and with the caller's search_path:
 * every name is qualified.  False: there are none.
 */
static bool
read_models(const Catalog *catalog, VisibleModels *models)
{
	MemoryContext context = CurrentMemoryContext;
	char	   *query = psprintf("SELECT pg_catalog.array_agg(model),"
								 " pg_catalog.array_agg(CASE"
								 " WHEN owner_oid IS NOT NULL AND owner_cluster OPERATOR(pg_catalog.=) $1"
								 " THEN pg_catalog.pg_get_userbyid(owner_oid) ELSE owner END),"
								 " pg_catalog.array_agg(active_id)"
								 " FROM %s.recseq_model",
								 quote_identifier(get_namespace_name(catalog->schema)));
	Oid			types[] = {INT8OID};
	Datum		values[] = {Int64GetDatum(owner_this_cluster())};

	SPI_connect();
	if (SPI_execute_with_args(query, lengthof(values), types, values, NULL, true, 0) !=
		SPI_OK_SELECT)
		elog(ERROR, "could not read the models");
	*models = (VisibleModels) {
		.model = copy_array(1, context),
		.owner = copy_array(2, context),
		.active_id = copy_array(3, context)
	};
	SPI_finish();
	return models->model != (Datum) 0;
}

/* Add the versions of these models to the results. */
static void
add_versions(const Catalog *catalog, const VisibleModels *models, const Results *results)
{
	Caller		caller = as_owner_begin(catalog);
	char	   *query = psprintf("SELECT v.model, v.version, v.id OPERATOR(pg_catalog.=) m.active_id,"
								 " m.owner, v.created, v.trained_by, v.source, v.options, v.vocabulary,"
								 " v.sequences, v.windows, v.epochs, v.best_epoch, v.val_loss,"
								 " v.hit_rate, v.seconds, v.bytes, v.curve, v.id"
								 " FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2),"
								 " pg_catalog.unnest($3)) AS m (model, owner, active_id)"
								 " JOIN %s.recseq_version v ON v.model OPERATOR(pg_catalog.=) m.model",
								 caller.schema);
	Oid			types[] = {TEXTARRAYOID, NAMEARRAYOID, INT8ARRAYOID};
	Datum		values[] = {models->model, models->owner, models->active_id};
	int			columns = results->tupdesc->natts;
	Datum	   *column = palloc(sizeof(Datum) * columns);
	bool	   *isnull = palloc(sizeof(bool) * columns);

	if (SPI_execute_with_args(query, lengthof(values), types, values, NULL, true, 0) !=
		SPI_OK_SELECT)
		elog(ERROR, "could not read the versions");
	Assert(SPI_tuptable->tupdesc->natts == columns);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		heap_deform_tuple(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, column, isnull);
		results_add(results, column, isnull);
	}
	as_owner_end(&caller);
}

PG_FUNCTION_INFO_V1(recseq_get_models);

/* recseq_get_models(): what the view recseq_models shows. */
Datum
recseq_get_models(PG_FUNCTION_ARGS)
{
	Catalog		catalog = catalog_open(fcinfo);
	Results		results = results_begin(fcinfo);
	VisibleModels models;

	if (read_models(&catalog, &models))
		add_versions(&catalog, &models, &results);
	return (Datum) 0;
}
