#include "weft/pool.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/sync_support.hpp"

namespace {

using namespace weft_testing;

class pool : public per_procs {};
WEFT_TEST_PER_PROCS(pool);

// Counts how many of it there are.
class counted {
 public:
  explicit counted(std::atomic<int>* alive) : alive_(alive) { ++*alive_; }
  counted(counted&& other) noexcept : alive_(other.alive_) { ++*alive_; }
  counted& operator=(counted&&) = delete;
  ~counted() { --*alive_; }

 private:
  std::atomic<int>* alive_;
};

TEST_P(pool, makes_new_values_when_it_has_none) {
  in_fiber([] {
    int made = 0;
    weft::pool<int> p([&] { return ++made; });
    EXPECT_FALSE(p.try_get());
    EXPECT_EQ(p.get(), 1);
    EXPECT_EQ(p.get(), 2);
    EXPECT_EQ(weft::pool<int>().get(), 0);
    EXPECT_EQ(weft::pool<std::string>().get(), "");
  });
}

TEST(pool_on_one_proc, gives_back_what_was_put_last) {
  weft::run(
      [] {
        weft::pool<std::string> p;
        p.put("a");
        p.put("b");
        EXPECT_EQ(p.get(), "b");
        p.put("c");
        EXPECT_EQ(p.get(), "c");
        EXPECT_EQ(p.get(), "a");
        EXPECT_FALSE(p.try_get());
      },
      {.procs = 1});
}

TEST_P(pool, values_cross_from_thread_to_fiber_and_back) {
  weft::pool<int> p;
  p.put(7);
  in_fiber([&] {
    EXPECT_EQ(p.get(), 7);
    for (int i = 0; i < 20; ++i) {
      p.put(100 + i);  // more than a P keeps for itself
    }
  });
  EXPECT_GE(p.get(), 100);
}

TEST_P(pool, memory_is_bounded) {
  std::atomic<int> alive{0};
  {
    weft::pool<counted> p([&] { return counted(&alive); });
    auto fibers = spawn_many(16, [&](int) {
      for (int i = 0; i < scaled(1000, 200); ++i) {
        p.put(counted(&alive));
      }
    });
    join_all(fibers);
    EXPECT_LE(alive, procs() * 8 + 64);
    EXPECT_GE(alive, 8);
  }
  EXPECT_EQ(alive, 0);
}

// A value is with one user at a time.
TEST_P(pool, never_gives_out_a_value_twice) {
  std::atomic<int> made{0};
  weft::pool<std::unique_ptr<std::atomic<int>>> p([&] {
    ++made;
    return std::make_unique<std::atomic<int>>(0);
  });
  const int turns = scaled(3000, 300);
  const auto work = [&](int i) {
    std::vector<std::unique_ptr<std::atomic<int>>> mine;
    for (int turn = 0; turn < turns; ++turn) {
      if ((turn + i) % 5 < 3) {
        mine.push_back(p.get());
        EXPECT_EQ(mine.back()->fetch_add(1), 0);
      } else if (!mine.empty()) {
        EXPECT_EQ(mine.back()->fetch_sub(1), 1);
        p.put(std::move(mine.back()));
        mine.pop_back();
      }
      if (turn % 16 == 0) {
        weft::this_fiber::yield();
      }
      if (mine.size() > 10) {
        for (auto& value : mine) {
          value->store(0);
          p.put(std::move(value));
        }
        mine.clear();
      }
    }
  };
  auto fibers = spawn_many(8, work);
  thread_many(2, work);
  join_all(fibers);
  EXPECT_GT(made, 0);
}

// The user's code may wait and use the pool: it runs in no lock and no entry.
TEST_P(pool, factory_moves_and_destructor_may_wait) {
  struct slow {
    weft::pool<slow>* of = nullptr;
    slow() { weft::this_fiber::yield(); }
    slow(slow&& other) noexcept : of(std::exchange(other.of, nullptr)) {
      weft::this_fiber::yield();
    }
    slow& operator=(slow&&) = delete;
    ~slow() {
      weft::this_fiber::yield();
      if (of != nullptr) {
        static_cast<void>(of->try_get());
      }
    }
  };
  weft::pool<slow> p;
  auto fibers = spawn_many(12, [&](int i) {
    for (int turn = 0; turn < scaled(100, 20); ++turn) {
      slow a = p.get();
      slow b = p.get();
      if (i % 3 == 0) {
        a.of = &p;
      }
      p.put(std::move(b));
    }
  });
  join_all(fibers);
}

TEST_P(pool, exceptions_reach_the_caller) {
  in_fiber([] {
    weft::pool<int> failing([]() -> int { throw std::runtime_error("factory"); });
    EXPECT_THROW(failing.get(), std::runtime_error);

    struct throwing {
      bool armed = false;
      throwing() = default;
      throwing(throwing&& other) : armed(other.armed) {
        if (armed) {
          throw std::runtime_error("move");
        }
      }
    };
    weft::pool<throwing> p;
    throwing t;
    t.armed = true;
    EXPECT_THROW(p.put(std::move(t)), std::runtime_error);
    EXPECT_FALSE(p.try_get());
    p.put(throwing());
    EXPECT_TRUE(p.try_get());
  });
}

TEST_P(pool, over_aligned_values_are_aligned) {
  struct alignas(64) wide {
    int x = 0;
  };
  in_fiber([] {
    weft::pool<wide> p;
    for (int i = 0; i < 12; ++i) {
      p.put(wide{i});
    }
    for (int i = 0; i < 12; ++i) {
      const wide w = p.get();
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(&w) % 64, 0U);
    }
  });
}

TEST_P(pool, survives_a_restart_of_the_runtime) {
  weft::pool<int> p;
  in_fiber([&] { p.put(3); });
  weft::stop();
  weft::start({.procs = procs()});
  in_fiber([&] { static_cast<void>(p.get()); });
}

}  // namespace
