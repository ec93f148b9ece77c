#!/usr/bin/env bash
# Makes `feast listen` and `feast serve_registry`, Feast's Python servers over gRPC, startable for the bench and the tests: Feast
# in .venv/feast, and beside it in .venv/feast-grpc the health and reflection services that Feast imports but does not ask for
# in its own requirements. Several callers may run it at once.
#   exit 3  there is no Python 3.10 or newer with venv
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup-feast.sh

python=.venv/feast/bin/python
beside=.venv/feast-grpc
exec 9>.venv/feast-grpc.lock
flock 9
install_beside() {
  local version
  version=$("$python" -c 'import grpc; print(grpc.__version__)')
  "$python" -m pip install --quiet --disable-pip-version-check --no-deps --upgrade --target "$beside" "$1==$version" 9>&-
}
PYTHONPATH=$beside "$python" -c 'import grpc_health.v1.health' 2>/dev/null || install_beside grpcio-health-checking
PYTHONPATH=$beside "$python" -c 'import grpc_reflection.v1alpha.reflection' 2>/dev/null || install_beside grpcio-reflection
