// The slices that weft asks the kernel for are its own threads' alone.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <thread>

#include "support/on_procs.hpp"

namespace {

class kernel_slice : public weft_testing::on_procs {};
WEFT_ON_PROCS(kernel_slice);

// The calling thread's; 0 where the kernel does not tell.
std::uint64_t slice_ns() {
  std::array<unsigned char, 48> attributes{};  // struct sched_attr, SCHED_ATTR_SIZE_VER0
  constexpr std::size_t at_runtime = 24;
  std::uint64_t ns = 0;
  if (syscall(SYS_sched_getattr, 0, attributes.data(), attributes.size(), 0) == 0) {
    std::memcpy(&ns, attributes.data() + at_runtime, sizeof ns);
  }
  return ns;
}

std::uint64_t slice_of_a_new_thread_ns() {
  std::uint64_t ns = 0;
  std::thread([&] { ns = slice_ns(); }).join();
  return ns;
}

TEST_P(kernel_slice, is_not_inherited_by_threads_that_fibers_make) {
  const std::uint64_t usual = slice_of_a_new_thread_ns();
  if (usual == 0 || getpriority(PRIO_PROCESS, 0) < 0) {
    GTEST_SKIP() << "no slices to ask for (Linux 6.12), or a negative nice value";
  }
  run([usual] {
    EXPECT_NE(slice_ns(), usual);
    EXPECT_EQ(slice_of_a_new_thread_ns(), usual);
  });
  EXPECT_EQ(slice_of_a_new_thread_ns(), usual);
}

}  // namespace
