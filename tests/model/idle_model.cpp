// The real find_runnable(), go_idle(), wake_helper() and make_runnable_from_outside(): what was
// made runnable from outside is run, although every M goes to sleep when it finds nothing, is woken
// by others or to look at its timers, and sysmon (absent here) does not come to help.
#include "tests/model/world.hpp"

namespace {

using namespace weft_model;

// Ms that start awake with nothing to do; a plain thread submits each fiber. With Timer, P 0 has a
// timer: M 0 may wake up by itself.
template <int Ms, int Submitters, bool Timer>
struct submit_to_idle : world {
  int ran = 0;
  timer_node timer;
  submit_to_idle() : world(Ms, Submitters, Submitters) {
    auto& e = explorer::get();
    model_clock_step = Ms > 1 ? 2000 : 0;  // steal_watch wants time to pass between its looks
    e.make_private(&sched.outside_calls);
    e.make_all_private(timer);
    for (int i = 0; i < Ms; ++i) {
      e.make_all_private(p_at(i)->timers);
      if (Ms == 1) {
        e.make_all_private(p_at(i)->queue);
        e.make_private(&p_at(i)->idle);  // guarded
      }
    }
    if (Timer) {
      timer.fire = [](timer_node*) noexcept {};
      arm_timer(&timer, soon);
    }
  }
  void on_g0(int i) override {
    while (G* g = find_runnable(m_at(i))) {
      execute(m_at(i), g);
    }
  }
  void fiber(int) override { ++ran; }
  void plain(int i) override { make_runnable_from_outside(g_at(i)); }
  bool may_rest(int t) override { return t < m_count + fiber_count; }
  void finish() override {
    check(ran == Submitters, "a runnable fiber waits for ever, and all Ms sleep");
    check(sched.idle.spinning.load() == 0, "nobody spins, but the count says so");
  }
};

// M 0 withdraws with a fiber in its queue, and does not come back by itself: M 1, which has nothing
// to do when it begins, runs that one, and what a plain thread submits. With Both, M 1 wants to
// withdraw as well, and one of them must not.
template <bool Both>
struct withdraw_beside_idle : world {
  int ran = 0;
  withdraw_beside_idle() : world(2, 2, 1) {
    testing_withdrawal_ns.store(never);
    model_clock_step = 2000;
    auto& e = explorer::get();
    e.make_private(&sched.outside_calls);
    e.make_private(&sched.counts.withdrawals);
    e.make_private(&testing_withdrawal_ns);
    e.make_private(&sched.idle.last_withdrawal_ns);
    for (int i = 0; i < 2; ++i) {
      e.make_all_private(p_at(i)->timers);
    }
    sched.idle.last_withdrawal_ns = -1'000'000'000;
    m_at(0)->withdraws = true;
    m_at(1)->withdraws = Both;
    start_on(0, g_at(0));
  }
  ~withdraw_beside_idle() override { testing_withdrawal_ns.store(2'000'000); }
  void on_g0(int i) override {
    while (G* g = find_runnable(m_at(i))) {
      execute(m_at(i), g);
    }
  }
  void fiber(int) override { ++ran; }
  void plain(int) override { make_runnable_from_outside(g_at(1)); }
  bool may_rest(int t) override { return t < m_count + fiber_count; }
  void finish() override { check(ran == 2, "a fiber was left to a P that has withdrawn"); }
};

}  // namespace

int main(int argc, char** argv) {
  session models(argc, argv);
  models.holds<submit_to_idle<1, 1, false>>("idle: one M, one submitter",
                                            {.preemptions = 2, .store_buffers = true});
  models.holds<submit_to_idle<1, 2, true>>("idle: one M with a timer, two submitters",
                                           {.preemptions = 3});
  models.holds<submit_to_idle<2, 1, true>>("idle: two Ms with a timer, one submitter",
                                           {.preemptions = 2});
  models.holds<submit_to_idle<2, 2, false>>("idle: two Ms, two submitters", {.preemptions = 1});
  models.holds<withdraw_beside_idle<false>>("idle: one M withdraws, one looks for work",
                                            {.preemptions = 2});
  models.holds<withdraw_beside_idle<true>>("idle: two Ms want to withdraw", {.preemptions = 2});
  return models.result();
}
