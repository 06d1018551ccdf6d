#!/bin/bash
# The extension inside a server, watched by tools that find what tests cannot see. Not part of "make test": it takes minutes.
#
#   test/sanitize.sh address    AddressSanitizer and UndefinedBehaviorSanitizer: builds the extension with them and runs the
#                               regression and isolation tests on a private server that preloads their runtime. Where a
#                               server does not even start so (some builds of glibc and GnuTLS hang with it), only the latter
#   test/sanitize.sh valgrind   memcheck: most functions once in a single-user server, which runs no job, under valgrind
#   test/sanitize.sh            both
#
# Works in a copy of the checkout and in a relocated copy of PostgreSQL's installation, below build/sanitize, and touches
# neither the checkout nor what is installed. Ends with "no problem found", or shows the reports and fails; they stay in
# build/sanitize/MODE/. Needs what "make test" needs, and gcc's libasan and libubsan, or valgrind.
#
# What it cannot see: memory that PostgreSQL hands out from within a block of a memory context. Arrays of more than 8 kB are
# blocks of their own, so overruns of the large ones are found; leaks are not looked for, since contexts free in bulk.
set -euo pipefail
export LC_ALL=C.UTF-8
# shellcheck source=app/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../app/lib.sh"
# shellcheck source=test/copies.sh
. "$ROOT/test/copies.sh"

OUT=$ROOT/build/sanitize

finish() {
	[ -z "$SERVER" ] || server_remove || true
	give_back || true
}
trap finish EXIT
trap 'exit 130' INT TERM HUP

nothing_more() { :; }

# prepare MODE [COPT]: builds and installs in copies, in $WORK/checkout and $WORK/pg; the reports will be in $WORK/reports.
prepare() {
	WORK=$OUT/$1
	rm -rf "$WORK"
	mkdir -p "$WORK/reports"
	copy_checkout "$WORK/checkout"
	copy_postgresql "$WORK/pg"
	printf '== %s: building\n' "$1"
	if ! "$MAKE" -C "$WORK/checkout" -j "$(getconf _NPROCESSORS_ONLN)" PG_CONFIG="$PG_CONFIG" COPT="${2:-}" all install >"$WORK/build.log" 2>&1; then
		die "the build failed" "$WORK/build.log"
	fi
	SERVER=$(mktemp -d /var/tmp/recseq-sanitize.XXXXXX)
	server_init "max_prepared_transactions = 10" "jit = off"
	own "$SERVER" 700
	echo 'local all,replication all trust' | write_as_server data/pg_hba.conf
	own "$WORK/reports" 777
	# The server's account must reach the copy of PostgreSQL.
	as_server test -x "$BINDIR/postgres" || die "account $SERVER_ACCOUNT cannot reach $BINDIR"
}

# verdict: fails where there are reports.
verdict() {
	local reports
	reports=$(find "$WORK/reports" -type f -size +0)
	if [ -n "$reports" ]; then
		printf '== problems were found\n'
		# shellcheck disable=SC2086
		head -n 60 $reports
		return 1
	fi
	printf '== no problem found\n'
}

# ------------------------------------------------------------------ AddressSanitizer and UndefinedBehaviorSanitizer

with_address_sanitizer() {
	local kind=address,undefined status=0 preload
	preload="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libubsan.so)"
	if ! ASAN_OPTIONS=detect_leaks=0 LD_PRELOAD=$preload timeout -k 1 20 "$BINDIR/postgres" -V >/dev/null 2>&1; then
		printf '== a server does not start with AddressSanitizer here: only UndefinedBehaviorSanitizer\n'
		kind=undefined
		preload=
	fi
	prepare address "-O1 -fsanitize=$kind -fno-sanitize-recover=all -fno-omit-frame-pointer"
	export ASAN_OPTIONS=detect_leaks=0:log_path=$WORK/reports/asan
	export UBSAN_OPTIONS=print_stacktrace=1:log_path=$WORK/reports/ubsan
	LD_PRELOAD=$preload server_start
	printf '== address: regression and isolation tests\n'
	env PGHOST="$(server_socket_dir)" PGUSER="$DATABASE_USER" \
		"$MAKE" -C "$WORK/checkout" --no-print-directory PG_CONFIG="$PG_CONFIG" installcheck >"$WORK/installcheck.log" 2>&1 || status=$?
	grep -E '^(test|not ok|ok) |^# ' "$WORK/installcheck.log" || true
	server_stop
	grep -aE '^[^(]*server process .*(terminated by signal|exited with exit code)|PANIC' "$SERVER/log" >"$WORK/reports/server" || true
	cp "$SERVER/log" "$WORK/server.log"
	server_remove
	verdict && [ "$status" -eq 0 ]
}

# ------------------------------------------------------------------ valgrind

# What PostgreSQL itself does, by design: it writes the padding of WAL records and pages as it finds it.
suppressions() {
	cat <<-SUPPRESSIONS
		{
		   padding in WAL and pages
		   Memcheck:Param
		   pwrite64(buf)
		   fun:pwrite
		   obj:*/postgres
		   ...
		}
	SUPPRESSIONS
}

with_valgrind() {
	want valgrind command -v valgrind
	install_missing
	prepare valgrind
	server_start
	server_psql postgres -c "CREATE EXTENSION recseq" -c "SELECT recseq_retailrocket()" \
		-c "SELECT recseq_sample_data('retailrocket', 150, 60)" \
		-c "CREATE TABLE source AS SELECT visitorid, items, categories, times FROM retailrocket.training_sequences" \
		-c "CREATE TABLE texts AS SELECT visitorid, items::text[], categories::text[] FROM source" >/dev/null
	server_stop
	suppressions >"$WORK/suppressions"
	cat >"$WORK/script.sql" <<-'SQL'
		SELECT recseq_train('source', epochs => 2, batch_size => 64)
		SELECT recseq_train('source', 'a', features => '{}', layers => 2, attention => true, units => 7, item_dim => 5, tied => false, epochs => 1)
		SELECT recseq_train('texts', 't', bidirectional => false, units => 5, epochs => 1, validation_fraction => 0)
		SELECT count(*) FROM source, LATERAL recseq_recommend(items) r
		SELECT count(*) FROM source, LATERAL recseq_recommend(items, 1000, 'a', exclude_seen => true) r
		SELECT count(*) FROM texts, LATERAL recseq_recommend(items, 3, 't', categories => categories, only_categories => ARRAY['101', '102']) r
		SELECT * FROM recseq_recommend('{}'::int[])
		SELECT * FROM recseq_recommend(ARRAY[-1, 1000000])
		SELECT * FROM recseq_evaluate('source')
		SELECT * FROM recseq_evaluate('texts', 't')
		SELECT recseq_train('source', units => 0)
		SELECT count(*) FROM recseq_recommend_batch('source', 5, 'a')
		SELECT count(*) FROM recseq_recommend_batch('source', 5)
		SELECT count(*) FROM source, LATERAL recseq_similar_items(items[1]) s
		SELECT recseq_backtest('source', options => '{"epochs": 1}')
		SELECT recseq_backtest('source', protocol => 'temporal', test_days => 14, options => '{"epochs": 1, "ranker": false}')
		SELECT recseq_backtest('source', protocol => 'random_windows', options => '{"epochs": 1, "ranker": false}')
		INSERT INTO source SELECT 1000000 + visitorid, array_prepend(999999, items), array_prepend(101, categories), array_prepend(times[1], times) FROM source LIMIT 20
		SELECT recseq_update('default', 'source')
		SELECT count(*) FROM recseq_models
		SELECT recseq_import_model(recseq_export_model('default'), model => 'copy')
		SELECT count(*) FROM source, LATERAL recseq_recommend(items, 5, 'copy') r
		SELECT recseq_rollback('default')
		SELECT recseq_retain('default', 1)
		SELECT recseq_assign('visitor', ARRAY['default', 'copy'])
		SELECT recseq_tune('source', trials => 3, options => '{"epochs": 1}')
		SELECT recseq_activate('default', 1)
		SELECT recseq_train_async('source', epochs => 1)
		SELECT recseq_cancel(1)
		SELECT count(*) FROM recseq_jobs
		SELECT recseq_drop_model('default')
	SQL
	printf '== valgrind: training and recommending\n'
	as_server valgrind --quiet --error-exitcode=0 --track-origins=yes --leak-check=no --num-callers=30 --suppressions="$WORK/suppressions" \
		--log-file="$WORK/reports/valgrind" "$BINDIR/postgres" --single -D data postgres <"$WORK/script.sql" >"$WORK/output.log" 2>&1 ||
		echo "the server ended with status $?" >"$WORK/reports/status"
	grep -a 'ERROR' "$WORK/output.log" | grep -av 'option "units" is 0' >"$WORK/reports/errors" || true
	server_remove
	verdict
}

mkdir -p "$OUT"
install_requirements nothing_more
case ${1:-both} in
address) with_address_sanitizer ;;
valgrind) with_valgrind ;;
both)
	"$0" address
	"$0" valgrind
	;;
*) die "what is \"$1\"? See the head of $0" ;;
esac
