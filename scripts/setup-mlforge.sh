#!/usr/bin/env bash
# Installs mlforge into the git-ignored .venv/mlforge for the tests that compare with it. Does nothing when it is already there.
# Several callers may run it at once: one installs, the others wait.
#   exit 0  .venv/mlforge/bin/python can import mlforge
#   exit 3  there is no Python 3.13 or newer with venv
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/python-venv.sh

# pyenv keeps versions that are not on the path.
python_venv mlforge 13 python '' python3 python3.14 python3.13 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.13*/bin/python3
