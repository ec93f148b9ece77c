#!/usr/bin/env bash
# Installs moto, an S3 server for tests, into the git-ignored .venv/moto. Does nothing when it is already there. Several
# callers may run it at once: one installs, the others wait.
#   exit 0  .venv/moto/bin/moto_server is ready
#   exit 3  there is no Python 3.10 or newer with venv
set -euo pipefail
cd "$(dirname "$0")/.."

venv=.venv/moto
requirements=requirements/moto.txt
stamp="$venv/.requirements"

mkdir -p .venv
exec 9>.venv/moto.lock
flock 9

if [ -x "$venv/bin/moto_server" ] && cmp -s "$requirements" "$stamp" && "$venv/bin/python" -c '' 2>/dev/null; then
  exit 0
fi

python=''
for candidate in "${PYTHON:-}" python3 python3.13 python3.12 python3.11 python3.10; do
  [ -n "$candidate" ] || continue
  if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
    python=$candidate
    break
  fi
done
if [ -z "$python" ]; then
  echo 'setup-moto: Python 3.10 or newer with its venv module is needed (Debian: apt-get install python3 python3-venv).' >&2
  exit 3
fi

echo "setup-moto: installing $(grep -m1 '^moto' "$requirements") into $venv with $("$python" --version)"
rm -rf "$venv"
"$python" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$requirements" 9>&-
cp "$requirements" "$stamp"
