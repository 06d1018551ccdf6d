#!/bin/bash
# How a whole training scales, phase by phase, and answering over many items: build/bench/LARGE.md.
#
#   make bench-large                   10,000, 100,000 and 1,000,000 visitors; about half an hour; wants a machine that does nothing else
#   make bench-large LARGE_SHARE=0.1   everything a tenth as large, to profile
#
# Synthetic data by recseq_sample_data. The server is a private one and is gone afterwards; its data takes 3 GB below /var/tmp.
set -euo pipefail
export LC_ALL=C.UTF-8
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE OPENBLAS_NUM_THREADS OMP_NUM_THREADS
# shellcheck source=app/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../app/lib.sh"

OUT=$ROOT/build/bench
PYTHON=/usr/bin/python3

want_for_bench() {
	want python3 test -x "$PYTHON"
	want python3-psycopg2 "$PYTHON" -c 'import psycopg2'
}

trap end_server EXIT
trap 'exit 130' INT TERM HUP

mkdir -p "$OUT"
install_requirements want_for_bench
say "building, for PostgreSQL $PG_MAJOR"
build "$OUT/build.log" all
install_extension "$OUT/build.log" || true

SERVER=$(mktemp -d /var/tmp/recseq-large.XXXXXX)
server_init "shared_buffers = 512MB" "autovacuum = off" "max_parallel_workers_per_gather = 0" "max_wal_size = 4GB" \
	"recseq.max_training_memory = '4GB'"
server_start
server_psql postgres -c "CREATE DATABASE bench"
server_psql bench -o /dev/null -c "CREATE EXTENSION recseq"

export BENCH_OUT=$OUT BENCH_QUICK="" LARGE_SHARE=${LARGE_SHARE:-1}
BENCH_DATABASE="host=$(server_socket_dir) user=$DATABASE_USER dbname=bench"
export BENCH_DATABASE PYTHONDONTWRITEBYTECODE=1
"$PYTHON" "$ROOT/bench/large.py"
