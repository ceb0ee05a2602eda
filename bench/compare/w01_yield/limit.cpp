// W1 yield, floor: two bare contexts that jump to each other.

#include "../bare_context.hpp"

namespace {

struct shared_state {
  std::int64_t per_context;
  std::int64_t switches = 0;
  int last = -1;

  void count(int id) {
    if (last == id) return;
    last = id;
    ++switches;
  }
};

void partner(bench::transfer_t caller) {
  auto* state = static_cast<shared_state*>(caller.data);
  for (;;) {
    state->count(1);
    caller = bench::jump_fcontext(caller.fctx, nullptr);
  }
}

std::int64_t yields(std::int64_t per_context) {
  shared_state state{per_context};
  bench::bare_context other(&partner);
  for (std::int64_t i = 0; i < per_context; ++i) {
    state.count(0);
    other.resume(&state);
  }
  return state.switches;
}

}  // namespace

int main(int argc, char** argv) {
  bench::program bench(argc, argv, BOOST_LIB_VERSION, bench::program::workers_allowed::one);
  const std::int64_t n = bench.count(bench::w01::yields_per_fiber);
  yields(bench::program::warm_up(n));
  std::int64_t switches = 0;
  bench.measure([&] { switches = yields(n); });
  bench.expect("the number of switches", switches, 2 * n);
  return bench.report_ns_per_op(2 * n);
}
