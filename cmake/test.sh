#!/usr/bin/env bash
# Builds weft in four ways and tests each, on a bare Debian machine too: what is missing is
# installed first. Works without a network when everything is there already.
#
#   cmake/test.sh            everything
#   cmake/test.sh --quick    g++ only, without sanitizers, long stress runs, and the builds of the
#                            migration test with other flags and compilers
#
# Builds go to build/<preset>; logs of the builds stay beside them.
set -uo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root" || exit 1
# shellcheck source=cmake/packages.sh
. cmake/packages.sh

quick=no
for argument in "$@"; do
  case $argument in
    --quick) quick=yes ;;
    *)
      echo "usage: cmake/test.sh [--quick]" >&2
      exit 2
      ;;
  esac
done

jobs=$(nproc)
summary=()
failed=no

# result <section> <status> <what to say>
result() {
  summary+=("$(printf '%-32s %-8s %s' "$1" "$2" "$3")")
  if [[ $2 == FAILED ]]; then
    failed=yes
  fi
}

heading() {
  printf '\n=== %s ===\n' "$1"
}

# build <preset> <target> [cmake option]...
build() {
  local preset=$1 target=$2 log="build/$1.log"
  local -a options=("${@:3}")
  if command -v ccache >/dev/null; then
    options+=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
  fi
  mkdir -p build
  echo "building build/$preset with $jobs jobs"
  if ! { cmake --preset "$preset" "${options[@]}" &&
    cmake --build "build/$preset" --target "$target" --parallel "$jobs"; } >"$log" 2>&1; then
    grep -E -A 5 'error|FAILED' "$log" | head -n 100
    echo "the whole build log: $log"
    return 1
  fi
}

# run_tests <section> <preset> <seconds the build took> <command in front of ctest or ''> <ctest argument>...
run_tests() {
  local section=$1 preset=$2 built=$3 wrapper=$4 log="build/$2.tests.log" start=$SECONDS status
  # shellcheck disable=SC2086  # the wrapper is several words
  $wrapper ctest --test-dir "build/$preset" --parallel "$jobs" --output-on-failure \
    --no-tests=error "${@:5}" 2>&1 | tee "$log"
  status=${PIPESTATUS[0]}
  local counts
  counts=$(sed -nE 's/^.*, ([0-9]+) tests failed out of ([0-9]+)$/\2 tests, \1 failed/p' "$log")
  counts="${counts:-no tests ran}, build $built s, tests $((SECONDS - start)) s"
  if ((status == 0)); then
    result "$section" passed "$counts"
  else
    result "$section" FAILED "$counts"
  fi
}

# section <title> <preset> <target> <wrapper> <cmake option>... -- <ctest argument>...
section() {
  local title=$1 preset=$2 target=$3 wrapper=$4 start=$SECONDS
  local -a options=()
  shift 4
  while [[ $1 != -- ]]; do
    options+=("$1")
    shift
  done
  shift
  heading "$title"
  if build "$preset" "$target" "${options[@]}"; then
    run_tests "$title" "$preset" $((SECONDS - start)) "$wrapper" "$@"
  else
    result "$title" FAILED "does not build"
  fi
}

# What has to stand in front of a program under ThreadSanitizer. Older ones cannot live with the
# address space randomisation of newer kernels. Fails if nothing helps.
thread_sanitizer_wrapper() {
  local probe status=1
  probe=$(mktemp -d)
  echo 'int main() {}' >"$probe/main.cpp"
  if g++ -fsanitize=thread "$probe/main.cpp" -o "$probe/main" 2>/dev/null; then
    if "$probe/main" 2>/dev/null; then
      status=0
    elif setarch "$(uname -m)" -R "$probe/main" 2>/dev/null; then
      echo "setarch $(uname -m) -R"
      status=0
    fi
  fi
  rm -rf "$probe"
  return "$status"
}

heading "packages"
weft_install_packages g++ cmake ninja-build libboost-context-dev libgtest-dev pkg-config python3 ||
  exit 1
weft_install_optional clang-14 lld-14 clang-format-14 spin gdb libunwind-dev libdw-dev
echo "all there"

if [[ $quick == yes ]]; then
  section "g++" dev all "" -- --label-exclude '^(stress-long|migration)$'
else
  section "g++" dev all "" --

  if wrapper=$(thread_sanitizer_wrapper); then
    section "g++, ThreadSanitizer" tsan weft_unit_and_stress "$wrapper" \
      -- --label-regex '^(unit|stress)$'
  else
    result "g++, ThreadSanitizer" skipped "it does not run on this kernel"
  fi

  section "g++, Address and UB sanitizers" asan weft_unit_and_stress "" \
    -- --label-regex '^(unit|stress)$'

  clang=$(command -v clang++ || command -v clang++-14)
  if [[ -n $clang ]]; then
    section "clang" clang-dev weft_unit "" "-DCMAKE_CXX_COMPILER=$clang" -- --label-regex '^unit$'
  else
    result "clang" skipped "not installed"
  fi
fi

heading "summary"
printf '%s\n' "${summary[@]}"
echo "took $SECONDS s"
[[ $failed == no ]]
