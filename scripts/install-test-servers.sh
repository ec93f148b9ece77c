#!/usr/bin/env bash
# Brings what the tests start or call: servers for Redis, MariaDB and PostgreSQL, DynamoDB Local, openssl, grpcurl, h2spec, kubeconform,
# servers for S3 and Google Cloud Storage, Node 24 and Feast. System packages come by apt where it may install; the rest goes into the
# git-ignored .tools/ and .venv/.
# Does nothing that is already done. Starts nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/apt.sh

missing=0
need redis-server redis-server redis-tools || missing=1
need redis-cli redis-tools || missing=1
need mariadbd mariadb-server || missing=1
# Its programs stand outside of the PATH.
compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null || need postgres postgresql || missing=1
need openssl openssl || missing=1
[ "$missing" -eq 0 ] || exit 1

# apt has one lock: what the scripts below would ask it for comes first. Those that need more than this say so.
need java default-jre-headless || true
need mvn maven || true
# An image without Python 3.10 may well run the other tests: those that compare with Feast say then why they are skipped.
python3 -c 'import venv, ensurepip' 2>/dev/null || apt_install python3 python3-venv || true

# The rest mostly waits for downloads and compilers, so it goes side by side. What each says is shown when it has ended.
said=$(mktemp -d)
trap 'rm -rf "$said"' EXIT
declare -A running
for script in setup-node24 setup-grpcurl setup-dynamodb-local setup-h2spec setup-kubernetes-tools setup-moto setup-fake-gcs setup-feast; do
  option=
  [ "$script" != setup-kubernetes-tools ] || option=--schemas
  "scripts/$script.sh" $option >"$said/$script" 2>&1 &
  running[$script]=$!
done
failed=0
for script in "${!running[@]}"; do
  status=0
  wait "${running[$script]}" || status=$?
  cat "$said/$script"
  case $script:$status in
    *:0) ;;
    # Without Go or Python that is new enough, the tests that need these say so.
    setup-h2spec:3 | setup-kubernetes-tools:3 | setup-moto:3 | setup-fake-gcs:3 | setup-feast:3) ;;
    *)
      echo "scripts/$script.sh failed with status $status" >&2
      failed=1
      ;;
  esac
done
exit "$failed"
