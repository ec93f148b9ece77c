# Sourced by the scripts that build a Go program, from the project's folder: into the git-ignored .tools/bin.

# go_tool_lock NAME: of several callers at once one builds, the others wait until it has ended.
go_tool_lock() {
  mkdir -p .tools/bin
  exec 9>".tools/$1.lock"
  flock 9
}

# go_minor: prints N of the machine's Go 1.N, or 0 where there is none.
go_minor() {
  local minor
  minor=$(go env GOVERSION 2>/dev/null | sed -E 's/^go1\.([0-9]+).*/\1/' || true)
  echo "${minor:-0}"
}
