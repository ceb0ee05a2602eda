// W5 mpmc, floor: a ring of 128 shared by sixteen bare contexts on one thread, in a circle; one
// that finds it full or empty jumps to the next.

#include <array>

#include "../bare_context.hpp"

namespace {

std::int64_t transfer(std::int64_t items) {
  std::array<std::int64_t, bench::w05::capacity> slots;
  std::int64_t sent = 0;
  std::int64_t received = 0;
  std::int64_t total = 0;
  const std::int64_t share = items / bench::w05::producers;
  bench::bare_ring contexts;
  for (std::int64_t p = 0; p < bench::w05::producers; ++p) {
    contexts.add([&, first = p * share + 1](bench::bare_ring& ring) {
      for (std::int64_t i = first; i < first + share; ++i) {
        while (sent - received == bench::w05::capacity) ring.yield();
        slots[static_cast<std::size_t>(sent++ % bench::w05::capacity)] = i;
        bench::keep(sent);
      }
    });
  }
  for (std::int64_t k = 0; k < bench::w05::consumers; ++k) {
    contexts.add([&](bench::bare_ring& ring) {
      std::int64_t sum = 0;
      for (;;) {
        while (sent == received && received < items) ring.yield();
        if (received == items) break;
        sum += slots[static_cast<std::size_t>(received++ % bench::w05::capacity)];
        bench::keep(received);
      }
      total += sum;
    });
  }
  contexts.run();
  return total;
}

}  // namespace

int main(int argc, char** argv) {
  bench::program bench(argc, argv, BOOST_LIB_VERSION, bench::program::workers_allowed::one);
  const std::int64_t n = bench.count(bench::w05::items, bench::w05::producers);
  transfer(bench::program::warm_up(n, bench::w05::producers));
  std::int64_t sum = 0;
  bench.measure([&] { sum = transfer(n); });
  bench.expect("the sum", sum, bench::sum_to(n));
  return bench.report_ns_per_op(n);
}
