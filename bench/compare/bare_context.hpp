// Contexts without a runtime, for the floor programs: a stack, make_fcontext and jump_fcontext of
// Boost.Context, nothing else. What these programs reach is what no scheduler on the same switch
// can get below. bare_ring adds the least a scheduler can be: a circle of contexts, each of which
// jumps to the next.

#pragma once

#include <boost/context/detail/fcontext.hpp>
#include <boost/version.hpp>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "common.hpp"

namespace bench {

using boost::context::detail::fcontext_t;
using boost::context::detail::jump_fcontext;
using boost::context::detail::make_fcontext;
using boost::context::detail::transfer_t;

class bare_context {
 public:
  explicit bare_context(void (*entry)(transfer_t))
      : stack_(std::make_unique<char[]>(stack_size)),
        context_(make_fcontext(stack_.get() + stack_size, stack_size, entry)) {}

  // Jumps there, and comes back when it jumps to where it came from.
  void* resume(void* data) {
    const transfer_t back = jump_fcontext(context_, data);
    context_ = back.fctx;
    return back.data;
  }

 private:
  static constexpr std::size_t stack_size = 64 * 1024;
  std::unique_ptr<char[]> stack_;
  fcontext_t context_;
};

class bare_ring {
 public:
  void add(std::function<void(bare_ring&)> body) { bodies_.push_back(std::move(body)); }

  // Runs all bodies to their end, switching at yield(), in a circle.
  void run() {
    for (std::size_t i = 0; i < bodies_.size(); ++i) {
      stacks_.push_back(std::make_unique<char[]>(stack_size));
      next_.push_back(
          {make_fcontext(stacks_.back().get() + stack_size, stack_size, &bare_ring::enter),
           &bodies_[i]});
    }
    while (!next_.empty()) {
      current_ = current_ < next_.size() ? current_ : 0;
      returned(jump_fcontext(next_[current_].context, this));
    }
  }

  // From one context straight to the next of the circle.
  void yield() {
    const std::size_t from = current_;
    current_ = from + 1 < next_.size() ? from + 1 : 0;
    if (current_ == from) return;
    previous_ = from;
    returned(jump_fcontext(next_[current_].context, this));
  }

 private:
  struct entry {
    fcontext_t context;
    std::function<void(bare_ring&)>* body;
  };
  static constexpr std::size_t stack_size = 64 * 1024;
  static constexpr std::size_t nobody = static_cast<std::size_t>(-1);

  // Whoever is resumed stores where the one that jumped can be continued.
  void returned(transfer_t from) {
    if (previous_ == nobody) {
      home_ = from.fctx;
    } else {
      next_[previous_].context = from.fctx;
    }
    previous_ = nobody;
  }

  static void enter(transfer_t from) {
    auto* ring = static_cast<bare_ring*>(from.data);
    ring->returned(from);
    (*ring->next_[ring->current_].body)(*ring);
    ring->next_.erase(ring->next_.begin() + static_cast<std::ptrdiff_t>(ring->current_));
    jump_fcontext(ring->home_, nullptr);
  }

  std::vector<std::function<void(bare_ring&)>> bodies_;
  std::vector<std::unique_ptr<char[]>> stacks_;
  std::vector<entry> next_;
  std::size_t current_ = 0;
  std::size_t previous_ = nobody;
  fcontext_t home_ = nullptr;
};

}  // namespace bench
