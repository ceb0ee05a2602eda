// Why a fiber waits: said in dumps, counted in statistics.
#pragma once

#include <cstddef>
#include <cstdint>

namespace weft::detail {

enum class wait_reason : std::uint8_t {
  none,
  chan_send,
  chan_recv,
  nil_chan,
  select,
  select_forever,
  sleep,
  join,
  mutex,
  shared_mutex,
  condition_variable,
  wait_group,
  once,
  semaphore,
  latch,
  barrier,
  error_group,
  single_flight,
  timer,
  yield,
  count_,
};

const char* to_string(wait_reason) noexcept;

}  // namespace weft::detail
