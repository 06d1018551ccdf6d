# shellcheck shell=bash
# What the demo, the page and the tests share: packages through apt, the build, and a private PostgreSQL server.
#
# Sourced, never run. Sets ROOT (the checkout), and by find_postgresql: PG_CONFIG, BINDIR, PG_MAJOR.
# A private server lives in one directory, $SERVER, owned by the account that runs it: data/, log, and the socket.
# It listens on no network port, and nothing here reads or changes any other server.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
EXTENSION_VERSION=$(sed -n "s/^default_version = '\(.*\)'/\1/p" "$ROOT/recseq.control")
MAKE=${MAKE:-make}
DATABASE_USER=postgres
AM_ROOT=
if [ "$(id -u)" -eq 0 ]; then AM_ROOT=yes; fi

# Settings of the caller's own servers must not reach ours.
unset PGHOST PGHOSTADDR PGPORT PGUSER PGDATABASE PGPASSWORD PGPASSFILE PGSERVICE PGSERVICEFILE PGOPTIONS PGDATA PGSSLMODE

say() { printf '%s\n' "$*"; }

# die MESSAGE [FILE]: with the end of FILE, the log of what went wrong.
die() {
	printf '\nerror: %s\n' "$1" >&2
	if [ -n "${2:-}" ] && [ -s "$2" ]; then
		printf 'The end of %s:\n' "$2" >&2
		tail -n 30 "$2" | sed 's/^/    /' >&2
	fi
	exit 1
}

# ------------------------------------------------------------------ packages

MISSING=()

# want PACKAGE CONDITION...: notes the package as missing where the condition, a command, fails.
want() {
	local package=$1
	shift
	"$@" >/dev/null 2>&1 || MISSING+=("$package")
}

# Installs what want() noted. Without root it only says what to do.
install_missing() {
	[ ${#MISSING[@]} -gt 0 ] || return 0
	[ -n "$AM_ROOT" ] || die "not installed: ${MISSING[*]}
Run this again as root, or first: sudo apt-get install ${MISSING[*]}"
	update_package_lists
	say "installing through apt: ${MISSING[*]}"
	apt_get install "${MISSING[@]}"
	MISSING=()
}

LISTS_ARE_NEW=
update_package_lists() {
	[ -z "$LISTS_ARE_NEW" ] || return 0
	apt_get update
	LISTS_ARE_NEW=yes
}

apt_get() {
	local log=$ROOT/build/apt.log
	command -v apt-get >/dev/null || die "there is no apt-get here: install by other means ${MISSING[*]-}"
	mkdir -p "${log%/*}"
	# parts of the tests come here at the same time
	DEBIAN_FRONTEND=noninteractive flock "$ROOT/build/apt.lock" apt-get -y --no-install-recommends -o DPkg::Lock::Timeout=300 "$@" \
		</dev/null >"$log" 2>&1 || die "apt-get $* failed" "$log"
}

# The server's package starts a cluster "main" when it is first installed. Nobody asked for one here, so its creation is
# switched off while we install; clusters that exist, and later packages, are left as they are.
install_server() (
	switch=/etc/postgresql-common/createcluster.d/recseq-install.conf
	apt_get install postgresql-common
	mkdir -p "${switch%/*}"
	trap 'rm -f "$switch"' EXIT
	echo 'create_main_cluster = false' >"$switch"
	apt_get install "$@"
)

# Debian's own, which other accounts can run too, before one of somebody's home.
PYTHON=python3
[ ! -x /usr/bin/python3 ] || PYTHON=/usr/bin/python3

# make_venv DIRECTORY REQUIREMENTS...: a virtual environment of Debian's Python with the pinned packages, where it is not
# there already.
make_venv() {
	local venv=$1 wanted
	shift
	wanted=$(cat "$@" | cksum)
	[ "$wanted" != "$(cat "$venv/made-of" 2>/dev/null)" ] || return 0
	want python3-venv "$PYTHON" -c 'import ensurepip, sys; assert sys.version_info >= (3, 11)'
	install_missing
	say "installing through pip, into $venv: ${*##*/}"
	rm -rf "$venv"
	mkdir -p "${venv%/*}"
	{ "$PYTHON" -m venv "$venv" && "$venv/bin/pip" install --disable-pip-version-check --only-binary :all: "${@/#/-r}"; } \
		>"$venv.log" 2>&1 || die "pip install failed" "$venv.log"
	echo "$wanted" >"$venv/made-of"
}

# ------------------------------------------------------------------ PostgreSQL and the build

# A pg_config counts when the server and the files to build for it are both there.
complete_pg_config() {
	[ -x "$("$1" --bindir 2>/dev/null)/postgres" ] && [ -f "$("$1" --includedir-server 2>/dev/null)/postgres.h" ]
}

# Major version of the newest server that Debian's packages have installed here, if any.
debian_server() {
	printf '%s\n' /usr/lib/postgresql/*/bin/postgres | sed -n 's,^/usr/lib/postgresql/\([0-9]*\)/.*,\1,p' | sort -n | tail -n 1
}

# Decides on PG_CONFIG: the given one, else the one in PATH, else Debian's newest server, else Debian's default version.
find_postgresql() {
	local version
	if [ -n "${PG_CONFIG:-}" ]; then
		complete_pg_config "$PG_CONFIG" || die "PG_CONFIG=$PG_CONFIG has no server with development files"
	elif complete_pg_config pg_config; then
		PG_CONFIG=$(command -v pg_config)
	else
		version=$(debian_server)
		if [ -n "$version" ]; then
			want "postgresql-server-dev-$version" false
			install_missing
		else
			[ -n "$AM_ROOT" ] || die "PostgreSQL is not installed. Run this again as root, or set PG_CONFIG"
			update_package_lists
			version=$(apt-cache depends postgresql 2>/dev/null | sed -n 's/.*Depends: postgresql-\([0-9]*\)$/\1/p' | head -n 1)
			[ -n "$version" ] || die "apt knows no package postgresql"
			say "installing through apt: postgresql-$version postgresql-server-dev-$version"
			install_server "postgresql-$version" "postgresql-server-dev-$version"
		fi
		PG_CONFIG=/usr/lib/postgresql/$version/bin/pg_config
		complete_pg_config "$PG_CONFIG" || die "$PG_CONFIG is not complete: postgresql-$version and postgresql-server-dev-$version must both be installed"
	fi
	BINDIR=$("$PG_CONFIG" --bindir)
	PG_MAJOR=$("$PG_CONFIG" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
	PATH=$BINDIR:$PATH
	export PG_CONFIG PG_MAJOR PATH
}

# have_header NAME: some compiler finds it.
have_header() { echo "#include <$1>" | gcc -E -x c - -o /dev/null; }
have_blas() { compgen -G '/usr/lib/*/openblas-serial/libopenblas.so' || have_header cblas.h; }

# install_requirements EXTRA: what the build and a server need, then what the function EXTRA wants, once PostgreSQL's version is known.
# Looks first, so that a machine which has all of it needs no network.
install_requirements() {
	want gcc command -v gcc
	want libc6-dev have_header stdio.h
	want libopenblas-serial-dev have_blas
	install_missing
	find_postgresql
	"$1"
	install_missing
}

# build LOG TARGET...: make, quietly unless it fails.
build() {
	local log=$1
	shift
	mkdir -p "${log%/*}"
	"$MAKE" -C "$ROOT" --no-print-directory -j "$(getconf _NPROCESSORS_ONLN)" PG_CONFIG="$PG_CONFIG" "$@" >"$log" 2>&1 ||
		die "make $* failed" "$log"
}

# What root has made inside a checkout that is not root's goes to its owner, whose make would fail on it later.
give_back() {
	local owner made
	owner=$(stat -c %u:%g "$ROOT")
	[ -n "$AM_ROOT" ] && [ "${owner%:*}" != 0 ] || return 0
	for made in build src sql recseq.so; do
		[ ! -e "$ROOT/$made" ] || chown -R -h --from=0 "$owner" "$ROOT/$made"
	done
}

# Installs the extension where what is installed differs from what is built; true where it did.
install_extension() {
	local log=$1 library extension
	library=$("$PG_CONFIG" --pkglibdir)
	extension=$("$PG_CONFIG" --sharedir)/extension
	if cmp -s "$ROOT/recseq.so" "$library/recseq.so" &&
		cmp -s "$ROOT/recseq.control" "$extension/recseq.control" &&
		cmp -s "$ROOT/sql/recseq--$EXTENSION_VERSION.sql" "$extension/recseq--$EXTENSION_VERSION.sql"; then
		return 1
	fi
	[ -w "$library" ] || [ -n "$AM_ROOT" ] || die "cannot install to $library: run this as root"
	build "$log" install
}

# ------------------------------------------------------------------ a private server

# PostgreSQL refuses to run as root, so root hands the server to the account of Debian's packages.
SERVER=
SERVER_ACCOUNT=$(id -un)
if [ -n "$AM_ROOT" ]; then SERVER_ACCOUNT=postgres; fi

# as_server COMMAND...: as the server's account, in the server's directory.
as_server() (
	cd "${SERVER:-/}" || exit
	if [ "$SERVER_ACCOUNT" = "$(id -un)" ]; then
		exec "$@"
	else
		exec runuser -u "$SERVER_ACCOUNT" -- "$@"
	fi
)

# own DIRECTORY MODE: hands it to the server's account.
own() {
	chmod "$2" "$1"
	[ -z "$AM_ROOT" ] || chown "$SERVER_ACCOUNT:" "$1"
}

# A socket's path must fit in 107 bytes; where the server's own directory is too deep for that, it gets a short one.
server_socket_dir() {
	if [ ${#SERVER} -le 90 ]; then
		echo "$SERVER"
	elif [ -s "$SERVER/socket_dir" ]; then
		cat "$SERVER/socket_dir"
	else
		local dir
		dir=$(mktemp -d /var/tmp/recseq.XXXXXX)
		own "$dir" 711
		echo "$dir" >"$SERVER/socket_dir"
		echo "$dir"
	fi
}

# server_init [SETTING...]: makes the data directory in $SERVER. Others may pass through it to the socket, and read nothing;
# the server answers only root, its own account, and the account that called sudo.
server_init() {
	local account
	own "$SERVER" 711
	as_server initdb -D data -U "$DATABASE_USER" -A peer -E UTF8 --locale=C --no-sync >"$SERVER/initdb.log" 2>&1 ||
		die "initdb failed" "$SERVER/initdb.log"
	echo "$BINDIR" >"$SERVER/bindir"
	echo 'local all all peer map=recseq' | write_as_server data/pg_hba.conf
	for account in root "$SERVER_ACCOUNT" ${SUDO_USER:+"$SUDO_USER"}; do
		echo "recseq $account $DATABASE_USER"
	done | write_as_server data/pg_ident.conf
	write_as_server -a data/postgresql.conf <<-CONF

		# recseq: a private server that may be thrown away
		listen_addresses = ''
		unix_socket_directories = '$(server_socket_dir)'
		unix_socket_permissions = 0777
		port = 5432
		fsync = off
		full_page_writes = off
		autovacuum_naptime = 10s
		max_wal_size = 2GB
		$(printf '%s\n' "$@")
	CONF
}

# write_as_server [-a] FILE: standard input to a file below $SERVER.
write_as_server() { as_server tee "$@" >/dev/null; }

# pg_ctl of the version that made the server, with nothing inherited that would keep the caller's pipes open.
server_ctl() { as_server "$(cat "$SERVER/bindir")/pg_ctl" -D data "$@" </dev/null >/dev/null 2>&1; }

server_running() { server_ctl status; }
server_start() { server_ctl -l "$SERVER/log" -w -t 120 start || die "the private server did not start" "$SERVER/log"; }
server_stop() { ! server_running || server_ctl -w -t 60 -m fast stop || server_ctl -w -m immediate stop; }

# server_psql DATABASE [OPTION...]: without the psqlrc, which a user has for sitting at a terminal.
server_psql() {
	local database=$1
	shift
	psql -X -q -v ON_ERROR_STOP=1 -h "$(server_socket_dir)" -U "$DATABASE_USER" -d "$database" "$@"
}

# load_retailrocket DATABASE FILE...: files of the Retailrocket data set, by their names, into the kit's tables.
load_retailrocket() {
	local database=$1 file table
	shift
	for file in "$@"; do
		table=$(basename "$file" .csv)
		table=${table/item_properties*/item_properties}
		server_psql "$database" -o /dev/null -c "COPY retailrocket.$table FROM STDIN WITH (FORMAT csv, HEADER)" <"$file"
	done
}

# On the way out: the server's log goes to $OUT, the server goes, and what was made belongs to who has the checkout.
end_server() {
	if [ -n "$SERVER" ]; then
		cp "$SERVER/log" "$OUT/server.log" 2>/dev/null || true
		server_remove || true
	fi
	give_back || true
}

# Stops the server and removes all of it.
server_remove() {
	server_stop
	[ ! -s "$SERVER/socket_dir" ] || as_server rm -rf "$(server_socket_dir)"
	rm -rf "$SERVER"
	SERVER=
}

# A port of the loopback interface that nobody answers on.
free_port() {
	local port=$((20000 + RANDOM % 20000))
	while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
		port=$((port + 1))
	done
	echo "$port"
}

# ------------------------------------------------------------------ the demo's server

STATE=$ROOT/.demo
LINK=$STATE/server # the server's directory, or a link to it where the checkout is closed to the server's account

# Sets SERVER to the directory of an earlier run of the demo, if there is one.
find_server() {
	SERVER=$(readlink -e "$LINK" 2>/dev/null) && [ -e "$SERVER/bindir" ] || return 1
	SERVER_ACCOUNT=$(stat -c %U "$SERVER")
	[ -n "$AM_ROOT" ] || [ "$SERVER_ACCOUNT" = "$(id -un)" ] ||
		die "the demo's server belongs to the account $SERVER_ACCOUNT: run this as root"
}
