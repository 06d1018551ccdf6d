# shellcheck shell=bash
# For tests that build in another way: a copy of the checkout, and of PostgreSQL's installation, so that neither is touched.
# Sourced after app/lib.sh.

# copy_checkout DIRECTORY: what is needed to build and test, without what was built.
copy_checkout() {
	mkdir -p "$1"
	tar -C "$ROOT" -cf - --exclude='*.o' Makefile META.json README.md recseq.control sql src app test expected docs | tar -xf - -C "$1"
}

# copy_postgresql DIRECTORY: PostgreSQL finds its files relative to its programs, so a copy that keeps the layout works.
copy_postgresql() {
	local dir
	for dir in bindir pkglibdir sharedir; do
		dir=$("$PG_CONFIG" --$dir)
		[ -d "$1$dir" ] || { mkdir -p "$1$(dirname "$dir")" && cp -a "$dir" "$1$dir"; }
	done
	dir=$("$PG_CONFIG" --includedir)
	mkdir -p "$1$(dirname "$dir")"
	ln -sfn "$dir" "$1$dir"
	PG_CONFIG=$1$("$PG_CONFIG" --bindir)/pg_config
	BINDIR=$("$PG_CONFIG" --bindir)
	PATH=$BINDIR:$PATH
}
