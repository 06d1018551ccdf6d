#!/bin/bash
# The page: a web page over the demo's database, on this machine only.
#
#   make app                sets it up in a virtual environment, starts the demo if there is none, prints the address, and runs
#                           until Ctrl-C; PORT=number for another port than 8501, DATA=dir for a demo of these files
#   make app URL=address    over a database of your own, in which page/setup.sql was run: SQLAlchemy's address of it
#
# The server of the page runs with no more rights than it needs: as the account that called sudo, or as nobody; and in the
# database as recseq_page (page/setup.sql).
set -euo pipefail
export LC_ALL=C.UTF-8
# shellcheck source=app/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

PORT=${PORT:-8501}
URL=${URL:-}
HOST=127.0.0.1
PAGE_ROLE=recseq_page
VENV=$ROOT/build/page-venv

# The account that serves the page. Root's own is used only where no other may read the checkout.
page_account() {
	local account=${SUDO_USER:-nobody}
	if [ -z "$AM_ROOT" ]; then
		id -un
	elif runuser -u "$account" -- test -r "$ROOT/app/page/main.py" -a -x "$VENV/bin/python"; then
		echo "$account"
	else
		echo root
	fi
}

start_demo() {
	if ! find_server || ! server_psql_of_demo -c '' >/dev/null 2>&1; then
		"$ROOT/app/demo.sh"
		find_server
	fi
}

server_psql_of_demo() {
	PATH=$(cat "$SERVER/bindir"):$PATH server_psql demo "$@"
}

# The role's rights, and for each account that may serve the page the right to connect as this role.
set_up_role() {
	local account
	server_psql_of_demo -o /dev/null -c 'SET client_min_messages = warning' -f "$ROOT/app/page/setup.sql"
	for account in "$@"; do
		grep -qx "recseq $account $PAGE_ROLE" "$SERVER/data/pg_ident.conf" ||
			echo "recseq $account $PAGE_ROLE" | write_as_server -a data/pg_ident.conf
	done
	server_ctl reload
}

# Streamlit's secrets: where the database is. No password: the socket tells who connects.
write_secrets() {
	cat >"$1" <<-TOML
		[connections.recseq]
		url = "${URL:-postgresql+psycopg://$PAGE_ROLE@/demo?host=$(server_socket_dir)}"
		create_engine_kwargs = { isolation_level = "AUTOCOMMIT", pool_pre_ping = true }
	TOML
}

# as_account ACCOUNT COMMAND...
as_account() {
	local account=$1
	shift
	if [ "$account" = "$(id -un)" ]; then "$@"; else runuser -u "$account" -- "$@"; fi
}

serve() {
	local account=$1 home=$2
	cd "$ROOT/app/page"
	as_account "$account" env HOME="$home" PYTHONDONTWRITEBYTECODE=1 "$VENV/bin/python" -m streamlit run main.py \
		--server.port "$PORT" --secrets.files "$home/secrets.toml"
}

# ------------------------------------------------------------------

trap give_back EXIT
trap 'exit 130' INT TERM HUP
[ -n "$URL" ] || start_demo
say
make_venv "$VENV" "$ROOT/app/requirements.txt"
account=$(page_account)
[ -n "$URL" ] || set_up_role root "$account"
home=$(mktemp -d /var/tmp/recseq-page.XXXXXX)
trap 'rm -rf "$home"; give_back' EXIT
write_secrets "$home/secrets.toml"
[ "$account" = "$(id -un)" ] || chown -R "$account:" "$home"
say "The page: http://$HOST:$PORT (served by the account $account; Ctrl-C ends it)"
serve "$account" "$home"
