// W2 spawn, floor: a queue of 1000 closures (a function pointer and its argument) filled and
// called, one thread, no stacks.

#include <array>

#include "../common.hpp"

namespace {

struct closure {
  void (*call)(std::int64_t* pending);
  std::int64_t* pending;
};

void done(std::int64_t* pending) { --*pending; }

std::int64_t waves(std::int64_t closures) {
  static std::array<closure, bench::w02::wave> queue;
  std::int64_t ran = 0;
  for (; closures > 0; closures -= bench::w02::wave) {
    std::int64_t pending = bench::w02::wave;
    for (closure& slot : queue) {
      slot = {&done, &pending};
      bench::keep(slot.call);
    }
    for (const closure& slot : queue) slot.call(slot.pending);
    ran += bench::w02::wave - pending;
  }
  return ran;
}

}  // namespace

int main(int argc, char** argv) {
  bench::program bench(argc, argv, "1", bench::program::workers_allowed::one);
  const std::int64_t n = bench.count(bench::w02::fibers, bench::w02::wave);
  waves(bench::program::warm_up(n, bench::w02::wave));
  std::int64_t ran = 0;
  bench.measure([&] { ran = waves(n); });
  bench.expect("the number of closures that ran", ran, n);
  return bench.report_ns_per_op(n);
}
