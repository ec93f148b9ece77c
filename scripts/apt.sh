# Sourced by the other scripts: system packages by apt where that is possible, a clear sentence where it is not.

apt_updated=''

# apt_install NAME...: installs Debian packages; fails, saying what to install, where apt or the rights for it are missing.
apt_install() {
  local sudo=''
  if ! command -v apt-get >/dev/null 2>&1; then
    echo "Please install by your system's package manager what Debian calls: $*" >&2
    return 1
  fi
  if [ "$(id -u)" -ne 0 ]; then
    if ! sudo -n true 2>/dev/null; then
      echo "Please run as root: apt-get install $*" >&2
      return 1
    fi
    sudo='sudo -n'
  fi
  if [ -z "$apt_updated" ]; then
    $sudo apt-get update -qq || echo 'apt-get update failed; trying with the package lists that are there.' >&2
    apt_updated=yes
  fi
  echo "Installing by apt: $*"
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# need COMMAND PACKAGE...: installs the packages unless the command is there.
need() {
  local command=$1
  shift
  command -v "$command" >/dev/null 2>&1 || apt_install "$@"
}
