// A loop that calls nothing, on one P: it ends only if weft_enable_preemption() put polls into it.
#include <unistd.h>

#include <atomic>
#include <weft/weft.hpp>

int main() {
  alarm(60);
  std::atomic<bool> end{false};
  return weft::run(
      [&end] {
        weft::fiber<long> count = weft::spawn([&end] {
          long n = 0;
          while (!end.load(std::memory_order_relaxed)) {
            ++n;
          }
          return n;
        });
        weft::this_fiber::yield();
        end.store(true, std::memory_order_relaxed);
        return count.join() > 0 ? 0 : 1;
      },
      {.procs = 1});
}
