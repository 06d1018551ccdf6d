/*
 * compat.h
 *	  What is called otherwise in some of PostgreSQL 13 to 18.
 *
 * Two differences that are more than a name stand where they matter: shared
 * memory by name (segment.c), and settings of a job's process (jobs/process.c).
 */
#ifndef RECSEQ_COMPAT_H
#define RECSEQ_COMPAT_H

#include "postgres.h"

#include "utils/guc.h"

#if PG_VERSION_NUM < 130000
#error "recseq needs PostgreSQL 13 or newer"
#endif

/* 15 (88103567cb8f) renamed it, since it now forbids unknown settings as well. */
#if PG_VERSION_NUM < 150000
#define MarkGUCPrefixReserved(prefix) EmitWarningsOnPlaceholders(prefix)
#endif

/* So it is called from 18 on, and comes first. */
#if PG_VERSION_NUM < 180000
#define pg_noreturn pg_attribute_noreturn()
#endif

/* Before 14 the OIDs of the catalogs' indexes are in a header of their own. */
#if PG_VERSION_NUM < 140000
#include "catalog/indexing.h"
#endif

/* 14 (c9c41c7a337d) renamed it. */
#if PG_VERSION_NUM < 140000
#define ROLE_PG_READ_ALL_STATS DEFAULT_ROLE_READ_ALL_STATS
#endif

/* 16 (3d14e171e9e2) lets a grant leave out SET; before, a member may always. */
#if PG_VERSION_NUM < 160000
#define member_can_set_role(member, role) is_member_of_role(member, role)
#endif

#endif							/* RECSEQ_COMPAT_H */
