/*
 * owner.c
 *	  Whose a model is.
 */
#include "store/owner.h"

#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"

/* The row of a model, as far as it says whose it is. */
typedef struct Owner
{
	NameData	name;			/* as stored */
	Oid			role;			/* InvalidOid: there is none any more */
	bool		current;		/* name, OID and cluster are as they would be stored now */
	int32		last_version;
} Owner;

int64
owner_this_cluster(void)
{
	return (int64) GetSystemIdentifier();
}

Datum
owner_name_datum(Oid role)
{
	Name		name = palloc0(sizeof(NameData));

	namestrcpy(name, GetUserNameFromId(role, false));
	return NameGetDatum(name);
}

/* Read the row of a model; lock: until the transaction ends.  False: there is none. */
static bool
read_owner(const Caller *caller, const char *model, bool lock, Owner *owner)
{
	Oid			types[] = {TEXTOID};
	Datum		values[] = {CStringGetTextDatum(model)};
	Oid			stored;

	if (as_owner_run(caller,
					 lock ? "SELECT owner, owner_oid, owner_cluster, last_version FROM %s.recseq_model"
					 " WHERE model OPERATOR(pg_catalog.=) $1 FOR UPDATE"
					 : "SELECT owner, owner_oid, owner_cluster, last_version FROM %s.recseq_model"
					 " WHERE model OPERATOR(pg_catalog.=) $1",
					 lengthof(values), types, values, NULL) == 0)
		return false;
	*owner = (Owner) {
		.name = *DatumGetName(as_owner_column(1)),
		.last_version = DatumGetInt32(as_owner_column(4))
	};
	stored = DatumGetObjectId(as_owner_column_or(2, ObjectIdGetDatum(InvalidOid)));
	if (OidIsValid(stored) &&
		DatumGetInt64(as_owner_column_or(3, Int64GetDatum(0))) == owner_this_cluster())
	{
		char	   *name = GetUserNameFromId(stored, true);

		owner->role = name == NULL ? InvalidOid : stored;
		owner->current = name == NULL || strcmp(name, NameStr(owner->name)) == 0;
	}
	else
		owner->role = get_role_oid(NameStr(owner->name), true);
	return true;
}

/* What a model's owner is called now. */
static const char *
name_of(const Owner *owner)
{
	return OidIsValid(owner->role) ? GetUserNameFromId(owner->role, false) : NameStr(owner->name);
}

static void
check(const Caller *caller, const char *model, const Owner *owner)
{
	if (superuser_arg(caller->user) ||
		(OidIsValid(owner->role) && has_privs_of_role(caller->user, owner->role)))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("must be owner of model \"%s\"", model),
			 OidIsValid(owner->role)
			 ? errdetail("It is owned by role \"%s\".", name_of(owner))
			 : errdetail("It was owned by role \"%s\", which does not exist any more.", name_of(owner)),
			 errhint("Use another name for a model of your own.")));
}

/* Store the owner by the OID that it has in this cluster, and by the name that it has now. */
static void
adopt(const Caller *caller, const char *model, const Owner *owner)
{
	Oid			types[] = {TEXTOID, NAMEOID, OIDOID, INT8OID};
	Datum		values[] = {
		CStringGetTextDatum(model),
		owner_name_datum(owner->role),
		ObjectIdGetDatum(owner->role),
		Int64GetDatum(owner_this_cluster())
	};

	as_owner_run(caller, "UPDATE %s.recseq_model SET owner = $2, owner_oid = $3, owner_cluster = $4"
				 " WHERE model OPERATOR(pg_catalog.=) $1", lengthof(values), types, values, NULL);
}

bool
owner_lock_model(const Caller *caller, const char *model, int32 *last_version)
{
	Owner		owner;

	if (!read_owner(caller, model, true, &owner))
		return false;
	check(caller, model, &owner);
	if (!owner.current && OidIsValid(owner.role))
		adopt(caller, model, &owner);
	*last_version = owner.last_version;
	return true;
}

void
owner_lock_existing_model(const Caller *caller, const char *model)
{
	int32		last_version;

	if (!owner_lock_model(caller, model, &last_version))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("model \"%s\" does not exist", model),
				 errhint("The view recseq_models shows which there are.")));
}

void
owner_create_model(const Caller *caller, const char *model)
{
	Oid			types[] = {TEXTOID, NAMEOID, OIDOID, INT8OID};
	Datum		values[] = {
		CStringGetTextDatum(model),
		owner_name_datum(caller->user),
		ObjectIdGetDatum(caller->user),
		Int64GetDatum(owner_this_cluster())
	};

	as_owner_run(caller, "INSERT INTO %s.recseq_model (model, owner, owner_oid, owner_cluster, last_version)"
				 " VALUES ($1, $2, $3, $4, 0) ON CONFLICT (model) DO NOTHING",
				 lengthof(values), types, values, NULL);
}

void
owner_check(const Caller *caller, const char *model)
{
	Owner		owner;

	if (read_owner(caller, model, false, &owner))
		check(caller, model, &owner);
}
