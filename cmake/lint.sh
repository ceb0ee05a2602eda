#!/usr/bin/env bash
# Runs clang-tidy 14 over the library's sources and public headers, on a bare Debian machine too:
# what is missing is installed first. Fails if there is anything to say. Takes some minutes, so it
# is not one of the tests.
#
#   cmake/lint.sh                everything
#   cmake/lint.sh <file>...      these, and the headers that they include
#
# The compile commands are those of the preset dev, in build/lint.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
# shellcheck source=cmake/packages.sh
. cmake/packages.sh

for argument in "$@"; do
  if [[ ! -f $argument ]]; then
    echo "usage: cmake/lint.sh [file]..., from the root of weft; there is no file $argument" >&2
    exit 2
  fi
done

weft_install_packages g++ cmake ninja-build libboost-context-dev
weft_install_optional clang-tidy-14 libunwind-dev libdw-dev
# Others have other checks, and may have more to say.
tidy=$(command -v clang-tidy-14 || command -v clang-tidy) || {
  echo "lint: needs clang-tidy, best version 14" >&2
  exit 1
}

files=("$@")
if ((${#files[@]} == 0)); then
  # Some public headers are used by programs only; weft.hpp includes them all.
  mapfile -t files < <(
    find runtime channel sync -name '*.cpp' | sort
    echo sync/include/weft/weft.hpp
  )
fi

mkdir -p build
cmake --preset dev -B build/lint -DWEFT_BUILD_TESTS=OFF -DWEFT_BUILD_EXAMPLES=OFF \
  >build/lint.log || {
  cat build/lint.log
  exit 1
}

# lint_one <clang-tidy> <file>: what clang-tidy says to stdout, and nothing if that is nothing.
lint_one() {
  local said status=0
  said=$("$1" -p build/lint --quiet --warnings-as-errors='*' "$2" 2>&1) || status=$?
  if ((status != 0)); then
    printf '%s\n' "$said" | grep -vE '^[0-9]+ warnings? (generated|treated as errors?)' || true
  fi
  return "$status"
}
export -f lint_one

start=$SECONDS
if printf '%s\0' "${files[@]}" |
  xargs -0 -n 1 -P "$(nproc)" bash -c 'lint_one "$@"' lint "$tidy"; then
  echo "lint: ${#files[@]} files, nothing to say, $((SECONDS - start)) s"
else
  echo "lint: failed" >&2
  exit 1
fi
