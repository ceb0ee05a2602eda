// The real timers and timer_heap: a timer does not fire after stop_timer() said so, fires once for
// each arming, is over when a waiting stop_timer() returns, and an armed one is in some heap.
#include "tests/model/shim.hpp"

#include "runtime/state/timer_heap.cpp"
#include "runtime/state/timers.cpp"

namespace weft::detail {

// Every model thread is a plain thread with a heap of its own choice.
std::array<timer_heap*, 8> heap_of_thread;
M* current_m() noexcept { return nullptr; }
void begin_outside_timer() {}
void end_outside_timer() noexcept {}
timer_heap& outside_timer_heap() noexcept {
  const int t = weft_model::explorer::get().thread();
  return *heap_of_thread[static_cast<std::size_t>(t < 0 ? 0 : t)];
}
void outside_timer_is_first() noexcept {}

}  // namespace weft::detail

namespace {

using namespace weft_model;
using namespace weft::detail;

// Counts: each arming ends by a fire, a stop that says true, or another arming that says true.
struct timer_program : scenario {
  timer_heap heaps[2];
  timer_node node;
  int armed = 0;
  int ended = 0;
  int firing = 0;

  timer_program() {
    heap_of_thread.fill(&heaps[0]);
    node.arg = this;
    node.fire = [](timer_node* t) noexcept {
      auto* const self = static_cast<timer_program*>(t->arg);
      ++self->firing;
      explorer::get().point("fire", t);
      ++self->ended;
      check(self->ended <= self->armed, "fired although stopped or moved");
      --self->firing;
    };
  }
  void arm(std::int64_t when) {
    ++armed;
    ended += arm_timer(&node, when) ? 1 : 0;
  }
  void stop() {
    if (stop_timer(&node, true)) {
      ++ended;
      check(ended <= armed, "stopped although fired");
    }
  }
  void finish() override {
    heaps[0].run_due(1000);
    heaps[1].run_due(1000);
    check(ended == armed, ended < armed ? "an armed timer is in no heap" : "one fire too many");
  }
};

// The owner arms and stops; another thread runs the heap. After stop() nothing is left running.
struct stop_and_fire : timer_program {
  int threads() const override { return 2; }
  void run(int t) override {
    if (t == 0) {
      arm(10);
      stop();
      check(firing == 0, "fire() runs on after stop_timer()");
      check(ended == 1, "neither stopped nor fired");
      arm(15);
      stop();
      check(firing == 0 && ended == 2, "the second arming went wrong");
    } else {
      heaps[0].run_due(20);
    }
  }
};

struct move_and_fire : timer_program {
  int threads() const override { return 2; }
  void run(int t) override {
    if (t == 0) {
      arm(10);
      arm(30);
      arm(5);
      arm(15);
    } else {
      heaps[0].run_due(12);
      heaps[0].run_due(40);
    }
  }
};

// Two threads with different heaps arm the same timer, a third runs both heaps.
struct two_heaps : timer_program {
  two_heaps() { heap_of_thread[1] = &heaps[1]; }
  int threads() const override { return 3; }
  void run(int t) override {
    if (t == 0) {
      arm(10);
      stop();
      arm(20);
    } else if (t == 1) {
      arm(5);
    } else {
      heaps[1].run_due(7);
      heaps[0].run_due(30);
    }
  }
};

// A P goes out of use while its timer is moved and fired.
struct retirement : timer_program {
  retirement() {
    heap_of_thread[1] = &heaps[1];
    arm(10);
  }
  int threads() const override { return 3; }
  void run(int t) override {
    if (t == 0) {
      heaps[0].move_to(heaps[1]);
    } else if (t == 1) {
      arm(20);
      arm(8);
    } else {
      heaps[1].run_due(15);
    }
  }
};

// A full heap of stopped timers is rebuilt when one more comes; one of them is armed meanwhile.
struct rebuild : timer_program {
  std::array<timer_node, timer_heap::first_capacity - 1> others;
  rebuild() {
    for (timer_node& t : others) {
      t.fire = [](timer_node*) noexcept {};
      arm_timer(&t, 50);
    }
    arm(10);
    for (timer_node& t : others) {
      stop_timer(&t, false);
    }
    ended += stop_timer(&node, false) ? 1 : 0;
  }
  int threads() const override { return 2; }
  void run(int t) override {
    if (t == 0) {
      arm_timer(&others[0], 60);
      arm_timer(&others[1], 40);
    } else {
      arm(20);
    }
  }
};

}  // namespace

int main(int argc, char** argv) {
  session models(argc, argv);
  models.holds<stop_and_fire>("timer: stop against fire", {.preemptions = 4});
  models.holds<move_and_fire>("timer: move against fire", {.preemptions = 4});
  models.holds<two_heaps>("timer: two heaps", {.preemptions = 4});
  models.holds<retirement>("timer: its P goes out of use", {.preemptions = 4});
  models.holds<rebuild>("timer: the heap is rebuilt", {.preemptions = 4});
  return models.result();
}
