#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# How fast is dsched beside ninja, make, cp and sha256sum, on this machine, now?
# Rows 1 to 6 of the table in doc/DESIGN.md; each runs the two sides in alternation (A B A B …).
#
#   bench/run.sh [--tiny] [--rows 1,3] [--rounds N] [BIN_DIR]
#
# BIN_DIR holds dsched-run and dsched-store (default: build/release/bin). All rows together write
# bench/RESULTS.md; a choice of rows only prints. --tiny runs everything with little work, checks
# that it works and writes nothing: that is what ctest does.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
exec python3 "$here/rows.py" "$@"
