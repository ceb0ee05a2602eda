// Oracle: fibers and plain threads call copies of a few once_values, whose functions linger, and
// give a value or throw; some of the once_values are replaced by new ones all the time, so that the
// last copy goes while others begin. Everybody who calls one gets the same value, at the same
// place, or the same exception; its function runs once, and never beside itself. stop() comes into
// the middle: a function that it has ended does not count, and the next caller, also in the next
// runtime, runs it again. In the end no function and no value is left.
#include <array>
#include <atomic>
#include <cstdio>
#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "support/stress.hpp"
#include "weft/go.hpp"
#include "weft/once.hpp"

namespace {

using namespace std::chrono_literals;
using weft_testing::require;

using random_source = std::minstd_rand;

std::atomic<long> alive{0};

struct counted {
  counted() { ++alive; }
  counted(const counted&) { ++alive; }
  ~counted() { --alive; }
};

struct result {
  int number;
  counted c;
};

struct failure : std::runtime_error {
  explicit failure(int n) : std::runtime_error("failed"), number(n) {}
  int number;
};

void linger(random_source& random) {
  switch (random() % 4) {
    case 0:
      weft::this_fiber::sleep_for(std::chrono::microseconds(random() % 50));
      break;
    case 1:
      weft::this_fiber::yield();
      break;
    default:
      break;
  }
}

// What is known of one once_value.
struct history {
  std::atomic<int> inside{0};
  std::atomic<int> ended{0};  // functions that have come to their end
  std::atomic<const result*> seen{nullptr};
};

class work {
 public:
  work(std::shared_ptr<history> of, unsigned seed) : of_(std::move(of)), seed_(seed) {}

  result operator()() {
    require(of_->inside.fetch_add(1) == 0, "the function runs twice at a time");
    const struct leaver {
      history& h;
      ~leaver() { h.inside.fetch_sub(1); }
    } at_end{*of_};
    require(of_->ended == 0, "the function runs again");
    random_source random(seed_);
    linger(random);
    linger(random);
    ++of_->ended;
    const int number = static_cast<int>(seed_ % 1000);
    if (seed_ % 4 == 0) {
      throw failure(number);
    }
    return {.number = number, .c = {}};
  }

 private:
  std::shared_ptr<history> of_;
  unsigned seed_;
  counted c_;
};

// A once_value and what is known of it; copies share both.
class subject {
 public:
  explicit subject(unsigned seed)
      : known_(std::make_shared<history>()),
        seed_(seed),
        value_(weft::once_value(work(known_, seed))) {}

  void call() const {
    const int number = static_cast<int>(seed_ % 1000);
    try {
      const result& r = value_();
      require(seed_ % 4 != 0 && r.number == number, "a strange value");
      const result* other = nullptr;
      require(known_->seen.compare_exchange_strong(other, &r) || other == &r,
              "the value is at two places");
    } catch (const failure& f) {
      require(seed_ % 4 == 0 && f.number == number, "a strange exception");
    }
    require(known_->ended == 1 && known_->inside == 0, "it came back before the function's end");
  }

 private:
  std::shared_ptr<history> known_;
  unsigned seed_;
  std::function<const result&()> value_;
};

class shelf {
 public:
  explicit shelf(random_source& random) {
    for (auto& place : places_) {
      place = std::make_shared<subject>(static_cast<unsigned>(random()));
    }
  }

  void act(random_source& random) {
    const std::size_t at = random() % places_.size();
    if (at < places_.size() / 2 && random() % 8 == 0) {
      auto fresh = std::make_shared<subject>(static_cast<unsigned>(random()));
      const std::scoped_lock hold(guard_);
      places_[at].swap(fresh);
    }
    // One's own copy of the once_value, which may be the last by now.
    const subject mine = *pick(at);
    mine.call();
  }

  void call_all() const {
    for (const auto& s : places_) {
      s->call();
    }
  }

 private:
  std::shared_ptr<subject> pick(std::size_t at) {
    const std::scoped_lock hold(guard_);
    return places_[at];
  }

  std::mutex guard_;
  std::array<std::shared_ptr<subject>, 8> places_;
};

void play(shelf& s, unsigned seed, const std::atomic<bool>& end) {
  random_source random(seed);
  for (int i = 0; i < 200 && !end; ++i) {
    s.act(random);
    linger(random);
  }
}

void round(std::mt19937_64& random, int procs) {
  random_source for_shelf(static_cast<unsigned>(random()));
  shelf s(for_shelf);
  weft::start({.procs = procs});
  std::atomic<bool> end{false};  // for the threads, once the fibers have ended
  std::vector<weft::fiber<void>> fibers;
  for (int i = 0; i < 12; ++i) {
    fibers.push_back(
        weft::spawn([&, seed = static_cast<unsigned>(random())] { play(s, seed, end); }));
  }
  std::array<std::thread, 2> threads;
  for (auto& t : threads) {
    t = std::thread([&, seed = static_cast<unsigned>(random())] {
      try {
        play(s, seed, end);
      } catch (const weft::unwind&) {
      }
    });
  }
  if (random() % 2 == 0) {
    weft::this_fiber::sleep_for(std::chrono::microseconds(random() % 2000));
    weft::stop();
  }
  for (auto& f : fibers) {
    try {
      f.join();
    } catch (const weft::unwind&) {
    }
  }
  end = true;
  for (auto& t : threads) {
    t.join();
  }
  weft::stop();
  weft::run([&s] { s.call_all(); }, {.procs = 1});
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = weft_testing::parse_stress(argc, argv);
  std::mt19937_64 random(options.seed);
  const weft_testing::stopwatch watch(options.seconds);
  long rounds = 0;
  for (; watch.running(); ++rounds) {
    round(random, 1 + static_cast<int>(random() % static_cast<unsigned>(options.procs)));
    require(alive == 0, "a function or a value is left");
  }
  std::printf("%ld rounds\n", rounds);
}
