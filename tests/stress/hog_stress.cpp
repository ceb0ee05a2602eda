// Oracle: fibers that spin, block declared and undeclared, lock their threads, start and stop each
// other, talk over channels, crowd at a mutex and sleep, all at once, with set_procs(), dumps and
// world_holds in between. Every message arrives once and in order; every fiber ends exactly once;
// nobody runs on a locked thread but its fiber; and at the end nothing is left.
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <random>
#include <sstream>
#include <thread>
#include <vector>

#include "runtime/scheduler/scheduler.hpp"
#include "runtime/scheduler/world.hpp"
#include "support/stress.hpp"
#include "weft/debug.hpp"
#include "weft/weft.hpp"

namespace {

using namespace std::chrono_literals;
using weft_testing::require;

std::atomic<long> started{0};
std::atomic<long> ended{0};

struct life {
  life() { ++started; }
  ~life() { ++ended; }
};

void spin(std::chrono::microseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < end) {
  }
}

// So much in demand that Ps withdraw.
weft::mutex contended;
long contended_count = 0;  // under it
std::atomic<long> contended_times{0};

void contend(int times) {
  for (int i = 0; i < times; ++i) {
    const std::scoped_lock hold(contended);
    ++contended_count;
  }
  contended_times += times;
}

// Something that keeps the P for longer than it should, or not.
void misbehave(std::mt19937_64& random) {
  const auto time = std::chrono::microseconds(random() % 4'000);
  switch (random() % 10) {
    case 0:
      spin(time * 4);
      break;
    case 1:
      usleep(static_cast<unsigned>(time.count()));
      break;
    case 2:
      weft::blocking([&] { usleep(static_cast<unsigned>(time.count())); });
      break;
    case 3:
      weft::blocking(weft::hand_off_p::at_once, [] { usleep(20); });
      break;
    case 4:
      weft::blocking([] {
        weft::this_fiber::yield();
        usleep(100);
      });
      break;
    case 5:
      weft::this_fiber::sleep_for(time / 8);
      break;
    case 6:
      weft::this_fiber::yield();
      break;
    case 7:
      contend(2'000);
      break;
    case 8:
      weft::blocking([&] {
        usleep(static_cast<unsigned>(time.count()) / 8);
        contend(2'000);
      });
      break;
    default:
      weft::checkpoint();
      break;
  }
}

void keep_thread(std::mt19937_64& random) {
  weft::lock_os_thread();
  const long thread = syscall(SYS_gettid);
  for (int i = 0; i < 4; ++i) {
    misbehave(random);
    require(syscall(SYS_gettid) == thread, "a locked fiber changed its thread");
  }
  if (random() % 4 != 0) {  // else its thread ends with it
    weft::unlock_os_thread();
  }
}

void pair(std::uint64_t seed, weft::wait_group& all) {
  weft::chan<int> c(seed % 3);
  const int count = 20;
  all.go([c, seed] {
    const life l;
    std::mt19937_64 random(seed);
    for (int i = 0; i < count; ++i) {
      if (random() % 8 == 0) {
        misbehave(random);
      }
      c.send(i);
    }
    c.close();
  });
  all.go([c, seed] {
    const life l;
    std::mt19937_64 random(seed + 1);
    int expected = 0;
    for (const int v : c) {
      require(v == expected++, "a message is missing, or came twice");
      if (random() % 8 == 0) {
        misbehave(random);
      }
    }
    require(expected == count, "messages are missing");
  });
}

void round(std::mt19937_64& random) {
  weft::wait_group all;
  for (int i = 0; i < 24; ++i) {
    const std::uint64_t seed = random();
    switch (seed % 4) {
      case 0:
        pair(seed / 4, all);
        break;
      case 1:
        all.go([seed] {
          const life l;
          std::mt19937_64 own(seed);
          keep_thread(own);
        });
        break;
      case 2:
        all.go([seed] {
          const life l;
          std::mt19937_64 own(seed);
          auto child = weft::spawn([&own] { misbehave(own); });
          child.join();
        });
        break;
      default:
        all.go([seed] {
          const life l;
          std::mt19937_64 own(seed);
          for (int k = 0; k < 4; ++k) {
            misbehave(own);
          }
        });
        break;
    }
  }
  all.wait();
}

// From outside: holds the world, dumps, and changes the number of Ps.
void disturb(std::uint64_t seed, int procs, const std::atomic<bool>& end) {
  std::mt19937_64 random(seed);
  while (!end) {
    switch (random() % 4) {
      case 0: {
        std::ostringstream text;
        weft::dump(text);
        require(!text.str().empty(), "an empty dump");
        break;
      }
      case 1:
        weft::set_procs(1 + static_cast<int>(random() % static_cast<unsigned>(procs)));
        break;
      case 2: {
        const weft::detail::world_hold held;
        break;
      }
      default:
        break;
    }
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 3'000));
  }
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = weft_testing::parse_stress(argc, argv);
  weft_testing::limit_time(options);
  const weft_testing::stopwatch time(options.seconds);
  std::mt19937_64 random(options.seed);
  while (time.running()) {
    weft::start({.procs = options.procs, .time_slice = 1ms});
    std::atomic<bool> end{false};
    std::thread outside([&, seed = random()] { disturb(seed, options.procs, end); });
    for (int i = 0; i < 8 && time.running(); ++i) {
      weft::spawn([&] { round(random); }).join();
    }
    end = true;
    outside.join();
    weft::stop();
    require(contended_count == contended_times, "two had the mutex at the same time");
    require(started == ended, "a fiber did not end, or ended twice");
    require(weft::detail::sched.detached == 0, "a fiber that was detached is still counted");
    require(weft::detail::sched.hogs == 0, "a hog is still counted, or was counted off twice");
  }
  return 0;
}
