#!/bin/bash
# Every test, on a private server that is gone afterwards. Ends with the plain line "N passed, N failed".
#
# Stages, each skipped where it has no tests:
#   test/unit/*_test.c   the network alone, plain and with sanitizers
#   test/sql/*.sql       pg_regress, through make installcheck, in a database that has recseq; expected output in expected/
#   test/specs/*.spec    pg_isolation_regress, likewise, in a database in which each creates the extension
#   test/pgtap/*.sql     pgTAP, in a database that has pgtap and recseq
#   test/t/*.pl          PostgreSQL::Test::Cluster, as the server's account, in a copy of the checkout's test files
#   test/clients/run.sh  the programs of docs/clients.md, in the languages that are here
#   test/page/test_*.py  the web page (app/page): its logic through Streamlit's AppTest, and all of it in Chromium
#
# What tests find in the environment: NN_VECTORS_DIR (unit tests: reference vectors) and RECSEQ_DATA (real Retailrocket
# files; unset where there are none). RECSEQ_IMAGES=docs/images makes the page's pictures go there. Logs stay in build/test/.
set -euo pipefail
export LC_ALL=C.UTF-8
# shellcheck source=app/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../app/lib.sh"

OUT=$ROOT/build/test
STAGE_LIMIT=900 # seconds, so that a test that hangs is a failure and not a wait
PASSED=0
FAILED=0

files() { compgen -G "$ROOT/$1" || true; }

want_for_tests() {
	local perl=(perl -e 1)
	want perl "${perl[@]}" -MTest::More
	want perl command -v prove
	want diffutils command -v diff
	if [ -n "$(files 'test/pgtap/*.sql')" ]; then
		want libtap-parser-sourcehandler-pgtap-perl command -v pg_prove
		want "postgresql-$PG_MAJOR-pgtap" test -f "$("$PG_CONFIG" --sharedir)/extension/pgtap.control"
	fi
	if [ -n "$(files 'test/t/*.pl')" ]; then
		want libipc-run-perl "${perl[@]}" -MIPC::Run
		want "postgresql-$PG_MAJOR-cron" test -f "$("$PG_CONFIG" --sharedir)/extension/pg_cron.control"
	fi
}

# ------------------------------------------------------------------ stages and their counts

# stage TITLE LOG COMMAND...: runs it, shows what matters of its output as it comes, and adds its results to the totals.
stage() {
	local title=$1 log=$2 started=$SECONDS status=0 passed failed
	shift 2
	printf '\n== %s\n' "$title"
	"$@" </dev/null 2>&1 | tee "$log" | show_progress || status=${PIPESTATUS[0]}
	read -r passed failed < <(count_results "$log")
	# A stage that broke before, between or after its tests is a failure too.
	if [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; then
		failed=1
		[ "$status" -ne 124 ] || say "   stopped after $STAGE_LIMIT seconds"
		tail -n 30 "$log" | sed 's/^/   | /'
	elif [ $((passed + failed)) -eq 0 ]; then
		failed=1
		say "   no test has run"
	fi
	say "   $passed passed, $failed failed in $((SECONDS - started)) s"
	PASSED=$((PASSED + passed))
	FAILED=$((FAILED + failed))
	[ "$failed" -eq 0 ]
}

limited() { timeout --foreground -k 10 "$STAGE_LIMIT" "$@"; }

# Of TAP from prove -v: a line for each file, and what failed with its diagnostics. Of pg_regress: its lines.
# shellcheck disable=SC2016
show_progress() {
	awk '
	function flush_context(   i) { for (i = 0; i < lines; i++) print "   |", context[i]; lines = 0 }
	/^Test Summary Report/               { summary = 1 }
	summary                              { print "   " $0; fflush(); next }
	/ \.\.+ *$/                          { file = $1; tests = 0; lines = 0; diagnostics = 0; next }
	/ \.\.+ skipped/                     { print "   " $0; fflush(); next }
	/^not ok/ && !/# TODO/               { print "   " $0; fflush(); tests++; lines = 0; diagnostics = 1; next }
	/^(not )?ok [0-9]+ +[-+] .* [0-9]+ ms$/ { print "   " $0; fflush(); next }
	/^(not )?ok[ ]/                      { tests++; lines = 0; diagnostics = 0; next }
	/^ok$/ && file != ""                 { printf "   %s: %d ok\n", file, tests; fflush(); next }
	/^Dubious|^Failed [0-9]|^No subtests/ { flush_context(); printf "   %s: %s\n", file, $0; fflush(); next }
	diagnostics && /^ *#/                { print "   " $0; fflush(); next }
	/^(test|  )[^.]*\.\.\. /             { print "   " $0; fflush(); next }
	lines < 60                           { context[lines++] = $0 }
	'
}

# Prints "passed failed" of a log with TAP or with pg_regress's own format (before PostgreSQL 16). Skipped tests are neither.
count_results() {
	awk '
	/^ok [0-9]+.*# *[Ss][Kk][Ii][Pp]/    { next }
	/^not ok.*# TODO/                    { next }
	/^ok [0-9]/ || /^ok - /              { passed++ }
	/^not ok/                            { failed++ }
	/^(test|  )[^.]*\.\.\. +ok/          { passed++ }
	/^(test|  )[^.]*\.\.\. +FAILED/      { failed++ }
	/\(Wstat: .* Failed: 0\)/            { failed++ }  # prove: a file that ended badly although no test of it failed
	END                                  { print passed + 0, failed + 0 }
	' "$1"
}

# On every way out: the server goes, and the last line tells the totals. A way out before the end is a failure.
COMPLETE=
finish() {
	end_server
	[ -n "$COMPLETE" ] || FAILED=$((FAILED + 1))
	printf '\n%s passed, %s failed\n' "$PASSED" "$FAILED"
	[ "$FAILED" -eq 0 ] || exit 1
}
trap finish EXIT
trap 'exit 130' INT TERM HUP

# ------------------------------------------------------------------ the stages

# unit_tests plain|asan DIRECTORY TITLE
unit_tests() {
	if ! (build "$OUT/build-unit-$1.log" "unit-tests-$1"); then
		FAILED=$((FAILED + 1))
		return
	fi
	stage "$3" "$OUT/unit-$1.log" limited prove -v -m --exec '' "${UNIT_TESTS[@]/#/$ROOT/$2/}" || true
}

# installcheck TITLE NAME VARIABLE...
installcheck() {
	local title=$1 name=$2 diffs=$ROOT/build/$2/regression.diffs
	shift 2
	rm -f "$diffs"
	stage "$title" "$OUT/$name.log" limited env PGHOST="$(server_socket_dir)" PGUSER="$DATABASE_USER" \
		"$MAKE" -C "$ROOT" --no-print-directory PG_CONFIG="$PG_CONFIG" installcheck "$@" ||
		show_file "$diffs"
}

show_file() {
	[ -s "$1" ] || return 0
	say "   $1:"
	head -n 300 "$1" | sed 's/^/   | /'
}

pgtap_tests() {
	local tests=("$@")
	server_psql postgres -c "CREATE DATABASE pgtap"
	server_psql pgtap -c "CREATE EXTENSION pgtap" -c "CREATE EXTENSION recseq"
	stage "pgTAP" "$OUT/pgtap.log" limited env PGHOST="$(server_socket_dir)" PGUSER="$DATABASE_USER" \
		pg_prove -v --merge -d pgtap "${tests[@]}" || true
}

cluster_tests() {
	local tests=("${@#"$ROOT/"}") tap=$SERVER/tap pgxs src name
	pgxs=$("$PG_CONFIG" --pgxs)
	src=${pgxs%/makefiles/pgxs.mk}
	if [ ! -f "$src/test/perl/PostgreSQL/Test/Cluster.pm" ]; then
		printf '\nTAP tests are left out: PostgreSQL %s has no PostgreSQL::Test::Cluster\n' "$PG_MAJOR"
		return
	fi
	mkdir "$tap" "$SERVER/checkout"
	cp -r "$ROOT/test" "$ROOT/sql" "$ROOT/docs" "$SERVER/checkout"
	[ -z "$AM_ROOT" ] || chown -R "$SERVER_ACCOUNT:" "$tap" "$SERVER/checkout"
	# TESTDIR is for PostgreSQL 15, the other two for 16 and later.
	stage "TAP" "$OUT/tap.log" limited_as_server env -C "$SERVER/checkout" \
		TESTDIR="$tap" TESTDATADIR="$tap/tmp_check" TESTLOGDIR="$tap/tmp_check/log" \
		PG_REGRESS="$src/test/regress/pg_regress" LANG="$LC_ALL" \
		prove -v -m -I "$src/test/perl" -I test/t "${tests[@]}" || {
		mkdir -p "$OUT/tap"
		cp -r "$tap/tmp_check/log/." "$OUT/tap/" || true
		sed -n 's,^test/t/\([^ ]*\)\.pl *(Wstat.*,\1,p' "$OUT/tap.log" | while read -r name; do
			say "   the end of $OUT/tap/regress_log_$name:"
			tail -n 40 "$OUT/tap/regress_log_$name" | sed 's/^/   | /' || true
		done
	}
}

# The page's packages come from PyPI, and Chromium through apt: where they cannot be had, its tests are left out.
page_tests() {
	local venv=$ROOT/build/page-test-venv
	printf '\n== the page\n'
	if ! (want chromium command -v chromium && install_missing) ||
		! (make_venv "$venv" "$ROOT/app/requirements.txt" "$ROOT/test/page/requirements.txt"); then
		say "   skipped: Chromium or the Python packages of app/requirements.txt cannot be installed here"
		return
	fi
	server_psql postgres -c "CREATE DATABASE page"
	server_psql page -o /dev/null -f "$ROOT/test/page/data.sql" -f "$ROOT/app/page/setup.sql"
	stage "the page, in Chromium" "$OUT/page.log" limited env -C "$ROOT" PYTHONDONTWRITEBYTECODE=1 \
		RECSEQ_PAGE_URL="postgresql+psycopg://recseq_page@/page?host=$(server_socket_dir)" \
		RECSEQ_IMAGES="${RECSEQ_IMAGES:-$OUT/images}" \
		"$venv/bin/python" -m pytest -q --no-header --no-summary --tb=short -p no:cacheprovider test/page || true
}

limited_as_server() { as_server timeout --foreground -k 10 "$STAGE_LIMIT" "$@"; }

# Real data, when there is any; for the server's account too.
find_real_data() {
	local default=$ROOT/../shared/retailrocket
	if [ -z "${RECSEQ_DATA:-}" ] && [ -d "$default" ]; then
		RECSEQ_DATA=$default
	fi
	if [ -z "${RECSEQ_DATA:-}" ]; then
		unset RECSEQ_DATA
		return
	fi
	RECSEQ_DATA=$(cd "$RECSEQ_DATA" && pwd -P) || die "RECSEQ_DATA is not a directory"
	if ! as_server test -r "$RECSEQ_DATA/events.csv"; then
		mkdir "$SERVER/data-files"
		cp "$RECSEQ_DATA"/*.csv "$SERVER/data-files"
		[ -z "$AM_ROOT" ] || chown -R "$SERVER_ACCOUNT:" "$SERVER/data-files"
		RECSEQ_DATA=$SERVER/data-files
	fi
	export RECSEQ_DATA
}

# The directory is closed to others, so within it anybody may connect as anybody, which tests of permissions do.
make_server() {
	SERVER=$(mktemp -d /var/tmp/recseq-test.XXXXXX)
	server_init "max_prepared_transactions = 10" "log_line_prefix = '%m [%p] %d %u '"
	own "$SERVER" 700
	echo 'local all,replication all trust' | write_as_server data/pg_hba.conf
	find_real_data
	server_start
}

# ------------------------------------------------------------------

rm -rf "$OUT"
mkdir -p "$OUT"
install_requirements want_for_tests

mapfile -t UNIT_TESTS < <(files 'test/unit/*_test.c' | sed 's,.*/,,; s,\.c$,,')
if [ ${#UNIT_TESTS[@]} -gt 0 ]; then
	export NN_VECTORS_DIR=$ROOT/test/unit/vectors
	unit_tests plain build/unit "unit tests of the network"
	unit_tests asan build/asan/unit "unit tests of the network, with address and undefined-behaviour sanitizers"
fi

printf '\n== build and install for PostgreSQL %s\n' "$PG_MAJOR"
build "$OUT/build.log" all
install_extension "$OUT/build.log" || true
make_server

if [ -n "$(files 'test/sql/*.sql')" ]; then
	installcheck pg_regress regress ISOLATION=
fi
if [ -n "$(files 'test/specs/*.spec')" ]; then
	installcheck isolation isolation REGRESS=
fi
mapfile -t PGTAP_TESTS < <(files 'test/pgtap/*.sql')
if [ ${#PGTAP_TESTS[@]} -gt 0 ]; then
	pgtap_tests "${PGTAP_TESTS[@]}"
fi
mapfile -t CLUSTER_TESTS < <(files 'test/t/*.pl')
if [ ${#CLUSTER_TESTS[@]} -gt 0 ]; then
	cluster_tests "${CLUSTER_TESTS[@]}"
fi
if [ -n "$(files 'test/clients/run.sh')" ]; then
	stage "programs of docs/clients.md" "$OUT/clients.log" limited "$ROOT/test/clients/run.sh" || true
	sed -n 's/^ok [0-9]* - \(.*\) # SKIP \(.*\)/   left out: \1 (\2)/p' "$OUT/clients.log"
fi

if [ -n "$(files 'test/page/test_*.py')" ]; then
	page_tests
fi

COMPLETE=yes
