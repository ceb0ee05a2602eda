// The choices of one execution, in order, and the step to the next execution, depth first.
#pragma once

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace weft_model {

class choice_list {
 public:
  // Back to the beginning, for an execution with the same choices as far as they go.
  void rewind() { depth_ = 0; }
  void clear() { choices_.clear(); }
  bool empty() const { return choices_.empty(); }

  // 0 to count - 1.
  int decide(int count) {
    if (depth_ == choices_.size()) {
      choices_.push_back({0, count});
    }
    const choice& c = choices_[depth_++];
    if (c.count != count) {
      std::fprintf(stderr, "the program is not deterministic: %d choices, then %d\n", c.count,
                   count);
      std::abort();
    }
    return c.taken;
  }

  // False: all have been tried.
  bool advance() {
    while (!choices_.empty() && choices_.back().taken + 1 == choices_.back().count) {
      choices_.pop_back();
    }
    if (choices_.empty()) {
      return false;
    }
    ++choices_.back().taken;
    return true;
  }

 private:
  struct choice {
    int taken;
    int count;
  };
  std::vector<choice> choices_;
  std::size_t depth_ = 0;
};

}  // namespace weft_model
