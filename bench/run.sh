#!/bin/bash
# Speed, beside PyTorch, Keras, ONNX Runtime and LightGBM, in one command and one table: bench/RESULTS.md.
#
#   make bench                  everything, in less than half an hour; wants a machine that does nothing else
#   make bench BENCH_QUICK=1    the same in a few minutes, less exact: build/bench/RESULTS.md
#   make bench DATA=dir         with the Retailrocket files of that directory
#
# Without DATA the files in ../shared/retailrocket are used, and without those synthetic data of that size. As root it
# installs what it needs through apt. Keras, ONNX Runtime and LightGBM come through pip into a virtual environment below build/, and are
# left out where pip cannot install them. The server is a private one and is gone afterwards.
set -euo pipefail
export LC_ALL=C.UTF-8
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE OPENBLAS_NUM_THREADS OMP_NUM_THREADS
# shellcheck source=app/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../app/lib.sh"

OUT=$ROOT/build/bench
PYTHON=/usr/bin/python3 # Debian's, which python3-torch is for
VENV=$OUT/venv
DATA=${DATA:-}

blas_with_threads() { compgen -G '/usr/lib/*/openblas-pthread/libblas.so.3'; }

want_for_bench() {
	want python3 test -x "$PYTHON"
	want python3-torch "$PYTHON" -c 'import torch'
	want python3-psycopg2 "$PYTHON" -c 'import psycopg2'
	want python3-venv "$PYTHON" -c 'import ensurepip, venv'
	want libopenblas0-pthread blas_with_threads
}

# pip_install TITLE PACKAGE MODULE
pip_install() {
	"$VENV/bin/python" -c "import importlib.util, sys; sys.exit(importlib.util.find_spec('$3') is None)" && return
	say "installing through pip: $2"
	timeout 600 "$VENV/bin/pip" install -q "$2" psycopg2-binary >"$OUT/pip.log" 2>&1 ||
		say "   $1 is left out: pip could not install it (see $OUT/pip.log)"
}

install_peers() {
	[ -x "$VENV/bin/pip" ] || "$PYTHON" -m venv "$VENV"
	local tensorflow=tensorflow
	[ "$(uname -m)" != x86_64 ] || tensorflow=tensorflow-cpu
	pip_install Keras "$tensorflow" tensorflow
	pip_install "ONNX Runtime" onnxruntime onnxruntime
	pip_install LightGBM lightgbm lightgbm
}

# ------------------------------------------------------------------ server and data

trap end_server EXIT
trap 'exit 130' INT TERM HUP

sql() { server_psql bench -o /dev/null "$@"; }

load_data() {
	server_psql postgres -c "CREATE DATABASE bench"
	sql -c "CREATE EXTENSION recseq" -c "SELECT recseq_retailrocket()"
	if [ -z "$DATA" ] && [ -f "$ROOT/../shared/retailrocket/events.csv" ]; then
		DATA=$ROOT/../shared/retailrocket
	fi
	if [ -z "$DATA" ]; then
		export BENCH_DATA="synthetic, by recseq_sample_data"
		sql -c "SELECT recseq_sample_data('retailrocket', visitors => 13000, items => 30000)"
		return
	fi
	[ -f "$DATA/events.csv" ] || die "there is no events.csv in $DATA"
	export BENCH_DATA="Retailrocket"
	load_retailrocket bench "$DATA"/events.csv "$DATA"/item_properties*.csv
	sql -c "ANALYZE"
}

mkdir -p "$OUT"
install_requirements want_for_bench
install_peers
say "building, for PostgreSQL $PG_MAJOR"
build "$OUT/build.log" all
build "$OUT/build-bench.log" -f bench/bench.mk build/bench/output_layer build/bench/second_stage
install_extension "$OUT/build.log" || true

SERVER=$(mktemp -d /var/tmp/recseq-bench.XXXXXX)
server_init "shared_buffers = 512MB" "autovacuum = off" "max_parallel_workers_per_gather = 0"
server_start
load_data

export BENCH_OUT=$OUT BENCH_QUICK=${BENCH_QUICK:-}
BENCH_DATABASE="host=$(server_socket_dir) user=$DATABASE_USER dbname=bench"
BENCH_BLAS=$(dirname "$(blas_with_threads | head -n 1)")
BENCH_DIGINETICA=${BENCH_DIGINETICA:-$ROOT/../shared/diginetica/events.csv.gz}
export BENCH_DATABASE BENCH_BLAS BENCH_DIGINETICA
export PYTHONDONTWRITEBYTECODE=1
"$PYTHON" "$ROOT/bench/bench.py"
