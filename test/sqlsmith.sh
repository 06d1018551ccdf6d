#!/bin/bash
# Random queries by sqlsmith (Debian) over recseq's tables, views and functions, on a private server: no process may crash, and no
# error may be one that cannot happen (class XX).
#
#   test/sqlsmith.sh [QUERIES [SEED]]    10,000 and 1 without; the seed makes the same queries as long as the catalog is the same
#
# Of an installation with assertions (PG_CONFIG=...) it sees more. Its role may call every function and read and change every table
# of recseq's. sqlsmith calls functions that return one value, so those that return rows are wrapped in such, often enough to be
# drawn among PostgreSQL's own.
set -euo pipefail
export LC_ALL=C.UTF-8
# shellcheck source=app/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../app/lib.sh"

OUT=$ROOT/build/sqlsmith
QUERIES=${1:-10000}
SEED=${2:-1}
WRAPPERS=40 # of each function

trap end_server EXIT
trap 'exit 130' INT TERM HUP

want_for_sqlsmith() { want sqlsmith command -v sqlsmith; }

prepare() {
	server_psql postgres -o /dev/null <<-SQL
		SET recseq.progress = off;
		SET client_min_messages = warning;
		CREATE EXTENSION recseq;
		SELECT recseq_retailrocket('kit');
		SELECT recseq_sample_data('kit', 100, 40);
		CREATE TABLE source AS SELECT visitorid, items, categories, times FROM kit.training_sequences;
		SELECT recseq_train('source', epochs => 1, units => 4, item_dim => 4, feature_dim => 4);
		CREATE SCHEMA wrapped;
		DO \$\$ BEGIN
			FOR i IN 1 .. $WRAPPERS LOOP
				EXECUTE format('CREATE FUNCTION wrapped.recommend_%s(int[], int, bool) RETURNS int LANGUAGE sql AS
					''SELECT item FROM recseq_recommend(\$1, \$2, exclude_seen => \$3) ORDER BY rank LIMIT 1''', i);
				EXECUTE format('CREATE FUNCTION wrapped.score_%s(int[], int[], timestamptz[]) RETURNS float4 LANGUAGE sql AS
					''SELECT score FROM recseq_recommend(\$1, 1, categories => \$2, times => \$3)''', i);
				EXECUTE format('CREATE FUNCTION wrapped.similar_%s(int, int) RETURNS float4 LANGUAGE sql AS
					''SELECT max(similarity)::float4 FROM recseq_similar_items(\$1, \$2)''', i);
				EXECUTE format('CREATE FUNCTION wrapped.batch_%s(regclass, int) RETURNS bigint LANGUAGE sql AS
					''SELECT count(*) FROM recseq_recommend_batch(\$1, \$2)''', i);
				EXECUTE format('CREATE FUNCTION wrapped.assign_%s(text, text[], float8[]) RETURNS text LANGUAGE sql AS
					''SELECT recseq_assign(\$1, \$2, \$3)''', i);
				EXECUTE format('CREATE FUNCTION wrapped.imported_%s(bytea, text) RETURNS int LANGUAGE sql AS
					''SELECT version FROM recseq_import_model(\$1, \$2)''', i);
			END LOOP;
		END \$\$;
		CREATE ROLE smith LOGIN;
		GRANT ALL ON SCHEMA public, kit, wrapped TO smith;
		GRANT ALL ON ALL TABLES IN SCHEMA public, kit TO smith;
		GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public, kit, wrapped TO smith;
		ALTER ROLE smith SET statement_timeout = 1000;
		ALTER ROLE smith SET recseq.progress = off;
	SQL
	own "$SERVER" 711
	echo 'local all all trust' | write_as_server data/pg_hba.conf
	server_ctl reload
}

rm -rf "$OUT"
mkdir -p "$OUT"
install_requirements want_for_sqlsmith
build "$OUT/build.log" all
install_extension "$OUT/build.log" || true
SERVER=$(mktemp -d /var/tmp/recseq-smith.XXXXXX)
server_init "log_min_error_statement = error" "log_error_verbosity = verbose" "track_functions = all"
server_start
prepare
started=$(server_psql postgres -At -c "SELECT pg_postmaster_start_time()")
sqlsmith --target="host=$(server_socket_dir) dbname=postgres user=smith" --max-queries="$QUERIES" --seed="$SEED" --verbose >"$OUT/sqlsmith.log" 2>&1 ||
	say "sqlsmith ended with status $?"
called=$(server_psql postgres -At -c "SELECT pg_stat_clear_snapshot(), sum(calls) FROM pg_stat_user_functions" | cut -d'|' -f2)
bad=$(grep -aE -A 3 'ERROR:  XX|PANIC|TRAP|terminated by signal|exited with exit code' "$SERVER/log" || true)
[ -z "$bad" ] || say "$bad"
[ "$started" = "$(server_psql postgres -At -c "SELECT pg_postmaster_start_time()")" ] || bad="the server has been started again"
say "$QUERIES queries, seed $SEED, ${called:-0} calls of functions: $([ -z "$bad" ] && echo "no problem found" || echo "see above")"
[ -z "$bad" ]
