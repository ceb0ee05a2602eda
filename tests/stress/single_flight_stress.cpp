// Oracle: fibers and plain threads ask one single_flight for a few keys; the calls linger, and end
// with a value or an exception, both numbered. Some keys are forgotten at times, the others never:
// of these, one call at a time is in progress. Who asks gets the outcome of a call for its own key
// that had not been over when it asked; all who share a call get the same outcome; a call's maker
// hears that it was shared if anybody else got it, and, where nobody's wait was ended, only then.
// stop() comes into the middle; afterwards the same single_flight serves the next runtime: no call
// that stop() has ended is waited for.
#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <functional>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "support/stress.hpp"
#include "weft/go.hpp"
#include "weft/single_flight.hpp"

namespace {

using namespace std::chrono_literals;
using weft_testing::require;

using random_source = std::minstd_rand;

constexpr unsigned keys = 6;
constexpr unsigned forgotten_keys = 2;  // the last ones
constexpr long most_calls = 100'000;    // in one round

std::atomic<long> alive{0};

struct outcome {
  unsigned key;
  long number;
};

// What a call gives; copied for each who asks.
struct result : outcome {
  explicit result(outcome o) : outcome(o) { ++alive; }
  result(const result& other) : outcome(other) { ++alive; }
  ~result() { --alive; }
};

// All who share a call look at one object. The count of references to it is in the standard
// library, where ThreadSanitizer does not see that the last one comes after all looks: `looks`
// tells it.
class failure : public std::exception {
 public:
  explicit failure(outcome o) : what_for_(o) {}
  failure(const failure& other) : std::exception(other), what_for_(other.what_for_) {}
  failure& operator=(const failure&) = delete;
  ~failure() override { static_cast<void>(looks_.load(std::memory_order_acquire)); }

  outcome look() const {
    const outcome o = what_for_;
    looks_.fetch_add(1, std::memory_order_release);
    return o;
  }

 private:
  outcome what_for_;
  mutable std::atomic<int> looks_{0};
};

bool may_be_forgotten(unsigned key) { return key >= keys - forgotten_keys; }

void linger(random_source& random) {
  switch (random() % 8) {
    case 0:
      weft::this_fiber::sleep_for(std::chrono::microseconds(random() % 50));
      break;
    case 1:
    case 2:
    case 3:
      weft::this_fiber::yield();
      break;
    default:
      break;
  }
}

class desk {
 public:
  void ask(random_source& random) {
    const auto key = static_cast<unsigned>(random() % keys);
    if (may_be_forgotten(key) && random() % 4 == 0) {
      flights_.forget(key);
    }
    place& p = places_[key];
    const long over = p.over.load();
    long mine = -1;
    outcome got{};
    bool shared = false;
    try {
      const auto r = flights_.call(key, [&] { return make(key, random, mine); });
      got = r.value;
      shared = r.shared;
    } catch (const failure& f) {
      got = f.look();
      shared = got.number != mine;  // an exception does not tell its maker
    } catch (const weft::unwind&) {
      unwound_ = true;
      throw;
    }
    require(got.key == key, "the outcome of another key");
    require(mine < 0 || got.number == mine, "the maker of a call got another's outcome");
    require(got.number > over || may_be_forgotten(key), "the outcome of a call that was over");
    if (mine < 0) {
      require(shared, "another's outcome, and not shared");
      ++calls_[static_cast<std::size_t>(got.number)].others;
      return;
    }
    if (shared) {
      calls_[static_cast<std::size_t>(mine)].told = true;
    }
    p.over.store(mine);  // only now: until call() returns, others may still join it
  }

  void begin_round() {
    const auto used = static_cast<std::size_t>(number_.exchange(0));
    for (std::size_t i = 0; i < used; ++i) {
      calls_[i].others = 0;
      calls_[i].told = false;
      calls_[i].failed = false;
    }
    for (place& p : places_) {
      p.inside = 0;
      p.over = -1;
    }
    unwound_ = false;
  }

  void check() const {
    for (std::size_t i = 0; i < static_cast<std::size_t>(number_); ++i) {
      const one_call& c = calls_[i];
      if (!c.failed) {
        require(c.told || c.others == 0, "a call was shared, and its maker does not know");
        require(!c.told || c.others > 0 || unwound_, "a call that nobody shared is said to be");
      }
    }
  }

  bool full() const { return number_ >= most_calls; }

 private:
  result make(unsigned key, random_source& random, long& mine) {
    place& p = places_[key];
    const struct leaver {
      place& of;
      explicit leaver(place& o, bool alone) : of(o) {
        require(of.inside.fetch_add(1) == 0 || !alone, "two calls for a key at a time");
      }
      ~leaver() { of.inside.fetch_sub(1); }
    } at_end(p, !may_be_forgotten(key));
    const long number = number_.fetch_add(1);
    require(number < most_calls + 100, "more calls than there is room for");
    linger(random);
    mine = number;
    if (random() % 5 == 0) {
      calls_[static_cast<std::size_t>(number)].failed = true;
      throw failure({key, number});
    }
    return result({key, number});
  }

  struct place {
    std::atomic<int> inside{0};
    std::atomic<long> over{-1};  // number of the last call that is over
  };
  struct one_call {
    std::atomic<int> others{0};
    std::atomic<bool> told{false};
    std::atomic<bool> failed{false};
  };

  weft::single_flight<unsigned, result> flights_;
  std::array<place, keys> places_;
  std::vector<one_call> calls_{most_calls + 100};
  std::atomic<long> number_{0};
  std::atomic<bool> unwound_{false};
};

void play(desk& d, unsigned seed) {
  random_source random(seed);
  for (int i = 0; i < 200 && !d.full(); ++i) {
    d.ask(random);
    linger(random);
  }
}

void play_on_thread(desk& d, unsigned seed, const std::atomic<bool>& end) {
  random_source random(seed);
  try {
    while (!end && !d.full()) {
      d.ask(random);
    }
  } catch (const weft::unwind&) {
  }
}

void round(desk& d, std::mt19937_64& random, int procs) {
  d.begin_round();
  weft::start({.procs = procs});
  std::vector<weft::fiber<void>> fibers;
  for (int i = 0; i < 12; ++i) {
    fibers.push_back(weft::spawn([&d, seed = static_cast<unsigned>(random())] { play(d, seed); }));
  }
  std::atomic<bool> end{false};
  std::array<std::thread, 2> threads;
  for (auto& t : threads) {
    t = std::thread(play_on_thread, std::ref(d), static_cast<unsigned>(random()), std::cref(end));
  }
  if (random() % 2 == 0) {
    weft::this_fiber::sleep_for(std::chrono::microseconds(random() % 3000));
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
  d.check();
  require(alive == 0, "results are left");
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = weft_testing::parse_stress(argc, argv);
  std::mt19937_64 random(options.seed);
  const weft_testing::stopwatch watch(options.seconds);
  const auto d = std::make_unique<desk>();
  long rounds = 0;
  for (; watch.running(); ++rounds) {
    round(*d, random, 1 + static_cast<int>(random() % static_cast<unsigned>(options.procs)));
  }
  std::printf("%ld rounds\n", rounds);
}
