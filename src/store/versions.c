/*
 * versions.c
 *	  New versions of models: stored, made the active one, and dropped when they
 *	  are more than a model keeps.
 *
 * A model's row is locked from the moment a version is stored until the
 * transaction ends (owner.h), so versions of a model are stored one after the
 * other, and their numbers have no gap that somebody else could see filled.
 */
#include "store/versions.h"

#include <math.h>

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "names.h"
#include "store/chunks.h"
#include "store/owner.h"
#include "store/shared.h"

const char *const activation_names[ACTIVATIONS] = {"always", "if_better", "never"};
const char *const loss_names[LOSSES] = {"softmax", "sampled_softmax", "bpr_max"};
const char *const metric_names[VALIDATION_METRICS] = {"mrr", "hit_rate", "loss"};

Activation
version_activate_argument(FunctionCallInfo fcinfo, int arg)
{
	return (Activation) place_of_name("option \"activate\"",
									  PG_ARGISNULL(arg) ? "null"
									  : text_to_cstring(PG_GETARG_TEXT_PP(arg)),
									  activation_names, lengthof(activation_names));
}

void
version_check_storable(const Catalog *catalog, const char *model, const char *function)
{
	Caller		caller;

	PreventCommandIfReadOnly(function);
	PreventCommandIfParallelMode(function);
	PreventCommandDuringRecovery(function);
	if (model[0] == '\0' || strlen(model) >= VERSION_MODEL_NAME)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("the name of a model must have 1 to %d bytes", VERSION_MODEL_NAME - 1)));
	caller = as_owner_begin(catalog);
	owner_check(&caller, model);
	as_owner_end(&caller);
}

char *
version_describe(const Catalog *catalog, int64 id)
{
	MemoryContext context = CurrentMemoryContext;
	Caller		caller = as_owner_begin(catalog);
	char	   *query = psprintf("SELECT pg_catalog.to_jsonb(v) FROM %s.recseq_version v"
								 " WHERE id OPERATOR(pg_catalog.=) $1", caller.schema);
	Oid			types[] = {INT8OID};
	Datum		values[] = {Int64GetDatum(id)};
	char	   *description;

	if (SPI_execute_with_args(query, lengthof(types), types, values, NULL,
							  true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read the row of a version");
	if (SPI_processed == 0)
		catalog_complain_without_row(id);
	description = MemoryContextStrdup(context,
									  SPI_getvalue(SPI_tuptable->vals[0],
												   SPI_tuptable->tupdesc, 1));
	as_owner_end(&caller);
	return description;
}

bool
version_learned_from(const Catalog *catalog, int64 id, const char *relation,
					 const char *held_out, TimestampTz before)
{
	Caller		caller = as_owner_begin(catalog);
	Oid			types[] = {INT8OID, TEXTOID, TEXTOID, TIMESTAMPTZOID};
	Datum		values[] = {
		Int64GetDatum(id),
		CStringGetTextDatum(relation),
		CStringGetTextDatum(held_out),
		TimestampTzGetDatum(before)
	};
	bool		learned;

	learned = as_owner_run(&caller, "WITH RECURSIVE learned AS ("
						   "SELECT v.model, v.version, v.source, v.options, v.created, v.update_of"
						   " FROM %1$s.recseq_version v WHERE v.id OPERATOR(pg_catalog.=) $1"
						   " UNION ALL "
						   "SELECT v.model, v.version, v.source, v.options, v.created, v.update_of"
						   " FROM learned l JOIN %1$s.recseq_version v"
						   " ON v.id OPERATOR(pg_catalog.=) l.update_of"
						   " AND v.model OPERATOR(pg_catalog.=) l.model"
						   " AND v.version OPERATOR(pg_catalog.<) l.version)"
						   " SELECT FROM learned WHERE source OPERATOR(pg_catalog.=) $2"
						   " AND created OPERATOR(pg_catalog.>) $4"
						   " AND COALESCE((options OPERATOR(pg_catalog.->>) 'held_out')"
						   " OPERATOR(pg_catalog.<>) $3, true) LIMIT 1",
						   lengthof(values), types, values, NULL) > 0;
	as_owner_end(&caller);
	return learned;
}

/* Insert the row of a version; returns its id. */
static int64
insert_version(const Caller *caller, const NewVersion *version, int32 number, Size bytes)
{
	int64		id = chunks_new_id();
	Oid			types[] = {INT8OID, TEXTOID, INT4OID, NAMEOID, TEXTOID, TEXTOID, TEXTOID,
	INT8OID, INT8OID, INT4OID, INT4OID, FLOAT8OID, FLOAT8OID, FLOAT8OID, INT8OID, TEXTOID, INT8OID};
	Datum		values[] = {
		Int64GetDatum(id),
		CStringGetTextDatum(version->model),
		Int32GetDatum(number),
		owner_name_datum(caller->user),
		CStringGetTextDatum(version->source),
		CStringGetTextDatum(version->options),
		CStringGetTextDatum(version->vocabulary),
		Int64GetDatum(version->sequences),
		Int64GetDatum(version->windows),
		Int32GetDatum(version->epochs),
		Int32GetDatum(version->best_epoch),
		Float8GetDatum(version->val_loss),
		Float8GetDatum(version->hit_rate),
		Float8GetDatum(version->seconds),
		Int64GetDatum((int64) bytes),
		CStringGetTextDatum(version->curve),
		Int64GetDatum(version->update_of)
	};
	as_owner_run(caller, "INSERT INTO %s.recseq_version (id, model, version, created, trained_by,"
				 " source, options, vocabulary, sequences, windows, epochs, best_epoch,"
				 " val_loss, hit_rate, seconds, bytes, curve,"
				 " update_of)"
				 " SELECT $1, $2, $3, pg_catalog.clock_timestamp(), $4, $5,"
				 " $6::pg_catalog.jsonb, $7::pg_catalog.jsonb, $8, $9, $10, $11,"
				 " CASE WHEN $12 OPERATOR(pg_catalog.<>) 'NaN'::pg_catalog.float8 THEN $12 END,"
				 " CASE WHEN $13 OPERATOR(pg_catalog.<>) 'NaN'::pg_catalog.float8 THEN $13 END,"
				 " $14, $15, $16::pg_catalog.jsonb,"
				 " CASE WHEN $17 OPERATOR(pg_catalog.<>) 0::pg_catalog.int8 THEN $17 END",
				 lengthof(values), types, values, NULL);
	return id;
}

/* The one that was active before becomes the last of active_before. */
void
version_set_active(const Caller *caller, const char *model, int64 id)
{
	Oid			types[] = {TEXTOID, INT8OID};
	Datum		values[] = {CStringGetTextDatum(model), Int64GetDatum(id)};

	as_owner_run(caller, "UPDATE %s.recseq_model SET active_id = $2, active_before = CASE"
				 " WHEN active_id IS NULL OR active_id OPERATOR(pg_catalog.=) $2 THEN active_before"
				 " ELSE pg_catalog.array_append(pg_catalog.array_remove("
				 "pg_catalog.array_remove(active_before, $2), active_id), active_id) END"
				 " WHERE model OPERATOR(pg_catalog.=) $1", lengthof(values), types, values, NULL);
}

/*
 * Find the hit rate that the active version was trained to; where it is an
 * update, which was validated on little, that of the training it goes back to,
 * if that is still there.  *version: whose it is.  False: there is none.
 */
static bool
active_hit_rate(const Caller *caller, const char *model, double *hit_rate, int32 *version)
{
	Oid			types[] = {TEXTOID};
	Datum		values[] = {CStringGetTextDatum(model)};

	if (as_owner_run(caller, "WITH RECURSIVE origin AS ("
					 "SELECT v.version, v.hit_rate, v.update_of FROM %1$s.recseq_model m"
					 " JOIN %1$s.recseq_version v ON v.id OPERATOR(pg_catalog.=) m.active_id"
					 " WHERE m.model OPERATOR(pg_catalog.=) $1"
					 " UNION ALL "
					 "SELECT v.version, v.hit_rate, v.update_of FROM origin o"
					 " JOIN %1$s.recseq_version v ON v.id OPERATOR(pg_catalog.=) o.update_of"
					 " AND v.model OPERATOR(pg_catalog.=) $1"
					 " AND v.version OPERATOR(pg_catalog.<) o.version)"
					 " SELECT hit_rate, version FROM origin ORDER BY version LIMIT 1",
					 lengthof(values), types, values, NULL) == 0)
		return false;
	*hit_rate = DatumGetFloat8(as_owner_column_or(1, Float8GetDatum(NAN)));
	*version = DatumGetInt32(as_owner_column(2));
	return !isnan(*hit_rate);
}

/*
 * Whether a new version answers from now on.  A version without a hit rate is
 * not known to be better than one that has it.
 */
static bool
should_activate(const Caller *caller, const NewVersion *version, int32 number)
{
	Oid			types[] = {TEXTOID};
	Datum		values[] = {CStringGetTextDatum(version->model)};
	double		to_reach;
	int32		reached_by = 0;

	if (version->activate == ACTIVATE_ALWAYS ||
		as_owner_run(caller, "SELECT FROM %s.recseq_model"
					 " WHERE model OPERATOR(pg_catalog.=) $1 AND active_id IS NOT NULL",
					 lengthof(values), types, values, NULL) == 0)
		return true;
	if (version->activate == ACTIVATE_NEVER)
		return false;
	if (version->hit_rate_to_reach != NULL)
		to_reach = *version->hit_rate_to_reach;
	else if (!active_hit_rate(caller, version->model, &to_reach, &reached_by))
		return true;
	if (version->hit_rate >= to_reach)
		return true;
	ereport(NOTICE,
			(errmsg("version %d of model \"%s\" is stored, but not activated",
					number, version->model),
			 version->hit_rate_to_reach != NULL
			 ? errdetail("Its hit rate is %.4f; before the update it was %.4f.",
						 version->hit_rate, to_reach)
			 : isnan(version->hit_rate)
			 ? errdetail("It was not validated; the hit rate of version %d is %.4f.",
						 reached_by, to_reach)
			 : errdetail("Its hit rate is %.4f; that of version %d is %.4f.",
						 version->hit_rate, reached_by, to_reach)));
	return false;
}

int32
version_delete(const Catalog *catalog, const Caller *caller, const char *query,
				int count, Oid *types, Datum *values, const char *nulls)
{
	int32		found = (int32) as_owner_run(caller, query, count, types, values, nulls);
	SPITupleTable *table = SPI_tuptable;

	for (int32 i = 0; i < found; i++)
	{
		bool		isnull;
		Datum		id = SPI_getbinval(table->vals[i], table->tupdesc, 1, &isnull);
		Oid			type = INT8OID;

		as_owner_run(caller, "DELETE FROM %s.recseq_chunk WHERE id OPERATOR(pg_catalog.=) $1",
					 1, &type, &id, NULL);
		as_owner_run(caller, "DELETE FROM %s.recseq_version WHERE id OPERATOR(pg_catalog.=) $1",
					 1, &type, &id, NULL);
		as_owner_run(caller, "UPDATE %s.recseq_model"
					 " SET active_before = pg_catalog.array_remove(active_before, $1)"
					 " WHERE $1 OPERATOR(pg_catalog.=) ANY (active_before)", 1, &type, &id, NULL);
		shared_forget_on_commit((SharedKey) {MyDatabaseId, catalog->chunk, DatumGetInt64(id)});
	}
	return found;
}

int32
version_drop_superfluous(const Catalog *catalog, const Caller *caller, const char *model)
{
	Oid			types[] = {TEXTOID};
	Datum		values[] = {CStringGetTextDatum(model)};

	return version_delete(catalog, caller,
						   "SELECT v.id FROM %1$s.recseq_model m,"
						   " (SELECT id, pg_catalog.row_number() OVER (ORDER BY version DESC)"
						   "  AS place FROM %1$s.recseq_version"
						   "  WHERE model OPERATOR(pg_catalog.=) $1) v"
						   " WHERE m.model OPERATOR(pg_catalog.=) $1"
						   " AND v.place OPERATOR(pg_catalog.>) m.keep_versions"
						   " AND v.id OPERATOR(pg_catalog.<>) m.active_id"
						   " AND v.id OPERATOR(pg_catalog.<>) coalesce("
						   "m.active_before[pg_catalog.cardinality(m.active_before)],"
						   " m.active_id)",
						   lengthof(values), types, values, NULL);
}

int32
version_store(const Catalog *catalog, const NewVersion *version, const char *image,
			  Size bytes)
{
	Caller		caller = as_owner_begin(catalog);
	int32		number = 0;
	int64		id;

	if (!owner_lock_model(&caller, version->model, &number))
	{
		owner_create_model(&caller, version->model);
		if (!owner_lock_model(&caller, version->model, &number))
			ereport(ERROR,
					(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
					 errmsg("could not store model \"%s\" due to concurrent activity",
							version->model),
					 errhint("Train it again in a new transaction.")));
	}
	number++;
	id = insert_version(&caller, version, number, bytes);
	chunks_write(&caller, "recseq_chunk", id, 0, image, bytes);
	{
		Oid			types[] = {TEXTOID, INT4OID};
		Datum		values[] = {CStringGetTextDatum(version->model), Int32GetDatum(number)};

		as_owner_run(&caller, "UPDATE %s.recseq_model SET last_version = $2"
					 " WHERE model OPERATOR(pg_catalog.=) $1", lengthof(values), types, values, NULL);
	}
	if (should_activate(&caller, version, number))
		version_set_active(&caller, version->model, id);
	version_drop_superfluous(catalog, &caller, version->model);
	as_owner_end(&caller);
	return number;
}

void
version_replace_image(const Catalog *catalog, const Caller *caller, int64 id,
					  const char *image, Size bytes)
{
	int64		new_id = chunks_new_id();
	Oid			types[] = {INT8OID, INT8OID, INT8OID};
	Datum		values[] = {Int64GetDatum(id), Int64GetDatum(new_id), Int64GetDatum((int64) bytes)};

	as_owner_run(caller, "DELETE FROM %s.recseq_chunk WHERE id OPERATOR(pg_catalog.=) $1",
				 1, types, values, NULL);
	chunks_write(caller, "recseq_chunk", new_id, 0, image, bytes);
	as_owner_run(caller, "UPDATE %s.recseq_version SET id = $2, bytes = $3"
				 " WHERE id OPERATOR(pg_catalog.=) $1", 3, types, values, NULL);
	as_owner_run(caller, "UPDATE %s.recseq_version SET update_of = $2"
				 " WHERE update_of OPERATOR(pg_catalog.=) $1", 2, types, values, NULL);
	as_owner_run(caller, "UPDATE %s.recseq_model SET active_id = $2"
				 " WHERE active_id OPERATOR(pg_catalog.=) $1", 2, types, values, NULL);
	as_owner_run(caller, "UPDATE %s.recseq_model"
				 " SET active_before = pg_catalog.array_replace(active_before, $1, $2)"
				 " WHERE $1 OPERATOR(pg_catalog.=) ANY (active_before)", 2, types, values, NULL);
	shared_forget_on_commit((SharedKey) {MyDatabaseId, catalog->chunk, id});
}
