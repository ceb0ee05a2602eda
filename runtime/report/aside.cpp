#include "runtime/report/aside.hpp"

#include <pthread.h>
#include <signal.h>

#include <cstddef>

namespace weft::detail {

namespace {

constexpr std::size_t stack_size = std::size_t{1} << 20;

struct call {
  void (*f)(void*);
  void* arg;
};

void* make_call(void* arg) {
  const call& c = *static_cast<const call*>(arg);
  c.f(c.arg);
  return nullptr;
}

}  // namespace

void run_aside(void (*f)(void*), void* arg) noexcept {
  call c{f, arg};
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, stack_size);
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread;
  const bool made = pthread_create(&thread, &attributes, make_call, &c) == 0;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
  if (made) {
    pthread_join(thread, nullptr);
  } else {
    f(arg);
  }
}

}  // namespace weft::detail
