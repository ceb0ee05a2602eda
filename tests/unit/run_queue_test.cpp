// run_queue and global_queue alone, and against thieves.
#include "runtime/state/run_queue.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "runtime/state/g.hpp"
#include "runtime/state/global_queue.hpp"
#include "support/runtime_fixture.hpp"

namespace {

using weft::detail::G;
using weft::detail::global_queue;
using weft::detail::run_queue;

class run_queue_alone : public testing::TestWithParam<bool> {
 protected:
  run_queue_alone() : all(1000) {
    overflow.reserve(all.size());
    if (GetParam()) {
      queue.share();
    }
  }
  ~run_queue_alone() override { overflow.release(); }
  G* g(int i) { return &all[static_cast<std::size_t>(i)]; }

  std::vector<G> all;
  global_queue overflow;
  run_queue queue;
};

INSTANTIATE_TEST_SUITE_P(mode, run_queue_alone, testing::Bool(),
                         [](const auto& info) { return info.param ? "shared" : "alone"; });

TEST_P(run_queue_alone, is_first_in_first_out) {
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(queue.push_back(g(i), overflow), i > 0);
  }
  EXPECT_EQ(queue.size(), 100U);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(queue.pop_front(), g(i));
  }
  EXPECT_EQ(queue.pop_front(), nullptr);
  EXPECT_TRUE(queue.ring_empty());
}

TEST_P(run_queue_alone, runnext_displaces_to_the_tail) {
  EXPECT_FALSE(queue.push_next(g(0), overflow));
  EXPECT_TRUE(queue.push_next(g(1), overflow));
  EXPECT_TRUE(queue.push_next(g(2), overflow));
  EXPECT_EQ(queue.pop_next(), g(2));
  EXPECT_EQ(queue.pop_next(), nullptr);
  EXPECT_EQ(queue.pop_front(), g(0));
  EXPECT_EQ(queue.pop_front(), g(1));
}

TEST_P(run_queue_alone, overflow_moves_the_older_half) {
  const int capacity = run_queue::capacity;
  for (int i = 0; i < capacity; ++i) {
    queue.push_back(g(i), overflow);
  }
  EXPECT_TRUE(overflow.empty());
  EXPECT_TRUE(queue.push_back(g(capacity), overflow));
  EXPECT_EQ(overflow.size(), run_queue::capacity / 2 + 1);
  EXPECT_EQ(queue.size(), run_queue::capacity / 2);
  EXPECT_EQ(queue.pop_front(), g(capacity / 2));
}

TEST_P(run_queue_alone, wraps_around) {
  int next = 0;
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 200; ++i) {
      queue.push_back(g(i), overflow);
    }
    for (int i = 0; i < 200; ++i) {
      ASSERT_EQ(queue.pop_front(), g(i));
      ++next;
    }
  }
  EXPECT_TRUE(overflow.empty());
  EXPECT_EQ(next, 4000);
}

TEST(run_queue_thief, takes_half_rounded_up) {
  std::vector<G> all(10);
  global_queue overflow;
  run_queue victim;
  run_queue thief;
  EXPECT_EQ(victim.steal_half(thief), nullptr);
  victim.share();
  thief.share();
  EXPECT_EQ(victim.steal_half(thief), nullptr);
  for (G& g : all) {
    victim.push_back(&g, overflow);
  }
  EXPECT_EQ(victim.steal_half(thief), &all[4]);
  EXPECT_EQ(thief.size(), 4U);
  EXPECT_EQ(victim.size(), 5U);
  EXPECT_EQ(thief.pop_front(), &all[0]);
  EXPECT_EQ(victim.pop_front(), &all[5]);
}

TEST(run_queue_thief, cannot_steal_before_share) {
  std::vector<G> all(3);
  global_queue overflow;
  run_queue victim;
  run_queue thief;
  for (G& g : all) {
    victim.push_next(&g, overflow);
  }
  EXPECT_EQ(victim.steal_half(thief), nullptr);
  victim.share();
  EXPECT_NE(victim.steal_half(thief), nullptr);
  EXPECT_EQ(victim.pop_next(), &all[2]);
  EXPECT_EQ(victim.pop_next(), nullptr);
}

// An owner that pushes and pops every which way, thieves that steal: each G is got exactly once.
TEST(run_queue_thief, nothing_is_lost_or_doubled) {
  constexpr int count = weft_testing::scaled(40'000, 8'000);
  std::vector<G> all(count);
  std::vector<std::atomic<int>> got(count);
  global_queue overflow;
  overflow.reserve(count);
  run_queue owner;
  owner.share();
  std::atomic<bool> end{false};
  const auto note = [&](G* g) { ++got[static_cast<std::size_t>(g - all.data())]; };
  std::vector<std::thread> thieves;
  for (int t = 0; t < 3; ++t) {
    thieves.emplace_back([&] {
      auto mine = std::make_unique<run_queue>();
      mine->share();
      while (!end) {
        if (G* g = owner.steal_half(*mine); g != nullptr) {
          note(g);
          while (G* more = mine->pop_front()) {
            note(more);
          }
        }
      }
    });
  }
  for (int i = 0; i < count; ++i) {
    G* const g = &all[static_cast<std::size_t>(i)];
    i % 3 == 0 ? owner.push_next(g, overflow) : owner.push_back(g, overflow);
    if (i % 5 == 0) {
      if (G* next = owner.pop_next(); next != nullptr) {
        note(next);
      }
    }
    if (i % 7 == 0) {
      if (G* front = owner.pop_front(); front != nullptr) {
        note(front);
      }
    }
  }
  while (G* g = owner.pop_next()) {
    note(g);
  }
  while (G* g = owner.pop_front()) {
    note(g);
  }
  end = true;
  for (auto& t : thieves) {
    t.join();
  }
  while (G* g = overflow.pop_oldest()) {
    note(g);
  }
  overflow.release();
  for (const auto& n : got) {
    ASSERT_EQ(n, 1);
  }
}

}  // namespace
