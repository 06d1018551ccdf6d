#!/bin/bash
# The unit tests of the libraries on other processors, by QEMU: 64-bit ARM, and s390x, whose byte order is the other one. As root;
# prints TAP of each test.
#
#   test/architectures.sh [ARCHITECTURE...]     aarch64 s390x
#
# On a Debian of its own, with Debian's cross compilers and OpenBLAS, kept in RECSEQ_ARCHITECTURES_CACHE (/var/tmp/recseq-architectures).
set -euo pipefail
export LC_ALL=C.UTF-8
# shellcheck source=app/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../app/lib.sh"
# shellcheck source=test/releases.sh
. "$ROOT/test/releases.sh"
# shellcheck source=test/copies.sh
. "$ROOT/test/copies.sh"

CACHE=${RECSEQ_ARCHITECTURES_CACHE:-/var/tmp/recseq-architectures}
OUT=$ROOT/build/architectures
DEBIAN=$CACHE/bookworm
declare -A DEBIAN_NAMES=([aarch64]=arm64 [s390x]=s390x)

prepare() {
	local gnu=$1 debian=$2
	[ ! -e "$DEBIAN/$gnu-complete" ] || return 0
	say "# installing a compiler and OpenBLAS for $gnu"
	{ in_release "$DEBIAN" dpkg --add-architecture "$debian" && in_release "$DEBIAN" apt-get update &&
		in_release "$DEBIAN" apt-get install -y --no-install-recommends make perl qemu-user "gcc-$gnu-linux-gnu" "libc6-dev-$debian-cross" \
			"libopenblas-serial-dev:$debian"; } >"$OUT/$gnu-apt.log" 2>&1 || die "the packages could not be installed" "$OUT/$gnu-apt.log"
	touch "$DEBIAN/$gnu-complete"
}

[ -n "$AM_ROOT" ] || die "a Debian of its own can be made by root alone"
mkdir -p "$OUT"
make_release bookworm "$DEBIAN"
[ $# -gt 0 ] || set -- aarch64 s390x
status=0
for gnu; do
	prepare "$gnu" "${DEBIAN_NAMES[$gnu]}"
	rm -rf "$DEBIAN/recseq"
	copy_checkout "$DEBIAN/recseq"
	say "# $gnu"
	# shellcheck disable=SC2016
	in_release "$DEBIAN" sh -c 'cd /recseq && make -s CC=$0-linux-gnu-gcc AR=$0-linux-gnu-ar WERROR=-Werror unit-tests-plain' "$gnu" \
		>"$OUT/$gnu-build.log" 2>&1 || die "the unit tests could not be built" "$OUT/$gnu-build.log"
	in_release "$DEBIAN" env -C /recseq NN_VECTORS_DIR=/recseq/test/unit/vectors QEMU_LD_PREFIX=/ \
		sh -c 'exec prove -m --timer --exec "qemu-$0" build/unit/*_test' "$gnu" || status=$?
done
exit "$status"
