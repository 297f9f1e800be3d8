#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs what building dsched needs on Debian 12, and nothing that is already there.
#
#   scripts/setup.sh          to build and run
#   scripts/setup.sh --tests  to run scripts/test.sh as well
#
# Asks no questions. Needs root or sudo only when something is missing.
set -eu

packages="g++ cmake ninja-build pkg-config libcli11-dev nlohmann-json3-dev libsqlite3-dev libssl-dev
  libzstd-dev"
if [ "${1:-}" = --tests ]; then
  packages="$packages doctest-dev python3 clang-format mandoc git make procps"
elif [ $# -gt 0 ]; then
  echo "setup.sh: $1: unknown option (only --tests is known)" >&2
  exit 2
fi

missing=
for package in $packages; do
  status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || status=absent
  [ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
  echo "setup.sh: apt-get: not found; install by hand:$missing" >&2
  exit 4
fi
as_root=
if [ "$(id -u)" != 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "setup.sh: not root and no sudo; ask an administrator to install:$missing" >&2
    exit 4
  fi
  as_root="sudo"
fi

echo "setup.sh: installing$missing"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
run() {
  if ! $as_root env DEBIAN_FRONTEND=noninteractive "$@" >"$log" 2>&1; then
    cat "$log" >&2
    echo "setup.sh: $*: failed" >&2
    exit 4
  fi
}
run apt-get -q update
# shellcheck disable=SC2086  # the list is meant to be split
run apt-get -q install --yes --no-install-recommends $missing
