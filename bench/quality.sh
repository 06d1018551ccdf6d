#!/bin/bash
# How good the recommendations are, beside simple methods: writes the tables of docs/quality.md and the plots in docs/images/.
#
#   make quality                          everything, in about an hour on two cores
#   make quality DATA=dir                 with the Retailrocket files of that directory
#   make quality QUALITY_PARTS="seed"     some of: retailrocket seed ablation diginetica toys
#
# Without DATA the files in ../shared/retailrocket are used. The Diginetica sessions are read from QUALITY_DIGINETICA, or
# ../shared/diginetica/events.csv.gz, the Toys reviews from QUALITY_TOYS, or ../shared/toys/events.csv.gz, and left out where
# there are none. As root it installs what it needs through apt. The server is a private one and is gone afterwards. What was
# measured is kept below build/quality/ and not measured again while the library stays the same.
set -euo pipefail
export LC_ALL=C.UTF-8
# shellcheck source=app/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../app/lib.sh"
# shellcheck source=bench/quality_data.sh
. "$ROOT/bench/quality_data.sh"

OUT=$ROOT/build/quality

trap end_server EXIT
trap 'exit 130' INT TERM HUP

begin_quality
"$PYTHON" "$ROOT/bench/quality.py"
