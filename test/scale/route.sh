#!/bin/sh
# Patroni calls it on a server whose role has changed (NODE ACTION ROLE ...): PgBouncer sends what writes to the primary.
set -eu
case $3 in
primary | master)
	echo "writes = host=127.0.0.$1 port=5432 dbname=postgres" >/var/scale/primary.ini.new
	mv /var/scale/primary.ini.new /var/scale/primary.ini
	psql -XAtq -h 127.0.0.1 -p 6432 -U postgres -d pgbouncer -c RELOAD >/dev/null 2>&1 || true
	;;
esac
