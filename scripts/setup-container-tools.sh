#!/usr/bin/env bash
# Brings what `npm run test:container` builds and runs the image with: buildah and runc, by apt. No daemon is started.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/apt.sh

need buildah buildah
need runc runc
scripts/setup-node24.sh
