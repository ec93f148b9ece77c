#!/usr/bin/env bash
# Brings DynamoDB Local, Amazon's own server for tests, with its libraries into the git-ignored .tools/dynamodb-local/lib, by
# Maven. Does nothing when it is already there. Every file is compared with a checksum that is kept here. Starts nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/apt.sh

sums=$PWD/scripts/dynamodb-local/SHA256SUMS
out=$PWD/.tools/dynamodb-local
mkdir -p .tools
exec 9>.tools/dynamodb-local.lock
flock 9
need java default-jre-headless
if cmp -s "$sums" "$out/SHA256SUMS"; then
  exit 0
fi

need mvn maven
echo "setup-dynamodb-local: bringing $(grep -o 'DynamoDBLocal-[0-9.]*[0-9]' "$sums")"
rm -rf "$out"
# Copies of what Maven keeps anyway; without a network what it keeps is enough.
bring() {
  mvn -B -q "$@" -f scripts/dynamodb-local/pom.xml dependency:copy-dependencies \
    -DoutputDirectory="$out/lib" -DincludeScope=runtime 9>&-
}
bring -o >/dev/null 2>&1 || bring
(cd "$out/lib" && sha256sum --quiet --strict --check "$sums")
cp "$sums" "$out/SHA256SUMS"
