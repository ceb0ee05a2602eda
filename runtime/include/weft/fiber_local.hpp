// fiber_local<T>: the thread_local of fibers.
//
//   weft::fiber_local<int> depth;                        // T() in each fiber that touches it
//   weft::fiber_local<std::string> user([] { return std::string("nobody"); });
//   ++*depth;
//
// Each fiber has its own T, made at its first access and destroyed, in reverse order of making,
// when the fiber ends, on the fiber. A plain thread has its own as well, until it ends. T needs
// not be movable. The fiber_local itself may be static or not; when it is destroyed, values that
// fibers still have of it stay until those fibers end and can no longer be reached.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "weft/detail/export.hpp"

namespace weft {

namespace detail {

using destroy_fn = void (*)(void*) noexcept;

WEFT_API std::uint64_t new_local_key() noexcept;
// The calling fiber's (or thread's) value for the key, null if it has none yet.
WEFT_API void* find_local(std::uint64_t key) noexcept;
WEFT_API void add_local(std::uint64_t key, void* value, destroy_fn destroy);

}  // namespace detail

template <class T>
class fiber_local {
 public:
  fiber_local() : make_([] { return new T(); }) {}

  // make() returns the first value.
  template <class Make>
    requires std::is_invocable_r_v<T, Make&>
  explicit fiber_local(Make make)
      : make_([make = std::move(make)]() mutable { return new T(make()); }) {}

  fiber_local(const fiber_local&) = delete;
  fiber_local& operator=(const fiber_local&) = delete;

  // The calling fiber's value. The reference is good until the fiber ends, for that fiber only.
  T& get() {
    if (void* const found = detail::find_local(key_); found != nullptr) {
      return *static_cast<T*>(found);
    }
    std::unique_ptr<T> made(make_());
    detail::add_local(key_, made.get(), [](void* t) noexcept { delete static_cast<T*>(t); });
    return *made.release();
  }
  T& operator*() { return get(); }
  T* operator->() { return &get(); }

 private:
  std::uint64_t key_ = detail::new_local_key();
  std::function<T*()> make_;
};

}  // namespace weft
