// Fibers that do not come back to the runtime by themselves, and things that let them go.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>

namespace weft_testing {

// Computes, without a call, until told to end.
class spin_loop {
 public:
  void run() const {
    started_.store(true, std::memory_order_release);
    while (!end_.load(std::memory_order_acquire)) {
    }
  }
  void end() { end_.store(true, std::memory_order_release); }
  bool has_started() const { return started_.load(std::memory_order_acquire); }

 private:
  mutable std::atomic<bool> started_{false};
  std::atomic<bool> end_{false};
};

// A read that blocks its thread in the kernel until open() has been called as often.
class gate {
 public:
  gate() { EXPECT_EQ(pipe(ends_), 0); }
  ~gate() {
    close(ends_[0]);
    close(ends_[1]);
  }
  gate(const gate&) = delete;
  gate& operator=(const gate&) = delete;

  void pass() const {
    char byte = 0;
    while (read(ends_[0], &byte, 1) != 1) {
    }
  }
  void open() const { EXPECT_EQ(write(ends_[1], "x", 1), 1); }

 private:
  int ends_[2] = {-1, -1};
};

}  // namespace weft_testing
