#!/usr/bin/env bash
# Prints the base image of docker/Dockerfile with the digest that its registry gives it today, so that a build can name it:
#   docker build -f docker/Dockerfile --build-arg NODE_IMAGE="$(scripts/pinned-base.sh)" -t sideboard .
set -euo pipefail
cd "$(dirname "$0")/.."

image=$(sed -n 's/^ARG NODE_IMAGE=//p' docker/Dockerfile)
digest=$(docker buildx imagetools inspect "$image" | sed -n 's/^Digest: *//p')
if ! [[ $digest =~ ^sha256:[0-9a-f]{64}$ ]]; then
  echo "pinned-base: the registry names no digest for $image" >&2
  exit 1
fi
echo "$image@$digest"
