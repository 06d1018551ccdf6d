/*
 * catalog.c
 *	  Models and their versions as rows.
 *
 * Reading is by index scans under the active snapshot, so it costs
 * microseconds, and MVCC decides which version a statement sees.  It needs
 * SELECT on recseq_model; where row security is on for the caller there, the
 * row is looked up by a query of the caller's instead, so that policies decide.
 *
 * Writing is done as the owner of the tables, as referential integrity does it:
 * whoever may execute the function may change the rows it changes, and nobody
 * needs privileges on the tables.  A model's row is locked from the moment a
 * version is stored until the transaction ends, so versions of a model are
 * stored one after the other.
 */
#include "store/catalog.h"

#include <math.h>

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "names.h"
#include "store/shared.h"

/*
 * Bytes of the image in one row: a bytea doubles when it is dumped, so it must
 * stay far below 1 GB, and a chunk is held in memory twice while it is written.
 */
#define CHUNK_BYTES (4 * 1024 * 1024)

/* Columns by number, as sql/types_and_tables.sql creates them. */
enum
{
	MODEL_MODEL = 1,
	MODEL_ACTIVE_ID = 3,
	VERSION_ID = 1,
	VERSION_MODEL = 2,
	VERSION_VERSION = 3,
	VERSION_BYTES = 16,
	CHUNK_ID = 1,
	CHUNK_CHUNK = 2,
	CHUNK_DATA = 3
};

/* Values of the argument "activate", by enum Activation. */
const char *const activation_names[ACTIVATIONS] = {"always", "if_better", "never"};

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
 * The value of a column in the one row that an index finds.  False: there is no
 * such row, or the value is null.
 */
static bool
look_up(const Catalog *catalog, Oid table, const char *index, int keys, ScanKey key,
		AttrNumber column, int64 *value)
{
	Relation	rel = table_open(table, AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, get_relname_relid(index, catalog->schema),
										  true, GetActiveSnapshot(), keys, key);
	HeapTuple	tuple = systable_getnext(scan);
	bool		isnull = true;

	if (HeapTupleIsValid(tuple))
		*value = DatumGetInt64(heap_getattr(tuple, column, RelationGetDescr(rel), &isnull));
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return !isnull;
}

/* The same by a query of the caller's, who sees what policies let through. */
static bool
look_up_as_caller(const Catalog *catalog, const char *model, int32 version, int64 *id)
{
	const char *schema = quote_identifier(get_namespace_name(catalog->schema));
	char	   *query = psprintf(version == 0
								 ? "SELECT active_id FROM %s.recseq_model WHERE model OPERATOR(pg_catalog.=) $1"
								 : "SELECT id FROM %1$s.recseq_version v JOIN %1$s.recseq_model m USING (model)"
								 " WHERE model OPERATOR(pg_catalog.=) $1 AND version OPERATOR(pg_catalog.=) $2",
								 schema);
	Oid			types[2] = {TEXTOID, INT4OID};
	Datum		values[2] = {CStringGetTextDatum(model), Int32GetDatum(version)};
	bool		isnull = true;

	SPI_connect();
	if (SPI_execute_with_args(query, version == 0 ? 1 : 2, types, values, NULL,
							  true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not look up a model");
	if (SPI_processed > 0)
		*id = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
										  1, &isnull));
	SPI_finish();
	return !isnull;
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

Activation
catalog_activate_argument(FunctionCallInfo fcinfo, int arg)
{
	return (Activation) place_of_name("option \"activate\"",
									  PG_ARGISNULL(arg) ? "null"
									  : text_to_cstring(PG_GETARG_TEXT_PP(arg)),
									  activation_names, lengthof(activation_names));
}

pg_noreturn static void
complain_about_version(const char *model, int32 version)
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
	if (check_enable_rls(catalog->model, InvalidOid, true) == RLS_ENABLED)
		found = look_up_as_caller(catalog, model, version, &id);
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
	complain_about_version(model, version);
}

pg_noreturn static void
complain_without_row(int64 id)
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
		complain_without_row(id);
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

void
catalog_load(const Catalog *catalog, int64 id, char *to, Size bytes)
{
	Relation	rel = table_open(catalog->chunk, AccessShareLock);
	Relation	index = index_open(get_relname_relid("recseq_chunk_pkey", catalog->schema),
								   AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	Size		loaded = 0;
	int32		next = 0;

	ScanKeyInit(&key, CHUNK_ID, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(id));
	scan = systable_beginscan_ordered(rel, index, GetActiveSnapshot(), 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext_ordered(scan, ForwardScanDirection)))
	{
		bool		isnull;
		Datum		number = heap_getattr(tuple, CHUNK_CHUNK, RelationGetDescr(rel), &isnull);
		Datum		stored = heap_getattr(tuple, CHUNK_DATA, RelationGetDescr(rel), &isnull);
		bytea	   *data = DatumGetByteaPP(stored);
		Size		length = VARSIZE_ANY_EXHDR(data);

		CHECK_FOR_INTERRUPTS();
		if (DatumGetInt32(number) != next++ || length > bytes - loaded)
			break;
		memcpy(to + loaded, VARDATA_ANY(data), length);
		loaded += length;
		if ((Pointer) data != DatumGetPointer(stored))
			pfree(data);
	}
	systable_endscan_ordered(scan);
	index_close(index, AccessShareLock);
	table_close(rel, AccessShareLock);
	if (loaded != bytes)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("the image of a model is incomplete"),
				 errdetail("The chunks of version id " INT64_FORMAT " do not add up to its %zu bytes.",
						   id, bytes),
				 errhint("Restore recseq's tables from a backup, or train the model again.")));
}

/* ---------------------------------------------------------------- writing */

Caller
catalog_become_owner(const Catalog *catalog)
{
	Relation	rel = table_open(catalog->model, AccessShareLock);
	Oid			owner = rel->rd_rel->relowner;
	Caller		caller;

	table_close(rel, AccessShareLock);
	caller.schema = quote_identifier(get_namespace_name(catalog->schema));
	GetUserIdAndSecContext(&caller.user, &caller.security);
	SetUserIdAndSecContext(owner, caller.security | SECURITY_LOCAL_USERID_CHANGE |
						   SECURITY_NOFORCE_RLS);
	SPI_connect();
	return caller;
}

void
catalog_become_caller(const Caller *caller)
{
	SPI_finish();
	SetUserIdAndSecContext(caller->user, caller->security);
}

uint64
catalog_run(const Caller *owner_of, const char *statement, int count, Oid *types,
			Datum *values, const char *nulls)
{
	char	   *query = psprintf(statement, owner_of->schema);
	int			status = SPI_execute_with_args(query, count, types, values, nulls,
											   false, 0);

	if (status < 0)
		elog(ERROR, "SPI_execute failed: %s", SPI_result_code_string(status));
	return SPI_processed;
}

Datum
catalog_first_row(int column)
{
	bool		isnull;
	Datum		datum = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
									  column, &isnull);

	return isnull ? (Datum) 0 : datum;
}

static bool
may_change(const char *owner, Oid user)
{
	Oid			role = get_role_oid(owner, true);

	return superuser_arg(user) || (OidIsValid(role) && has_privs_of_role(user, role));
}

/*
 * Lock the row of a model and check that the caller may change it.  Returns
 * whether there is one; *last_version as in the row.
 */
static bool
lock_model(const Caller *caller, const char *model, int32 *last_version)
{
	Oid			types[1] = {TEXTOID};
	Datum		values[1] = {CStringGetTextDatum(model)};
	const char *owner;

	if (catalog_run(caller, "SELECT owner, last_version FROM %s.recseq_model"
					" WHERE model OPERATOR(pg_catalog.=) $1 FOR UPDATE", 1, types, values, NULL) == 0)
		return false;
	owner = NameStr(*DatumGetName(catalog_first_row(1)));
	if (!may_change(owner, caller->user))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of model \"%s\"", model),
				 errdetail("It is owned by role \"%s\".", owner),
				 errhint("Use another name for a model of your own.")));
	*last_version = DatumGetInt32(catalog_first_row(2));
	return true;
}

char *
catalog_describe(const Catalog *catalog, int64 id)
{
	MemoryContext context = CurrentMemoryContext;
	Caller		caller = catalog_become_owner(catalog);
	char	   *query = psprintf("SELECT pg_catalog.to_jsonb(v) FROM %s.recseq_version v"
								 " WHERE id OPERATOR(pg_catalog.=) $1", caller.schema);
	Oid			types[] = {INT8OID};
	Datum		values[] = {Int64GetDatum(id)};
	char	   *description;

	if (SPI_execute_with_args(query, lengthof(types), types, values, NULL,
							  true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read the row of a version");
	if (SPI_processed == 0)
		complain_without_row(id);
	description = MemoryContextStrdup(context,
									  SPI_getvalue(SPI_tuptable->vals[0],
												   SPI_tuptable->tupdesc, 1));
	catalog_become_caller(&caller);
	return description;
}

void
catalog_check_trainable(const Catalog *catalog, const char *model, const char *function)
{
	Caller		caller;
	Oid			types[1] = {TEXTOID};
	Datum		values[1] = {CStringGetTextDatum(model)};

	PreventCommandIfReadOnly(function);
	PreventCommandIfParallelMode(function);
	PreventCommandDuringRecovery(function);
	if (model[0] == '\0' || strlen(model) >= CATALOG_MODEL_NAME)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("the name of a model must have 1 to %d bytes", CATALOG_MODEL_NAME - 1)));
	caller = catalog_become_owner(catalog);
	if (catalog_run(&caller, "SELECT owner FROM %s.recseq_model"
					" WHERE model OPERATOR(pg_catalog.=) $1", 1, types, values, NULL) > 0 &&
		!may_change(NameStr(*DatumGetName(catalog_first_row(1))), caller.user))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of model \"%s\"", model),
				 errhint("Use another name for a model of your own.")));
	catalog_become_caller(&caller);
}

int64
catalog_new_id(void)
{
	int64		id;

	if (!pg_strong_random(&id, sizeof(id)))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate random values")));
	return id & PG_INT64_MAX;
}

/* Insert the row of a version; returns its id. */
static int64
insert_version(const Caller *caller, const NewVersion *version, int32 number, Size bytes)
{
	int64		id = catalog_new_id();
	Oid			types[] = {INT8OID, TEXTOID, INT4OID, NAMEOID, TEXTOID, TEXTOID, TEXTOID,
	INT8OID, INT8OID, INT4OID, INT4OID, FLOAT8OID, FLOAT8OID, FLOAT8OID, INT8OID, TEXTOID};
	Datum		values[] = {
		Int64GetDatum(id),
		CStringGetTextDatum(version->model),
		Int32GetDatum(number),
		CStringGetDatum(GetUserNameFromId(caller->user, false)),
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
		CStringGetTextDatum(version->curve)
	};
	char		nulls[lengthof(values) + 1];

	memset(nulls, ' ', lengthof(values));
	nulls[11] = isnan(version->val_loss) ? 'n' : ' ';
	nulls[12] = isnan(version->hit_rate) ? 'n' : ' ';
	nulls[lengthof(values)] = '\0';
	catalog_run(caller, "INSERT INTO %s.recseq_version (id, model, version, created, trained_by,"
				" source, options, vocabulary, sequences, windows, epochs, best_epoch,"
				" val_loss, hit_rate, seconds, bytes, curve)"
				" VALUES ($1, $2, $3, pg_catalog.clock_timestamp(), $4, $5,"
				" $6::pg_catalog.jsonb, $7::pg_catalog.jsonb, $8, $9, $10, $11, $12, $13, $14, $15,"
				" $16::pg_catalog.jsonb)",
				lengthof(values), types, values, nulls);
	return id;
}

static void
insert_chunks(const Caller *caller, int64 id, const char *image, Size bytes)
{
	Oid			types[] = {INT8OID, INT4OID, BYTEAOID};
	bytea	   *data = palloc(VARHDRSZ + CHUNK_BYTES);
	int32		number = 0;

	for (Size done = 0; done < bytes; done += CHUNK_BYTES)
	{
		Size		length = Min(bytes - done, CHUNK_BYTES);
		Datum		values[] = {
			Int64GetDatum(id), Int32GetDatum(number++), PointerGetDatum(data)
		};

		CHECK_FOR_INTERRUPTS();
		SET_VARSIZE(data, VARHDRSZ + length);
		memcpy(VARDATA(data), image + done, length);
		catalog_run(caller, "INSERT INTO %s.recseq_chunk (id, chunk, data) VALUES ($1, $2, $3)",
					lengthof(values), types, values, NULL);
	}
	pfree(data);
}

/*
 * Make a version the active one; the one that was active before becomes the
 * last of active_before.
 */
static void
set_active(const Caller *caller, const char *model, int64 id)
{
	Oid			types[] = {TEXTOID, INT8OID};
	Datum		values[] = {CStringGetTextDatum(model), Int64GetDatum(id)};

	catalog_run(caller, "UPDATE %s.recseq_model SET active_id = $2, active_before = CASE"
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
	bool		isnull;

	if (catalog_run(caller, "WITH RECURSIVE origin AS ("
					"SELECT v.version, v.hit_rate, v.options FROM %1$s.recseq_model m"
					" JOIN %1$s.recseq_version v ON v.id OPERATOR(pg_catalog.=) m.active_id"
					" WHERE m.model OPERATOR(pg_catalog.=) $1"
					" UNION ALL "
					"SELECT v.version, v.hit_rate, v.options FROM origin o"
					" JOIN %1$s.recseq_version v ON v.model OPERATOR(pg_catalog.=) $1"
					" AND v.version OPERATOR(pg_catalog.=)"
					" (o.options OPERATOR(pg_catalog.->>) 'update_of')::pg_catalog.int4"
					" AND v.version OPERATOR(pg_catalog.<) o.version)"
					" SELECT hit_rate, version FROM origin ORDER BY version LIMIT 1",
					lengthof(values), types, values, NULL) == 0)
		return false;
	*hit_rate = DatumGetFloat8(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
											 1, &isnull));
	*version = DatumGetInt32(catalog_first_row(2));
	return !isnull;
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
		catalog_run(caller, "SELECT FROM %s.recseq_model"
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

/*
 * Delete the versions of a model whose ids a query returns; returns their
 * number.
 */
static int32
delete_versions(const Catalog *catalog, const Caller *caller, const char *query,
				int count, Oid *types, Datum *values, const char *nulls)
{
	int32		found = (int32) catalog_run(caller, query, count, types, values, nulls);
	SPITupleTable *table = SPI_tuptable;

	for (int32 i = 0; i < found; i++)
	{
		bool		isnull;
		Datum		id = SPI_getbinval(table->vals[i], table->tupdesc, 1, &isnull);
		Oid			type = INT8OID;

		catalog_run(caller, "DELETE FROM %s.recseq_chunk WHERE id OPERATOR(pg_catalog.=) $1",
					1, &type, &id, NULL);
		catalog_run(caller, "DELETE FROM %s.recseq_version WHERE id OPERATOR(pg_catalog.=) $1",
					1, &type, &id, NULL);
		catalog_run(caller, "UPDATE %s.recseq_model"
					" SET active_before = pg_catalog.array_remove(active_before, $1)"
					" WHERE $1 OPERATOR(pg_catalog.=) ANY (active_before)", 1, &type, &id, NULL);
		shared_forget_on_commit((SharedKey) {MyDatabaseId, catalog->chunk, DatumGetInt64(id)});
	}
	return found;
}

/*
 * Delete the versions of a locked model beyond those it keeps: the newest, the
 * active one, and the one that recseq_rollback() would activate.
 */
static int32
drop_superfluous(const Catalog *catalog, const Caller *caller, const char *model)
{
	Oid			types[] = {TEXTOID};
	Datum		values[] = {CStringGetTextDatum(model)};

	return delete_versions(catalog, caller,
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
catalog_store(const Catalog *catalog, const NewVersion *version, const char *image,
			  Size bytes)
{
	Caller		caller = catalog_become_owner(catalog);
	int32		number = 0;
	int64		id;

	if (!lock_model(&caller, version->model, &number))
	{
		Oid			types[] = {TEXTOID, NAMEOID};
		Datum		values[] = {
			CStringGetTextDatum(version->model),
			CStringGetDatum(GetUserNameFromId(caller.user, false))
		};

		catalog_run(&caller, "INSERT INTO %s.recseq_model (model, owner, last_version)"
					" VALUES ($1, $2, 0) ON CONFLICT (model) DO NOTHING",
					lengthof(values), types, values, NULL);
		if (!lock_model(&caller, version->model, &number))
			ereport(ERROR,
					(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
					 errmsg("could not store model \"%s\" due to concurrent activity",
							version->model),
					 errhint("Train it again in a new transaction.")));
	}
	number++;
	id = insert_version(&caller, version, number, bytes);
	insert_chunks(&caller, id, image, bytes);
	{
		Oid			types[] = {TEXTOID, INT4OID};
		Datum		values[] = {CStringGetTextDatum(version->model), Int32GetDatum(number)};

		catalog_run(&caller, "UPDATE %s.recseq_model SET last_version = $2"
					" WHERE model OPERATOR(pg_catalog.=) $1", lengthof(values), types, values, NULL);
	}
	if (should_activate(&caller, version, number))
		set_active(&caller, version->model, id);
	drop_superfluous(catalog, &caller, version->model);
	catalog_become_caller(&caller);
	return number;
}

/* Lock a model that must exist. */
static void
lock_existing_model(const Caller *caller, const char *model)
{
	int32		last_version;

	if (!lock_model(caller, model, &last_version))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("model \"%s\" does not exist", model),
				 errhint("The view recseq_models shows which there are.")));
}

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
	caller = catalog_become_owner(&catalog);
	lock_existing_model(&caller, model);
	if (catalog_run(&caller, "SELECT id FROM %s.recseq_version"
					" WHERE model OPERATOR(pg_catalog.=) $1 AND version OPERATOR(pg_catalog.=) $2",
					lengthof(values), types, values, NULL) == 0)
		complain_about_version(model, PG_GETARG_INT32(1));
	set_active(&caller, model, DatumGetInt64(catalog_first_row(1)));
	catalog_become_caller(&caller);
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
	caller = catalog_become_owner(&catalog);
	lock_existing_model(&caller, model);
	if (catalog_run(&caller, "UPDATE %1$s.recseq_model m SET active_id = v.id,"
					" active_before = pg_catalog.array_remove(m.active_before, v.id)"
					" FROM %1$s.recseq_version v"
					" WHERE m.model OPERATOR(pg_catalog.=) $1 AND v.id OPERATOR(pg_catalog.=)"
					" m.active_before[pg_catalog.cardinality(m.active_before)]"
					" RETURNING v.version", lengthof(values), types, values, NULL) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no earlier version of model \"%s\" was active", model),
				 errhint("recseq_activate(model, version) activates any version.")));
	version = DatumGetInt32(catalog_first_row(1));
	catalog_become_caller(&caller);
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
	caller = catalog_become_owner(&catalog);
	lock_existing_model(&caller, model);
	catalog_run(&caller, "UPDATE %s.recseq_model SET keep_versions = $2"
				" WHERE model OPERATOR(pg_catalog.=) $1", lengthof(values), types, values,
				PG_ARGISNULL(1) ? " n" : "  ");
	dropped = drop_superfluous(&catalog, &caller, model);
	catalog_become_caller(&caller);
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
	caller = catalog_become_owner(&catalog);
	lock_existing_model(&caller, model);
	deleted = delete_versions(&catalog, &caller, "SELECT id FROM %s.recseq_version"
							  " WHERE model OPERATOR(pg_catalog.=) $1"
							  " AND ($2 IS NULL OR version OPERATOR(pg_catalog.=) $2)",
							  2, types, values, nulls);
	if (!PG_ARGISNULL(1))
	{
		if (deleted == 0)
			complain_about_version(model, PG_GETARG_INT32(1));
		if (catalog_run(&caller, "UPDATE %1$s.recseq_model m SET active_id = v.id,"
						" active_before = pg_catalog.array_remove(m.active_before, v.id)"
						" FROM (SELECT id, version FROM %1$s.recseq_version"
						"  WHERE model OPERATOR(pg_catalog.=) $1 ORDER BY version DESC LIMIT 1) v"
						" WHERE m.model OPERATOR(pg_catalog.=) $1 AND NOT EXISTS"
						"  (SELECT FROM %1$s.recseq_version a WHERE a.id OPERATOR(pg_catalog.=) m.active_id)"
						" RETURNING v.version", 1, types, values, NULL) > 0)
			ereport(NOTICE,
					(errmsg("version %d of model \"%s\" is now the active one",
							DatumGetInt32(catalog_first_row(1)), model)));
	}
	catalog_run(&caller, "DELETE FROM %1$s.recseq_model m"
				" WHERE m.model OPERATOR(pg_catalog.=) $1 AND ($2 IS NULL OR NOT EXISTS"
				"  (SELECT FROM %1$s.recseq_version v WHERE v.model OPERATOR(pg_catalog.=) $1))",
				2, types, values, nulls);
	catalog_become_caller(&caller);
	PG_RETURN_VOID();
}
