#!/bin/bash
# How good other libraries' sequential recommenders are on the very cases of recseq, what they cost, and recseq beside them:
# writes "Beside other libraries" of docs/quality.md and docs/images/peers.svg.
#
#   make quality-peers                            everything, in several hours on two cores
#   make quality-peers QUALITY_PARTS="toys"       some of: leave_one_out temporal diginetica toys
#   make quality-peers QUALITY_PEERS="GRU4Rec"    some of the models, by words of their names
#   make quality-peers QUALITY_PEERS_SECONDS=600  processor seconds of training, after which the best epoch so far answers; else 3600
#
# RecTools and RecBole come through pip into a virtual environment below build/, of some 6 GB with PyTorch; where pip cannot
# install them they are left out. Data, server and packages are those of make quality. What was measured is kept below
# build/quality-peers/ and not measured again: for recseq while the library stays the same.
set -euo pipefail
export LC_ALL=C.UTF-8
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
# shellcheck source=app/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../app/lib.sh"
# shellcheck source=bench/quality_data.sh
. "$ROOT/bench/quality_data.sh"

OUT=$ROOT/build/quality-peers
VENV=$OUT/venv

trap end_server EXIT
trap 'exit 130' INT TERM HUP

begin_quality
(make_venv "$VENV" "$ROOT/bench/peers/requirements.txt") || {
	say "   the peers are left out: pip could not install them (see $VENV.log)"
	rm -rf "$VENV"
}
export QUALITY_PEERS=${QUALITY_PEERS:-} QUALITY_PEERS_SECONDS=${QUALITY_PEERS_SECONDS:-} QUALITY_PEERS_PYTHON=$VENV/bin/python
"$PYTHON" "$ROOT/bench/quality_peers.py"
