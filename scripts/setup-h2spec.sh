#!/usr/bin/env bash
# Builds h2spec, the conformance test of HTTP/2, into the git-ignored .tools/bin. Does nothing when it is already there.
#   exit 0  .tools/bin/h2spec is ready
#   exit 3  there is no Go for it; the last line says what is missing
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/go-tool.sh

tool=.tools/bin/h2spec
go_tool_lock h2spec
if "$tool" --version >/dev/null 2>&1; then
  exit 0
fi

if [ "$(GOTOOLCHAIN=local go_minor)" -lt 19 ]; then
  echo 'Go 1.19 or newer is not installed'
  exit 3
fi
echo 'setup-h2spec: building h2spec'
# Its last release that is a module has no go.mod of its own: test/interop/h2spec names what it is built with.
out="$PWD/$tool"
cd test/interop/h2spec
GOTOOLCHAIN=local go build -buildvcs=false -o "$out" github.com/summerwind/h2spec/cmd/h2spec 9>&-
