// Benchmarks of the sync types with the names, loops and parameters of Go's sync package; the Go
// side is bench/micro/go/sync_test.go.

#include <array>
#include <mutex>

#include "micro.hpp"

namespace {

void mutex_uncontended(benchmark::State& state) {
  weft::mutex mutex;
  for (auto _ : state) {
    mutex.lock();
    mutex.unlock();
  }
}

// Between two locks the fiber walks over 128 KiB of its own.
void mutex_spin(benchmark::State& state) {
  weft::mutex mutex;
  std::uint64_t low = 0, high = 0;
  static std::array<std::uint64_t, 16 << 10> data;
  for (auto _ : state) {
    mutex.lock();
    low -= 100;
    high += 100;
    mutex.unlock();
    for (std::size_t i = 0; i < data.size(); i += 4) {
      ++data[i];
      // Go's compiler does one element at a time; this one is not to do better by vectors.
      benchmark::ClobberMemory();
    }
  }
  benchmark::DoNotOptimize(low);
  benchmark::DoNotOptimize(high);
}

void shared_mutex_uncontended(benchmark::State& state) {
  weft::shared_mutex mutex;
  for (auto _ : state) {
    mutex.lock_shared();
    mutex.lock_shared();
    mutex.unlock_shared();
    mutex.unlock_shared();
    mutex.lock();
    mutex.unlock();
  }
}

void shared_mutex_write10(benchmark::State& state) {
  weft::shared_mutex mutex;
  int turn = 0;
  for (auto _ : state) {
    if (++turn % 10 == 0) {
      mutex.lock();
      mutex.unlock();
    } else {
      mutex.lock_shared();
      mutex.unlock_shared();
    }
  }
}

// Nine fibers meet again and again; the last to come wakes the eight that wait.
void cond8(benchmark::State& state) {
  constexpr int waiters = 8;
  micro::batch(state, [](std::int64_t n) {
    weft::mutex mutex;
    weft::condition_variable changed;
    weft::wait_group done;
    int arrived = 0;
    for (int f = 0; f < waiters + 1; ++f) {
      done.go([&, n] {
        for (std::int64_t i = 0; i < n; ++i) {
          std::unique_lock lock(mutex);
          if (arrived == -1) break;
          if (++arrived == waiters + 1) {
            arrived = 0;
            changed.notify_all();
          } else {
            changed.wait(lock);
          }
        }
        const std::unique_lock lock(mutex);
        arrived = -1;
        changed.notify_all();
      });
    }
    done.wait();
  });
}

void wait_group_uncontended(benchmark::State& state) {
  weft::wait_group group;
  for (auto _ : state) {
    group.add(1);
    group.done();
    group.wait();
  }
}

void pool(benchmark::State& state) {
  weft::pool<int> values;
  for (auto _ : state) {
    values.put(1);
    benchmark::DoNotOptimize(values.get());
  }
}

void once(benchmark::State& state) {
  weft::once once;
  for (auto _ : state) {
    once.call([] {});
    benchmark::ClobberMemory();
  }
}

}  // namespace

void micro::add_sync_benchmarks() {
  add("MutexUncontended", mutex_uncontended);
  add("MutexSpin", mutex_spin);
  add("RWMutexUncontended", shared_mutex_uncontended);
  add("RWMutexWrite10", shared_mutex_write10);
  add("Cond8", cond8);
  add("WaitGroupUncontended", wait_group_uncontended);
  add("Pool", pool);
  add("Once", once);
}
