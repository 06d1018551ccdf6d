/*
 * catalog.c
 *	  Where recseq's tables are, and which version a name means.
 *
 * Reading is by index scans under the active snapshot, so it costs
 * microseconds, and MVCC decides which version a statement sees.  It needs
 * SELECT on recseq_model; where row security is on for the caller there, the
 * row is looked up by a query of the caller's instead, so that policies decide.
 */
#include "store/catalog.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"

/* Columns by number, as sql/types_and_tables.sql creates them. */
enum
{
	MODEL_MODEL = 1,
	MODEL_ACTIVE_ID = 3,
	VERSION_ID = 1,
	VERSION_MODEL = 2,
	VERSION_VERSION = 3,
	VERSION_BYTES = 16
};

static Oid
find_table(Oid schema, const char *name)
{
	Oid			relation = get_relname_relid(name, schema);

	if (!OidIsValid(relation))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("table \"%s\" of the extension \"recseq\" is missing", name),
				 errhint("Create the extension again, and restore its tables from a backup.")));
	return relation;
}

static Catalog
catalog_in_schema(Oid schema)
{
	return (Catalog) {
		.schema = schema,
		.model = find_table(schema, "recseq_model"),
		.version = find_table(schema, "recseq_version"),
		.chunk = find_table(schema, "recseq_chunk")
	};
}

Catalog
catalog_open(FunctionCallInfo fcinfo)
{
	return catalog_in_schema(get_func_namespace(fcinfo->flinfo->fn_oid));
}

/* The schema of an extension, or InvalidOid if there is none of that OID. */
static Oid
extension_schema(Oid extension)
{
	Relation	rel = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	Oid			schema = InvalidOid;

	ScanKeyInit(&key, Anum_pg_extension_oid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(extension));
	scan = systable_beginscan(rel, ExtensionOidIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		schema = ((Form_pg_extension) GETSTRUCT(tuple))->extnamespace;
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return schema;
}

bool
catalog_open_extension(Catalog *catalog)
{
	Oid			extension = get_extension_oid("recseq", true);
	Oid			schema = InvalidOid;

	if (OidIsValid(extension))
	{
		/* as DROP EXTENSION does before it locks the tables, in another order than jobs do */
		LockDatabaseObject(ExtensionRelationId, extension, 0, AccessShareLock);
		schema = extension_schema(extension);
	}
	if (!OidIsValid(schema))
		return false;
	*catalog = catalog_in_schema(schema);
	return true;
}

/* ---------------------------------------------------------------- reading */

/*
 * The value of a column, int4 or int8, in the one row that an index finds.
 * False: there is no such row, or the value is null.
 */
static bool
look_up(const Catalog *catalog, Oid table, const char *index, int keys, ScanKey key,
		AttrNumber column, int64 *value)
{
	Relation	rel = table_open(table, AccessShareLock);
	/* the statement's snapshot: MVCC decides which version it sees, and all its calls see the same */
	SysScanDesc scan = systable_beginscan(rel, get_relname_relid(index, catalog->schema),
										  true, GetActiveSnapshot(), keys, key);
	HeapTuple	tuple = systable_getnext(scan);
	bool		isnull = true;

	if (HeapTupleIsValid(tuple))
	{
		Datum		datum = heap_getattr(tuple, column, RelationGetDescr(rel), &isnull);

		if (!isnull)
			*value = TupleDescAttr(RelationGetDescr(rel), column - 1)->atttypid == INT4OID
				? DatumGetInt32(datum) : DatumGetInt64(datum);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return !isnull;
}

/*
 * Whether the row of a model is among those that policies let the caller see.
 * The query runs with the caller's search_path, so every name is qualified: an
 * operator of the caller's would decide in the place of the policy.
 */
static bool
visible_to_caller(const Catalog *catalog, const char *model)
{
	char	   *query = psprintf("SELECT FROM %s.recseq_model"
								 " WHERE model OPERATOR(pg_catalog.=) $1",
								 quote_identifier(get_namespace_name(catalog->schema)));
	Oid			types[] = {TEXTOID};
	Datum		values[] = {CStringGetTextDatum(model)};
	bool		visible;

	SPI_connect();
	if (SPI_execute_with_args(query, lengthof(values), types, values, NULL, true, 1) !=
		SPI_OK_SELECT)
		elog(ERROR, "could not look up a model");
	visible = SPI_processed > 0;
	SPI_finish();
	return visible;
}

int32
catalog_version_argument(FunctionCallInfo fcinfo, int arg)
{
	int32		version;

	if (PG_ARGISNULL(arg))
		return 0;
	version = PG_GETARG_INT32(arg);
	if (version < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("version is %d", version),
				 errhint("Versions are numbered from 1; leave it out for the active one.")));
	return version;
}

void
catalog_complain_about_version(const char *model, int32 version)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("version %d of model \"%s\" does not exist", version, model),
			 errhint("The view recseq_models shows which versions there are.")));
}

int64
catalog_find(const Catalog *catalog, const char *model, int32 version)
{
	ScanKeyData key[2];
	int64		id = 0;
	bool		found;

	if (pg_class_aclcheck(catalog->model, GetUserId(), ACL_SELECT) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE, "recseq_model");
	if (check_enable_rls(catalog->model, InvalidOid, true) == RLS_ENABLED &&
		!visible_to_caller(catalog, model))
		found = false;
	else if (version == 0)
	{
		ScanKeyInit(&key[0], MODEL_MODEL, BTEqualStrategyNumber, F_TEXTEQ,
					CStringGetTextDatum(model));
		found = look_up(catalog, catalog->model, "recseq_model_pkey", 1, key,
						MODEL_ACTIVE_ID, &id);
	}
	else
	{
		ScanKeyInit(&key[0], VERSION_MODEL, BTEqualStrategyNumber, F_TEXTEQ,
					CStringGetTextDatum(model));
		ScanKeyInit(&key[1], VERSION_VERSION, BTEqualStrategyNumber, F_INT4EQ,
					Int32GetDatum(version));
		found = look_up(catalog, catalog->version, "recseq_version_model_version_key",
						2, key, VERSION_ID, &id);
	}
	if (found)
		return id;
	if (version == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("model \"%s\" does not exist", model),
				 errhint("recseq_train(source, '%s') trains it; the view recseq_models shows which there are.",
						 model)));
	catalog_complain_about_version(model, version);
}

void
catalog_complain_without_row(int64 id)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("version with id " INT64_FORMAT " has no row in recseq_version", id),
			 errhint("Restore recseq's tables from a backup, or train the model again.")));
}

/* A column of the row of a version. */
static int64
version_column(const Catalog *catalog, int64 id, AttrNumber column)
{
	ScanKeyData key;
	int64		value = 0;

	ScanKeyInit(&key, VERSION_ID, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(id));
	if (!look_up(catalog, catalog->version, "recseq_version_pkey", 1, &key, column, &value) ||
		value <= 0)
		catalog_complain_without_row(id);
	return value;
}

Size
catalog_image_bytes(const Catalog *catalog, int64 id)
{
	return (Size) version_column(catalog, id, VERSION_BYTES);
}

int32
catalog_version_number(const Catalog *catalog, int64 id)
{
	return (int32) version_column(catalog, id, VERSION_VERSION);
}
