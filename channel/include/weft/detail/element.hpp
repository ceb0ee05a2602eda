// What a channel's core knows about its elements.
//
// A T that may be copied as bytes and has at most 16 of them travels as `bytes<N>`, N being 1, 2,
// 4, 8 or 16: the core copies N bytes itself, without a call. Every other T travels through the
// three functions of its `element`: `moved` when moving a T cannot throw, `throwing` when it can.
//
// In all three the sender's side of a transfer is the address of a T (bytes<N>: of N bytes). The
// receiver's side is an empty std::optional<T> (bytes<N>: N bytes), so that a value goes straight
// into the object that recv() returns. A slot of the ring is raw memory for one T.
//
// The functions run under the channel's lock and inside the runtime: a T's move constructor, and
// its destructor on a moved-from object, must not call weft.
#pragma once

#include <bit>
#include <cstddef>
#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>

namespace weft::detail {

template <std::size_t N>
struct bytes {
  static constexpr std::size_t size = N;
  static constexpr bool can_throw = false;
};
struct moved {
  static constexpr bool can_throw = false;
};
struct throwing {
  static constexpr bool can_throw = true;
};

template <class Slot>
inline constexpr bool is_bytes = false;
template <std::size_t N>
inline constexpr bool is_bytes<bytes<N>> = true;

enum class slot_class : unsigned char {
  bytes0,
  bytes1,
  bytes2,
  bytes4,
  bytes8,
  bytes16,
  moved,
  throwing
};

// Moves *from to *to. False: it threw, *error says what, *from is as the T's constructor left it
// and *to still holds nothing.
using move_fn = bool (*)(void* to, void* from, std::exception_ptr* error) noexcept;

struct element {
  slot_class kind;
  std::size_t size;   // of a slot
  std::size_t align;  // of a slot
  move_fn put;        // a sender's T into a slot
  move_fn take;       // a slot into a receiver's optional; the slot is raw memory afterwards
  move_fn hand;       // a sender's T into a receiver's optional
  void (*drop)(void* slot) noexcept;  // null: nothing to do
};

template <class T>
constexpr auto slot_of_impl() {
  if constexpr (std::is_void_v<T>) {
    return bytes<0>{};
  } else if constexpr (std::is_trivially_copyable_v<T> && sizeof(T) <= 16 && alignof(T) <= 16) {
    return bytes<std::bit_ceil(sizeof(T))>{};
  } else if constexpr (std::is_nothrow_move_constructible_v<T>) {
    return moved{};
  } else {
    return throwing{};
  }
}

template <class T>
using slot_of = decltype(slot_of_impl<T>());

template <class T>
struct mover {
  static void move_to_slot(void* to, void* from) {
    std::construct_at(static_cast<T*>(to), std::move(*static_cast<T*>(from)));
  }
  static void move_to_receiver(void* to, void* from) {
    static_cast<std::optional<T>*>(to)->emplace(std::move(*static_cast<T*>(from)));
  }
  static void move_out(void* to, void* from) {
    move_to_receiver(to, from);
    std::destroy_at(static_cast<T*>(from));
  }
  static void drop(void* slot) noexcept { std::destroy_at(static_cast<T*>(slot)); }

  template <void (*Move)(void*, void*)>
  static bool run(void* to, void* from, [[maybe_unused]] std::exception_ptr* error) noexcept {
    if constexpr (std::is_nothrow_move_constructible_v<T>) {
      Move(to, from);
    } else {
      try {
        Move(to, from);
      } catch (...) {
        *error = std::current_exception();
        return false;
      }
    }
    return true;
  }
};

template <std::size_t N>
inline constexpr element bytes_element{
    .kind = static_cast<slot_class>(std::bit_width(N)),
    .size = N,
    .align = N == 0 ? 1 : N,
    .put = nullptr,
    .take = nullptr,
    .hand = nullptr,
    .drop = nullptr,
};

template <class T>
inline constexpr element moved_element{
    .kind = std::is_nothrow_move_constructible_v<T> ? slot_class::moved : slot_class::throwing,
    .size = sizeof(T),
    .align = alignof(T),
    .put = mover<T>::template run<mover<T>::move_to_slot>,
    .take = mover<T>::template run<mover<T>::move_out>,
    .hand = mover<T>::template run<mover<T>::move_to_receiver>,
    .drop = mover<T>::drop,
};

template <class T>
constexpr const element* element_of() noexcept {
  if constexpr (is_bytes<slot_of<T>>) {
    return &bytes_element<slot_of<T>::size>;
  } else {
    return &moved_element<T>;
  }
}

// A sender's value in the form the core takes: the T itself, or its bytes padded to N.
template <class T>
class outgoing {
 public:
  outgoing() noexcept = default;
  explicit outgoing(T& value) noexcept { set(value); }
  void set(T& value) noexcept { value_ = std::addressof(value); }
  void* data() noexcept { return value_; }

 private:
  T* value_ = nullptr;
};

template <class T>
  requires(is_bytes<slot_of<T>>)
class outgoing<T> {
 public:
  outgoing() noexcept = default;
  explicit outgoing(const T& value) noexcept { set(value); }
  void set(const T& value) noexcept { std::memcpy(raw_, std::addressof(value), sizeof(T)); }
  void* data() noexcept { return raw_; }

 private:
  alignas(slot_of<T>::size) std::byte raw_[slot_of<T>::size] = {};
};

// Where a receiver wants its value, and the value once it has come.
template <class T>
class incoming {
 public:
  void* data() noexcept { return std::addressof(value_); }
  std::optional<T>&& get(bool) noexcept { return std::move(value_); }
  T& operator*() noexcept { return *value_; }
  void clear() noexcept { value_.reset(); }

 private:
  std::optional<T> value_;
};

template <class T>
  requires(is_bytes<slot_of<T>> && !std::is_void_v<T>)
class incoming<T> {
 public:
  void* data() noexcept { return raw_; }
  std::optional<T> get(bool arrived) noexcept {
    return arrived ? std::optional<T>(**this) : std::nullopt;
  }
  // A trivially copyable T lives in any memory that holds its bytes (C++20 implicit lifetimes).
  T& operator*() noexcept { return *std::launder(reinterpret_cast<T*>(raw_)); }
  void clear() noexcept {}

 private:
  alignas(T) alignas(slot_of<T>::size) std::byte raw_[slot_of<T>::size];
};

template <>
class incoming<void> {
 public:
  void* data() noexcept { return nullptr; }
  void clear() noexcept {}
};

}  // namespace weft::detail
