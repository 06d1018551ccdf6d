#!/bin/bash
# The demo: from a bare machine to recommendations by a network that was trained inside PostgreSQL.
#
#   make demo               synthetic data in the layout of the Retailrocket files
#   make demo DATA=dir      the Retailrocket files themselves: events.csv, item_properties*.csv, category_tree.csv
#   make demo-stop          stops the private server and removes it with its data; UNINSTALL=yes: and recseq from the directories of
#                           PostgreSQL, where it was installed
#
# A second run keeps what still holds: the server, the data, the trained model.
set -euo pipefail
export LC_ALL=C.UTF-8
# shellcheck source=app/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

DATA=${DATA:-}
STEP_STARTED=
seconds_since() { awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f s", b - a }'; }
step() {
	printf '\n== %s\n' "$1"
	STEP_STARTED=$EPOCHREALTIME
}
step_done() { printf '   %s (%s)\n' "$1" "$(seconds_since "$STEP_STARTED")"; }

sql() { server_psql demo "$@"; }
indent() { sed -u '/./s/^/   /'; }
ask() { sql -A -t -c "$1"; }

# ------------------------------------------------------------------ the server

make_server() {
	rm -rf "$LINK"
	mkdir -p "$STATE"
	SERVER=
	if as_server test -x "$STATE"; then
		mkdir "$LINK"
	else
		ln -s "$(mktemp -d /var/tmp/recseq-demo.XXXXXX)" "$LINK"
	fi
	SERVER=$(readlink -e "$LINK")
	server_init "shared_buffers = 256MB"
	touch "$SERVER/ready"
}

remove_server() {
	if find_server; then
		server_remove
	fi
	rm -rf "$STATE"
}

start_server() {
	local library reused=no
	library=$(cksum <"$("$PG_CONFIG" --pkglibdir)/recseq.so")

	if find_server && [ -e "$SERVER/ready" ] && [ "$(cat "$SERVER/data/PG_VERSION")" = "$PG_MAJOR" ]; then
		reused=yes
	else
		remove_server
		make_server
	fi
	[ "$SERVER" = "$LINK" ] ||
		say "   the account postgres cannot enter $ROOT, so the server lives in $SERVER"
	# A server holds on to the library it has loaded.
	if [ "$library" != "$(cat "$SERVER/library" 2>/dev/null)" ]; then
		server_stop
		echo "$library" >"$SERVER/library"
	fi
	server_running || server_start
	step_done "$([ $reused = yes ] && echo "the one of an earlier run" || echo "new"), PostgreSQL $PG_MAJOR, socket only"
}

# ------------------------------------------------------------------ the data

data_files() {
	local file
	for file in "$DATA"/events.csv "$DATA"/item_properties*.csv "$DATA"/category_tree.csv; do
		[ ! -f "$file" ] || printf '%s\n' "$file"
	done
}

check_data() {
	[ -n "$DATA" ] || return 0
	[ -d "$DATA" ] || die "DATA=$DATA is not a directory"
	DATA=$(cd "$DATA" && pwd -P)
	[ -f "$DATA/events.csv" ] || die "there is no events.csv in $DATA"
	compgen -G "$DATA/item_properties*.csv" >/dev/null || die "there is no item_properties*.csv in $DATA"
}

# What the database is made of: while this does not change, it need not be made again.
fingerprint() {
	cksum <"$("$PG_CONFIG" --sharedir)/extension/recseq--$EXTENSION_VERSION.sql"
	if [ -n "$DATA" ]; then
		data_files | xargs -d '\n' stat -c '%n %s %Y'
	else
		echo "sample"
	fi
}

load_data() {
	if [ "$(fingerprint)" = "$(cat "$SERVER/loaded" 2>/dev/null)" ]; then
		step_done "loaded by an earlier run"
		return
	fi
	rm -f "$SERVER/loaded"
	server_psql postgres \
		-c "SET client_min_messages = warning" \
		-c "DROP DATABASE IF EXISTS demo WITH (FORCE)" \
		-c "CREATE DATABASE demo"
	sql -o /dev/null -c "CREATE EXTENSION recseq" -c "SELECT recseq_retailrocket()"
	if [ -n "$DATA" ]; then
		local file
		while IFS= read -r file; do
			say "   $(basename "$file"), $(du -h "$file" | cut -f 1)"
			load_retailrocket demo "$file"
		done < <(data_files)
	else
		sql -o /dev/null -c "SELECT recseq_sample_data('retailrocket', visitors => 8000, items => 1000, seed => 1)"
	fi
	sql -f "$ROOT/app/demo_views.sql"
	fingerprint >"$SERVER/loaded"
	step_done "$(ask "SELECT format('%s events of %s visitors on %s items', count(*), count(DISTINCT visitorid), count(DISTINCT itemid))
		FROM retailrocket.interactions")"
}

# ------------------------------------------------------------------ the model

train_model() {
	if [ "$(ask "SELECT count(*) FROM recseq_models WHERE model = 'demo'")" -gt 0 ]; then
		step_done "trained by an earlier run"
		return
	fi
	sql -c "UPDATE retailrocket.settings SET model = 'demo'" # what the view recommendations shows
	# Progress comes as notices, one an epoch.
	sql -P footer=off -c "
		SELECT model, version, sequences, windows, items, epochs, best_epoch,
			   round(val_loss::numeric, 3) AS val_loss, round(hit_rate::numeric, 4) AS hit_rate, round(seconds::numeric, 1) AS seconds
		FROM recseq_train('demo_training'::regclass, model => 'demo')" 2>&1 |
		sed -u 's/^NOTICE: *//' | indent
	step_done "stored in the database"
}

evaluate_model() {
	sql -P footer=off <<-'SQL' | indent
		SELECT method, cases, round(hit_rate::numeric, 4) AS "hit rate @5", round(mrr::numeric, 4) AS "MRR @5"
		FROM recseq_evaluate('demo_evaluation'::regclass, model => 'demo', k => 5);
	SQL
	step_done "higher is better"
}

show_recommendations() {
	sql -P footer=off <<-'SQL' | indent
		SELECT CASE rank WHEN 1 THEN visitorid END AS visitor,
			   CASE rank WHEN 1 THEN history END AS "history, oldest first (* bought)",
			   rank, item AS "new item", category,
			   to_char(100 * score, '990.0') || ' %' AS probability, reason
		FROM (SELECT visitorid, items, categories, events, times,
					 (SELECT string_agg(item || CASE event WHEN 'transaction' THEN '*' ELSE '' END, ' ' ORDER BY place)
					  FROM unnest(items, events) WITH ORDINALITY AS h(item, event, place)) AS history
			  FROM demo_evaluation
			  WHERE cardinality(items) BETWEEN 4 AND 8
			  ORDER BY times[cardinality(times)] DESC, visitorid
			  LIMIT 4) v,
			 LATERAL recseq_recommend(items, k => 5, model => 'demo',
									  categories => categories, events => events, times => times, exclude_seen => true)
		ORDER BY v.times[cardinality(v.times)] DESC, v.visitorid, rank;
	SQL
	step_done "recommended"
}

say_goodbye() {
	local psql=psql example
	[ "$(command -v psql)" = "$BINDIR/psql" ] && [ ! -x /usr/bin/psql ] && psql=$BINDIR/psql
	example=$(ask "SELECT array_to_string(items, ',') FROM demo_evaluation WHERE cardinality(items) = 4 ORDER BY visitorid LIMIT 1")
	cat <<-TEXT

		Go on from here:

		    $psql -h $(server_socket_dir) -U $DATABASE_USER demo

		    SELECT * FROM recseq_recommend(ARRAY[$example], k => 5, model => 'demo');

		${SUDO_USER:+sudo }make app shows it all on a web page.
		${SUDO_USER:+sudo }make demo-stop ends it and removes its data (UNINSTALL=yes: and the extension's files). All of this took $(seconds_since "$DEMO_STARTED").
	TEXT
}

# ------------------------------------------------------------------

if [ "${1:-}" = stop ]; then
	if [ -e "$STATE" ] || [ -L "$LINK" ]; then
		remove_server
		say "stopped, and removed"
	else
		say "there is no demo to stop"
	fi
	if [ -n "${UNINSTALL:-}" ]; then
		find_postgresql
		build "$ROOT/build/demo.log" uninstall
		say "recseq is removed from $("$PG_CONFIG" --pkglibdir) and $("$PG_CONFIG" --sharedir)/extension"
	fi
	exit
fi

trap give_back EXIT
DEMO_STARTED=$EPOCHREALTIME
check_data
step "Packages"
install_requirements true
step_done "PostgreSQL $PG_MAJOR, a C compiler and OpenBLAS are here"
step "Build"
build "$ROOT/build/demo.log" all
if install_extension "$ROOT/build/demo.log"; then
	step_done "built, and installed into $("$PG_CONFIG" --pkglibdir) and $("$PG_CONFIG" --sharedir)/extension"
else
	step_done "installed already"
fi
step "Private server"
start_server
step "Data: ${DATA:-synthetic, in the layout of the Retailrocket files}"
load_data
step "Training, inside PostgreSQL"
train_model
step "Predicting each visitor's newest item, which training has not seen"
evaluate_model
step "Recommendations"
show_recommendations
say_goodbye
