# Sourced by the scripts that install a Python program, from the project's folder: into the git-ignored .venv/NAME, once.

# python_venv NAME MINOR PROGRAM ADVICE CANDIDATE...: installs requirements/NAME.txt into .venv/NAME; does nothing when that is there
# already. Several callers may run it at once: one installs, the others wait.
#   MINOR      the oldest version that will do, as in 3.MINOR
#   PROGRAM    what .venv/NAME/bin has to hold beside Python for the folder to be whole
#   ADVICE     ends the sentence that says that no candidate will do
#   CANDIDATE  Pythons to try, after $PYTHON
# Ends the script with status 3 where none of them is new enough and has venv.
python_venv() {
  local name=$1 minor=$2 program=$3 advice=$4
  shift 4
  local venv=.venv/$name requirements=requirements/$name.txt
  local stamp="$venv/.requirements"

  mkdir -p .venv
  exec 9>"$venv.lock"
  flock 9

  if [ -x "$venv/bin/$program" ] && cmp -s "$requirements" "$stamp" && "$venv/bin/python" -c '' 2>/dev/null; then
    return 0
  fi

  local python='' candidate
  for candidate in "${PYTHON:-}" "$@"; do
    [ -n "$candidate" ] || continue
    if "$candidate" -c "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, $minor))" 2>/dev/null; then
      python=$candidate
      break
    fi
  done
  if [ -z "$python" ]; then
    echo "setup-$name: Python 3.$minor or newer with its venv module is needed$advice." >&2
    exit 3
  fi

  echo "setup-$name: installing $(grep -m1 "^${name%%-*}" "$requirements") into $venv with $("$python" --version)"
  rm -rf "$venv"
  "$python" -m venv "$venv"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$requirements" 9>&-
  cp "$requirements" "$stamp"
}
