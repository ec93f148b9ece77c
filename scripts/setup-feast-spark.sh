#!/usr/bin/env bash
# Installs Feast with Spark into the git-ignored .venv/feast-spark, for examples/scale and its test. Takes minutes and 1.1 GB, so nothing
# calls it by itself. Does nothing when it is already there. Several callers may run it at once: one installs, the others wait.
#   exit 0  .venv/feast-spark/bin/feast is ready
#   exit 3  there is no Python 3.10 or newer with venv, or no Java 17 or newer
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/python-venv.sh

java=${JAVA_HOME:+$JAVA_HOME/bin/}java
version=$("$java" -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p') || version=
if [ "${version:-0}" -lt 17 ]; then
  echo 'setup-feast-spark: Java 17 or newer is needed (Debian: apt-get install openjdk-17-jre-headless).' >&2
  exit 3
fi

python_venv feast-spark 10 feast ' (Debian: apt-get install python3 python3-venv)' \
  python3 python3.13 python3.12 python3.11 python3.10
