#!/usr/bin/env bash
# Makes `feast listen`, Feast's Python server over gRPC, startable for the bench: Feast in .venv/feast, and beside it in
# .venv/feast-grpc the health service that Feast imports but does not ask for in its own requirements.
#   exit 3  there is no Python 3.10 or newer with venv
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup-feast.sh

python=.venv/feast/bin/python
beside=.venv/feast-grpc
if ! PYTHONPATH=$beside "$python" -c 'import grpc_health.v1.health' 2>/dev/null; then
  version=$("$python" -c 'import grpc; print(grpc.__version__)')
  "$python" -m pip install --quiet --disable-pip-version-check --no-deps --upgrade --target "$beside" \
    "grpcio-health-checking==$version"
fi
