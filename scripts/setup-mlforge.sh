#!/usr/bin/env bash
# Installs mlforge into the git-ignored .venv/mlforge for the tests that compare with it. Does nothing when it is already there.
# Several callers may run it at once: one installs, the others wait.
#   exit 0  .venv/mlforge/bin/python can import mlforge
#   exit 3  there is no Python 3.13 or newer with venv
set -euo pipefail
cd "$(dirname "$0")/.."

venv=.venv/mlforge
requirements=requirements/mlforge.txt
stamp="$venv/.requirements"

mkdir -p .venv
exec 9>.venv/mlforge.lock
flock 9

if [ -x "$venv/bin/python" ] && cmp -s "$requirements" "$stamp" && "$venv/bin/python" -c '' 2>/dev/null; then
  exit 0
fi

python=''
# pyenv keeps versions that are not on the path.
for candidate in "${PYTHON:-}" python3 python3.14 python3.13 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.13*/bin/python3; do
  [ -n "$candidate" ] || continue
  if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 13))' 2>/dev/null; then
    python=$candidate
    break
  fi
done
if [ -z "$python" ]; then
  echo 'setup-mlforge: Python 3.13 or newer with its venv module is needed.' >&2
  exit 3
fi

echo "setup-mlforge: installing $(grep -m1 '^mlforge' "$requirements") into $venv with $("$python" --version)"
rm -rf "$venv"
"$python" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$requirements" 9>&-
cp "$requirements" "$stamp"
