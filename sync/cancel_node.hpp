// A context that can be cancelled. Not seen by users.
//
// Invariant: while it is open it stands in the children of the nearest node above that can be
//   cancelled (if there is one), and what can be cancelled below it stands in its own. Its
//   cancel_function has a reference and cancels before giving it up, so an open node never dies.
// Lock order: one node's guard at a time. Channels are closed, calls started, causes destroyed and
//   references given up with none held, outside of entries.
// Atomics: state      open -> canceled or timed_out, once, with guard held, release; read acquire:
//                     the cause is constant from then on.
//          done_view  from null, with guard held, release; read acquire.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <optional>
#include <stop_token>

#include "runtime/machine/check.hpp"
#include "runtime/state/timers.hpp"
#include "weft/channel.hpp"
#include "weft/detail/context_node.hpp"
#include "weft/detail/lock.hpp"

namespace weft::detail {

enum class context_state : std::uint8_t { open, canceled, timed_out };

struct cancel_node : context_node, context_child {
  // Takes over the caller's reference to `parent_node`.
  explicit cancel_node(context_node* parent_node) noexcept;
  ~cancel_node() { WEFT_CHECK(children == nullptr && timer == nullptr); }

  std::atomic<context_state> state{context_state::open};
  lock guard;
  context_child* children = nullptr;  // guarded
  cancel_node* const above;           // the nearest above that can be cancelled
  std::exception_ptr cause;           // constant once it is not open
  std::int64_t deadline;              // its own or one above; constant

  std::optional<chan<void>> done_channel;  // guarded while open
  std::atomic<const chan<void>*> done_view{nullptr};
  std::optional<std::stop_source> stopper;  // guarded while open

  // An armed timer has a reference; who finds that it has not fired gives it up.
  timer_node* timer = nullptr;       // guarded
  std::exception_ptr timeout_cause;  // constant
  std::atomic<bool> timer_fired{false};

  cancel_node* next_work = nullptr;  // owned by who cancelled it
};

// Makes `n` (null: nothing above) and all below it done. For who has a reference to it.
void cancel_context(cancel_node* n, context_state why, const std::exception_ptr& cause) noexcept;

// Puts a new child below its parent. False: the parent is done, it was not put.
bool link_child(cancel_node* parent, context_child* child) noexcept;
// True: it was linked until now.
bool unlink_child(cancel_node* parent, context_child* child) noexcept;

// Starts the call in a fiber of its own unless it was taken back; gives up the list's reference.
void start_call(done_call* call) noexcept;

}  // namespace weft::detail
