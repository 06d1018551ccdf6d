#!/bin/bash
# Runs every program of docs/clients.md and docs/vectors-and-onnx.md as it stands there, against a private server, over TCP, as a role that may only ask; and
# what reporting tools ask a JDBC driver about recseq (Metadata.java). Prints TAP.
#
# A language whose compiler or packages cannot be had is skipped, and the line says why. Packages come from PyPI, npm, Maven
# and the Go module proxy, at pinned versions, into build/clients; compilers are those of the machine.
set -euo pipefail
export LC_ALL=C.UTF-8
# shellcheck source=app/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../app/lib.sh"
# shellcheck source=test/shell_tap.sh
. "$ROOT/test/shell_tap.sh"

HERE=$ROOT/test/clients
PAGE=$ROOT/docs/clients.md
VECTORS_PAGE=$ROOT/docs/vectors-and-onnx.md
OUT=$ROOT/build/clients
LIMIT=300 # seconds a program, its packages included

JDBC_VERSION=42.7.14
JDBC_OF_DEBIAN=/usr/share/java/postgresql.jar

# is_true TITLE QUERY: which the database answers with true.
is_true() { is "$1" t "$(ask "$2")"; }

# ------------------------------------------------------------------ the page

SNIPPETS=0

# snippet SECTION LANGUAGE [NUMBER]: the code block of that language below the heading in $PAGE, the first unless it says otherwise.
snippet() {
	awk -v section="## $1" -v fence="\`\`\`$2" -v number="${3:-1}" '
		/^## /                                 { inside = $0 == section }
		printing && $0 == "```"                { exit }
		printing                               { print; next }
		inside && $0 == fence && ++n == number { printing = 1 }' "$PAGE"
	SNIPPETS=$((SNIPPETS + 1))
}

# ------------------------------------------------------------------ the server

make_server() {
	SERVER=$(mktemp -d /var/tmp/recseq-clients.XXXXXX)
	PGPORT=$(free_port)
	export PGPORT
	server_init "listen_addresses = '127.0.0.1'" "port = $PGPORT" "password_encryption = 'scram-sha-256'"
	echo 'host clients asker 127.0.0.1/32 scram-sha-256' | write_as_server -a data/pg_hba.conf
	server_start
	server_psql postgres -c 'CREATE DATABASE clients'
	snippet "A database to ask" sql >"$OUT/setup.sql"
	server_psql clients -o /dev/null -f "$OUT/setup.sql" 2>"$OUT/setup.log"
	# asks, and reads what is made for reports
	server_psql clients <<-SQL
		CREATE ROLE asker LOGIN PASSWORD 'ask';
		GRANT USAGE ON SCHEMA retailrocket TO asker;
		GRANT SELECT ON ALL TABLES IN SCHEMA retailrocket TO asker;
	SQL
}

ask() { server_psql clients -A -t -c "$1"; }

as_asker() { env PGHOST=127.0.0.1 PGUSER=asker PGPASSWORD=ask PGDATABASE=clients timeout --foreground "$LIMIT" "$@"; }

as_trainer() { env PGHOST="$(server_socket_dir)" PGUSER="$DATABASE_USER" PGDATABASE=clients timeout --foreground "$LIMIT" "$@"; }

# ------------------------------------------------------------------ what each program must print

# The three items and their categories, as the database itself says; the third column is a probability.
is_answer() {
	[ "$(awk '{ print $1, $2 }' "$1")" = "$EXPECTED" ] && awk '!($3 > 0 && $3 < 1) { exit 1 }' "$1"
}

# asks TITLE LOG COMMAND...: the command prints the answer.
asks() {
	local title=$1 log=$2
	shift 2
	if as_asker "$@" >"$log.out" 2>"$log" && is_answer "$log.out"; then
		result true "$title"
	else
		cat "$log.out" >>"$log"
		result false "$title" "$log"
	fi
}

# ------------------------------------------------------------------ the languages

test_psql() {
	snippet psql sh >"$OUT/ask.sh"
	asks "psql" "$OUT/psql.log" bash "$OUT/ask.sh"
}

test_python() {
	local venv=$OUT/venv
	snippet "Python: psycopg" python >"$OUT/ask_psycopg.py"
	snippet "Python: pandas" python >"$OUT/ask_pandas.py"
	snippet "Python: pandas" python 2 >"$OUT/batch_pandas.py"
	if ! (make_venv "$venv" "$HERE/requirements.txt") >"$OUT/pip.log" 2>&1; then
		for title in psycopg pandas "pandas, a whole table"; do
			skip "Python: $title" "pip cannot install it here"
		done
		return
	fi
	asks "Python: psycopg" "$OUT/psycopg.log" "$venv/bin/python" "$OUT/ask_psycopg.py"
	asks "Python: pandas" "$OUT/pandas.log" "$venv/bin/python" "$OUT/ask_pandas.py"
	as_asker "$venv/bin/python" "$OUT/batch_pandas.py" >"$OUT/batch_pandas.log" 2>&1 || true
	is "Python: pandas, a whole table" "$(ask 'SELECT 3 * count(*) FROM retailrocket.sequences')" \
		"$(awk '{ n += $1 } END { print n }' "$OUT/batch_pandas.log")"
}

test_javascript() {
	local title="JavaScript: node-postgres" project=$OUT/javascript
	mkdir -p "$project"
	snippet "$title" javascript >"$project/ask.js"
	if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
		skip "$title" "there is no node or npm here"
		return
	fi
	cp "$HERE/package.json" "$project"
	if [ ! -d "$project/node_modules/pg" ] &&
		! timeout "$LIMIT" npm install --prefix "$project" --no-audit --no-fund >"$OUT/npm.log" 2>&1; then
		skip "$title" "npm cannot install pg here"
		return
	fi
	asks "$title" "$OUT/javascript.log" node "$project/ask.js"
}

# Sets JDBC to the driver's file: Maven's, else Debian's.
find_jdbc() {
	JDBC=$OUT/java/postgresql-$JDBC_VERSION.jar
	[ ! -f "$JDBC" ] || return 0
	if command -v mvn >/dev/null && timeout "$LIMIT" mvn -q -B dependency:copy \
		-Dartifact="org.postgresql:postgresql:$JDBC_VERSION" -DoutputDirectory="$OUT/java" >"$OUT/mvn.log" 2>&1; then
		return 0
	fi
	JDBC=$JDBC_OF_DEBIAN
	[ -f "$JDBC" ]
}

test_java() {
	local title="Java: JDBC" project=$OUT/java
	mkdir -p "$project"
	snippet "$title" java >"$project/Recommend.java"
	if ! command -v javac >/dev/null || ! find_jdbc; then
		skip "$title" "there is no JDK, or no driver from Maven or Debian, here"
		skip "JDBC metadata" "likewise"
		return
	fi
	if ! javac -d "$project" "$project/Recommend.java" "$HERE/Metadata.java" >"$OUT/javac.log" 2>&1; then
		result false "$title: compiles" "$OUT/javac.log"
		return
	fi
	asks "$title" "$OUT/java.log" java -cp "$project:$JDBC" Recommend
	while IFS= read -r line; do
		case $line in
			'ok '*) result true "JDBC metadata: ${line#ok }" ;;
			*) result false "JDBC metadata: ${line#not ok }" "$OUT/metadata.log" ;;
		esac
	done < <(as_asker java -cp "$project:$JDBC" Metadata 2>"$OUT/metadata.log" || echo "not ok ends well")
}

test_go() {
	local title="Go: pgx" project=$OUT/go
	mkdir -p "$project"
	snippet "$title" go >"$project/main.go"
	if ! command -v go >/dev/null; then
		skip "$title" "there is no go here"
		return
	fi
	cp "$HERE"/go/go.* "$project"
	if ! timeout "$LIMIT" env -C "$project" go mod download >"$OUT/go-download.log" 2>&1; then
		skip "$title" "go cannot download pgx here"
		return
	fi
	if ! timeout "$LIMIT" env -C "$project" go build -o ask . >"$OUT/go-build.log" 2>&1; then
		result false "$title: compiles" "$OUT/go-build.log"
		return
	fi
	asks "$title" "$OUT/go.log" "$project/ask"
}

# Programs of docs/vectors-and-onnx.md, as a role that may read the weights; and networks of all kinds, as who may train.
test_vectors() {
	local PAGE=$VECTORS_PAGE python=$OUT/venv/bin/python line
	if ! (make_venv "$OUT/venv" "$HERE/requirements.txt") >"$OUT/pip.log" 2>&1; then
		skip "NumPy, ONNX Runtime" "pip cannot install them here"
		return
	fi
	snippet "Its numbers: NumPy" sql >"$OUT/vectors.sql"
	snippet "The network as a file: ONNX" sql >>"$OUT/vectors.sql"
	echo 'GRANT scientist TO asker' >>"$OUT/vectors.sql"
	server_psql clients -o /dev/null -f "$OUT/vectors.sql" 2>"$OUT/vectors.log"
	snippet "Its numbers: NumPy" python >"$OUT/ask_numpy.py"
	as_asker "$python" "$OUT/ask_numpy.py" >"$OUT/numpy.out" 2>"$OUT/numpy.log" || true
	is "NumPy: the items most like an item" "$(ask 'SELECT item FROM recseq_similar_items(303, 3) ORDER BY rank')" "$(cut -d ' ' -f 1 "$OUT/numpy.out")"
	snippet "The network as a file: ONNX" python >"$OUT/ask_onnx.py"
	as_asker "$python" "$OUT/ask_onnx.py" >"$OUT/onnx.out" 2>"$OUT/onnx.log" || true
	is "ONNX Runtime: the items that follow" \
		"$(ask "SELECT item || ' ' || round(score::numeric, 3) FROM recseq_recommend(ARRAY[303, 303, 328, 328], 3, 'network') ORDER BY rank")" \
		"$(awk '{ printf "%s %.3f\n", $1, $2 }' "$OUT/onnx.out")"
	while IFS= read -r line; do
		case $line in
			'ok '*) result true "ONNX: ${line#ok * - }" ;;
			1..*) ;;
			*) result false "ONNX: ${line#not ok * - }" "$OUT/networks.log" ;;
		esac
	done < <(as_trainer "$python" "$HERE/networks.py" 2>"$OUT/networks.log" || echo "not ok 0 - ends well")
	server_psql clients -o /dev/null -c "SELECT recseq_drop_model('network')"
}

# Two nights, and a visitor's click on the morning after.
test_nightly_job() {
	local title="A nightly job in SQL alone" log=$OUT/nightly.log night
	snippet "$title" sql >"$OUT/nightly.sql"
	snippet "$title" sql 2 >"$OUT/refresh.sql"
	for night in 1 2; do
		if ! server_psql clients -o /dev/null -f "$OUT/nightly.sql" 2>"$log"; then
			result false "$title: night $night" "$log"
			return
		fi
	done
	is_true "$title: versions" "SELECT max(last_version) = 3 AND count(active_id) = 1
		AND (SELECT count(*) = 3 FROM recseq_models) FROM recseq_model"
	is_true "$title: the table of recommendations" "SELECT (SELECT count(*) FROM retailrocket.visitor_recommendations) = 10 * count(*)
		FROM retailrocket.sequences"
	is "$title: between the nights" "1" "$(server_psql clients -A -t -c \
		"INSERT INTO retailrocket.events SELECT max(\"timestamp\") + 1, 7, 'addtocart', 303 FROM retailrocket.events" -f "$OUT/refresh.sql" 2>"$log")"
	is "$title: in the moment" 5 "$(ask 'SELECT count(*) FROM retailrocket.recommend_visitor(42)')"
}

# ------------------------------------------------------------------

finish() {
	[ -z "$SERVER" ] || server_remove || true
	give_back || true
}
trap finish EXIT

mkdir -p "$OUT"
install_requirements true
build "$OUT/build.log" all
install_extension "$OUT/build.log" || true
make_server
EXPECTED=$(ask "SELECT item || ' ' || category FROM recseq_recommend(ARRAY[303, 303, 328, 328], k => 3) ORDER BY rank")
test_psql
test_python
test_javascript
test_java
test_go
test_vectors
test_nightly_job
# but what runs in a transaction of SQL alone, which is test/t/022_documents.pl's
is "programs of the pages that were run" "$(($(grep -c '^```[a-z]' "$PAGE") + $(sed -n '/^## Its numbers/,$p' "$VECTORS_PAGE" | grep -c '^```[a-z]')))" "$SNIPPETS"
tap_end
