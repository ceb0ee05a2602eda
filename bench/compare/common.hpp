// What every C++ program of the comparison shares: the command line, the clock, the memory figures
// and the one line of JSON at the end. A program constructs one bench::program, takes its counts
// from it, runs its work once in small and once measured, checks the answer and reports. The
// macros BENCH_WORKLOAD and BENCH_SYSTEM come from the build: the folder's and the file's name.

#pragma once

#include <sys/resource.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "params.hpp"

namespace bench {

inline std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// CPU time of all threads of the process, user and system.
inline double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](timeval t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// A field of /proc/self/status in bytes, such as "VmRSS:". The high-water mark is read from there
// too, since ru_maxrss starts at the size of the process that called exec.
inline double status_bytes(const char* field) {
  std::ifstream status("/proc/self/status");
  const std::size_t length = std::strlen(field);
  for (std::string line; std::getline(status, line);) {
    if (line.compare(0, length, field) == 0) return std::stod(line.substr(length)) * 1024;
  }
  return 0;
}

// Resident memory plus the page tables that map it.
inline double footprint_bytes() { return status_bytes("VmRSS:") + status_bytes("VmPTE:"); }

// Hides a value of register size from the optimizer, so that work whose result is not used stays.
template <class T>
inline void keep(T& value) {
  asm volatile("" : "+r"(value) : : "memory");
}

class program {
 public:
  enum class workers_allowed { any, one };

  program(int argc, char** argv, const char* version,
          workers_allowed allowed = workers_allowed::any)
      : version_(version) {
    for (int i = 1; i < argc; ++i) {
      const std::string option = argv[i];
      if (i + 1 == argc) usage(argv[0], option + " needs a value");
      const char* value = argv[++i];
      char* end = nullptr;
      if (option == "--workers") {
        workers_ = static_cast<int>(std::strtol(value, &end, 10));
        if (*end != '\0' || workers_ < 1) usage(argv[0], "--workers takes a number from 1");
      } else if (option == "--scale") {
        scale_ = std::strtod(value, &end);
        if (*end != '\0' || !(scale_ > 0)) usage(argv[0], "--scale takes a number above 0");
      } else if (option == "--policy") {
        policy_ = value;
      } else if (option == "--case") {
        case_ = value;
      } else {
        usage(argv[0], "unknown option " + option);
      }
    }
    if (allowed == workers_allowed::one && workers_ != 1) {
      usage(argv[0], "this program is defined for --workers 1 only");
    }
  }

  int workers() const { return workers_; }
  double scale() const { return scale_; }

  // How the peer schedules, where it offers a choice; empty: the program's own default.
  const std::string& policy() const { return policy_; }

  // Which of a workload's cases to run, where it has some.
  const std::string& chosen_case() const { return case_; }

  // A full-size count times --scale, as a multiple of `unit` and at least one unit.
  std::int64_t count(std::int64_t full, std::int64_t unit = 1) const {
    const auto scaled = static_cast<std::int64_t>(std::llround(static_cast<double>(full) * scale_));
    return std::max<std::int64_t>(scaled / unit, 1) * unit;
  }

  // A hundredth of a count, for the warm-up: enough to start threads, fill caches and pools.
  static std::int64_t warm_up(std::int64_t n, std::int64_t unit = 1) {
    return std::max<std::int64_t>(n / 100 / unit, 1) * unit;
  }

  // Runs the measured part. Everything outside (runtime start, warm-up, checks) is not counted.
  template <class Work>
  void measure(Work&& work) {
    const double cpu = cpu_seconds();
    const std::int64_t start = now_ns();
    std::forward<Work>(work)();
    wall_s_ = static_cast<double>(now_ns() - start) * 1e-9;
    cpu_s_ = cpu_seconds() - cpu;
  }

  double wall_s() const { return wall_s_; }
  double cpu_s() const { return cpu_s_; }

  void expect(const char* what, std::int64_t actual, std::int64_t wanted) const {
    if (actual == wanted) return;
    std::fprintf(stderr, "%s.%s: wrong answer: %s is %lld, should be %lld\n", BENCH_WORKLOAD,
                 BENCH_SYSTEM, what, static_cast<long long>(actual),
                 static_cast<long long>(wanted));
    std::_Exit(1);
  }

  void value(const char* name, double v) { values_.emplace_back(name, v); }
  void note(std::string text) { note_ = std::move(text); }

  // Each prints the line and returns the exit status.
  int report_ns_per_op(std::int64_t operations) {
    value("ns_per_op", wall_s_ * 1e9 / static_cast<double>(operations));
    return report();
  }

  int report() {
    std::printf("{\"workload\": \"%s%s%s\", \"system\": \"%s\", \"version\": \"%s\", ",
                BENCH_WORKLOAD, case_.empty() ? "" : ".", case_.c_str(), BENCH_SYSTEM,
                version_.c_str());
    std::printf("\"workers\": %d, \"scale\": %g, ", workers_, scale_);
    for (const auto& [name, v] : values_) std::printf("\"%s\": %.6g, ", name.c_str(), v);
    if (!note_.empty()) std::printf("\"note\": \"%s\", ", note_.c_str());
    std::printf("\"peak_rss_mb\": %.1f, \"wall_s\": %.6f, \"cpu_s\": %.6f}\n",
                status_bytes("VmHWM:") / (1024 * 1024), wall_s_, cpu_s_);
    return std::fflush(stdout) == 0 ? 0 : 1;
  }

  [[noreturn]] static void usage(const char* self, const std::string& problem) {
    std::fprintf(stderr, "%s: %s\nusage: %s [--workers N] [--scale F] [--case NAME]\n", self,
                 problem.c_str(), self);
    std::exit(2);
  }

 private:
  std::string version_;
  std::string policy_;
  std::string case_;
  std::string note_;
  int workers_ = 1;
  double scale_ = 1;
  double wall_s_ = 0;
  double cpu_s_ = 0;
  std::vector<std::pair<std::string, double>> values_;
};

// Waits in the kernel, whatever runtime the thread may belong to.
inline void nap(std::int64_t ns) {
  const timespec length{ns / 1'000'000'000, ns % 1'000'000'000};
  nanosleep(&length, nullptr);
}

// The sleepers of W10: each must have slept at least as long as it asked for, and how much longer
// a sleep took on average is worth knowing.
inline void report_lateness(program& bench, const std::vector<std::int64_t>& late_ns) {
  std::int64_t in_full = 0;
  double sum = 0;
  for (const std::int64_t ns : late_ns) {
    in_full += ns >= 0;
    sum += static_cast<double>(ns);
  }
  bench.expect("the number of fibers that slept in full", in_full,
               static_cast<std::int64_t>(late_ns.size()));
  const auto sleeps = static_cast<double>(late_ns.size()) * w10::sleeps_per_fiber;
  bench.value("late_us", sum / sleeps / 1000);
}

// The middle and the slow end of a set of latencies, in microseconds.
inline void report_latencies(program& bench, std::vector<std::int64_t> ns) {
  std::sort(ns.begin(), ns.end());
  const auto at = [&ns](double q) {
    const auto last = static_cast<double>(ns.size() - 1);
    return static_cast<double>(ns[static_cast<std::size_t>(std::llround(last * q))]) / 1000;
  };
  bench.value("p50_us", at(0.50));
  bench.value("p99_us", at(0.99));
}

// Largest n <= 27 whose number of forks fits the scale.
inline int scaled_fib_n(const program& bench) {
  int n = w13::full_n;
  while (n > 2 && w13::spawns(n) > bench.count(w13::spawns(w13::full_n))) --n;
  return n;
}

// Largest power of ten that fits the scale: a 10-ary tree has no other sizes.
inline std::int64_t scaled_leaves(const program& bench) {
  std::int64_t leaves = w08::branches;
  while (leaves * w08::branches <= bench.count(w08::leaves)) leaves *= w08::branches;
  return leaves;
}

}  // namespace bench
