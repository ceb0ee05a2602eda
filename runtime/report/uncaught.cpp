// An exception that leaves a detached fiber, reported while the stack is still as it was at the
// throw.
//
// The Itanium ABI raises an exception in two phases: first the frames are asked, innermost first,
// who will handle it; only then is anything unwound. Nothing in weft handles exceptions of detached
// fibers, so the question comes to the foot of the stack (fiber/foot.S), whose personality routine
// is below. It never answers: it reports, and aborts. Exceptions of spawned fibers, and
// weft::unwind, find their handlers before.
//
// std::terminate() called on a fiber, by a noexcept function for example, is told apart by nobody
// else either, so its handler is put in front of the program's from start() to stop(): it names the
// fiber, and goes on to the one before.
//
// Atomics: terminating  exchange acq_rel: whether the handler has come back to itself.
// Tested by: tests/unit/uncaught_test.cpp
#include "runtime/report/uncaught.hpp"

#include <cxxabi.h>
#include <unistd.h>
#include <unwind.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <string_view>
#include <typeinfo>

#include "runtime/fiber/foot.hpp"
#include "runtime/machine/backtrace.hpp"
#include "runtime/machine/symbols.hpp"
#include "runtime/report/aside.hpp"
#include "runtime/report/frames.hpp"
#include "runtime/report/print.hpp"
#include "runtime/scheduler/report.hpp"
#include "runtime/scheduler/scheduler.hpp"

namespace weft::detail {

namespace {

constinit std::terminate_handler handler_before = nullptr;
constinit std::atomic<bool> terminating{false};

// Of the exception that is being handled.
std::string describe_current_exception() {
  const std::type_info* const type = abi::__cxa_current_exception_type();
  std::string text = "  type:   ";
  text += type != nullptr ? demangled(type->name()) : "unknown";
  text += '\n';
  std::string what;
  try {
    throw;
  } catch (const std::exception& e) {
    what = e.what();
  } catch (const std::string& s) {
    what = s;
  } catch (const char* s) {
    what = s;
  } catch (...) {
    return text;
  }
  return text + "  what(): " + what + '\n';
}

std::string describe_foreign(std::uint64_t kind) {
  std::string letters;
  for (int shift = 56; shift >= 0; shift -= 8) {
    const char c = static_cast<char>(kind >> shift);
    letters += c >= ' ' && c <= '~' ? c : '.';
  }
  return "  type:   not of C++ (exception class \"" + letters + "\")\n";
}

// Frames of the functions that raise and end things stand above the one that is of interest.
bool raises(const std::string& function) {
  static constexpr std::array<std::string_view, 9> names = {"_Unwind_RaiseException",
                                                            "_Unwind_Resume_or_Rethrow",
                                                            "_Unwind_Resume",
                                                            "_Unwind_ForcedUnwind",
                                                            "__cxa_throw",
                                                            "__cxa_rethrow",
                                                            "__cxa_call_terminate",
                                                            "std::terminate()",
                                                            "__gxx_personality_v0"};
  return std::find(names.begin(), names.end(), function) != names.end() ||
         function.starts_with("std::rethrow_exception(");
}

std::size_t after_raising_frames(const backtrace& trace, symbols& names) {
  constexpr std::size_t at_most = 12;
  std::size_t first = 0;
  for (std::size_t i = 0; i < std::min(trace.size(), at_most); ++i) {
    if (raises(names.at(trace[i]).back().function)) {
      first = i + 1;
    }
  }
  return first;
}

void print_report(const std::string& head, const backtrace& trace) noexcept {
  run_aside([&] {
    print_error(head);
    symbols names;
    std::string frames;
    append_frames(frames, trace, names, after_raising_frames(trace, names));
    print_error(frames);
  });
}

std::string running_fiber_text() {
  std::string text = std::to_string(this_fiber::get_id());
  if (const std::string_view name = this_fiber_name(); !name.empty()) {
    text += " \"" + std::string(name) + '"';
  }
  return text;
}

[[noreturn]] void report_uncaught(const std::string& what) noexcept {
  backtrace trace;
  walk_own_stack(trace);
  print_report("fatal error: weft: an exception left the detached fiber " + running_fiber_text() +
                   '\n' + what + "Thrown at:\n",
               trace);
  std::abort();
}

[[noreturn]] void on_terminate() noexcept {
  const M* const m = current_m();
  if (terminating.exchange(true, std::memory_order_acq_rel)) {
    std::abort();
  }
  if (m != nullptr && m->running != nullptr) {
    backtrace trace;
    walk_own_stack(trace);
    print_report("fatal error: weft: std::terminate() in fiber " + running_fiber_text() + "\n",
                 trace);
  }
  if (handler_before != nullptr) {
    handler_before();
  }
  std::abort();
}

}  // namespace

void install_terminate_report() noexcept {
  if (std::get_terminate() != on_terminate) {
    handler_before = std::set_terminate(on_terminate);
  }
}

void remove_terminate_report() noexcept {
  if (std::get_terminate() == on_terminate) {
    std::set_terminate(handler_before);
  }
}

// For processors without a foot: the stack has been unwound by now.
void report_uncaught_and_abort() noexcept { report_uncaught(describe_current_exception()); }

}  // namespace weft::detail

// The question whether the foot of a fiber's stack handles an exception.
extern "C" [[gnu::used]] _Unwind_Reason_Code weft_foot_personality(int, _Unwind_Action actions,
                                                                   _Unwind_Exception_Class kind,
                                                                   _Unwind_Exception* exception,
                                                                   _Unwind_Context*) {
  using namespace weft::detail;
  if ((actions & _UA_SEARCH_PHASE) != 0) {
    // The last four letters of a C++ exception's class are "C++" and a number.
    constexpr std::uint64_t language = 0xffffff00;
    constexpr std::uint64_t cpp = 0x432b2b00;
    if ((kind & language) != cpp) {
      report_uncaught(describe_foreign(kind));
    }
    abi::__cxa_begin_catch(exception);
    report_uncaught(describe_current_exception());
  }
  if ((actions & _UA_FORCE_UNWIND) != 0) {
    report_uncaught("  type:   none: the thread was to end (pthread_exit, pthread_cancel)\n");
  }
  return _URC_CONTINUE_UNWIND;
}
