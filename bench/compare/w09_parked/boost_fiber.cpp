// W9 parked, Boost.Fiber: fibers on protected_fixedsize_stack, all waiting in one channel. Each
// guard page splits a mapping; past vm.max_map_count either mmap fails or mprotect does, and the
// library does not look at the latter. So the program counts the guards that are there, and when
// they are fewer than the fibers it gives no time: it did not do the work.

#include <new>

#include "../boost_runtime.hpp"

namespace {

std::int64_t guard_pages() {
  std::ifstream maps("/proc/self/maps");
  std::int64_t guards = 0;
  for (std::string line; std::getline(maps, line);) {
    if (line.find(" ---p ") != std::string::npos) ++guards;
  }
  return guards;
}

class parked {
 public:
  // Returns once all fibers, or as many as there was address space for, are in their receive.
  explicit parked(std::int64_t fibers) {
    started_.add(fibers + 1);
    ended_.add(fibers + 1);
    boost::fibers::protected_fixedsize_stack stacks;
    try {
      for (; fibers_ < fibers; ++fibers_) {
        boost::fibers::fiber(std::allocator_arg, stacks, [this] {
          started_.done();
          std::int64_t v;
          if (channel_.pop(v) == boost::fibers::channel_op_status::closed) ended_.done();
        }).detach();
      }
    } catch (const std::bad_alloc&) {
      started_.add(fibers_ - fibers);
      ended_.add(fibers_ - fibers);
    }
    started_.done();
    started_.wait();
  }

  std::int64_t fibers() const { return fibers_; }

  void end() {
    channel_.close();
    ended_.done();
    ended_.wait();
  }

 private:
  std::int64_t fibers_ = 0;
  boost::fibers::buffered_channel<std::int64_t> channel_{2};
  bench::boost_wait_group started_;
  bench::boost_wait_group ended_;
};

}  // namespace

int main(int argc, char** argv) {
  bench::program bench(argc, argv, bench::boost_version);
  const std::int64_t n = bench.count(bench::w09::fibers);
  std::unique_ptr<parked> warm, measured;
  bench::boost_run(bench, bench::boost_policy::shared, [&] {
    warm = std::make_unique<parked>(100);
    warm->end();
    const std::int64_t guards = guard_pages();
    const double before = bench::footprint_bytes();
    bench.measure([&] { measured = std::make_unique<parked>(n); });
    const double bytes = bench::footprint_bytes() - before;
    const std::int64_t guarded = guard_pages() - guards;
    if (guarded < n) {
      bench.note("cannot do it guarded: of " + std::to_string(n) + " fibers " +
                 std::to_string(measured->fibers()) + " got a stack and " +
                 std::to_string(guarded) + " a guard page");
    } else {
      bench.value("ms", bench.wall_s() * 1000);
    }
    bench.value("bytes_per_fiber", bytes / static_cast<double>(measured->fibers()));
    measured->end();
  });
  return bench.report();
}
