// A channel's birth, close and end.
#include "weft/detail/chan_core.hpp"

#include <algorithm>
#include <limits>
#include <new>
#include <stdexcept>

#include "channel/deal.hpp"
#include "channel/errors.hpp"
#include "channel/timer_core.hpp"
#include "runtime/machine/check.hpp"
#include "runtime/scheduler/park.hpp"
#include "runtime/state/entry.hpp"

namespace weft::detail {

namespace {

template <class Slot>
constexpr deal_functions deals_of{dealer<Slot>::send, dealer<Slot>::recv};

constexpr const deal_functions* all_deals[] = {
    &deals_of<bytes<0>>, &deals_of<bytes<1>>,  &deals_of<bytes<2>>, &deals_of<bytes<4>>,
    &deals_of<bytes<8>>, &deals_of<bytes<16>>, &deals_of<moved>,    &deals_of<throwing>,
};

constexpr std::size_t usual_align = __STDCPP_DEFAULT_NEW_ALIGNMENT__;

void* allocate(std::size_t size, std::size_t align) {
  return align <= usual_align ? ::operator new(size)
                              : ::operator new(size, std::align_val_t(align));
}

// Takes everybody that can still be dealt with off the queue, in order, as `closed`.
waiter* dismiss(wait_queue& queue, waiter* rest) noexcept {
  waiter* first = rest;
  waiter** last = &first;
  while (waiter* w = win_waiter(queue)) {
    w->tag = closed;
    w->next = rest;
    *last = w;
    last = &w->next;
  }
  return first;
}

}  // namespace

const deal_functions* deals_for(slot_class kind) noexcept {
  return all_deals[static_cast<unsigned>(kind)];
}

chan_core* make_chan(const element* type, std::size_t capacity) {
  // The ring follows the core in the same block.
  const std::size_t offset = (sizeof(chan_core) + type->align - 1) / type->align * type->align;
  constexpr std::size_t most = std::numeric_limits<std::ptrdiff_t>::max();
  if (capacity > most || (type->size != 0 && capacity > (most - offset) / type->size)) {
    throw std::length_error("weft::chan: capacity too large");
  }
  const std::size_t ring_size = capacity * type->size;
  void* const block = allocate(offset + ring_size, std::max(type->align, alignof(chan_core)));
  auto* const c = new (block) chan_core;
  c->capacity = capacity;
  c->first = static_cast<std::byte*>(block) + offset;
  c->end = c->first + ring_size;
  c->head = c->tail = c->first;
  c->type = type;
  c->deals = deals_for(type->kind);
  return c;
}

void destroy_chan(chan_core* c) noexcept {
  WEFT_CHECK(c->receivers.empty() && c->senders.empty());
  if ((c->flags.load(std::memory_order_relaxed) & chan_core::timer_bit) != 0) {
    destroy_timer_chan(c);
    return;
  }
  const element& type = *c->type;
  if (type.drop != nullptr) {
    for (std::size_t n = c->count.load(std::memory_order_relaxed); n != 0; --n) {
      type.drop(c->head);
      c->head += type.size;
      if (c->head == c->end) {
        c->head = c->first;
      }
    }
  }
  const std::size_t align = std::max(type.align, alignof(chan_core));
  c->~chan_core();
  if (align <= usual_align) {
    ::operator delete(c);
  } else {
    ::operator delete(c, std::align_val_t(align));
  }
}

void close_chan(chan_core* c) {
  if (c == nullptr) {
    throw_nil_close();
  }
  M* const m = enter();
  acquire_object(c->guard);
  const std::uint32_t before = c->flags.load(std::memory_order_relaxed);
  const bool again = (before & chan_core::closed_bit) != 0;
  waiter* dismissed = nullptr;
  if (!again) {
    dismissed = dismiss(c->receivers, dismiss(c->senders, nullptr));
    c->flags.store(chan_core::closed_bit, std::memory_order_release);
  }
  c->guard.release();
  ready_all(dismissed);
  leave_unmoved(m);
  if (again) {
    throw_closed_close();
  }
}

}  // namespace weft::detail
