# shellcheck shell=bash
# Installs the Debian packages a script needs; to be sourced. What is there already costs neither
# a message nor the network.
#
#   weft_install_packages g++ cmake     all of them, or an error that says what to do by hand
#   weft_install_optional clang-14      where it can be had, else one line says it is skipped
#
# Both return 0 when everything asked for is there. On systems without dpkg nothing is installed:
# weft_install_packages says once what is needed and leaves the rest to the build.

# Prints those of the named packages that are not installed.
weft_missing_packages() {
  local package
  for package in "$@"; do
    if [[ $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) != installed ]]; then
      echo "$package"
    fi
  done
}

# Runs apt-get as root, quietly; what it said is shown by the caller if it failed.
weft_apt_get() {
  local -a as_root=()
  if ((EUID != 0)); then
    if ! command -v sudo >/dev/null; then
      echo "neither root nor sudo"
      return 1
    fi
    as_root=(sudo)
    # Without a terminal a password cannot be asked for, and waiting for one would hang.
    [[ -t 0 ]] || as_root+=(-n)
  fi
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get -q -o DPkg::Lock::Timeout=120 "$@" </dev/null 2>&1
}

# Updates the lists once, and installs; what apt said is left in the file weft_apt_log. An update
# that fails does not end it: what the lists had before may do.
weft_apt_updated=no
weft_apt_install() {
  weft_apt_log=$(mktemp)
  if [[ $weft_apt_updated == no ]]; then
    weft_apt_updated=yes
    weft_apt_get update >"$weft_apt_log" || true
  fi
  weft_apt_get install --yes --no-install-recommends "$@" >>"$weft_apt_log"
}

weft_install_packages() {
  if ! command -v dpkg-query >/dev/null; then
    echo "not a Debian system; needed are what Debian calls: $*"
    return 0
  fi
  local -a missing
  mapfile -t missing < <(weft_missing_packages "$@")
  ((${#missing[@]})) || return 0
  echo "installing: ${missing[*]}"
  if ! weft_apt_install "${missing[@]}"; then
    tail -n 20 "$weft_apt_log" >&2
    rm -f "$weft_apt_log"
    {
      echo "error: could not install: ${missing[*]}"
      echo "install by hand: apt-get install ${missing[*]}"
    } >&2
    return 1
  fi
  rm -f "$weft_apt_log"
}

weft_install_optional() {
  local package
  for package in "$@"; do
    if ! command -v dpkg-query >/dev/null; then
      continue
    fi
    [[ -n $(weft_missing_packages "$package") ]] || continue
    if weft_apt_install "$package"; then
      echo "installed: $package"
    else
      echo "skipped: $package (not available)"
    fi
    rm -f "$weft_apt_log"
  done
}
