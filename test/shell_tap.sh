# shellcheck shell=bash
# TAP of tests in bash. Sourced after app/lib.sh.

TESTS=0
FAILED=0

# result PASSED TITLE [LOG]
result() {
	TESTS=$((TESTS + 1))
	if [ "$1" = true ]; then
		say "ok $TESTS - $2"
	else
		say "not ok $TESTS - $2"
		FAILED=$((FAILED + 1))
		[ -z "${3:-}" ] || tail -n 30 "$3" | sed 's/^/# /'
	fi
}

# is TITLE EXPECTED VALUE
is() {
	if [ "$2" = "$3" ]; then
		result true "$1"
	else
		result false "$1: it is $3, not $2"
	fi
}

skip() {
	TESTS=$((TESTS + 1))
	say "ok $TESTS - $1 # SKIP $2"
}

# The plan, and the script's exit code.
tap_end() {
	say "1..$TESTS"
	[ "$FAILED" -eq 0 ]
}
