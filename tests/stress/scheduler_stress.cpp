// Oracle: a tree of fibers in which each does random things (yields, sleeps, spawns children and
// joins them, starts detached ones, throws) gives the number of its nodes as its result, whatever
// the number of Ps does meanwhile; every fiber that was started has ended when the roots have; a
// fiber's id and its exceptions stay its own.
#include <atomic>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/stress.hpp"
#include "weft/go.hpp"

namespace {

using namespace std::chrono_literals;
using weft_testing::require;

std::atomic<long> detached_started{0};
std::atomic<long> detached_ended{0};

void do_something(std::mt19937_64& random) {
  switch (random() % 6) {
    case 0:
      weft::this_fiber::yield();
      break;
    case 1:
      weft::this_fiber::sleep_for(std::chrono::microseconds(random() % 50));
      break;
    case 2:
      ++detached_started;
      weft::go([yields = random() % 4] {
        for (unsigned i = 0; i < yields; ++i) {
          weft::this_fiber::yield();
        }
        ++detached_ended;
      });
      break;
    case 3:
      weft::checkpoint();
      break;
    case 4:
      try {
        throw std::runtime_error(std::to_string(weft::this_fiber::get_id()));
      } catch (const std::runtime_error& e) {
        weft::this_fiber::yield();
        require(e.what() == std::to_string(weft::this_fiber::get_id()), "another's exception");
      }
      break;
    default:
      break;
  }
}

long grow(std::uint64_t seed, int depth) {
  std::mt19937_64 random(seed);
  do_something(random);
  if (depth == 0) {
    return 1;
  }
  std::vector<weft::fiber<long>> children;
  const auto count = random() % 4;
  for (std::uint64_t i = 0; i < count; ++i) {
    if (random() % 16 == 0) {
      children.push_back(weft::spawn({.stack_size = 32'768}, grow, random(), depth - 1));
    } else {
      children.push_back(weft::spawn(grow, random(), depth - 1));
    }
    do_something(random);
  }
  long nodes = 1;
  for (auto& child : children) {
    nodes += child.join();
    do_something(random);
  }
  return nodes;
}

long count_nodes(std::uint64_t seed, int depth) {  // the same walk without fibers
  std::mt19937_64 random(seed);
  const auto pass_something = [&random] {
    const auto what = random() % 6;
    if (what == 1 || what == 2) {
      random();
    }
  };
  pass_something();
  if (depth == 0) {
    return 1;
  }
  const auto count = random() % 4;
  long nodes = 1;
  for (std::uint64_t i = 0; i < count; ++i) {
    random();  // own stack or not
    nodes += count_nodes(random(), depth - 1);
    pass_something();
  }
  return nodes;
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = weft_testing::parse_stress(argc, argv);
  std::mt19937_64 random(options.seed);
  const weft_testing::stopwatch watch(options.seconds);
  weft::start({.procs = options.procs, .time_slice = 200us});
  while (watch.running()) {
    std::vector<std::pair<std::uint64_t, weft::fiber<long>>> roots;
    for (int i = 0; i < 20; ++i) {
      const auto seed = random();
      roots.emplace_back(seed, weft::spawn(grow, seed, 6));
    }
    if (random() % 2 == 0) {
      weft::set_procs(1 + static_cast<int>(random() % 8));
    }
    for (auto& [seed, root] : roots) {
      require(root.join() == count_nodes(seed, 6), "a tree has lost nodes");
    }
  }
  while (detached_started != detached_ended) {
    weft::this_fiber::sleep_for(1ms);  // alarm() ends a vain wait
  }
  weft::stop();
}
