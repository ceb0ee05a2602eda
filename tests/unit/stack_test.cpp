// Stacks: sizes, hand-out, guards of both kinds, limits, address space, trimming, threads.
#include "runtime/fiber/stack.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <new>
#include <set>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#if defined(WEFT_SANITIZE_ADDRESS)
#include <sanitizer/asan_interface.h>
#endif

#include "runtime/fiber/guard_testing.hpp"

namespace weft::detail {
namespace {

#if defined(WEFT_SANITIZE_ADDRESS) || defined(WEFT_SANITIZE_THREAD)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif

constexpr std::size_t kib = 1024;

std::size_t page() { return static_cast<std::size_t>(sysconf(_SC_PAGESIZE)); }

bool is_mapped(const std::byte* address) {
  unsigned char resident = 0;
  auto* const start =
      reinterpret_cast<std::byte*>(reinterpret_cast<std::uintptr_t>(address) / page() * page());
  return mincore(start, page(), &resident) == 0 || errno != ENOMEM;
}

std::size_t resident_pages(const stack* s) {
  std::vector<unsigned char> resident(s->size / page());
  EXPECT_EQ(mincore(s->limit, s->size, resident.data()), 0);
  return static_cast<std::size_t>(
      std::count_if(resident.begin(), resident.end(), [](unsigned char p) { return p & 1; }));
}

// What a chain of calls `depth` bytes deep leaves behind.
void use(stack* s, std::size_t depth) {
  for (std::byte* p = s->top - 1; p >= s->limit && p >= s->top - depth; p -= page()) {
    *p = std::byte{1};
  }
}

std::size_t mappings() {
  std::ifstream maps("/proc/self/maps");
  std::size_t lines = 0;
  for (std::string line; std::getline(maps, line);) {
    ++lines;
  }
  return lines;
}

// The signal that ends a child that writes to `address`; 0 when it survives.
int signal_of_write(std::byte* address) {
  const pid_t child = fork();
  if (child == 0) {
    signal(SIGSEGV, SIG_DFL);  // a sanitizer's handler would exit instead
    signal(SIGBUS, SIG_DFL);
    *reinterpret_cast<volatile std::byte*>(address) = std::byte{1};
    _exit(0);
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

std::vector<stack*> to_vector(stack* list) {
  std::vector<stack*> result;
  for (; list != nullptr; list = list->next) {
    result.push_back(list);
  }
  return result;
}

std::vector<stack*> take_exactly(std::size_t n) {
  std::vector<stack*> result;
  while (result.size() < n) {
    for (stack* s : to_vector(stack_depot::take(n - result.size()))) {
      result.push_back(s);
    }
  }
  return result;
}

void give_all(const std::vector<stack*>& stacks) {
  stack* list = nullptr;
  for (stack* s : stacks) {
    s->next = list;
    list = s;
  }
  stack_depot::give(list);
}

class stack_test : public ::testing::Test {
 protected:
  void SetUp() override { configure({}); }
  void TearDown() override {
    stack_depot::unreserve(stack_depot::snapshot().reserved);
    stack_depot::release_all();
    EXPECT_EQ(stack_depot::snapshot().address_bytes, 0U);
    testing::force_mprotect_guards(false);
    testing::set_max_map_count(0);
    stack_depot::configure({});
  }

  static void configure(const stack_options& options) { stack_depot::configure(options); }
  static void configure_mprotect(std::size_t max_map_count, bool allow_unguarded = false) {
    testing::force_mprotect_guards(true);
    testing::set_max_map_count(max_map_count);
    configure({.allow_unguarded = allow_unguarded});
  }
};

TEST_F(stack_test, sizes_are_rounded_up) {
  const struct {
    std::size_t asked, given;
  } cases[] = {{0, 16 * kib},        {1, 16 * kib},
               {16 * kib, 16 * kib}, {16 * kib + 1, 16 * kib + page()},
               {64 * kib, 64 * kib}, {1000 * kib + 1, 1000 * kib + page()}};
  for (const auto& c : cases) {
    if (c.given % page() != 0) {
      continue;  // pages larger than the case
    }
    configure({.stack_size = c.asked});
    EXPECT_EQ(stack_depot::stack_size(), c.given) << c.asked;
    stack_depot::reserve(1);
    stack* const s = stack_depot::take(1);
    EXPECT_EQ(s->size, c.given);
    give_all({s});
    stack_depot::unreserve(1);
    stack_depot::release_all();
  }
}

TEST_F(stack_test, stacks_do_not_overlap_and_are_writable) {
  stack_depot::reserve(200);
  std::vector<stack*> stacks = take_exactly(200);
  std::set<std::byte*> limits;
  for (stack* s : stacks) {
    EXPECT_EQ(s->size, stack_depot::stack_size());
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(s->limit) % page(), 0U);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(s->top) % 16, 0U);
    EXPECT_GT(s->top, s->limit + s->size - page());
    EXPECT_LE(s->top, s->limit + s->size - sizeof(stack));
    EXPECT_EQ(s->tsan_fiber, nullptr);
    limits.insert(s->limit);
  }
  ASSERT_EQ(limits.size(), stacks.size());
  for (auto low = limits.begin(), high = std::next(low); high != limits.end(); ++low, ++high) {
    EXPECT_GE(*high - *low, static_cast<std::ptrdiff_t>(stack_depot::stack_size() + page()));
  }
  std::memset(stacks[7]->limit, 0xee, static_cast<std::size_t>(stacks[7]->top - stacks[7]->limit));
  EXPECT_EQ(stacks[7]->size, stack_depot::stack_size());
  give_all(stacks);
}

TEST_F(stack_test, tops_have_sixteen_colours) {
  stack_depot::reserve(64);
  const std::vector<stack*> stacks = take_exactly(64);
  std::vector<std::size_t> count(page() / 128);
  for (const stack* s : stacks) {
    ++count[reinterpret_cast<std::uintptr_t>(s->top) % page() / 128];
  }
  EXPECT_EQ(std::count(count.begin(), count.end(), 4U), 16);
  give_all(stacks);
}

TEST_F(stack_test, a_stack_costs_one_page_and_none_before_it_is_taken) {
  stack_depot::reserve(64);
  stack* const s = stack_depot::take(1);
  EXPECT_EQ(resident_pages(s), 1U);
  use(s, 1000);
  EXPECT_EQ(resident_pages(s), 1U);
  unsigned char resident = 1;
  std::byte* const next_top = s->limit + s->size + page() + s->size - page();
  ASSERT_EQ(mincore(next_top, page(), &resident), 0);
  EXPECT_EQ(resident & 1, 0);
  give_all({s});
}

TEST_F(stack_test, given_stacks_are_taken_again) {
  stack_depot::reserve(64);
  const std::vector<stack*> first = take_exactly(10);
  give_all(first);
  const std::vector<stack*> second = take_exactly(10);
  EXPECT_EQ(std::set<stack*>(first.begin(), first.end()),
            std::set<stack*>(second.begin(), second.end()));
  give_all(second);
}

TEST_F(stack_test, lists_are_divided_and_joined) {
  stack_depot::reserve(64);
  const std::vector<stack*> all = take_exactly(20);
  give_all({all.begin(), all.begin() + 3});
  give_all({all.begin() + 3, all.end()});
  std::vector<stack*> again = to_vector(stack_depot::take(5));
  EXPECT_EQ(again.size(), 5U);
  for (stack* s : to_vector(stack_depot::take(14))) {
    again.push_back(s);
  }
  EXPECT_EQ(again.size(), 19U);
  again.push_back(stack_depot::take(1));
  EXPECT_EQ(std::set<stack*>(all.begin(), all.end()), std::set<stack*>(again.begin(), again.end()));
  give_all(again);
}

TEST_F(stack_test, the_snapshot_adds_up) {
  stack_depot::reserve(100);
  const auto before = stack_depot::snapshot();
  EXPECT_EQ(before.reserved, 100U);
  EXPECT_GE(before.mapped, 100U);
  EXPECT_EQ(before.free, before.mapped);
  EXPECT_EQ(before.address_bytes, before.mapped * (stack_depot::stack_size() + page()));
  const std::vector<stack*> taken = take_exactly(30);
  EXPECT_EQ(stack_depot::snapshot().free, before.mapped - 30);
  give_all(taken);
  EXPECT_EQ(stack_depot::snapshot().free, before.mapped);
  stack_depot::unreserve(40);
  EXPECT_EQ(stack_depot::snapshot().reserved, 60U);
  stack_depot::reserve(40);
  EXPECT_EQ(stack_depot::snapshot().mapped, before.mapped) << "what is there was not used";
}

TEST_F(stack_test, caches_hold_back_no_reserved_stack) {
  constexpr std::size_t fibers = 256;
  for (std::size_t i = 0; i < fibers; i += 64) {
    stack_depot::reserve(64);
  }
  // Fill as many caches as there are, then ask for every reserved stack through one more.
  std::vector<stack_cache> caches(8);
  for (stack_cache& cache : caches) {
    std::vector<stack*> held;
    for (int i = 0; i < 120; ++i) {
      held.push_back(cache.get());
    }
    for (stack* s : held) {
      cache.put(s);
    }
  }
  std::vector<stack*> running;
  for (std::size_t i = 0; i < fibers; ++i) {
    running.push_back(caches[0].get());
  }
  EXPECT_EQ(std::set<stack*>(running.begin(), running.end()).size(), fibers);
  for (stack* s : running) {
    caches[1].put(s);
  }
  for (stack_cache& cache : caches) {
    cache.drain();
  }
  const auto after = stack_depot::snapshot();
  EXPECT_EQ(after.free, after.mapped);
}

TEST_F(stack_test, a_cache_hands_out_the_warmest) {
  stack_depot::reserve(64);
  stack_cache cache;
  stack* const a = cache.get();
  stack* const b = cache.get();
  cache.put(a);
  cache.put(b);
  EXPECT_EQ(cache.get(), b);
  EXPECT_EQ(cache.get(), a);
  cache.put(a);
  cache.put(b);
  cache.drain();
}

// --- guards

void expect_guards() {
  ASSERT_NE(stack_depot::guard(), guard_kind::none);
  const std::size_t n = stack_depot::snapshot().mapped;
  std::vector<stack*> stacks = take_exactly(n);
  std::sort(stacks.begin(), stacks.end());
  for (const stack* s : {stacks.front(), stacks[n / 2], stacks.back()}) {
    EXPECT_EQ(signal_of_write(s->limit - 1), SIGSEGV);
    EXPECT_EQ(signal_of_write(s->limit - page()), SIGSEGV);
    EXPECT_EQ(signal_of_write(s->limit), 0);
  }
  EXPECT_EQ(signal_of_write(stacks.front()->limit + stacks.front()->size), SIGSEGV);
  give_all(stacks);
}

TEST_F(stack_test, guards_by_madvise_stop_a_write) {
  if (stack_depot::guard() != guard_kind::madvise) {
    GTEST_SKIP() << "this kernel has no MADV_GUARD_INSTALL (Linux 6.13)";
  }
  stack_depot::reserve(64);
  expect_guards();
}

TEST_F(stack_test, guards_by_mprotect_stop_a_write) {
  configure_mprotect(0);
  EXPECT_EQ(stack_depot::guard(), guard_kind::mprotect);
  stack_depot::reserve(64);
  expect_guards();
}

TEST_F(stack_test, trimming_leaves_the_guard) {
  stack_depot::reserve(1);
  stack* const s = stack_depot::take(1);
  use(s, s->size);
  give_all({s});
  EXPECT_EQ(signal_of_write(s->limit - 1), SIGSEGV);
}

TEST_F(stack_test, every_stack_of_many_has_its_guard) {
  // Reads instead of writes by children: a system call that fails with EFAULT.
  int pipe_ends[2];
  ASSERT_EQ(pipe(pipe_ends), 0);
  for (const bool mprotect : {false, true}) {
    if (mprotect) {
      configure_mprotect(0);
    }
    stack_depot::reserve(3000);
    const std::vector<stack*> stacks = take_exactly(stack_depot::snapshot().mapped);
    for (const stack* s : stacks) {
      ASSERT_EQ(write(pipe_ends[1], s->limit - 1, 1), -1);
      ASSERT_EQ(errno, EFAULT);
      ASSERT_EQ(write(pipe_ends[1], s->limit - page(), 1), -1);
    }
    give_all(stacks);
    stack_depot::unreserve(3000);
    stack_depot::release_all();
  }
  close(pipe_ends[0]);
  close(pipe_ends[1]);
}

TEST_F(stack_test, too_few_mappings_is_an_error_with_advice) {
  configure_mprotect(1000);
  stack_depot::reserve(300);  // 7/8 of 1000, two each: 437
  const auto before = stack_depot::snapshot();
  try {
    stack_depot::reserve(200);
    FAIL() << "no error";
  } catch (const std::system_error& e) {
    EXPECT_EQ(e.code(), std::errc::not_enough_memory);
    const std::string text = e.what();
    EXPECT_NE(text.find("vm.max_map_count is 1000"), std::string::npos) << text;
    EXPECT_NE(text.find("sysctl -w"), std::string::npos) << text;
  }
  const auto after = stack_depot::snapshot();
  EXPECT_EQ(after.reserved, before.reserved);
  EXPECT_EQ(after.mapped, before.mapped);
  EXPECT_EQ(after.address_bytes, before.address_bytes);
  EXPECT_THROW(stack_depot::reserve(100000), std::system_error);
  stack_depot::reserve(60);  // what is left can still be had
  EXPECT_EQ(stack_depot::guard(), guard_kind::mprotect);
  stack_depot::unreserve(360);
  stack_depot::release_all();
  stack_depot::reserve(300);  // and all of it again
}

TEST_F(stack_test, the_real_limit_leaves_room_for_others) {
  std::size_t limit = 0;
  std::ifstream("/proc/sys/vm/max_map_count") >> limit;
  if (limit > 200000 || limit == 0) {
    GTEST_SKIP() << "vm.max_map_count is " << limit << ", too high to reach";
  }
  configure_mprotect(0);
  std::size_t reserved = 0;
  EXPECT_THROW(
      for (;;) {
        stack_depot::reserve(64);
        reserved += 64;
      },
      std::system_error);
  EXPECT_GT(reserved, limit / 4);
  EXPECT_LT(mappings(), limit - limit / 16);
  std::thread([] {}).join();
}

TEST_F(stack_test, without_guards_only_when_allowed) {
  configure_mprotect(200, true);
  stack_depot::reserve(10);
  EXPECT_EQ(stack_depot::guard(), guard_kind::mprotect);
  stack_depot::reserve(1000);
  EXPECT_EQ(stack_depot::guard(), guard_kind::none);
  std::vector<stack*> stacks = take_exactly(stack_depot::snapshot().mapped);
  std::size_t guarded = 0;
  for (const stack* s : stacks) {
    stack_depot::region region;
    ASSERT_TRUE(stack_depot::find(s, &region));
    ASSERT_EQ(region.limit, s->limit);
    if (region.guard != region.limit) {
      ++guarded;
      ASSERT_EQ(region.guard, s->limit - page());
      ASSERT_TRUE(stack_depot::find(s->limit - 1, &region));
    } else {
      ASSERT_FALSE(stack_depot::find(s->limit - 1, &region));
    }
  }
  EXPECT_LE(guarded, 87U);
  give_all(stacks);
}

// --- address space

TEST_F(stack_test, address_space_exhausted_and_back) {
  if (sanitized) {
    GTEST_SKIP() << "a sanitizer's shadow memory exceeds any RLIMIT_AS";
  }
  stack_depot::reserve(10);
  const auto before = stack_depot::snapshot();
  std::size_t used_pages = 0;
  std::ifstream("/proc/self/statm") >> used_pages;
  rlimit old;
  ASSERT_EQ(getrlimit(RLIMIT_AS, &old), 0);
  const rlimit tight{used_pages * page() + 8 * kib * kib, old.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_AS, &tight), 0);
  bool thrown = false;
  try {
    stack_depot::reserve(10000);
  } catch (const std::bad_alloc&) {
    thrown = true;
  }
  const auto after = stack_depot::snapshot();
  bool single_thrown = false;
  try {
    stack_depot::map_single(16 * kib * kib);
  } catch (const std::bad_alloc&) {
    single_thrown = true;
  }
  ASSERT_EQ(setrlimit(RLIMIT_AS, &old), 0);
  EXPECT_TRUE(thrown);
  EXPECT_TRUE(single_thrown);
  EXPECT_EQ(after.reserved, before.reserved);
  EXPECT_EQ(after.mapped, before.mapped);
  EXPECT_EQ(after.address_bytes, before.address_bytes);
  stack_depot::reserve(10000);
  EXPECT_GE(stack_depot::snapshot().mapped, 10010U);
}

TEST_F(stack_test, what_no_address_space_holds) {
  EXPECT_THROW(stack_depot::reserve(SIZE_MAX), std::bad_alloc);
  EXPECT_THROW(stack_depot::reserve(SIZE_MAX / 8), std::bad_alloc);
  EXPECT_THROW(stack_depot::map_single(SIZE_MAX), std::bad_alloc);
  EXPECT_THROW(stack_depot::map_single(SIZE_MAX / 8), std::bad_alloc);
  EXPECT_THROW(configure({.stack_size = SIZE_MAX}), std::bad_alloc);
  EXPECT_EQ(stack_depot::snapshot().mapped, 0U);
  EXPECT_EQ(stack_depot::snapshot().address_bytes, 0U);
}

TEST_F(stack_test, release_returns_the_address_space) {
  stack_depot::reserve(1000);
  const std::vector<stack*> stacks = take_exactly(1000);
  std::vector<std::byte*> limits;
  for (stack* s : stacks) {
    use(s, 40 * kib);
    limits.push_back(s->limit);
  }
  give_all(stacks);
  stack_depot::unreserve(1000);
  stack_depot::release_all();
  EXPECT_EQ(stack_depot::snapshot().address_bytes, 0U);
  EXPECT_EQ(stack_depot::snapshot().mapped, 0U);
  if (!sanitized) {  // a sanitizer may map something of its own there
    for (const std::byte* limit : limits) {
      ASSERT_FALSE(is_mapped(limit));
    }
  }
}

TEST_F(stack_test, many_stacks_are_few_mappings) {
  if (stack_depot::guard() != guard_kind::madvise) {
    GTEST_SKIP() << "guards by mprotect take mappings (Linux before 6.13)";
  }
  const std::size_t before = mappings();
  for (std::size_t n = 0; n < 100000; n += 64) {
    stack_depot::reserve(64);
  }
  EXPECT_LT(mappings(), before + 100);
}

TEST_F(stack_test, huge_stacks_come_in_small_slabs) {
  configure({.stack_size = 64 * kib * kib});
  stack_depot::reserve(1);
  EXPECT_LT(stack_depot::snapshot().mapped, 100U);
}

// --- find

TEST_F(stack_test, find_knows_guard_inside_and_outside) {
  stack_depot::reserve(100);
  const std::vector<stack*> stacks = take_exactly(100);
  for (const stack* s : stacks) {
    for (const std::byte* address :
         {s->limit - page(), s->limit - 1, s->limit + 0, s->top - 1, s->limit + s->size - 1}) {
      stack_depot::region region{};
      ASSERT_TRUE(stack_depot::find(address, &region));
      EXPECT_EQ(region.guard, s->limit - page());
      EXPECT_EQ(region.limit, s->limit);
      EXPECT_EQ(region.end, s->limit + s->size);
    }
  }
  stack_depot::region region{};
  int local = 0;
  EXPECT_FALSE(stack_depot::find(&local, &region));
  EXPECT_FALSE(stack_depot::find(nullptr, &region));
  EXPECT_FALSE(stack_depot::find(reinterpret_cast<const void*>(UINTPTR_MAX), &region));
  const std::byte* const was = stacks[0]->limit;
  give_all(stacks);
  stack_depot::unreserve(100);
  stack_depot::release_all();
  EXPECT_FALSE(stack_depot::find(was, &region));
}

TEST_F(stack_test, a_single_stack_is_guarded_and_found) {
  stack* const s = stack_depot::map_single(100 * kib + 1);
  EXPECT_EQ(s->size % page(), 0U);
  EXPECT_GT(s->size, 100 * kib);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(s->top) % 16, 0U);
  EXPECT_EQ(signal_of_write(s->limit - 1), SIGSEGV);
  EXPECT_EQ(signal_of_write(s->limit), 0);
  stack_depot::region region{};
  ASSERT_TRUE(stack_depot::find(s->limit - 1, &region));
  EXPECT_EQ(region.limit, s->limit);
  EXPECT_EQ(region.end, s->limit + s->size);
  const std::byte* const limit = s->limit;
  stack_depot::unmap_single(s);
  EXPECT_FALSE(stack_depot::find(limit, &region));
  EXPECT_EQ(stack_depot::snapshot().address_bytes, 0U);
}

TEST_F(stack_test, find_while_stacks_come_and_go) {
  stack* const stays = stack_depot::map_single(64 * kib);
  std::atomic<bool> stop{false};
  std::thread changer([&stop] {
    for (std::size_t i = 0; !stop.load(std::memory_order_relaxed); ++i) {
      stack* const a = stack_depot::map_single((16 + i % 5 * 16) * kib);
      stack* const b = stack_depot::map_single((16 + i % 3 * 32) * kib);
      stack_depot::unmap_single(a);
      stack_depot::unmap_single(b);
    }
  });
  for (int i = 0; i < (sanitized ? 2000 : 20000); ++i) {
    stack_depot::region region{};
    ASSERT_TRUE(stack_depot::find(stays->limit + 5, &region));
    ASSERT_EQ(region.end - region.limit, static_cast<std::ptrdiff_t>(64 * kib));
    if (stack_depot::find(stays->limit - 3 * page(), &region)) {
      const auto size = static_cast<std::size_t>(region.end - region.limit);
      ASSERT_EQ(size % (16 * kib), 0U);
      ASSERT_LE(size, 80 * kib);
    }
  }
  stop.store(true, std::memory_order_relaxed);
  changer.join();
  stack_depot::unmap_single(stays);
}

// --- trimming

TEST_F(stack_test, a_deep_stack_is_trimmed) {
  stack_depot::reserve(1);
  stack* const s = stack_depot::take(1);
  use(s, s->size);
  EXPECT_EQ(resident_pages(s), s->size / page());
  give_all({s});
  EXPECT_LE(resident_pages(s), std::max<std::size_t>(16 * kib / page(), 1));
  EXPECT_GE(resident_pages(s), 1U);
}

TEST_F(stack_test, depth_is_seen_beyond_untouched_pages) {
  // A frame with a large array touches the far end only. Enough lists to use up what a find
  // leaves to be trimmed without a look.
  stack_depot::reserve(1);
  for (int i = 0; i < 600; ++i) {
    stack* const s = stack_depot::take(1);
    s->limit[0] = std::byte{1};
    give_all({s});
    ASSERT_EQ(resident_pages(s), 1U);
  }
}

TEST_F(stack_test, common_deep_use_is_trimmed_everywhere) {
  constexpr std::size_t n = 640;
  stack_depot::reserve(n);
  const std::vector<stack*> stacks = take_exactly(n);
  for (std::size_t i = 0; i < n; ++i) {
    use(stacks[i], i % 2 == 0 ? 100 * kib : 3 * kib);
  }
  for (std::size_t i = 0; i < n; i += 32) {
    give_all({stacks.begin() + static_cast<std::ptrdiff_t>(i),
              stacks.begin() + static_cast<std::ptrdiff_t>(i + 32)});
  }
  std::size_t resident = 0;
  for (const stack* s : stacks) {
    resident += resident_pages(s) * page();
  }
  EXPECT_LE(resident / n, std::max(20 * kib, 2 * page()));
}

TEST_F(stack_test, what_rare_deep_use_keeps_is_little) {
  // One use in twenty goes to the stack's end. Sooner or later that is every stack, so the top
  // 16 KiB of each stay; of what is below, 4 KiB per stack on average are expected.
  constexpr std::size_t n = 640;
  constexpr std::size_t rounds = 60;
  stack_depot::reserve(n);
  unsigned random = 1;
  std::size_t resident = 0;
  for (std::size_t round = 0; round < rounds; ++round) {
    const std::vector<stack*> stacks = take_exactly(n);
    for (stack* s : stacks) {
      random = random * 1664525 + 1013904223;
      if ((random >> 16) % 20 == 0) {
        use(s, s->size);
      }
    }
    for (std::size_t i = 0; i < n; i += 32) {
      give_all({stacks.begin() + static_cast<std::ptrdiff_t>(i),
                stacks.begin() + static_cast<std::ptrdiff_t>(i + 32)});
    }
    for (const stack* s : stacks) {
      resident += resident_pages(s) * page();
    }
  }
  RecordProperty("average_resident_bytes", static_cast<int>(resident / n / rounds));
  EXPECT_LE(resident / n / rounds, std::max(16 * kib, page()) + 12 * kib);
}

#if defined(WEFT_SANITIZE_ADDRESS)
TEST_F(stack_test, red_zones_of_the_last_fiber_are_gone) {
  stack_depot::reserve(1);
  stack_cache cache;
  stack* s = cache.get();
  __asan_poison_memory_region(s->limit + 64 * kib, 128);
  cache.put(s);
  s = cache.get();
  EXPECT_EQ(__asan_region_is_poisoned(s->limit, s->size), nullptr);
  __asan_poison_memory_region(s->top - 512, 64);
  cache.put(s);
  cache.drain();
  s = cache.get();
  EXPECT_EQ(__asan_region_is_poisoned(s->limit, s->size), nullptr);
  cache.put(s);
  cache.drain();
}
#endif

// --- threads

TEST_F(stack_test, four_threads_take_give_and_reserve) {
  constexpr int threads = 4;
  constexpr int rounds = sanitized ? 300 : 2000;
  std::atomic<int> clashes{0};
  const auto work = [&clashes](int self) {
    stack_cache cache;
    std::vector<stack*> held;
    std::size_t reserved = 0;
    unsigned random = static_cast<unsigned>(self) * 7919 + 1;
    for (int round = 0; round < rounds; ++round) {
      random = random * 1664525 + 1013904223;
      const std::size_t wanted = random >> 16 & 127;
      while (reserved < wanted) {
        stack_depot::reserve(64);
        reserved += 64;
      }
      while (held.size() < wanted) {
        stack* const s = cache.get();
        std::memcpy(s->top - sizeof self, &self, sizeof self);
        held.push_back(s);
      }
      while (held.size() > wanted / 2) {
        int found = 0;
        std::memcpy(&found, held.back()->top - sizeof found, sizeof found);
        clashes += found != self ? 1 : 0;
        cache.put(held.back());
        held.pop_back();
      }
      if (round % 16 == 0) {
        give_all(take_exactly(1));
        const std::size_t keep = (held.size() + 63) / 64 * 64;
        stack_depot::unreserve(reserved - keep);
        reserved = keep;
      }
    }
    for (stack* s : held) {
      cache.put(s);
    }
    cache.drain();
    stack_depot::unreserve(reserved);
  };
  std::vector<std::thread> running;
  for (int i = 0; i < threads; ++i) {
    running.emplace_back(work, i);
  }
  for (std::thread& t : running) {
    t.join();
  }
  EXPECT_EQ(clashes.load(), 0);
  const auto after = stack_depot::snapshot();
  EXPECT_EQ(after.free, after.mapped);
  EXPECT_EQ(after.reserved, 0U);
}

}  // namespace
}  // namespace weft::detail
