#!/bin/bash
# What happens on the Debian that test/scale/run.sh has made: three servers, a pooler, clients, a failover. As root; prints TAP.
set -euo pipefail
# shellcheck source=app/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../app/lib.sh"
# shellcheck source=test/shell_tap.sh
. "$ROOT/test/shell_tap.sh"

HERE=$ROOT/test/scale
DIRECTORY=/var/scale
BIN=/usr/lib/postgresql/15/bin
NODES="1 2 3"
LOG=$DIRECTORY/log
export PGUSER=postgres PGDATABASE=postgres PGCONNECT_TIMEOUT=2
declare -A PATRONI

# node NUMBER QUERY: asks that server; pooled DATABASE QUERY: through PgBouncer.
node() { psql -XAtq -h "127.0.0.$1" -c "$2" 2>>"$LOG/psql"; }
pooled() { psql -XAtq -h 127.0.0.1 -p 6432 -d "$1" -c "$2" 2>>"$LOG/psql"; }

# wait_until SECONDS COMMAND...: false if it has not succeeded by then.
wait_until() {
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.2
	done
}

as_postgres() { setpriv --reuid=postgres --regid=postgres --init-groups "$@"; }

# A process group of its own, which "kill -9" ends at once: Patroni and its PostgreSQL, as when a machine goes.
start_node() {
	sed "s,@NODE@,$1,g" "$HERE/patroni.yml" >"$DIRECTORY/node$1.yml"
	as_postgres setsid patroni "$DIRECTORY/node$1.yml" >>"$LOG/patroni$1" 2>&1 </dev/null &
	PATRONI[$1]=$!
}

kill_node() {
	local postmaster
	postmaster=$(head -n 1 "$DIRECTORY/node$1/postmaster.pid")
	kill -9 "${PATRONI[$1]}" "$postmaster"
	# those of the postmaster end by themselves; a machine that goes would take them along
	pkill -9 -P "$postmaster" 2>/dev/null || true
	wait "${PATRONI[$1]}" 2>/dev/null || true
}

recovering() { [ "$(node "$1" 'SELECT pg_is_in_recovery()')" = "$2" ]; }
writable() { pooled writes 'CREATE TEMP TABLE probe ()'; }
primary() {
	local n
	for n in $NODES; do
		if recovering "$n" f; then echo "$n"; fi
	done
}
knows_version() { [ "$(node "$1" 'SELECT max(version) FROM recseq_models')" = "$2" ]; }
answers_of() { node "$1" "SELECT md5(string_agg(a.*::text, '' ORDER BY g.id, a.rank)) FROM questions g, LATERAL recseq_recommend(g.items, k => 10) a"; }

# throughput TITLE OPTION...: answers a second of 16 clients in 5 seconds.
throughput() {
	local title=$1
	shift
	pgbench -n -T 5 -c 16 -j 2 -f "$HERE/ask.sql" "$@" 2>>"$LOG/pgbench" | sed -n "s/^tps = \([0-9]*\).*/# $title: \1 answers a second/p"
}

# ------------------------------------------------------------------

rm -rf "$DIRECTORY"
mkdir -p "$DIRECTORY/etcd" "$LOG"
chown -R postgres: "$DIRECTORY"
as_postgres etcd --data-dir "$DIRECTORY/etcd" --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
	--listen-peer-urls http://127.0.0.1:2380 >"$LOG/etcd" 2>&1 </dev/null &
as_postgres cp "$HERE/pgbouncer.ini" "$DIRECTORY"
echo '"postgres" ""' >"$DIRECTORY/users.txt"
as_postgres "$HERE/route.sh" 1 start primary
as_postgres pgbouncer "$DIRECTORY/pgbouncer.ini" >"$LOG/pgbouncer" 2>&1 </dev/null &
sleep 2
start_node 1
wait_until 60 recovering 1 f || { result false "the first server starts" "$LOG/patroni1"; exit 1; }
start_node 2
start_node 3
wait_until 90 recovering 2 t && wait_until 90 recovering 3 t || { result false "two standbys start" "$LOG/patroni2"; exit 1; }
result true "a primary and two standbys under Patroni"

pooled writes "CREATE EXTENSION recseq" >/dev/null
pooled writes "SELECT recseq_retailrocket()" >/dev/null
pooled writes "SELECT recseq_sample_data(visitors => 1000, items => 300)" >/dev/null
pooled writes "CREATE TABLE questions AS SELECT row_number() OVER () AS id, items[:length - 1] AS items FROM retailrocket.sequences WHERE length > 1 LIMIT 500" >/dev/null
pooled writes "SELECT version FROM recseq_train('retailrocket.training_sequences', epochs => 3)" >/dev/null
for n in $NODES; do wait_until 30 knows_version "$n" 1 || true; done
expected=$(answers_of 1)
is "a standby answers what the primary answers" "$expected" "$(answers_of 2)"
is "so does the other" "$expected" "$(answers_of 3)"

throughput "one server" -h 127.0.0.1
throughput "one server through PgBouncer" -h 127.0.0.1 -p 6432 writes
throughput "three servers through PgBouncer, on the same $(getconf _NPROCESSORS_ONLN) processors" -h 127.0.0.1 -p 6432 answers

"$HERE/clients.py" "$RECSEQ_SCALE_SECONDS" 16 >"$LOG/clients" 2>&1 &
clients=$!
wait_until 60 grep -q '^asking' "$LOG/clients" || true
sleep 5
killed=$(primary)
printf 'killed %s\n' "$(date +%s.%N)" >>"$LOG/times"
started=$SECONDS
kill_node "$killed"
if wait_until 60 writable; then
	printf 'writable %s\n' "$(date +%s.%N)" >>"$LOG/times"
fi
took=$((SECONDS - started))
is "another server is the primary within 30 s of the death of the first ($took s)" yes "$([ $took -lt 30 ] && echo yes)"
wait "$clients" || true
sed 's/^/# /' "$LOG/clients"
is "wrong answers" 0 "$(sed -n 's/^wrong \([0-9]*\).*/\1/p' "$LOG/clients")"
is "answers" yes "$(awk '/^right/ { print ($2 > 100) ? "yes" : $2 }' "$LOG/clients")"
is "errors were only within 30 s of the death" yes "$(awk -v killed="$(sed -n 's/^killed //p' "$LOG/times")" '
	/^error/ && ($2 < killed - 0.1 || $2 > killed + 30) { late++ } END { print late ? late " outside" : "yes" }' "$LOG/clients.errors")"

now=$(primary)
pooled writes "SELECT version FROM recseq_train('retailrocket.training_sequences', epochs => 1)" >/dev/null
for n in $NODES; do
	[ "$n" = "$killed" ] || [ "$n" = "$now" ] || other=$n
done
wait_until 30 knows_version "$other" 2 || true
is "the new primary trains, and the standby answers by it" "$(answers_of "$now")" "$(answers_of "$other")"
start_node "$killed"
wait_until 60 recovering "$killed" t || true
wait_until 60 knows_version "$killed" 2 || true
is "the killed server comes back as a standby, and answers so, too" "$(answers_of "$now")" "$(answers_of "$killed")"
tap_end
