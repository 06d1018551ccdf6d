#!/bin/sh
# The server in the container of the Dockerfile: at its first start it makes a database cluster whose superuser, postgres, has the
# password POSTGRES_PASSWORD; then the server takes this process's place. Arguments are the server's own: -c work_mem=64MB.
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
	: "${POSTGRES_PASSWORD:?a password for the superuser postgres}"
	password=$(mktemp)
	trap 'rm -f "$password"' EXIT
	printf '%s\n' "$POSTGRES_PASSWORD" >"$password"
	initdb --username=postgres --pwfile="$password" --auth-local=peer --auth-host=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 --data-checksums
	rm -f "$password"
	echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
fi
exec postgres -c listen_addresses='*' -c shared_preload_libraries=recseq "$@"
