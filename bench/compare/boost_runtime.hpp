// Runs a program's main as a Boost.Fiber fiber on N threads, as the library's own examples do:
// every thread installs the same scheduling algorithm, the other threads sleep in a condition
// variable of the library until main is over. With one thread that is the default round_robin.
// With more, the algorithm is the workload's choice (the faster one, see bench/README.md);
// --policy overrides it so that the choice can be checked.

#pragma once

#include <atomic>
#include <boost/fiber/all.hpp>
#include <boost/version.hpp>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "common.hpp"

namespace bench {

namespace fibers = boost::fibers;

inline constexpr const char* boost_version = BOOST_LIB_VERSION;

// Idle threads of `stealing` spin; those of the other two sleep.
enum class boost_policy { stealing, stealing_suspend, shared };

inline boost_policy chosen_policy(const program& bench, boost_policy preferred) {
  if (bench.policy().empty()) return preferred;
  if (bench.policy() == "stealing") return boost_policy::stealing;
  if (bench.policy() == "stealing-suspend") return boost_policy::stealing_suspend;
  if (bench.policy() == "shared") return boost_policy::shared;
  std::fprintf(stderr, "--policy takes stealing, stealing-suspend or shared\n");
  std::exit(2);
}

// Runs main on `bench.workers()` threads, the calling one among them.
template <class Main>
void boost_run(const program& bench, boost_policy preferred, Main&& main) {
  const int workers = bench.workers();
  const boost_policy policy = chosen_policy(bench, preferred);
  const auto install = [workers, policy] {
    if (workers == 1) return;
    const auto threads = static_cast<std::uint32_t>(workers);
    if (policy == boost_policy::shared) {
      fibers::use_scheduling_algorithm<fibers::algo::shared_work>(true);
    } else {
      fibers::use_scheduling_algorithm<fibers::algo::work_stealing>(
          threads, policy == boost_policy::stealing_suspend);
    }
  };
  fibers::mutex mutex;
  fibers::condition_variable over;
  bool finished = false;
  const auto wait_for_end = [&] {
    std::unique_lock lock(mutex);
    over.wait(lock, [&] { return finished; });
  };
  std::vector<std::thread> threads;
  for (int i = 1; i < workers; ++i) {
    threads.emplace_back([&] {
      install();
      wait_for_end();
    });
  }
  install();
  fibers::fiber([&] {
    std::forward<Main>(main)();
    std::unique_lock lock(mutex);
    finished = true;
    lock.unlock();
    over.notify_all();
  }).detach();
  wait_for_end();
  for (std::thread& thread : threads) thread.join();
}

// The library has no wait_group; this one costs what Go's does: one atomic per done(), and the
// lock only for the last.
class boost_wait_group {
 public:
  void add(std::int64_t n) { count_.fetch_add(n, std::memory_order_relaxed); }

  void done() {
    if (count_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    std::unique_lock lock(mutex_);
    zero_ = true;
    zero_changed_.notify_all();
  }

  // For one waiter; the group can be used again afterwards.
  void wait() {
    std::unique_lock lock(mutex_);
    zero_changed_.wait(lock, [this] { return zero_; });
    zero_ = false;
  }

 private:
  std::atomic<std::int64_t> count_{0};
  fibers::mutex mutex_;
  fibers::condition_variable zero_changed_;
  bool zero_ = false;
};

inline constexpr std::size_t boost_stack_size = 16 * 1024;

// The library's pool of stacks. That pool is not safe to use from two threads, so with more than
// one it is behind a lock, which for this use beats the malloc'ed stacks of the library's own
// examples (free() gives the memory of a finished wave back to the kernel) by a factor of ten.
class boost_stack_pool {
 public:
  using traits_type = fibers::pooled_fixedsize_stack::traits_type;

  explicit boost_stack_pool(const program& bench)
      : state_(std::make_shared<state>(bench.workers() > 1)) {}

  boost::context::stack_context allocate() {
    const auto lock = state_->acquire();
    return state_->pool.allocate();
  }
  void deallocate(boost::context::stack_context& stack) {
    const std::shared_ptr<state> keep_alive = state_;
    const auto lock = keep_alive->acquire();
    keep_alive->pool.deallocate(stack);
  }

 private:
  struct state {
    explicit state(bool is_shared) : shared(is_shared) {}
    std::unique_lock<std::mutex> acquire() {
      return shared ? std::unique_lock(mutex) : std::unique_lock<std::mutex>();
    }
    const bool shared;
    std::mutex mutex;
    fibers::pooled_fixedsize_stack pool{boost_stack_size};
  };
  std::shared_ptr<state> state_;
};

// A fiber on a stack of the pool.
template <class F>
fibers::fiber boost_spawn(boost_stack_pool& pool, fibers::launch policy, F&& f) {
  return {policy, std::allocator_arg, pool, std::forward<F>(f)};
}

}  // namespace bench
