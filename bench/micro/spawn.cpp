// Fiber creation with the names and loops of Go's runtime package; the Go side is
// bench/micro/go/spawn_test.go.

#include "micro.hpp"

namespace {

// A chain: each fiber starts the next and ends.
struct link {
  weft::chan<bool> end;
  std::int64_t left;

  void operator()() const {
    if (left == 0) {
      end.send(true);
    } else {
      weft::go(link{end, left - 1});
    }
  }
};

void create_goroutines(benchmark::State& state) {
  micro::batch(state, [](std::int64_t n) {
    const weft::chan<bool> end;
    weft::go(link{end, n});
    end.recv();
  });
}

// All from one: n fibers are waiting before the first one runs.
void create_goroutines_single(benchmark::State& state) {
  micro::batch(state, [](std::int64_t n) {
    weft::wait_group group;
    group.add(n);
    for (std::int64_t i = 0; i < n; ++i) {
      weft::go([&group] { group.done(); });
    }
    group.wait();
  });
}

}  // namespace

void micro::add_spawn_benchmarks() {
  add("CreateGoroutines", create_goroutines);
  add("CreateGoroutinesSingle", create_goroutines_single);
}
