// Oracle: fibers grow a common tree of contexts: children with and without deadlines below random
// ones, values, calls when done; they cancel, drop, wait for and look at random ones, on several
// Ps at once. A context that is done stays done for the same reason; whatever is below one that is
// done is done too in the end; none times out before its deadline; one whose deadline has passed
// is done in the end; each registered call is made once or was taken back, never both; in the end
// no value and no closure is left. stop() may come at any time.
#include <array>
#include <atomic>
#include <cstdio>
#include <memory>
#include <mutex>
#include <random>
#include <utility>
#include <vector>

#include "support/stress.hpp"
#include "weft/context.hpp"
#include "weft/go.hpp"
#include "weft/select.hpp"
#include "weft/sync.hpp"

namespace {

using namespace std::chrono_literals;
using weft_testing::require;

using random_source = std::minstd_rand;

std::atomic<long> alive{0};

struct counted {
  counted() { ++alive; }
  counted(const counted&) { ++alive; }
  counted& operator=(const counted&) = default;
  ~counted() { --alive; }
};

struct counted_key {
  using value_type = counted;
};

struct entry {
  weft::context ctx;
  weft::context parent;
  std::shared_ptr<weft::cancel_function> cancel;
  weft::clock::time_point not_before = weft::clock::time_point::min();
};

std::chrono::microseconds soon(random_source& random) {
  return std::chrono::microseconds(random() % 300);
}

void check(const entry& e) {
  const std::error_code first = e.ctx.err();
  if (first) {
    require(e.ctx.err() == first && e.ctx.cause() != nullptr, "a reason has changed");
    require(first == std::errc::operation_canceled || first == std::errc::timed_out,
            "a strange reason");
  }
  if (first == std::errc::timed_out) {
    require(e.ctx.deadline() && weft::clock::now() >= *e.ctx.deadline(), "timed out early");
  }
}

// Waits for what must come by itself.
void await_done(const weft::context& c, const char* why) {
  bool late = false;
  weft::select(recv(c.done(), [] {}), weft::after(20s, [&] { late = true; }));
  require(!late && c.is_done(), why);
}

class grove {
 public:
  grove() { places_.fill(entry{}); }

  void act(random_source& random) {
    entry e = pick(random);
    switch (random() % 10) {
      case 0:
      case 1:
        return plant(random, e, weft::with_cancel(e.ctx));
      case 2:
        return plant(random, e, weft::with_timeout(e.ctx, soon(random)));
      case 3:
        e.ctx = weft::with_value(e.ctx, counted_key{}, counted());
        return plant(random, e, weft::with_deadline(e.ctx, weft::clock::now() + soon(random)));
      case 4:
        if (e.cancel != nullptr) {
          (*e.cancel)();
          require(e.ctx.is_done(), "cancelled and not done");
        }
        break;
      case 5:
        if (e.ctx.deadline()) {
          await_done(e.ctx, "a deadline has passed in vain");
        }
        break;
      case 6:
        if (e.parent.is_done()) {
          await_done(e.ctx, "a child of a done context is not done");
        }
        break;
      case 7:
        register_call(random, e);
        break;
      case 8:
        if (const std::stop_token token = e.ctx.token(); token.stop_requested()) {
          require(e.ctx.is_done(), "asked to stop and not done");
        }
        break;
      default:
        weft::this_fiber::yield();
    }
    check(e);
  }

  void clear() { places_.fill(entry{}); }

  static inline std::atomic<long> promised{0};
  static inline std::atomic<long> kept{0};

 private:
  entry pick(random_source& random) {
    const std::scoped_lock hold(guard_);
    return places_[random() % places_.size()];
  }

  void plant(random_source& random, const entry& parent,
             std::pair<weft::context, weft::cancel_function> made) {
    entry e;
    e.ctx = made.first;
    e.parent = parent.ctx;
    e.cancel = std::make_shared<weft::cancel_function>(std::move(made.second));
    check(e);
    {
      const std::scoped_lock hold(guard_);
      std::swap(places_[random() % places_.size()], e);
    }
    // What was there before goes here, unless somebody else still looks at it.
  }

  // The call of a context that can never be done is promised to nobody.
  static void register_call(random_source& random, const entry& e) {
    if (e.cancel == nullptr) {
      return;
    }
    ++promised;
    auto stop = weft::after_done(e.ctx, [ctx = e.ctx, c = counted()] {
      require(ctx.is_done(), "called before it was done");
      ++kept;
    });
    if (random() % 2 == 0) {
      weft::this_fiber::yield();
      if (stop()) {
        ++kept;
      }
    }
  }

  weft::mutex guard_;
  std::array<entry, 24> places_;
};

void live(grove& g, unsigned seed, int turns) {
  random_source random(seed);
  for (int i = 0; i < turns; ++i) {
    g.act(random);
  }
}

void round(std::mt19937_64& random, int procs) {
  grove::promised = 0;
  grove::kept = 0;
  weft::start({.procs = procs});
  {
    grove g;
    std::vector<weft::fiber<void>> fibers;
    for (int i = 0; i < 8; ++i) {
      fibers.push_back(
          weft::spawn([&g, seed = static_cast<unsigned>(random())] { live(g, seed, 400); }));
    }
    if (random() % 4 == 0) {
      weft::this_fiber::sleep_for(std::chrono::microseconds(random() % 2000));
      weft::stop();
    }
    for (auto& f : fibers) {
      try {
        f.join();
      } catch (const weft::unwind&) {
      }
    }
    g.clear();
  }
  while (weft::running() && grove::kept != grove::promised) {
    weft::this_fiber::yield();  // the program's alarm ends a vain wait
  }
  weft::stop();
  require(alive == 0, "values or closures are left");
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = weft_testing::parse_stress(argc, argv);
  std::mt19937_64 random(options.seed);
  const weft_testing::stopwatch watch(options.seconds);
  long rounds = 0;
  for (; watch.running(); ++rounds) {
    round(random, 1 + static_cast<int>(random() % static_cast<unsigned>(options.procs)));
  }
  std::printf("%ld rounds\n", rounds);
}
