// The names that the cells of the README's tables use.
#pragma once

#include "around.hpp"

namespace {

struct user_key {
  using value_type = std::string;
};

[[maybe_unused]] void f(int) {}
[[maybe_unused]] int g() { return 1; }
[[maybe_unused]] int x = 0;
[[maybe_unused]] int v = 0;
[[maybe_unused]] constexpr std::chrono::milliseconds t(1);
[[maybe_unused]] const weft::chan<int> c;
[[maybe_unused]] const weft::chan<int> d;
[[maybe_unused]] const weft::context ctx = weft::background();

}  // namespace
