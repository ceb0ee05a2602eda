// std::atomic for models: include this first, then the runtime's own headers and sources.
//
// After it the token `atomic` means model_atomic, so that `std::atomic<T>` in the code under test
// is weft_model::shimmed<T>, whose operations are scheduling points of the explorer. The macro
// lives in the model's translation unit only, and stands after the standard headers that the
// runtime includes, which therefore keep the real thing. A standard header that is missing here
// and uses atomics itself would fail to compile, not go wrong silently.
// The operating system (futex, membarrier, clock) is replaced by shim/runtime/machine/platform.hpp,
// which is found first on the include path.
#pragma once

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <climits>
#include <condition_variable>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

#include "tests/model/explore.hpp"

namespace weft_model {

template <class T>
class shimmed {
  static_assert(sizeof(T) <= sizeof(std::uint64_t) && std::is_trivially_copyable_v<T>);

 public:
  constexpr shimmed() noexcept : bits_(0) {}
  constexpr shimmed(T v) noexcept : bits_(initial(v)) {}
  shimmed(const shimmed&) = delete;
  shimmed& operator=(const shimmed&) = delete;

  T load(std::memory_order = std::memory_order_seq_cst) const noexcept {
    explorer& e = explorer::get();
    e.load_point(this);
    if (e.buffered()) {
      if (const std::uint64_t* own = e.own_store(&bits_)) {
        return from_bits(*own);
      }
    }
    e.say_value(bits_);
    return from_bits(bits_);
  }
  operator T() const noexcept { return load(); }

  void store(T v, std::memory_order order = std::memory_order_seq_cst) noexcept {
    explorer& e = explorer::get();
    e.point("store", this);
    e.say_value(to_bits(v));
    if (e.buffered() && order != std::memory_order_seq_cst) {
      e.push_store(&bits_, to_bits(v));
      return;
    }
    e.drain_own();
    bits_ = to_bits(v);
    e.wrote();
  }

  T exchange(T v, std::memory_order = std::memory_order_seq_cst) noexcept {
    return modify("exchange", [v](T) { return v; });
  }
  T fetch_add(T n, std::memory_order = std::memory_order_seq_cst) noexcept {
    return modify("fetch_add", [n](T old) { return static_cast<T>(old + n); });
  }
  T fetch_sub(T n, std::memory_order = std::memory_order_seq_cst) noexcept {
    return modify("fetch_sub", [n](T old) { return static_cast<T>(old - n); });
  }
  T fetch_or(T n, std::memory_order = std::memory_order_seq_cst) noexcept {
    return modify("fetch_or", [n](T old) { return static_cast<T>(old | n); });
  }
  T fetch_and(T n, std::memory_order = std::memory_order_seq_cst) noexcept {
    return modify("fetch_and", [n](T old) { return static_cast<T>(old & n); });
  }

  T operator++() noexcept { return static_cast<T>(fetch_add(1) + 1); }
  T operator--() noexcept { return static_cast<T>(fetch_sub(1) - 1); }
  T operator=(T v) noexcept {
    store(v);
    return v;
  }

  bool compare_exchange_strong(T& expected, T desired,
                               std::memory_order = std::memory_order_seq_cst,
                               std::memory_order = std::memory_order_seq_cst) noexcept {
    explorer& e = explorer::get();
    e.point("compare_exchange", this);
    e.drain_own();
    const T seen = from_bits(bits_);
    if (to_bits(seen) != to_bits(expected)) {
      e.say("  fails");
      e.say_value(bits_);
      expected = seen;
      return false;
    }
    bits_ = to_bits(desired);
    e.say_value(bits_);
    e.wrote();
    return true;
  }
  bool compare_exchange_weak(T& expected, T desired,
                             std::memory_order a = std::memory_order_seq_cst,
                             std::memory_order b = std::memory_order_seq_cst) noexcept {
    return compare_exchange_strong(expected, desired, a, b);
  }

 private:
  static constexpr std::uint64_t initial(T v) noexcept {
    if constexpr (std::is_pointer_v<T>) {
      return v == nullptr ? 0 : to_bits(v);
    } else {
      return static_cast<std::uint64_t>(v);
    }
  }
  static std::uint64_t to_bits(T v) noexcept {
    std::uint64_t bits = 0;
    std::memcpy(&bits, &v, sizeof v);
    return bits;
  }
  static T from_bits(std::uint64_t bits) noexcept {
    T v;
    std::memcpy(&v, &bits, sizeof v);
    return v;
  }
  template <class Change>
  T modify(const char* what, Change change) noexcept {
    explorer& e = explorer::get();
    e.point(what, this);
    e.drain_own();
    const T old = from_bits(bits_);
    bits_ = to_bits(change(old));
    e.say_value(bits_);
    e.wrote();
    return old;
  }

  std::uint64_t bits_;
};

// A model program's main: which scenarios hold. With the argument --must-fail (a weakened twin),
// one of them must show a violation.
class session {
 public:
  session(int argc, char** argv) : must_fail_(argc > 1 && argv[1] == std::string("--must-fail")) {}

  template <class Scenario>
  void holds(const char* name, const bounds& b) {
    if (must_fail_ && violated_) {
      return;
    }
    const verdict v = explorer::get().explore<Scenario>(b);
    std::printf("%-44s %9ld executions, %d preemptions%s: %s\n", name, v.executions, b.preemptions,
                b.store_buffers ? ", store buffers" : "",
                !v.violation.empty() ? v.violation.c_str()
                : v.complete         ? "holds"
                                     : "not finished within max_executions");
    std::fflush(stdout);
    violated_ |= !v.violation.empty();
    incomplete_ |= !v.complete;
  }

  int result() const {
    if (must_fail_) {
      std::puts(violated_ ? "the weakened twin fails, as it must"
                          : "the weakened twin HOLDS: the model does not see what was removed");
      return violated_ ? 0 : 1;
    }
    return violated_ || incomplete_ ? 1 : 0;
  }

 private:
  bool must_fail_;
  bool violated_ = false;
  bool incomplete_ = false;
};

}  // namespace weft_model

namespace std {
template <class T>
using model_atomic = weft_model::shimmed<T>;
}

#define atomic model_atomic
