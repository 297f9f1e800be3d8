#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# How well do executions share this machine? Shares under Fair against weights, how soon a high
# priority runs, how soon a change of policy shows, what sharing costs.
#
#   bench/sharing.sh [--tiny] [--seconds N] [--only shares,arrival,change,overhead] [BIN_DIR]
#
# BIN_DIR holds dsched-run and dsched-policy (default: build/release/bin). Prints; writes nothing.
# --tiny does everything with little work and asserts no figure: that is what ctest does.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
exec python3 "$here/sharing.py" "$@"
