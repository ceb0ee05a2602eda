#include "weft/context.hpp"

#include <atomic>
#include <memory>
#include <string>

#include "runtime/machine/check.hpp"
#include "runtime/scheduler/park.hpp"
#include "runtime/state/entry.hpp"
#include "sync/cancel_node.hpp"

namespace weft {

namespace detail {

namespace {

class context_errors final : public std::error_category {
 public:
  const char* name() const noexcept override { return "weft.context"; }
  std::string message(int value) const override {
    return value == static_cast<int>(std::errc::timed_out) ? "context deadline exceeded"
                                                           : "context canceled";
  }
  std::error_condition default_error_condition(int value) const noexcept override {
    return {value, std::generic_category()};
  }
};

void destroy_cancel_node(context_node* n) noexcept { delete static_cast<cancel_node*>(n); }

// Not a static with an initialiser: to close a channel is a call of the runtime, at which a fiber
// may have to yield, and the next one on its thread would wait for the initialiser, and so for it.
const receiver<void>& closed_channel_of_all() {
  static constinit std::atomic<const receiver<void>*> closed{nullptr};
  const receiver<void>* seen = closed.load(std::memory_order_acquire);
  if (seen == nullptr) {
    const chan<void> c;
    c.close();
    auto fresh = std::make_unique<const receiver<void>>(c);
    if (closed.compare_exchange_strong(seen, fresh.get(), std::memory_order_acq_rel,
                                       std::memory_order_acquire)) {
      seen = fresh.release();
    }
  }
  return *seen;
}

// In a fiber of its own, with the timer's reference.
void expire(void* node) {
  auto* const n = static_cast<cancel_node*>(node);
  cancel_context(n, context_state::timed_out, n->timeout_cause);
  n->release();
}

// Closing a channel takes an entry of its own, and what is below may be much: not here.
void fire_deadline(timer_node* t) noexcept {
  auto* const n = static_cast<cancel_node*>(t->arg);
  n->timer_fired.store(true, std::memory_order_release);
  if (!spawn_from_runtime(expire, n)) {
    fatal("out of memory while a context's deadline passes");
  }
}

// Arms the deadline of a new node. The timer has a reference from then on.
void arm_deadline(cancel_node* n) {
  timer_node* const timer = new_timer(fire_deadline, n);
  n->retain();
  try {
    const entry in;
    arm_timer(timer, n->deadline);
  } catch (...) {
    delete_timer(timer);
    n->release();
    throw;
  }
  // The parent may be cancelled, or the deadline pass, before this.
  bool kept = false;
  {
    const entry in;
    n->guard.acquire();
    kept = n->state.load(std::memory_order_relaxed) == context_state::open;
    if (kept) {
      n->timer = timer;
    }
    n->guard.release();
  }
  if (!kept) {
    delete_timer(timer);
    if (!n->timer_fired.load(std::memory_order_acquire)) {
      n->release();
    }
  }
}

}  // namespace

cancel_node::cancel_node(context_node* parent_node) noexcept
    : above(parent_node != nullptr ? parent_node->canceller : nullptr),
      deadline(above != nullptr ? above->deadline : never) {
  parent = parent_node;
  canceller = this;
  destroy = destroy_cancel_node;
}

void destroy_context(context_node* n) noexcept {
  // Not by recursion: chains may be long.
  do {
    context_node* const parent = n->parent;
    n->destroy(n);
    n = parent;
  } while (n != nullptr && n->refs.fetch_sub(1, std::memory_order_acq_rel) == 1);
}

void register_done_call(done_call* call, context_node* node) noexcept {
  cancel_node* const canceller = node != nullptr ? node->canceller : nullptr;
  if (canceller == nullptr) {
    call->release();  // no list will ever have it
    return;
  }
  canceller->retain();
  call->of = context_ref(canceller);
  if (!link_child(canceller, call)) {
    start_call(call);
  }
}

}  // namespace detail

namespace {

// A new child of `parent`, in place below it, or done if the parent is. The caller gets one
// reference.
detail::cancel_node* make_child(context& parent) {
  auto* const n = new detail::cancel_node(context_access::node(parent));
  context_access::take(parent);
  if (n->above != nullptr && !detail::link_child(n->above, n)) {
    detail::cancel_context(n, n->above->state.load(std::memory_order_acquire), n->above->cause);
  }
  return n;
}

template <class Cancel>
std::pair<context, Cancel> handles(detail::cancel_node* n) noexcept {
  n->retain();
  return {context_access::make(n), Cancel(detail::context_ref(n))};
}

}  // namespace

const std::error_category& context_category() noexcept {
  static const detail::context_errors category;
  return category;
}

receiver<void> context::done() const {
  detail::cancel_node* const n = node_.get() != nullptr ? node_.get()->canceller : nullptr;
  if (n == nullptr) {
    return nil;
  }
  if (const chan<void>* const made = n->done_view.load(std::memory_order_acquire)) {
    return *made;
  }
  chan<void> fresh;
  {
    const detail::entry in;
    n->guard.acquire();
    if (!n->done_channel &&
        n->state.load(std::memory_order_relaxed) == detail::context_state::open) {
      n->done_channel.emplace(std::move(fresh));
      n->done_view.store(&*n->done_channel, std::memory_order_release);
    }
    n->guard.release();
  }
  const chan<void>* const made = n->done_view.load(std::memory_order_acquire);
  return made != nullptr ? made->rx() : detail::closed_channel_of_all();
}

std::error_code context::err() const noexcept {
  const detail::cancel_node* const n = node_.get() != nullptr ? node_.get()->canceller : nullptr;
  if (n == nullptr) {
    return {};
  }
  switch (n->state.load(std::memory_order_acquire)) {
    case detail::context_state::open:
      return {};
    case detail::context_state::canceled:
      return {static_cast<int>(std::errc::operation_canceled), context_category()};
    case detail::context_state::timed_out:
      return {static_cast<int>(std::errc::timed_out), context_category()};
  }
  return {};
}

std::exception_ptr context::cause() const {
  const std::error_code why = err();
  if (!why) {
    return nullptr;
  }
  const detail::cancel_node* const n = node_.get()->canceller;
  return n->cause != nullptr ? n->cause : std::make_exception_ptr(std::system_error(why));
}

std::optional<clock::time_point> context::deadline() const noexcept {
  const detail::cancel_node* const n = node_.get() != nullptr ? node_.get()->canceller : nullptr;
  if (n == nullptr || n->deadline == detail::never) {
    return std::nullopt;
  }
  return clock::time_point(duration(n->deadline));
}

std::stop_token context::token() const {
  detail::cancel_node* const n = node_.get() != nullptr ? node_.get()->canceller : nullptr;
  if (n == nullptr) {
    return {};
  }
  std::stop_source fresh;
  std::optional<std::stop_token> result;
  {
    const detail::entry in;
    n->guard.acquire();
    if (n->stopper) {
      result = n->stopper->get_token();
    } else if (n->state.load(std::memory_order_relaxed) == detail::context_state::open) {
      n->stopper = fresh;
      result = fresh.get_token();
    }
    n->guard.release();
  }
  if (!result) {
    fresh.request_stop();
    return fresh.get_token();
  }
  return *std::move(result);
}

// NOLINTNEXTLINE(performance-unnecessary-value-param): as its public callers take it
void cancel_function::cancel(std::exception_ptr cause) const noexcept {
  if (node_.get() != nullptr) {
    detail::cancel_context(static_cast<detail::cancel_node*>(node_.get()),
                           detail::context_state::canceled, cause);
  }
}

std::pair<context, cancel_function> with_cancel(context parent) {
  return handles<cancel_function>(make_child(parent));
}

std::pair<context, cancel_cause_function> with_cancel_cause(context parent) {
  return handles<cancel_cause_function>(make_child(parent));
}

std::pair<context, cancel_function> with_deadline_cause(context parent, clock::time_point deadline,
                                                        std::exception_ptr cause) {
  const std::int64_t when = deadline.time_since_epoch().count();
  detail::cancel_node* const n = make_child(parent);
  auto result = handles<cancel_function>(n);
  if (when >= n->deadline) {
    return result;  // the one above comes first
  }
  n->deadline = when;
  n->timeout_cause = std::move(cause);
  if (when <= detail::now_ns()) {
    detail::cancel_context(n, detail::context_state::timed_out, n->timeout_cause);
  } else if (n->state.load(std::memory_order_acquire) == detail::context_state::open) {
    detail::arm_deadline(n);
  }
  return result;
}

context without_cancel(context parent) {
  auto* const n = new detail::context_node;
  n->parent = context_access::take(parent);
  n->destroy = [](detail::context_node* self) noexcept { delete self; };
  return context_access::make(n);
}

bool stop_fn::stop() noexcept {
  if (call_ == nullptr || call_->taken.exchange(true, std::memory_order_acq_rel)) {
    return false;
  }
  auto* const of = static_cast<detail::cancel_node*>(call_->of.get());
  if (of != nullptr && detail::unlink_child(of, call_)) {
    call_->release();  // the list's
  }
  return true;
}

}  // namespace weft
