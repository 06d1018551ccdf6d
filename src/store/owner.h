/*
 * owner.h
 *	  Whose a model is.
 *
 * The row of a model keeps its owner twice: as an OID, with the cluster in
 * which that OID means something, and as a name.  In that cluster, which its
 * physical copies count as, the OID wins: a role that is renamed keeps its
 * models, and one that takes the name of a role that is gone does not get them.
 * Anywhere else, where pg_dump, logical replication or pg_upgrade have brought
 * the row, the OIDs are others, and the name wins; the first time that the
 * model is changed there, the row takes the OID of that name.
 */
#ifndef RECSEQ_OWNER_H
#define RECSEQ_OWNER_H

#include "postgres.h"

#include "store/as_owner.h"

/* This cluster, as recseq_model.owner_cluster has it. */
extern int64 owner_this_cluster(void);

/*
 * Lock the row of a model until the transaction ends, so that its versions are
 * stored one after the other; an error if the caller may not change it.
 * False: there is none.  *last_version: as in the row.
 */
extern bool owner_lock_model(const Caller *caller, const char *model, int32 *last_version);

/* The same for a model that must exist. */
extern void owner_lock_existing_model(const Caller *caller, const char *model);

/* Insert the row of a model of the caller's, unless there is one of that name. */
extern void owner_create_model(const Caller *caller, const char *model);

/* Complain if the model exists and the caller may not change it. */
extern void owner_check(const Caller *caller, const char *model);

/* A role's name as a datum of all 64 bytes: a char * would bring what stands behind it. */
extern Datum owner_name_datum(Oid role);

#endif							/* RECSEQ_OWNER_H */
