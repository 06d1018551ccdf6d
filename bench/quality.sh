#!/bin/bash
# How good the recommendations are, beside simple methods: writes the tables of docs/quality.md and the plots in docs/images/.
#
#   make quality                          everything, in about a quarter of an hour on two cores
#   make quality DATA=dir                 with the Retailrocket files of that directory
#   make quality QUALITY_PARTS="seed"     some of: retailrocket seed ablation diginetica
#   make quality QUALITY_EPOCHS=20        epochs on Diginetica instead of 3
#
# Without DATA the files in ../shared/retailrocket are used. The Diginetica sessions are read from
# QUALITY_DIGINETICA, or ../shared/diginetica/events.csv.gz, and left out where there are none. As root it installs what it
# needs through apt. The server is a private one and is gone afterwards. What was measured is kept below build/quality/ and not
# measured again while the library stays the same.
set -euo pipefail
export LC_ALL=C.UTF-8
# shellcheck source=app/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../app/lib.sh"

OUT=$ROOT/build/quality
PYTHON=/usr/bin/python3
DATA=${DATA:-$ROOT/../shared/retailrocket}
QUALITY_DIGINETICA=${QUALITY_DIGINETICA:-$ROOT/../shared/diginetica/events.csv.gz}

want_for_quality() {
	want python3 test -x "$PYTHON"
	want python3-psycopg2 "$PYTHON" -c 'import psycopg2'
}

trap end_server EXIT
trap 'exit 130' INT TERM HUP

sql() { server_psql quality -o /dev/null "$@"; }

load_visitors() {
	[ -f "$DATA/events.csv" ] || die "there is no events.csv in $DATA"
	sql -c "SELECT recseq_retailrocket()"
	load_retailrocket quality "$DATA"/events.csv "$DATA"/item_properties*.csv
	sql -c "ANALYZE"
}

load_diginetica() {
	[ -f "$QUALITY_DIGINETICA" ] || return 0
	sql -c 'CREATE TABLE diginetica_events ("user" int, item int, position int, category int, split text)'
	zcat "$QUALITY_DIGINETICA" | sql -c "COPY diginetica_events FROM STDIN WITH (FORMAT csv, HEADER)"
}

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
load_diginetica

export QUALITY_OUT=$OUT QUALITY_PARTS=${QUALITY_PARTS:-} QUALITY_EPOCHS=${QUALITY_EPOCHS:-}
QUALITY_DATABASE="host=$(server_socket_dir) user=$DATABASE_USER dbname=quality"
QUALITY_LIBRARY=$ROOT/recseq.so
export QUALITY_DATABASE QUALITY_LIBRARY
export PYTHONDONTWRITEBYTECODE=1
"$PYTHON" "$ROOT/bench/quality.py"
