// Oracle: fibers and plain threads use a common set of mutexes, semaphores and the like in random
// ways: they wait, try, give up at deadlines, yield and wait for other things while they hold
// them, and in the end stop() comes into the middle of it. Nobody is ever inside what somebody
// else holds alone; a counter that is written under a lock only ends as large as the number of
// those who were inside; each item of a queue is taken once; a value of a pool is with one user at
// a time; after stop() everything is free, all permits are there, and no object is left.
#include <array>
#include <atomic>
#include <cstdio>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <shared_mutex>
#include <thread>
#include <utility>
#include <vector>

#include "support/stress.hpp"
#include "weft/sync.hpp"

namespace {

using namespace std::chrono_literals;
using weft_testing::require;

using random_source = std::minstd_rand;

std::chrono::microseconds soon(random_source& random) {
  return std::chrono::microseconds(random() % 60);
}

void linger(random_source& random) {
  switch (random() % 16) {
    case 0:
      weft::this_fiber::yield();
      break;
    case 1:
      weft::this_fiber::sleep_for(std::chrono::microseconds(random() % 20));
      break;
    default:
      break;
  }
}

// Something that one user at a time may be in; knows how often somebody was.
class room {
 public:
  void visit(random_source& random) {
    require(!std::exchange(inside_, true), "two at once inside a lock");
    struct leaver {
      room& r;
      ~leaver() {
        require(std::exchange(r.inside_, false), "a lock was lost");
        ++r.visits_;
        r.counted_.fetch_add(1, std::memory_order_relaxed);
      }
    } at_end{*this};
    linger(random);
  }
  void look(random_source& random) const {
    require(!inside_, "a reader beside a writer");
    const long before = visits_;
    linger(random);
    require(!inside_ && before == visits_, "a writer beside a reader");
  }
  void check() const { require(!inside_ && visits_ == counted_, "a visit was lost"); }

 private:
  bool inside_ = false;
  long visits_ = 0;
  std::atomic<long> counted_{0};
};

class arena {
 public:
  // Plain threads start no fibers: stop() might be on its way.
  void act(random_source& random, bool on_thread) {
    switch (random() % (on_thread ? 7 : 8)) {
      case 0:
        use_mutex(random);
        break;
      case 1:
        use_timed_mutex(random);
        break;
      case 2:
      case 3:
        use_shared_mutex(random);
        break;
      case 4:
        use_semaphore(random);
        break;
      case 5:
        use_queue(random);
        break;
      case 6:
        use_pool(random);
        break;
      default:
        use_short_lived(random);
        break;
    }
  }

  void check() {
    require(mutex_.try_lock() && timed_.try_lock() && shared_.try_lock() && queue_mutex_.try_lock(),
            "a lock is held by nobody");
    require(permits_.available() == 4, "permits were lost or made");
    require(permits_.try_acquire(4), "permits cannot be had");
    for (const room* r : {&mutex_room_, &timed_room_, &shared_room_}) {
      r->check();
    }
    require(put_ == taken_ + static_cast<long>(queue_.size()), "items were lost or doubled");
  }

 private:
  void use_mutex(random_source& random) {
    if (random() % 4 == 0) {
      if (mutex_.try_lock()) {
        const std::scoped_lock hold(std::adopt_lock, mutex_);
        mutex_room_.visit(random);
      }
      return;
    }
    const std::scoped_lock hold(mutex_);
    mutex_room_.visit(random);
  }

  void use_timed_mutex(random_source& random) {
    std::unique_lock hold(timed_, std::defer_lock);
    if (random() % 3 == 0) {
      hold.lock();
    } else if (!hold.try_lock_for(soon(random))) {
      return;
    }
    timed_room_.visit(random);
  }

  void use_shared_mutex(random_source& random) {
    const auto how = random() % 8;
    if (how < 3) {
      std::unique_lock hold(shared_, std::defer_lock);
      if (how == 0) {
        hold.lock();
      } else if (how == 1 ? !hold.try_lock_for(soon(random)) : !hold.try_lock()) {
        return;
      }
      shared_room_.visit(random);
      return;
    }
    std::shared_lock hold(shared_, std::defer_lock);
    if (how < 6) {
      hold.lock();
    } else if (how == 6 ? !hold.try_lock_for(soon(random)) : !hold.try_lock()) {
      return;
    }
    shared_room_.look(random);
  }

  void use_semaphore(random_source& random) {
    const auto n = static_cast<std::ptrdiff_t>(random() % 4);
    switch (random() % 3) {
      case 0:
        permits_.acquire(n);
        break;
      case 1:
        if (!permits_.acquire_for(soon(random), n)) {
          return;
        }
        break;
      default:
        if (!permits_.try_acquire(n)) {
          return;
        }
    }
    struct giver {
      arena& a;
      std::ptrdiff_t n;
      ~giver() {
        a.users_ -= n;
        a.permits_.release(n);
      }
    } at_end{*this, n};
    require((users_ += n) <= 4, "more permits than there are");
    linger(random);
  }

  // A bounded queue between whoever comes: put if there is room, take if there is something.
  void use_queue(random_source& random) {
    std::unique_lock hold(queue_mutex_);
    if (random() % 2 == 0) {
      const auto room_left = [this] { return queue_.size() < 4; };
      if (random() % 2 == 0 ? has_room_.wait_for(hold, soon(random), room_left) : room_left()) {
        queue_.push_back(put_++);
        has_item_.notify_one();
      }
    } else {
      const auto item = [this] { return !queue_.empty(); };
      if (random() % 2 == 0 ? has_item_.wait_for(hold, soon(random), item) : item()) {
        require(queue_.front() == taken_++, "an item is missing");
        queue_.pop_front();
        has_room_.notify_all();
      }
    }
  }

  void use_pool(random_source& random) {
    auto value = pool_.get();
    require(value->fetch_add(1) == 0, "a value of a pool is with two users");
    linger(random);
    require(value->fetch_sub(1) == 1, "a value of a pool is with two users");
    pool_.put(std::move(value));
  }

  // Each ends its life as soon as its contract allows it.
  static void use_short_lived(random_source& random) {
    struct set {
      weft::wait_group group;
      weft::latch latch{2};
      weft::once once;
      weft::barrier<> barrier{2};
      int value = 0;
    };
    auto s = std::make_unique<set>();
    for (int i = 0; i < 2; ++i) {
      s->group.go([p = s.get(), seed = static_cast<unsigned>(random())] {
        random_source own(seed);
        linger(own);
        p->once.call([&] {
          linger(own);
          ++p->value;
        });
        require(p->value == 1, "once was not once");
        p->barrier.arrive_and_wait();
        p->latch.count_down();
      });
    }
    if (random() % 2 == 0) {
      s->latch.wait();
    }
    s->group.wait();
  }

  weft::mutex mutex_;
  weft::timed_mutex timed_;
  weft::shared_mutex shared_;
  room mutex_room_;
  room timed_room_;
  room shared_room_;
  weft::semaphore permits_{4};
  std::atomic<std::ptrdiff_t> users_{0};
  weft::mutex queue_mutex_;
  weft::condition_variable has_room_;
  weft::condition_variable has_item_;
  std::deque<long> queue_;
  long put_ = 0;
  long taken_ = 0;
  weft::pool<std::unique_ptr<std::atomic<int>>> pool_{
      [] { return std::make_unique<std::atomic<int>>(0); }};
};

void play(arena& a, unsigned seed, int turns) {
  random_source random(seed);
  for (int i = 0; turns < 0 || i < turns; ++i) {
    a.act(random, false);
  }
}

void play_on_thread(arena& a, unsigned seed, const std::atomic<bool>& end) {
  random_source random(seed);
  while (!end) {
    try {
      a.act(random, true);
    } catch (const weft::unwind&) {
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
    arena a;
    weft::start({.procs = 1 + static_cast<int>(random() % static_cast<unsigned>(options.procs))});
    {
      std::vector<weft::fiber<void>> fibers;
      for (int i = 0; i < 12; ++i) {
        fibers.push_back(
            weft::spawn([&a, seed = static_cast<unsigned>(random())] { play(a, seed, 300); }));
      }
    }
    std::atomic<bool> end{false};
    std::array<std::thread, 2> threads;
    for (auto& t : threads) {
      t = std::thread(play_on_thread, std::ref(a), static_cast<unsigned>(random()), std::cref(end));
    }
    for (int i = 0; i < 12; ++i) {
      weft::go([&a, seed = static_cast<unsigned>(random())] { play(a, seed, -1); });
    }
    weft::this_fiber::sleep_for(std::chrono::microseconds(random() % 3000));
    weft::stop();
    end = true;
    for (auto& t : threads) {
      t.join();
    }
    a.check();
  }
  std::printf("%ld rounds\n", rounds);
}
