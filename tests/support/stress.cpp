#include "support/stress.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <random>
#include <string_view>

namespace weft_testing {

stress_options parse_stress(int argc, char** argv) {
  stress_options options;
  options.seed = std::random_device{}();
  for (int i = 1; i < argc; i += 2) {
    const std::string_view name = argv[i];
    if (i + 1 == argc || (name != "--seed" && name != "--seconds" && name != "--procs")) {
      std::fprintf(stderr, "usage: %s [--seed N] [--seconds N] [--procs N]\n", argv[0]);
      std::exit(2);
    }
    const unsigned long long value = std::strtoull(argv[i + 1], nullptr, 10);
    if (name == "--seed") {
      options.seed = value;
    } else {
      (name == "--seconds" ? options.seconds : options.procs) = static_cast<int>(value);
    }
  }
  std::printf("%s --seed %llu --seconds %d --procs %d\n", argv[0],
              static_cast<unsigned long long>(options.seed), options.seconds, options.procs);
  std::fflush(stdout);
  limit_time(options);
  return options;
}

void require(bool condition, const char* what) {
  if (!condition) {
    std::fprintf(stderr, "stress: %s\n", what);
    std::abort();
  }
}

void limit_time(const stress_options& options) {
  alarm(static_cast<unsigned>(options.seconds) * 3 + 60);
}

}  // namespace weft_testing
