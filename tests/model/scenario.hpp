// A program to be explored, the bounds of the exploration, and what came out.
#pragma once

#include <string>

namespace weft_model {

struct bounds {
  int preemptions = 2;
  bool store_buffers = false;
  int max_steps = 3000;
  long max_executions = 20'000'000;
};

struct verdict {
  long executions = 0;
  bool complete = false;  // all interleavings within the bound were run
  std::string violation;  // empty: none
};

using predicate = bool (*)(void*);

// A program under test. Made anew for every execution.
class scenario {
 public:
  virtual ~scenario() = default;
  virtual int threads() const = 0;
  virtual void run(int thread) = 0;
  // The thread begins when ready(arg) holds; null: at once.
  virtual predicate begins_when(int /*thread*/, void** /*arg*/) { return nullptr; }
  // When nothing can go on: are these threads allowed to be blocked?
  virtual bool may_rest(int /*thread*/) { return false; }
  virtual void finish() {}  // the final check, on the explorer's own stack
};

}  // namespace weft_model
