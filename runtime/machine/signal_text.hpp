// Text for a signal handler to print: no allocation, no locks, async-signal-safe throughout.
#pragma once

#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weft::detail {

class signal_text {
 public:
  signal_text& operator<<(std::string_view text) noexcept {
    for (const char c : text) {
      put(c);
    }
    return *this;
  }
  signal_text& operator<<(char c) noexcept {
    put(c);
    return *this;
  }
  signal_text& operator<<(const char* text) noexcept { return *this << std::string_view(text); }
  signal_text& operator<<(std::uint64_t number) noexcept { return digits(number, 10); }
  signal_text& operator<<(const void* address) noexcept {
    *this << "0x";
    return digits(reinterpret_cast<std::uintptr_t>(address), 16);
  }

  // To stderr; empty afterwards.
  void print() noexcept {
    const char* from = text_;
    while (length_ > 0) {
      const ssize_t n = write(STDERR_FILENO, from, length_);
      if (n <= 0) {
        break;
      }
      from += n;
      length_ -= static_cast<std::size_t>(n);
    }
    length_ = 0;
  }

 private:
  void put(char c) noexcept {
    if (length_ == sizeof text_) {
      print();
    }
    text_[length_++] = c;
  }

  signal_text& digits(std::uint64_t number, unsigned base) noexcept {
    char reversed[20];
    int n = 0;
    do {
      reversed[n++] = "0123456789abcdef"[number % base];
      number /= base;
    } while (number != 0);
    while (n > 0) {
      put(reversed[--n]);
    }
    return *this;
  }

  char text_[512];
  std::size_t length_ = 0;
};

}  // namespace weft::detail
