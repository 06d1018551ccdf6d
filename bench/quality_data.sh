# shellcheck shell=bash
# A private server with the data that quality is measured on. Sourced by quality.sh and quality_peers.sh, which set OUT; wants app/lib.sh.
#
# Retailrocket is read from DATA, the Diginetica sessions from QUALITY_DIGINETICA, the Toys reviews from QUALITY_TOYS. Without
# these, from ../shared; what is not there, but for Retailrocket, is left out.

export PYTHONDONTWRITEBYTECODE=1
PYTHON=/usr/bin/python3
DATA=${DATA:-$ROOT/../shared/retailrocket}
QUALITY_DIGINETICA=${QUALITY_DIGINETICA:-$ROOT/../shared/diginetica/events.csv.gz}
QUALITY_TOYS=${QUALITY_TOYS:-$ROOT/../shared/toys/events.csv.gz}

want_for_quality() {
	want python3 test -x "$PYTHON"
	want python3-psycopg2 "$PYTHON" -c 'import psycopg2'
}

sql() { server_psql quality -o /dev/null "$@"; }

load_visitors() {
	[ -f "$DATA/events.csv" ] || die "there is no events.csv in $DATA"
	sql -c "SELECT recseq_retailrocket()"
	load_retailrocket quality "$DATA"/events.csv "$DATA"/item_properties*.csv
	sql -c "ANALYZE"
}

# load_events FILE TABLE COLUMNS: a compressed CSV file, where there is one.
load_events() {
	[ -f "$1" ] || return 0
	sql -c "CREATE TABLE $2 ($3)"
	zcat "$1" | sql -c "COPY $2 FROM STDIN WITH (FORMAT csv, HEADER)"
}

# Builds, starts the server with all of the data, and exports what quality.py reads.
begin_quality() {
	mkdir -p "$OUT"
	install_requirements want_for_quality
	say "building, for PostgreSQL $PG_MAJOR"
	build "$OUT/build.log" all
	install_extension "$OUT/build.log" || true
	SERVER=$(mktemp -d /var/tmp/recseq-quality.XXXXXX)
	server_init "shared_buffers = 512MB" "autovacuum = off" "max_parallel_workers_per_gather = 0" "recseq.max_training_memory = '4GB'"
	server_start
	server_psql postgres -c "CREATE DATABASE quality"
	sql -c "CREATE EXTENSION recseq"
	load_visitors
	load_events "$QUALITY_DIGINETICA" diginetica_events '"user" int, item int, position int, category int, split text'
	load_events "$QUALITY_TOYS" toys_events '"user" int, item int, position int, category int'
	export QUALITY_OUT=$OUT QUALITY_PARTS=${QUALITY_PARTS:-}
	QUALITY_DATABASE="host=$(server_socket_dir) user=$DATABASE_USER dbname=quality"
	QUALITY_LIBRARY=$ROOT/recseq.so
	export QUALITY_DATABASE QUALITY_LIBRARY
}
