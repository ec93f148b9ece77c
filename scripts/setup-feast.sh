#!/usr/bin/env bash
# Installs Feast into the git-ignored .venv/feast for the tests that compare with it. Does nothing when it is already there.
# Several callers may run it at once: one installs, the others wait.
#   exit 0  .venv/feast/bin/feast is ready
#   exit 3  there is no Python 3.10 or newer with venv
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/python-venv.sh

python_venv feast 10 python ' (Debian: apt-get install python3 python3-venv)' \
  python3 python3.13 python3.12 python3.11 python3.10
