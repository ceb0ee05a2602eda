// WEFT_SCHEDTRACE: one line on what every P does, as Go's GODEBUG=schedtrace. It reads hints only
// and takes no lock: it must not change what it tells of.
#include <new>
#include <string>

#include "runtime/report/print.hpp"
#include "runtime/scheduler/report.hpp"
#include "runtime/scheduler/scheduler.hpp"

namespace weft::detail {

namespace {

std::string describe_schedule(std::int64_t ns_since_start) {
  constexpr std::int64_t ns_per_ms = 1'000'000;
  const int procs = sched.proc_count.load(std::memory_order_relaxed);
  std::string line = "SCHED " + std::to_string(ns_since_start / ns_per_ms) + "ms:";
  const auto field = [&line](const char* name, auto value) {
    line += ' ';
    line += name;
    line += '=' + std::to_string(value);
  };
  field("procs", procs);
  field("idleprocs", sched.idle.idle_count.load(std::memory_order_relaxed));
  field("threads", sched.m_count.load(std::memory_order_relaxed));
  field("spinningthreads", sched.idle.spinning.load(std::memory_order_relaxed));
  field("idlethreads", sched.spare_count.load(std::memory_order_relaxed));
  field("detached", sched.detached.load(std::memory_order_relaxed));
  field("runqueue", sched.global.size());
  for (int i = 0; i < procs; ++i) {
    const P* const p = sched.p_at(i);
    line += i == 0 ? " [" : " ";
    line += std::to_string(p != nullptr ? p->runnable() : 0);
  }
  return line += "]\n";
}

}  // namespace

void print_sched_trace(std::int64_t ns_since_start) noexcept {
  try {
    print_error(describe_schedule(ns_since_start));
  } catch (const std::bad_alloc&) {
    return;  // the next one may have better luck
  }
}

}  // namespace weft::detail
