/*
 * as_owner.c
 *	  Statements of recseq's own, which run as the owner of its tables.
 */
#include "store/as_owner.h"

#include "access/table.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

Caller
as_owner_begin(const Catalog *catalog)
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
as_owner_end(const Caller *caller)
{
	SPI_finish();
	SetUserIdAndSecContext(caller->user, caller->security);
}

uint64
as_owner_run(const Caller *owner_of, const char *statement, int count, Oid *types,
			 Datum *values, const char *nulls)
{
	char	   *query = psprintf(statement, owner_of->schema);
	int			status = SPI_execute_with_args(query, count, types, values, nulls,
											   false, 0);

	if (status < 0)
		elog(ERROR, "SPI_execute failed: %s", SPI_result_code_string(status));
	return SPI_processed;
}

pg_noreturn static void
complain_about_null(const char *column)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("column \"%s\" of a row of recseq's tables is null", column),
			 errhint("Restore recseq's tables from a backup.")));
}

Datum
as_owner_column(int column)
{
	bool		isnull;
	Datum		datum = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
									  column, &isnull);

	if (isnull)
		complain_about_null(SPI_fname(SPI_tuptable->tupdesc, column));
	return datum;
}

Datum
as_owner_column_or(int column, Datum if_null)
{
	bool		isnull;
	Datum		datum = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
									  column, &isnull);

	return isnull ? if_null : datum;
}

char *
as_owner_text(int column, MemoryContext context)
{
	char	   *value = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column);

	if (value == NULL)
		complain_about_null(SPI_fname(SPI_tuptable->tupdesc, column));
	return MemoryContextStrdup(context, value);
}
