#!/bin/bash
# Which lines and branches the tests run: of src/nn, src/rank and src/model by their unit tests alone, and of the rest of src/ by
# the regression, isolation, pgTAP and TAP tests. Prints a table of each, with the lines and functions that no test runs; "make
# coverage" fails where less than 90 % of the lines of either were run.
#
#   test/coverage.sh [unit|server]    one of the two; both without an argument
#
# Works in copies of the checkout and of PostgreSQL's installation, below build/coverage. What a process did that was killed is
# not counted, and code that the optimizer has merged counts once. The server's tests run the three libraries as they are
# installed, without counting, which is most of their time.
set -euo pipefail
export LC_ALL=C.UTF-8
# shellcheck source=app/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../app/lib.sh"
# shellcheck source=test/copies.sh
. "$ROOT/test/copies.sh"

OUT=$ROOT/build/coverage
COPY=$OUT/checkout
COUNTING="--coverage -O1 -fno-inline"

trap give_back EXIT

want_for_coverage() { want python3 command -v "$PYTHON"; }

# report FOLDER...: of what has run so far, which it forgets.
report() {
	local status=0
	"$PYTHON" "$ROOT/test/coverage.py" "$COPY" "$@" || status=$?
	find "$COPY" -name '*.gcda' -delete
	return "$status"
}

of_unit_tests() {
	local test
	printf '\n== src/nn, src/rank and src/model, by the unit tests\n'
	"$MAKE" -C "$COPY" -j "$(getconf _NPROCESSORS_ONLN)" PG_CONFIG="$PG_CONFIG" COPT="$COUNTING" unit-tests-plain >"$OUT/build-unit.log" 2>&1 ||
		die "the build failed" "$OUT/build-unit.log"
	for test in "$COPY"/build/unit/*_test; do
		NN_VECTORS_DIR=$ROOT/test/unit/vectors "$test" >"$OUT/${test##*/}.log" 2>&1 || say "${test##*/} fails: see $OUT"
	done
	report src/nn src/rank src/model
}

# PROFILE is what PGXS adds to the flags of the extension's own objects. The server's account writes what it has run beside them.
of_server_tests() {
	printf '\n== src/, by the tests that need a server\n'
	rm -rf "$COPY/build"
	export PROFILE=$COUNTING RECSEQ_STAGE_LIMIT=${RECSEQ_STAGE_LIMIT:-3600}
	copy_postgresql "$OUT/pg"
	"$MAKE" -C "$COPY" -j "$(getconf _NPROCESSORS_ONLN)" PG_CONFIG="$PG_CONFIG" all install >"$OUT/build.log" 2>&1 ||
		die "the build failed" "$OUT/build.log"
	chmod -R a+rwX "$COPY"
	"$COPY/test/run.sh" regression_tests isolation_tests pgtap_tests cluster_tests >"$OUT/tests.log" 2>&1 || true
	tail -n 1 "$OUT/tests.log"
	report src
}

rm -rf "$OUT"
mkdir -p "$OUT"
install_requirements want_for_coverage
copy_checkout "$COPY"
status=0
case ${1:-both} in
unit) of_unit_tests || status=1 ;;
server) of_server_tests || status=1 ;;
both)
	of_unit_tests || status=1
	of_server_tests || status=1
	;;
*) die "what is \"$1\"? See the head of $0" ;;
esac
exit "$status"
