// Oracle: an owner pushes numbered records into its run queue and pops some, thieves steal into
// queues of their own, what overflows is taken back from the global queue; each record is got
// exactly once per lap.
#include <atomic>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "runtime/state/g.hpp"
#include "runtime/state/global_queue.hpp"
#include "runtime/state/run_queue.hpp"
#include "support/stress.hpp"

namespace {

using weft::detail::G;
using weft::detail::global_queue;
using weft::detail::run_queue;
using weft_testing::require;

constexpr std::size_t count = 20'000;

struct lap {
  std::vector<G> all = std::vector<G>(count);
  std::vector<std::atomic<int>> got = std::vector<std::atomic<int>>(count);
  global_queue overflow;
  run_queue owner;
  std::atomic<bool> end{false};

  lap() { overflow.reserve(count); }
  ~lap() { overflow.release(); }
  void note(G* g) { ++got[static_cast<std::size_t>(g - all.data())]; }
  void drain(run_queue& queue) {
    while (G* g = queue.pop_next()) {
      note(g);
    }
    while (G* g = queue.pop_front()) {
      note(g);
    }
  }
};

void steal(lap& l, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  auto mine = std::make_unique<run_queue>();
  mine->share();
  while (!l.end) {
    if (G* g = l.owner.steal_half(*mine); g != nullptr) {
      l.note(g);
    } else if (G* first = l.overflow.pop_batch(*mine, random() % 100); first != nullptr) {
      l.note(first);
    }
    l.drain(*mine);
  }
}

void own(lap& l, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  for (G& g : l.all) {
    const auto what = random();
    what % 3 == 0 ? l.owner.push_next(&g, l.overflow) : l.owner.push_back(&g, l.overflow);
    if (what % 5 == 0) {
      if (G* next = l.owner.pop_next(); next != nullptr) {
        l.note(next);
      }
    }
    if (what % 7 < 3) {
      if (G* front = l.owner.pop_front(); front != nullptr) {
        l.note(front);
      }
    }
  }
  l.drain(l.owner);
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = weft_testing::parse_stress(argc, argv);
  std::mt19937_64 random(options.seed);
  const weft_testing::stopwatch watch(options.seconds);
  while (watch.running()) {
    auto l = std::make_unique<lap>();
    l->owner.share();
    std::vector<std::thread> thieves;
    for (int t = 1; t < options.procs; ++t) {
      thieves.emplace_back(steal, std::ref(*l), random());
    }
    own(*l, random());
    l->end = true;
    for (auto& t : thieves) {
      t.join();
    }
    while (G* g = l->overflow.pop_oldest()) {
      l->note(g);
    }
    for (const auto& n : l->got) {
      require(n == 1, "a record was lost or got twice");
    }
  }
}
