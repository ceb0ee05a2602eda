// W3 ping-pong, floor: two bare contexts and one slot for the value.

#include "../bare_context.hpp"

namespace {

void partner(bench::transfer_t caller) {
  auto* slot = static_cast<std::int64_t*>(caller.data);
  for (;;) {
    ++*slot;
    caller = bench::jump_fcontext(caller.fctx, nullptr);
  }
}

std::int64_t ping_pong(std::int64_t rounds) {
  std::int64_t slot = 0;
  bench::bare_context other(&partner);
  for (std::int64_t i = 0; i < rounds; ++i) other.resume(&slot);
  return slot;
}

}  // namespace

int main(int argc, char** argv) {
  bench::program bench(argc, argv, BOOST_LIB_VERSION, bench::program::workers_allowed::one);
  const std::int64_t n = bench.count(bench::w03::round_trips);
  ping_pong(bench::program::warm_up(n));
  std::int64_t value = 0;
  bench.measure([&] { value = ping_pong(n); });
  bench.expect("the last value", value, n);
  return bench.report_ns_per_op(n);
}
