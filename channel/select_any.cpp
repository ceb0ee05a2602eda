// Selects whose cases are known at run time only: they come as select_case objects.
#include <array>
#include <cstddef>
#include <memory>
#include <span>

#include "weft/detail/select_core.hpp"
#include "weft/select.hpp"

namespace weft {

namespace {

using namespace detail;

constexpr std::size_t few = 16;

// Memory for `count` cases: on the frame if they are few.
class select_room {
 public:
  explicit select_room(std::size_t count) {
    if (count > few) {
      heap_slots_ = std::make_unique<select_slot[]>(count);
      heap_order_ = std::make_unique_for_overwrite<chan_core*[]>(count);
    }
  }

  select_slot* slots() noexcept { return heap_slots_ ? heap_slots_.get() : slots_; }
  chan_core** order() noexcept { return heap_order_ ? heap_order_.get() : order_; }

 private:
  select_slot slots_[few];
  chan_core* order_[few];
  std::unique_ptr<select_slot[]> heap_slots_;
  std::unique_ptr<chan_core*[]> heap_order_;
};

}  // namespace

std::size_t select() {
  select_wait(nullptr, nullptr, 0, select_no_deadline);
  std::terminate();  // nobody can wake it, and stop() unwinds it
}

std::size_t select(std::span<select_case> cases) {
  select_room room(cases.size());
  for (std::size_t i = 0; i != cases.size(); ++i) {
    cases[i].arm(room.slots()[i]);
  }
  select_result result = select_poll(room.slots(), cases.size());
  if (result.index == select_result::none) {
    give_up last;
    for (std::size_t i = 0; i != cases.size(); ++i) {
      if (cases[i].case_ != nullptr && cases[i].case_->gives_up()) {
        last.consider(cases[i].case_->due(), i);
      }
    }
    result = select_wait(room.slots(), room.order(), cases.size(), last.due);
    if (result.index == select_result::none) {
      result.index = last.index;
    }
  }
  cases[result.index].case_->run(result.arrived);
  return result.index;
}

}  // namespace weft
