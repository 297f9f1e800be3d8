#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Checks what README.md claims, in a copy of this folder: test.sh BIN_DIR
set -eu
exec python3 "$(dirname "$0")/../check.py" imgql-survey "$1"
