#!/bin/bash
# Apache Superset over the demo's database, on this machine only: connection, datasets, charts and dashboard in one command.
#
#   make superset           sets it up in a virtual environment, starts the demo if there is none, makes the dashboard, and
#                           prints its address; PORT=number for another port than 8088
#   make superset-stop      stops it; what it keeps stays in build/superset
#   make superset-test      the same, asks for the data of every chart, looks at the dashboard with Chromium, and stops it;
#                           prints TAP, which says so where pip cannot install Superset; SCREENSHOT=file keeps the picture there
#
# In the database Superset is recseq_analyst (analyst.sql), who may read the views for reports and ask the models.
set -euo pipefail
export LC_ALL=C.UTF-8
# shellcheck source=app/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

BI=$ROOT/app/bi
HOME_DIR=$ROOT/build/superset
VENV=$HOME_DIR/venv
PORT=${PORT:-8088}
URL=http://127.0.0.1:$PORT
ROLE=recseq_analyst
START_LIMIT=120 # seconds

export SUPERSET_HOME=$HOME_DIR SUPERSET_CONFIG_PATH=$BI/superset_config.py FLASK_APP=superset
export SCARF_ANALYTICS=false # Superset would report to its makers
export PYTHONDONTWRITEBYTECODE=1

start_demo() {
	if ! find_server || ! server_running; then
		"$ROOT/app/demo.sh"
		find_server
	fi
}

# The role, and the right of this account to connect as it.
set_up_role() {
	PATH=$(cat "$SERVER/bindir"):$PATH server_psql demo -o /dev/null -f "$BI/analyst.sql"
	grep -qx "recseq $(id -un) $ROLE" "$SERVER/data/pg_ident.conf" ||
		echo "recseq $(id -un) $ROLE" | write_as_server -a data/pg_ident.conf
	server_ctl reload
}

database_uri() { echo "postgresql+psycopg2://$ROLE@/demo?host=$(server_socket_dir)"; }

make_secret() {
	[ -s "$1" ] || (umask 077 && "$VENV/bin/python" -c 'import secrets; print(secrets.token_urlsafe(32))' >"$1")
}

# Superset's own tables and its administrator: once.
set_up_superset() {
	local log=$HOME_DIR/setup.log
	make_secret "$HOME_DIR/secret"
	make_secret "$HOME_DIR/password"
	[ ! -e "$HOME_DIR/ready" ] || return 0
	say "setting up Superset, in $HOME_DIR"
	rm -f "$HOME_DIR/superset.db"
	{
		"$VENV/bin/superset" db upgrade &&
			"$VENV/bin/superset" fab create-admin --username admin --firstname recseq --lastname demo \
				--email admin@localhost --password "$(cat "$HOME_DIR/password")" &&
			"$VENV/bin/superset" init
	} >"$log" 2>&1 || die "Superset could not be set up" "$log"
	touch "$HOME_DIR/ready"
}

superset_pid() { cat "$HOME_DIR/pid" 2>/dev/null; }
superset_running() { [ -n "$(superset_pid)" ] && kill -0 "$(superset_pid)" 2>/dev/null; }
superset_answers() { "$VENV/bin/python" -c 'import sys, urllib.request as r; r.urlopen(sys.argv[1] + "/health", timeout=5)' "$URL" 2>/dev/null; }

start_superset() {
	local log=$HOME_DIR/superset.log waited=0
	if superset_running; then
		stop_superset
	fi
	setsid "$VENV/bin/gunicorn" --bind "127.0.0.1:$PORT" --workers 1 --threads 8 --worker-class gthread --timeout 120 \
		--pid "$HOME_DIR/pid" 'superset.app:create_app()' </dev/null >"$log" 2>&1 &
	until superset_answers; do
		if [ $((waited++)) -eq "$START_LIMIT" ] || ! kill -0 $! 2>/dev/null; then
			die "Superset did not start" "$log"
		fi
		sleep 1
	done
}

stop_superset() {
	local pid
	pid=$(superset_pid)
	kill "$pid"
	while kill -0 "$pid" 2>/dev/null; do sleep 0.2; done
}

dashboard() { "$VENV/bin/python" "$BI/dashboard.py" "$URL" "$HOME_DIR/password" "$(database_uri)" "$1"; }

set_up() {
	start_demo
	make_venv "$VENV" "$BI/requirements.txt"
	set_up_role
	set_up_superset
	start_superset
	dashboard make
}

# Where pip reaches no registry, there is nothing to test.
skip_without_superset() {
	if ! (make_venv "$VENV" "$BI/requirements.txt") >"$ROOT/build/superset-venv.log" 2>&1; then
		say "1..0 # SKIP pip cannot install Superset here: see build/superset-venv.log"
		exit 0
	fi
}

look() {
	if command -v chromium >/dev/null; then
		"$VENV/bin/python" "$BI/look.py" "$URL" "$HOME_DIR/password" "${SCREENSHOT:-$HOME_DIR/dashboard.png}"
	else
		say "ok - the dashboard, seen with Chromium # SKIP there is no chromium here"
	fi
}

run_test() {
	local results=$HOME_DIR/results.tap failed=0
	skip_without_superset
	PORT=$(free_port)
	URL=http://127.0.0.1:$PORT
	trap 'superset_running && stop_superset; give_back' EXIT
	set_up > >(sed 's/^/# /')
	set_up > >(sed 's/^/# /') # a second time changes nothing
	{ dashboard check && look; } | tee "$results" || failed=1
	say "1..$(grep -c '^\(not \)\?ok ' "$results")"
	return "$failed"
}

# ------------------------------------------------------------------

trap give_back EXIT
mkdir -p "$HOME_DIR"
case ${1:-} in
	'')
		set_up
		say "The dashboard: $URL/superset/dashboard/recseq/ (user admin, password $(cat "$HOME_DIR/password"))"
		;;
	stop)
		if superset_running; then stop_superset && say "stopped"; else say "Superset does not run"; fi
		;;
	test)
		run_test
		;;
	*)
		die "usage: superset.sh [stop|test]"
		;;
esac
