#!/usr/bin/env bash
# Installs moto, an S3 server for tests, into the git-ignored .venv/moto. Does nothing when it is already there. Several
# callers may run it at once: one installs, the others wait.
#   exit 0  .venv/moto/bin/moto_server is ready
#   exit 3  there is no Python 3.10 or newer with venv
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/python-venv.sh

python_venv moto 10 moto_server ' (Debian: apt-get install python3 python3-venv)' \
  python3 python3.13 python3.12 python3.11 python3.10
