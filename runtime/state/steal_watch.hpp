// When a thief takes fibers from another P, and which.
//
// Moving a fiber to another core costs about a microsecond of cache misses, and what it works with
// (a channel, a counter) costs as much again at every use from two cores. So a ring is stolen from
// only if its owner would not get to the end of it soon: a thief looks at a victim twice and takes
// half of its ring when, at the pace seen in between, what is queued there would last longer than
// a few microseconds. A fiber in runnext is taken when its P has dispatched nobody for 20 us; that
// takes a membarrier (take_runnext()).
//
// The samples are a thief's own: no atomics beyond those of the queues.
// Tested by: tests/unit/fairness_test.cpp, tests/stress/scheduler_stress.cpp
#pragma once

#include <cstdint>
#include <memory>

namespace weft::detail {

struct G;
struct M;
struct P;

class steal_watch {
 public:
  // Takes from some P in random order: a fiber to run, others go to p's ring (empty). Null: there
  // is nothing, or nothing that its owner will not run soon.
  G* steal(M* m, P* p) noexcept;

  // Whether a P has work that is not known to be run soon by its owner. After a steal() round.
  bool missed_work(const P* own) const noexcept;

  // A runnext is being watched: worth going on a little.
  bool watching_next() const noexcept { return watching_next_; }

 private:
  struct sample {
    std::uint32_t dispatches;
    std::int64_t time;  // 0: none
  };
  bool worth_it(P* victim, sample& seen, std::uint32_t queued, std::int64_t now) noexcept;
  G* steal_next(P* victim, sample& seen, std::int64_t now) noexcept;
  bool make_samples() noexcept;

  std::unique_ptr<sample[]> samples_;
  bool watching_next_ = false;
};

}  // namespace weft::detail
