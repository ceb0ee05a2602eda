// W6 mutex, weft: 64 fibers add to one counter under one weft::mutex.

#include <weft/weft.hpp>

#include "../common.hpp"

namespace {

std::int64_t count(std::int64_t pairs) {
  weft::mutex mutex;
  std::int64_t n = 0;
  weft::wait_group group;
  for (std::int64_t f = 0; f < bench::w06::fibers; ++f) {
    group.go([&] {
      for (std::int64_t i = 0; i < pairs; ++i) {
        mutex.lock();
        ++n;
        mutex.unlock();
      }
    });
  }
  group.wait();
  return n;
}

}  // namespace

int main(int argc, char** argv) {
  bench::program bench(argc, argv, BENCH_WEFT_VERSION);
  const std::int64_t pairs = bench.count(bench::w06::pairs_per_fiber);
  std::int64_t n = 0;
  weft::run(
      [&] {
        count(bench::program::warm_up(pairs));
        bench.measure([&] { n = count(pairs); });
        bench.expect("the counter", n, bench::w06::fibers * pairs);
      },
      {.procs = bench.workers()});
  return bench.report_ns_per_op(n);
}
