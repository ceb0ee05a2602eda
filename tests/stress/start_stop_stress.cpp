// Oracle: whatever fibers and threads do when stop() comes, every fiber's locals are destroyed,
// stop() returns, and the next start() works. Handles that survive give a result or weft::unwind.
#include <atomic>
#include <cstdio>
#include <memory>
#include <random>
#include <stdexcept>
#include <thread>
#include <vector>

#include "support/stress.hpp"
#include "weft/go.hpp"

namespace {

using namespace std::chrono_literals;
using weft_testing::require;

std::atomic<long> alive{0};

struct counted {
  explicit counted(unsigned w) : what(w) { ++alive; }
  counted(const counted& other) : what(other.what) { ++alive; }
  ~counted() { --alive; }
  unsigned what;
};

struct waits_at_end {
  unsigned what;
  ~waits_at_end() {
    if (std::uncaught_exceptions() == 0) {
      return;  // only while an unwinding passes may a destructor wait
    }
    switch (what % 4) {
      case 0:
        weft::this_fiber::yield();
        break;
      case 1:
        weft::this_fiber::sleep_for(std::chrono::microseconds(what % 200));
        break;
      case 2:
        weft::spawn([] { weft::this_fiber::yield(); }).join();
        break;
      default:
        break;
    }
  }
};

void live(std::uint64_t seed, int depth) {
  std::mt19937_64 random(seed);
  const counted c(static_cast<unsigned>(random()));
  const waits_at_end w{static_cast<unsigned>(random())};
  for (;;) {
    switch (random() % 8) {
      case 0:
        weft::this_fiber::sleep_for(1h);
        break;
      case 1:
        weft::this_fiber::sleep_for(std::chrono::microseconds(random() % 300));
        break;
      case 2:
      case 3:
        if (depth > 0) {
          auto child = weft::spawn(live, random(), depth - 1);
          if (random() % 2 == 0) {
            child.join();
          }
        }
        break;
      case 4:
        return;
      case 5:
        if (depth > 0) {
          weft::go(live, random(), depth - 1);
        }
        break;
      default:
        weft::this_fiber::yield();
        break;
    }
  }
}

// A plain thread that starts, joins and sleeps until it is unwound or refused.
void disturb(std::uint64_t seed, const std::atomic<bool>& end) {
  std::mt19937_64 random(seed);
  while (!end) {
    try {
      switch (random() % 4) {
        case 0:
          weft::go([c = counted(1)] { weft::this_fiber::yield(); });
          break;
        case 1:
          weft::spawn([c = counted(2)] { weft::this_fiber::sleep_for(10us); }).join();
          break;
        case 2:
          weft::this_fiber::sleep_for(std::chrono::microseconds(random() % 100));
          break;
        default: {
          auto dropped = weft::spawn([c = counted(3)] { return 1; });
          break;
        }
      }
    } catch (const weft::unwind&) {
    } catch (const std::logic_error&) {
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = weft_testing::parse_stress(argc, argv);
  std::mt19937_64 random(options.seed);
  const weft_testing::stopwatch watch(options.seconds);
  long rounds = 0;
  for (; watch.running(); ++rounds) {
    weft::start({.procs = 1 + static_cast<int>(random() % static_cast<unsigned>(options.procs))});
    std::vector<weft::fiber<void>> kept;
    for (int i = 0; i < 20; ++i) {
      kept.push_back(weft::spawn(live, random(), 2));
    }
    std::atomic<bool> end{false};
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < random() % 3; ++t) {
      threads.emplace_back(disturb, random(), std::cref(end));
    }
    if (random() % 2 == 0) {
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 2000));
    }
    if (random() % 3 == 0) {
      weft::set_procs(1 + static_cast<int>(random() % 8));
    }
    weft::stop();
    end = true;
    for (auto& t : threads) {
      t.join();
    }
    weft::stop();  // a thread may have started another
    for (auto& f : kept) {
      try {
        f.join();
      } catch (const weft::unwind&) {
      }
    }
    require(alive == 0, "a fiber's locals were not destroyed");
  }
  std::printf("%ld rounds\n", rounds);
}
