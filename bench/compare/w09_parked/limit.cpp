// W9 parked, floor: one reservation of address space cut into stacks of 256 KiB; of each the lowest
// page is made a guard and the highest is written to. That is what the kernel asks for a parked
// fiber before any runtime has put a record to it. The guards are those of Linux 6.13, which split
// no mapping; an older kernel gets none here, and the line says so.

#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../common.hpp"

namespace {

constexpr std::size_t stack_size = 256 * 1024;
constexpr std::size_t page = 4096;
constexpr int madv_guard_install = 102;

class stacks {
 public:
  explicit stacks(std::int64_t n) : size_(static_cast<std::size_t>(n) * stack_size) {
    void* base = mmap(nullptr, size_, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) {
      std::perror("mmap");
      std::exit(1);
    }
    base_ = static_cast<char*>(base);
    madvise(base_, size_, MADV_NOHUGEPAGE);
  }
  ~stacks() { munmap(base_, size_); }
  stacks(const stacks&) = delete;
  stacks& operator=(const stacks&) = delete;

  // In batches where the kernel takes them, else one by one. Returns how many could be made.
  std::int64_t install_guards() {
    const int self = static_cast<int>(syscall(SYS_pidfd_open, getpid(), 0));
    std::vector<iovec> batch;
    std::int64_t guards = 0;
    for (std::size_t at = 0; at < size_; at += stack_size) {
      batch.push_back({base_ + at, page});
      if (batch.size() < 1024 && at + stack_size < size_) continue;
      const long done =
          syscall(SYS_process_madvise, self, batch.data(), batch.size(), madv_guard_install, 0);
      if (done == static_cast<long>(batch.size() * page)) {
        guards += static_cast<std::int64_t>(batch.size());
      } else {
        for (const iovec& guard : batch) {
          guards += madvise(guard.iov_base, page, madv_guard_install) == 0;
        }
      }
      batch.clear();
    }
    close(self);
    return guards;
  }

  void touch() {
    for (std::size_t at = stack_size; at <= size_; at += stack_size) base_[at - 64] = 1;
  }

  std::int64_t touched() const {
    std::int64_t sum = 0;
    for (std::size_t at = stack_size; at <= size_; at += stack_size) sum += base_[at - 64];
    return sum;
  }

 private:
  std::size_t size_;
  char* base_ = nullptr;
};

}  // namespace

int main(int argc, char** argv) {
  bench::program bench(argc, argv, "1", bench::program::workers_allowed::one);
  const std::int64_t n = bench.count(bench::w09::fibers);
  stacks(100).touch();
  const double before = bench::footprint_bytes();
  stacks made(n);
  std::int64_t guards = 0;
  bench.measure([&] {
    guards = made.install_guards();
    made.touch();
  });
  bench.value("ms", bench.wall_s() * 1000);
  bench.value("bytes_per_fiber", (bench::footprint_bytes() - before) / static_cast<double>(n));
  bench.expect("the number of pages written to", made.touched(), n);
  if (guards < n) bench.note("without guards: this kernel has no MADV_GUARD_INSTALL");
  return bench.report();
}
