#!/bin/bash
# What static analysers find: cppcheck and gcc's -fanalyzer in the C, pgspot (PyPI) in the SQL. Takes a minute of processor time.
# Prints what is not explained below, and ends with 1 where there is any.
#
#   test/static.sh [cppcheck|gcc|pgspot...]    some of them; all without an argument
set -euo pipefail
export LC_ALL=C.UTF-8
# shellcheck source=app/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../app/lib.sh"

OUT=$ROOT/build/static
PGSPOT=pgspot==0.9.4

# What was looked at and is right, by file and finding.
EXPLAINED=(
	# an array is read as far as the loop before has filled it
	'src/model/both_stages\.c:.*uninitvar' 'src/rank/history\.c:.*(uninitvar|use-of-uninitialized-value)'
	# one name is made of each format, and not every one has two numbers
	'src/nn/params\.c:.*wrongPrintfScanfArgNum'
	# the sum has at least the highest score
	'src/nn/trainer_loss\.c:.*invalidFunctionArg'
	# the same memory for one thing after another, and fields by their offsets
	'src/(nn|rank|model)/.*invalidPointerCast' 'src/train/options\.c:.*invalidPointerCast'
	# the lanes of a vector are shifted, not the vector
	'src/nn/vector\.h:.*shift-count-overflow'
	# what complains does not come back
	'src/train/space\.c:.*nullPointerRedundantCheck' 'src/train/options\.c:.*null-dereference'
	# has_room() says that there is a place
	'src/jobs/board\.c:.*null-dereference'
	# an array with nulls says which they are
	'src/data/arrays\.c:.*null-dereference'
	# a vocabulary has integers or texts
	'src/train/merge\.c:.*null-dereference'
)

want_for_static() { want cppcheck command -v cppcheck; }

with_cppcheck() {
	cppcheck -q -j "$(getconf _NPROCESSORS_ONLN)" --std=c11 --enable=warning,portability --suppress=missingInclude -Isrc -D__x86_64__ \
		"-DPG_VERSION_NUM=${PG_MAJOR}0000" "-Dforeach(cell,list)=while ((cell = (list)))" "-Ddlist_foreach(at,head)=while ((at).cur)" \
		--template='{file}:{line}: {message} [{id}]' --template-location= src 2>&1
}

# analyse FLAG... FILE: the findings of a file; what the compiler itself warns of belongs to the build.
analyse() { gcc -std=gnu11 -O1 -fanalyzer -fdiagnostics-plain-output -Isrc "$@" -c -o /dev/null 2>&1 | grep 'Wanalyzer' || true; }
export -f analyse

with_gcc() {
	local server blas
	server=$("$PG_CONFIG" --includedir-server)
	blas=$(printf '%s\n' /usr/include/*/openblas-serial | head -n 1)
	find src -name '*.c' ! -name 'kernels_avx*' | sort |
		xargs -P "$(getconf _NPROCESSORS_ONLN)" -I{} bash -c "analyse -isystem '$server' -isystem '$blas' {}"
}

with_pgspot() {
	echo "$PGSPOT" >"$OUT/requirements.txt"
	make_venv "$OUT/venv" "$OUT/requirements.txt" >"$OUT/pip.log"
	"$MAKE" -s PG_CONFIG="$PG_CONFIG" "sql/recseq--$EXTENSION_VERSION.sql"
	"$OUT/venv/bin/pgspot" "sql/recseq--$EXTENSION_VERSION.sql" | sed '/^ *$/d; /^ *Errors: 0 Warnings: 0 Unknown: 0 *$/d'
}

# findings ANALYSER FUNCTION
findings() {
	local all new
	all=$("$2")
	new=$(grep -vE "$(IFS='|' && echo "${EXPLAINED[*]}")" <<<"$all" | sort -u || true)
	say "$1: $(grep -c . <<<"$all" || true) findings, $(grep -c . <<<"$new" || true) not explained"
	[ -z "$new" ] || say "$new"
	[ -z "$new" ]
}

cd "$ROOT"
mkdir -p "$OUT"
install_requirements want_for_static
status=0
[ $# -gt 0 ] || set -- cppcheck gcc pgspot
for analyser; do
	findings "$analyser" "with_$analyser" || status=1
done
exit "$status"
