// Runs a small concurrent program through every interleaving within a bound.
//
// As CHESS (Musuvathi, Qadeer 2007): each thread of the program is a context with its own stack;
// exactly one runs at a time; before every operation on a shimmed atomic (shim.hpp) it comes here
// and the next thread is chosen. One execution is the list of those choices. explore() repeats the
// program from its start, depth first over the choices, until all lists are done.
//
// Bound: switches away from a thread that could go on (preemptions) are at most `preemptions` in
//        an execution. Switches at blocking operations are free and all tried.
// TSO:   with `store_buffers`, a store that is not seq_cst goes into its thread's FIFO buffer, is
//        seen at once by that thread only, and reaches memory at any later moment, at the latest at
//        the thread's next RMW, full fence or blocking call. That is x86. Weaker orders are not
//        modelled: a wrong acquire or release is for ThreadSanitizer to find. A buffered store may
//        be flushed whenever another thread runs; between two operations of its own thread it
//        would change nothing.
// Also free and all tried: choose(n), a deadline that passes (shim platform.hpp).
// Not a choice: a load that repeats the thread's last one while nobody wrote. It sees the same.
//
// A violation is a failed check(), a deadlock (threads blocked that the program does not call
// resting), or an execution longer than max_steps. The execution that shows it is replayed and
// printed step by step. Threads that blocked for ever are left where they stand: what their stacks
// own is lost, so programs keep their state in the scenario object.
#pragma once

#include <array>
#include <boost/context/detail/fcontext.hpp>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/model/choice_list.hpp"
#include "tests/model/scenario.hpp"
#include "tests/model/trace.hpp"
#include "tests/model/worker.hpp"

namespace weft_model {

class explorer {
 public:
  static explorer& get() {
    static explorer instance;
    return instance;
  }

  template <class Scenario>
  verdict explore(const bounds& b) {
    limits_ = b;
    choices_.clear();
    verdict v;
    do {
      one_execution([] { return std::unique_ptr<scenario>(new Scenario); });
      ++v.executions;
      if (!violation_.empty()) {
        v.violation = violation_;
        trace_.begin();
        one_execution([] { return std::unique_ptr<scenario>(new Scenario); });
        trace_.end();
        return v;
      }
    } while (choices_.advance() && v.executions < b.max_executions);
    v.complete = choices_.empty();
    return v;
  }

  // For shims ---------------------------------------------------------------------------------

  bool active() const { return current_ >= 0; }
  int thread() const { return current_; }
  std::int64_t now = 0;         // virtual nanoseconds
  std::vector<void*> sleepers;  // in futex_wait, the longest waiting first

  // A scheduling point, before an operation called `what` on `object`.
  void point(const char* what, const void* object) {
    if (active() && (!private_.contains(object) || !self().buffer.empty())) {
      reschedule(true);
      trace_.step(current_, what, object);
      must_live(object);
    }
  }

  // As point(); but a load that can see nothing new is none.
  void load_point(const void* object) {
    if (!active() || private_.contains(object)) {
      return;
    }
    worker& w = self();
    if (w.last_loaded != object || w.writes_at_load != writes_) {
      reschedule(true);
      trace_.step(current_, "load", object);
    }
    must_live(object);
    w.last_loaded = object;
    w.writes_at_load = writes_;
  }

  void wrote() {
    ++writes_;
    if (active()) {
      self().last_loaded = nullptr;
    }
  }

  // A scheduling point after which ready(arg) holds. `gives_way`: switching away here is free even
  // if it holds already.
  void block(const char* why, predicate ready, void* arg, bool gives_way) {
    drain(current_);
    if (private_.contains(arg) && ready(arg)) {
      return;
    }
    worker& w = self();
    w.ready = ready;
    w.ready_arg = arg;
    w.why = why;
    gives_way_ = gives_way;
    reschedule(true);
    gives_way_ = false;
    w.ready = nullptr;
    trace_.step(current_, why, arg), must_live(arg);
  }

  // Deadlines: the first two of an execution may pass at any moment, later ones only when nothing
  // else can happen.
  bool may_time_out() const { return timeouts_ < 2 || nothing_else_; }
  void timed_out(std::int64_t deadline) {
    ++timeouts_;
    now = deadline > now ? deadline : now;
    say("  its time is up");
  }

  // The next block() goes on with this thread, which can: no choice.
  void hand_to(int thread) { handed_to_ = thread; }

  // Blocks until another thread has written since this one's last load: for spin loops.
  void pause() {
    self().paused_at = self().last_loaded != nullptr ? self().writes_at_load : writes_ - 1;
    block(
        "pause", [](void* w) { return get().writes_ != static_cast<worker*>(w)->paused_at; },
        &self(), true);
  }

  // What f says, without scheduling points: for predicates.
  template <class F>
  auto quietly(F f) {
    const int running = std::exchange(current_, -1);
    auto result = f();
    current_ = running;
    return result;
  }

  // 0 to n-1: all are tried.
  int choose(int n) { return n > 1 ? choices_.decide(n) : 0; }

  [[noreturn]] void fail(const std::string& what) {
    violation_ = what;
    say("VIOLATION: " + what);
    leave_thread();
  }

  // Store buffers.
  bool buffered() const { return active() && limits_.store_buffers; }
  void push_store(std::uint64_t* target, std::uint64_t value) {
    self().buffer.push_back({target, value});
  }
  // The newest own buffered store to the target; null when there is none.
  const std::uint64_t* own_store(const std::uint64_t* target) { return self().own_store(target); }
  void drain_own() {
    if (active()) {
      drain(current_);
    }
  }
  // membarrier: every thread passes a full fence at some moment of its own.
  void drain_all_one_by_one() {
    for (std::size_t i = 0; i < workers_.size(); ++i) {
      point("membarrier", workers_[i].get());
      drain(static_cast<int>(i));
    }
  }

  // Operations on it are no scheduling points in this execution, unless they flush a store: only
  // one thread uses it, or the protocol does not depend on it.
  void make_private(const void* object) { private_.add(object, 1); }
  // The same for all that lies in an object.
  template <class T>
  void make_all_private(const T& object) {
    private_.add(&object, sizeof object);
  }

  template <class T>
  void make_dead(const T& object) {
    dead_.add(&object, sizeof object);
  }

  void say(const std::string& text) { trace_.say(current_, text); }
  void say_value(std::uint64_t value) { trace_.value(current_, value); }

 private:
  void must_live(const void* object) {
    if (dead_.contains(object)) {
      fail("touched memory that is gone");
    }
  }

  worker& self() { return *workers_[static_cast<std::size_t>(current_)]; }

  template <class Make>
  void one_execution(Make make) {
    violation_.clear();
    trace_.forget_names();
    private_.clear();
    dead_.clear();
    choices_.rewind();
    steps_ = 0;
    preempted_ = 0;
    writes_ = 1;
    now = 1'000'000;
    sleepers.clear();
    timeouts_ = 0;
    handed_to_ = -1;
    nothing_else_ = false;
    gives_way_ = false;
    const std::unique_ptr<scenario> program = make();
    program_ = program.get();
    while (workers_.size() < static_cast<std::size_t>(program->threads())) {
      workers_.push_back(std::make_unique<worker>());
    }
    workers_.resize(static_cast<std::size_t>(program->threads()));
    for (auto& w : workers_) {
      w->reset(&thread_main);
      w->ready = program->begins_when(static_cast<int>(&w - workers_.data()), &w->ready_arg);
    }
    current_ = -1;
    const int first = pick(false);
    current_ = first;
    boost::context::detail::jump_fcontext(self().context, nullptr);
    current_ = -1;
    if (violation_.empty()) {
      check_rest();
    }
    for (std::size_t i = 0; i < workers_.size(); ++i) {
      drain(static_cast<int>(i));
    }
    if (violation_.empty()) {
      program->finish();
      if (!final_.empty()) {
        violation_ = final_;
        say("VIOLATION at the end: " + final_);
        final_.clear();
      }
    }
  }

  void check_rest() {
    for (std::size_t i = 0; i < workers_.size(); ++i) {
      if (!workers_[i]->done && !program_->may_rest(static_cast<int>(i))) {
        violation_ = "thread " + std::to_string(i) + " is blocked for ever in " + workers_[i]->why;
        say("VIOLATION: " + violation_);
        return;
      }
    }
  }

  static void thread_main(boost::context::detail::transfer_t from) {
    explorer& e = get();
    e.arrived(from);
    e.self().ready = nullptr;
    e.program_->run(e.current_);
    e.self().done = true;
    e.reschedule(false);
    std::abort();
  }

  // Contexts: whoever jumps tells the next one whom to store the jumper for.
  void arrived(boost::context::detail::transfer_t from) {
    if (from.data == nullptr) {
      main_ = from.fctx;
    } else {
      static_cast<worker*>(from.data)->context = from.fctx;
    }
  }

  [[noreturn]] void leave_thread() {
    boost::context::detail::jump_fcontext(main_, nullptr);
    std::abort();
  }

  bool runnable(int i) const {
    const worker& w = *workers_[static_cast<std::size_t>(i)];
    return !w.done && (w.ready == nullptr || w.ready(w.ready_arg));
  }

  void drain(int i) {
    worker& w = *workers_[static_cast<std::size_t>(i)];
    while (!w.buffer.empty()) {
      w.flush_one();
      ++writes_;
    }
  }

  // Chooses who runs next, flushing buffers on the way. -1: nobody can.
  int pick(bool may_continue) {
    if (handed_to_ >= 0) {
      gives_way_ = false;
      return std::exchange(handed_to_, -1);
    }
    for (;;) {
      std::array<int, 32> options;
      int n = 0;
      const bool can = may_continue && runnable(current_);
      if (can) {
        options[n++] = current_;
      }
      const bool free = !can || gives_way_;
      const int count = static_cast<int>(workers_.size());
      for (int i = 0; i < count; ++i) {
        if (i != current_ && runnable(i) && (free || preempted_ < limits_.preemptions)) {
          options[n++] = i;
        }
      }
      for (int i = 0; i < count; ++i) {
        if (!(can && i == current_) && !workers_[static_cast<std::size_t>(i)]->buffer.empty()) {
          options[n++] = flush_of + i;
        }
      }
      if (n == 0 && !nothing_else_) {
        nothing_else_ = true;  // let time pass
        continue;
      }
      nothing_else_ = false;
      if (n == 0) {
        return -1;
      }
      const int taken = options[static_cast<std::size_t>(choose(n))];
      if (taken < flush_of) {
        preempted_ += !free && taken != current_ ? 1 : 0;
        gives_way_ = false;
        return taken;
      }
      workers_[static_cast<std::size_t>(taken - flush_of)]->flush_one();
      ++writes_;
      say("a store of T" + std::to_string(taken - flush_of) + " reaches memory");
    }
  }

  void reschedule(bool may_continue) {
    if (++steps_ > limits_.max_steps) {
      fail("more than max_steps steps: a livelock?");
    }
    const int next = pick(may_continue);
    if (next < 0) {
      leave_thread();
    }
    if (next == current_) {
      return;
    }
    worker* const from = &self();
    current_ = next;
    arrived(boost::context::detail::jump_fcontext(self().context, from));
  }

 public:
  // check() of finish(): there is no thread to leave.
  void fail_at_end(const std::string& what) {
    if (final_.empty()) {
      final_ = what;
    }
  }

 private:
  static constexpr int flush_of = 1000;
  bounds limits_;
  scenario* program_ = nullptr;
  std::vector<std::unique_ptr<worker>> workers_;
  choice_list choices_;
  int current_ = -1;
  int steps_ = 0;
  int preempted_ = 0;
  bool gives_way_ = false;
  bool nothing_else_ = false;
  int timeouts_ = 0;
  int handed_to_ = -1;
  std::uint64_t writes_ = 1;
  std::string violation_;
  std::string final_;
  trace trace_;
  boost::context::detail::fcontext_t main_ = nullptr;
  memory_ranges private_;
  memory_ranges dead_;
};

inline void check(bool condition, const char* what) {
  if (!condition) {
    explorer& e = explorer::get();
    e.active() ? e.fail(what) : e.fail_at_end(what);
  }
}

}  // namespace weft_model
