// Oracle: fibers make timers of all kinds, receive from them, stop and reset them at random
// moments, from several fibers at once. No timer fires early; a value received after a reset was
// sent after it and not before its time; after a stop nothing is received; each promised call is
// either made once or was stopped, never both; a timer that was dropped leaves nothing behind,
// neither its channel nor its closure.
#include <atomic>
#include <memory>
#include <random>
#include <vector>

#include "support/stress.hpp"
#include "weft/channel.hpp"
#include "weft/go.hpp"
#include "weft/select.hpp"
#include "weft/time.hpp"

namespace {

using namespace std::chrono_literals;
using weft::recv_status;
using weft_testing::require;

using time_point = weft::clock::time_point;

std::chrono::microseconds some_time(std::minstd_rand& random) {
  return std::chrono::microseconds(random() % (random() % 4 == 0 ? 2000 : 60));
}

void let_others_run(std::minstd_rand& random) {
  for (auto n = random() % 20; n-- > 0;) {
    weft::this_fiber::yield();
  }
}

void receive_once(std::minstd_rand& random) {
  const auto begin = weft::clock::now();
  const auto d = some_time(random);
  const auto c = weft::after(d);
  let_others_run(random);
  require(*c.recv() >= begin + d, "after() fired early");
  time_point v;
  require(c.try_recv(v) == recv_status::empty, "after() fired twice");
}

void stop_and_reset(std::minstd_rand& random) {
  weft::timer t(some_time(random));
  for (int i = 0; i < 8; ++i) {
    let_others_run(random);
    time_point v;
    if (random() % 2 == 0) {
      t.stop();
      let_others_run(random);
      require(t.c.try_recv(v) == recv_status::empty, "a stopped timer fired");
    } else {
      const auto begin = weft::clock::now();
      const auto d = some_time(random);
      t.reset(d);
      if (random() % 2 == 0) {
        require(*t.c.recv() >= begin + d, "a stale or early value after reset()");
        require(!t.stop(), "stop() took back a value that had been received");
      }
    }
  }
}

// Two fibers disturb a timer that a third receives from; in the end it still works.
void disturb(std::minstd_rand& random) {
  weft::timer t(some_time(random));
  std::vector<weft::fiber<void>> fibers;
  for (int i = 0; i < 2; ++i) {
    fibers.push_back(weft::spawn([t, seed = random()]() mutable {
      std::minstd_rand own(static_cast<unsigned>(seed));
      for (int k = 0; k < 10; ++k) {
        own() % 2 == 0 ? t.stop() : t.reset(some_time(own));
        let_others_run(own);
      }
    }));
  }
  time_point v;
  t.c.recv_for(v, some_time(random));
  fibers.clear();
  t.reset(1us);
  require(t.c.recv().has_value(), "a timer was lost");
}

void tick(std::minstd_rand& random) {
  const auto period = 20us + some_time(random);
  const auto begin = weft::clock::now();
  weft::ticker t(period);
  time_point last = begin;
  for (int i = 1; i <= 4; ++i) {
    const auto now = *t.c.recv();
    require(now >= begin + i * period && now > last, "a tick came early");
    last = now;
    let_others_run(random);
  }
  t.stop();
  time_point v;
  require(t.c.try_recv(v) == recv_status::empty, "a stopped ticker ticked");
}

std::atomic<long> promised{0}, made{0}, stopped{0}, closures{0};

struct counted_closure {
  counted_closure() { ++closures; }
  counted_closure(const counted_closure&) { ++closures; }
  ~counted_closure() { --closures; }
};

void call_later(std::minstd_rand& random) {
  auto t = weft::after_func(some_time(random), [count = counted_closure()] { ++made; });
  ++promised;
  for (auto n = random() % 4; n-- > 0;) {
    let_others_run(random);
    // Each reset promises a call more; if it was in time, the one before it is not made.
    ++promised;
    stopped += t.reset(some_time(random));
  }
  let_others_run(random);
  if (random() % 2 == 0) {
    stopped += t.stop();
  }
}

void live(std::uint64_t seed, int rounds) {
  std::minstd_rand random(static_cast<unsigned>(seed));
  for (int i = 0; i < rounds; ++i) {
    switch (random() % 6) {
      case 0:
        receive_once(random);
        break;
      case 1:
        stop_and_reset(random);
        break;
      case 2:
        disturb(random);
        break;
      case 3:
        tick(random);
        break;
      case 4:
        call_later(random);
        break;
      default:
        weft::timer(1h);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = weft_testing::parse_stress(argc, argv);
  std::mt19937_64 random(options.seed);
  const weft_testing::stopwatch watch(options.seconds);
  while (watch.running()) {
    weft::run(
        [&] {
          std::vector<weft::fiber<void>> fibers;
          for (int i = 0; i < 16; ++i) {
            fibers.push_back(weft::spawn(live, random(), 30));
          }
          fibers.clear();
          while (promised != made + stopped || closures != 0) {
            weft::this_fiber::sleep_for(100us);  // alarm() ends a vain wait
          }
        },
        {.procs = options.procs});
  }
}
