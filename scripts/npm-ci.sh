#!/usr/bin/env bash
# npm ci. Where a native package has to be compiled (SQLite's driver, when its prebuilt binary cannot be had), the headers that
# stand beside the node binary spare node-gyp a download.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ -L node_modules ]; then
  echo "node_modules is a link: npm would empty the folder that it leads to. Install there, or remove the link." >&2
  exit 1
fi

prefix=$(node -p 'path.dirname(path.dirname(fs.realpathSync(process.execPath)))')
if [ -e "$prefix/include/node/node.h" ]; then
  # npm's node-gyp reads the second name since 2025; npm 11 warns about the first.
  if [ "$(printf '%s\n' 11.7.0 "$(npm --version)" | sort -V | head -n 1)" = 11.7.0 ]; then
    export npm_package_config_node_gyp_nodedir="$prefix"
  else
    export npm_config_nodedir="$prefix"
  fi
else
  echo "Node's headers are not in $prefix/include/node: should a native package be compiled, node-gyp has to download them."
fi
exec npm ci
