// Oracle: plain threads and fibers start fibers, join each other's and sleep, all at once; every
// join gives the value that its fiber computed, every started fiber runs exactly once.
#include <atomic>
#include <random>
#include <thread>
#include <vector>

#include "support/stress.hpp"
#include "weft/go.hpp"

namespace {

using weft_testing::require;

std::atomic<long> started{0};
std::atomic<long> ran{0};

void act(std::mt19937_64& random) {
  switch (random() % 5) {
    case 0:
      ++started;
      weft::go([] { ++ran; });
      break;
    case 1: {
      const auto n = random();
      require(weft::spawn([n] { return n * 3; }).join() == n * 3, "a wrong result");
      break;
    }
    case 2: {
      const auto n = random();
      auto outer = weft::spawn([n] {
        weft::this_fiber::yield();
        return weft::spawn([n] { return n + 1; });
      });
      require(outer.join().join() == n + 1, "a wrong result of a handle from a fiber");
      break;
    }
    case 3:
      weft::this_fiber::sleep_for(std::chrono::microseconds(random() % 60));
      break;
    default:
      weft::this_fiber::yield();
      break;
  }
}

void act_for_a_while(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  for (int i = 0; i < 200; ++i) {
    act(random);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = weft_testing::parse_stress(argc, argv);
  std::mt19937_64 random(options.seed);
  const weft_testing::stopwatch watch(options.seconds);
  weft::start({.procs = options.procs});
  while (watch.running()) {
    std::vector<std::thread> threads;
    std::vector<weft::fiber<void>> fibers;
    for (int i = 0; i < 3; ++i) {
      threads.emplace_back(act_for_a_while, random());
      fibers.push_back(weft::spawn(act_for_a_while, random()));
    }
    for (auto& t : threads) {
      t.join();  // short-lived threads: their stand-ins come and go
    }
  }
  while (ran != started) {
    weft::this_fiber::yield();
  }
  weft::stop();
}
