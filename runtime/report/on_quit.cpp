// A handler can do next to nothing, so it wakes a thread that waits for that and for the end.
//
// Atomics: ending  written by remove: release; read by the thread: acquire, after a wake.
//          done    written by the thread: release; read by tests: acquire.
// Tested by: tests/unit/dump_signal_test.cpp
#include "runtime/report/on_quit.hpp"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "runtime/machine/chained_signal.hpp"
#include "runtime/machine/platform.hpp"
#include "runtime/report/dump.hpp"
#include "runtime/report/print.hpp"

namespace weft::detail {

namespace {

sem_t wakes;
constinit chained_signal quit;
constinit std::atomic<bool> ending{false};
constinit std::atomic<std::uint32_t> done{0};
pthread_t dumper;
std::atomic<int> dumper_id{0};
bool running_dumper = false;

void on_quit(int, siginfo_t*, void*) {
  const int saved = errno;
  sem_post(&wakes);
  errno = saved;
}

void* dump_when_woken(void*) noexcept {
  prepare_runtime_thread("weft-dump");
  dumper_id.store(current_thread_id(), std::memory_order_relaxed);
  for (;;) {
    while (sem_wait(&wakes) != 0) {
    }
    if (ending.load(std::memory_order_acquire)) {
      return nullptr;
    }
    print_error(dump_text());
    done.fetch_add(1, std::memory_order_release);
  }
}

bool is_wanted() noexcept {
  const char* const text = std::getenv("WEFT_DUMP");
  return text != nullptr && std::strcmp(text, "1") == 0;
}

}  // namespace

int report_thread_id() noexcept { return dumper_id.load(std::memory_order_relaxed); }

void install_quit_dump() noexcept {
  if (!is_wanted()) {
    return;
  }
  ending.store(false, std::memory_order_relaxed);
  sem_init(&wakes, 0, 0);
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  running_dumper = pthread_create(&dumper, nullptr, dump_when_woken, nullptr) == 0;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (running_dumper) {
    quit.install(SIGQUIT, on_quit);
  } else {
    print_error("weft: no thread for WEFT_DUMP: SIGQUIT does what it did before\n");
  }
}

void remove_quit_dump() noexcept {
  if (!running_dumper) {
    return;
  }
  quit.remove();
  ending.store(true, std::memory_order_release);
  sem_post(&wakes);
  pthread_join(dumper, nullptr);
  running_dumper = false;
}

void forget_quit_dump() noexcept {
  if (std::exchange(running_dumper, false)) {
    quit.remove();
  }
}

std::uint32_t quit_dumps() noexcept { return done.load(std::memory_order_acquire); }

}  // namespace weft::detail
