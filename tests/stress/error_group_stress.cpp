// Oracle: fibers and plain threads each make one error_group after the other, with and without a
// limit, below a parent context that may end first. Their functions linger, start others of the
// group, look at its context or wait for its end (where something is sure to end it), and some
// fail, by an exception or an error code. No more are inside than the limit allows; what try_go()
// has refused is not run; when wait() comes back all that were started have ended; it rethrows an
// error if and only if one function has failed, and a second wait() and the context's cause() give
// that same one; the context is done as soon as a failure is over, and after wait(). A group that
// is dropped without wait() waits for its functions, too. stop() comes into the middle; then no
// function is left, whatever else.
#include <array>
#include <atomic>
#include <cstdio>
#include <exception>
#include <functional>
#include <memory>
#include <random>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <vector>

#include "support/stress.hpp"
#include "weft/error_group.hpp"

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

struct failure : std::runtime_error {
  explicit failure(unsigned n) : std::runtime_error("failed"), number(n) {}
  unsigned number;
};

void linger(random_source& random) {
  switch (random() % 8) {
    case 0:
      weft::this_fiber::sleep_for(std::chrono::microseconds(random() % 50));
      break;
    case 1:
    case 2:
      weft::this_fiber::yield();
      break;
    default:
      break;
  }
}

// 0: no error. Codes and exceptions have numbers of their own.
unsigned number_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const failure& f) {
    return f.number;
  } catch (const std::system_error& e) {
    return e.code() == std::errc::io_error ? 1 : 0;
  } catch (...) {
    return 0;
  }
}

// One group and its functions. On the frame of whoever waits for it.
class team {
 public:
  team(random_source& random, const weft::context& parent, bool parent_ends,
       std::atomic<int>& inside)
      : inside_(inside), parent_ends_(parent_ends), failing_(random() % 2 == 0), group_(parent) {
    if (random() % 2 == 0) {
      limit_ = 1 + static_cast<int>(random() % 4);
      group_.set_limit(limit_);
    }
  }

  void play(random_source& random) {
    const int functions = static_cast<int>(random() % 12);
    for (int i = 0; i < functions; ++i) {
      start(random, random() % 3 == 0);
    }
    if (failing_) {
      ++started_;
      group_.go([this, c = counted()] {
        const visit here(*this);
        fail(2);
      });
    }
    if (random() % 8 == 0) {
      return;  // dropped
    }
    const unsigned first = wait_for_error();
    require(inside_ == 0 && ended_ == started_, "wait() came back before a function's end");
    require((first != 0) == (failures_ > 0), "an error is lost, or made up");
    require(group_.context().is_done(), "waited for, and not done");
    if (first != 0) {
      require(wait_for_error() == first, "the second wait() gave another error");
      require(parent_ends_ || number_of(group_.context().cause()) == first,
              "the context's cause is another error");
    }
  }

 private:
  struct visit {
    team& of;
    explicit visit(team& t) : of(t) {
      const int now = ++of.inside_;
      require(of.limit_ == 0 || now <= of.limit_, "more at a time than the limit allows");
    }
    ~visit() {
      --of.inside_;
      ++of.ended_;
    }
  };

  [[noreturn]] void fail(unsigned number) {
    ++failures_;
    throw failure(number);
  }

  unsigned wait_for_error() {
    try {
      group_.wait();
      return 0;
    } catch (const weft::unwind&) {
      throw;
    } catch (...) {
      const unsigned number = number_of(std::current_exception());
      require(number != 0, "a strange error");
      return number;
    }
  }

  void start(random_source& random, bool trying) {
    const auto seed = static_cast<unsigned>(random());
    const auto work = [this, seed, c = counted()] { return run(seed); };
    if (!trying) {
      ++started_;
      group_.go(work);
    } else {
      ++started_;
      if (!group_.try_go(work)) {
        --started_;
        require(limit_ != 0, "refused without a limit");
      }
    }
  }

  std::error_code run(unsigned seed) {
    const visit here(*this);
    random_source random(seed);
    linger(random);
    const weft::context ctx = group_.context();
    switch (random() % 8) {
      case 0:
        if (failing_ && limit_ == 0) {
          require(!ctx.done().recv(), "a value from a context");
          require(ctx.is_done(), "its channel is closed, and it is not done");
        }
        break;
      case 1:
      case 2:
        if (depth_.fetch_add(1) < 20) {
          start(random, true);
        }
        break;
      case 3:
        if (failing_) {
          fail(3 + seed % 1000);
        }
        break;
      case 4:
        if (failing_) {
          ++failures_;
          return std::make_error_code(std::errc::io_error);
        }
        break;
      default:
        break;
    }
    linger(random);
    return {};
  }

  std::atomic<int>& inside_;  // outlives the group
  std::atomic<int> started_{0};
  std::atomic<int> ended_{0};
  std::atomic<int> failures_{0};
  std::atomic<int> depth_{0};
  int limit_ = 0;
  const bool parent_ends_;
  const bool failing_;
  weft::error_group group_;  // the first to go: it waits for all who use the rest
};

void play_one(random_source& random) {
  const bool parent_ends = random() % 4 == 0;
  auto parent = parent_ends ? weft::with_timeout(weft::background(),
                                                 std::chrono::microseconds(random() % 200))
                            : weft::with_cancel(weft::background());
  std::atomic<int> inside{0};
  {
    team t(random, parent.first, parent_ends, inside);
    t.play(random);
  }
  require(inside == 0, "the group is gone, and a function is inside");
}

void play(unsigned seed, const std::atomic<bool>& end) {
  const counted local;
  random_source random(seed);
  for (int i = 0; i < 60 && !end; ++i) {
    play_one(random);
  }
}

void round(std::mt19937_64& random, int procs) {
  weft::start({.procs = procs});
  std::atomic<bool> end{false};  // for the thread, once the fibers have ended
  std::vector<weft::fiber<void>> fibers;
  for (int i = 0; i < 10; ++i) {
    fibers.push_back(weft::spawn(play, static_cast<unsigned>(random()), std::cref(end)));
  }
  std::thread thread([&end, seed = static_cast<unsigned>(random())] {
    try {
      play(seed, end);
    } catch (const weft::unwind&) {
    } catch (const std::logic_error&) {
      // go() while stop() is at work
    }
  });
  if (random() % 2 == 0) {
    weft::this_fiber::sleep_for(std::chrono::microseconds(random() % 4000));
    weft::stop();
  }
  for (auto& f : fibers) {
    try {
      f.join();
    } catch (const weft::unwind&) {
    }
  }
  end = true;
  thread.join();
  weft::stop();  // the thread may have started another
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = weft_testing::parse_stress(argc, argv);
  std::mt19937_64 random(options.seed);
  const weft_testing::stopwatch watch(options.seconds);
  long rounds = 0;
  for (; watch.running(); ++rounds) {
    round(random, 1 + static_cast<int>(random() % static_cast<unsigned>(options.procs)));
    require(alive == 0, "a function is left");
  }
  std::printf("%ld rounds\n", rounds);
}
