// Says that a fiber leaves its thread while it holds a lock: the function that weft looks for.
//
//   WEFT_MUTEX_CHECK=warn   say it, once for each place and wait reason (the default)
//   WEFT_MUTEX_CHECK=abort  say it and abort()
//
// It is called with locks of the runtime held: writes to descriptor 2, calls nothing of weft.
#include <cxxabi.h>
#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>

#include "held.hpp"
#include "weft/detail/switch_hook.hpp"

namespace weft_mutex_check {

namespace {

// One write for a whole report, so that those of two threads do not mix.
class message {
 public:
  [[gnu::format(printf, 2, 3)]] void add(const char* format, ...) noexcept {
    va_list arguments;
    va_start(arguments, format);
    const int n = std::vsnprintf(text_ + length_, sizeof text_ - length_, format, arguments);
    va_end(arguments);
    if (n > 0) {
      length_ = std::min(length_ + static_cast<std::size_t>(n), sizeof text_ - 1);
    }
  }

  void write() const noexcept {
    for (std::size_t done = 0; done < length_;) {
      const ssize_t n = ::write(STDERR_FILENO, text_ + done, length_ - done);
      if (n <= 0) {
        return;
      }
      done += static_cast<std::size_t>(n);
    }
  }

 private:
  char text_[4096];
  std::size_t length_ = 0;
};

bool shall_abort() noexcept {
  static const bool answer = [] {
    const char* const value = std::getenv("WEFT_MUTEX_CHECK");
    if (value == nullptr || std::strcmp(value, "warn") == 0) {
      return false;
    }
    if (std::strcmp(value, "abort") != 0) {
      message m;
      m.add("weft: WEFT_MUTEX_CHECK is '%s', but must be warn or abort; taken for warn\n", value);
      m.write();
    }
    return std::strcmp(value, "abort") == 0;
  }();
  return answer;
}

// A set of hashes that only grows; when it is full nothing is new any more.
bool is_new(const place& where, const char* reason) noexcept {
  static std::atomic<std::uint64_t> seen[1024];
  std::uint64_t hash = reinterpret_cast<std::uintptr_t>(reason);
  for (int i = 0; i < where.depth; ++i) {
    hash = (hash ^ reinterpret_cast<std::uintptr_t>(where.frames[i])) * 0x9e3779b97f4a7c15U;
    hash ^= hash >> 32;
  }
  hash |= 1;
  for (std::size_t probe = 0; probe < std::size(seen); ++probe) {
    std::uint64_t expected = 0;
    if (seen[(hash + probe) % std::size(seen)].compare_exchange_strong(expected, hash,
                                                                       std::memory_order_relaxed)) {
      return true;
    }
    if (expected == hash) {
      return false;
    }
  }
  return false;
}

void add_frame(message& m, void* address) noexcept {
  // The call, not the instruction after it, which may belong to something else.
  auto* const call = static_cast<char*>(address) - 1;
  Dl_info info{};
  if (dladdr(call, &info) == 0 || info.dli_fname == nullptr) {
    m.add("      %p\n", address);
    return;
  }
  const char* const slash = std::strrchr(info.dli_fname, '/');
  const char* const file = slash != nullptr ? slash + 1 : info.dli_fname;
  const auto offset = static_cast<std::size_t>(call - static_cast<char*>(info.dli_fbase));
  if (info.dli_sname == nullptr) {
    m.add("      %s+0x%zx\n", file, offset);
    return;
  }
  char* const readable = abi::__cxa_demangle(info.dli_sname, nullptr, nullptr, nullptr);
  m.add("      %s (%s+0x%zx)\n", readable != nullptr ? readable : info.dli_sname, file, offset);
  std::free(readable);
}

void report(const held_lock& lock, void* arg) {
  const auto& info = *static_cast<const weft::detail::switch_info*>(arg);
  if (!is_new(lock.locked_at, info.reason)) {
    return;
  }
  message m;
  m.add("weft: fiber %llu", static_cast<unsigned long long>(info.fiber));
  if (*info.name != '\0') {
    m.add(" \"%s\"", info.name);
  }
  m.add(" waits (%s) while it holds the pthread %s %p, locked at\n", info.reason, lock.kind,
        lock.address);
  for (int i = 0; i < lock.locked_at.depth; ++i) {
    add_frame(m, lock.locked_at.frames[i]);
  }
  m.add(
      "    Until it is unlocked it blocks whole threads, and a fiber may go on on another thread, "
      "which must not unlock it. weft::mutex may be held.\n");
  m.write();
}

}  // namespace

}  // namespace weft_mutex_check

// The name that weft/detail/switch_hook.hpp fixes.
extern "C" [[gnu::visibility("default")]] void weft_on_fiber_switch_1(
    const weft::detail::switch_info* info) noexcept {
  using namespace weft_mutex_check;
  weft::detail::switch_info copy = *info;
  if (take_held(report, &copy) && shall_abort()) {
    std::abort();
  }
}
