#!/usr/bin/env bash
# Builds a client of test/interop for the tests that try real gRPC clients, into the git-ignored .tools/interop.
# Does nothing when it is already there and its sources have not changed.
#   scripts/setup-grpc-clients.sh go|java
#   exit 0  .tools/interop/go-client, or .tools/interop/java/{classes,lib}, is ready
#   exit 3  there is no compiler for it; the last line says what is missing
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/go-tool.sh

kind=$1
root=$PWD
out="$root/.tools/interop"
sources="test/interop/$kind-client"
mkdir -p "$out"
exec 9>"$out/$kind.lock"
flock 9

stamp="$out/$kind.stamp"
wanted=$(find "$sources" -type f -not -path '*/target/*' -print0 | sort -z | xargs -0 sha256sum)
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then
  exit 0
fi

case $kind in
  go)
    needed=$(sed -nE 's/^go 1\.([0-9]+).*/\1/p' "$sources/go.mod")
    if [ "$(GOTOOLCHAIN=local go_minor)" -lt "$needed" ]; then
      echo "Go 1.$needed or newer is not installed"
      exit 3
    fi
    GOTOOLCHAIN=local go build -C "$sources" -buildvcs=false -o "$out/go-client" . 9>&-
    ;;
  java)
    found=$(javac -version 2>&1 | sed -nE 's/^javac ([0-9]+).*/\1/p' || true)
    if [ "${found:-0}" -lt 17 ] || ! command -v mvn >/dev/null 2>&1; then
      echo 'a JDK 17 or newer with Maven is not installed (Debian: apt-get install maven openjdk-17-jdk-headless)'
      exit 3
    fi
    # Copies of what Maven keeps anyway; without a network what it keeps is enough.
    build() {
      mvn -B -q "$@" -f "$sources/pom.xml" -Dout="$out/java" package \
        dependency:copy-dependencies -DoutputDirectory="$out/java/lib" -DincludeScope=runtime 9>&-
    }
    build -o >/dev/null 2>&1 || build
    ;;
  *)
    echo "usage: $0 go|java" >&2
    exit 2
    ;;
esac
printf '%s' "$wanted" >"$stamp"
