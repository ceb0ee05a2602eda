#!/usr/bin/env bash
# Runs clang-tidy over the library's sources, or over those named: cmake/lint.sh [file]...
# Slow, and not part of the tests; for use before a review.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

tidy=$(command -v clang-tidy || command -v clang-tidy-14) || {
  echo "lint: needs clang-tidy (Debian: clang-tidy)" >&2
  exit 1
}
cmake --preset dev >/dev/null

files=("$@")
if ((${#files[@]} == 0)); then
  mapfile -t files < <(find runtime channel sync -name '*.cpp' | sort)
fi
printf '%s\0' "${files[@]}" |
  xargs -0 -n 1 -P "$(nproc)" "$tidy" -p build/dev --quiet --warnings-as-errors='*'
