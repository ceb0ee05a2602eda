// The real join word of spawn.cpp: the joiner of a fiber goes on exactly once, after the fiber's
// end or because stop() ended its wait, and sees what the fiber wrote.
#include "tests/model/world.hpp"

namespace {

using namespace weft_model;

// Fiber 0 ends on M 0.
struct join_program : world {
  int result = 0;
  int joined = 0;
  join_program(int m, int fibers, int plain) : world(m, fibers, plain) {
    g_at(0)->joinable = true;
    start_on(0, g_at(0));
  }
  void on_g0(int i) override { serve(m_at(i)); }
  void join() {
    check(join_fiber(g_at(0), false), "the join failed");
    check(fiber_ended(g_at(0)), "joined a fiber that runs");
    check(result == 1, "its results are not there");
    ++joined;
  }
  void finish() override { check(joined == 1, "the joiner waits for ever"); }
};

struct joined_by_fiber : join_program {
  joined_by_fiber() : join_program(2, 2, 0) { start_on(1, g_at(1)); }
  void fiber(int i) override { i == 0 ? void(result = 1) : join(); }
};

struct joined_by_thread : join_program {
  joined_by_thread() : join_program(1, 1, 1) {}
  void fiber(int) override { result = 1; }
  void plain(int) override {
    join();
    check(!stand_ins[0].sleep.is_signalled(), "a wake is left over");
  }
};

// Plain thread 1 does what unwind_thread() of shutdown.cpp does.
struct join_against_stop : join_program {
  bool cancelled = false;
  join_against_stop() : join_program(1, 1, 2) {}
  void fiber(int) override { result = 1; }
  void plain(int i) override {
    G* const g = &stand_ins[0];
    if (i == 0) {
      try {
        join();
      } catch (const weft::unwind&) {
        check(cancelled, "unwound though nobody did that");
        ++joined;
      }
      check(!g->sleep.is_signalled(), "a wake is left over");
      return;
    }
    g->scan_guard.acquire();
    cancelled =
        g->point != nullptr && !g->patient && g->point->cancel(g->point, wait_outcome::unwound);
    g->scan_guard.release();
    if (cancelled) {
      ready(g);
    }
  }
};

}  // namespace

int main(int argc, char** argv) {
  session models(argc, argv);
  models.holds<joined_by_fiber>("join: by a fiber", {.preemptions = 3});
  models.holds<joined_by_thread>("join: by a plain thread", {.preemptions = 3});
  models.holds<join_against_stop>("join: by a plain thread that stop() unwinds",
                                  {.preemptions = 3});
  return models.result();
}
