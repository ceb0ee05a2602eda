// W4 prod-cons, floor: a ring of 128 between two bare contexts on one thread; a side that finds it
// full or empty jumps to the other.

#include <array>

#include "../bare_context.hpp"

namespace {

struct ring_buffer {
  std::array<std::int64_t, bench::w04::capacity> slots;
  std::int64_t sent = 0;
  std::int64_t received = 0;
  std::int64_t items = 0;
};

void producer(bench::transfer_t consumer) {
  auto* ring = static_cast<ring_buffer*>(consumer.data);
  for (std::int64_t i = 1;; ++i) {
    if (ring->sent - ring->received == bench::w04::capacity || i > ring->items) {
      consumer = bench::jump_fcontext(consumer.fctx, nullptr);
    }
    ring->slots[static_cast<std::size_t>(ring->sent++ % bench::w04::capacity)] = i;
    bench::keep(ring->sent);
  }
}

std::int64_t transfer(std::int64_t items) {
  ring_buffer ring;
  ring.items = items;
  bench::bare_context other(&producer);
  std::int64_t sum = 0;
  for (std::int64_t i = 0; i < items; ++i) {
    if (ring.sent == ring.received) other.resume(&ring);
    sum += ring.slots[static_cast<std::size_t>(ring.received++ % bench::w04::capacity)];
    bench::keep(ring.received);
  }
  return sum;
}

}  // namespace

int main(int argc, char** argv) {
  bench::program bench(argc, argv, BOOST_LIB_VERSION, bench::program::workers_allowed::one);
  const std::int64_t n = bench.count(bench::w04::items);
  transfer(bench::program::warm_up(n));
  std::int64_t sum = 0;
  bench.measure([&] { sum = transfer(n); });
  bench.expect("the sum", sum, bench::sum_to(n));
  return bench.report_ns_per_op(n);
}
