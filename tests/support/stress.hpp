// The command line of a stress program: --seed N (random and printed if not given), --seconds N,
// --procs N. And what all of them need.
#pragma once

#include <chrono>
#include <cstdint>

namespace weft_testing {

struct stress_options {
  std::uint64_t seed = 0;
  int seconds = 5;
  int procs = 4;
};

// Parses and prints them; exits with status 2 for a wrong command line.
stress_options parse_stress(int argc, char** argv);

// Ends the process with status 1 and the text when the condition does not hold.
void require(bool condition, const char* what);

// Ends the process with status 1 when it has not ended this long after its time.
void limit_time(const stress_options& options);

class stopwatch {
 public:
  explicit stopwatch(int seconds)
      : end_(std::chrono::steady_clock::now() + std::chrono::seconds(seconds)) {}
  bool running() const { return std::chrono::steady_clock::now() < end_; }

 private:
  std::chrono::steady_clock::time_point end_;
};

}  // namespace weft_testing
