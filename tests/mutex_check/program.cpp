// A program that holds pthread locks in one of several ways while its fibers wait, or does not.
// The name of the case is the argument; see CMakeLists.txt for what each must lead to.
#include <pthread.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdio>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <thread>
#include <weft/weft.hpp>

using namespace std::chrono_literals;

// Not in an anonymous namespace: a report can name only what the program exports.
namespace cases {

std::mutex mutex;
std::timed_mutex timed;
std::recursive_mutex recursive;
std::shared_mutex shared;

void nap() { weft::this_fiber::sleep_for(1ms); }

void clean() {
  for (int i = 0; i < 10; ++i) {
    { const std::scoped_lock hold(mutex, recursive); }
    if (timed.try_lock_for(1s)) {
      timed.unlock();
    }
    { const std::shared_lock hold(shared); }
    nap();
    weft::this_fiber::yield();
  }
}

// The thread itself may wait with a lock held, in the kernel or in the C library.
void threads_may_wait() {
  std::condition_variable changed;
  bool ready = false;
  std::thread other([&] {
    const std::scoped_lock hold(mutex);
    ready = true;
    changed.notify_one();
  });
  {
    std::unique_lock hold(mutex);
    changed.wait(hold, [&] { return ready; });
    weft::blocking([] { usleep(1000); });
  }
  other.join();
  nap();
  std::thread plain([] {
    const std::scoped_lock hold(mutex);
    weft::this_fiber::sleep_for(1ms);
  });
  plain.join();
}

// One place, however often it is called.
[[gnu::noinline]] void sleeps() {
  const std::scoped_lock hold(mutex);
  nap();
}

void receives() {
  weft::chan<int> numbers;
  weft::go([numbers] { numbers.send(1); });
  const std::scoped_lock hold(mutex);
  numbers.recv();
}

void yields() {
  weft::go([] {});
  const std::scoped_lock hold(mutex);
  weft::this_fiber::yield();
}

// A fiber that is joined before it has started is run by its joiner.
void joins() {
  weft::fiber<void> child = weft::spawn([] {});
  const std::scoped_lock hold(mutex);
  child.join();
}

void tries() {
  if (mutex.try_lock()) {
    nap();
    mutex.unlock();
  }
}

void tries_until() {
  if (timed.try_lock_for(1s)) {
    nap();
    timed.unlock();
  }
}

void locks_twice() {
  const std::scoped_lock outer(recursive);
  { const std::scoped_lock inner(recursive); }
  nap();
}

void reads() {
  const std::shared_lock hold(shared);
  nap();
}

void writes() {
  const std::unique_lock hold(shared);
  nap();
}

void sleeps_often() {
  const volatile int times = 5;  // or a compiler makes five places of it
  for (int i = 0; i < times; ++i) {
    sleeps();
  }
}

const std::map<std::string, void (*)()> all = {
    {"clean", clean},
    {"threads_may_wait", threads_may_wait},
    {"sleeps", sleeps},
    {"receives", receives},
    {"yields", yields},
    {"joins", joins},
    {"tries", tries},
    {"tries_until", tries_until},
    {"locks_twice", locks_twice},
    {"reads", reads},
    {"writes", writes},
    {"sleeps_often", sleeps_often},
};

}  // namespace cases

int main(int argc, char** argv) {
  alarm(30);
  const auto found = cases::all.find(argc > 1 ? argv[1] : "");
  if (found == cases::all.end()) {
    return 2;
  }
  // One P: nobody goes on on another thread, so that a program in the wrong still ends.
  weft::run(
      [body = found->second] {
        weft::this_fiber::set_name("holder");
        body();
      },
      {.procs = 1});
  std::puts("ended");
}
