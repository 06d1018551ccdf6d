# shellcheck shell=bash
# For tests that need a Debian of their own: made by debootstrap from the mirror that apt uses here, entered by chroot. As root.
# Sourced after app/lib.sh.

mirror() {
	apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' | grep '/debian/\?$' | head -n 1
}

# make_release RELEASE DIRECTORY [PACKAGE,...]: a minimal Debian in that directory, with these packages, where it is not there already.
make_release() {
	local release=$1 directory=$2
	[ ! -e "$directory/complete" ] || return 0
	[ -n "$AM_ROOT" ] || die "Debian's releases can be had by root alone"
	want debootstrap command -v debootstrap
	install_missing
	say "making a Debian $release in $directory"
	rm -rf "$directory"
	mkdir -p "${directory%/*}"
	debootstrap --variant=minbase ${3:+--include="$3"} "$release" "$directory" "$(mirror)" >"$directory.log" 2>&1 ||
		die "debootstrap failed" "$directory.log"
	# a mirror may be older than unstable's lists are valid
	echo 'Acquire::Check-Valid-Until "false";' >"$directory/etc/apt/apt.conf.d/recseq"
	# what is installed there starts no server
	printf '#!/bin/sh\nexit 101\n' >"$directory/usr/sbin/policy-rc.d"
	chmod 755 "$directory/usr/sbin/policy-rc.d"
	touch "$directory/complete"
}

# in_release DIRECTORY COMMAND...: in that Debian, with processes and devices to see while it runs.
in_release() {
	local directory=$1
	shift
	# shellcheck disable=SC2016
	unshare --mount bash -c 'mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && exec chroot "$0" "$@"' "$directory" \
		env -i HOME=/root LC_ALL=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive \
		"$@"
}

# in_machine DIRECTORY COMMAND...: the same with processes and a network of its own, of which nothing is left when the command ends.
in_machine() {
	want iproute2 command -v ip
	install_missing
	# shellcheck disable=SC2016
	unshare --net --pid --fork --kill-child bash -c '. "$0"; ip link set lo up; in_release "$@"' "$ROOT/test/releases.sh" "$@"
}
