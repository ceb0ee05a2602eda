// What W16 and W17 share: the hogs, the fiber that sleeps beside them, and a plain thread that ends
// the program when that fiber does not wake up again. A program starts its runtime, starts
// `count()` fibers that call one of the hog functions, and calls sleeper() in one more.

#pragma once

#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <optional>
#include <thread>

#include "common.hpp"

namespace bench {

class hogs {
 public:
  explicit hogs(program& bench) : bench_(bench), kind_(find(bench)) {
    rounds_ = std::make_unique<padded[]>(static_cast<std::size_t>(kind_.hogs) + 1);
    std::thread([this] { watch(); }).detach();
  }
  hogs(const hogs&) = delete;
  hogs& operator=(const hogs&) = delete;

  std::int64_t count() const { return kind_.hogs; }
  w16::hog what() const { return kind_.what; }

  // A loop without a call: a load, an addition and a store.
  void spin(std::int64_t self) {
    std::atomic<std::int64_t>& rounds = rounds_of(self);
    for (std::int64_t n = 1; !stop_.load(std::memory_order_relaxed); ++n) {
      rounds.store(n, std::memory_order_relaxed);
    }
  }

  void malloc_storm(std::int64_t self) {
    void* live[w16::blocks] = {};
    auto random = static_cast<std::uint64_t>(self);
    while (!stop_.load(std::memory_order_relaxed)) {
      random = w16::next_random(random);
      void*& block = live[w16::block_of(random)];
      std::free(block);
      block = std::malloc(w16::size_of(random));
      *static_cast<char*>(block) = 1;
      rounds_of(self).fetch_add(1, std::memory_order_relaxed);
    }
    for (void* const block : live) std::free(block);
  }

  // `call` calls what it is given, marked as a call that may block or not.
  template <class Call>
  void block(std::int64_t self, Call&& call) {
    while (!stop_.load(std::memory_order_relaxed)) {
      rounds_of(self).fetch_add(1, std::memory_order_relaxed);
      call([] { usleep(static_cast<useconds_t>(w16::block_ns / 1000)); });
    }
  }

  // The loop that is measured, and the report; ends the process, since hogs cannot be waited for.
  // `sleep` sleeps for a millisecond.
  template <class Sleep>
  [[noreturn]] void sleeper(Sleep&& sleep) {
    std::vector<std::int64_t> late;
    const auto sleep_until = [&](std::int64_t end) {
      for (std::int64_t start = now_ns(); start < end; start = now_ns()) {
        sleep();
        beats_.fetch_add(1, std::memory_order_relaxed);
        late.push_back(now_ns() - start - w16::sleep_ns);
      }
    };
    sleep_until(now_ns() + bench_.count(w16::warm_up_ns));
    late.clear();
    const std::optional<std::int64_t> before = monitor_ns();
    bench_.measure([&] { sleep_until(now_ns() + bench_.count(w16::measured_ns)); });
    if (before) {
      bench_.value("monitor_pct",
                   static_cast<double>(*monitor_ns() - *before) / 1e7 / bench_.wall_s());
    }
    stop_.store(true, std::memory_order_relaxed);
    report(std::move(late));
  }

 private:
  struct alignas(64) padded {
    std::atomic<std::int64_t> rounds{0};
  };

  static const w16::kind& find(const program& bench) {
    for (const w16::kind& kind : w16::kinds) {
      if (bench.chosen_case() == kind.name) return kind;
    }
    program::usage(BENCH_WORKLOAD, "--case takes one of the names in params.hpp");
  }

  std::atomic<std::int64_t>& rounds_of(std::int64_t self) {
    return rounds_[static_cast<std::size_t>(self)].rounds;
  }

  // CPU time of weft's monitor thread, where there is one.
  static std::optional<std::int64_t> monitor_ns() {
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
      std::string name;
      std::ifstream(task.path() / "comm") >> name;
      std::int64_t ns = 0;
      if (name == "weft-sysmon" && std::ifstream(task.path() / "schedstat") >> ns) return ns;
    }
    return std::nullopt;
  }

  [[noreturn]] void report(std::vector<std::int64_t> late) {
    std::int64_t ran = 0;
    for (std::int64_t i = 0; i < kind_.hogs; ++i) ran += rounds_of(i).load() > 0;
    bench_.expect("the number of hogs that ran", ran, kind_.hogs);
    bench_.expect("the number of sleeps that were too short",
                  std::count_if(late.begin(), late.end(), [](std::int64_t ns) { return ns < 0; }),
                  0);
    std::sort(late.begin(), late.end());
    const auto last = static_cast<double>(late.size() - 1);
    const auto at_ms = [&](double q) {
      return static_cast<double>(late[static_cast<std::size_t>(std::llround(last * q))]) / 1e6;
    };
    bench_.value("p50_ms", at_ms(0.5));
    bench_.value("p99_ms", at_ms(0.99));
    bench_.value("max_ms", at_ms(1));
    bench_.value("cpu_pct", 100 * bench_.cpu_s() / bench_.wall_s());
    std::_Exit(bench_.report());
  }

  // On a thread of its own, which no runtime knows.
  void watch() {
    std::int64_t seen = -1;
    for (std::int64_t since = now_ns(); !stop_.load(std::memory_order_relaxed);) {
      nap(20'000'000);
      const std::int64_t beats = beats_.load(std::memory_order_relaxed);
      if (beats != seen) {
        seen = beats;
        since = now_ns();
      } else if (now_ns() - since > w16::give_up_ns) {
        bench_.note("the fiber that sleeps for 1 ms did not run again within 2 s");
        std::_Exit(bench_.report());
      }
    }
  }

  program& bench_;
  const w16::kind& kind_;
  std::atomic<bool> stop_{false};
  std::atomic<std::int64_t> beats_{0};
  std::unique_ptr<padded[]> rounds_;
};

// One hog; `blocking` is how the system marks a call that may block.
template <class Blocking>
void run_hog(hogs& all, std::int64_t self, Blocking&& blocking) {
  switch (all.what()) {
    case w16::hog::spin:
      return all.spin(self);
    case w16::hog::malloc:
      return all.malloc_storm(self);
    case w16::hog::block:
      return all.block(self, blocking);
  }
}

}  // namespace bench
