#!/usr/bin/env bash
# Installs Node 24 from its npm package into the git-ignored .tools: .tools/node24/bin/node. Needs Node and npm.
set -euo pipefail
cd "$(dirname "$0")/.."

version=24.21.0
mkdir -p .tools
exec 9>.tools/node24.lock
flock 9
if [ "$(.tools/node24/bin/node --version 2>/dev/null)" = "v$version" ]; then
  exit 0
fi

# The package `node` only picks one of these in an install script, which npm may be told not to run.
package=$(node -p '`node-${process.platform}-${process.arch}`')
echo "setup-node24: installing $package@$version"
rm -rf .tools/node24
mkdir -p .tools/node24
npm install --prefix .tools/node24 --no-save --no-package-lock --ignore-scripts --loglevel=error "$package@$version" 9>&-
ln -s "node_modules/$package/bin" .tools/node24/bin
.tools/node24/bin/node --version
