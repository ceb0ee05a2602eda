// W9 parked, weft: fibers that all wait in a receive on one channel; time and memory of each, with
// the default stack size and its guard page.

#include <memory>
#include <weft/weft.hpp>

#include "../common.hpp"

namespace {

class parked {
 public:
  // Returns once all fibers have reached their receive.
  explicit parked(std::int64_t fibers) {
    started_.add(fibers);
    ended_.add(fibers);
    for (std::int64_t i = 0; i < fibers; ++i) {
      weft::go([this] {
        started_.done();
        if (!channel_.recv()) ended_.done();
      });
    }
    started_.wait();
  }

  void end() {
    channel_.close();
    ended_.wait();
  }

 private:
  weft::chan<std::int64_t> channel_;
  weft::wait_group started_;
  weft::wait_group ended_;
};

}  // namespace

int main(int argc, char** argv) {
  bench::program bench(argc, argv, BENCH_WEFT_VERSION);
  const std::int64_t n = bench.count(bench::w09::fibers);
  weft::run(
      [&] {
        parked(100).end();
        std::unique_ptr<parked> measured;
        const double before = bench::footprint_bytes();
        bench.measure([&] { measured = std::make_unique<parked>(n); });
        const double bytes = bench::footprint_bytes() - before;
        bench.value("ms", bench.wall_s() * 1000);
        bench.value("bytes_per_fiber", bytes / static_cast<double>(n));
        measured->end();
      },
      {.procs = bench.workers()});
  return bench.report();
}
