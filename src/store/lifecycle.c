/*
 * lifecycle.c
 *	  SQL functions that say which version answers, and which are kept.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/builtins.h"

#include "store/owner.h"
#include "store/versions.h"

PG_FUNCTION_INFO_V1(recseq_activate);

/* recseq_activate(model text, version integer): the version answers from now on. */
Datum
recseq_activate(PG_FUNCTION_ARGS)
{
	char	   *model = text_to_cstring(PG_GETARG_TEXT_PP(0));
	Catalog		catalog = catalog_open(fcinfo);
	Oid			types[] = {TEXTOID, INT4OID};
	Datum		values[] = {CStringGetTextDatum(model), PG_GETARG_DATUM(1)};
	Caller		caller;

	PreventCommandIfReadOnly("recseq_activate()");
	caller = as_owner_begin(&catalog);
	owner_lock_existing_model(&caller, model);
	if (as_owner_run(&caller, "SELECT id FROM %s.recseq_version"
					 " WHERE model OPERATOR(pg_catalog.=) $1 AND version OPERATOR(pg_catalog.=) $2",
					 lengthof(values), types, values, NULL) == 0)
		catalog_complain_about_version(model, PG_GETARG_INT32(1));
	version_set_active(&caller, model, DatumGetInt64(as_owner_column(1)));
	as_owner_end(&caller);
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(recseq_rollback);

/*
 * recseq_rollback(model text): the version that was active before the active
 * one answers again; returns its number.
 */
Datum
recseq_rollback(PG_FUNCTION_ARGS)
{
	char	   *model = text_to_cstring(PG_GETARG_TEXT_PP(0));
	Catalog		catalog = catalog_open(fcinfo);
	Oid			types[] = {TEXTOID};
	Datum		values[] = {CStringGetTextDatum(model)};
	Caller		caller;
	int32		version;

	PreventCommandIfReadOnly("recseq_rollback()");
	caller = as_owner_begin(&catalog);
	owner_lock_existing_model(&caller, model);
	if (as_owner_run(&caller, "UPDATE %1$s.recseq_model m SET active_id = v.id,"
					 " active_before = pg_catalog.array_remove(m.active_before, v.id)"
					 " FROM %1$s.recseq_version v"
					 " WHERE m.model OPERATOR(pg_catalog.=) $1 AND v.id OPERATOR(pg_catalog.=)"
					 " m.active_before[pg_catalog.cardinality(m.active_before)]"
					 " RETURNING v.version", lengthof(values), types, values, NULL) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no earlier version of model \"%s\" was active", model),
				 errhint("recseq_activate(model, version) activates any version.")));
	version = DatumGetInt32(as_owner_column(1));
	as_owner_end(&caller);
	PG_RETURN_INT32(version);
}

PG_FUNCTION_INFO_V1(recseq_retain);

/*
 * recseq_retain(model text, keep integer): keep the newest versions, now and
 * whenever one is stored; null: all.  Returns how many were dropped now.
 */
Datum
recseq_retain(PG_FUNCTION_ARGS)
{
	Catalog		catalog = catalog_open(fcinfo);
	char	   *model;
	Oid			types[] = {TEXTOID, INT4OID};
	Datum		values[2];
	int32		dropped;
	Caller		caller;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the name of the model must not be null")));
	if (!PG_ARGISNULL(1) && PG_GETARG_INT32(1) < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"keep\" is %d", PG_GETARG_INT32(1)),
				 errhint("At least one version is kept; null keeps all of them.")));
	model = text_to_cstring(PG_GETARG_TEXT_PP(0));
	values[0] = CStringGetTextDatum(model);
	values[1] = PG_ARGISNULL(1) ? (Datum) 0 : PG_GETARG_DATUM(1);

	PreventCommandIfReadOnly("recseq_retain()");
	caller = as_owner_begin(&catalog);
	owner_lock_existing_model(&caller, model);
	as_owner_run(&caller, "UPDATE %s.recseq_model SET keep_versions = $2"
				 " WHERE model OPERATOR(pg_catalog.=) $1", lengthof(values), types, values,
				 PG_ARGISNULL(1) ? " n" : "  ");
	dropped = version_drop_superfluous(&catalog, &caller, model);
	as_owner_end(&caller);
	PG_RETURN_INT32(dropped);
}

PG_FUNCTION_INFO_V1(recseq_drop_model);

/*
 * recseq_drop_model(model text, version integer): removes the version; null:
 * all of them, and the model.  Where the active version goes, the newest that
 * is left becomes the active one.
 */
Datum
recseq_drop_model(PG_FUNCTION_ARGS)
{
	Catalog		catalog = catalog_open(fcinfo);
	char	   *model;
	Oid			types[] = {TEXTOID, INT4OID};
	Datum		values[2];
	const char *nulls = PG_ARGISNULL(1) ? " n" : "  ";
	int32		deleted;
	Caller		caller;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the name of the model must not be null")));
	model = text_to_cstring(PG_GETARG_TEXT_PP(0));
	values[0] = CStringGetTextDatum(model);
	values[1] = PG_ARGISNULL(1) ? (Datum) 0 : PG_GETARG_DATUM(1);

	PreventCommandIfReadOnly("recseq_drop_model()");
	caller = as_owner_begin(&catalog);
	owner_lock_existing_model(&caller, model);
	deleted = version_delete(&catalog, &caller, "SELECT id FROM %s.recseq_version"
							 " WHERE model OPERATOR(pg_catalog.=) $1"
							  " AND ($2 IS NULL OR version OPERATOR(pg_catalog.=) $2)",
							  2, types, values, nulls);
	if (!PG_ARGISNULL(1))
	{
		if (deleted == 0)
			catalog_complain_about_version(model, PG_GETARG_INT32(1));
		if (as_owner_run(&caller, "UPDATE %1$s.recseq_model m SET active_id = v.id,"
						 " active_before = pg_catalog.array_remove(m.active_before, v.id)"
						 " FROM (SELECT id, version FROM %1$s.recseq_version"
						 "  WHERE model OPERATOR(pg_catalog.=) $1 ORDER BY version DESC LIMIT 1) v"
						 " WHERE m.model OPERATOR(pg_catalog.=) $1 AND NOT EXISTS"
						 "  (SELECT FROM %1$s.recseq_version a WHERE a.id OPERATOR(pg_catalog.=) m.active_id)"
						 " RETURNING v.version", 1, types, values, NULL) > 0)
			ereport(NOTICE,
					(errmsg("version %d of model \"%s\" is now the active one",
							DatumGetInt32(as_owner_column(1)), model)));
	}
	as_owner_run(&caller, "DELETE FROM %1$s.recseq_model m"
				 " WHERE m.model OPERATOR(pg_catalog.=) $1 AND ($2 IS NULL OR NOT EXISTS"
				 "  (SELECT FROM %1$s.recseq_version v WHERE v.model OPERATOR(pg_catalog.=) $1))",
				 2, types, values, nulls);
	as_owner_end(&caller);
	PG_RETURN_VOID();
}
