#!/bin/bash
# Every test, on private servers that are gone afterwards. Ends with a table of where the time went, and the plain line
# "N passed, N failed".
#
# Stages, each left out where it has no tests:
#   test/includes.pl     who may include whom in src/; test/meta.pl: META.json beside PGXN's specification
#   test/unit/*_test.c   the libraries alone, plain and with sanitizers
#   test/sql/*.sql       pg_regress, through make installcheck, in a database that has recseq; expected output in expected/
#   test/specs/*.spec    pg_isolation_regress, likewise, in a database in which each creates the extension
#   test/pgtap/*.sql     pgTAP, in a database that has pgtap and recseq
#   test/t/*.pl          PostgreSQL::Test::Cluster, as the server's account, in a copy of the checkout's test files
#   test/clients/run.sh  the programs of docs/clients.md, in the languages that are here
#   test/page/test_*.py  the web page (app/page): its logic through Streamlit's AppTest, and all of it in Chromium
#
# Stages that do not need each other run side by side, in lanes (at the end of this file); what a stage has to say comes in one
# piece, when it has ended. As many files of test/t run at once as there are processors, each with servers of its own.
#
#   test/run.sh STAGE...     these alone, by the names of their functions below: test/run.sh regression_tests cluster_tests
#
# What tests find in the environment: NN_VECTORS_DIR (unit tests: reference vectors) and RECSEQ_DATA (real Retailrocket
# files; unset where there are none). RECSEQ_TEST_PERL is where PostgreSQL's modules for TAP tests are, for an installation that has
# none. RECSEQ_IMAGES=docs/images makes the page's pictures go there. Logs stay in build/test/.
set -euo pipefail
export LC_ALL=C.UTF-8
# shellcheck source=app/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../app/lib.sh"

OUT=$ROOT/build/test
# seconds for a stage, or one file of several, so that a test that hangs is a failure and not a wait
STAGE_LIMIT=${RECSEQ_STAGE_LIMIT:-900}
PROCESSORS=$(getconf _NPROCESSORS_ONLN)
RESULTS=$OUT/results # a line for each stage: seconds, passed, failed, title

files() { compgen -G "$ROOT/$1" || true; }

# want_for_version PACKAGE CONDITION...: where Debian has this version of PostgreSQL; elsewhere what needs it is left out.
want_for_version() {
	local package=$1
	shift
	! "$@" || return 0
	[ -z "$AM_ROOT" ] || update_package_lists
	! apt-cache show "$package" >/dev/null 2>&1 || want "$package" false
}

installed_extension() { test -f "$("$PG_CONFIG" --sharedir)/extension/$1.control"; }

want_for_tests() {
	local perl=(perl -e 1)
	want perl "${perl[@]}" -MTest::More
	want perl command -v prove
	want diffutils command -v diff
	if [ -n "$(files 'test/pgtap/*.sql')" ]; then
		want libtap-parser-sourcehandler-pgtap-perl command -v pg_prove
		want_for_version "postgresql-$PG_MAJOR-pgtap" installed_extension pgtap
	fi
	if [ -n "$(files 'test/t/*.pl')" ]; then
		want libipc-run-perl "${perl[@]}" -MIPC::Run
		want_for_version "postgresql-$PG_MAJOR-cron" installed_extension pg_cron
		want_for_version "postgresql-$PG_MAJOR-plproxy" installed_extension plproxy
		want_for_version "postgresql-$PG_MAJOR-pgvector" installed_extension vector
	fi
}

# ------------------------------------------------------------------ stages and their counts

# stage TITLE LOG COMMAND...: runs it, then shows what matters of its output, and notes its results.
stage() {
	local title=$1 log=$2 started=$SECONDS status=0 passed failed broke=
	shift 2
	"$@" </dev/null >"$log" 2>&1 || status=$?
	read -r passed failed < <(count_results "$log")
	# A stage that broke before, between or after its tests is a failure too.
	if [ $((passed + failed)) -eq 0 ] || { [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; }; then
		broke=yes
		failed=1
	fi
	note "$((SECONDS - started))" "$passed" "$failed" "$title"
	{
		flock 8
		printf '\n== %s\n' "$title"
		show_progress <"$log"
		[ "$passed" -gt 0 ] || say "   no test has passed"
		[ "$status" -ne 124 ] || say "   stopped after $STAGE_LIMIT seconds"
		[ -z "$broke" ] || tail -n 30 "$log" | sed 's/^/   | /'
		say "   $passed passed, $failed failed in $((SECONDS - started)) s"
	} 8>>"$OUT/output.lock"
	[ "$failed" -eq 0 ]
}

note() { printf '%s %s %s %s\n' "$@" >>"$RESULTS"; }

limited() { timeout --foreground -k 10 "$STAGE_LIMIT" "$@"; }

# at_once COMMAND... -- FILE...: the command for each file, on all processors; the output of each in one piece.
at_once() {
	local command=() file pids=() pid status=0
	while [ "$1" != -- ]; do
		command+=("$1")
		shift
	done
	shift
	for file; do
		[ "$(jobs -rp | wc -l)" -lt "$PROCESSORS" ] || wait -n || true
		(
			log=$(mktemp -p "$OUT") failed=0
			"${command[@]}" "$file" >"$log" 2>&1 || failed=$?
			[ "$failed" -ne 124 ] || say "not ok - $file: stopped after $STAGE_LIMIT seconds" >>"$log"
			flock 7
			cat "$log"
			rm "$log"
			exit "$failed"
		) 7>>"$OUT/at_once.lock" &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || status=$?
	done
	return "$status"
}

# Of TAP from prove -v, a file at a time: a line for each file, and what failed with its diagnostics. Of pg_regress: its lines.
# shellcheck disable=SC2016
show_progress() {
	awk '
	function flush_context(   i) { for (i = 0; i < lines; i++) print "   |", context[i]; lines = 0 }
	/^Test Summary Report/               { summary = 1 }
	/ \.\.+ *$/                          { file = $1; sub(/^.*\/test\/|^.*\/build\//, "", file); tests = 0; lines = 0; diagnostics = 0; summary = 0; next }
	/^Files=/ && !summary && file != ""  { printf "   %s: %d ok, %s s\n", file, tests, $3; next }
	summary                              { print "   " $0; next }
	/ \.\.+ skipped/                     { print "   " $0; file = ""; next }
	/^not ok/ && !/# TODO/               { print "   " $0; tests++; lines = 0; diagnostics = 1; next }
	/^(not )?ok [0-9]+ +[-+] .* [0-9]+ ms$/ { print "   " $0; next }
	/^(not )?ok[ ]/                      { tests++; lines = 0; diagnostics = 0; next }
	/^Dubious|^Failed [0-9]|^No subtests/ { flush_context(); printf "   %s: %s\n", file, $0; next }
	diagnostics && /^ *#/                { print "   " $0; next }
	/^(test|  )[^.]*\.\.\. /             { print "   " $0; next }
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

# On every way out: what still runs goes, so does the server, and the last line tells the totals. A way out before the end is a
# failure.
COMPLETE=
LANES=()
finish() {
	local lane
	for lane in "${LANES[@]}"; do
		kill -TERM -- "-$lane" 2>/dev/null || true
	done
	end_server
	[ -n "$COMPLETE" ] || note 0 0 1 "ended early"
	printf '\nWhere the time went:\n'
	sort -rn "$RESULTS" | awk '{ seconds = $1; passed = $2; failed = $3; sub(/^[0-9]+ [0-9]+ [0-9]+ /, "")
		printf "   %4d s  %5d passed  %3d failed  %s\n", seconds, passed, failed, $0 }'
	printf '   %4d s  from start to end\n\n' "$SECONDS"
	awk '{ passed += $2; failed += $3 } END { printf "%d passed, %d failed\n", passed, failed; exit failed > 0 }' "$RESULTS" || exit 1
}
trap finish EXIT
trap 'exit 130' INT TERM HUP

# lane STAGE...: one after the other, beside other lanes. In a process group of its own, which finish() can end.
lane() {
	set -m
	(
		set +m
		for stage; do "$stage"; done
	) </dev/null &
	LANES+=($!)
	set +m
}

wait_for_lanes() {
	local lane
	for lane in "${LANES[@]}"; do
		wait "$lane" || note 0 0 1 "a lane broke off"
	done
	LANES=()
}

# ------------------------------------------------------------------ the stages

include_tests() {
	stage "who may include whom; META.json" "$OUT/includes.log" limited prove -v -m "$ROOT/test/includes.pl" "$ROOT/test/meta.pl" || true
}

# unit_tests plain|asan DIRECTORY TITLE
unit_tests() {
	local tests started=$SECONDS
	mapfile -t tests < <(files 'test/unit/*_test.c' | sed 's,.*/,,; s,\.c$,,')
	[ ${#tests[@]} -gt 0 ] || return 0
	build "$OUT/build-unit-$1.log" WERROR=-Werror "unit-tests-$1"
	note "$((SECONDS - started))" 0 0 "building the $3"
	stage "$3" "$OUT/unit-$1.log" at_once limited prove -v -m --exec '' -- "${tests[@]/#/$ROOT/$2/}" || true
}

plain_unit_tests() { unit_tests plain build/unit "unit tests of the libraries"; }
sanitized_unit_tests() { unit_tests asan build/asan/unit "unit tests, with address and undefined-behaviour sanitizers"; }

# installcheck TITLE NAME VARIABLE...
installcheck() {
	local title=$1 name=$2 diffs=$ROOT/build/$2/regression.diffs
	shift 2
	rm -f "$diffs"
	stage "$title" "$OUT/$name.log" limited env PGHOST="$(server_socket_dir)" PGUSER="$DATABASE_USER" \
		"$MAKE" -C "$ROOT" --no-print-directory PG_CONFIG="$PG_CONFIG" WERROR=-Werror installcheck "$@" ||
		show_file "$diffs"
}

regression_tests() { [ -z "$(files 'test/sql/*.sql')" ] || installcheck pg_regress regress ISOLATION=; }
isolation_tests() {
	local pgxs
	[ -n "$(files 'test/specs/*.spec')" ] || return 0
	pgxs=$("$PG_CONFIG" --pgxs)
	if [ ! -x "${pgxs%/makefiles/pgxs.mk}/test/isolation/pg_isolation_regress" ]; then
		printf '\n== isolation\n   left out: this PostgreSQL has no pg_isolation_regress\n'
		return 0
	fi
	installcheck isolation isolation REGRESS=
}

show_file() {
	[ -s "$1" ] || return 0
	say "   $1:"
	head -n 300 "$1" | sed 's/^/   | /'
}

pgtap_tests() {
	local tests
	mapfile -t tests < <(files 'test/pgtap/*.sql')
	[ ${#tests[@]} -gt 0 ] || return 0
	if ! installed_extension pgtap; then
		printf '\n== pgTAP\n   left out: this PostgreSQL has no pgTAP\n'
		return 0
	fi
	server_psql postgres -c "CREATE DATABASE pgtap"
	server_psql pgtap -c "CREATE EXTENSION pgtap" -c "CREATE EXTENSION recseq"
	stage "pgTAP" "$OUT/pgtap.log" limited env PGHOST="$(server_socket_dir)" PGUSER="$DATABASE_USER" \
		pg_prove -v --merge -d pgtap "${tests[@]}" || true
}

cluster_tests() {
	local tests tap=$SERVER/tap pgxs src modules name
	mapfile -t tests < <(files 'test/t/*.pl')
	[ ${#tests[@]} -gt 0 ] || return 0
	pgxs=$("$PG_CONFIG" --pgxs)
	src=${pgxs%/makefiles/pgxs.mk}
	modules=$src/test/perl
	[ -f "$modules/PostgreSQL/Test/Cluster.pm" ] || modules=${RECSEQ_TEST_PERL:-}
	if [ ! -f "$modules/PostgreSQL/Test/Cluster.pm" ]; then
		printf '\nTAP tests are left out: PostgreSQL %s has no PostgreSQL::Test::Cluster\n' "$PG_MAJOR"
		return
	fi
	mkdir "$tap" "$SERVER/checkout"
	cp -r "$ROOT/test" "$ROOT/sql" "$ROOT/docs" "$ROOT/app" "$ROOT/README.md" "$SERVER/checkout"
	[ -z "$AM_ROOT" ] || chown -R "$SERVER_ACCOUNT:" "$tap" "$SERVER/checkout"
	# TESTDIR is for PostgreSQL 15, the other two for 16 and later.
	stage "TAP" "$OUT/tap.log" at_once limited_as_server env -C "$SERVER/checkout" \
		TESTDIR="$tap" TESTDATADIR="$tap/tmp_check" TESTLOGDIR="$tap/tmp_check/log" \
		PG_REGRESS="$src/test/regress/pg_regress" LANG="$LC_ALL" \
		prove -v -m -I "$modules" -I test/t -- "${tests[@]#"$ROOT/"}" || {
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
	[ -n "$(files 'test/page/test_*.py')" ] || return 0
	if ! (want chromium command -v chromium && install_missing) ||
		! (make_venv "$venv" "$ROOT/app/requirements.txt" "$ROOT/test/page/requirements.txt"); then
		say "the page's tests are left out: Chromium or the Python packages of app/requirements.txt cannot be installed here"
		return
	fi
	server_psql postgres -c "CREATE DATABASE page" -c "CREATE DATABASE page_text"
	server_psql page -o /dev/null -f "$ROOT/test/page/data.sql" -f "$ROOT/app/page/setup.sql"
	server_psql page_text -o /dev/null -v kit=shop -f "$ROOT/test/page/text.sql" -f "$ROOT/app/page/setup.sql"
	stage "the page, in Chromium" "$OUT/page.log" limited env -C "$ROOT" PYTHONDONTWRITEBYTECODE=1 \
		RECSEQ_PAGE_URL="postgresql+psycopg://recseq_page@/page?host=$(server_socket_dir)" \
		RECSEQ_PAGE_TEXT_URL="postgresql+psycopg://recseq_page@/page_text?host=$(server_socket_dir)" \
		RECSEQ_IMAGES="${RECSEQ_IMAGES:-$OUT/images}" \
		"$venv/bin/python" -m pytest -q --no-header --no-summary --tb=short -p no:cacheprovider test/page || true
}

client_tests() {
	[ -x "$ROOT/test/clients/run.sh" ] || return 0
	stage "programs of docs/clients.md" "$OUT/clients.log" limited "$ROOT/test/clients/run.sh" || true
	sed -n 's/^ok [0-9]* - \(.*\) # SKIP \(.*\)/   left out: \1 (\2)/p' "$OUT/clients.log"
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
	server_init "max_prepared_transactions = 10" "max_worker_processes = 16" "log_line_prefix = '%m [%p] %d %u '"
	own "$SERVER" 700
	echo 'local all,replication all trust' | write_as_server data/pg_hba.conf
	find_real_data
	server_start
}

# ------------------------------------------------------------------

rm -rf "$OUT"
mkdir -p "$OUT"
: >"$RESULTS"
install_requirements want_for_tests
export NN_VECTORS_DIR=$ROOT/test/unit/vectors
# What PostgreSQL's own test modules wait for, in seconds; a machine with more to do than it has processors takes its time.
export PG_TEST_TIMEOUT_DEFAULT=600
say "build and install for PostgreSQL $PG_MAJOR; then tests, side by side on $PROCESSORS processors"
build "$OUT/build.log" WERROR=-Werror all
install_extension "$OUT/build.log" || true
make_server
note "$SECONDS" 0 0 "packages, build and server"

# Those of a lane share the server, or build in the same directory. The longest lane begins first.
if [ $# -gt 0 ]; then
	lane "$@"
else
	lane cluster_tests
	lane regression_tests isolation_tests pgtap_tests page_tests
	lane include_tests plain_unit_tests sanitized_unit_tests client_tests
fi
wait_for_lanes
COMPLETE=yes
