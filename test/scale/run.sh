#!/bin/bash
# Several servers that answer, and one of them killed ("make scale"). As root; prints TAP.
#
# On a Debian of its own, with its own network and processes (nothing of it can be reached from outside, and all of it is gone
# afterwards): three servers under Patroni with etcd, at 127.0.0.1 to 127.0.0.3, and PgBouncer before them. One trains, all answer;
# 16 clients ask while the primary and its Patroni are killed; the next primary trains; the killed one comes back as a standby.
#
# The Debian is kept in RECSEQ_SCALE_CACHE (/var/tmp/recseq-scale): 1 GB, with a compiler. RECSEQ_SCALE_SECONDS (40): how long the
# clients ask. What the programs say is in build/scale.
set -euo pipefail
export LC_ALL=C.UTF-8
# shellcheck source=app/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../app/lib.sh"
# shellcheck source=test/releases.sh
. "$ROOT/test/releases.sh"
# shellcheck source=test/copies.sh
. "$ROOT/test/copies.sh"

CACHE=${RECSEQ_SCALE_CACHE:-/var/tmp/recseq-scale}
OUT=$ROOT/build/scale
MACHINE=$CACHE/bookworm
PACKAGES="etcd-server gcc libc6-dev libopenblas-serial-dev make patroni pgbouncer postgresql-15 postgresql-server-dev-15 python3-etcd python3-psycopg2"

[ -n "$AM_ROOT" ] || die "a Debian of its own can be made by root alone"
mkdir -p "$OUT"
make_release bookworm "$MACHINE"
if [ "$(cat "$MACHINE/installed" 2>/dev/null)" != "$PACKAGES" ]; then
	say "# installing Patroni, etcd, PgBouncer and PostgreSQL into $MACHINE"
	# shellcheck disable=SC2086
	{ in_release "$MACHINE" apt-get update && in_release "$MACHINE" apt-get install -y --no-install-recommends $PACKAGES; } \
		>"$OUT/apt.log" 2>&1 || die "the packages could not be installed" "$OUT/apt.log"
	echo "$PACKAGES" >"$MACHINE/installed"
fi
rm -rf "$MACHINE/recseq" "$MACHINE/var/scale"
copy_checkout "$MACHINE/recseq"
in_release "$MACHINE" make -C /recseq install >"$OUT/build.log" 2>&1 || die "the extension could not be built" "$OUT/build.log"
status=0
in_machine "$MACHINE" env RECSEQ_SCALE_SECONDS="${RECSEQ_SCALE_SECONDS:-40}" /recseq/test/scale/machine.sh || status=$?
cp -r "$MACHINE/var/scale/log/." "$OUT" 2>/dev/null || true
rm -rf "$MACHINE/var/scale"
give_back
exit "$status"
