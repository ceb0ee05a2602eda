#!/usr/bin/env bash
# Builds the benchmarks in Release into build/bench and runs them, on a bare Debian machine too:
# what is missing is installed first. Arguments go to bench/run.py, for example --quick or
# --only w03,w04. Without a network it works when everything is installed already; a peer that
# cannot be installed is left out of the comparison.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build="$root/build/bench"

# shellcheck source=cmake/packages.sh
. "$root/cmake/packages.sh"
weft_install_packages g++ cmake ninja-build python3 libboost-context-dev
for package in golang-go libboost-fiber-dev libtbb-dev libbenchmark-dev gnuplot-nox; do
  weft_install_optional "$package"
done

# A bad argument is worth knowing before the build.
python3 "$root/bench/run.py" --check-arguments "$@"

cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release \
  -DWEFT_BUILD_BENCH=ON -DWEFT_BUILD_TESTS=OFF -DWEFT_BUILD_EXAMPLES=OFF
cmake --build "$build"
exec python3 "$root/bench/run.py" --bin "$build/bench/bin" --out "$build" "$@"
