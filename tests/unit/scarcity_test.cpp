// What the runtime does when the system refuses threads or memory, and after fork().
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <new>
#include <sstream>
#include <string>
#include <system_error>
#include <vector>

#include "runtime/scheduler/scheduler.hpp"
#include "runtime/scheduler/world.hpp"
#include "support/child.hpp"
#include "support/runtime_fixture.hpp"
#include "weft/debug.hpp"
#include "weft/go.hpp"

namespace {

using namespace std::chrono_literals;
using weft::detail::testing_fail_threads;
using weft_testing::flag;
using weft_testing::run_in_child;

std::size_t occurrences(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++count;
  }
  return count;
}

TEST(scarcity, no_thread_at_all_makes_start_throw) {
  const auto child = run_in_child([] {
    testing_fail_threads = true;
    try {
      weft::start({.procs = 2});
      return 1;
    } catch (const std::system_error&) {
    }
    if (weft::running()) {
      return 2;
    }
    testing_fail_threads = false;
    weft::start({.procs = 2});
    const int got = weft::spawn([] { return 0; }).join();
    weft::stop();
    return got;
  });
  EXPECT_EQ(child.exit_status, 0) << child.errors;
}

// Fibers that all do get their turn, on the threads there are.
int run_with_threads_refused() {
  std::atomic<int> ran{0};
  for (int i = 0; i < 1000; ++i) {
    weft::go([&] {
      weft::this_fiber::yield();
      weft::this_fiber::sleep_for(10us);
      ++ran;
    });
  }
  const bool all = weft_testing::eventually([&] { return ran == 1000; }, 20s);
  weft::stop();
  return all ? 0 : 1;
}

TEST(scarcity, too_few_threads_run_everything_and_say_so_once) {
  const auto child = run_in_child([] {
    weft::start({.procs = 8});
    testing_fail_threads = true;
    return run_with_threads_refused();
  });
  EXPECT_EQ(child.exit_status, 0) << child.errors;
  EXPECT_EQ(occurrences(child.errors, "cannot create a thread"), 1U) << child.errors;
}

TEST(scarcity, process_limit_runs_everything_and_says_so_once) {
  if (getuid() != 0 || weft_testing::sanitized) {
    GTEST_SKIP() << "changes the user of a child";
  }
  const auto child = run_in_child([] {
    constexpr uid_t nobody_else = 54'321;
    if (setgid(nobody_else) != 0 || setuid(nobody_else) != 0) {
      return 9;
    }
    const rlimit three{3, 3};  // this thread, sysmon, one M
    setrlimit(RLIMIT_NPROC, &three);
    weft::start({.procs = 8});
    return run_with_threads_refused();
  });
  EXPECT_EQ(child.exit_status, 0) << child.errors;
  EXPECT_EQ(occurrences(child.errors, "cannot create a thread"), 1U) << child.errors;
}

TEST(scarcity, more_threads_than_allowed_is_fatal_and_explained) {
  const auto child = run_in_child([] {
    weft::start({.procs = 4, .max_threads = 1});
    std::atomic<bool> end{false};
    for (int i = 0; i < 100; ++i) {
      weft::go([&] {
        while (!end) {
          weft::this_fiber::yield();
        }
      });
    }
    weft::this_fiber::sleep_for(1h);
    return 0;
  });
  EXPECT_EQ(child.signal, SIGABRT);
  EXPECT_NE(child.errors.find("max_threads"), std::string::npos) << child.errors;
}

void limit_address_space(std::size_t more) {
  std::size_t pages = 0;
  FILE* const f = std::fopen("/proc/self/statm", "r");
  if (f == nullptr || std::fscanf(f, "%zu", &pages) != 1) {
    std::abort();
  }
  std::fclose(f);
  const rlimit limit{pages * 4096 + more, RLIM_INFINITY};
  setrlimit(RLIMIT_AS, &limit);
}

// Starts fibers that wait until memory is out; all of them end properly afterwards.
int fill_memory(bool from_fiber) {
  std::atomic<int> ended{0};
  int started = 0;
  flag go_on;
  const auto fill = [&] {
    try {
      for (;;) {
        weft::go([&] {
          go_on.wait();
          ++ended;
        });
        ++started;
      }
    } catch (const std::bad_alloc&) {
    } catch (const std::system_error&) {
    }
  };
  if (from_fiber) {
    weft::spawn(fill).join();
  } else {
    fill();
  }
  bool single_refused = false;
  try {
    weft::go({.stack_size = 1 << 30}, [] {});
  } catch (const std::bad_alloc&) {
    single_refused = true;
  }
  go_on.set();
  if (started < 50 || !single_refused ||
      !weft_testing::eventually([&] { return ended == started; }, 20s)) {
    return 1;
  }
  weft_testing::wait_until_idle();  // what an idle P does not need is there for this thread
  for (int i = 0; i < 100; ++i) {
    if (weft::spawn([i] { return i; }).join() != i) {
      return 2;
    }
  }
  weft::stop();
  return 0;
}

TEST(scarcity, out_of_address_space_go_throws_and_the_rest_goes_on) {
  if (weft_testing::sanitized) {
    GTEST_SKIP() << "a sanitizer's shadow needs the address space";
  }
  for (const bool from_fiber : {false, true}) {
    const auto child = run_in_child([from_fiber] {
      weft::start({.procs = 2});
      weft::this_fiber::sleep_for(1us);  // a thread's first wait allocates
      limit_address_space(800 << 20);
      return fill_memory(from_fiber);
    });
    EXPECT_EQ(child.exit_status, 0) << child.signal << child.errors;
  }
}

TEST(scarcity, start_without_memory_throws_and_works_later) {
  if (weft_testing::sanitized) {
    GTEST_SKIP() << "a sanitizer's shadow needs the address space";
  }
  const auto child = run_in_child([] {
    weft::start({.procs = 2});
    auto kept = weft::spawn([] { return 7; });  // its record outlives the runtime
    weft::stop();
    rlimit before;
    getrlimit(RLIMIT_AS, &before);
    limit_address_space(1 << 20);
    bool thrown = false;
    try {
      weft::start({.procs = 2, .stack_size = 64 << 20});
    } catch (const std::exception&) {
      thrown = true;
    }
    setrlimit(RLIMIT_AS, &before);
    if (!thrown || weft::running()) {
      return 1;
    }
    weft::start({.procs = 2});
    const int got = weft::spawn([] { return 0; }).join() + kept.join() - 7;
    weft::stop();
    return got;
  });
  EXPECT_EQ(child.exit_status, 0) << child.signal << child.errors;
}

// In a child of ours: the fork happens there, while the runtime runs.
int fork_and_use(void (*use)()) {
  weft::start({.procs = 2});
  weft::spawn([] {}).join();
  const pid_t child = fork();
  if (child == 0) {
    use();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  const int got = weft::spawn([] { return 0; }).join();  // the parent is unharmed
  weft::stop();
  return WIFSIGNALED(status) ? WTERMSIG(status) : 100 + WEXITSTATUS(status) + got;
}

TEST(fork_child, use_of_the_runtime_is_fatal_and_explained) {
  const auto uses = {+[] { weft::go([] {}); }, +[] { weft::spawn([] {}).join(); },
                     +[] { weft::start(); }, +[] { weft::this_fiber::sleep_for(1ms); }};
  for (const auto use : uses) {
    const auto child = run_in_child([use] { return fork_and_use(use); });
    EXPECT_EQ(child.exit_status, SIGABRT);
    EXPECT_NE(child.errors.find("fork"), std::string::npos) << child.errors;
  }
}

TEST(fork_child, exec_works) {
  const auto child = run_in_child(
      [] { return fork_and_use([] { execl("/bin/true", "true", static_cast<char*>(nullptr)); }); });
  EXPECT_EQ(child.exit_status, 100) << child.errors;
}

TEST(fork_child, exit_works_and_does_not_wait_for_threads_that_do_not_exist) {
  if (weft_testing::under_asan) {
    GTEST_SKIP() << "LeakSanitizer may wait for a lock that another thread held at the fork";
  }
  const auto child = run_in_child([] { return fork_and_use([] { std::exit(7); }); });
  EXPECT_EQ(child.exit_status, 107) << child.errors;
}

TEST(fork_child, dump_says_that_it_cannot_also_if_another_thread_was_dumping) {
  const auto child = run_in_child([] {
    weft::start({.procs = 2});
    const weft::detail::world_hold other;
    const pid_t forked = fork();
    if (forked == 0) {
      alarm(20);
      std::ostringstream out;
      weft::dump(out);
      _exit(out.str().find("could not be held") != std::string::npos ? 0 : 1);
    }
    int status = 0;
    waitpid(forked, &status, 0);
    return WIFSIGNALED(status) ? 100 + WTERMSIG(status) : WEXITSTATUS(status);
  });
  EXPECT_EQ(child.exit_status, 0) << child.errors;
}

TEST(fork_child, from_a_fiber_is_fatal_at_the_next_call) {
  const auto child = run_in_child([] {
    weft::start({.procs = 1});
    return weft::spawn([] {
             const pid_t forked = fork();
             if (forked == 0) {
               weft::this_fiber::yield();
               _exit(0);
             }
             int status = 0;
             waitpid(forked, &status, 0);
             return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
           })
        .join();
  });
  EXPECT_EQ(child.exit_status, SIGABRT) << child.errors;
}

}  // namespace
