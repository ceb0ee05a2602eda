#include "runtime/scheduler/detach.hpp"

#include "runtime/machine/warn.hpp"

namespace weft::detail {

bool order_marks() noexcept {
  // Without it every ENTER has a fence of its own, and the CAS before was ours.
  if (!sched.membarrier) {
    full_fence();
    return true;
  }
  if (process_membarrier()) {
    return true;
  }
  static std::atomic<bool> said{false};
  if (!said.exchange(true, std::memory_order_relaxed)) {
    warn(
        "weft: membarrier(2) is refused since a filter was installed: fibers that do not call weft "
        "stop the others from now on. Install it before start(), or allow the call\n");
  }
  return false;
}

namespace {

void count(detach_cause why) noexcept {
  counters& c = sched.counts;
  switch (why) {
    case detach_cause::slice:
      c.detached_slice.fetch_add(1, std::memory_order_relaxed);
      break;
    case detach_cause::declared:
      c.detached_declared.fetch_add(1, std::memory_order_relaxed);
      break;
    case detach_cause::undeclared:
      c.detached_undeclared.fetch_add(1, std::memory_order_relaxed);
      break;
    case detach_cause::world:
      break;
  }
}

}  // namespace

void detacher::add(P* p, M* m, detach_cause why) noexcept {
  if (why == detach_cause::slice) {
    if (sched.hogs.load(std::memory_order_relaxed) + hogs_ >=
        testing_most_hogs.load(std::memory_order_relaxed)) {
      sched.counts.kept_by_cap.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    ++hogs_;
  }
  WEFT_CHECK(count_ < candidates_.size());
  candidates_[count_++] = {p, m, p->dispatches.load(std::memory_order_relaxed), why, false};
}

// After the barrier. The M changes its P only inside the runtime: if the mark says that it is not
// there, and the CAS of end_detach() wins, then what was seen in between still held.
bool detacher::take(const candidate& c) noexcept {
  if (c.m->asked.inside() || c.m->p.load(std::memory_order_relaxed) != c.p ||
      c.p->dispatches.load(std::memory_order_relaxed) != c.dispatches) {
    return false;
  }
  const int hog = c.why == detach_cause::slice ? 1 : 0;
  const int thread = c.m->thread_id.load(std::memory_order_relaxed);
  c.m->hog.store(hog != 0, std::memory_order_relaxed);
  sched.hogs.fetch_add(hog, std::memory_order_relaxed);
  sched.detached.fetch_add(1, std::memory_order_seq_cst);
  if (hog != 0) {
    set_kernel_slice(thread, kernel_slice_detached_ns);
  }
  // All that before the M can come back and undo it.
  if (c.m->asked.end_detach()) {
    return true;
  }
  if (hog != 0) {
    set_kernel_slice(thread, kernel_slice_with_p_ns);
  }
  sched.detached.fetch_sub(1, std::memory_order_seq_cst);
  sched.hogs.fetch_sub(hog, std::memory_order_relaxed);
  return false;
}

int detacher::run() noexcept {
  bool any = false;
  for (std::size_t i = 0; i < count_; ++i) {
    candidate& c = candidates_[i];
    c.begun = c.m->asked.begin_detach();
    any |= c.begun;
  }
  const bool ordered = any && order_marks();
  int taken = 0;
  for (std::size_t i = 0; i < count_; ++i) {
    const candidate& c = candidates_[i];
    if (!c.begun) {
      continue;
    }
    if (!ordered || !take(c)) {
      c.m->asked.cancel_detach();
      continue;
    }
    ++taken;
    count(c.why);
    disown(c.p);
    hand_off(c.p);
  }
  count_ = 0;
  hogs_ = 0;
  return taken;
}

}  // namespace weft::detail
