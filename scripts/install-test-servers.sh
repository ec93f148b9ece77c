#!/usr/bin/env bash
# Brings what the tests start or call: servers for Redis, MariaDB and PostgreSQL, DynamoDB Local, openssl, grpcurl, h2spec, servers
# for S3 and Google Cloud Storage, Node 24 and Feast. System packages come by apt where it may install; the rest goes into the
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

scripts/setup-node24.sh
scripts/setup-grpcurl.sh
scripts/setup-dynamodb-local.sh
# Without Go or Python that is new enough, the tests of these three say so.
for script in setup-h2spec.sh setup-moto.sh setup-fake-gcs.sh; do
  status=0
  "scripts/$script" || status=$?
  [ "$status" -eq 0 ] || [ "$status" -eq 3 ] || exit "$status"
done

# An image without Python 3.10 may well run the other tests: those that compare with Feast say then why they are skipped.
python3 -c 'import venv, ensurepip' 2>/dev/null || apt_install python3 python3-venv || true
status=0
scripts/setup-feast.sh || status=$?
[ "$status" -eq 0 ] || [ "$status" -eq 3 ] || exit "$status"
