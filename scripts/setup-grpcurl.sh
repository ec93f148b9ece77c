#!/usr/bin/env bash
# Builds grpcurl into the git-ignored .tools/bin with the machine's Go, or with apt's where there is none.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/apt.sh
. scripts/go-tool.sh

tool=.tools/bin/grpcurl
go_tool_lock grpcurl
if "$tool" -version >/dev/null 2>&1; then
  exit 0
fi

need go golang-go
# The newest release wants Go 1.24; 1.8.9 still builds with the 1.19 of Debian 12.
release=v1.8.9
if [ "$(go_minor)" -ge 24 ]; then
  release=v1.9.3
fi
echo "setup-grpcurl: building grpcurl $release"
GOBIN="$PWD/.tools/bin" go install "github.com/fullstorydev/grpcurl/cmd/grpcurl@$release" 9>&-
