#!/usr/bin/env bash
# Runs ilp-connector against Interledger software that others wrote. See README.md beside this file.
# usage: run.sh [NAME...]   (only scenarios whose name contains one of these)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

command -v npm >/dev/null || { echo "interop: npm is needed (Debian: apt-get install nodejs npm)" >&2; exit 1; }

# What is installed is current when it was installed from this very lock file.
installed=node_modules/.installed-from
if ! cmp --silent package-lock.json "$installed"; then
  npm ci --no-audit --no-fund --loglevel=error
  cp package-lock.json "$installed"
fi

# ilp-protocol-stream 2.7.1 breaks on Node 18 and later, so the plugins run on the Node 16 that npm brought.
# (Not by node_modules/.bin: old npms lose that link, as two packages claim it.)
node=$(echo node_modules/node-linux-*/bin/node)
[[ -x $node ]] || { echo "interop: no Node 16 for $(uname -sm) among the npm packages" >&2; exit 1; }

# The scenarios and the nodes that they start are one process group with one place for their files: neither
# outlives this script.
TMPDIR=$(mktemp -d)
export TMPDIR
set -m
"$node" main.js "$@" </dev/null &
group=$!
cleanup() {
  kill -KILL -- "-$group" 2>/dev/null || true
  wait "$group" 2>/dev/null || true
  rm -rf "$TMPDIR"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
wait "$group"
