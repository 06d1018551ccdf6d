#!/bin/bash
# The ways to install recseq, each tried on a bare Debian of its own ("make package-test"). As root; prints TAP.
#
#   - The Debian source package: built twice, at other places, times, umasks and languages, to the same bytes; without a word from
#     lintian; installed by apt on a Debian that has nothing of PostgreSQL; trains, answers, passes the regression and isolation
#     tests (debian/tests), and leaves nothing when it is removed.
#   - What "make dist" packs: builds, installs, and "make uninstall" takes away all that was installed.
#   - The Dockerfile: its steps, in a chroot for each stage, and the server that it starts.
#
# A Debian is 200 MB, made by debootstrap; those that only have packages of Debian in them are kept in RECSEQ_PACKAGE_CACHE
# (/var/tmp/recseq-package). What was built is in build/package afterwards.
set -euo pipefail
export LC_ALL=C.UTF-8
# shellcheck source=app/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../app/lib.sh"
# shellcheck source=test/releases.sh
. "$ROOT/test/releases.sh"
# shellcheck source=test/shell_tap.sh
. "$ROOT/test/shell_tap.sh"

CACHE=${RECSEQ_PACKAGE_CACHE:-/var/tmp/recseq-package}
OUT=$ROOT/build/package
LOG=$OUT/log
RELEASE=bookworm
PACKAGE=postgresql-15-recseq
BASE=$CACHE/$RELEASE
BUILDER=$CACHE/$RELEASE-builder
BUILD_PACKAGES="build-essential debhelper libopenblas-serial-dev lintian postgresql-server-dev-all unzip zip"
SCRATCH=()

# scratch NAME [FROM]: a Debian that is gone afterwards; sets SCRATCH_DIRECTORY.
scratch() {
	SCRATCH_DIRECTORY=$CACHE/scratch-$1.$$
	cp -a "${2:-$BASE}" "$SCRATCH_DIRECTORY"
	SCRATCH+=("$SCRATCH_DIRECTORY")
}

# Only below what was made here, and only where nothing is mounted any more.
remove_scratch() {
	local directory
	for directory in "${SCRATCH[@]}"; do
		rm -rf --one-file-system "$directory"
	done
}
trap remove_scratch EXIT
trap 'exit 130' INT TERM HUP

# The files that belong to the project, as they are when it begins, and others may go on working on them.
take_sources() {
	git -C "$ROOT" ls-files -z --cached --others --exclude-standard | (cd "$ROOT" && xargs -0 ls -d 2>/dev/null) |
		tar -C "$ROOT" -cf "$OUT/sources.tar" --no-recursion --files-from=-
}

# sources DIRECTORY: these.
sources() {
	mkdir -p "$1"
	tar -xf "$OUT/sources.tar" -C "$1"
}

# run TITLE COMMAND...: a test that the command succeeds.
run() {
	local title=$1
	shift
	if "$@" >"$LOG" 2>&1 </dev/null; then
		result true "$title"
	else
		result false "$title" "$LOG"
		sed -n 's/^\(test .*FAILED\|not ok .*\)/# \1/p' "$LOG"
		return 1
	fi
}

make_builder() {
	make_release "$RELEASE" "$BASE"
	[ ! -e "$BUILDER/complete" ] || [ "$(cat "$BUILDER/complete")" != "$BUILD_PACKAGES" ] || return 0
	rm -rf "$BUILDER"
	cp -a "$BASE" "$BUILDER"
	say "# installing what builds packages into $BUILDER"
	# shellcheck disable=SC2086
	{ in_release "$BUILDER" apt-get update && in_release "$BUILDER" apt-get install -y --no-install-recommends $BUILD_PACKAGES; } \
		>"$LOG" 2>&1 || die "the packages could not be installed" "$LOG"
	echo "$BUILD_PACKAGES" >"$BUILDER/complete"
}

# ------------------------------------------------------------------ the Debian package

# build_package DIRECTORY [VARIABLE=VALUE...]: below /tmp of the builder, by a user with no rights.
build_package() {
	local directory=$1
	shift
	rm -rf "$BUILDER/tmp/$directory"
	sources "$BUILDER/tmp/$directory/postgresql-recseq"
	chown -R 65534:65534 "$BUILDER/tmp/$directory"
	in_release "$BUILDER" env HOME=/tmp "$@" setpriv --reuid=65534 --regid=65534 --clear-groups \
		sh -c "umask \$UMASK; cd /tmp/$directory/postgresql-recseq && dpkg-buildpackage -us -uc"
}

checksums() { (cd "$BUILDER/tmp/$1" && sha256sum -- *.deb *.dsc *.tar.*); }

test_package() {
	local file variant
	run "the package is built" build_package one UMASK=022 || return 0
	mkdir -p "$OUT"
	cp "$BUILDER"/tmp/one/*.deb "$BUILDER"/tmp/one/*.dsc "$BUILDER"/tmp/one/*.tar.* "$BUILDER"/tmp/one/*.changes "$OUT"
	is "control is made of control.in" "$(sed "s/PGVERSION/15/g" "$ROOT/debian/control.in")" "$(cat "$ROOT/debian/control")"
	run "lintian finds nothing" in_release "$BUILDER" sh -c \
		'lintian --allow-root --info --display-info --pedantic --fail-on error,warning,info,pedantic /tmp/one/*.changes' || true
	run "and again, elsewhere" build_package another-place/further-down UMASK=002 TZ=Pacific/Auckland DEB_BUILD_OPTIONS="nocheck" || return 0
	is "to the same bytes" "$(checksums one)" "$(checksums another-place/further-down)"

	scratch install
	cp "$BUILDER"/tmp/one/"${PACKAGE}"_*.deb "$SCRATCH_DIRECTORY/tmp"
	run "apt installs it on a bare Debian" in_release "$SCRATCH_DIRECTORY" sh -c \
		"apt-get update && apt-get install -y --no-install-recommends /tmp/${PACKAGE}_*.deb" || return 0
	cp "$ROOT/test/package.sql" "$SCRATCH_DIRECTORY/tmp"
	run "there it trains and answers, with the serial BLAS" in_machine "$SCRATCH_DIRECTORY" sh -c \
		'pg_ctlcluster 15 main start && cd / && runuser -u postgres -- psql -X -v ON_ERROR_STOP=1 -f /tmp/package.sql' || true
	is "what it says" "t|t|t" "$(sed -n 's/^result: //p' "$LOG")"
	for variant in "in LATIN1 beside UTF8|createdb -E LATIN1 --locale=C -T template0 tried" \
		"with 4 MB of /dev/shm|pg_ctlcluster 15 main stop; mount -t tmpfs -o size=4m,mode=1777 tmpfs /dev/shm; pg_ctlcluster 15 main start; createdb tried" \
		"preloaded, with huge pages where there are some|createdb tried; psql -qc 'ALTER SYSTEM SET shared_preload_libraries = recseq' -c 'ALTER SYSTEM SET huge_pages = try'; pg_ctlcluster 15 main restart" \
		"in another schema|createdb tried; psql -qd tried -c 'CREATE SCHEMA other' -c 'ALTER DATABASE tried SET search_path = other'"; do
		run "so it does ${variant%%|*}" in_machine "$SCRATCH_DIRECTORY" sh -ec "pg_ctlcluster 15 main start; cd /
			su() { runuser -u postgres -- \"\$@\"; }; psql() { su psql \"\$@\"; }; createdb() { su createdb \"\$@\"; }
			${variant#*|}; psql -d tried -X -v ON_ERROR_STOP=1 -f /tmp/package.sql
			PGOPTIONS='-c default_transaction_read_only=on' psql -d tried -XAtc 'SELECT count(*) FROM recseq_recommend(ARRAY[3, 5, 8])' | sed 's/^/read-only: /'
			psql -qc 'DROP DATABASE tried' -c 'ALTER SYSTEM RESET ALL'; pg_ctlcluster 15 main stop" || true
		is "what it says, and to who may only read" "t|t|t 5" "$(sed -n 's/^result: //p; s/^read-only: //p' "$LOG" | paste -sd ' ')"
	done
	sources "$SCRATCH_DIRECTORY/recseq"
	run "what the tests need is installed" in_release "$SCRATCH_DIRECTORY" \
		apt-get install -y --no-install-recommends make gcc libc6-dev postgresql-server-dev-all || return 0
	run "regression and isolation tests pass on it" in_machine "$SCRATCH_DIRECTORY" sh -c 'cd /recseq && debian/tests/installcheck' || true
	run "apt removes it" in_release "$SCRATCH_DIRECTORY" apt-get purge -y "$PACKAGE" || true
	file=$(find "$SCRATCH_DIRECTORY/usr" -name '*recseq*' | sed "s,^$SCRATCH_DIRECTORY,,")
	is "with all its files" "" "$file"
}

# ------------------------------------------------------------------ the distribution for PGXN

test_distribution() {
	local there left
	[ -d "$ROOT/.git" ] || [ -f "$ROOT/.git" ] || return 0
	scratch dist "$BUILDER"
	there=$SCRATCH_DIRECTORY
	run "make dist" "$MAKE" -C "$ROOT" --no-print-directory dist || return 0
	cp "$ROOT"/build/recseq-*.zip "$there/tmp"
	run "what it packs builds, and installs" in_release "$there" sh -c \
		'cd /tmp && unzip -q recseq-*.zip && cd recseq-*/ && make && make install DESTDIR=/installed' || return 0
	left=$(in_release "$there" find /installed -type f | sort)
	is "a library, a control file, a script" "/installed/usr/lib/postgresql/15/lib/recseq.so
/installed/usr/share/postgresql/15/extension/recseq--$EXTENSION_VERSION.sql
/installed/usr/share/postgresql/15/extension/recseq.control" "$left"
	run "make uninstall" in_release "$there" sh -c 'cd /tmp/recseq-*/ && make uninstall DESTDIR=/installed' || true
	is "takes them away" "" "$(in_release "$there" find /installed -type f)"
}

# ------------------------------------------------------------------ the Dockerfile

# run_dockerfile: FROM, COPY, RUN, ENV, USER and CMD as Docker would, a chroot a stage. Sets STAGE and START (the command, as the
# user and with the environment of the last stage).
run_dockerfile() {
	local instruction rest user=root variables=() from there
	declare -A stages=()
	while read -r instruction rest; do
		case $instruction in
		FROM)
			scratch "docker-${#stages[@]}"
			STAGE=$SCRATCH_DIRECTORY
			stages[${rest##* AS }]=$STAGE
			user=root
			variables=()
			;;
		COPY)
			from=$ROOT
			if [[ $rest == --from=* ]]; then
				from=${rest#--from=}
				from=${stages[${from%% *}]}
				rest=${rest#* }
			fi
			there=$STAGE${rest##* }
			if [ "$from" = "$ROOT" ] && [ "${rest%% *}" = . ]; then
				sources "$there"
			else
				# shellcheck disable=SC2086
				cp -r $from/${rest%% *} "$there" || return
			fi
			;;
		RUN) in_release "$STAGE" env "${variables[@]}" runuser -u "$user" -- sh -c "$rest" || return ;;
		ENV) variables+=("${rest/\$PATH//usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin}") ;;
		USER) user=$rest ;;
		CMD)
			START=(env POSTGRES_PASSWORD=secret "${variables[@]}" runuser -u "$user" -- "$(sed 's/^\["\(.*\)"\]$/\1/' <<<"$rest")")
			;;
		EXPOSE | VOLUME) ;;
		*) die "test/package.sh knows no $instruction" ;;
		esac
	done < <(sed -e ':line' -e '/\\$/{N;s/\\\n[[:blank:]]*//;b line' -e '}' "$ROOT/Dockerfile" | grep -v '^#\|^$')
}

test_dockerfile() {
	run "the steps of the Dockerfile" run_dockerfile || return 0
	cp "$ROOT/test/package.sql" "$STAGE/tmp"
	run "its server starts, trains and answers" in_machine "$STAGE" sh -c \
		"${START[*]@Q}"' >/tmp/server.log 2>&1 &
		n=0
		until PGPASSWORD=secret psql -h 127.0.0.1 -U postgres -c "SELECT 1" 2>/dev/null; do
			n=$((n + 1)); [ $n -lt 100 ] || { cat /tmp/server.log; exit 1; }
			sleep 0.3
		done
		PGPASSWORD=secret psql -h 127.0.0.1 -U postgres -X -v ON_ERROR_STOP=1 -f /tmp/package.sql' || true
	is "what it says" "t|t|t" "$(sed -n 's/^result: //p' "$LOG")"
}

# ------------------------------------------------------------------

[ -n "$AM_ROOT" ] || die "a Debian of its own can be made by root alone"
mkdir -p "$OUT" "$CACHE"
make_builder
take_sources
[ $# -gt 0 ] || set -- test_package test_distribution test_dockerfile
for part; do "$part"; done
tap_end
