#include "weft/error_group.hpp"

#include <atomic>
#include <optional>
#include <stdexcept>

#include "weft/detail/countdown.hpp"
#include "weft/semaphore.hpp"

namespace weft {

namespace detail {

// Atomics: failed  exchange relaxed: only decides who is first. The first error is written before
//                  its writer leaves the countdown, and read after wait().
class group_state {
 public:
  explicit group_state(weft::context parent) : group_state(with_cancel_cause(std::move(parent))) {}

  weft::context context;
  cancel_cause_function cancel;
  countdown members{0};
  std::optional<semaphore> limit;  // changed while there are no members only
  std::atomic<bool> failed{false};
  std::exception_ptr first_error;

 private:
  explicit group_state(std::pair<weft::context, cancel_cause_function> made)
      : context(std::move(made.first)), cancel(std::move(made.second)) {}
};

group_member::~group_member() {
  if (of_ != nullptr) {
    if (of_->limit) {
      of_->limit->release();
    }
    of_->members.add(-1);
  }
}

void group_member::fail(std::exception_ptr error) const noexcept {
  if (!of_->failed.exchange(true, std::memory_order_relaxed)) {
    of_->first_error = error;
    of_->cancel(std::move(error));
  }
}

}  // namespace detail

error_group::error_group(weft::context parent)
    : state_(std::make_shared<detail::group_state>(std::move(parent))) {}

error_group::~error_group() {
  state_->cancel();
  try {
    state_->members.wait(detail::wait_reason::error_group, true);
  } catch (const unwind&) {
    // Nothing can move any more; the members keep the state alive.
  }
}

weft::context error_group::context() const noexcept { return state_->context; }

detail::group_member error_group::enter() {
  if (state_->limit) {
    state_->limit->acquire();
  }
  state_->members.add(1);
  return detail::group_member(state_);
}

std::shared_ptr<detail::group_state> error_group::try_enter() {
  if (state_->limit && !state_->limit->try_acquire()) {
    return nullptr;
  }
  state_->members.add(1);
  return state_;
}

void error_group::set_limit(std::ptrdiff_t n) {
  if (!state_->members.is_zero()) {
    throw std::logic_error("weft::error_group: set_limit while functions of the group are running");
  }
  state_->limit.reset();
  if (n >= 0) {
    state_->limit.emplace(n);
  }
}

void error_group::wait() {
  state_->members.wait(detail::wait_reason::error_group, true);
  state_->cancel();
  if (state_->first_error != nullptr) {
    std::rethrow_exception(state_->first_error);
  }
}

}  // namespace weft
