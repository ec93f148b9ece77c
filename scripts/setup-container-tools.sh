#!/usr/bin/env bash
# Brings what `npm run test:container` builds and runs the image with: buildah and runc, by apt; and what the containers are tried with: Redis,
# openssl and grpcurl. Building and running take no daemon.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/apt.sh

need buildah buildah
need runc runc
need redis-server redis-server redis-tools
need openssl openssl
scripts/setup-grpcurl.sh
scripts/setup-node24.sh
