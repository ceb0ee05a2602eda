// A case of a select whose type is forgotten: for selects whose cases are known at run time only.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "weft/detail/chan_handle.hpp"
#include "weft/detail/export.hpp"
#include "weft/detail/select_case.hpp"

namespace weft::detail {

class any_case {
 public:
  virtual ~any_case() = default;
  // The core's view of it. Cases that are not of a channel are never ready by themselves.
  virtual void arm(select_slot&) {}
  // Whether, and when, a select that waits gives up in favour of this case.
  virtual bool gives_up() const noexcept { return false; }
  virtual std::int64_t due() const noexcept { return select_no_deadline; }
  virtual void run(bool arrived) = 0;
};

template <class T, class H>
class any_recv final : public any_case {
 public:
  template <class F>
  explicit any_recv(const recv_case<T, F>& c)
      : keep_(chan_handle::retain(c.core())),
        handler_(c.handler()),
        case_(keep_.core(), handler_) {}
  void arm(select_slot& s) override { case_.arm(s); }
  void run(bool arrived) override { case_.run(arrived); }

 private:
  chan_handle keep_;
  H handler_;
  recv_case<T, H&> case_;
};

// The value stays the caller's: each select sends what the variable holds then.
template <class T, class H>
class any_send_variable final : public any_case {
 public:
  template <class F>
  explicit any_send_variable(const send_case<T, T&, F>& c)
      : keep_(chan_handle::retain(c.core())),
        handler_(c.handler()),
        case_(keep_.core(), c.value(), handler_) {}
  void arm(select_slot& s) override { case_.arm(s); }
  void run(bool arrived) override { case_.run(arrived); }

 private:
  chan_handle keep_;
  H handler_;
  send_case<T, T&, H&> case_;
};

// The value belongs to the case. If it can be copied, each select sends a copy; if not, the case
// is never ready again once its value is gone.
template <class T, class H>
class any_send_value final : public any_case {
 public:
  template <class F>
  explicit any_send_value(const send_case<T, T&&, F>& c)
      : keep_(chan_handle::retain(c.core())),
        handler_(c.handler()),
        next_(std::in_place, std::move(c.value())) {
    if constexpr (std::copy_constructible<T>) {
      original_.emplace(*next_);
    }
  }
  void arm(select_slot& s) override {
    if constexpr (std::copy_constructible<T>) {
      if (!next_) {
        next_.emplace(*original_);
      }
    }
    if (next_ && keep_.core() != nullptr) {
      cargo_.set(*next_);
      s.core = keep_.core();
      s.value = cargo_.data();
      s.op = select_op::send;
    }
  }
  void run(bool) override {
    next_.reset();
    handler_();
  }

 private:
  chan_handle keep_;
  H handler_;
  std::optional<T> original_;
  std::optional<T> next_;
  outgoing<T> cargo_;
};

template <class H>
class any_send_void final : public any_case {
 public:
  template <class F>
  explicit any_send_void(const send_case<void, void, F>& c)
      : keep_(chan_handle::retain(c.core())),
        handler_(c.handler()),
        case_(keep_.core(), handler_) {}
  void arm(select_slot& s) override { case_.arm(s); }
  void run(bool arrived) override { case_.run(arrived); }

 private:
  chan_handle keep_;
  H handler_;
  send_case<void, void, H&> case_;
};

template <class When, class H>
class any_deadline final : public any_case {
 public:
  template <class F>
  explicit any_deadline(const deadline_case<When, F>& c)
      : handler_(c.handler()), case_(c.when(), handler_) {}
  bool gives_up() const noexcept override { return true; }
  std::int64_t due() const noexcept override { return case_.due(); }
  void run(bool arrived) override { case_.run(arrived); }

 private:
  H handler_;
  deadline_case<When, H&> case_;
};

template <class H>
class any_otherwise final : public any_case {
 public:
  template <class F>
  explicit any_otherwise(const otherwise_case<F>& c) : handler_(c.handler()) {}
  bool gives_up() const noexcept override { return true; }
  std::int64_t due() const noexcept override { return select_at_once; }
  void run(bool) override { handler_(); }

 private:
  H handler_;
};

template <class T, class F>
std::shared_ptr<any_case> forget_type(const recv_case<T, F>& c) {
  return std::make_shared<any_recv<T, std::decay_t<F>>>(c);
}
template <class T, class F>
std::shared_ptr<any_case> forget_type(const send_case<T, T&, F>& c) {
  return std::make_shared<any_send_variable<T, std::decay_t<F>>>(c);
}
template <class T, class F>
std::shared_ptr<any_case> forget_type(const send_case<T, T&&, F>& c) {
  return std::make_shared<any_send_value<T, std::decay_t<F>>>(c);
}
template <class F>
std::shared_ptr<any_case> forget_type(const send_case<void, void, F>& c) {
  return std::make_shared<any_send_void<std::decay_t<F>>>(c);
}
template <class When, class F>
std::shared_ptr<any_case> forget_type(const deadline_case<When, F>& c) {
  return std::make_shared<any_deadline<When, std::decay_t<F>>>(c);
}
template <class F>
std::shared_ptr<any_case> forget_type(const otherwise_case<F>& c) {
  return std::make_shared<any_otherwise<std::decay_t<F>>>(c);
}

}  // namespace weft::detail
