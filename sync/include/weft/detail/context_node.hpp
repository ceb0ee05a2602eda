// What the handles of <weft/context.hpp> point to.
//
// A context is a chain of nodes, each with a counted reference to its parent. A null node is the
// background. Three kinds: one that can be cancelled (sync/cancel_node.hpp), one that carries a
// value, one that hides what is above it from cancellation. All but the counts are constant, or
// the business of sync/cancel_node.cpp.
//
// Atomics: refs  up: relaxed, by who has a reference; down: acq_rel: who takes the last one sees
//                all that the others did.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

#include "weft/detail/export.hpp"

namespace weft::detail {

struct cancel_node;
struct context_node;

// Destroys a node without references; gives up its reference to its parent, and so on upwards.
WEFT_API void destroy_context(context_node* n) noexcept;

struct context_node {
  std::atomic<std::uint32_t> refs{1};
  context_node* parent = nullptr;    // counted
  cancel_node* canceller = nullptr;  // the nearest that can be cancelled, from here upwards
  const void* key = nullptr;         // of the value it carries
  const void* value = nullptr;
  void (*destroy)(context_node*) noexcept = nullptr;

  void retain() noexcept { refs.fetch_add(1, std::memory_order_relaxed); }
  void release() noexcept {
    if (refs.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      destroy_context(this);
    }
  }
};

// A counted reference.
class context_ref {
 public:
  context_ref() noexcept = default;
  explicit context_ref(context_node* owned) noexcept : node_(owned) {}
  context_ref(const context_ref& other) noexcept : node_(other.node_) {
    if (node_ != nullptr) {
      node_->retain();
    }
  }
  context_ref(context_ref&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}
  context_ref& operator=(context_ref other) noexcept {
    std::swap(node_, other.node_);
    return *this;
  }
  ~context_ref() {
    if (node_ != nullptr) {
      node_->release();
    }
  }

  context_node* get() const noexcept { return node_; }
  context_node* take() noexcept { return std::exchange(node_, nullptr); }

 private:
  context_node* node_ = nullptr;
};

// A key is the address of something that belongs to its type alone.
template <class Key>
struct context_key {
  static inline char id = 0;
};

template <class Key>
struct value_node : context_node {
  template <class V>
  value_node(context_node* above, V&& v) : kept(std::forward<V>(v)) {
    parent = above;
    canceller = above != nullptr ? above->canceller : nullptr;
    key = &context_key<Key>::id;
    value = &kept;
    destroy = [](context_node* n) noexcept { delete static_cast<value_node*>(n); };
  }
  typename Key::value_type kept;
};

// A child of a node that can be cancelled: a context, or a call of after_done(). Guarded by the
// parent's guard.
struct context_child {
  context_child* next = nullptr;
  context_child* prev = nullptr;
  bool linked = false;
  bool is_call = false;
};

// A function to be called when a context is done. The list it stands in has a reference, as has
// the stop_fn. `taken` decides between the two: exchange acq_rel.
struct done_call : context_child {
  explicit done_call(void (*how)(done_call*), void (*end)(done_call*) noexcept) noexcept
      : invoke(how), destroy(end) {
    is_call = true;
  }
  void release() noexcept {
    if (refs.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      destroy(this);
    }
  }

  void (*const invoke)(done_call*);
  void (*const destroy)(done_call*) noexcept;
  std::atomic<std::uint32_t> refs{2};
  std::atomic<bool> taken{false};
  context_ref of;
};

// To be called when the context of the node (null: background) is done.
WEFT_API void register_done_call(done_call* call, context_node* node) noexcept;

template <class F>
struct done_call_of : done_call {
  template <class G>
  explicit done_call_of(G&& g)
      : done_call([](done_call* c) { static_cast<done_call_of*>(c)->f(); },
                  [](done_call* c) noexcept { delete static_cast<done_call_of*>(c); }),
        f(std::forward<G>(g)) {}
  F f;
};

}  // namespace weft::detail
