// stop() from every state a fiber can be in; exceptions across waits and threads.
#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "support/child.hpp"
#include "support/runtime_fixture.hpp"
#include "weft/go.hpp"

namespace {

using namespace std::chrono_literals;
using weft::detail::wait_reason;
using weft_testing::flag;

class unwind : public weft_testing::per_procs {};
WEFT_TEST_PER_PROCS(unwind);

// Calls f when it is destroyed.
template <class F>
struct at_end {
  F f;
  ~at_end() { f(); }
};
template <class F>
at_end(F) -> at_end<F>;

TEST_P(unwind, sleeping_fibers_destroy_their_locals) {
  std::atomic<int> destroyed{0};
  for (int i = 0; i < 200; ++i) {
    weft::go([&] {
      const at_end count{[&] { ++destroyed; }};
      weft::this_fiber::sleep_for(1h);
      ADD_FAILURE() << "went on";
    });
  }
  ASSERT_TRUE(weft_testing::wait_until_waiting(wait_reason::sleep, 200));
  weft::stop();
  EXPECT_EQ(destroyed, 200);
}

TEST_P(unwind, sleep_without_end_is_ended) {
  std::atomic<int> destroyed{0};
  weft::go([&] {
    const at_end count{[&] { ++destroyed; }};
    weft::this_fiber::sleep_until(weft::clock::time_point::max());
  });
  weft::go([&] {
    const at_end count{[&] { ++destroyed; }};
    weft::this_fiber::sleep_for(weft::duration::max());
  });
  ASSERT_TRUE(weft_testing::wait_until_waiting(wait_reason::sleep, 2));
  weft::stop();
  EXPECT_EQ(destroyed, 2);
}

TEST_P(unwind, chains_of_joins_end) {
  std::atomic<int> unwound{0};
  weft::go([&] {
    const at_end count{[&] { ++unwound; }};
    auto inner = weft::spawn([&] {
      const at_end also{[&] { ++unwound; }};
      auto innermost = weft::spawn([&] {
        const at_end too{[&] { ++unwound; }};
        weft::this_fiber::sleep_for(1h);
      });
      innermost.join();
    });
    inner.join();
  });
  ASSERT_TRUE(weft_testing::wait_until_waiting(wait_reason::join, 2));
  ASSERT_TRUE(weft_testing::wait_until_waiting(wait_reason::sleep, 1));
  weft::stop();
  EXPECT_EQ(unwound, 3);
}

TEST_P(unwind, fibers_that_never_started_start_and_end) {
  std::atomic<int> begun{0};
  std::atomic<int> ended{0};
  for (int i = 0; i < 1000; ++i) {
    weft::go([&] {
      ++begun;
      const at_end count{[&] { ++ended; }};
      weft::this_fiber::sleep_for(1h);
    });
  }
  weft::stop();
  EXPECT_EQ(begun, 1000);
  EXPECT_EQ(ended, 1000);
}

TEST_P(unwind, yield_loops_end_when_their_condition_comes_true) {
  std::atomic<bool> done{false};
  for (int i = 0; i < 4; ++i) {
    weft::go([&] {
      while (!done) {
        weft::this_fiber::yield();
      }
    });
  }
  weft::go([&] {
    const at_end set{[&] { done = true; }};
    weft_testing::eventually(weft::stopping);  // parked before, it would wait for those loops
    weft::this_fiber::sleep_for(1h);
  });
  weft::stop();
  EXPECT_TRUE(done);
}

TEST_P(unwind, running_fibers_are_unwound_at_their_next_wait) {
  flag running;
  std::atomic<bool> go_on{false};
  bool unwound = false;
  weft::go([&] {
    running.set();
    while (!go_on) {
      weft::checkpoint();  // not a wait, unlike yield()
    }
    const at_end set{[&] { unwound = true; }};
    weft::this_fiber::sleep_for(1h);
  });
  running.wait();
  std::thread stopper([] { weft::stop(); });
  go_on = true;
  stopper.join();
  EXPECT_TRUE(unwound);
}

TEST_P(unwind, destructors_may_sleep_yield_and_join) {
  std::atomic<int> ended{0};
  for (int i = 0; i < 50; ++i) {
    weft::go([&, i] {
      const at_end waits{[&, i] {
        weft::this_fiber::yield();
        weft::this_fiber::sleep_for(std::chrono::microseconds(50 * (i % 5 + 1)));
        weft::this_fiber::yield();
        ++ended;
      }};
      auto joined = weft::spawn([&] {
        const at_end inner{[] { weft::this_fiber::sleep_for(200us); }};
        weft::this_fiber::sleep_for(1h);
      });
      weft::this_fiber::sleep_for(1h);
    });
  }
  ASSERT_TRUE(weft_testing::wait_until_waiting(wait_reason::sleep, 100));
  weft::stop();
  EXPECT_EQ(ended, 50);
}

TEST_P(unwind, destructors_may_start_fibers) {
  std::atomic<int> ran{0};
  for (int i = 0; i < 20; ++i) {
    weft::go([&] {
      const at_end starts{[&] {
        weft::go([&] {
          ++ran;
          weft::this_fiber::sleep_for(1h);
        });
        weft::spawn([&] { ++ran; }).join();
      }};
      weft::this_fiber::sleep_for(1h);
    });
  }
  ASSERT_TRUE(weft_testing::wait_until_waiting(wait_reason::sleep, 20));
  weft::stop();
  EXPECT_EQ(ran, 40);
}

TEST_P(unwind, plain_threads_that_sleep_or_join_are_unwound) {
  auto never = weft::spawn([] { weft::this_fiber::sleep_for(1h); });
  std::atomic<int> unwound{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      try {
        weft::this_fiber::sleep_for(1h);
      } catch (const weft::unwind&) {
        ++unwound;
      }
    });
  }
  threads.emplace_back([&] {
    try {
      never.join();
    } catch (const weft::unwind&) {
      ++unwound;
    }
  });
  ASSERT_TRUE(weft_testing::wait_until_threads_waiting(4));
  weft::stop();
  for (auto& t : threads) {
    t.join();
  }
  EXPECT_EQ(unwound, 4);
}

TEST_P(unwind, a_handle_that_a_thread_destroys_waits_for_the_end) {
  std::atomic<bool> ended{false};
  std::thread owner([&] {
    auto handle = weft::spawn([&] {
      const at_end set{[&] {
        weft::this_fiber::sleep_for(1ms);
        ended = true;
      }};
      weft::this_fiber::sleep_for(1h);
    });
  });
  ASSERT_TRUE(weft_testing::wait_until_threads_waiting(1));
  weft::stop();
  owner.join();
  EXPECT_TRUE(ended);
}

TEST_P(unwind, a_fiber_on_a_retired_p_is_waited_for) {
  weft::set_procs(8);
  std::atomic<int> busy{0};
  std::atomic<bool> end{false};
  for (int i = 0; i < 3; ++i) {
    weft::go([&] {
      ++busy;
      while (!end) {
      }
      --busy;
    });
  }
  ASSERT_TRUE(weft_testing::eventually([&] { return busy == 3; }));
  weft::set_procs(1);
  std::thread stopper([] { weft::stop(); });
  ASSERT_TRUE(weft_testing::eventually([] { return weft::procs() == 1; }));
  EXPECT_EQ(busy, 3);
  end = true;
  stopper.join();
  EXPECT_EQ(busy, 0);
}

// Exceptions -------------------------------------------------------------------------------------

// Moves on to whatever thread comes next.
void wander() {
  for (int i = 0; i < 5; ++i) {
    weft::this_fiber::yield();
  }
  weft::this_fiber::sleep_for(1us);
}

TEST_P(unwind, waits_inside_catch_keep_their_exception) {
  std::vector<weft::fiber<void>> fibers;
  for (int i = 0; i < weft_testing::scaled(200, 50); ++i) {
    fibers.push_back(weft::spawn([i] {
      try {
        throw std::runtime_error(std::to_string(i));
      } catch (const std::runtime_error& e) {
        wander();
        ASSERT_EQ(e.what(), std::to_string(i));
        try {
          throw i;
        } catch (const int n) {
          wander();
          ASSERT_EQ(n, i);
        }
        wander();
        try {
          throw;
        } catch (const std::exception& same) {
          ASSERT_EQ(same.what(), std::to_string(i));
        }
      }
      ASSERT_EQ(std::current_exception(), nullptr);
      ASSERT_EQ(std::uncaught_exceptions(), 0);
    }));
  }
  for (auto& f : fibers) {
    f.join();
  }
}

TEST_P(unwind, waits_inside_destructors_keep_the_exception_in_flight) {
  std::vector<weft::fiber<void>> fibers;
  for (int i = 0; i < weft_testing::scaled(200, 50); ++i) {
    fibers.push_back(weft::spawn([i] {
      try {
        const at_end outer{[] {
          ASSERT_EQ(std::uncaught_exceptions(), 1);
          try {
            const at_end inner{[] {
              ASSERT_EQ(std::uncaught_exceptions(), 2);
              wander();
              ASSERT_EQ(std::uncaught_exceptions(), 2);
            }};
            throw 1;
          } catch (int) {
            wander();
          }
          ASSERT_EQ(std::uncaught_exceptions(), 1);
        }};
        throw std::to_string(i);
      } catch (const std::string& s) {
        wander();
        ASSERT_EQ(s, std::to_string(i));
      }
    }));
  }
  for (auto& f : fibers) {
    f.join();
  }
}

TEST_P(unwind, stop_inside_catch_unwinds_through_it) {
  std::atomic<int> ended{0};
  for (int i = 0; i < 50; ++i) {
    weft::go([&] {
      const at_end count{[&] { ++ended; }};
      try {
        throw std::runtime_error("x");
      } catch (const std::runtime_error&) {
        weft::this_fiber::sleep_for(1h);
      }
    });
  }
  ASSERT_TRUE(weft_testing::wait_until_waiting(wait_reason::sleep, 50));
  weft::stop();
  EXPECT_EQ(ended, 50);
}

TEST_P(unwind, catch_all_that_rethrows_is_fine) {
  bool seen = false;
  weft::go([&] {
    try {
      weft::this_fiber::sleep_for(1h);
    } catch (...) {
      seen = true;
      throw;
    }
  });
  ASSERT_TRUE(weft_testing::wait_until_waiting(wait_reason::sleep, 1));
  weft::stop();
  EXPECT_TRUE(seen);
}

TEST_P(unwind, a_few_swallowed_ones_are_forgiven) {
  int swallowed = 0;
  weft::go([&] {
    for (int i = 0; i < 10; ++i) {
      try {
        weft::this_fiber::sleep_for(1h);
      } catch (...) {
        ++swallowed;
      }
    }
  });
  weft::stop();
  EXPECT_EQ(swallowed, 10);
}

TEST(unwind_fatal, swallowing_for_ever_is_explained) {
  const auto child = weft_testing::run_in_child([] {
    weft::start({.procs = 2});
    weft::go([] {
      for (;;) {
        try {
          weft::this_fiber::sleep_for(1h);
        } catch (...) {
        }
      }
    });
    weft::stop();
    return 0;
  });
  EXPECT_EQ(child.signal, SIGABRT);
  EXPECT_NE(child.errors.find("catch (...) must rethrow"), std::string::npos) << child.errors;
}

TEST(unwind_fatal, destructors_that_wait_for_ever_are_explained) {
  const auto child = weft_testing::run_in_child([] {
    weft::start({.procs = 2});
    static weft::fiber<void> self;
    flag bound;
    self = weft::spawn([&] {
      bound.wait();
      self = {};  // waits for itself
    });
    bound.set();
    weft_testing::wait_until_waiting(wait_reason::join, 1);
    weft::go([] { weft::this_fiber::sleep_for(1h); });
    weft::stop();
    return 0;
  });
  EXPECT_EQ(child.signal, SIGABRT);
  EXPECT_NE(child.errors.find("can no longer happen"), std::string::npos) << child.errors;
}

}  // namespace
