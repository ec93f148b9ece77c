#!/usr/bin/env bash
# Builds fake-gcs-server, an emulator of Google Cloud Storage for tests, into the git-ignored .tools/bin with the machine's Go.
#   exit 3  there is no Go that is new enough
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/go-tool.sh

release=v1.52.2
tool=.tools/bin/fake-gcs-server
go_tool_lock fake-gcs
if [ -x "$tool" ] && [ "$(cat "$tool.version" 2>/dev/null)" = "$release" ]; then
  exit 0
fi

if [ "$(go_minor)" -lt 23 ]; then
  echo 'setup-fake-gcs: Go 1.23 or newer is needed.' >&2
  exit 3
fi
echo "setup-fake-gcs: building fake-gcs-server $release"
GOBIN="$PWD/.tools/bin" go install "github.com/fsouza/fake-gcs-server@$release" 9>&-
echo "$release" >"$tool.version"
