// How a cancellation goes down the tree.
//
// Without recursion, so that no depth of contexts can exhaust a stack: a node that has become
// done goes onto a stack of work (linked through next_work), and its children are taken from it
// one at a time, so that no lock is held longer than for a few instructions.
#include "sync/cancel_node.hpp"

#include <utility>

#include "runtime/machine/check.hpp"
#include "runtime/state/entry.hpp"
#include "weft/go.hpp"

namespace weft::detail {

namespace {

// Makes n done by itself. False: it was already.
bool end_node(cancel_node* n, context_state why, const std::exception_ptr& cause) noexcept {
  std::exception_ptr kept = cause;
  timer_node* timer = nullptr;
  {
    const entry in;
    n->guard.acquire();
    if (n->state.load(std::memory_order_relaxed) != context_state::open) {
      n->guard.release();
      return false;
    }
    n->cause.swap(kept);
    timer = std::exchange(n->timer, nullptr);
    n->state.store(why, std::memory_order_release);
    n->guard.release();
  }
  if (timer != nullptr) {
    delete_timer(timer);
    if (!n->timer_fired.load(std::memory_order_acquire)) {
      n->release();
    }
  }
  if (n->done_channel) {
    n->done_channel->close();
  }
  if (n->stopper) {
    n->stopper->request_stop();
  }
  return true;
}

// The first child of n, off its list, with a reference for the caller; null: there is none.
context_child* take_child(cancel_node* n) noexcept {
  const entry in;
  n->guard.acquire();
  context_child* const child = n->children;
  if (child != nullptr) {
    n->children = child->next;
    if (child->next != nullptr) {
      child->next->prev = nullptr;
    }
    child->linked = false;
    // A context that is in the list has not given up its cancel_function's reference yet.
    if (!child->is_call) {
      static_cast<cancel_node*>(child)->retain();
    }
  }
  n->guard.release();
  return child;
}

}  // namespace

bool link_child(cancel_node* parent, context_child* child) noexcept {
  const entry in;
  parent->guard.acquire();
  const bool open = parent->state.load(std::memory_order_relaxed) == context_state::open;
  if (open) {
    child->linked = true;
    child->prev = nullptr;
    child->next = parent->children;
    if (child->next != nullptr) {
      child->next->prev = child;
    }
    parent->children = child;
  }
  parent->guard.release();
  return open;
}

bool unlink_child(cancel_node* parent, context_child* child) noexcept {
  const entry in;
  parent->guard.acquire();
  const bool linked = std::exchange(child->linked, false);
  if (linked) {
    (child->prev != nullptr ? child->prev->next : parent->children) = child->next;
    if (child->next != nullptr) {
      child->next->prev = child->prev;
    }
  }
  parent->guard.release();
  return linked;
}

void start_call(done_call* call) noexcept {
  if (call->taken.exchange(true, std::memory_order_acq_rel)) {
    call->release();
    return;
  }
  struct holder {
    done_call* call;
    explicit holder(done_call* c) noexcept : call(c) {}
    holder(holder&& other) noexcept : call(std::exchange(other.call, nullptr)) {}
    ~holder() {
      if (call != nullptr) {
        call->release();
      }
    }
    void operator()() { call->invoke(call); }
  } held(call);
  try {
    go(std::move(held));
  } catch (...) {
    if (held.call != nullptr) {
      held();
    }
  }
}

void cancel_context(cancel_node* n, context_state why, const std::exception_ptr& cause) noexcept {
  if (n->state.load(std::memory_order_acquire) != context_state::open || !end_node(n, why, cause)) {
    return;
  }
  if (n->above != nullptr) {
    unlink_child(n->above, n);
  }
  cancel_node* work = n;
  n->next_work = nullptr;
  while (work != nullptr) {
    context_child* const child = take_child(work);
    if (child == nullptr) {
      cancel_node* const finished = std::exchange(work, work->next_work);
      if (finished != n) {
        finished->release();
      }
    } else if (child->is_call) {
      start_call(static_cast<done_call*>(child));
    } else if (auto* const below = static_cast<cancel_node*>(child); end_node(below, why, cause)) {
      below->next_work = work;
      work = below;
    } else {
      below->release();
    }
  }
}

}  // namespace weft::detail
